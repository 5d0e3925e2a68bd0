# SPDX-License-Identifier: GPL-2.0-only
"""Every idiom's own before and after."""

from __future__ import annotations

from pathlib import Path

import pytest

from premap import releases
from premap.conversion import EXPLANATIONS as REASONS
from premap.conversion import apply, callback_named, convert_file, planned
from premap.conversion.callback import FILE_OPERATIONS, Callback
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.idioms import EXPLANATIONS, IDIOMS
from premap.idioms.idiom import Idiom


def opened(idiom: Idiom, root: Path) -> tuple[SourceFile, KernelTree | None]:
    """Return the example as a file, alone or in a tree."""
    if not idiom.in_tree:
        return SourceFile("ring.c", idiom.before.encode()), None
    (root / "ring.c").write_text(idiom.before)
    tree = KernelTree(root)
    return tree.open("ring.c"), tree


def asked(idiom: Idiom, tree: KernelTree | None) -> Callback:
    """Return the member that the example converts."""
    if idiom.callback is None or tree is None:
        return FILE_OPERATIONS
    return planned(callback_named(idiom.callback), tree, releases.named("7.3"))


@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda idiom: idiom.id)
class TestExample:
    def test_before_becomes_after(self, idiom: Idiom, tmp_path: Path):
        source, tree = opened(idiom, tmp_path)
        found = convert_file(source, tree, "7.3", callback=asked(idiom, tree))
        assert apply(found, source).decode() == idiom.after

    def test_uses_the_idiom(self, idiom: Idiom, tmp_path: Path):
        source, tree = opened(idiom, tmp_path)
        found = convert_file(source, tree, "7.3", callback=asked(idiom, tree))
        used = {id_ for each in found for id_ in each.idioms}
        assert idiom.id in used

    def test_after_has_nothing_to_convert(self, idiom: Idiom):
        source = SourceFile("ring.c", idiom.after.encode())
        assert convert_file(source, None, "7.3") == []


class TestTable:
    def test_ids_are_unique(self):
        assert len(EXPLANATIONS) == len(IDIOMS)


class TestDocumentation:
    TEXT = (Path(__file__).parents[2] / "docs/idioms.md").read_text()

    @pytest.mark.parametrize("idiom", IDIOMS, ids=lambda idiom: idiom.id)
    def test_lists_every_idiom(self, idiom: Idiom):
        assert f"| {idiom.id} | {idiom.title} |" in self.TEXT

    @pytest.mark.parametrize("id_", REASONS)
    def test_lists_every_reason_and_note(self, id_: str):
        assert f"| `{id_}` | {REASONS[id_].title} |" in self.TEXT
