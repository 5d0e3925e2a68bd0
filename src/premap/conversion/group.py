# SPDX-License-Identifier: GPL-2.0-only
"""Which functions of a file have to be converted together with a handler."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tree_sitter import Node

from premap.conversion.mentions import Mention, mentions
from premap.conversion.rewriting import Change
from premap.csource.nodes import arguments, callee, calls_in, find_all, text_of, unwrapped
from premap.csource.source import Function, SourceFile
from premap.idioms import r1_table, r2_signature
from premap.idioms.idiom import Declined
from premap.idioms.population import POPULATIONS
from premap.idioms.twins import TWINS, is_hook_twin
from premap.records import Handler

VMA_TYPE = "struct vm_area_struct *"
FILE_TYPE = "struct file *"
HAS_TWIN = "struct file_operations"
"""The one type of table with a member mmap_prepare."""
CALLERS = {"struct drm_driver": "fops"}
"""Structures whose framework calls `->mmap` of a table itself, and the member that holds it."""
NO_FUNCTION = frozenset({"NULL", "0"})
"""What a member is set to that has no handler."""
_OTHER_SPACE = re.compile(rb"(?:->\s*|\.\s*|\b(?:struct|union|enum)\s+)\Z")
"""What stands before names of members and tags, which are no functions."""


@dataclass(eq=False)
class Group:
    """Handlers of one file, and the helpers that they share."""

    source: SourceFile
    handlers: list[Handler]
    """Every site of the file."""
    hooks: dict[str, str] = field(default_factory=dict)
    """Functions that tables name: old name to new name."""
    helpers: dict[str, str] = field(default_factory=dict)
    """Functions that they pass the VMA to: old name to new name."""
    twins: set[str] = field(default_factory=set)
    """Hooks of the kernel that stand in for one of them in another arm."""

    @property
    def names(self) -> dict[str, str]:
        """Both of them."""
        return {**self.helpers, **self.hooks}

    def functions(self) -> Iterator[Function]:
        """Every definition, in every arm."""
        for name in self.names:
            yield from self.source.functions.get(name, ())


def group_of(handler: Handler, source: SourceFile, handlers: Sequence[Handler]) -> Group:
    """Return what has to be converted along with a handler. Raises Declined."""
    group = Group(source, list(handlers))
    waiting = [handler.name]
    while waiting:
        name = waiting.pop()
        if name in group.names:
            continue
        if any(site.name == name for site in handlers):
            _check_tables(name, group)
            group.hooks[name] = r1_table.new_name(name)
        else:
            group.helpers[name] = r1_table.new_name(name) if "mmap" in name.split("_") else name
        for function in source.functions.get(name, ()):
            waiting += _receivers(function)
        if name in group.helpers:
            waiting += _hooks_that_call(name, group)
    for name, new in group.names.items():
        _check_name(name, new, group)
    return group


def _check_tables(name: str, group: Group) -> None:
    for site in group.handlers:
        if site.name != name:
            continue
        if site.in_macro is not None:
            raise Declined("macro-table", f"the macro {site.in_macro} names it", line=site.line)
        if site.ops != HAS_TWIN:
            raise Declined("second-table", f"a {site.ops} names it, too", line=site.line)


def check_users(group: Group) -> None:
    """Raise Declined if a framework calls the member of one of the tables itself."""
    tables = {site.table for site in group.handlers if site.name in group.hooks}
    for declaration in group.source.declarations():
        owner = " ".join(text_of(declaration.child_by_field_name("type")).split())
        if owner not in CALLERS:
            continue
        for pair in find_all(declaration, "initializer_pair"):
            member = text_of(pair.child_by_field_name("designator")).lstrip(".")
            value = text_of(pair.child_by_field_name("value")).lstrip("& ")
            if (owner, member) in CALLERS.items() and value in tables:
                line = group.source.line_of(pair.start_byte)
                raise Declined("framework-calls-mmap", f"{owner} has a {member}->mmap()", line=line)


def _receivers(function: Function) -> Iterator[str]:
    """Functions of the same file to which a function passes its VMA."""
    vma = vma_parameter(function)
    for call in calls_in(function.body):
        name = callee(call)
        if name in function.source.functions and any(
            _is(vma, argument) for argument in arguments(call)
        ):
            yield str(name)


def _is(name: str, node: Node) -> bool:
    inner = unwrapped(node)
    return inner.type == "identifier" and text_of(inner) == name


def _hooks_that_call(name: str, group: Group) -> Iterator[str]:
    """Handlers of the file that call a helper: they go along with it."""
    for site in group.handlers:
        for function in group.source.functions.get(site.name, ()):
            if site.ops == HAS_TWIN and any(calls_in(function.body, name)):
                yield site.name


def vma_parameter(function: Function) -> str:
    """Name of the one parameter that is a VMA. Raises Declined if there is none, or several."""
    found = [
        parameter.name
        for parameter in function.parameters
        if parameter.type_text.replace("const ", "") == VMA_TYPE
    ]
    if len(found) != 1 or not found[0]:
        raise Declined("not-a-hook", f"{function.name}() does not take one VMA", function.node)
    return found[0]


def file_parameter(function: Function) -> str | None:
    """Name of a hook's parameter for the file. Raises Declined if it is no hook."""
    types = [parameter.type_text for parameter in function.parameters]
    if types != [FILE_TYPE, VMA_TYPE]:
        raise Declined("not-a-hook", f"{function.name}() takes ({', '.join(types)})", function.node)
    return function.parameters[0].name or None


