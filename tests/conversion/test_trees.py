# SPDX-License-Identifier: GPL-2.0-only
"""Conversions of real kernel sources: whatever comes out must hold together."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from premap.conversion import apply, convert_file, convert_handler
from premap.csource.nodes import find_all
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.csource.unified import unified_diff

Trees = Callable[[str], Path]
FOLDERS = ("drivers/char", "drivers/misc", "fs/ext4", "fs/gfs2", "security/selinux", "virt/kvm")


def sources(tree: KernelTree) -> list[SourceFile]:
    return [
        tree.open(tree.relative(path))
        for folder in FOLDERS
        for path in sorted((tree.root / folder).rglob("*.c"))
        if b".mmap" in path.read_bytes()
    ]


@pytest.mark.parametrize("release", ["6.12", "7.3"])
class TestTree:
    def test_patches_apply(self, kernel_tree: Trees, release: str, tmp_path: Path):
        tree = KernelTree(kernel_tree(release))
        diff = b""
        for source in sources(tree):
            new = apply(convert_file(source, tree, "7.3"), source)
            diff += unified_diff(source.name, source.text, new)
            if new != source.text:
                (tmp_path / source.name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / source.name).write_bytes(source.text)
        assert diff
        subprocess.run(["git", "apply", "--check", "-"], cwd=tmp_path, input=diff, check=True)

    def test_no_new_parse_errors(self, kernel_tree: Trees, release: str):
        tree = KernelTree(kernel_tree(release))
        for source in sources(tree):
            after = SourceFile(source.name, apply(convert_file(source, tree, "7.3"), source))
            before = sum(1 for _ in find_all(source.root, "ERROR"))
            assert sum(1 for _ in find_all(after.root, "ERROR")) <= before

    def test_one_handler_is_what_the_file_gives(self, kernel_tree: Trees, release: str):
        tree = KernelTree(kernel_tree(release))
        for source in sources(tree):
            for conversion in convert_file(source, tree, "7.3"):
                assert convert_handler(conversion.handler, source, tree, "7.3") == conversion
