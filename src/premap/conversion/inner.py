# SPDX-License-Identifier: GPL-2.0-only
"""A member that a hook passes its VMA on through: `return ops->mmap(x, vma);` (H12).

Where all that the tree sets the member to can be converted, and all that uses it is seen, the
member itself takes a descriptor, under another name, and the hook that calls it becomes one like
any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from tree_sitter import Node

from premap.conversion import callback_member, positional
from premap.conversion.callback import Callback
from premap.conversion.callback_member import VMA_TYPE, Member
from premap.conversion.callback_plan import bindings
from premap.conversion.callback_uses import Use, Uses, call_of, outer, struct_of, tested
from premap.conversion.leftovers import STACKED
from premap.conversion.program import Program
from premap.conversion.rewriting import Change
from premap.csource.ctypes import StructType
from premap.csource.exprtypes import types_at
from premap.csource.handlers import find_sites
from premap.csource.includes import closure
from premap.csource.nodes import arguments, callee, calls_in, text_of, unwrapped
from premap.csource.source import Function, SourceFile
from premap.csource.text import ASSIGNED, places
from premap.csource.tree import KernelTree
from premap.idioms import r1_table
from premap.idioms.idiom import Declined
from premap.idioms.populating import WITHOUT_ACTION
from premap.records import Edit, Handler, Note, Through

_NOWHERE = frozenset({None, *WITHOUT_ACTION, *STACKED})
"""What a hook may not give a descriptor."""
_MOST = 8
"""Functions that one patch may retype; for more, a twin beside the member (H10) is the way."""
_KERNELS = frozenset({"file_operations", "vm_operations_struct"})
"""Structures whose members the kernel itself calls."""


class Inner(Struct, frozen=True, eq=False):
    """A member, and all of the tree that sets or uses it."""

    callback: Callback
    member: Member
    uses: tuple[Use, ...]
    sites: tuple[tuple[SourceFile, Handler], ...]
    """What sets it, each with its file."""

    def calls_in(self, function: Function) -> Iterator[Node]:
        """Yield the calls through the member that a function has."""
        for use in self.uses:
            call = call_of(use)
            if call is not None and _is_in(use, function):
                yield call

    def spans(self, function: Function) -> Iterator[tuple[int, int]]:
        """Yield where a function names the member."""
        for use in self.uses:
            if _is_in(use, function):
                yield _span(use)


def _is_in(use: Use, function: Function) -> bool:
    same = use.source.name == function.source.name and use.function is not None
    return (
        same
        and use.function is not None
        and use.function.node.start_byte == function.node.start_byte
    )


def _span(use: Use) -> tuple[int, int]:
    field = use.node.child_by_field_name("field")
    node = use.node if field is None else field
    return node.start_byte, node.end_byte


def of(function: Function, vma: str, program: Program) -> Iterator[Inner]:
    """Yield the members through which a function passes its VMA on, if they can be retyped."""
    tree = program.tree
    if tree is None or program.alone or not tree.holds_all_users:
        return
    if function.source.text != tree.open(function.source.name).text:
        return
    for call in calls_in(function.body):
        named = call.child_by_field_name("function")
        through = named is not None and named.type == "field_expression" and _is_given(vma, call)
        if named is not None and through and _is_returned(call):
            found = _called(named, function, program, tree)
            if found is not None:
                yield found


def _is_returned(call: Node) -> bool:
    """Tell whether a function returns at once what a call does: nothing comes after it."""
    parent = outer(call).parent
    return parent is not None and parent.type == "return_statement"


def _called(named: Node, function: Function, program: Program, tree: KernelTree) -> Inner | None:
    """Return the member that is called there; None if it can't be told, or not be retyped."""
    base = named.child_by_field_name("argument")
    ctype = (
        None if base is None else types_at(program.scope(function.source), function, named).of(base)
    )
    ctype = None if ctype is None else struct_of(ctype)
    if not isinstance(ctype, StructType) or ctype.kind != "struct" or not ctype.tag:
        return None
    name = text_of(named.child_by_field_name("field"))
    ops = f"struct {ctype.tag}"
    if ctype.tag in _KERNELS or ops == program.callback.ops:
        return None

    def make() -> Inner | None:
        return _of_member(ops, name, program, tree)

    if tree.open(program.source.name) is not program.source:
        return make()
    return tree.once_of_all(("member below", ops, name), make)


def _of_member(ops: str, name: str, program: Program, tree: KernelTree) -> Inner | None:
    callback = Callback(ops, name, r1_table.new_name(name))
    try:
        member = callback_member.find(callback, tree)
        if member.twin is not None:
            return None
        callback = Callback(ops, name, callback.twin, len(member.parameters))
        return _found(callback, member, program, tree)
    except Declined:
        return None


def _found(callback: Callback, member: Member, program: Program, tree: KernelTree) -> Inner | None:
    """Return the member with all that sets or uses it. Raises Declined."""
    sites = []
    for file in _setting(callback, member, tree):
        for site in _sites(file, callback, program):
            _check_site(site, file, callback, program)
            sites.append((file, site))
            if len({each.name for _, each in sites}) > _MOST:
                return None
    positional.check(callback, tree)
    uses = tuple(Uses(callback, member, tree).found())
    if not all(_is_plain(use, callback.twin) for use in uses) or any(bindings(callback, tree)):
        return None
    return Inner(callback, member, uses, tuple(sites))


