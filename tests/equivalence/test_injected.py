# SPDX-License-Identifier: GPL-2.0-only
"""What shows only where something fails after the hook: page tables, frames, action, ->mapped."""

from __future__ import annotations

import pytest
from tests.equivalence.kit import DRIVER, judge

from premap.csource.source import SourceFile
from premap.equivalence.api import Member, side
from premap.equivalence.comparison import verify
from premap.records import Verdict

REMAP = "remap_pfn_range(vma, vma->vm_start, 5, vma->vm_end - vma->vm_start, vma->vm_page_prot)"
ACTION = "mmap_action_remap_full(desc, 5);"


def alike(member: Member, old: str, new: str, extra: str = "", new_extra: str = "") -> Verdict:
    """Compare two versions of a hook of one kind."""
    heads = {
        "mmap": "static int ring(struct file *file, struct vm_area_struct *vma)\n{\n"
        "\tstruct dev *d = file->private_data;\n",
        "mmap_prepare": "static int ring(struct vm_area_desc *desc)\n{\n"
        "\tstruct dev *d = desc->file->private_data;\n",
    }
    texts = ((old, extra), (new, new_extra or extra))
    files = [
        SourceFile("ring.c", f"{DRIVER}{before}{heads[member]}{body}\n}}\n".encode())
        for body, before in texts
    ]
    return verify(*(side(file, "ring", member, None) for file in files), time_limit=15)


def shown_where(verdict: Verdict, setting: str) -> str:
    """Assert that it is `different`, by one difference in this setting; return its id."""
    assert verdict.status == "different", verdict
    (difference,) = verdict.differences
    assert difference.example is not None
    assert setting in difference.example["setting"]
    return difference.id


class TestFramesThatAreRefused:
    OLD = f"int ret = {REMAP}; if (ret == -ENOMEM) return -EAGAIN; return ret;"

    def test_an_errno_of_the_allocation_alone(self) -> None:
        found = judge(self.OLD, f"{ACTION} desc->action.error_override = -EAGAIN; return 0;")
        assert shown_where(found, "the page frames are refused") == "return-value"

    def test_every_errno(self) -> None:
        old = f"if ({REMAP}) return -EAGAIN; return 0;"
        found = judge(old, f"{ACTION} desc->action.error_override = -EAGAIN; return 0;")
        assert found.status == "equivalent", found

    def test_the_errno_itself(self) -> None:
        assert judge(f"return {REMAP};", f"{ACTION} return 0;").status == "equivalent"

    def test_a_call_that_replays(self) -> None:
        found = judge(self.OLD, f"{ACTION} desc->action.error_override = -EAGAIN; return 0;")
        example = found.differences[0].example or {}
        assert "--inject page_table:EINVAL" in example["run"]["old"]
        assert (example["old"]["returns"], example["new"]["returns"]) == ("-EINVAL", "-EAGAIN")


class TestTheSecondPageTable:
    HALVES = (
        "int ret; if (vma->vm_end - vma->vm_start != 8192) return -EINVAL;"
        " ret = remap_pfn_range(vma, vma->vm_start, d->phys, 4096, vma->vm_page_prot);"
        " if (ret) return ret;"
        " ret = remap_pfn_range(vma, vma->vm_start + 4096, d->size, 4096, vma->vm_page_prot);"
    )

    @pytest.mark.parametrize(
        ("late", "id_"),
        [
            (" if (ret) return -EAGAIN; return 0;", "return-value"),
            (" if (ret) d->count = 0; return ret;", "state"),
            (" if (ret) pm_runtime_put(d->cookie); return ret;", "events"),
        ],
    )
    def test_what_is_done_where_it_fails(self, late: str, id_: str) -> None:
        found = alike("mmap", self.HALVES + " return ret;", self.HALVES + late)
        assert shown_where(found, "the second page table") == id_

    def test_pages_that_are_mapped_one_by_one_and_now_at_once(self) -> None:
        found = judge(
            "struct dev *d = file->private_data; unsigned long i; int ret;"
            " if (is_cow_mapping(vma->vm_flags)) return -EINVAL;"
            " if (vma->vm_end - vma->vm_start != 8192) return -EINVAL;"
            " for (i = 0; i < 2; i++) {"
            " ret = remap_pfn_range(vma, vma->vm_start + i * 4096, d->phys + i, 4096,"
            " vma->vm_page_prot); if (ret) return ret; } return 0;",
            "struct dev *d = desc->file->private_data;"
            " if (vma_desc_is_cow_mapping(desc)) return -EINVAL;"
            " if (vma_desc_size(desc) != 8192) return -EINVAL;"
            " mmap_action_remap_full(desc, d->phys); return 0;",
        )
        assert found.status.startswith("equivalent"), found

    def test_nothing_is_done(self) -> None:
        late = " if (ret) return ret; return 0;"
        found = alike("mmap", self.HALVES + " return ret;", self.HALVES + late)
        assert found.status == "equivalent", found


