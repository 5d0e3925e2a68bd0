# SPDX-License-Identifier: GPL-2.0-only
"""premap as a user runs it: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

DRIVER = b"""\
#include <linux/fs.h>
#include <linux/mm.h>

static const struct vm_operations_struct ring_vm_ops = {
};

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &ring_vm_ops;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
"""
"""A driver that converts."""


@dataclass(frozen=True)
class Ran:
    """What came of a run."""

    code: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[str]:
        return self.err.splitlines()


class Premap:
    """Runs premap in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str | Path, **environment: str) -> Ran:
        if arguments and arguments[0] == "check":
            environment.setdefault("XDG_CACHE_HOME", f"{self.folder}-cache")
        command = [sys.executable, "-m", "premap", *map(os.fsencode, arguments)]
        done = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            timeout=120,
            check=False,
            env=os.environ | {"PREMAP_DEBUG": "", "COLUMNS": "80"} | environment,
        )
        return Ran(done.returncode, done.stdout, done.stderr.decode("utf-8", "surrogateescape"))


@pytest.fixture
def premap(tmp_path: Path) -> Premap:
    """Return a callable that runs premap in `tmp_path`."""
    return Premap(tmp_path)


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    """Return the path of a driver that converts."""
    path = tmp_path / "ring.c"
    path.write_bytes(DRIVER)
    return path
