# SPDX-License-Identifier: GPL-2.0-only
"""`premap convert --in-place`: whole files, whatever happens meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from premap.cli import batch
from premap.cli.engine import Task, convert_input, digest
from premap.cli.inputs import Input
from premap.cli.patch import Patch
from premap.cli.rewrite import NotWritten, Replacement, replace_texts
from premap.conversion import convert_file
from premap.csource.source import read_source
from premap.csource.tree import KernelTree
from premap.outcomes import Asked

from .conftest import DRIVER, Premap

DRIVERS = 12


@pytest.fixture
def drivers(tmp_path: Path) -> list[Path]:
    """Return the paths of many drivers, some of them long."""
    found = []
    for number in range(DRIVERS):
        path = tmp_path / "drivers" / f"ring{number:02}.c"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(DRIVER + b"/* */\n" * (500 * (number % 3)))
        found.append(path)
    return found


def _command(*arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "premap", "convert", "--no-verify", "--in-place", *arguments]


class TestInterrupted:
    @pytest.mark.parametrize(
        ("ending", "written"),
        [
            *((signal.SIGKILL, written) for written in (1, 2, 7)),
            (signal.SIGTERM, 3),
            (signal.SIGINT, 3),
        ],
    )
    def test_leaves_whole_files(
        self, drivers: list[Path], tmp_path: Path, ending: signal.Signals, written: int
    ) -> None:
        """The process ends once so many files were written."""
        old = {path: path.read_bytes() for path in drivers}
        process = subprocess.Popen(_command("drivers"), cwd=tmp_path, stderr=subprocess.DEVNULL)
        inodes = {path: path.stat().st_ino for path in drivers}
        while sum(path.stat().st_ino != inodes[path] for path in drivers) < written:
            assert process.poll() in {None, 0}
        process.send_signal(ending)
        process.wait(60)
        for path, text in old.items():
            now = path.read_bytes()
            assert now == text or (len(now) > len(text) and b".mmap_prepare = " in now)
        if ending != signal.SIGKILL:
            assert sorted(tmp_path.glob("drivers/.*")) == []
        subprocess.run(_command("drivers"), cwd=tmp_path, capture_output=True, check=True)
        assert all(b".mmap_prepare = " in path.read_bytes() for path in drivers)

    def test_a_signal_waits_for_the_last_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replacements = [_old(tmp_path / name) for name in ("a.c", "b.c")]
        replace = Path.replace
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # nohup ignores it

        def interrupted(path: Path, target: Path) -> Path:
            os.kill(os.getpid(), signal.SIGINT)
            return replace(path, target)

        monkeypatch.setattr(Path, "replace", interrupted)
        try:
            with pytest.raises(KeyboardInterrupt):
                replace_texts(replacements)
        finally:
            signal.signal(signal.SIGINT, before)
        assert [(tmp_path / name).read_bytes() for name in ("a.c", "b.c")] == [b"new", b"new"]


def _old(path: Path) -> Replacement:
    path.write_bytes(b"old")
    return Replacement(path, b"old", b"new")


class TestReplaceTexts:
    def test_all_or_none(self, tmp_path: Path) -> None:
        replacements = [_old(tmp_path / name) for name in ("a.c", "b.c")]
        (tmp_path / "b.c").write_bytes(b"other")
        with pytest.raises(NotWritten, match="changed") as caught:
            replace_texts(replacements)
        assert caught.value.path == tmp_path / "b.c"
        assert (tmp_path / "a.c").read_bytes() == b"old"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.c", "b.c"]

    def test_a_file_that_is_gone(self, tmp_path: Path) -> None:
        replacement = _old(tmp_path / "a.c")
        (tmp_path / "a.c").unlink()
        with pytest.raises(NotWritten, match="No such file"):
            replace_texts([replacement])
        assert list(tmp_path.iterdir()) == []

    def test_a_dangling_link(self, tmp_path: Path) -> None:
        (tmp_path / "a.c").symlink_to("nowhere/b.c")
        with pytest.raises(NotWritten):
            replace_texts([Replacement(tmp_path / "a.c", b"old", b"new")])
        assert (tmp_path / "a.c").is_symlink()

    @pytest.mark.parametrize("mode", [0o444, 0o600, 0o755])
    def test_modes_are_kept(self, tmp_path: Path, mode: int) -> None:
        replacement = _old(tmp_path / "a.c")
        (tmp_path / "a.c").chmod(mode)
        replace_texts([replacement])
        assert (tmp_path / "a.c").stat().st_mode & 0o7777 == mode

    def test_extended_attributes_are_kept(self, tmp_path: Path) -> None:
        replacement = _old(tmp_path / "a.c")
        try:
            os.setxattr(tmp_path / "a.c", "user.ring", b"bell")
        except OSError:
            pytest.skip("the file system has no extended attributes")
        replace_texts([replacement])
        assert os.getxattr(tmp_path / "a.c", "user.ring") == b"bell"

    def test_other_hard_links_keep_the_old_text(self, tmp_path: Path) -> None:
        replacement = _old(tmp_path / "a.c")
        (tmp_path / "b.c").hardlink_to(tmp_path / "a.c")
        replace_texts([replacement])
        assert (tmp_path / "b.c").read_bytes() == b"old"

    @pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
    def test_a_folder_that_may_not_be_written_to(self, tmp_path: Path) -> None:
        (tmp_path / "closed").mkdir()
        replacement = _old(tmp_path / "closed/a.c")
        (tmp_path / "closed").chmod(0o555)
        with pytest.raises(NotWritten, match="denied"):
            replace_texts([replacement])
        assert (tmp_path / "closed/a.c").read_bytes() == b"old"


class TestTogether:
    def test_files_of_one_conversion_wait_for_each_other(self, tmp_path: Path) -> None:
        """The header changed meanwhile: then neither the helper nor its callers are written."""
        tree = _shared(tmp_path)
        names = ["drivers/ring/helper.c", "drivers/ring/one.c", "drivers/ring/ring.h"]
        old = {name: (tmp_path / name).read_bytes() for name in names}
        patch = _patch(tree, "drivers/ring/one.c", "drivers/ring/alone.c")
        (tmp_path / "drivers/ring/ring.h").write_bytes(b"/* mine */\n")
        failed = batch.write(patch)
        assert [outcome.file for outcome in failed] == names
        assert "drivers/ring/ring.h" in str(failed[0].reason)
        assert (tmp_path / names[0]).read_bytes() == old[names[0]]
        assert (tmp_path / names[1]).read_bytes() == old[names[1]]
        assert b".mmap_prepare" in (tmp_path / "drivers/ring/alone.c").read_bytes()


def _shared(root: Path) -> KernelTree:
    """Make a tree in which a driver has a helper in another file, and one has not."""
    using = DRIVER.replace(b"vma->vm_ops = &ring_vm_ops;\n\treturn 0;", b"return ring_map(vma);")
    files = {
        "Makefile": b"VERSION = 7\nPATCHLEVEL = 3\n",
        "include/linux/mm_types.h": b"struct vm_area_desc;\n",
        "drivers/ring/ring.h": b"int ring_map(struct vm_area_struct *vma);\n",
        "drivers/ring/helper.c": b'#include "ring.h"\n\nint ring_map(struct vm_area_struct *vma)\n'
        b"{\n\tvma->vm_ops = &ring_vm_ops;\n\treturn 0;\n}\n",
        "drivers/ring/one.c": b'#include "ring.h"\n' + using,
        "drivers/ring/alone.c": DRIVER.replace(b"ring_mmap", b"alone_mmap"),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text)
    return KernelTree(root)


def _patch(tree: KernelTree, *names: str) -> Patch:
    patch = Patch()
    for name in names:
        task = Task(Input(tree.root / name, tree.root, name), Asked("7.3", verify=False), None)
        result = batch.added(convert_input(task), patch)
        assert [outcome.status for outcome in result.outcomes] == ["converted"]
    return patch


class TestIdempotence:
    def test_of_the_example(self, premap: Premap, tmp_path: Path) -> None:
        example = Path(__file__).parents[2] / "examples/ring/ring.c"
        (tmp_path / "ring.c").write_bytes(example.read_bytes())
        premap("convert", "--no-verify", "--in-place", "ring.c")
        once = (tmp_path / "ring.c").read_bytes()
        assert once != example.read_bytes()
        ran = premap("convert", "--no-verify", "--in-place", "ring.c")
        assert "0 converted" in ran.lines[-1] or "no handlers" in ran.lines[-1]
        assert (tmp_path / "ring.c").read_bytes() == once

    @pytest.mark.tree("7.3")
    def test_of_real_drivers(self, kernel_tree: Callable[[str], Path], tmp_path: Path) -> None:
        tree = KernelTree(kernel_tree("7.3"))
        files = [
            *sorted((tree.root / "drivers/char").glob("*.c")),
            *sorted((tree.root / "drivers/xen").glob("*.c")),
            *sorted((tree.root / "drivers/misc").glob("bcm-vk/*.c")),
        ]
        changed = 0
        for path in files:
            source = read_source(path, path.name)
            if b"mmap" not in source.text:
                continue
            conversions = convert_file(source, None, "7.3")
            (tmp_path / path.name).write_bytes(source.text)
            patch = Patch()
            for conversion in conversions:
                if conversion.reason is None:
                    digests = {path.name: digest(source.text)}
                    patch.add(Input(tmp_path / path.name, None, path.name), conversion, digests)
                    changed += 1
            assert not batch.write(patch)
            again = read_source(tmp_path / path.name)
            assert all(each.reason for each in convert_file(again, None, "7.3")), path
        assert changed >= 3
