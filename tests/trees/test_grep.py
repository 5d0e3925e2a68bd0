# SPDX-License-Identifier: GPL-2.0-only
"""Every one of grep's sites is accounted for: listed by a survey, or explained by a rule of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SET = r"(\.|->)[[:space:]]*[A-Za-z0-9_]*mmap[A-Za-z0-9_]*[[:space:]]*=([^=]|$)"
"""A member whose name says mmap, and a `=`."""
RELEASES = ("6.1", "6.12", "7.2", "7.3")

Surveyed = Callable[[str], dict[str, Any]]


def grep(root: Path, pattern: str) -> set[tuple[str, int]]:
    """Return file and line of whatever grep finds in a tree's C."""
    command = ["grep", "-rnE", "--include=*.c", "--include=*.h", pattern, "."]
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=True)
    found = (line.split(b":", 2) for line in done.stdout.splitlines())
    return {(file.decode().removeprefix("./"), int(number)) for file, number, _ in found}


@pytest.mark.parametrize("release", RELEASES)
def test_every_site_of_grep(
    kernel_tree: Callable[[str], Path], surveyed_tree: Surveyed, release: str
) -> None:
    found = grep(kernel_tree(release), SET)
    document = surveyed_tree(release)
    listed = {(site["file"], site["line"]) for site in document["handlers"]}
    explained = {(each["file"], each["line"]): each["rule"] for each in document["explained"]}
    assert len(found) > 800
    assert found - listed - explained.keys() == set()
    assert {"unread", "not-c"}.isdisjoint(explained.values())
    stated = {rule["id"]: rule["sites"] for rule in document["rules"]}
    assert stated == document["totals"]["explained"]
