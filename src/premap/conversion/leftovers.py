# SPDX-License-Identifier: GPL-2.0-only
"""What is wrong with a use of the VMA that no idiom knows."""

from __future__ import annotations

import re

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, calls_in, find_all, text_of, unwrapped
from premap.idioms.idiom import Declined, Hook
from premap.idioms.populating import (
    DMA_POPULATIONS,
    OWN_PROTECTIONS,
    PAGE_POPULATIONS,
    VMALLOC_POPULATIONS,
    WITHOUT_ACTION,
)

_STACKS = {
    "vfs_mmap": "hands the mapping to another file",
    "call_mmap": "hands the mapping to another file",
    "backing_file_mmap": "hands the mapping to another file",
    "security_mmap_backing_file": "asks security modules, which are given the VMA and another file",
}
STACKED = frozenset(_STACKS)
"""Functions that hand the mapping on to another file."""
_THROUGH_POINTER = re.compile(r"(?:->|\.)\s*\w+\s*\(")
"""A call in the body of a macro that goes to what a member holds."""
_OF_VMALLOC = "vmalloc_to_page"
FLAG_WORDS = frozenset({"vm_flags", "flags", "__vm_flags"})


def check_given(hook: Hook) -> None:
    """Raise Declined if the VMA goes where no descriptor can, whatever else the function does.

    That is another file's hook, a population without an action, a function pointer, a pointer that
    stays.
    """
    for call in calls_in(hook.function.body):
        if not any(hook.is_vma(given) for given in arguments(call)) or hook.member_called(call):
            continue
        name = callee(call)
        if name in STACKED:
            raise Declined("stacked-file", f"{name}() {_STACKS[name]}", call)
        if name is None or name in WITHOUT_ACTION or _is_variable(name, hook):
            raise _call(call, hook)
        if _is_through_pointer(name, hook):
            raise _call(call, hook)
    for assignment in find_all(hook.function.body, "assignment_expression"):
        target = assignment.child_by_field_name("left")
        if hook.is_vma(assignment.child_by_field_name("right")) and _stays(target):
            raise Declined("vma-stored", f"`{text_of(target)}` keeps the VMA", assignment)


def _stays(target: Node | None) -> bool:
    """Tell whether what is assigned to is a part of an object, or lies behind a pointer."""
    return target is not None and unwrapped(target).type != "identifier"


def _is_variable(name: str, hook: Hook) -> bool:
    """Tell whether a name is a variable or a parameter of the function."""
    if name in {parameter.name for parameter in hook.function.parameters}:
        return True
    return any(
        text_of(declarator.child_by_field_name("declarator")) == name
        for declarator in find_all(hook.function.body, "init_declarator")
    )


def _is_through_pointer(name: str, hook: Hook) -> bool:
    """Tell whether a name is a macro of the file that calls what a member holds."""
    macro = next(iter(hook.function.source.macros_of(name)), None)
    return macro is not None and _THROUGH_POINTER.search(macro.body) is not None


def left_over(use: Node, hook: Hook) -> Declined:
    """Return the reason to decline, for the VMA's identifier or an expression with it."""
    node = hook.outer(use)
    parent = hook.parent(node)
    if node.type == "call_expression":
        return _call(node, hook)
    if parent is None:
        return Declined("vma-escapes", "the VMA is used in an unknown way", node)
    if parent.type == "argument_list":
        call = hook.parent(parent)
        return _call(call, hook) if call is not None else Declined("vma-escapes", "?", node)
    if parent.type == "field_expression":
        return _member(parent)
    if parent.type in {"assignment_expression", "init_declarator"}:
        return Declined("vma-stored", "the VMA itself is stored", node)
    return Declined("vma-escapes", f"the VMA is used in `{text_of(parent)[:60]}`", node)


def _call(call: Node, hook: Hook) -> Declined:
    name = callee(call)
    if name is None or _is_variable(name, hook):
        function = text_of(call.child_by_field_name("function"))
        return Declined("member-call", f"{function}() is given the VMA through a pointer", call)
    if name in VMALLOC_POPULATIONS:
        return Declined("vmalloc-population", f"{name}() maps vmalloc memory", call)
    if name in OWN_PROTECTIONS:
        message = f"{name}() changes the protection for what it maps"
        return Declined("local-pgprot", message, call)
    if name in PAGE_POPULATIONS and any(calls_in(hook.function.body, _OF_VMALLOC)):
        message = f"{name}() maps pages of vmalloc memory one by one"
        return Declined("vmalloc-population", message, call)
    if name in PAGE_POPULATIONS:
        return Declined("page-population", f"{name}() maps page by page", call)
    if name in DMA_POPULATIONS:
        return Declined("dma-population", f"{name}() has no action that does the same", call)
    if _is_through_pointer(name, hook):
        return Declined("member-call", f"{name}() gives the VMA to a function pointer", call)
    unknown = Declined("unknown-helper", f"{name}() is given the VMA and has no known twin", call)
    unknown.called = name
    return unknown


def _member(expression: Node) -> Declined:
    member = text_of(expression.child_by_field_name("field"))
    if member in FLAG_WORDS:
        return Declined("flags-as-number", "the VMA's flags are used as a number", expression)
    return Declined("unknown-member", f"vma->{member} has no counterpart", expression)
