# SPDX-License-Identifier: GPL-2.0-only
"""The nodes of terms: immutable, one object for each structure, and what is cheaply known of each.

A node is interned under its operator, its arguments and its data, so that two terms of the same
structure are the same object for as long as one of them is in use. The table is weak.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Hashable
from functools import lru_cache
from typing import Any, ClassVar
from weakref import WeakValueDictionary

ALL = (1 << 64) - 1
"""The word of 64 ones."""

_serial = itertools.count(1)
_words: WeakValueDictionary[tuple[Hashable, ...], WordNode] = WeakValueDictionary()
_bools: WeakValueDictionary[tuple[Hashable, ...], BoolNode] = WeakValueDictionary()


class Node:
    """A term: operator, arguments, and data that are no terms, of the types that the operator has.

    `uid` is never given twice in a process; `key` depends on the structure alone, and orders the
    arguments of commutative operators the same way in every process.
    """

    __slots__ = ("__weakref__", "args", "data", "key", "op", "uid")

    op: str
    args: tuple[Any, ...]
    data: Any
    uid: int
    key: int

    def __hash__(self) -> int:
        return self.key

    def __copy__(self) -> Node:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Node:
        return self


class WordNode(Node):
    """A term whose value is a word.

    Known of it: it lies in [low, high], has no bit outside `may`, and has all bits of `must`.
    `spine` counts the conditional choices nested at its top.
    """

    __slots__ = ("high", "low", "may", "must", "spine")

    concrete: ClassVar[type[WordNode]]
    low: int
    high: int
    may: int
    must: int
    spine: int

    def __init_subclass__(cls) -> None:
        WordNode.concrete = cls

    @property
    def is_const(self) -> bool:
        """Whether the value is known."""
        return self.op == "const"


class BoolNode(Node):
    """A term whose value is true or false, and not known."""

    __slots__ = ()

    concrete: ClassVar[type[BoolNode]]

    def __init_subclass__(cls) -> None:
        BoolNode.concrete = cls


Truth = BoolNode | bool
"""A truth value: a term, or known."""


def _fill(node: Node, op: str, args: tuple[Node, ...], data: Hashable) -> None:
    node.op = op
    node.args = args
    node.data = data
    node.uid = next(_serial)
    node.key = hash((_number(op), _stable(data), *[arg.key for arg in args]))


@lru_cache(maxsize=4096)
def _number(text: str) -> int:
    return zlib.crc32(text.encode())


def _stable(data: Hashable) -> Hashable:
    """Return `data` as numbers: hashes of texts and of None differ between processes."""
    kind = type(data)
    if kind is int:
        return data
    if data is None:
        return 0
    if isinstance(data, str):
        return _number(data)
    if isinstance(data, tuple):
        return tuple([_stable(part) for part in data])
    return data


def make_word(
    op: str,
    args: tuple[Node, ...] = (),
    data: Hashable = None,
    *,
    low: int = 0,
    high: int = ALL,
    may: int = ALL,
    must: int = 0,
    spine: int = 0,
) -> WordNode:
    """Return the node of that structure, or the constant that it has to be by these facts."""
    identity = (op, data, *[arg.uid for arg in args])
    found = _words.get(identity)
    if found is not None:
        return found
    high = min(high, may)
    low = max(low, must)
    if low == high and op != "const":
        return const(low)
    node = object.__new__(WordNode.concrete)
    _fill(node, op, args, data)
    node.low = low
    node.high = high
    node.may = may & ((1 << high.bit_length()) - 1)
    node.must = must
    node.spine = spine
    _words[identity] = node
    return node


def make_bool(op: str, args: tuple[Node, ...], data: Hashable = None) -> BoolNode:
    """Return the node of that structure."""
    identity = (op, data, *[arg.uid for arg in args])
    found = _bools.get(identity)
    if found is not None:
        return found
    node = object.__new__(BoolNode.concrete)
    _fill(node, op, args, data)
    _bools[identity] = node
    return node


@lru_cache(maxsize=1024)
def const(value: int) -> WordNode:
    """Return the word of that value modulo 2**64."""
    value &= ALL
    return make_word("const", (), value, low=value, high=value, may=value, must=value)


def value_of(node: WordNode) -> int:
    """Return the value of a constant."""
    value: int = node.data
    return value


def live_nodes() -> int:
    """Return how many nodes are in use in this process."""
    return len(_words) + len(_bools)
