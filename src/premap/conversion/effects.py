# SPDX-License-Identifier: GPL-2.0-only
"""What a hook does besides describing its mapping, and must not do before the mapping exists.

An mmap_prepare hook runs before merging, and the mapping may still fail: what it counts, takes or
allocates would stay behind. Those conversions need `vm_ops->mapped` (S1 to S4), or a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tree_sitter import Node

from premap.csource.keeping import (
    GIVES,
    allocates,
    allocates_for_device,
    finds,
    links,
    may_take,
    refers,
)
from premap.csource.nodes import callee, calls_in, find_all, identifiers_in, text_of, unwrapped
from premap.csource.source import Function, SourceFile
from premap.idioms import f11_vm_file
from premap.idioms.idiom import Declined, Hook
from premap.idioms.messages import MESSAGE

_MAX_DEPTH = 4
_COUNTS = frozenset({"+=", "-=", "|=", "&=", "^="})


def check(hook: Hook) -> None:
    """Raise Declined if the function, or one of the same file that it calls, keeps state."""
    _check_calls(hook)
    _check_open(hook)
    _check_unknown(hook)
    for node, counted in _stores(hook):
        if _moves(node, hook):
            continue
        if counted:
            raise Declined("keeps-state", f"`{text_of(node)}` counts the mapping", node)
        hook.note("state-in-hook", "this stays behind if the mapping fails or merges", node)


def _check_calls(hook: Hook) -> None:
    for call in calls_in(hook.function.body):
        name = callee(call)
        if name is None or name in hook.helpers or name in hook.opened:
            continue
        if _moves(call, hook):
            continue
        if name == "get_file" and f11_vm_file.takes(call, hook):
            continue
        path = _taking(name, hook.function.source, _MAX_DEPTH)
        if path:
            raise Declined(*kept(path), call)


def _moves(node: Node, hook: Hook) -> bool:
    """Tell whether a node is of a statement that ->mapped() makes unnecessary here."""
    gone = (*hook.taken, *hook.allocated)
    return any(each.start_byte <= node.start_byte < each.end_byte for each in gone)


def takes(call: Node, hook: Hook) -> bool:
    """Tell whether a call takes a count or a reference, and allocates nothing."""
    path = _taking(callee(call) or "", hook.function.source, _MAX_DEPTH)
    return bool(path) and _takes(path[-1])


def taken_by(name: str, source: SourceFile) -> tuple[str, ...]:
    """Return the calls that lead from a function of the file to one that takes something."""
    return _taking(name, source, _MAX_DEPTH)


def kept(path: Sequence[str]) -> tuple[str, str]:
    """Return the reason to decline a call, and what to say.

    `path` leads from what is called to what takes something.
    """
    name, how = path[-1], " calls ".join(f"{step}()" for step in path)
    if _allocates(name):
        return "allocates", f"{how}: that stays behind where the mapping then merges or fails"
    if finds(name):
        return "lock-keeps-object", f"{how}: only a lock keeps the object until then"
    return "keeps-state", f"{how}, which has to be undone"


def _allocates(name: str) -> bool:
    return allocates(name) or allocates_for_device(name)


def _takes(name: str) -> bool:
    """Whether a kernel function takes or links something, or frees what can't be had back."""
    return refers(name) or links(name) or name.startswith(("refcount_set", "dev_kfree"))


def _taking(name: str, source: SourceFile, depth: int) -> tuple[str, ...]:
    """Return calls that lead from `name`, within the file, to one that takes something."""
    if _allocates(name) or finds(name) or _takes(name):
        return (name,)
    if depth == 0:
        return ()
    for function in source.functions.get(name, ()):
        for inner in _called(function):
            path = _taking(inner, source, depth - 1)
            if path:
                return (name, *path)
    return ()


def _called(function: Function) -> Iterator[str]:
    found = dict.fromkeys(callee(call) for call in calls_in(function.body))
    return (name for name in found if name is not None and name != function.name)


def _check_open(hook: Hook) -> None:
    """Decline a hook that calls what its operations' `open` or `close` call: it keeps count."""
    own = set(_called(hook.function)) - hook.opened.keys()
    own -= {callee(call) or "" for call in calls_in(hook.function.body) if _moves(call, hook)}
    for member in ("open", "close"):
        for name in operations_of(hook, member):
            for function in hook.function.source.functions.get(name, ()):
                both = (set(_called(function)) | {name}) & own & set(hook.function.source.functions)
                shared = min((one for one in both if not MESSAGE.fullmatch(one)), default=None)
                if shared is not None:
                    raise Declined(
                        "keeps-state",
                        f"{shared}() is called here and in vm_ops->{member}",
                        hook.function.node,
                    )


def _check_unknown(hook: Hook) -> None:
    """Decline a hook that calls what may take something, which `close` may give back.

    Both may lie in other files, where only their names tell.
    """
    source = hook.function.source
    calls = [each for each in calls_in(hook.function.body) if not _moves(each, hook)]
    unknown = [each for each in calls if (callee(each) or "") not in source.functions]
    taking = next((each for each in unknown if may_take(callee(each) or "")), None)
    if taking is None:
        return
    for name in operations_of(hook, "close"):
        for function in source.functions.get(name, ()):
            gives = next((each for each in _called(function) if GIVES.search(each)), None)
            if gives is not None:
                message = f"{callee(taking)}() may take what {gives}() gives back in vm_ops->close"
                raise Declined("keeps-state", message, taking)


