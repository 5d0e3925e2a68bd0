# SPDX-License-Identifier: GPL-2.0-only
"""What calls of functions do whose code is not at hand.

`functions.toml` says of many kernel functions what they are. Without an entry a call is an event,
everything reachable is forgotten, and its result is made up.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from premap.csource.ctypes import CType, PointerType, StructType, VoidType
from premap.interp import handover
from premap.interp.machine import Frame, Machine
from premap.interp.memory import NOT_ERROR_BIT, is_unknown_target
from premap.interp.objects import NONNULL_BIT
from premap.interp.operators import UNKNOWN, is_scalar, word_of
from premap.interp.types import named_type
from premap.interp.values import (
    Aggregate,
    FunctionName,
    Path,
    Place,
    Pointer,
    StructCopy,
    Value,
    int_type,
    is_unknown,
    normalise,
)
from premap.model.constants import MAX_ERRNO
from premap.model.errors import NotModelled
from premap.model.words import U64_MAX, sub


@dataclass(frozen=True, slots=True)
class Effect:
    """What a function of the table does."""

    effect: str
    """"pure", "reads", "event", or "unknown": anything, and what its kind says."""
    kind: str
    object: int | None
    """Index of the argument that the event concerns: the lock, the reference."""
    returns: str
    result: str
    writes: tuple[int, ...]
    assigns: tuple[int, ...]
    """Arguments that a macro assigns to, as spin_lock_irqsave() does to its flags."""


class _Table(Mapping[str, Effect]):
    """The entries of functions.toml, one a line; a line is read when it is asked for."""

    def __init__(self, text: str) -> None:
        self._lines = {match[1]: match[0] for match in _LINE.finditer(text)}
        self._known: dict[str, Effect] = {}

    def __getitem__(self, name: str) -> Effect:
        if name not in self._known:
            self._known[name] = _entry(tomllib.loads(self._lines[name])[name])
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._lines

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


_LINE = re.compile(r"^(\w+) = .*", re.MULTILINE)


@functools.cache
def table() -> Mapping[str, Effect]:
    """Return the table of functions.toml."""
    return _Table(files("premap.interp").joinpath("functions.toml").read_text(encoding="utf-8"))


def _entry(entry: dict[str, Any]) -> Effect:
    return Effect(
        entry["effect"],
        entry.get("kind", ""),
        entry.get("object"),
        entry.get("returns", ""),
        entry.get("result", ""),
        tuple(entry.get("writes", ())),
        tuple(entry.get("assigns", ())),
    )


def call_unknown(
    machine: Machine,
    frame: Frame,
    name: str,
    given: Sequence[Value],
    where: str,
    returns: CType | None = None,
) -> Value:
    """Call a function that is not executed, as the table says; forget everything if it doesn't.

    `returns` is the type of its result where that is known from a pointer's type.
    """
    entry = table().get(name)
    lent = [mapping for value in given if (mapping := handover.mapping_in(value)) is not None]
    arguments = tuple(_shown_to(machine, name, value) for value in given)
    if lent and entry is not None:
        raise NotModelled(f"{name}() gets the mapping, and what it does with it is not known")
    if entry is None:
        machine.record("call", name, arguments, where, given)
        returns = returns or _returns(frame, name, "")
        result = _call_anything(machine, returns, name, given, arguments)
        for mapping in lent:
            handover.come_back(machine, mapping, name, f"{name}@{machine.memory.history}")
        return result
    returns = _returns(frame, name, entry.returns)
    if entry.effect == "unknown":
        return _call_with_kind(machine, name, entry, returns, given, arguments, where)
    if entry.effect == "pure":
        return _result(machine, name, returns, entry.result, _words(given))
    if entry.effect == "reads":
        content = machine.memory.number("reads", arguments)
        key = f"{name}@{content}"
        return _result(machine, key, returns, entry.result, _words(given))
    return _call_event(machine, name, entry, returns, given, arguments, where)


def _shown_to(machine: Machine, name: str, value: Value) -> Any:
    mapping = handover.mapping_in(value)
    return argument_key(value) if mapping is None else handover.shown(machine, mapping, name)


def _call_with_kind(
    machine: Machine,
    name: str,
    entry: Effect,
    returns: CType,
    given: Sequence[Value],
    arguments: tuple[Any, ...],
    where: str,
) -> Value:
    """Call a function that may do anything, and of which one thing is known."""
    machine.record(entry.kind, name, arguments, where, given)
    result = _call_anything(machine, returns, name, given, arguments, entry.result)
    return _resulted(machine, entry, result)


def _resulted(machine: Machine, entry: Effect, result: Value) -> Value:
    """Note with the event what its result is, and whether that means success."""
    if isinstance(result.type, PointerType):
        word = word_of(result)
        machine.resulted(word, succeeded=(word != 0) & (word <= U64_MAX - MAX_ERRNO))
    elif "bool" in (entry.result, entry.returns):
        machine.resulted(None, succeeded=word_of(result) != 0)
    elif entry.result in ("0-or-negative-errno", "0-if-done"):
        machine.resulted(None, succeeded=word_of(result) == 0)
    return result


def _call_event(
    machine: Machine,
    name: str,
    entry: Effect,
    returns: CType,
    given: Sequence[Value],
    arguments: tuple[Any, ...],
    where: str,
) -> Value:
    machine.record(entry.kind or "event", name, arguments, where, given)
    if entry.kind in ("lock", "unlock") and not machine.alone:
        machine.memory.let_others((entry.kind, name, arguments))
    key = _numbered(machine, name, arguments)
    for index in entry.writes:
        if index < len(given) and not _overwrite(machine, f"{key}:*{index}", given[index]):
            machine.memory.forget_shared(("through", name, arguments))
    if entry.result == "argument" and entry.object is not None:
        return given[entry.object]
    result = _resulted(machine, entry, _result(machine, key, returns, entry.result, _words(given)))
    if entry.kind in ("lock", "unlock"):
        _lock(machine, entry, name, arguments)
    return result


def _lock(machine: Machine, entry: Effect, name: str, arguments: tuple[Any, ...]) -> None:
    """Hold a lock, if the call says that it was taken, or release it."""
    lock = arguments[entry.object] if entry.object is not None else name
    if entry.kind == "lock":
        succeeded = machine.events[-1].succeeded
        machine.splits += not isinstance(succeeded, bool)
        if succeeded:
            machine.locks.append(lock)
    elif lock in machine.locks:
        machine.locks.remove(lock)


def _call_anything(
    machine: Machine,
    returns: CType,
    name: str,
    given: Sequence[Value],
    arguments: tuple[Any, ...],
    facts: str = "",
) -> Value:
    machine.memory.forget_shared(("call", name, arguments))
    key = _numbered(machine, name, arguments)
    for number, earlier in enumerate(machine.escaped):
        _overwrite(machine, f"{key}:&{number}", earlier)
    for index, value in enumerate(given):
        if _overwrite(machine, f"{key}:*{index}", value):
            machine.escaped.append(value)
    return _result(machine, key, returns, facts, ())


def _numbered(machine: Machine, name: str, arguments: tuple[Any, ...]) -> str:
    """Return a name for the results of this call, which depend on all that happened before."""
    machine.memory.history = machine.memory.number("event", name, arguments)
    return f"{name}@{machine.memory.history}"


def _overwrite(machine: Machine, name: str, value: Value) -> bool:
    """Let a call change what an argument points to; return whether that is our own variable."""
    place = value.data.place if isinstance(value.data, Pointer) else None
    if place is None or not (place.object.local or machine.bindings.is_mapping(place.object)):
        return False
    if handover.mapping_in(value) is not None:
        return False
    target = value.type.target if isinstance(value.type, PointerType) else UNKNOWN
    if isinstance(target, VoidType) or is_unknown_target(target):
        target = place.object.type if not place.path else UNKNOWN
    if not isinstance(target, StructType) and is_unknown(target):
        raise NotModelled(f"{place} is changed by a call, and its type is not known")
    place.object.store(place.path, machine.memory.named(name, target))
    return True


def _result(
    machine: Machine, key: str, returns: CType, facts: str, words: tuple[int, ...]
) -> Value:
    if isinstance(returns, VoidType):
        return Value(returns, 0)
    if isinstance(returns, StructType):
        return machine.memory.named(_named(machine, key, words), returns)
    word = machine.inputs.apply(key, *words) if words else machine.inputs.word(key)
    if facts == "0-or-negative-errno":
        return Value(returns, sub(0, word & 0xFFF))
    if facts == "nonnull":
        word = (word | NONNULL_BIT) & ~NOT_ERROR_BIT
    if isinstance(returns, PointerType) or is_unknown(returns):
        return machine.memory.named(_named(machine, key, words), returns, word)
    return Value(returns, normalise(word, int_type(returns)))


def _named(machine: Machine, key: str, words: Sequence[int]) -> str:
    texts = ", ".join(machine.memory.namer.text(word) for word in words)
    return f"{key}({texts})" if words else key


def _returns(frame: Frame, name: str, stated: str) -> CType:
    if stated:
        return named_type(frame.scope, stated)
    declared = frame.scope.function_type(name)
    return declared.result if declared is not None else UNKNOWN


def argument_key(value: Value, within: tuple[Place, ...] = ()) -> Any:
    """Return what an event shows of an argument: a word, or a variable's content.

    `within` are the variables whose content is being shown: they may point to themselves.
    """
    if isinstance(value.data, FunctionName):
        return value.data.name
    if isinstance(value.data, StructCopy | Aggregate):
        return ("struct", *_held(value.data, within))
    if not is_scalar(value):
        raise NotModelled("something else than a number, a pointer or a structure is passed")
    if isinstance(value.data, Pointer) and value.data.place is not None:
        place: Place = value.data.place
        if place in within:
            return ("again", within.index(place))
        if place.object.local:
            return ("local", *_content(place, (*within, place)))
    return word_of(value)


def _held(data: StructCopy | Aggregate, within: tuple[Place, ...]) -> Iterator[Any]:
    """Yield what a structure's value holds: where its members come from, and those that differ."""
    yield str(data.origin) if isinstance(data, StructCopy) else "zero"
    members = data.known if isinstance(data, StructCopy) else data.members
    for path, held in sorted(members.items(), key=lambda cell: _shown(cell[0])):
        if is_scalar(held) or isinstance(held.data, FunctionName):
            yield _shown(path)
            yield argument_key(held, within)
        elif isinstance(held.data, Aggregate | StructCopy):
            yield _shown(path)
            yield "zero" if isinstance(held.data, Aggregate) else str(held.data.origin)
    yield from sorted(_shown(path) for path in data.stale)


