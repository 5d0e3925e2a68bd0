# SPDX-License-Identifier: GPL-2.0-only
"""State that a hook sets before there is a mapping: what may stay, and what must not."""

from __future__ import annotations

import pytest

from premap.conversion import convert_file
from premap.csource.source import SourceFile
from premap.equivalence import verify_conversion
from premap.records import Verdict

DRIVER = """
struct ring {{ int called; int count; struct mm_struct *owner; struct mutex lock; }};
static const struct vm_operations_struct ring_vm_ops = {{ .fault = ring_fault }};

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{{
	struct ring *ring = file->private_data;

	mutex_lock(&ring->lock);
	{body}
	mutex_unlock(&ring->lock);
	{after}
	vm_flags_set(vma, {flags});
	vma->vm_ops = &ring_vm_ops;
	return 0;
}}

static const struct file_operations ring_fops = {{
	.mmap = ring_mmap,
}};
"""


def verdict(body: str, after: str = "", flags: str = "VM_IO") -> Verdict:
    text = DRIVER.format(body=body, after=after, flags=flags)
    source = SourceFile("ring.c", text.encode())
    [found] = convert_file(source, None, "7.3")
    return verify_conversion(found, source, None, "7.3")


@pytest.mark.parametrize("flags", ["VM_IO", "VM_DONTDUMP"])
class TestUnderALock:
    """With VM_DONTDUMP alone the mapping may merge with the one before it."""

    @pytest.mark.parametrize(
        "body",
        [
            "ring->called = 1;",
            "if (!ring->owner)\n\t\tring->owner = current->mm;",
            "ring->called = vma->vm_end > vma->vm_start;",
        ],
    )
    def test_what_is_set_once_and_for_all_may_stay(self, body: str, flags: str):
        found = verdict(body, flags=flags)
        assert found.status == "equivalent-except"
        assert "state-before-failure" in [difference.id for difference in found.differences]

    @pytest.mark.parametrize(
        "body",
        [
            "ring->count = ring->count + 1;",
            "ring->count = ring->called; ring->called = ring->count + 1;",
            "if (ring->count == 0)\n\t\tring->count = 1;\n\telse\n\t\tring->count = 2;",
        ],
    )
    def test_a_count_must_not(self, body: str, flags: str):
        assert verdict(body, flags=flags).status == "different"

    def test_what_an_unknown_call_may_read_is_no_proof(self, flags: str):
        found = verdict("ring->called = 1;", after="ring_kick(ring);", flags=flags)
        assert found.status in {"different", "unknown"}


class TestThatDecidesAboutTheNextCall:
    def test_with_a_lock(self):
        body = (
            "if (ring->called) {\n\t\tmutex_unlock(&ring->lock);\n\t\treturn -EBUSY;\n\t}\n"
            "\tring->called = 1;"
        )
        assert verdict(body).status == "different"

    def test_without_one(self):
        after = "if (ring->called)\n\t\treturn -EBUSY;\n\tring->called = 1;"
        assert verdict("", after=after).status == "different"