def _check_name(name: str, new: str, group: Group) -> None:
    if new != name and any(not mention.comment for mention in mentions(group.source, new)):
        line = group.source.functions[name][0].line if name in group.source.functions else None
        raise Declined("name-taken", f"{new} is in use already", line=line)


def acting(group: Group) -> frozenset[str]:
    """Return the helpers that populate the mapping, or call one that does."""
    found: set[str] = set()
    while True:
        more = {
            name
            for name in group.helpers
            for function in group.source.functions[name]
            if any(callee(call) in POPULATIONS | found for call in calls_in(function.body))
        }
        if more <= found:
            return frozenset(found)
        found |= more


def renamings(group: Group) -> Iterator[Change]:
    """Yield the changes where the file names one of the functions outside definitions and tables.

    Raises Declined for a use that can't follow.
    """
    for name, new in group.names.items():
        for mention in mentions(group.source, name):
            yield from _renaming(mention, name, new, group)


def _renaming(mention: Mention, name: str, new: str, group: Group) -> Iterator[Change]:
    if _OTHER_SPACE.search(group.source.text, max(mention.start - 16, 0), mention.start):
        return
    if mention.comment:
        yield from _change(mention, name, new)
        return
    if _in_table(mention, group) or _is_definition(mention, name, group):
        return
    prototype = _prototype(mention, name, group)
    if prototype is not None:
        yield from _change(mention, name, new)
        yield from _retyped(prototype, name, group)
        return
    macro = group.source.macro_at(mention.start)
    if macro is not None and macro.name == name and macro.parameters is None:
        yield from _alias(mention, name, new, group)
        return
    if not _called_by_group(mention, name, group):
        line = group.source.line_of(mention.start)
        raise Declined("second-caller", f"{name} is used elsewhere in the file", line=line)


def _change(mention: Mention, name: str, new: str) -> Iterator[Change]:
    if new != name:
        yield Change(mention.start, mention.end, new)


def _in_table(mention: Mention, group: Group) -> bool:
    return any(site.start <= mention.start < site.end for site in group.handlers)


def _is_definition(mention: Mention, name: str, group: Group) -> bool:
    found = group.source.functions.get(name, ())
    return any(function.name_node.start_byte == mention.start for function in found)


def _prototype(mention: Mention, name: str, group: Group) -> Node | None:
    """Return the name's node in a declaration of the function."""
    for prototype in group.source.prototypes.get(name, ()):
        if prototype.name_node.start_byte == mention.start:
            return prototype.node
    return None


def _retyped(declaration: Node, name: str, group: Group) -> Iterator[Change]:
    """Yield the changes of the parameters in a declaration."""
    declarators = declaration.children_by_field_name("declarator")
    if len(declarators) != 1:
        line = group.source.line_of(declaration.start_byte)
        raise Declined("second-caller", "a declaration has several names", line=line)
    listed = declarators[0].child_by_field_name("parameters")
    if listed is None:
        return
    for prototype in group.source.prototypes[name]:
        if prototype.node != declaration:
            continue
        if name in group.hooks:
            named = bool(prototype.parameters and prototype.parameters[-1].name)
            new = r2_signature.PARAMETERS if named else f"({r2_signature.PARAMETER_TYPE})"
            yield Change(listed.start_byte, listed.end_byte, new)
            return
        for parameter in prototype.parameters:
            if parameter.type_text == VMA_TYPE:
                typed = r2_signature.PARAMETER if parameter.name else r2_signature.PARAMETER_TYPE
                yield Change(parameter.node.start_byte, parameter.node.end_byte, typed)


def _alias(mention: Mention, name: str, new: str, group: Group) -> Iterator[Change]:
    """`#define x_mmap NULL` or `#define x_mmap generic_file_mmap`, beside the function's arm."""
    macro = group.source.macro_at(mention.start)
    twin = TWINS.get(macro.body) if macro is not None else None
    if macro is None or not (macro.body in NO_FUNCTION or is_hook_twin(twin)):
        line = group.source.line_of(mention.start)
        raise Declined("second-caller", f"a macro is called {name}, too", line=line)
    yield from _change(mention, name, new)
    if twin is not None:
        at = macro.body_start + macro.raw_body.index(macro.body.encode("latin-1"))
        group.twins.add(twin.name)
        yield Change(at, at + len(macro.body), twin.name)


def _called_by_group(mention: Mention, name: str, group: Group) -> bool:
    """Tell whether a function of the group calls a helper there."""
    if name not in group.helpers:
        return False
    for function in group.functions():
        for call in calls_in(function.body, name):
            at = call.child_by_field_name("function")
            if at is not None and at.start_byte == mention.start:
                return True
    return False
