# SPDX-License-Identifier: GPL-2.0-only
"""What `premap check` keeps of a file, and when it looks again."""

from __future__ import annotations

import os
import pickle
import zlib
from pathlib import Path

import pytest

from premap.cache import witness
from premap.cli import checking, known
from premap.cli.checked import FileChecked
from premap.cli.checking import check_paths

MAKEFILE = b"VERSION = 7\nPATCHLEVEL = 3\n"
HEADER = b"#define RING_BIT VM_IO\n"
FIXED = b"#define RING_BIT VMA_IO_BIT\n"
DRIVER = b"""\
#include <linux/ring.h>

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	vma_desc_set_flags(desc, RING_BIT);
	return helper(desc);
}

static const struct file_operations ring_fops = {
	.mmap = ring_old,
	.mmap_prepare = ring_mmap_prepare,
};
"""


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a driver in a tree, with a cache of its own, and times that count as settled."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(witness, "SETTLED", -100.0)
    monkeypatch.setattr(checking, "_TREES", {})
    root = tmp_path / "tree"
    files = {"Makefile": MAKEFILE, "include/linux/ring.h": HEADER, "drivers/ring.c": DRIVER}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text)
    return root / "drivers/ring.c"


def entries(tmp_path: Path) -> list[Path]:
    """Return what is kept."""
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def rules_of(results: list[FileChecked]) -> list[str]:
    """Return the rules that found something."""
    return [finding.rule for each in results for finding in each.checked.findings]


def poison(tmp_path: Path) -> None:
    """Take the findings out of what is kept, so that one sees whether it is used."""
    (path,) = entries(tmp_path)
    evidence, found = pickle.loads(zlib.decompress(path.read_bytes()[16:]))
    entry = zlib.compress(pickle.dumps((evidence, FileChecked(found.name, found.target))))
    path.unlink()
    known.Store(path.parent.parent).put(path.parent.name + path.name, entry)


class TestKept:
    def test_is_used_while_nothing_changes(self, driver: Path, tmp_path: Path) -> None:
        first = check_paths([driver], None, None, 1)
        assert rules_of(first)
        assert check_paths([driver], None, None, 1) == first
        poison(tmp_path)
        assert rules_of(check_paths([driver], None, None, 1)) == []

    def test_is_not_used_where_that_is_asked(self, driver: Path, tmp_path: Path) -> None:
        first = check_paths([driver], None, None, 1)
        poison(tmp_path)
        assert check_paths([driver], None, None, 1, cached=False) == first

    def test_is_not_used_for_another_release(self, driver: Path, tmp_path: Path) -> None:
        check_paths([driver], None, None, 1)
        poison(tmp_path)
        assert rules_of(check_paths([driver], None, "7.2", 1))

    def test_is_not_used_after_an_edit(self, driver: Path, tmp_path: Path) -> None:
        check_paths([driver], None, None, 1)
        poison(tmp_path)
        driver.write_bytes(DRIVER + b"\n")
        assert rules_of(check_paths([driver], None, None, 1))

    def test_is_not_used_after_an_edit_of_a_header(self, driver: Path, tmp_path: Path) -> None:
        assert "R13" in rules_of(check_paths([driver], None, None, 1))
        poison(tmp_path)
        (driver.parent.parent / "include/linux/ring.h").write_bytes(FIXED)
        assert "R13" in rules_of(check_paths([driver], None, None, 1))

    def test_is_not_used_by_another_premap(
        self, driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        check_paths([driver], None, None, 1)
        poison(tmp_path)
        monkeypatch.setattr(known, "code_stamp", lambda: "another")
        assert rules_of(check_paths([driver], None, None, 1))

    def test_runs_nothing_that_is_read(self, driver: Path, tmp_path: Path) -> None:
        check_paths([driver], None, None, 1)
        (path,) = entries(tmp_path)
        made = tmp_path / "made"
        entry = zlib.compress(pickle.dumps(_Runs(str(made))))
        known.Store(path.parent.parent).put(path.parent.name + path.name, entry)
        assert rules_of(check_paths([driver], None, None, 1))
        assert not made.exists()

    def test_where_nothing_can_be_kept_all_is_found(self, driver: Path, tmp_path: Path) -> None:
        (tmp_path / "cache").write_bytes(b"")
        assert rules_of(check_paths([driver], None, None, 1))


class _Runs:
    """What makes a file when it is read by a plain pickle."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.mkdir, (self.path,)