def _content(place: Place, within: tuple[Place, ...]) -> Iterator[Any]:
    """Yield what a variable of our own holds where a pointer points to, by member.

    What was only read is what its name says.
    """
    depth, held_in = len(place.path), place.object
    yield held_in.copied_name(place.path) or ""
    yield "zero" if held_in.is_zeroed(place.path) else "unset"
    for path, held in sorted(held_in.cells.items(), key=lambda cell: _shown(cell[0])):
        if path[:depth] != place.path or path not in held_in.stores:
            continue
        if is_scalar(held) or isinstance(held.data, Aggregate | FunctionName):
            yield _shown(path[depth:])
            yield "zero" if isinstance(held.data, Aggregate) else argument_key(held, within)
    copied = ((path, origin) for path, origin in held_in.sources.items() if len(path) > depth)
    for path, origin in sorted(copied, key=lambda each: _shown(each[0])):
        if path[:depth] == place.path:
            yield f"{_shown(path[depth:])} {origin}"


def _shown(path: Path) -> str:
    return ".".join(step if isinstance(step, str) else f"[{step.word}]" for step in path)


def _words(given: Sequence[Value]) -> tuple[int, ...]:
    if any(isinstance(value.data, StructCopy | Aggregate) for value in given):
        raise NotModelled("a structure is passed by value to what computes")
    return tuple(word_of(value) for value in given if not isinstance(value.data, FunctionName))
