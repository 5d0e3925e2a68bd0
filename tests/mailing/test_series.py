# SPDX-License-Identifier: GPL-2.0-only
"""What is in one patch, and in which order patches apply."""

from __future__ import annotations

import os
from collections.abc import Iterable

from msgspec.structs import replace

from premap.mailing.diffstat import diffstat, stat
from premap.mailing.message import body
from premap.mailing.series import Patch, Text, patches
from premap.records import Conversion, Edit, Groundwork, Handler, Note, Outcome

TEXTS = {name: Text(b"0123456789\n") for name in ("a/a.c", "a/b.c", "b/c.c", "x.h")}


def _edit(file: str, at: int, new: bytes = b"!") -> Edit:
    return Edit(file, at, at + 1, new)


def _outcome(file: str, *edits: Edit, line: int = 1, laid: Groundwork | None = None) -> Outcome:
    handler = Handler(file, line, "ring_mmap", "struct file_operations", "mmap")
    more = laid.edits if laid else ()
    conversion = Conversion(handler, "ring_mmap_prepare", (*more, *edits), groundwork=laid)
    return Outcome(file, "converted", conversion)


def _files(made: Iterable[Patch]) -> list[list[str]]:
    return [[file.name for file in patch.files] for patch in made]


class TestGroups:
    def test_drivers_are_apart(self) -> None:
        made = patches(
            [_outcome("b/c.c", _edit("b/c.c", 1)), _outcome("a/a.c", _edit("a/a.c", 1))], TEXTS, str
        )
        assert _files(made) == [["a/a.c"], ["b/c.c"]]

    def test_a_drivers_files_are_together(self) -> None:
        outcomes = [_outcome(name, _edit(name, 1)) for name in ("a/a.c", "b/c.c", "a/b.c")]
        assert _files(patches(outcomes, TEXTS, os.path.dirname)) == [["a/a.c", "a/b.c"], ["b/c.c"]]

    def test_what_shares_an_edit_is_together(self) -> None:
        shared = _edit("x.h", 1)
        outcomes = [_outcome(name, _edit(name, 1), shared) for name in ("a/a.c", "b/c.c")]
        assert _files(patches(outcomes, TEXTS, str)) == [["a/a.c", "b/c.c", "x.h"]]

    def test_what_is_only_in_one_file_is_on_top_of_each_other(self) -> None:
        outcomes = [
            _outcome(name, _edit(name, 1), _edit("x.h", at))
            for name, at in (("a/a.c", 2), ("b/c.c", 5))
        ]
        first, second = patches(outcomes, TEXTS, str)
        assert first.files[1].new == b"01!3456789\n"
        assert second.files[1].old == first.files[1].new
        assert second.files[1].new == b"01!34!6789\n"

    def test_a_table_in_a_header_is_called_by_the_function_s_file(self) -> None:
        (made,) = patches([_outcome("x.h", _edit("x.h", 1), _edit("a/b.c", 2))], TEXTS, str)
        assert made.first == "a/b.c"
        (alone,) = patches([_outcome("x.h", _edit("x.h", 1))], TEXTS, str)
        assert alone.first == "x.h"

    def test_what_was_declined_is_in_none(self) -> None:
        declined = Outcome("a/a.c", "declined", Conversion(Handler("a/a.c", 1, "f", "?", "mmap")))
        assert patches([declined], TEXTS, str) == []


class TestGroundwork:
    LAID = Groundwork("x.h", "let drivers do it", ("Why.", "How."), (_edit("x.h", 1),))

    def test_is_a_patch_of_its_own_before_the_others(self) -> None:
        outcomes = [_outcome(name, _edit(name, 1), laid=self.LAID) for name in ("a/a.c", "b/c.c")]
        made = patches(outcomes, TEXTS, str)
        assert _files(made) == [["x.h"], ["a/a.c"], ["b/c.c"]]
        assert made[0].first == "x.h"
        assert body(made[0], {}) == ["Why.", "", "How."]

    def test_of_a_file_that_a_driver_changes_too(self) -> None:
        made = patches([_outcome("a/a.c", _edit("x.h", 3), laid=self.LAID)], TEXTS, str)
        assert [patch.files[0].new for patch in made] == [b"0!23456789\n", b"0!2!456789\n"]


class TestDiffstat:
    DIFF = b"--- a/x.c\n+++ b/x.c\n@@ -1,3 +1,3 @@\n a\n-b\n--- c\n+d\n"

    def test_counts_lines(self) -> None:
        counted = stat("x.c", self.DIFF)
        assert (counted.added, counted.removed) == (1, 2)

    def test_looks_like_gits(self) -> None:
        assert diffstat([stat("x.c", self.DIFF)]) == [
            " x.c | 3 +--",
            " 1 file changed, 1 insertion(+), 2 deletions(-)",
        ]


class TestName:
    def test_is_that_of_what_drivers_of_several_folders_share(self) -> None:
        shared = _edit("a/b.c", 1, b"all of what is new here")
        outcomes = [_outcome(name, _edit(name, 1), shared) for name in ("a/a.c", "b/c.c")]
        (made,) = patches(outcomes, TEXTS, str)
        assert made.first == "a/b.c"

    def test_is_that_of_the_first_table_in_one_folder(self) -> None:
        shared = _edit("b/c.c", 1, b"all of what is new here")
        (made,) = patches([_outcome("a/a.c", _edit("a/a.c", 1), shared)], TEXTS, str)
        assert made.first == "a/a.c"


class TestToReview:
    def test_is_said_once_of_several_lines_of_a_file(self) -> None:
        notes = tuple(Note("needs-mmu", "kernels without an MMU", line) for line in (3, 7))
        first, second = _outcome("a/a.c", _edit("a/a.c", 1)), _outcome("a/b.c", _edit("a/b.c", 1))
        told = [
            replace(each, conversion=replace(each.conversion, notes=notes))
            for each in (first, second)
        ]
        text = body(Patch(tuple(told), ()), {})
        assert [line for line in text if "MMU" in line] == [
            " - a/a.c:3,7: kernels without an MMU [needs-mmu]",
            " - a/b.c:3,7: kernels without an MMU [needs-mmu]",
        ]
