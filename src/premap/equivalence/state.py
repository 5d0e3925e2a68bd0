# SPDX-License-Identifier: GPL-2.0-only
"""Compares driver state: memory that a hook, or its callbacks, wrote, as it is in the end."""

from __future__ import annotations

from collections.abc import Iterator

from premap.equivalence.candidate import Candidate
from premap.equivalence.outcome import Outcome
from premap.interp.memory import Memory
from premap.interp.objects import Object
from premap.interp.scalars import is_scalar, word_of
from premap.interp.values import FunctionName, Path, Value
from premap.model.errors import NotModelled


def state(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    """Compare memory that either of them wrote, as it is in the end."""
    places = dict.fromkeys(
        (name, path)
        for outcome in (old, new)
        for name, paths in outcome.machine.memory.written.items()
        for path in paths
    )
    for name, path in places:
        yield from _place(old, new, name, path)


def covered_writes(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    """Yield what only the new version wrote, and calls may have changed since."""
    for name, paths in new.machine.memory.written.items():
        known = new.machine.memory.objects.get(name)
        before = old.machine.memory.written.get(name, [])
        for path in dict.fromkeys(paths):
            if (name, path) in new.machine.memory.shared:
                continue  # told where no other thread disturbs
            if paths.count(path) > before.count(path) and (known is None or not known.holds(path)):
                what = name if known is None else known.name_of(path)
                yield Candidate("state", f"{what} is written, which was not", condition=True)


def _place(old: Outcome, new: Outcome, name: str, path: Path) -> Iterator[Candidate]:
    objects = [outcome.machine.memory.objects.get(name) for outcome in (old, new)]
    if all(each is None or each.freed for each in objects):
        return  # nobody can tell any more; that it was freed is a call, which is compared
    if any(each is not None and each.is_whole(path) for each in objects):
        yield from _structure(old, new, name, path)
        return
    ctype = (
        next(each.cells[path].type for each in objects if each is not None and path in each.cells)
        if any(each is not None and path in each.cells for each in objects)
        else None
    )
    if ctype is None:
        return
    one: Object = objects[0] or objects[1]  # type: ignore[assignment]
    before, after = (_object(side.machine.memory, one).load(path, ctype) for side in (old, new))
    yield Candidate("state", one.name_of(path), _differ(before, after))


def _structure(old: Outcome, new: Outcome, name: str, path: Path) -> Iterator[Candidate]:
    """Compare a structure that one of them wrote as a whole: the members, and all others at once.

    All members are not known: what fills those that nobody wrote has to be the same.
    """
    memories = [side.machine.memory for side in (old, new)]
    one = next(each.objects[name] for each in memories if name in each.objects)
    sides = [_object(memory, one) for memory in memories]
    members = dict.fromkeys(path + each for side in sides for each in side.members(path))
    fillers = [side.filler(path) for side in sides]
    if fillers[0] != fillers[1]:
        if members and all(side.touched(path) for side in sides):
            raise NotModelled("a structure that is written as a whole, or in parts")
        yield Candidate("state", f"{sides[0].name_of(path)}, as a whole", condition=True)
        return
    for member in members:
        if sides[0].is_whole(member) or sides[1].is_whole(member):
            yield from _structure(old, new, name, member)
        else:
            ctype = next(side.cells[member].type for side in sides if member in side.cells)
            before, after = (side.load(member, ctype) for side in sides)
            yield Candidate("state", one.name_of(member), _differ(before, after))


def _differ(one: Value, other: Value) -> bool:
    if isinstance(one.data, FunctionName) or isinstance(other.data, FunctionName):
        return bool(one.data != other.data)
    if not (is_scalar(one) and is_scalar(other)):
        raise NotModelled("a structure that is written as a whole")
    return word_of(one) != word_of(other)


def undone(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    """Yield state that is neither what it was before the call nor what the old hook leaves."""
    begin = Memory(new.machine.inputs, new.machine.memory.namer)
    for name, paths in new.machine.memory.written.items():
        known = new.machine.memory.objects.get(name)
        for path in dict.fromkeys(paths):
            if known is None or path not in known.cells:
                continue
            now = known.cells[path]
            first, left = (
                _object(memory, known).load(path, now.type)
                for memory in (begin, old.machine.memory)
            )
            text = f"{known.name_of(path)}, which ->close or the hook changed,"
            yield Candidate("state", text, _differ(now, first) & _differ(now, left))


def _object(memory: Memory, like: Object) -> Object:
    """Return the object that is called so there, made up if need be."""
    return memory.at(like.key, like.type)