def _setting(callback: Callback, member: Member, tree: KernelTree) -> Iterator[SourceFile]:
    """Yield the files that may set the member, those that name its structure first."""
    sets = callback.member.encode()
    seen = set[str]()
    for word in (callback.tag, callback.member):
        for name in tree.search.mentioning(word, ""):
            if name not in seen and _may_set(tree.bytes_of(name), sets):
                file = tree.open(name)
                if file is member.source or member.source in closure(file, tree):
                    yield file
            seen.add(name)


def _may_set(text: bytes, member: bytes) -> bool:
    return any(ASSIGNED.match(text, at + len(member)) for at in places(member, text))


def _sites(file: SourceFile, callback: Callback, program: Program) -> Iterator[Handler]:
    """Yield what sets the member in a file. Raises Declined for what may."""
    found, others = find_sites(file, program.scope(file), (callback.member,))
    if any(not other.parsed for other in others) or any(site.ops == "?" for site in found):
        raise Declined("member-call", f"{file.name} may set {callback}")
    yield from (site for site in found if site.ops == callback.ops)


def _check_site(site: Handler, file: SourceFile, callback: Callback, program: Program) -> None:
    """Raise Declined where it is seen at once that what the member is set to has to stay."""
    if site.in_macro is not None or not site.name.isidentifier():
        raise Declined("member-call", f"{callback} is set by a macro")
    functions = file.functions.get(site.name) or program.definitions(site.name, file, far=True)
    if not functions:
        raise Declined("member-call", f"{site.name}() is not found")
    for function in functions:
        vma = [each.name for each in function.parameters if each.type_text == VMA_TYPE]
        if len(vma) != 1 or not vma[0]:
            raise Declined("not-a-hook", f"{site.name}() does not take one VMA")
        for call in calls_in(function.body):
            if _is_given(vma[0], call) and callee(call) in _NOWHERE:
                raise Declined("member-call", f"{site.name}() needs a VMA")


def _is_given(vma: str, call: Node) -> bool:
    given = [unwrapped(each) for each in arguments(call)]
    return any(each.type == "identifier" and text_of(each) == vma for each in given)


def _is_plain(use: Use, twin: str) -> bool:
    """Tell whether a use is a call, or asks whether the member is set."""
    if use.macro is not None or use.function is None:
        return False
    return call_of(use) is not None or tested(use, twin, use.node) is not None


def check_callers(inner: Inner, group: dict[str, list[Function]]) -> None:
    """Raise Declined for a call that a function outside the group makes, or not with its VMA."""
    functions = [each for found in group.values() for each in found]
    for use in inner.uses:
        call = call_of(use)
        if call is None:
            continue
        caller = next((each for each in functions if _is_in(use, each)), None)
        name = "?" if use.function is None else use.function.name
        if caller is None:
            message = f"{inner.callback} is called by {name}(), too ({use.source.name})"
            raise Declined("member-call", message, call)
        vma = [each.name for each in caller.parameters if each.type_text == VMA_TYPE]
        given = arguments(call)
        fits = len(given) == len(inner.member.parameters)
        if not fits or text_of(given[inner.member.vma]) not in vma:
            message = f"{name}() gives {inner.callback} something else than its VMA"
            raise Declined("member-call", message, call)


def retyped(inners: list[Inner], function: Function) -> dict[tuple[int, int], str]:
    """Return where a function names such members, and what they are called then."""
    return {span: each.callback.twin for each in inners for span in each.spans(function)}


def renamed(inners: list[Inner], functions: list[Function]) -> dict[str, list[Change]]:
    """Return by file the changes of what asks outside these functions whether a member is set."""
    found: dict[str, list[Change]] = {}
    for each in inners:
        for use in each.uses:
            if not any(_is_in(use, function) for function in functions):
                change = Change(*_span(use), each.callback.twin)
                found.setdefault(use.source.name, []).append(change)
    return found


def edits(inners: list[Inner], tree: KernelTree | None) -> list[Edit]:
    """Return the edits of the declarations of the members, and of their documentation."""
    if tree is None:
        return []
    return [
        edit
        for each in inners
        for edit in callback_member.retyped(each.member, each.callback, tree)
    ]


def through(
    inners: list[Inner], functions: list[Function], names: Mapping[str, str]
) -> tuple[Through, ...]:
    """Return what the comparison has to know of the members; `names` are new names by the old."""
    return tuple(
        Through(
            each.callback.ops,
            each.callback.member,
            each.callback.twin,
            _pairs((one.name for one in functions if any(each.calls_in(one))), names),
            _pairs((site.name for _, site in each.sites), names),
        )
        for each in inners
    )


def _pairs(found: Iterable[str], names: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, names[name]) for name in dict.fromkeys(found))


def notes(inners: list[Inner], functions: list[Function]) -> Iterator[tuple[str, Note]]:
    """Yield what a reviewer is told, each with the file that it is about."""
    for each in inners:
        calls = ((one, call) for one in functions for call in each.calls_in(one))
        function, call = next(calls)
        said = "" if each.sites else ", which nothing in the tree sets"
        message = f"{each.callback}{said} becomes {each.callback.twin}, which takes a descriptor"
        note = Note("member-retyped", message, call.start_point[0] + 1)
        yield function.source.name, note
