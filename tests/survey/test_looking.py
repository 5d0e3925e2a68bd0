# SPDX-License-Identifier: GPL-2.0-only
"""What is seen of a tree: every C file, whatever lies around it, and only what changed is read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.files import write_files
from tests.survey.test_store import told
from tests.survey.test_survey import surveyed

from premap.survey.looking import Listed, Looked, Looker, look_at, names_of
from premap.survey.textfacts import text_facts

HOOK = "static const struct file_operations fops = { .mmap = %s_mmap };\n"


def old(root: Path) -> None:
    """Make all files of a tree an hour old, as those that changed just now are read again.

    Their other time can't be set: a moment passes.
    """
    hour_ago = time.time() - 3600
    for path in root.rglob("*"):
        os.utime(path, (hour_ago, hour_ago), follow_symlinks=False)
    time.sleep(2.1)


def together(looks: Iterable[Looked]) -> Looked:
    """Return all looks at a tree as one."""
    whole = Looked()
    for looked in looks:
        whole.listed.update(looked.listed)
        whole.read += looked.read
        whole.touched += looked.touched
        whole.facts.update(looked.facts)
        whole.problems.update(looked.problems)
    return whole


def gone(seen: Looked) -> set[str]:
    return {*seen.touched} - {*seen.read} - files_in(seen.listed)


def files_in(listed: dict[str, Listed]) -> set[str]:
    return {folder + name for folder, each in listed.items() for name in names_of(each)}


class TestFirstLook:
    def test_sees_all_c_files_and_makefiles(self, tmp_path: Path) -> None:
        names = {"Makefile", "a.c", "b/c.h", "b/Kbuild", "b/deep/d.c", "odd.c/e.c", "b/\udcff.c"}
        others = {"README", "b/Kconfig", ".git/f.c", "b/.git/g.c", "b/x.cc", "b/y.S", "empty/z.o"}
        write_files(tmp_path, dict.fromkeys(names | others, "/* mmap */"))
        seen = together(look_at(tmp_path, {}, 1, text_facts))
        assert files_in(seen.listed) == names
        assert set(seen.facts) == set(seen.read) == names - {"Makefile", "b/Kbuild"}
        assert not seen.problems

    def test_leaves_links_out(self, tmp_path: Path) -> None:
        """A loop of them ends nowhere."""
        write_files(tmp_path, {"a/one.c": "mmap"})
        (tmp_path / "a/two.c").symlink_to("one.c")
        (tmp_path / "a/up").symlink_to("..")
        (tmp_path / "a/self").symlink_to("self")
        (tmp_path / "a/three.c").symlink_to("nowhere")
        seen = together(look_at(tmp_path, {}, 1, text_facts))
        assert files_in(seen.listed) == {"a/one.c"}

    def test_waits_for_nothing(self, tmp_path: Path) -> None:
        """What has the name of a C file may be a pipe, or be one by the time it is opened."""
        (tmp_path / "a").mkdir()
        os.mkfifo(tmp_path / "a/pipe.c")
        seen = Looker(tmp_path, {}, text_facts, time.time_ns())([("a/", ["pipe.c"])])
        assert files_in(seen.listed) == set()
        assert not together(look_at(tmp_path, {}, 1, text_facts)).listed

    def test_what_vanished_meanwhile_is_not_there(self, tmp_path: Path) -> None:
        write_files(tmp_path, {"a/one.c": "mmap", "b/two.c": "mmap"})
        chunk = [("a/", ["none.c", "one.c"]), ("none/", ["one.c"]), ("b/", ["two.c"])]
        seen = Looker(tmp_path, {}, text_facts, time.time_ns())(chunk)
        assert files_in(seen.listed) == set(seen.facts) == {"a/one.c", "b/two.c"}

    def test_with_processes_is_the_same(self, tmp_path: Path) -> None:
        texts = {
            f"d{n % 30}/f{n}.c": HOOK % f"f{n}" if n % 7 == 0 else "int x;" for n in range(1800)
        }
        write_files(tmp_path, texts)
        alone, helped = (together(look_at(tmp_path, {}, jobs, text_facts)) for jobs in (1, 3))
        assert files_in(alone.listed) == files_in(helped.listed) == set(texts)
        assert alone.facts == helped.facts
        assert len(alone.facts) == len(range(0, 1800, 7))


class TestLaterLook:
    @pytest.fixture
    def known(self, tmp_path: Path) -> dict[str, Listed]:
        texts = {f"{folder}/{name}.c": "mmap" for folder in "ab" for name in "xyz"}
        write_files(tmp_path, {**texts, "a/Makefile": "obj-y += x.o"})
        old(tmp_path)
        return together(look_at(tmp_path, {}, 1, text_facts)).listed

    def look(self, root: Path, known: dict[str, Listed]) -> Looked:
        return together(look_at(root, known, 1, text_facts))

    def test_reads_nothing_where_nothing_changed(
        self, tmp_path: Path, known: dict[str, Listed]
    ) -> None:
        seen = self.look(tmp_path, known)
        assert (seen.listed, seen.read, seen.touched, seen.facts) == ({}, [], [], {})

    def change_text(self, root: Path) -> None:
        (root / "a/x.c").write_text("MMAP")  # of the same size

    def change_back_in_time(self, root: Path) -> None:
        before = (root / "a/x.c").stat()
        (root / "a/x.c").write_text("MMAP")
        os.utime(root / "a/x.c", ns=(before.st_atime_ns, before.st_mtime_ns))

    def replace(self, root: Path) -> None:
        (root / "b/z.c").replace(root / "a/x.c")

    @pytest.mark.parametrize("change", [change_text, change_back_in_time, replace])
    def test_reads_what_changed(
        self,
        tmp_path: Path,
        known: dict[str, Listed],
        change: Callable[[TestLaterLook, Path], None],
    ) -> None:
        change(self, tmp_path)
        seen = self.look(tmp_path, known)
        assert seen.read == ["a/x.c"]
        assert "a/" in seen.listed

    def test_tells_what_is_gone(self, tmp_path: Path, known: dict[str, Listed]) -> None:
        (tmp_path / "a/x.c").unlink()
        (tmp_path / "b").rename(tmp_path / "c")
        seen = self.look(tmp_path, known)
        assert gone(seen) == {"a/x.c", "b/x.c", "b/y.c", "b/z.c"}
        assert set(seen.read) == {"c/x.c", "c/y.c", "c/z.c"}
        now = {**known, **seen.listed}
        assert files_in(now) == {"a/y.c", "a/z.c", "a/Makefile", "c/x.c", "c/y.c", "c/z.c"}

    def test_tells_of_a_makefile(self, tmp_path: Path, known: dict[str, Listed]) -> None:
        """What is known of its text holds no more, though it is not searched."""
        (tmp_path / "a/Makefile").write_text("obj-m += x.o")
        seen = self.look(tmp_path, known)
        assert (seen.touched, seen.read) == (["a/Makefile"], [])

    def test_a_file_that_is_a_link_now_is_gone(
        self, tmp_path: Path, known: dict[str, Listed]
    ) -> None:
        (tmp_path / "a/x.c").unlink()
        (tmp_path / "a/x.c").symlink_to("y.c")
        assert gone(self.look(tmp_path, known)) == {"a/x.c"}

    def test_what_changed_just_now_is_read_again(
        self, tmp_path: Path, known: dict[str, Listed]
    ) -> None:
        """It may change again within what its time is told by."""
        (tmp_path / "a/x.c").write_text("mmap of another size")
        seen = self.look(tmp_path, known)
        again = self.look(tmp_path, {**known, **seen.listed})
        assert again.read == ["a/x.c"]


class TestUnreadable:
    """It is told of, and tried again: nobody takes such a tree for one without hooks."""

    def survey(self, root: Path, cache: Path) -> dict[str, Any]:
        """Survey with no more rights than others have."""
        command = [sys.executable, "-m", "premap", "survey", "--format", "json", "--no-convert"]
        if os.getuid() == 0:
            weak = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
            if shutil.which("setpriv") is None:
                pytest.skip("no setpriv to give rights up with")
            command = [*weak, *command]
        env = {**os.environ, "XDG_CACHE_HOME": str(cache)}
        ran = subprocess.run(
            [*command, str(root)], check=False, capture_output=True, text=True, env=env
        )
        found: dict[str, Any] = json.loads(ran.stdout)
        return found

    def test_files_and_folders(self, small_tree: Path, tmp_path: Path) -> None:
        shut = small_tree / "drivers/room/shut"
        write_files(shut, {"in.c": HOOK % "in"})
        shut.chmod(0)
        (small_tree / "drivers/room/door.c").chmod(0)
        refused = [
            {"file": "drivers/room/door.c", "message": "Permission denied"},
            {"file": "drivers/room/shut", "message": "Permission denied"},
        ]
        for _ in range(2):
            found = self.survey(small_tree, tmp_path / "cache")
            assert found["errors"] == refused
            assert "drivers/room/door.c" not in {site["file"] for site in found["handlers"]}
        (small_tree / "drivers/room/door.c").chmod(0o600)
        shut.chmod(0o700)
        found = self.survey(small_tree, tmp_path / "cache")
        assert found["errors"] == []
        assert told(found) == told(surveyed(small_tree))
