# SPDX-License-Identifier: GPL-2.0-only
"""Whether an answer still holds: after every kind of change that could make it another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.files import write_files

from premap.cache import witness
from premap.cache.evidence import Evidence, holds
from premap.cache.witness import WitnessTree
from premap.csource.includes import closure

MAKEFILE = b"VERSION = 7\nPATCHLEVEL = 3\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a tree with one driver, which includes two headers."""
    files = {
        "Makefile": MAKEFILE,
        "include/linux/one.h": b"#include <linux/two.h>\n",
        "include/linux/two.h": b"int two;\n",
        "drivers/ring/ring.c": b'#include <linux/one.h>\n#include "ring.h"\nint mmap;\n',
        "drivers/ring/other.c": b"int ring_mmap;\n",
    }
    write_files(tmp_path, files)
    return tmp_path


@pytest.fixture
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files for settled that were written this moment."""
    monkeypatch.setattr(witness, "SETTLED", -100.0)


def asked(root: Path) -> Evidence | None:
    """Ask a tree what a driver includes and what lies beside it; return what that rests on."""
    tree = WitnessTree(root)
    closure(tree.open("drivers/ring/ring.c"), tree)
    assert tree.search.beside("ring_mmap", "drivers/ring") == ["drivers/ring/other.c"]
    return tree.evidence()


@pytest.mark.usefixtures("_settled")
class TestHolds:
    def test_while_nothing_changes(self, root: Path) -> None:
        evidence = asked(root)
        assert evidence is not None
        assert holds(evidence, root)

    @pytest.mark.parametrize("name", ["include/linux/two.h", "drivers/ring/other.c", "Makefile"])
    def test_not_after_an_edit_that_keeps_size_and_time(self, root: Path, name: str) -> None:
        if name == "Makefile":
            WitnessTree(root).open(name)
            tree = WitnessTree(root)
            tree.open(name)
            evidence = tree.evidence()
        else:
            evidence = asked(root)
        assert evidence is not None
        path = root / name
        status = path.stat()
        path.write_bytes(path.read_bytes().replace(b"i", b"j").replace(b"7", b"6"))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert not holds(evidence, root)

    @pytest.mark.parametrize(
        "name",
        ["drivers/ring/ring.h", "arch/x86/include/linux/two.h", "drivers/ring/third.c"],
    )
    def test_not_after_a_file_comes_that_would_be_read(self, root: Path, name: str) -> None:
        evidence = asked(root)
        assert evidence is not None
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"int ring_mmap;\n")
        assert not holds(evidence, root)

    def test_not_after_a_file_goes(self, root: Path) -> None:
        evidence = asked(root)
        assert evidence is not None
        (root / "include/linux/two.h").unlink()
        assert not holds(evidence, root)

    def test_after_a_file_comes_that_nobody_reads(self, root: Path) -> None:
        evidence = asked(root)
        assert evidence is not None
        (root / "drivers/ring/ring.o").write_bytes(b"")
        (root / "include/linux/three.h").write_bytes(b"")
        assert holds(evidence, root)


class TestNone:
    def test_of_a_file_that_changed_a_moment_ago(self, root: Path) -> None:
        assert asked(root) is None

    @pytest.mark.usefixtures("_settled")
    def test_of_a_search_through_folders_below(self, root: Path) -> None:
        tree = WitnessTree(root)
        tree.search.mentioning("ring_mmap", "")
        assert tree.evidence() is None
