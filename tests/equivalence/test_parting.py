# SPDX-License-Identifier: GPL-2.0-only
"""Where something fails, only paths that get to it are followed, from where they part."""

from __future__ import annotations

import gc

import pytest
from tests.equivalence.kit import judge, new_side, old_side

from premap.equivalence import comparison
from premap.equivalence.garbage import OBJECTS, seldom_collected
from premap.equivalence.outcome import Side
from premap.equivalence.setting import Setting

CHECKS = """	if (vma->vm_pgoff > 7)
		return -EINVAL;
	if (d->ro)
		return -EPERM;
"""
REMAP = "remap_pfn_range(vma, vma->vm_start, 5, vma->vm_end - vma->vm_start, vma->vm_page_prot)"
DEVICE = "	struct dev *d = file->private_data;\n"
NEW_DEVICE = "	struct dev *d = desc->file->private_data;\n"


def compared(old: Side, new: Side, *settings: Setting) -> comparison._Comparison:
    """Return a comparison in which these settings were explored."""
    made = comparison._Comparison(old, new, 15)
    for setting in settings:
        made.explore(setting)
    assert not made.settled, made.verdict()
    return made


def beginnings(old: Side, new: Side, fails: str) -> list[tuple[bool, ...]]:
    """Return the answers with which paths get to a failure, where nothing failed before."""
    made = compared(old, new, Setting(shared=True))
    found = made.partings.beginnings(Setting(shared=True, fails=fails))
    return [tuple(each.answer for each in prefix if each.split) for prefix in found]


class TestWhatIsFollowed:
    HOOK = old_side(f"{DEVICE}{CHECKS}	return {REMAP};")

    def test_only_what_gets_there(self) -> None:
        assert beginnings(self.HOOK, self.HOOK, "page_table") == [(False, False)]

    def test_nothing_where_nothing_does(self) -> None:
        assert beginnings(self.HOOK, self.HOOK, "page_table:1") == []

    def test_once_where_paths_part_later(self) -> None:
        late = "	if (d->ro)\n		return -EPERM;\n	return ret;"
        hook = old_side(f"{DEVICE}	int ret = {REMAP};\n{late}")
        assert beginnings(hook, hook, "page_table") == [()]

    def test_what_only_the_new_version_gets_to(self) -> None:
        new = new_side(
            f"{NEW_DEVICE}{CHECKS.replace('vma->vm_', 'desc->')}"
            "	mmap_action_remap_full(desc, 5);\n	return 0;"
        )
        assert beginnings(self.HOOK, new, "action:EIO") == [(False, False)]

    def test_all_where_that_was_not_explored_without(self) -> None:
        made = compared(self.HOOK, self.HOOK)
        assert made.partings.beginnings(Setting(shared=True, fails="page_table")) == ((),)

    def test_other_settings_begin_at_the_beginning(self) -> None:
        made = compared(self.HOOK, self.HOOK, Setting(shared=True))
        for other in (
            Setting(shared=False, fails="page_table"),
            Setting(shared=True, fails="vma_alloc", retried=True, alone=True),
            Setting(shared=True, layout="replaces"),
        ):
            assert made.partings.beginnings(other) == ((),)


class TestWhatIsReplaced:
    """A hook does not see it: one path for each way in which the model goes on is enough."""

    def explored(self, body: str) -> int:
        hook = old_side(body)
        made = compared(hook, hook, Setting(shared=True))
        kinds = len(made.partings.kinds())
        made.explore(Setting(shared=True, layout="replaces"))
        assert not made.settled, made.verdict()
        return kinds

    def test_paths_that_fail_before_anything_are_one(self) -> None:
        assert self.explored(f"{DEVICE}{CHECKS}	return {REMAP};") == 2

    def test_what_the_model_does_is_told_apart(self) -> None:
        late = "	if (d->limit > 7)\n		return -EIO;\n	return 0;"
        assert self.explored(f"{DEVICE}{CHECKS}	{REMAP};\n{late}") == 3

    def test_a_difference_there(self) -> None:
        body = f"{DEVICE}{CHECKS}	return {REMAP};"
        hook, other = old_side(body), old_side(body.replace("5,", "6,"))
        made = comparison._Comparison(hook, hook, 15)
        made.explore(Setting(shared=True))
        made.new = other
        made.explore(Setting(shared=True, layout="replaces"))
        assert made.verdict().status == "different", made.verdict()


class TestWhatIsFound:
    """Differences that show only after a failure, behind checks on the way there."""

    OLD = (
        f"{DEVICE}{CHECKS}	int ret = {REMAP};\n"
        "	if (ret) {\n		d->count = 1;\n		return ret;\n	}\n"
    )

    @pytest.mark.parametrize("left", ["d->count = 2;", ""])
    def test_what_a_failure_leaves(self, left: str) -> None:
        new = self.OLD.replace("d->count = 1;", left)
        old_text, new_text = (f"{each}	return 0;" for each in (self.OLD, new))
        found = comparison.verify(old_side(old_text), old_side(new_text), time_limit=15)
        assert found.status == "different", found
        example = found.differences[0].example or {}
        assert "no page table" in example["setting"]

    def test_nothing_else(self) -> None:
        hook = old_side(f"{self.OLD}	return 0;")
        assert comparison.verify(hook, hook, time_limit=15).status == "equivalent"

    def test_on_one_of_two_ways(self) -> None:
        """The failure shows where `ro` is set, and paths part again after it."""
        body = (
            f"{DEVICE}	int ret;\n	if (d->ro)\n		ret = {REMAP};\n"
            f"	else\n		ret = {REMAP};\n	if (ret && d->ro)\n		return -EIO;\n	return ret;"
        )
        new = body.replace("if (ret && d->ro)", "if (ret && d->ro && d->limit != 3)")
        found = comparison.verify(old_side(body), old_side(new), time_limit=15)
        assert found.status == "different", found
        assert [each.id for each in found.differences] == ["return-value"]

    def test_of_the_new_version_alone(self) -> None:
        new = (
            f"{NEW_DEVICE}{CHECKS.replace('vma->vm_', 'desc->')}"
            "	mmap_action_remap_full(desc, 5);\n"
            "	desc->action.error_override = -EAGAIN;\n	return 0;"
        )
        found = judge(f"{DEVICE}{CHECKS}	return {REMAP};", new)
        assert found.status == "different", found


class TestGarbage:
    def test_is_looked_for_less_often_inside(self) -> None:
        before = gc.get_threshold()
        with seldom_collected():
            assert gc.get_threshold()[0] == OBJECTS
        assert gc.get_threshold() == before

    @pytest.mark.parametrize("own", [0, OBJECTS * 2])
    def test_as_seldom_as_the_process_wants(self, own: int) -> None:
        before = gc.get_threshold()
        try:
            gc.set_threshold(own)
            with seldom_collected():
                assert gc.get_threshold()[0] == own
        finally:
            gc.set_threshold(*before)