def operations_of(hook: Hook, member: str) -> Iterator[str]:
    """Functions that `member` of the operations which the hook installs may be."""
    for table in installed(hook):
        yield from _members(hook.function.source, table, member)


def installed(hook: Hook) -> Iterator[str]:
    """Names of the tables that the hook assigns to `vm_ops`; or of what it copies there."""
    named = dict.fromkeys(
        name
        for target, value in _assignments(hook)
        if hook.member(target) == "vm_ops"
        for name in sorted(_tables_in(value, hook, set()))
    )
    yield from named


def _assignments(hook: Hook) -> Iterator[tuple[Node, Node]]:
    """Targets and values of the function's assignments."""
    for assignment in find_all(hook.function.body, "assignment_expression"):
        left = assignment.child_by_field_name("left")
        right = assignment.child_by_field_name("right")
        if left is not None and right is not None:
            yield left, right


def _tables_in(value: Node, hook: Hook, seen: set[str]) -> set[str]:
    """Names of what an expression may point to: a condition does not count, nor does NULL.

    A local variable stands for all that it is set to.
    """
    value = unwrapped(value)
    if value.type == "conditional_expression":
        arms = (value.child_by_field_name(arm) for arm in ("consequence", "alternative"))
        return set[str]().union(*(_tables_in(arm, hook, seen) for arm in arms if arm is not None))
    if value.type != "identifier":
        return identifiers_in(value) - {"NULL"}
    name = text_of(value)
    values = [] if name in seen else list(_values_of(name, hook))
    seen.add(name)
    found = set[str]().union(*(_tables_in(each, hook, seen) for each in values))
    return found or {name} - {"NULL"}


def _values_of(name: str, hook: Hook) -> Iterator[Node]:
    """Return what a variable that the function declares is set to."""
    for declarator in find_all(hook.function.body, "init_declarator"):
        inner, value = (declarator.child_by_field_name(each) for each in ("declarator", "value"))
        if inner is not None and value is not None and name in identifiers_in(inner):
            yield value
    yield from (value for target, value in _assignments(hook) if text_of(target) == name)


def has_table(source: SourceFile, table: str) -> bool:
    """Tell whether the table of operations is defined in this file."""
    return any(True for _ in _tables(source, table))


def _members(source: SourceFile, table: str, member: str) -> Iterator[str]:
    for initializer in _tables(source, table):
        for pair in find_all(initializer, "initializer_pair"):
            if text_of(pair.child_by_field_name("designator")).lstrip(".") == member:
                yield text_of(pair.child_by_field_name("value"))


def _tables(source: SourceFile, table: str) -> Iterator[Node]:
    for declaration in source.declarations():
        for declarator in declaration.children_by_field_name("declarator"):
            value = declarator.child_by_field_name("value")
            inner = declarator.child_by_field_name("declarator")
            if value is not None and inner is not None and text_of(inner) == table:
                yield value


def _stores(hook: Hook) -> Iterator[tuple[Node, bool]]:
    """Return writes to memory that others see: the node, and whether it counts."""
    own = _own_objects(hook)
    for node in find_all(hook.function.body, "assignment_expression", "update_expression"):
        target = node.child_by_field_name("left") or node.child_by_field_name("argument")
        if target is None or not _is_shared(target, hook, own):
            continue
        counted = (
            node.type == "update_expression"
            or text_of(node.child_by_field_name("operator")) in _COUNTS
        )
        yield node, counted


def _is_shared(target: Node, hook: Hook, own: set[str]) -> bool:
    target = unwrapped(target)
    while target.type in {"field_expression", "subscript_expression"}:
        through = text_of(target.child_by_field_name("operator"))
        inner = target.child_by_field_name("argument")
        if inner is None or hook.is_vma(inner):
            return False
        if through != "->" and unwrapped(inner).type == "identifier":
            return text_of(unwrapped(inner)) not in own
        target = unwrapped(inner)
        if through == "->":
            return True
    if target.type == "pointer_expression":
        return True
    return target.type == "identifier" and text_of(target) not in own


def _own_objects(hook: Hook) -> set[str]:
    """Variables and parameters of the function, whose own bytes nobody else sees."""
    names = {parameter.name for parameter in hook.function.parameters}
    for declaration in find_all(hook.function.body, "declaration"):
        if any(text_of(child) == "static" for child in declaration.children):
            continue
        for declarator in declaration.children_by_field_name("declarator"):
            inner: Node | None = declarator
            while inner is not None and inner.type != "identifier":
                inner = inner.child_by_field_name("declarator")
            names.add(text_of(inner))
    return names


def check_close(hook: Hook, *, acts: bool) -> None:
    """Raise Declined if `close` would see a mapping whose action failed.

    Behind a legacy dispatcher it would not: a failed action is a failed hook there.
    """
    if not acts or hook.taken or hook.compat:
        return
    for table in installed(hook):
        if not has_table(hook.function.source, table):
            hook.note(
                "operations-unseen",
                f"{table} is defined elsewhere: its close would run after a failed action",
                hook.function.node,
            )
    for name in operations_of(hook, "close"):
        raise Declined(
            "close-after-failure",
            f"{name}() would be called for a mapping that could not be populated",
            hook.function.node,
        )
