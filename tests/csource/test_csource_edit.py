# SPDX-License-Identifier: GPL-2.0-only
"""Edits and diffs. The truth about a diff is what `git apply` makes of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from premap.csource.diff import changes
from premap.csource.edit import BadEdit, apply_edits
from premap.csource.unified import unified_diff
from premap.records import Edit


def git_applies(directory: Path, name: str, old: bytes, new: bytes) -> bytes:
    """Apply the diff with git in `directory` and return what came of the file."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    file = directory / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(old)
    patch = unified_diff(name, old, new)
    subprocess.run(
        ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", "-"],
        cwd=directory,
        input=patch,
        check=True,
        env={"GIT_CEILING_DIRECTORIES": str(directory.parent), "PATH": "/usr/bin:/bin"},
    )
    return file.read_bytes()


class TestApplyEdits:
    def edit(self, start: int, end: int, new: bytes) -> Edit:
        return Edit("a.c", start, end, new)

    def test_replaces_only_the_ranges(self) -> None:
        edits = [self.edit(4, 5, b"two"), self.edit(0, 1, b"one")]
        assert apply_edits(b"1 = 2;\r\n\xff", edits) == b"one = two;\r\n\xff"

    def test_no_edits_change_nothing(self) -> None:
        assert apply_edits(b"\xe9\r\n\x0c", []) == b"\xe9\r\n\x0c"

    def test_insertions_at_one_place_keep_their_order(self) -> None:
        edits = [self.edit(1, 1, b"x"), self.edit(1, 1, b"y"), self.edit(1, 2, b"B")]
        assert apply_edits(b"abc", edits) == b"axyBc"

    def test_overlap_is_an_error(self) -> None:
        with pytest.raises(BadEdit, match="overlap at byte 2"):
            apply_edits(b"abcdef", [self.edit(0, 3, b""), self.edit(2, 4, b"")])

    def test_touching_edits_do_not_overlap(self) -> None:
        assert apply_edits(b"abcd", [self.edit(0, 2, b"x"), self.edit(2, 4, b"y")]) == b"xy"

    def test_the_same_replacement_twice_counts_once(self) -> None:
        assert apply_edits(b"abcd", [self.edit(0, 2, b"x")] * 2) == b"xcd"

    @pytest.mark.parametrize("span", [(-1, 1), (3, 2), (0, 9)])
    def test_outside_the_text_is_an_error(self, span: tuple[int, int]) -> None:
        with pytest.raises(BadEdit):
            apply_edits(b"abcd", [self.edit(*span, b"")])


class TestUnifiedDiff:
    def test_no_change_is_no_diff(self) -> None:
        assert unified_diff("a.c", b"x\n", b"x\n") == b""

    def test_names_have_the_prefixes_git_strips(self) -> None:
        assert unified_diff("d/a.c", b"x\n", b"y\n").splitlines()[:2] == [
            b"--- a/d/a.c",
            b"+++ b/d/a.c",
        ]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"a\nb\nc\n", b"a\nB\nc\n"),
            (b"a\r\nb\r\n", b"a\r\nc\r\n"),
            (b"\xe9t\xe9\nx\n", b"\xe9t\xe9\ny\n"),
            (b"a\nb", b"a\nc"),
            (b"a\nb", b"a\nb\n"),
            (b"a\nb\n", b"a\nb"),
            (b"a\x0cb\x0bc\rd\n\x85\n", b"a\x0cb\x0bc\rD\n\x85\n"),
            (b"1\n" * 50 + b"x\n" + b"1\n" * 50, b"1\n" * 50 + b"y\n" + b"1\n" * 49),
            (b"\n".join(b"%d" % i for i in range(99)) + b"\n", b"z\n"),
        ],
    )
    def test_git_applies_it(self, tmp_path: Path, old: bytes, new: bytes) -> None:
        assert git_applies(tmp_path, "drivers/x.c", old, new) == new

    @pytest.mark.parametrize("name", ["a b.c", "tab\there.c", 'quo"te.c', "f\u00fcr.c"])
    def test_git_takes_odd_names(self, tmp_path: Path, name: str) -> None:
        assert git_applies(tmp_path, name, b"x\n", b"y\n") == b"y\n"

    def test_repeated_lines_take_no_time(self) -> None:
        old = b"}\n" * 100_000
        new = b"x\n" + old[:-4] + b"y\n"
        assert unified_diff("a.c", old, new)


lines = st.lists(st.sampled_from([b"a", b"b", b"c", b"{", b"}", b""]), max_size=30)


class TestChanges:
    @settings(max_examples=300)
    @given(lines, lines)
    def test_they_turn_old_into_new(self, old: list[bytes], new: list[bytes]) -> None:
        built: list[bytes] = []
        at = 0
        for change in changes(old, new):
            built += old[at : change.old_start]
            assert len(built) == change.new_start
            built += new[change.new_start : change.new_end]
            at = change.old_end
        assert built + old[at:] == new
