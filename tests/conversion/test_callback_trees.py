# SPDX-License-Identifier: GPL-2.0-only
"""Members of the kernel's own subsystems: what comes out must hold together."""

from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from premap.conversion import Callback, apply, callback_named, convert_file, planned, target_release
from premap.csource.edit import apply_edits
from premap.csource.nodes import find_all
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.csource.unified import unified_diff
from premap.records import Conversion

Trees = Callable[[str], Path]
pytestmark = pytest.mark.tree


@functools.cache
def opened(root: Path) -> KernelTree:
    """Return one tree for all tests: what it found once, it knows."""
    return KernelTree(root)


def plan(tree: KernelTree, name: str) -> Callback:
    return planned(callback_named(name), tree, target_release("7.3", tree))


def conversions(tree: KernelTree, callback: Callback, folder: str) -> list[Conversion]:
    names = tree.search.mentioning(callback.member, folder)
    return [
        found
        for name in names
        for found in convert_file(tree.open(name), tree, "7.3", callback=callback)
    ]


def edited(tree: KernelTree, found: list[Conversion]) -> dict[str, tuple[bytes, bytes]]:
    """Return the old and the new text of each C file that changes."""
    names = {edit.file for each in found for edit in each.edits if edit.file[-2:] in {".c", ".h"}}
    sources = [tree.open(name) for name in sorted(names)]
    return {source.name: (source.text, apply(found, source)) for source in sources}


def errors(text: bytes) -> int:
    return len(list(find_all(SourceFile("x.c", text).root, "ERROR")))


@pytest.mark.parametrize(
    ("member", "folder"),
    [("struct snd_hwdep_ops.mmap", "sound"), ("struct dma_buf_ops.mmap", "drivers/dma-buf")],
)
class TestConverts:
    def test_patch_applies_and_parses(
        self, kernel_tree: Trees, member: str, folder: str, tmp_path: Path
    ) -> None:
        tree = opened(kernel_tree("7.3"))
        found = conversions(tree, plan(tree, member), folder)
        texts = edited(tree, found)
        assert sum(each.reason is None for each in found) >= 2
        diff = b""
        for name, (old, new) in texts.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(old)
            diff += unified_diff(name, old, new)
            assert errors(new) <= errors(old)
        applied = subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff, check=False)
        assert applied.returncode == 0
        assert all((tmp_path / name).read_bytes() == new for name, (_, new) in texts.items())

    def test_only_the_dispatcher_calls_the_member(
        self, kernel_tree: Trees, member: str, folder: str
    ) -> None:
        tree = opened(kernel_tree("7.3"))
        callback = plan(tree, member)
        assert callback.groundwork is not None
        call = re.compile(rb"(?:->|\.)%b\(" % callback.member.encode())
        either = re.compile(rb"if \(!ops->mmap_prepare\)\n\t\treturn ops->mmap\(")
        calls = 0
        for name in {edit.file for edit in callback.groundwork.edits}:
            edits = [edit for edit in callback.groundwork.edits if edit.file == name]
            text = SourceFile(name, apply_edits(tree.open(name).text, edits)).code
            assert len(call.findall(text)) == len(either.findall(text))
            calls += len(either.findall(text))
        assert calls == 1, folder


class TestRefuses:
    @pytest.mark.parametrize(
        ("member", "id_"),
        [
            ("struct uio_info.mmap", "callback-unknown"),
            ("struct vb2_mem_ops.mmap", "callback-in-macro"),
        ],
    )
    def test_says_why(self, kernel_tree: Trees, member: str, id_: str) -> None:
        found = plan(opened(kernel_tree("7.3")), member)
        assert found.refusal is not None
        assert found.refusal.id == id_
        assert found.groundwork is None
