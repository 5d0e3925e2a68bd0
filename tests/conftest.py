# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures that every test may use. Tests on real kernel sources say which releases they need."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Tests begin hundreds of processes, and each would compile premap anew, half of what it takes.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session")
def kernel_tree() -> Callable[[str], Path]:
    """Return `kernel_tree("7.3")`: the root of that release's source tree, or a skip that names it.

    A test that asks for this fixture is marked `tree` of itself.
    """
    return _tree_or_skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses the fixture, so that `-m tree` finds all of them."""
    for item in items:
        if "kernel_tree" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.tree)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked `tree("7.3")` where that release can't be had."""
    for marker in item.iter_markers("tree"):
        for release in marker.args:
            _tree_or_skip(release)


def _tree_or_skip(release: str) -> Path:
    named = _named_tree(release)
    if named is not None:
        return named
    cached = _cache_folder() / f"linux-source-{release}"
    if (cached / "Makefile").is_file():
        return cached
    pytest.skip(
        f"no Linux {release} tree: set {_variable(release)}, or run scripts/kernel-tree {release}"
    )


def _named_tree(release: str) -> Path | None:
    named = os.environ.get(_variable(release))
    if not named:
        return None
    tree = Path(named)
    if not (tree / "Makefile").is_file():
        pytest.fail(f"{_variable(release)}={named}: no kernel tree there")
    return tree


def _variable(release: str) -> str:
    return "PREMAP_TREE_" + release.replace(".", "_")


def _cache_folder() -> Path:
    """Where scripts/kernel-tree puts its trees."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "premap" / "trees"
