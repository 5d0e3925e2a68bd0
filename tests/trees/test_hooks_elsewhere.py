# SPDX-License-Identifier: GPL-2.0-only
"""Hooks that a table names and another file of the tree defines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from premap.csource.tree import KernelTree
from premap.equivalence.api import NoSuchHook, hook


class TestHook:
    def test_of_another_file_of_the_folder(self, kernel_tree: Callable[[str], Path]) -> None:
        tree = KernelTree(kernel_tree("7.3"))
        found = hook(tree.open("fs/ceph/file.c"), "ceph_mmap_prepare", tree)
        assert found.member == "mmap_prepare"
        assert found.functions[0].source.name == "fs/ceph/addr.c"

    def test_of_the_kernel_itself(self, kernel_tree: Callable[[str], Path]) -> None:
        tree = KernelTree(kernel_tree("7.3"))
        found = hook(tree.open("fs/adfs/file.c"), "generic_file_mmap_prepare", tree)
        assert found.member == "mmap_prepare"
        assert not found.functions

    def test_of_no_file(self, kernel_tree: Callable[[str], Path]) -> None:
        tree = KernelTree(kernel_tree("7.3"))
        with pytest.raises(NoSuchHook, match="there is no such function"):
            hook(tree.open("fs/ceph/file.c"), "ceph_mmap_nowhere", tree)
