# SPDX-License-Identifier: GPL-2.0-only
"""The model's numbers are the kernel's: as Python has them, and as a tree's headers do."""

from __future__ import annotations

import fcntl
import mmap
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from premap.model import bits, constants

PYTHON = {
    **{
        name: value
        for name, value in vars(mmap).items()
        if name.startswith(("MAP_", "PROT_", "MADV_"))
    },
    **{name: value for name, value in vars(stat).items() if name.startswith("S_IF")},
    **{name: value for name, value in vars(fcntl).items() if name.startswith("F_SEAL_")},
}
PYTHON["S_IFMT"] = 0o170000
OURS = {name: value for name, value in vars(constants).items() if name.isupper()}
HEADERS = (
    "include/uapi/asm-generic/mman-common.h",
    "include/uapi/asm-generic/mman.h",
    "include/uapi/linux/mman.h",
    "include/uapi/linux/stat.h",
    "include/uapi/linux/fcntl.h",
    "include/linux/fs.h",
)
DEFINED = re.compile(
    r"^#define\s+(\w+)\s+\(?(?:\(__force \w+\))?\(?\(?\s*(0x[0-9a-fA-F]+|\d+)"
    r"(?:\s*<<\s*(\d+))?\)*\s*(?:/\*.*)?$",
    re.MULTILINE,
)


def same(name: str) -> bool:
    return isinstance(PYTHON[name], int) and OURS[name] == PYTHON[name]


@pytest.mark.parametrize("name", sorted(OURS.keys() & PYTHON.keys()))
def test_python_has_the_same(name: str) -> None:
    assert same(name)


def test_python_has_many() -> None:
    assert len(OURS.keys() & PYTHON.keys()) > 30


def defined(tree: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for header in HEADERS:
        for name, number, shift in DEFINED.findall((tree / header).read_text()):
            base = 8 if re.fullmatch(r"0\d+", number) else 0
            found.setdefault(name, int(number, base) << int(shift or 0))
    return found


def test_a_tree_has_the_same(kernel_tree: Callable[[str], Path]) -> None:
    tree = kernel_tree("7.3")
    theirs = defined(tree)
    common = OURS.keys() & theirs.keys()
    assert len(common) > 55
    assert {name: OURS[name] for name in common} == {name: theirs[name] for name in common}


def test_a_tree_has_the_same_bits(kernel_tree: Callable[[str], Path]) -> None:
    tree = kernel_tree("7.3")
    text = (tree / "include/linux/mm.h").read_text()
    declared = re.findall(r"DECLARE_VMA_BIT\((\w+),\s*(\d+)\)", text)
    theirs = {f"VMA_{name}_BIT": int(number) for name, number in declared}
    ours = {name: value for name, value in vars(bits).items() if name in theirs}
    assert len(ours) > 30
    assert ours == {name: theirs[name] for name in ours}


def test_masks_are_the_bits() -> None:
    named = {
        name: value for name, value in vars(bits).items() if re.fullmatch(r"VMA_\w+_BIT", name)
    }
    masks = {name: getattr(bits, "VM_" + name[4:-4], None) for name in named}
    off = [name for name, mask in masks.items() if mask == 0]
    assert "VMA_SOFTDIRTY_BIT" in off
    assert len(off) < 8  # what a configuration switches off
    assert all(masks[name] in (None, 0, 1 << bit) for name, bit in named.items())
