# SPDX-License-Identifier: GPL-2.0-only
"""What one file of a tree has: sites, what only looks like one, consumers, what its hooks do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct
from tree_sitter import Node

from premap.csource import ctypes
from premap.csource.exprtypes import UNKNOWN, ExpressionTypes, local_types
from premap.csource.handlers import (
    find_elements,
    find_given,
    find_sites,
    sites_in,
    tables_of_entries,
)
from premap.csource.nodes import find_all, path_to, text_of
from premap.csource.scope import Scope
from premap.csource.source import SourceFile
from premap.csource.text import after_signs, comments
from premap.csource.tree import KernelTree
from premap.records import Handler
from premap.survey.classes import function_facts
from premap.survey.members import UNTOLD
from premap.survey.named import names_in
from premap.survey.records import Consumer, Explained, FileFacts, Hook, RawSite, TablesWith
from premap.survey.textfacts import Member

_NOTHING: FileFacts = {"sites": [], "explained": [], "consumers": [], "functions": {}}
_MATTER = (b"mmap", b"vma", b"vm_area")
"""What functions say that have to do with mappings; others are parsed where they are asked for."""
TESTS = frozenset(
    {
        "if_statement",
        "conditional_expression",
        "while_statement",
        "binary_expression",
        "unary_expression",
    }
)


class Asked(Struct, frozen=True):
    """What is to be told of a file."""

    members: tuple[str, ...]
    """Names of members that set a mapping up in some structure, which the file seems to say."""
    wanted: tuple[str, ...] = ()
    """Functions of this file that tables of other files name."""
    listed: tuple[str, ...] = ()
    """Functions that get a VMA and seem to fill a table by position."""
    given: tuple[str, ...] = ()
    """What is called with the name of such a member: it may be a macro that sets it."""
    known: tuple[str, ...] = ()
    """Structures that have such members: no more need be told of them."""


def file_facts(source: SourceFile, tree: KernelTree, asked: Asked) -> FileFacts:
    """Return what a file has, ready for JSON."""
    source.matter = (*_MATTER, *(name.encode() for name in {*asked.wanted, *asked.listed}))
    found = _said(source, tree, asked) if asked.members else _NOTHING
    wanted = {*asked.wanted, *(name for site in found["sites"] for name in site["names"])}
    functions = {
        name: function_facts(definitions)
        for name in sorted(wanted)
        if (definitions := source.functions_of(name))
    }
    return {**found, "functions": functions}


def _said(source: SourceFile, tree: KernelTree, asked: Asked) -> FileFacts:
    """Return what a file does with the members that it names."""
    names = asked.members
    scope = Scope(source, tree)
    handlers, others = find_sites(source, None, names)
    if any(handler.ops == UNTOLD for handler in handlers):
        handlers, others = find_sites(source, scope, names)
    given = find_given(source, scope, names, asked.given)
    listed = find_elements(source, scope, names, asked.listed)
    sites = [_site(source, handler) for handler in (*handlers, *given)]
    for site in sites:
        if site["ops"] not in asked.known:
            site["declared"] = declared(scope, site["ops"])
    sites += [{**_site(source, each), "by_position": True} for each in listed]
    sites.sort(key=lambda site: site["start"])
    explained = [_explained(other.line, other.why, parsed=other.parsed) for other in others]
    explained += _hidden(source, names, len(handlers) + len(others))
    consumers = list(_consumers(source, scope, names))
    return {"sites": sites, "explained": explained, "consumers": consumers, "functions": {}}


def settled(facts: FileFacts, members: Iterable[Member], seen: Callable[[str], bool]) -> FileFacts:
    """Return a file's facts, now that the members of the tree are known that set a mapping up.

    `seen` tells whether the file sees what members a structure has, where the facts do not.
    """
    known = list(members)
    kinds: dict[tuple[str, str], Hook] = {(each.ops, each.name): each.hook for each in known}
    by_name = {each.name: each.hook for each in reversed(known)}
    sites: list[RawSite] = []
    explained = list(facts["explained"])
    for raw in facts["sites"]:
        hook = kinds.get((raw["ops"], raw["member"]))
        if hook is None and not raw["by_position"]:
            told = raw["declared"]
            hook = None if (seen(raw["ops"]) if told is None else told) else by_name[raw["member"]]
        if hook is not None:
            sites.append({**raw, "hook": hook})
        elif not raw["by_position"]:
            why = f"{raw['ops']}.{raw['member']} gets no VMA"
            explained.append({"line": raw["line"], "rule": "no-vma", "why": why})
    consumers = [use for use in facts["consumers"] if (use["ops"], use["member"]) in kinds]
    return {**facts, "sites": sites, "explained": explained, "consumers": consumers}


def tables_with(source: SourceFile, tree: KernelTree, macros: Iterable[str]) -> TablesWith:
    """Return what a file puts macros of entries into."""
    scope = Scope(source, tree)
    found: TablesWith = {"tables": {}, "macros": {}, "defined_in": {}}
    for name in macros:
        types, users = tables_of_entries(source, scope, name)
        found["tables"][name] = sorted(types)
        found["macros"][name] = sorted(users)
        found["defined_in"][name] = [macro.source.name for macro in scope.macro(name)]
    return found


def declared(scope: Scope, ops: str) -> bool:
    """Tell whether a structure's members are known: no header of it need be in the tree."""
    if ops == UNTOLD:
        return False
    kind, _, tag = ops.partition(" ")
    return (scope.struct(kind, tag) if tag else scope.typedef(ops)) is not None


