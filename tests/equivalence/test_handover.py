# SPDX-License-Identifier: GPL-2.0-only
"""Legacy hooks that hand their VMA to code that is not followed."""

from __future__ import annotations

import functools

import pytest
from tests.equivalence.kit import new_side, old_side

from premap.equivalence.comparison import verify
from premap.records import Verdict

PLAIN = "\treturn lower_mmap(file->private_data, vma);"
BEFORE = """\
	int err;

	vm_flags_set(vma, VM_DONTEXPAND);
	err = lower_mmap(file->private_data, vma);
	if (err)
		return err;
	return 0;"""


@functools.cache
def judge(old: str, new: str) -> Verdict:
    """Compare two legacy hooks."""
    return verify(old_side(old), old_side(new), time_limit=15)


class TestTheSame:
    @pytest.mark.parametrize(
        "body",
        [
            PLAIN,
            BEFORE,
            "\treturn file->private_data ? ((struct dev *)file->private_data)->map(vma) : -ENODEV;",
            "\tlower_mmap(file, vma);\n\treturn vma->vm_flags & VM_IO ? -EINVAL : 0;",
        ],
    )
    def test_is_equivalent(self, body: str) -> None:
        verdict = judge(body, body)
        assert verdict.status == "equivalent", verdict

    def test_the_bounds_say_what_is_assumed(self) -> None:
        assert any("lower_mmap(), which gets the mapping" in b for b in judge(PLAIN, PLAIN).bounds)


class TestDifferencesAround:
    @pytest.mark.parametrize(
        "new",
        [
            BEFORE.replace("VM_DONTEXPAND", "VM_DONTDUMP"),
            BEFORE.replace("\tvm_flags_set(vma, VM_DONTEXPAND);\n", ""),
            BEFORE.replace("lower_mmap(file->private_data", "lower_mmap(file"),
            BEFORE.replace("lower_mmap", "other_mmap"),
            BEFORE.replace("return err;", "return -EIO;"),
            BEFORE.replace("return 0;", "vm_flags_set(vma, VM_DONTDUMP);\n\treturn 0;"),
            BEFORE.replace("return 0;", "vm_flags_clear(vma, VM_IO);\n\treturn 0;"),
            BEFORE.replace("return 0;", "vma->vm_pgoff = 0;\n\treturn 0;"),
            BEFORE.replace("return 0;", "vma->vm_ops = &ring_vm_ops;\n\treturn 0;"),
            BEFORE.replace("return 0;", "vma->vm_private_data = file;\n\treturn 0;"),
            BEFORE.replace(
                "\tint err;\n", "\tint err;\n\n\tvma->vm_page_prot = vm_get_page_prot(0);"
            ),
            BEFORE.replace("\tint err;\n", "\tint err;\n\n\tvma->vm_private_data = file;"),
            BEFORE.replace("\tint err;\n", "\tint err;\n\n\tvma->vm_ops = &ring_vm_ops;"),
        ],
    )
    def test_are_found(self, new: str) -> None:
        verdict = judge(BEFORE, new)
        assert verdict.status == "different", verdict

    def test_what_was_mapped_before_counts(self) -> None:
        text = """\
	if (remap_pfn_range(vma, vma->vm_start, {}, PAGE_SIZE, vma->vm_page_prot))
		return -EAGAIN;
	return lower_mmap(file, vma);"""
        assert judge(text.format(7), text.format(7)).status == "equivalent"
        assert judge(text.format(7), text.format(8)).status == "different"


class TestNotHandedOver:
    def test_to_a_descriptor_nothing_is_lent(self) -> None:
        new = new_side("\treturn lower_mmap_prepare(desc->file->private_data, desc);")
        verdict = verify(old_side(PLAIN), new, time_limit=15)
        assert verdict.status == "unknown"
        assert "gets the mapping" in str(verdict.reason)

    def test_a_file_that_may_have_been_replaced_is_not_read(self) -> None:
        body = """\
	lower_mmap(file, vma);
	if (!vma->vm_file->private_data)
		return -EINVAL;
	return 0;"""
        verdict = judge(body, body)
        assert verdict.status == "unknown"
        assert "vm_file is read after lower_mmap()" in str(verdict.reason)
