# SPDX-License-Identifier: GPL-2.0-only
"""Building, as far as it goes without a kernel: what is kept, and what is said when it fails."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from premap.uml import UmlError, build
from premap.uml.cache import Entry

TOOLS = ("gcc", "ld", "make", "flex", "bison", "bc")
needs_tools = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in TOOLS), reason=f"needs {', '.join(TOOLS)}"
)
HEAD = "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\n"
GOOD = """\
allnoconfig: ; mkdir -p $(O)
linux:
\techo 'made' >> $(O)/times
\techo 'deps := $(CURDIR)/mm/vma.c' > $(O)/.vma.o.cmd
\techo '#!/bin/sh' > $(O)/linux
"""
"""The rules of a tree whose kernel is a script, and whose build notes how often it ran."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "linux"
    for folder in ("arch/um", "drivers/misc", "mm"):
        (root / folder).mkdir(parents=True)
    (root / "drivers/misc/Makefile").write_text("")
    (root / "mm/vma.c").write_text("int vma;\n")
    (root / "mm/Makefile").write_text("")
    (root / "drivers/char").mkdir()
    (root / "drivers/char/Makefile").write_text("")
    rules(root, GOOD)
    os.utime(root / "mm/vma.c", (1, 1))
    return root


def rules(tree: Path, text: str) -> None:
    (tree / "Makefile").write_text(HEAD + text)


def times_made(cache: Path) -> int:
    (times,) = cache.rglob("times")
    return len(times.read_text().splitlines())


@needs_tools
class TestCache:
    def test_a_kernel_is_built_once(self, tree: Path, cache: Path) -> None:
        assert build(tree) == build(tree)
        assert times_made(cache) == 1

    def test_it_is_built_anew_when_a_file_it_was_made_of_changes(
        self, tree: Path, cache: Path
    ) -> None:
        build(tree)
        (tree / "mm/vma.c").write_text("int other;\n")
        build(tree)
        assert times_made(cache) == 2

    def test_a_file_that_changes_while_it_is_built_counts_as_changed(
        self, tree: Path, cache: Path
    ) -> None:
        rules(tree, GOOD + "\ttouch $(CURDIR)/mm/vma.c\n")
        build(tree)
        rules(tree, GOOD)
        build(tree)
        assert times_made(cache) == 2

    def test_other_trees_have_other_kernels(self, tree: Path, tmp_path: Path) -> None:
        other = tmp_path / "other"
        shutil.copytree(tree, other)
        assert build(tree).linux != build(other).linux

    def test_several_at_once_build_one_kernel(self, tree: Path, cache: Path) -> None:
        context = multiprocessing.get_context("spawn")
        with context.Pool(3) as pool:
            kernels = pool.map(build, [tree] * 3)
        assert (len(set(kernels)), times_made(cache)) == (1, 1)

    def test_an_old_kernel_stays_while_the_new_one_is_built(self, tree: Path) -> None:
        linux = build(tree).linux
        with linux.open() as running:
            (tree / "mm/vma.c").write_text("int other;\n")
            build(tree)
            assert running.read() == "#!/bin/sh\n"


@needs_tools
class TestFailure:
    def test_names_the_step_the_reason_and_the_log(self, tree: Path, cache: Path) -> None:
        rules(tree, "allnoconfig: ;\nlinux:\n\t@echo 'mm/vma.c:3:1: error: no such type'; exit 1\n")
        with pytest.raises(UmlError) as failure:
            build(tree)
        (log,) = cache.rglob("log")
        assert str(failure.value) == (
            f"compiling failed: mm/vma.c:3:1: error: no such type; see {log}"
        )

    def test_leaves_nothing_that_looks_built(self, tree: Path, cache: Path) -> None:
        rules(tree, "allnoconfig linux: ; exit 1\n")
        for _ in range(2):
            with pytest.raises(UmlError):
                build(tree)
        assert not list(cache.rglob("ready.json"))

    def test_is_over_once_the_tree_is_right(self, tree: Path) -> None:
        rules(tree, "allnoconfig linux: ; exit 1\n")
        with pytest.raises(UmlError):
            build(tree)
        rules(tree, GOOD)
        assert build(tree).linux.is_file()


class TestTools:
    def test_those_that_are_missing_are_named(
        self, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        programs = tmp_path / "bin"
        programs.mkdir()
        for tool in set(TOOLS) - {"flex", "bc"}:
            (programs / tool).write_text("#!/bin/sh\n")
            (programs / tool).chmod(0o755)
        monkeypatch.setenv("PATH", str(programs))
        with pytest.raises(UmlError, match="building a kernel needs flex, bc: not found"):
            build(tree)


@needs_tools
class TestInterruption:
    def test_ends_the_build_and_leaves_nothing_that_looks_built(
        self, tree: Path, cache: Path
    ) -> None:
        rules(tree, "allnoconfig: ;\nlinux: ; touch $(O)/began; sleep 1234\n")
        program = (
            "import pathlib, signal, sys, premap.uml\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's & ignores it
            "premap.uml.build(pathlib.Path(sys.argv[1]))"
        )
        command = [sys.executable, "-c", program, str(tree)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not list(cache.rglob("began")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.wait(20)
        assert not list(cache.rglob("ready.json"))
        assert not still_sleeping()


def still_sleeping() -> bool:
    """Whether the build's command still runs."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if entry.read_bytes() == b"sleep\x001234\x00":
                return True
        except OSError:
            continue
    return False


class TestEntry:
    def test_is_not_ready_before_it_was_built(self, tree: Path) -> None:
        assert not Entry(tree, "7.3.0", [b"driver"]).is_ready()

    def test_is_that_of_one_version_of_premap(self, tree: Path) -> None:
        ours, theirs = Entry(tree, "7.3.0", [b"driver"]), Entry(tree, "7.3.0", [b"other"])
        assert ours.build == theirs.build
        assert ours.linux != theirs.linux
