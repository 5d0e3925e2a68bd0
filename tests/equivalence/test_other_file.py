# SPDX-License-Identifier: GPL-2.0-only
"""Hooks that give the mapping another file: what `premap run` makes of them, and verify does not.

What is expected is what 7.3 does (mm/vma.c, mm/util.c): the mapping consumes the reference that
the hook took; it is put where no VMA can be had, and where the mapping goes, but not where it
merges.
"""

from __future__ import annotations

import pytest
from tests.equivalence.kit import new_side, old_side

from premap.cli.surviving import of as surviving
from premap.equivalence import Setting, Stepped, step_through
from premap.equivalence.comparison import verify
from premap.equivalence.outcome import Side
from premap.model import NotModelled

LOWER = "((struct file *)%s->private_data)"
PREPARE = f"""\
	desc->vm_file = get_file({LOWER % "desc->file"});
	return 0;"""
BORROWED = PREPARE.replace("get_file", "")
LEGACY = f"""\
	vma_set_file(vma, {LOWER % "file"});
	return 0;"""
MERGING = {"pgoff": 1}


def ran(side: Side, fails: str | None = None, layout: str = "alone", **state: int) -> Stepped:
    """Run a hook once, with a failure or beside a mapping of its own."""
    call = MERGING if layout != "alone" else {}
    names = {name.replace("__", "->"): value for name, value in state.items()}
    return step_through(side, Setting(shared=True, layout=layout, fails=fails), call, names)


def calls(stepped: Stepped) -> list[str]:
    """Return the names of the functions that were called, the kernel's own calls included."""
    return [event.name for event in stepped.outcome.machine.events]


class TestPrepare:
    def test_the_mapping_has_the_other_file(self) -> None:
        done = ran(new_side(PREPARE))
        (vma,) = done.outcome.vmas
        assert vma.vm_file is not done.outcome.file
        assert done.outcome.file.f_count == 1
        assert calls(done) == ["get_file"]

    @pytest.mark.parametrize("point", ["vma_alloc", "vma_tree"])
    def test_the_reference_is_put_where_there_is_no_vma(self, point: str) -> None:
        done = ran(new_side(PREPARE), point)
        assert calls(done) == ["get_file", "fput"]
        assert surviving(done) == []

    def test_the_reference_is_lost_where_it_merges(self) -> None:
        done = ran(new_side(PREPARE), layout="after-itself")
        assert len(done.outcome.vmas) == 1
        assert [text.partition(" (")[0] for text in surviving(done)] == ["get_file() was called"]

    def test_a_borrowed_reference_is_put_all_the_same(self) -> None:
        """Which is one put too many: nobody took it."""
        done = ran(new_side(BORROWED), "vma_alloc")
        assert [text.partition(" (")[0] for text in surviving(done)] == ["fput() was called"]

    def test_a_hook_of_the_other_file_would_be_called(self) -> None:
        state = {"desc->file->private_data->f_op->mmap": 1, "file->private_data->f_op->mmap": 1}
        with pytest.raises(NotModelled, match="has an ->mmap that is called"):
            step_through(new_side(PREPARE), Setting(shared=True), {}, state)

    def test_its_own_file_changes_nothing(self) -> None:
        done = ran(new_side("\tdesc->vm_file = desc->file;\n\treturn 0;"))
        (vma,) = done.outcome.vmas
        assert vma.vm_file is done.outcome.file
        assert done.outcome.file.f_count == 2


class TestLegacy:
    def test_the_old_file_is_put(self) -> None:
        done = ran(old_side(LEGACY))
        (vma,) = done.outcome.vmas
        assert vma.vm_file is not done.outcome.file
        assert done.outcome.file.f_count == 1
        assert calls(done) == ["get_file"]

    def test_the_other_is_put_where_the_hook_fails_later(self) -> None:
        done = ran(old_side(LEGACY.replace("return 0", "return -EIO")))
        assert calls(done) == ["get_file", "fput"]
        assert surviving(done) == []


class TestRefusals:
    @pytest.mark.parametrize(
        "statement",
        [
            "desc->vm_file = NULL;",
            "desc->vm_file = (struct file *)(unsigned long)desc->pgoff;",
            "struct file own;\n\n\tdesc->vm_file = &own;",
        ],
    )
    def test_what_is_no_file(self, statement: str) -> None:
        with pytest.raises(NotModelled):
            ran(new_side(f"\t{statement}\n\treturn 0;"))

    def test_a_vma_is_not_assigned_to(self) -> None:
        body = f"\tvma->vm_file = get_file({LOWER % 'file'});\n\treturn 0;"
        with pytest.raises(NotModelled, match="vm_file is assigned"):
            ran(old_side(body))


class TestComparing:
    """Two hooks are not called the same, whatever they do to another file."""

    @pytest.mark.parametrize("new", [PREPARE, BORROWED, "\treturn 0;"])
    def test_is_unknown(self, new: str) -> None:
        verdict = verify(old_side(LEGACY), new_side(new), time_limit=15)
        assert verdict.status == "unknown"
        assert "another file" in str(verdict.reason)

    def test_two_legacy_hooks_are_unknown_too(self) -> None:
        verdict = verify(old_side(LEGACY), old_side(LEGACY), time_limit=15)
        assert verdict.status == "unknown"
