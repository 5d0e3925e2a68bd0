# SPDX-License-Identifier: GPL-2.0-only
"""`premap convert`: its diff, its files, its exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from premap import equivalence
from premap.conversion import convert_file
from premap.csource.source import SourceFile
from premap.outcomes import Asked, outcomes
from premap.records import Conversion, Verdict

from .conftest import DRIVER, Premap

DECLINED = DRIVER.replace(b"vma->vm_ops = &ring_vm_ops;", b"frobnicate(vma);")
TREE_RELEASE = b"VERSION = 7\nPATCHLEVEL = 2\n"


def _tree(folder: Path) -> Path:
    """Make a folder look like the root of a kernel tree of 7.2."""
    (folder / "include/linux").mkdir(parents=True)
    (folder / "Makefile").write_bytes(TREE_RELEASE)
    (folder / "include/linux/mm_types.h").write_bytes(b"struct vm_area_desc;\n")
    (folder / "drivers").mkdir()
    return folder


def _git_apply(folder: Path, diff: bytes) -> None:
    subprocess.run(["git", "apply", "-"], cwd=folder, input=diff, check=True, timeout=60)


class TestDiff:
    def test_is_alone_on_standard_output(self, premap: Premap, driver: Path) -> None:
        ran = premap("convert", "--no-verify", "ring.c")
        assert ran.code == 0
        assert ran.out.startswith(b"--- a/ring.c\n+++ b/ring.c\n@@ ")

    def test_is_what_git_apply_takes(self, premap: Premap, driver: Path, tmp_path: Path) -> None:
        diff = premap("convert", "--no-verify", "ring.c").out
        _git_apply(tmp_path, diff)
        assert b"\t.mmap_prepare = ring_mmap_prepare,\n" in driver.read_bytes()

    def test_names_files_relative_to_their_tree(self, premap: Premap, tmp_path: Path) -> None:
        (_tree(tmp_path) / "drivers/ring.c").write_bytes(DRIVER)
        ran = premap("convert", "--no-verify", tmp_path / "drivers")
        assert ran.out.startswith(b"--- a/drivers/ring.c\n+++ b/drivers/ring.c\n")

    def test_keeps_crlf_and_latin_1(self, premap: Premap, driver: Path, tmp_path: Path) -> None:
        old = b"/* Gr\xfc\xdfe */\n" + DRIVER
        driver.write_bytes(old.replace(b"\n", b"\r\n"))
        _git_apply(tmp_path, premap("convert", "--no-verify", "ring.c").out)
        new = driver.read_bytes()
        assert new.startswith(b"/* Gr\xfc\xdfe */\r\n")
        assert new.count(b"\n") == new.count(b"\r\n")
        assert b"mmap_prepare" in new

    def test_is_in_order_whatever_the_number_of_jobs(self, premap: Premap, tmp_path: Path) -> None:
        for number in range(5):
            (tmp_path / f"ring{number}.c").write_bytes(DRIVER + b"\n" * (5 - number) * 2000)
        one, four = (premap("convert", "--no-verify", "--jobs", n, ".") for n in "14")
        assert one == four
        assert one.out.count(b"\n--- a/ring") == 4

    def test_has_no_colour_in_a_pipe(self, premap: Premap, driver: Path) -> None:
        ran = premap("convert", "--no-verify", "ring.c")
        assert b"\x1b" not in ran.out
        assert "\x1b" not in ran.err

    def test_is_coloured_where_asked_for(self, premap: Premap, driver: Path) -> None:
        ran = premap("convert", "--no-verify", "--color", "always", "ring.c")
        assert b"\x1b[32m+" in ran.out
        assert "\x1b[" in ran.err


class TestExitCode:
    def test_is_0_where_there_is_nothing_to_convert(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "none.c").write_bytes(b"int main;\n")
        ran = premap("convert", "none.c")
        assert (ran.code, ran.out, len(ran.lines)) == (0, b"", 1)

    def test_is_0_where_all_is_converted_and_proved(self, premap: Premap, driver: Path) -> None:
        ran = premap("convert", "ring.c")
        assert ran.code == 0, ran.err
        assert "equivalent" in ran.err

    def test_is_1_where_something_is_declined(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "odd.c").write_bytes(DECLINED)
        ran = premap("convert", "odd.c")
        assert (ran.code, ran.out) == (1, b"")
        assert "line 9" in ran.err

    def test_is_1_where_one_of_two_files_is_missing(self, premap: Premap, driver: Path) -> None:
        ran = premap("convert", "--no-verify", "missing.c", "ring.c")
        assert ran.code == 1
        assert ran.out

    def test_is_2_where_no_handler_has_the_name(self, premap: Premap, driver: Path) -> None:
        assert premap("convert", "--handler", "other_mmap", "ring.c").code == 2


class TestInPlace:
    def test_changes_the_file_and_prints_no_diff(self, premap: Premap, driver: Path) -> None:
        ran = premap("convert", "--no-verify", "--in-place", "ring.c")
        assert (ran.code, ran.out) == (0, b"")
        assert b".mmap_prepare = ring_mmap_prepare" in driver.read_bytes()

    def test_does_the_same_as_the_diff(self, premap: Premap, driver: Path, tmp_path: Path) -> None:
        diff = premap("convert", "--no-verify", "ring.c").out
        copy = tmp_path / "copy"
        copy.mkdir()
        shutil.copy(driver, copy)
        _git_apply(copy, diff)
        premap("convert", "--no-verify", "--in-place", "ring.c")
        assert driver.read_bytes() == (copy / "ring.c").read_bytes()

    def test_keeps_the_mode(self, premap: Premap, driver: Path) -> None:
        driver.chmod(0o640)
        premap("convert", "--no-verify", "--in-place", "ring.c")
        assert driver.stat().st_mode & 0o7777 == 0o640

    def test_leaves_a_symbolic_link_one(self, premap: Premap, driver: Path) -> None:
        link = driver.with_name("link.c")
        link.symlink_to(driver)
        premap("convert", "--no-verify", "--in-place", "link.c")
        assert link.is_symlink()
        assert b"mmap_prepare" in driver.read_bytes()

    def test_leaves_nothing_else_behind(self, premap: Premap, driver: Path) -> None:
        premap("convert", "--no-verify", "--in-place", "ring.c")
        assert [path.name for path in driver.parent.iterdir()] == ["ring.c"]

    def test_twice_is_once(self, premap: Premap, driver: Path) -> None:
        premap("convert", "--no-verify", "--in-place", "ring.c")
        once = driver.read_bytes()
        again = premap("convert", "--no-verify", "--in-place", "ring.c")
        assert again.code == 0
        assert driver.read_bytes() == once


class TestTarget:
    def test_is_that_of_the_tree(self, premap: Premap, tmp_path: Path) -> None:
        (_tree(tmp_path) / "drivers/ring.c").write_bytes(DRIVER)
        ran = premap("convert", "--no-verify", "--format", "json", "drivers/ring.c")
        assert json.loads(ran.out)["target"] == "7.2"

    def test_is_what_the_user_says(self, premap: Premap, tmp_path: Path) -> None:
        (_tree(tmp_path) / "drivers/ring.c").write_bytes(DRIVER)
        ran = premap(
            "convert", "--no-verify", "--format=json", "--target=7.3", tmp_path / "drivers"
        )
        assert json.loads(ran.out)["target"] == "7.3"

    def test_of_a_tree_too_old_is_to_be_named(self, premap: Premap, tmp_path: Path) -> None:
        (_tree(tmp_path) / "drivers/ring.c").write_bytes(DRIVER)
        (tmp_path / "Makefile").write_bytes(b"VERSION = 6\nPATCHLEVEL = 12\n")
        ran = premap("convert", "drivers/ring.c")
        assert (ran.code, len(ran.lines)) == (2, 1)
        assert "--target" in ran.err


class TestJson:
    RESULT = ("file", "line", "handler", "ops", "member", "status", "new_name", "idioms")
    RESULT += ("reason", "notes", "safety", "verdict")
    VERDICT = ("status", "differences", "reason", "bounds")

    def test_of_a_conversion(self, premap: Premap, driver: Path) -> None:
        document = json.loads(premap("convert", "--format", "json", "ring.c").out)
        assert list(document) == ["target", "results", "diff"]
        (result,) = document["results"]
        assert tuple(result) == self.RESULT
        assert tuple(result["verdict"]) == self.VERDICT
        assert (result["file"], result["line"], result["handler"]) == ("ring.c", 14, "ring_mmap")
        assert (result["ops"], result["member"]) == ("struct file_operations", "mmap")
        assert (result["status"], result["new_name"]) == ("converted", "ring_mmap_prepare")
        assert {"R1", "R2", "F1"} <= set(result["idioms"])
        assert result["reason"] is None

    def test_has_the_diff(self, premap: Premap, driver: Path) -> None:
        document = json.loads(premap("convert", "--no-verify", "--format", "json", "ring.c").out)
        assert document["diff"].encode() == premap("convert", "--no-verify", "ring.c").out

    def test_of_what_is_declined(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "odd.c").write_bytes(DECLINED)
        (result,) = json.loads(premap("convert", "--format=json", "odd.c").out)["results"]
        assert tuple(result) == self.RESULT
        assert result["status"] == "declined"
        assert set(result["reason"]) == {"id", "message", "line"}
        assert (result["new_name"], result["idioms"], result["safety"]) == (None, [], None)

    def test_without_verification(self, premap: Premap, driver: Path) -> None:
        ran = premap("convert", "--no-verify", "--format=json", "ring.c")
        (result,) = json.loads(ran.out)["results"]
        assert (result["verdict"], result["safety"]) == (None, "review")

    def test_of_a_missing_file(self, premap: Premap) -> None:
        ran = premap("convert", "--format=json", "missing.c")
        assert ran.code == 2
        (result,) = json.loads(ran.out)["results"]
        assert tuple(result) == self.RESULT
        assert (result["file"], result["status"]) == ("missing.c", "error")


class TestSeveralTables:
    """One function that two tables name is compared once, and told of at both."""

    SECOND = b"\nstatic const struct file_operations other_fops = {\n\t.mmap = ring_mmap,\n};\n"
    TEXT = DRIVER.replace(b"\tvma->", b"\tfile_accessed(file);\n\tvma->", 1) + SECOND

    @pytest.fixture
    def several(self, tmp_path: Path) -> Path:
        path = tmp_path / "several.c"
        path.write_bytes(self.TEXT)
        return path

    def test_the_differences_are_printed_once(self, premap: Premap, several: Path) -> None:
        said = premap("convert", several.name).err
        assert said.count("[hook-runs-on-merge]") == 1
        assert said.count("as said of line 15") == 1
        assert "premap run FILE:ring_mmap_prepare --pages" in said

    def test_json_has_them_at_both(self, premap: Premap, several: Path) -> None:
        results = json.loads(premap("convert", "--format=json", several.name).out)["results"]
        assert [each["line"] for each in results] == [15, 19]
        first, second = (each["verdict"] for each in results)
        assert first == second
        assert first["differences"]

    def test_other_edits_are_compared_anew(self, monkeypatch: pytest.MonkeyPatch) -> None:
        compared: list[str] = []

        def verify(conversion: Conversion, *_: object) -> Verdict:
            compared.append(conversion.handler.name)
            return Verdict("equivalent")

        monkeypatch.setattr(equivalence, "verify_conversion", verify)
        other = self.SECOND.replace(b"other_", b"third_").replace(b"ring_mmap", b"other_mmap")
        function = DRIVER[DRIVER.index(b"static int") : DRIVER.index(b"static const struct file_")]
        text = self.TEXT + function.replace(b"ring_mmap", b"other_mmap") + other
        source = SourceFile("several.c", text)
        made = outcomes(convert_file(source, None, "7.3"), source, None, Asked("7.3"))
        assert [each.status for each in made] == ["converted"] * 3
        assert compared == ["ring_mmap", "other_mmap"]


class TestDual:
    def test_keeps_the_old_hook(self, premap: Premap, driver: Path) -> None:
        ran = premap("convert", "--dual", "ring.c")
        assert ran.code == 0, ran.err
        assert "equivalent" in ran.err
        lines = ran.out.decode().splitlines()
        assert "+#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)" in lines
        assert "+#include <linux/version.h>" in lines
        assert not [line for line in lines if line.startswith("-") and line[:3] != "---"]

    def test_a_second_time_there_is_nothing_to_do(self, premap: Premap, driver: Path) -> None:
        premap("convert", "--no-verify", "--dual", "--in-place", "ring.c")
        once = driver.read_bytes()
        ran = premap("convert", "--dual", "--in-place", "ring.c")
        assert (ran.code, driver.read_bytes()) == (0, once), ran.err
        assert ran.err == "no handlers; 0 converted\n"  # the old one is older kernels'

    def test_a_second_time_by_a_macro(self, premap: Premap, driver: Path) -> None:
        premap("convert", "--no-verify", "--dual-macro", "HAVE", "--in-place", "ring.c")
        once = driver.read_bytes()
        ran = premap("convert", "--dual-macro", "HAVE", "--in-place", "ring.c")
        assert (ran.code, driver.read_bytes()) == (0, once), ran.err
        assert "arms-already" in ran.err

    def test_by_a_macro(self, premap: Premap, driver: Path) -> None:
        ran = premap("convert", "--no-verify", "--dual-macro", "HAVE_PREPARE", "ring.c")
        assert b"+#ifdef HAVE_PREPARE\n" in ran.out

    def test_by_what_is_no_macro(self, premap: Premap, driver: Path) -> None:
        ran = premap("convert", "--dual-macro", "1 || 0", "ring.c")
        assert (ran.code, len(ran.lines)) == (2, 1)

    def test_is_for_review_where_a_release_was_never_seen(
        self, premap: Premap, driver: Path
    ) -> None:
        ran = premap("convert", "--format=json", "--dual", "ring.c")
        (result,) = json.loads(ran.out)["results"]
        assert result["safety"] == "review"
        assert [note["id"] for note in result["notes"]] == ["dual-arms"]


class TestFolders:
    def test_only_c_that_says_mmap_is_read(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "binary.c").write_bytes(b"\0\0")
        (tmp_path / "notes.txt").write_bytes(DRIVER)
        (tmp_path / "ring.h").write_bytes(DRIVER)
        ran = premap("convert", "--no-verify", ".")
        assert ran.code == 0
        assert b"ring.h" in ran.out
        assert b"notes" not in ran.out

    def test_a_file_named_twice_is_converted_once(self, premap: Premap, driver: Path) -> None:
        ran = premap("convert", "--no-verify", "--format=json", ".", "ring.c", driver)
        assert len(json.loads(ran.out)["results"]) == 1

    def test_a_loop_of_links_ends(self, premap: Premap, driver: Path, tmp_path: Path) -> None:
        (tmp_path / "again").symlink_to(tmp_path)
        (tmp_path / "self.c").symlink_to("self.c")
        assert premap("convert", "--no-verify", ".").code == 0

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_an_unreadable_folder_is_one_line(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "closed").mkdir(mode=0)
        ran = premap("convert", "closed")
        assert (ran.code, len(ran.lines)) == (2, 1)
