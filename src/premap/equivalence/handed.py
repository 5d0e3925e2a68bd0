# SPDX-License-Identifier: GPL-2.0-only
"""Functions that are compared by their text alone: those of other files, and those handed out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial

from premap.csource.definitions import defining_beside
from premap.csource.meanings import meaning, names_in, reached
from premap.csource.nodes import text_of
from premap.csource.scope import Scope
from premap.csource.source import SourceFile
from premap.equivalence.candidate import Candidate
from premap.equivalence.outcome import Outcome, Side
from premap.interp.types import VM_OPS
from premap.interp.values import FunctionName


def handed_out(old: Side, new: Side, before: Outcome, after: Outcome) -> Iterator[Candidate]:
    """Tell of a function that calls or memory were given, and that has changed."""
    names = tuple(sorted({*_given(old, before), *_given(new, after)}))
    for one in old.functions if names else ():
        for other in new.functions:
            if one.source is other.source:
                continue
            changed = changed_text(one.source, other.source, names)
            if changed is not None:
                text = (
                    f"{changed}(), which is handed out, has changed; what it does was not compared"
                )
                yield Candidate("callbacks-differ", text, condition=True, accepted=True)
                return


def called_elsewhere(old: Side, new: Side, before: Outcome, after: Outcome) -> Iterator[Candidate]:
    """Tell of functions of other files that both versions call, and that have changed.

    They are looked for beside the hook's file, where the versions lie in trees of their own.
    """
    if old.tree is None or new.tree is None or old.tree is new.tree:
        return
    if not old.functions or not new.functions:
        return
    called = _called(before) & _called(after)
    changed = [name for name in sorted(called) if _changed_elsewhere(old, new, name)]
    if changed:
        names = ", ".join(f"{name}()" for name in changed)
        text = f"{names}, defined in other files, changed as well; what that means was not compared"
        yield Candidate("callees-differ", text, condition=True, accepted=True)


def _called(outcome: Outcome) -> set[str]:
    """Return the functions that were called and are not followed."""
    events = outcome.machine.events
    return {event.name for event in events if event.kind == "call" and event.name.isidentifier()}


def _changed_elsewhere(old: Side, new: Side, name: str) -> bool:
    """Return whether a function of another file has another text in the new version."""
    found = [
        defining_beside(name, side.functions[0].source, side.tree)
        for side in (old, new)
        if side.tree is not None
    ]
    if any(len(files) != 1 for files in found):
        return False
    ((before,), (after,)) = found
    return changed_text(before, after, (name,)) is not None


def _given(side: Side, outcome: Outcome) -> Iterator[str]:
    machine = outcome.machine
    values = [value for event in machine.events for value in event.given]
    written = (machine.memory.objects.get(name) for name in machine.memory.written)
    values += [value for known in written if known is not None for value in known.cells.values()]
    yield from (value.data.name for value in values if isinstance(value.data, FunctionName))
    for source in dict.fromkeys(function.source for function in side.functions):
        scope = machine.bindings.scope(source)
        for name in filter(str.isidentifier, machine.memory.objects):
            yield from scope.once("functions of", name, partial(_functions_of, scope, name))


def _functions_of(scope: Scope, name: str) -> tuple[str, ...]:
    """Return the functions that a variable at file level begins with, or what that leads to.

    Those of a mapping's operations are compared elsewhere.
    """
    variable = scope.own_variable(name)
    if variable is None or variable.initializer is None or variable.type == VM_OPS:
        return ()
    begins = text_of(variable.initializer)
    words = names_in(" ".join((begins, *meaning(scope, begins))))
    return tuple(sorted(scope.source.functions.keys() & words))


@lru_cache(maxsize=256)
def changed_text(before: SourceFile, after: SourceFile, names: Sequence[str]) -> str | None:
    """Return the first that these functions reach and that is not the same in both files."""
    old_text, new_text = reached(before, names), reached(after, names)
    differing = (
        name for name in (*old_text, *new_text) if old_text.get(name) != new_text.get(name)
    )
    return next(differing, None)
