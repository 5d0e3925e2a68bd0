# SPDX-License-Identifier: GPL-2.0-only
"""What a driver's objects hold, and which line changed it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import premap
from premap.model import AddressSpace, File, VmAreaDesc, VmAreaStruct

State = dict[str, object]
Place = tuple[str, int]
_PLAIN = (bool, int, float, str, bytes, type(None))
_DEPTH = 8
_OURS = str(Path(premap.__file__).parent)


def state_of(roots: dict[str, Any]) -> State:
    """Return every number and text that can be reached, by the path that leads to it."""
    found: State = {}
    seen: set[int] = set()
    for name, root in roots.items():
        _collect(name, root, _DEPTH, found, seen)
    return found


def _collect(name: str, value: Any, depth: int, found: State, seen: set[int]) -> None:
    if isinstance(value, _PLAIN):
        found[name] = value
        return
    mapping = isinstance(value, AddressSpace | VmAreaStruct | VmAreaDesc)
    if depth == 0 or mapping or callable(value) or id(value) in seen:
        return
    seen.add(id(value))
    for step, part in _parts(value):
        _collect(name + step, part, depth - 1, found, seen)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield ".len()", len(value)
        yield from ((f"[{key!r}]", part) for key, part in list(value.items()))
    elif isinstance(value, list | tuple | set | frozenset):
        yield ".len()", len(value)
        if not isinstance(value, set | frozenset):
            yield from ((f"[{place}]", part) for place, part in enumerate(value))
    else:
        yield from ((f".{key}", part) for key, part in _attributes(value))


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, File):
        yield from (("f_count", value.f_count), ("private_data", value.private_data))
        return
    yield from list(getattr(value, "__dict__", {}).items())
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, slot):
                yield slot, getattr(value, slot)


class Watch:
    """Notes the line after which each part of the state had its last value."""

    def __init__(self, roots: dict[str, Any]) -> None:
        self.roots = roots
        self.state = state_of(roots)
        self.places: dict[str, Place] = {}
        self.last: dict[FrameType, Place] = {}

    def look(self, place: Place | None) -> None:
        """Compare with the last look; what changed did so at `place`."""
        now = state_of(self.roots)
        if place is not None:
            for name in now.keys() | self.state.keys():
                if now.get(name) != self.state.get(name):
                    self.places[name] = place
        self.state = now

    def trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Be a trace function (sys.settrace()); premap's own code is not traced."""
        del argument
        if frame.f_code.co_filename.startswith(_OURS):
            return None
        if event in ("line", "return"):
            self.look(self.last.get(frame))
            self.last[frame] = (frame.f_code.co_filename, frame.f_lineno)
        return self.trace


@contextmanager
def watched(roots: dict[str, Any]) -> Iterator[Watch]:
    """Watch objects while the block runs; a tracer that was there (coverage) is put back."""
    watch, outer = Watch(roots), sys.gettrace()
    sys.settrace(watch.trace)
    try:
        yield watch
    finally:
        sys.settrace(outer)
