# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong `equivalent`: what macros of the kernel compute where types are narrow or odd.

(include/linux/compiler.h, minmax.h, align.h, pfn.h, nospec.h, asm-generic/bug.h.)
"""

from __future__ import annotations

import pytest
from tests.equivalence.differing import DEV, NEW_DEV, differ, unproven
from tests.equivalence.kit import judge, old_side

from premap.equivalence.comparison import verify
from premap.records import Verdict

START = "struct dev *d = file->private_data; "


def compare(one: str, other: str) -> Verdict:
    """Compare two conditions; numbers of all types are in reach."""
    types = "u8 b = d->limit; u16 h = d->limit; (void)b; (void)h; "
    sides = (old_side(f"{START}{types}return {each} ? -EINVAL : 0;") for each in (one, other))
    return verify(*sides, time_limit=15)


SAME = [
    ("likely(d->limit) == 1", "d->limit != 0"),
    ("unlikely(d->size & 12) == 4", "0"),
    ("clamp(d->limit, 5u, 3u) == 3", "d->limit >= 3"),
    ("clamp(d->limit, 5u, 3u) == 5", "d->limit < 3"),
    ("clamp_val(b, 5, 300) == 44", "b >= 44"),
    ("umin(d->ro, 1UL << 32) == 0xffffffffUL", "d->ro == -1"),
    ("umax(d->ro, 1UL << 32) == 1UL << 32", "1"),
    ("PFN_DOWN(d->ro) < 0", "d->ro < 0"),
    ("PFN_DOWN(d->limit) - 1 > 0xffffffffUL", "0"),
    ("PHYS_PFN(d->limit) - 1 > 0xffffffffUL", "d->limit < PAGE_SIZE"),
    ("array_index_nospec(d->limit, 8) == 9", "0"),
    ("array_index_nospec(d->limit, 8) == 0", "d->limit == 0 || d->limit >= 8"),
    ("ALIGN(h, 0x10000) == 0", "1"),
]
WRONG = [
    ("likely(d->limit) == 1", "d->limit == 1"),
    ("unlikely(d->size & 12) == 4", "(d->size & 12) == 4"),
    ("clamp(d->limit, 5u, 3u) == 3", "1"),
    ("clamp_val(b, 5, 300) == 44", "0"),
    ("umin(d->ro, 1UL << 32) == 1UL << 32", "d->ro < 0"),
    ("PFN_DOWN(d->ro) < 0", "0"),
    ("PFN_DOWN(d->limit) - 1 > 0xffffffffUL", "d->limit < PAGE_SIZE"),
    ("array_index_nospec(d->limit, 8) == 9", "d->limit == 9"),
    ("ALIGN(h, 0x10000) == 0", "h == 0"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_they_are(one: str, other: str) -> None:
    verdict = compare(one, other)
    assert verdict.status == "equivalent", verdict


@pytest.mark.parametrize(("one", "other"), WRONG)
def test_what_they_are_not(one: str, other: str) -> None:
    verdict = compare(one, other)
    assert verdict.status == "different", verdict


class TestWarnings:
    """The text of a warning, and what is evaluated for it."""

    OLD = "struct dev *d = file->private_data; "
    NEW = "struct dev *d = desc->file->private_data; "

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('WARN(d->ro, "a");', 'WARN(d->ro, "b");'),
            ('WARN(d->ro, "%d", d->limit);', 'WARN(d->ro, "%u", d->limit);'),
            ('WARN(d->ro, "%lu", d->size);', 'WARN(d->ro, "%lu", d->count);'),
            ('WARN(d->ro, "%lu", d->count++);', 'WARN(d->ro, "%lu", d->count);'),
            ("WARN_ON(d->ro);", "WARN_ON_ONCE(d->ro);"),
        ],
    )
    def test_other_warnings(self, old: str, new: str) -> None:
        differ(f"{self.OLD}{old} return 0;", f"{self.NEW}{new} return 0;")

    def test_an_argument_that_may_not_be_evaluated(self) -> None:
        body = 'WARN_ONCE(d->ro, "%lu", d->count++); return 0;'
        verdict = judge(self.OLD + body, self.NEW + body)
        assert verdict.status == "unknown", verdict


class TestCacheModes:
    """x86-64 combines the bits of one that is put over another."""

    HOOK = "{0} = {1}; return 0;"

    def verdict(self, old: str, new: str) -> str:
        return judge(
            self.HOOK.format("vma->vm_page_prot", old.format("vma->vm_page_prot")),
            self.HOOK.format("desc->page_prot", new.format("desc->page_prot")),
        ).status

    OVER = "pgprot_noncached(pgprot_writecombine({}))"

    def test_over_another(self) -> None:
        assert self.verdict(self.OVER, self.OVER) == "equivalent"
        assert self.verdict(self.OVER, "pgprot_noncached({})") == "different"
        assert self.verdict("pgprot_noncached({})", self.OVER) == "different"

    def test_over_itself(self) -> None:
        assert self.verdict("pgprot_noncached(pgprot_noncached({}))", "pgprot_noncached({})") == (
            "equivalent"
        )

    def test_beside_what_is_none(self) -> None:
        one, other = "pgprot_nx(pgprot_noncached({}))", "pgprot_noncached(pgprot_nx({}))"
        assert self.verdict(one, other) == "equivalent"


class TestEvaluatedSeldom:
    """What only some kernels, or only the first call, evaluate."""

    TAKE = "static int take(struct dev *d) { return ++d->count; }\n"

    @pytest.mark.parametrize("name", ["pr_debug", "pr_info_once", "dev_dbg_ratelimited"])
    def test_a_message_whose_argument_writes(self, name: str) -> None:
        unproven(
            DEV + f'{name}(d->cookie, "%d", take(d)); return 0;',
            NEW_DEV + f'int r = take(d); {name}(d->cookie, "%d", r); return 0;',
            "may not evaluate an argument that changes",
            self.TAKE,
        )

    def test_a_warning_whose_argument_takes(self) -> None:
        unproven(
            DEV + 'WARN_ONCE(d->ro, "%d", atomic_inc_return(d->cookie)); return 0;',
            NEW_DEV + 'if (d->ro) { int n = atomic_inc_return(d->cookie); WARN_ONCE(1, "%d", n); }'
            " return 0;",
            "may not evaluate an argument that changes",
        )

    @pytest.mark.parametrize("name", ["VM_BUG_ON", "VM_WARN_ON_ONCE"])
    @pytest.mark.parametrize("what", ["d->count++", "take(d)"])
    def test_a_check_for_developers_that_writes(self, name: str, what: str) -> None:
        unproven(DEV + f"{name}({what} > 5); return 0;", "return 0;", "DEBUG_VM", self.TAKE)

    def test_a_check_of_locks_that_writes(self) -> None:
        unproven(
            DEV + "lockdep_assert(take(d) > 5); return 0;",
            NEW_DEV + "take(d); return 0;",
            "may not evaluate an argument that changes",
            self.TAKE,
        )

    def test_one_that_only_reads(self) -> None:
        verdict = judge(DEV + "VM_BUG_ON(d->count > 5); return 0;", "return 0;")
        assert verdict.status == "equivalent"
