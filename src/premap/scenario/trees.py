# SPDX-License-Identifier: GPL-2.0-only
"""The ways in which the model may hold its mappings: all of them give the same results."""

from __future__ import annotations

from premap.model.chunks import ChunkedList
from premap.model.tree import ListTree, SortedTree, VmaTree
from premap.model.vma import VmAreaStruct


class SmallChunks(ChunkedList[VmAreaStruct]):
    """A list for very many mappings, in chunks so small that a few mappings fill several."""

    __slots__ = ()
    size = 2


class ChunkedTree(SortedTree):
    """What the model does with very many mappings, from the first one on."""

    __slots__ = ()
    chunks = SmallChunks
    long = 0
    long_search = 0


TREES: tuple[type[VmaTree], ...] = (SortedTree, ListTree, ChunkedTree)
