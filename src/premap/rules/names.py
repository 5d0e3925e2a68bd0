# SPDX-License-Identifier: GPL-2.0-only
"""Kernel functions that rules know by name: names.toml, looked up."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Any

from msgspec import Struct


class Taker(Struct, frozen=True):
    """A kernel function that fills a mapping itself, or hands it on."""

    vma: int
    """Index of the argument that is the VMA."""
    keeps: frozenset[str]
    checks: frozenset[str]
    adds: bool
    """Whether it adds the offset itself."""


@functools.cache
def _table() -> dict[str, dict[str, Any]]:
    text = Path(__file__).with_name("names.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def vma_only() -> dict[str, str]:
    """Functions that take a VMA, and what does the same with a descriptor ("": nothing)."""
    return _table()["vma_only"]


@functools.cache
def descriptor_functions() -> frozenset[str]:
    """Functions on descriptors that no release is known to lack."""
    return frozenset(_table()["descriptors"]["names"])


@functools.cache
def core() -> tuple[str, ...]:
    """Folders of the code that implements mmap() and its interface."""
    return tuple(_table()["core"]["folders"])


@functools.cache
def hands_on() -> frozenset[str]:
    """Functions that call another hook for a VMA."""
    return lower_hooks() | frozenset(_table()["hands_on"]["objects"])


@functools.cache
def lower_hooks() -> frozenset[str]:
    """Functions that call a file's hook for a VMA."""
    return frozenset(_table()["hands_on"]["files"])


def bits() -> dict[str, int]:
    """Functions whose arguments, from this one on, are numbers of flag bits."""
    return _table()["bits"]


def masks() -> dict[str, int]:
    """Functions whose arguments, from this one on, are masks of flags."""
    return _table()["masks"]


@functools.cache
def takers() -> dict[str, Taker]:
    """Functions that fill a mapping or hand it on, by name."""
    return {
        name: Taker(
            entry["vma"],
            frozenset(entry.get("keeps", ())),
            frozenset(entry.get("checks", ())),
            entry.get("adds", False),
        )
        for name, entry in _table()["takers"].items()
    }


class Filler(Struct, frozen=True):
    """A function that fills a mapping, now or later: which argument says what."""

    unit: str
    """Of `first`: "pfn", "phys" or "pages"."""
    first: int
    action: bool = False
    start: int | None = None
    size: int | None = None
    pages: int | None = None
    limit: int | None = None
    """The size of what is mapped from: the function checks the range itself."""
    adds: bool = False
    """Whether it adds the offset itself."""


@functools.cache
def fillers() -> dict[str, Filler]:
    """Functions that fill mappings, by name."""
    return {name: Filler(**entry) for name, entry in _table()["populations"].items()}