def _site(source: SourceFile, handler: Handler) -> RawSite:
    names, giver = names_in(source, handler)
    return {
        "line": handler.line,
        "handler": handler.name,
        "names": names,
        "giver": giver,
        "by_position": False,
        "ops": handler.ops,
        "member": handler.member,
        "hook": "mmap",
        "declared": None,
        "table": handler.table,
        "in_macro": handler.in_macro,
        "arms": list(handler.arms),
        "start": handler.start,
    }


def _explained(line: int, why: str, *, parsed: bool) -> Explained:
    return {"line": line, "rule": "no-function" if parsed else "not-c", "why": why}


def _hidden(source: SourceFile, names: Iterable[str], seen: int) -> Iterator[Explained]:
    """Yield what grep sees in comments and strings; `seen` is how much it sees outside of them."""
    found = list(sites_in(source.text, names))
    if len(found) == seen:
        return
    in_code = {match.start() for match in sites_in(source.code, names)}
    in_comments = list(comments(source.text))
    for match in found:
        at = match.start()
        if at in in_code:
            continue
        inside = any(start <= at < end for start, end in in_comments)
        why = "stands in a comment" if inside else "stands in a string"
        yield {"line": source.line_of(at), "rule": "comment" if inside else "string", "why": why}


def _consumers(source: SourceFile, scope: Scope, names: Iterable[str]) -> Iterator[Consumer]:
    """Yield every place that reads such a member: calls, tests, copies."""
    pattern = re.compile(
        rb"(?:->|\.)\s*(%b)\b(?!\s*=[^=])" % "|".join(map(re.escape, names)).encode()
    )
    for match in after_signs(pattern, names, source.code):
        if source.macro_at(match.start()) is not None:
            continue
        path = path_to(source.tree_around(match.start()), match.start())
        at = next(
            (i for i in range(len(path) - 1, -1, -1) if path[i].type == "field_expression"), None
        )
        if at is None:
            continue
        ops = _owner(scope, path, at)
        member = match[1].decode()
        function = next((n for n in path if n.type == "function_definition"), None)
        yield {
            "line": source.line_of(match.start()),
            "function": None if function is None else _name(function),
            "ops": ops,
            "member": member,
            "kind": _use(path, at),
        }


def _owner(scope: Scope, path: list[Node], at: int) -> str:
    owner = path[at].child_by_field_name("argument")
    function = next((n for n in path if n.type == "function_definition"), None)
    if owner is None:
        return "?"
    names = {} if function is None else local_types(scope, function, path[at].start_byte)
    given = ExpressionTypes(scope, names).of(owner)
    if isinstance(given, ctypes.PointerType):
        given = given.target
    if given == UNKNOWN or not isinstance(given, ctypes.StructType):
        return "?"
    return f"{given.kind} {given.tag}" if given.tag else given.typedef or "?"


def _name(function: Node) -> str | None:
    found = next(find_all(function, "function_declarator"), None)
    return None if found is None else text_of(found.child_by_field_name("declarator"))


def _use(path: list[Node], at: int) -> str:
    """Tell a call from a test and from a copy."""
    parent = path[at - 1] if at else None
    if parent is None:
        return "read"
    if parent.type == "call_expression" and parent.child_by_field_name("function") == path[at]:
        return "call"
    if parent.type in {"assignment_expression", "init_declarator", "initializer_pair"}:
        return "copy"
    if parent.type == "parenthesized_expression" or parent.type in TESTS:
        return "test"
    return "read"
