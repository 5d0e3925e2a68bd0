# SPDX-License-Identifier: GPL-2.0-only
"""What a call has left behind of a mapping that is not there, and which line made it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from premap.equivalence import Stepped


def of(stepped: Stepped) -> list[str]:
    """Say what survives: of a call that failed, or whose mapping merged with another."""
    if stepped.result.startswith("-"):
        return [*_mapped(stepped), *_state(stepped)]
    if any(step.kind == "merge" for step in stepped.steps):
        return list(_merged(stepped))
    return []


def _merged(stepped: Stepped) -> Iterator[str]:
    """Say what the last hook wrote, outside of its descriptor, and called."""
    last = max(i for i, step in enumerate(stepped.steps) if step.kind in ("mmap", "mmap_prepare"))
    for step in stepped.steps[last:]:
        place = f" ({step.file}:{step.line})" if step.line is not None else ""
        if step.kind == "write" and not step.text.startswith(("desc->", "vma->")):
            yield f"{step.text.partition(' = ')[0]} was written{place}"
        elif step.kind == "call":
            yield f"{step.text} was called{place}"


def _mapped(stepped: Stepped) -> Iterator[str]:
    yield from (f"a mapping at {vma['start']:#x}" for vma in stepped.vmas)
    kept = stepped.outcome.file.f_count - 1
    if kept:
        yield f"{kept} references of the file"


def _state(stepped: Stepped) -> Iterator[str]:
    machine = stepped.outcome.machine
    memory = machine.memory
    written = {
        memory.objects[name].name_of(path): None
        for name, paths in memory.written.items()
        for path in paths
        if name in memory.objects
    }
    for name in written:
        yield f"{name} was written{_line(stepped, 'write', f'{name} = ')}"
    for event in machine.events:
        yield f"{event.name}() was called{_line(stepped, 'call', f'{event.name}(')}"
    for _ in machine.locks:
        yield "a lock is held"


def _line(stepped: Stepped, kind: str, begin: str) -> str:
    """Return where the last step of a kind and text was, as " (ring.c:11)"."""
    for step in reversed(stepped.steps):
        if step.kind == kind and step.line is not None and step.text.startswith(begin):
            return f" ({step.file}:{step.line})"
    return ""
