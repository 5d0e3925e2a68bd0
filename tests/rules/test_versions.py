# SPDX-License-Identifier: GPL-2.0-only
"""Rules that compare a hook with the handler that it replaces."""

from __future__ import annotations

import pytest

from premap.csource.source import SourceFile
from premap.records import Finding
from premap.rules import check_file
from premap.rules.context import Context

OLD = """\
struct ring {{ unsigned long pfn; int ready; }};

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{{
	struct ring *ring = file->private_data;

	if (!ring->ready)
		return -ENODEV;
	if ({})
		return -EPERM;
	return 0;
}}

static const struct file_operations ring_fops = {{ .mmap = ring_mmap }};
"""
NEW = """\
struct ring {{ unsigned long pfn; int ready; }};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{{
	struct ring *ring = desc->file->private_data;

	if (!ring->ready)
		return -ENODEV;
	if ({})
		return -EPERM;
	return 0;
}}

static const struct file_operations ring_fops = {{ .mmap_prepare = ring_mmap_prepare }};
"""


def source(text: str) -> SourceFile:
    return SourceFile("ring.c", text.encode())


def found(old: str, new: str) -> list[Finding]:
    before = source(OLD.format(old))
    checked = check_file(source(NEW.format(new)), None, "7.3", before)
    return [finding for finding in checked.findings if finding.rule == "R09"]


BOTH = "VMA_WRITE_BIT, VMA_EXEC_BIT"
EITHER = "vma->vm_flags & (VM_WRITE | VM_EXEC)"
ALL = "(vma->vm_flags & (VM_WRITE | VM_EXEC)) == (VM_WRITE | VM_EXEC)"


@pytest.mark.parametrize("patched", [False, True])
def test_what_names_mean_is_compared_where_there_are_two_versions(patched: bool) -> None:
    old, new = (SourceFile("ring.c", text.encode()) for text in (OLD.format("0"), NEW.format("0")))
    (hook,) = Context(new, None, "7.3", old if patched else None).hooks
    traces = hook.exploration.traces
    assert traces
    assert {trace.machine.memory.namer.compares for trace in traces} == {patched}


class TestFlags:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (EITHER, f"vma_desc_test_all(desc, {BOTH})"),
            (ALL, f"vma_desc_test_any(desc, {BOTH})"),
            (EITHER, f"!vma_desc_test_any(desc, {BOTH})"),
            (EITHER, "vma_desc_test(desc, VMA_WRITE_BIT)"),
            (f"!({EITHER})", f"!vma_desc_test_all(desc, {BOTH})"),
        ],
    )
    def test_another_test(self, old: str, new: str) -> None:
        (finding,) = found(old, new)
        assert finding.level == "error"
        assert finding.text.strip() == f"if ({new})"
        assert finding.example is not None

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (EITHER, f"vma_desc_test_any(desc, {BOTH})"),
            (ALL, f"vma_desc_test_all(desc, {BOTH})"),
            (f"({EITHER}) == 0", f"!vma_desc_test_any(desc, {BOTH})"),
            ("(vma->vm_flags & VM_WRITE) && (vma->vm_flags & VM_EXEC)",
             f"vma_desc_test_all(desc, {BOTH})"),
            ("(vma->vm_flags & VM_WRITE) || (vma->vm_flags & VM_EXEC)",
             "vma_desc_test(desc, VMA_EXEC_BIT) || vma_desc_test(desc, VMA_WRITE_BIT)"),
        ],
    )  # fmt: skip
    def test_the_same_test(self, old: str, new: str) -> None:
        assert found(old, new) == []

    def test_what_differs_for_another_reason_is_not_the_tests(self) -> None:
        """The hook looks at the offset instead: its flags are not at fault."""
        assert found("vma->vm_pgoff", "vma_desc_size(desc) > PAGE_SIZE") == []

    def test_the_example_tells_the_call(self) -> None:
        (finding,) = found(EITHER, f"vma_desc_test_all(desc, {BOTH})")
        assert finding.example is not None
        prot = finding.example["call"]["prot"]
        assert ("w" in prot) != ("x" in prot)
        assert "failed for this call" in finding.example["result"]

    def test_state_of_one_version_alone_decides_nothing(self) -> None:
        """What an unknown function says there may be what the flags were before."""
        assert found("ring_may(file) && (vma->vm_flags & VM_WRITE)",
                     f"ring_can(desc->file) && vma_desc_test_any(desc, {BOTH})") == []  # fmt: skip
