# SPDX-License-Identifier: GPL-2.0-only
"""Variables that a pointer leads to after their block was left: their content is nobody's."""

from __future__ import annotations

import pytest
from tests.equivalence.kit import judge

OLD = "struct dev *d = file->private_data; "
NEW = "struct dev *d = desc->file->private_data; "
EXTRA = """
struct two { struct dev *of; long number; };
static long *kept(long given) { long *p = &given; return p; }
static struct two made(struct dev *of) { struct two t = { .of = of, .number = 2 }; return t; }
static long read_only(const long *p) { return *p; }
"""
MAPPED = """
struct two { struct dev *of; long number; };
static int own_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		const struct file *file, void **private_data)
{
	struct two *two = *private_data;

	two->of->count += two->number;
	*private_data = two->of;
	return 0;
}
static const struct vm_operations_struct own_ops = { .fault = ring_fault, .mapped = own_mapped };
"""
UNMAPPED = "static const struct vm_operations_struct own_ops = { .fault = ring_fault };\n"


def status(old: str, new: str) -> str:
    return judge(f"{OLD}{old} return 0;", f"{NEW}{new} return 0;", EXTRA).status


class TestGone:
    @pytest.mark.parametrize(
        "body",
        [
            "d->count = *kept(d->ro);",
            "long *p; { long x = d->ro; p = &x; } d->count = *p;",
            "struct two *p; { p = &(struct two){ .number = d->ro }; } d->count = p->number;",
            "long *p = 0; while (!p) { long x = d->ro; p = &x; } d->count = *p;",
        ],
    )
    def test_only_the_new_one_reads_it(self, body: str) -> None:
        assert status("d->count = d->ro;", body) == "different"

    def test_mapped_reads_what_the_hook_had(self) -> None:
        old = "d->count += 2; vma->vm_private_data = d; vma->vm_ops = &own_ops; return 0;"
        new = (
            "struct two two = { .of = d, .number = 2 };"
            " desc->private_data = &two; desc->vm_ops = &own_ops; return 0;"
        )
        found = judge(OLD + old, NEW + new, UNMAPPED, MAPPED)
        assert not found.status.startswith("equivalent")


class TestAlive:
    @pytest.mark.parametrize(
        "body",
        [
            "d->count = made(d).number;",
            "long x = 2; d->count = read_only(&x);",
            "long *p; { long x = 2; p = &x; d->count = *p; }",
            "struct two t; { t = (struct two){ .number = 2 }; } d->count = t.number;",
            "d->count = ({ long x = 2; long *p = &x; *p; });",
        ],
    )
    def test_what_is_read_in_time(self, body: str) -> None:
        assert status("d->count = 2;", body).startswith("equivalent")

    def test_what_unknown_code_was_given_before(self) -> None:
        """A later call can't write a variable of a block that was left."""
        body = (
            "long r; { long x = 2; fill(d, &x); r = x; }"
            " fill(d, 0); if (r > look(d)) return -EINVAL;"
        )
        found = judge(f"{OLD}{body} return 0;", f"{NEW}{body} return 0;", EXTRA)
        assert found.status.startswith("equivalent")

    def test_unless_it_is_given_that_again(self) -> None:
        body = "long *p; { long x = 2; p = &x; fill(d, p); } fill(d, p);"
        found = judge(f"{OLD}{body} return 0;", f"{NEW}{body} return 0;", EXTRA)
        assert not found.status.startswith("equivalent")