CLOSES = """
static void k_close(struct vm_area_struct *vma)
{
	struct dev *d = vma->vm_private_data;

	%s
}
static int k_mapped(unsigned long start, unsigned long end, pgoff_t pgoff, const struct file *file,
			void **vm_private_data)
{
	struct dev *d = file->private_data;

	%s
	return 0;
}
static const struct vm_operations_struct k_ops = { .close = k_close, .mapped = k_mapped, };
"""
SET = "desc->vm_ops = &k_ops; desc->private_data = d; "
PUT = "pm_runtime_put(d->cookie);"
MARKED = "if (d->limit) pm_runtime_put(d->cookie); d->limit = 0;"


class TestBetweenTwoHooksThatPrepare:
    """An action or ->mapped that fails has ->close called on a mapping that is not complete."""

    def test_the_errno_of_the_action(self) -> None:
        override = " desc->action.error_override = -EAGAIN;"
        found = alike("mmap_prepare", f"{ACTION} return 0;", f"{ACTION}{override} return 0;")
        assert found.status == "different", found

    def test_the_errno_of_mapped(self) -> None:
        extra = CLOSES % ("", "")
        override = " desc->action.error_override = -EAGAIN;"
        found = alike("mmap_prepare", f"{SET} return 0;", f"{SET}{override} return 0;", extra)
        assert shown_where(found, "->mapped fails") == "return-value"

    def test_what_close_gives_back(self) -> None:
        found = alike(
            "mmap_prepare",
            f"{SET} return 0;",
            f"{SET} return 0;",
            CLOSES % (PUT, "pm_runtime_get_sync(d->cookie);"),
            CLOSES % (MARKED, "pm_runtime_get_sync(d->cookie); d->limit = 1;"),
        )
        assert found.status == "different", found

    def test_the_same(self) -> None:
        extra = CLOSES % (PUT, "pm_runtime_get_sync(d->cookie);")
        body = f"{SET}{ACTION} return 0;"
        assert alike("mmap_prepare", body, body, extra).status == "equivalent"

    def test_a_mapped_that_only_one_has(self) -> None:
        extra = CLOSES % ("", "")
        none = extra.replace(" .mapped = k_mapped,", "")
        found = alike("mmap_prepare", f"{SET} return 0;", f"{SET} return 0;", extra, none)
        assert found.status.startswith("equivalent"), found


class TestIgnoredResults:
    """What the old hook did because pages could not be mapped was not ignoring that."""

    HEAD = "struct dev *d = {}->private_data; "

    def verdict(self, old: str, new: str = "") -> Verdict:
        before = f"{self.HEAD.format('file')}{old} return 0;"
        return judge(before, f"{self.HEAD.format('desc->file')}{new}{ACTION} return 0;")

    @pytest.mark.parametrize(
        "old",
        [
            f"if ({REMAP}) d->count = 1;",
            f"if ({REMAP}) vm_flags_set(vma, VM_DONTCOPY);",
            f"if ({REMAP}) vma->vm_ops = &ring_vm_ops;",
            f"if ({REMAP}) vma->vm_private_data = d;",
            f"d->count = 7; if ({REMAP}) d->count = 8;",
        ],
    )
    def test_what_fell_back_to_something(self, old: str) -> None:
        new = "d->count = 7;" if "= 7" in old else ""
        verdict = self.verdict(old, new)
        assert verdict.status == "different", verdict
        assert "return-value" in {each.id for each in verdict.differences}

    @pytest.mark.parametrize(
        "old", [f"{REMAP};", f'int err = {REMAP}; if (err) pr_err("%d", err);', f"(void){REMAP};"]
    )
    def test_what_was_ignored(self, old: str) -> None:
        verdict = self.verdict(old)
        assert verdict.status == "equivalent-except", verdict
        assert "result-not-ignored" in {each.id for each in verdict.differences}
