# SPDX-License-Identifier: GPL-2.0-only
"""What ->close does after an action that failed, for which ->mapped did not run."""

from __future__ import annotations

import pytest
from tests.equivalence.kit import judge

from premap.records import Verdict

CALLBACKS = """
static void k_close(struct vm_area_struct *vma)
{
	struct dev *dev = vma->vm_private_data;

	%s
}
%s
static const struct vm_operations_struct k_ops = { .close = k_close, %s };
"""
MAPPED = """
static int k_mapped(unsigned long start, unsigned long end, pgoff_t pgoff, const struct file *file,
			void **vm_private_data)
{
	struct dev *dev = file->private_data;

	%s
	return 0;
}
"""
REMAP = "remap_pfn_range(vma, vma->vm_start, 5, vma->vm_end - vma->vm_start, vma->vm_page_prot);"


def verdict(before: str, close: str, mapped: str, *, marked: bool = False) -> Verdict:
    """Compare a hook that ignores whether pages were mapped; `before` moved into ->mapped."""
    data = "" if marked else "desc->private_data = dev; "
    return judge(
        "struct dev *dev = file->private_data; vma->vm_ops = &k_ops;"
        f" vma->vm_private_data = dev; {before} {REMAP} return 0;",
        "struct dev *dev = desc->file->private_data; desc->vm_ops = &k_ops;"
        f" {data}mmap_action_remap_full(desc, 5); return 0;",
        CALLBACKS % (close, "", ""),
        CALLBACKS % (close, MAPPED % mapped, ".mapped = k_mapped,"),
    )


class TestWhereTheResultWasIgnored:
    """The old mapping was there without pages, and ->close came with its end."""

    def test_a_reference_that_was_never_taken(self) -> None:
        take = "pm_runtime_get_sync(dev->cookie);"
        found = verdict(take, "pm_runtime_put(dev->cookie);", take)
        assert found.status == "different", found
        assert [difference.id for difference in found.differences] == ["events"]

    def test_a_count_that_was_never_raised(self) -> None:
        found = verdict("dev->limit++;", "dev->limit--;", "dev->limit++;")
        assert found.status == "different", found
        assert [difference.id for difference in found.differences] == ["state"]

    @pytest.mark.parametrize(
        ("before", "close"),
        [
            ("dev->limit++;", "if (dev) dev->limit--;"),
            ("pm_runtime_get_sync(dev->cookie);", "if (dev) pm_runtime_put(dev->cookie);"),
        ],
    )
    def test_a_close_that_tells_whether_mapped_ran(self, before: str, close: str) -> None:
        found = verdict(before, close, f"{before} *vm_private_data = dev;", marked=True)
        assert found.status == "equivalent-except", found
        assert "close-after-failed-action" in {difference.id for difference in found.differences}


class TestMembersOfTheTable:
    """All that the operations name no more, or name another function for, is told."""

    TABLE = "static const struct vm_operations_struct own_ops = {{ .fault = own_fault, {} }};\n"
    BODIES = ("vma->vm_ops = &own_ops; return 0;", "desc->vm_ops = &own_ops; return 0;")

    def _told(self, before: str, after: str) -> str:
        found = judge(*self.BODIES, self.TABLE.format(before), self.TABLE.format(after))
        assert found.status == "equivalent-except"
        (told,) = found.differences
        assert told.id == "callbacks-differ"
        return told.message

    def test_that_are_gone(self) -> None:
        told = self._told(".open = own_open, .close = own_close", "")
        assert "->open is gone" in told
        assert "->close is gone" in told

    def test_that_are_other_functions(self) -> None:
        told = self._told(".mremap = own_mremap", ".mremap = other_mremap, .access = own_access")
        assert "->mremap is another function" in told
        assert "->access is new" in told
