# SPDX-License-Identifier: GPL-2.0-only
"""Whether a hook hangs on where a member is, in a structure that the versions lay out apart.

What a pointer leads to is told by names, and is the same in both. Where that is, as a number, is
not: `&q->m` is another address, and so is what container_of() gives. As a pointer it may be
compared, kept, and given to any function; a number that is made of it may decide nothing, and be
nowhere where it could be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from premap import symbolic
from premap.csource.ctypes import StructType
from premap.csource.scope import Scope
from premap.equivalence.outcome import Outcome
from premap.interp.bindings import PageArray
from premap.interp.layouts import fact_of
from premap.interp.naming import Namer
from premap.interp.scalars import is_scalar, word_of
from premap.interp.values import Aggregate, Index, Path, Place, Pointer, StructCopy, Value
from premap.model.pagetable import Pte
from premap.symbolic.node import Node


class Moved:
    """What hangs on layouts, of all paths of one comparison."""

    def __init__(self, namer: Namer) -> None:
        self._namer = namer
        self._clean: set[int] = set()
        """Numbers of terms that hang on no layout at all."""
        self._apart: dict[tuple[str, int], bool] = {}

    def found(
        self, outcomes: Sequence[Outcome], decisions: Sequence[symbolic.Decision]
    ) -> str | None:
        """Return the offset, or address, that decisions of a path, or what is left, hang on."""
        terms: list[object] = [each.condition for each in decisions if each.split]
        for outcome in outcomes:
            terms += _numbers(outcome)
        names = self._named(terms)
        taken = dict.fromkeys(each for o in outcomes for each in o.machine.memory.bytes_of)
        if not names and not taken:
            return None
        scopes = [scope for each in outcomes for scope in each.machine.bindings.scopes()]
        for ctype in taken:
            if self._differs(str(ctype), [(ctype, scope) for scope in scopes]):
                return f"the layout of {ctype}"
        return next((each for each in sorted(names) if self._is_apart(each, scopes)), None)

    def _named(self, terms: Iterable[object]) -> set[str]:
        """Return the offsets and addresses that terms hang on, other than to tell pointers apart.

        What a call gave hangs on what it was given by what that is.
        """
        names: set[str] = set()
        pending = [each for each in terms if isinstance(each, Node)]
        seen: list[int] = []
        done = self._clean | self._namer.identities
        while pending:
            node = pending.pop()
            if node.uid in done:
                continue
            done.add(node.uid)
            seen.append(node.uid)
            name = node.data[0] if node.op in ("var", "apply") else ""
            if name.startswith(("&", "offsetof(")):
                names.add(name)
            if node.op != "apply" or "@" not in name or name[0] in "&?":
                pending += node.args
        if not names:
            self._clean.update(seen)
        return names

    def _is_apart(self, name: str, scopes: Sequence[Scope]) -> bool:
        """Return whether an offset, or the address of a member, hangs on a layout that differs."""
        if not name.startswith("&"):
            return name in self._namer.moved
        if name.startswith("&["):
            kind, _, tag = name[2:-1].partition(" ")
            held: list[tuple[Any, Scope]] = [(StructType(kind, tag), each) for each in scopes]
        else:
            held = [*self._namer.addresses.get(name, ())]
        return self._differs(name, held)

    def _differs(self, name: str, held: Sequence[tuple[Any, Scope]]) -> bool:
        """Return whether a structure is not the same wherever it is defined."""
        key = name, len(held)
        if key not in self._apart:
            facts: dict[str, set[object]] = {}
            for ctype, scope in held:
                fact = fact_of(scope, ctype)
                if fact:
                    facts.setdefault(str(ctype), set()).add(fact)
            self._apart[key] = any(len(each) > 1 for each in facts.values())
        return self._apart[key]


def _numbers(outcome: Outcome) -> Iterator[object]:
    """Yield all that a call leaves, but for pointers to what has a name."""
    yield outcome.returned
    for vma in outcome.vmas:
        yield from (vma.vm_start, vma.vm_end, vma.vm_flags, vma.vm_pgoff, vma.vm_page_prot)
        yield from _words([vma.vm_private_data])
    if outcome.entry is not None:
        yield from _page(outcome.entry)
    for event in outcome.machine.events:
        yield from _words(event.given)
    memory = outcome.machine.memory
    yield from memory.numbers
    for name, paths in memory.written.items():
        for path in paths:
            yield from _indexes(path)
        known = memory.objects.get(name)
        yield from _words(known.cells.values() if known is not None else ())


def _page(entry: Pte) -> Iterator[object]:
    yield from (entry.index, entry.pgprot)
    if isinstance(entry.source, PageArray):
        yield from _words([entry.source.pointer])
    elif isinstance(entry.source, tuple):
        yield from entry.source


def _words(values: Iterable[object]) -> Iterator[object]:
    for value in values:
        if not isinstance(value, Value):
            continue
        if isinstance(value.data, StructCopy | Aggregate):
            known = value.data.known if isinstance(value.data, StructCopy) else value.data.members
            yield from _words(known.values())
        if not is_scalar(value):
            continue
        place = value.data.place if isinstance(value.data, Pointer) else None
        yield word_of(value) if place is None else _computed(place)
        if place is not None:
            yield from _indexes(place.path)


def _computed(place: Place) -> object:
    """Return the address of what is told by a number alone, such as the page of an address."""
    known = place.object
    word = known.address if known.pointee else None
    if isinstance(word, Node) and word.op == "apply" and not word.data[0].startswith("&"):
        return word
    return None


def _indexes(path: Path) -> Iterator[object]:
    return (step.word for step in path if isinstance(step, Index))
