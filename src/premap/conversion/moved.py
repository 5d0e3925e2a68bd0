# SPDX-License-Identifier: GPL-2.0-only
"""What ->mapped() does of what the hook did for its mapping: it counts, refers, allocates."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from premap.conversion import allocated, mapped, taken
from premap.conversion import group as groups
from premap.conversion.group import Group
from premap.csource.nodes import callee, calls_in, text_of
from premap.idioms import s1_mapped
from premap.idioms.idiom import Declined, Hook
from premap.idioms.population import POPULATIONS
from premap.records import Edit


def acts(hook: Hook, acting: AbstractSet[str]) -> bool:
    """Tell whether a function has an action performed, itself or by helpers that do."""
    names = POPULATIONS | acting
    return any(callee(call) in names for call in calls_in(hook.function.body))


def find(hook: Hook, acting: AbstractSet[str]) -> None:
    """Note in a hook which of its statements ->mapped() makes unnecessary."""
    performs = acts(hook, acting)
    own = None if performs else allocated.find(hook)
    found = taken.find(hook, acts=performs) if own is None else None
    hook.taken = found.taking.nodes if found else ()
    hook.answer = found.taking.answer if found else None
    hook.allocated = own.statements if own else ()


def edits(hook: Hook, group: Group, acting: AbstractSet[str]) -> list[Edit]:
    """Return what lets ->mapped() do what the hook did for its mapping. Raises Declined."""
    found: list[Edit] = []
    source = hook.function.source
    if hook.taken:
        found += _taken(hook, group, acting)
    if hook.allocated:
        found += _allocated(hook, group)
    for name, table in hook.opened.items():
        if not hook.release.mapped:
            message = f"{hook.release.name} has no vm_ops->mapped"
            raise Declined("release-lacks-helper", message, hook.function.node)
        if hook.function.name not in group.hooks:
            raise Declined("keeps-state", f"{name}() is called by a helper", hook.function.node)
        if name not in source.functions:
            raise Declined("keeps-state", f"{name}() is not defined here", hook.function.node)
        s1_mapped.check_place(hook)
        mapped.check_users(source, table, group.functions())
        vma = groups.vma_parameter(source.functions[name][0])
        found += mapped.edits(source, name, table, vma)
        hook.note("counted-in-mapped", f"vm_ops->mapped does what {name}() did", hook.function.node)
    return found


def _allocated(hook: Hook, group: Group) -> list[Edit]:
    """Return the edits by which ->mapped() allocates what the hook did. Raises Declined."""
    found = allocated.find(hook)
    if found is None:
        raise AssertionError(hook.function.name)
    mapped.check_users(hook.function.source, found.table, group.functions())
    mapped.check_close(hook.function.source, found.table, found.close)
    first = found.statements[0]
    message = f"{found.close.name}() returns where ->mapped() left no private data"
    hook.note("close-tolerates", message, first)
    hook.note("allocated-in-mapped", f"vm_ops->mapped allocates `{found.variable}`", first)
    return allocated.edits(found, hook)


def _taken(hook: Hook, group: Group, acting: AbstractSet[str]) -> list[Edit]:
    """Return the edits by which ->mapped() takes what the hook took. Raises Declined."""
    found = taken.find(hook, acts=acts(hook, acting))
    if found is None:
        raise AssertionError(hook.function.name)
    mapped.check_users(hook.function.source, found.table, group.functions())
    first = found.taking.statements[0]
    text = " ".join(text_of(first).split())
    more = " and what follows" if len(found.taking.statements) > 1 else ""
    if found.mark is not None:
        mapped.check_close(hook.function.source, found.table, found.close)
        message = f"{found.close.name}() returns where ->mapped() left no private data"
        hook.note("close-tolerates", message, first)
    hook.note("counted-in-mapped", f"vm_ops->mapped does `{text}`{more}", first)
    return taken.edits(found, hook)
