# SPDX-License-Identifier: GPL-2.0-only
"""Of several reasons not to convert a handler, the one that is left when others are seen to.

That a framework calls the member itself, that a macro defines the table, or who else names the
function, somebody could change; what the function does with its VMA stays. A helper that no idiom
knows could be given a twin; not so if it hands the VMA on, or allocates.
"""

from __future__ import annotations

from premap.conversion import effects, inner, leftovers
from premap.conversion.group import Group, receivers, vma_parameter
from premap.conversion.program import Program
from premap.csource.nodes import callee, calls_in
from premap.csource.source import Function
from premap.idioms.idiom import Declined, Hook, within
from premap.records import Handler
from premap.releases import Release

_OF_OTHERS = frozenset({"framework-calls-mmap", "macro-table", "second-caller", "second-table"})
"""Reasons that are not the function's own, but of who names it."""


def than(
    declined: Declined, handler: Handler, program: Program, release: Release
) -> Declined | None:
    """Return the reason that is left if somebody sees to another; None if there is none."""
    if program.tree is None or program.alone:
        return None
    if declined.called is not None:
        given = _handed_on(handler, program, release)
        return given or _taking(declined.called, program)
    if declined.id not in _OF_OTHERS:
        return None
    found = _handed_on(handler, program, release)
    if found is not None:
        found.message += f"; besides, {declined.message}"
    return found


def _taking(called: str, program: Program) -> Declined | None:
    """Return what is wrong with a helper that no idiom knows, if it takes or allocates something.

    A twin that takes a descriptor would not do for it.
    """
    for function in program.definitions(called, program.source, far=True):
        if path := effects.taken_by(called, function.source):
            declined = Declined(*effects.kept(path), function.node)
            declined.file = function.source.name
            return declined
    return None


def _handed_on(handler: Handler, program: Program, release: Release) -> Declined | None:
    """Return why a handler has to stay whatever its tables are: its VMA goes where none can.

    Or it finds an object that only a lock keeps. It is followed through the functions that it gives
    the VMA to.
    """
    group = Group(program)
    waiting = [(handler.name, program.source)]
    known = set[str]()
    finds: Declined | None = None
    while waiting:
        name, file = waiting.pop(0)
        if name in known:
            continue
        known.add(name)
        for function in program.definitions(name, file, far=True):
            try:
                with within(function.source):
                    vma = vma_parameter(function)
                    follow = list(inner.of(function, vma, program))
                    retyped = inner.retyped(follow, function)
                    leftovers.check_given(Hook(function, release, vma, retyped=retyped))
                    waiting += ((each, function.source) for each in receivers(function, group))
                    finds = finds or _finding(function, program)
            except Declined as declined:
                return declined
    return finds


def _finding(function: Function, program: Program) -> Declined | None:
    """Return the reason to decline a function that takes what only a lock keeps until then."""
    for call in calls_in(function.body):
        name = callee(call) or ""
        for target in program.definitions(name, function.source, far=False):
            path = effects.taken_by(name, target.source)
            if path and effects.kept(path)[0] == "lock-keeps-object":
                declined = Declined(*effects.kept(path), call)
                declined.file = function.source.name
                return declined
    return None
