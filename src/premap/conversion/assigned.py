# SPDX-License-Identifier: GPL-2.0-only
"""Members of a subsystem's tables that are set at run time: `hw->ops.mmap = f;` (H10).

The dispatcher looks at the twin first. So that it finds what it found before, nothing else may set
the old member of the same object. Which object that is can't be told from C alone, so every other
assignment of the file counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tree_sitter import Node

from premap.conversion.callback import Callback
from premap.conversion.program import WHOLE_TREE, Program, subsystem
from premap.csource.ctypes import PointerType, StructType
from premap.csource.exprtypes import function_around, types_at
from premap.csource.handlers import find_sites
from premap.csource.nodes import arguments, callee, calls_in, find_all, text_of
from premap.csource.source import SourceFile
from premap.csource.text import ASSIGNED, never_together, places
from premap.idioms.idiom import Declined
from premap.records import Handler, Note

_OLD_ENTRY = re.compile(rb"\w+[\s\\]*:")
"""`mmap: f`, an entry of an initializer as before C99."""


def is_assigned(site: Handler, source: SourceFile) -> bool:
    """Tell whether a site is an assignment, rather than part of an initializer."""
    written = source.code[site.start : site.end]
    return written[:1] != b"." and _OLD_ENTRY.match(written) is None


def check(site: Handler, source: SourceFile, program: Program) -> None:
    """Raise Declined for an assignment, if what else the object's table has is not known."""
    if not is_assigned(site, source):
        return
    if program.callback.is_file_operation:
        message = "the member is assigned at run time; what else the table has is not known"
        raise Declined("table-assigned", message)
    callback = program.callback
    sites, _ = find_sites(source, program.scope(source), (callback.member, callback.twin))
    for other in sites:
        same = other.name == site.name and other.member == site.member
        if other.ops not in {site.ops, "?"} or same:
            continue
        message = f"line {other.line} sets the member of a {site.ops}, too: of the same object?"
        raise Declined("table-assigned", message)


def check_twice(site: Handler, same: Iterable[Handler], source: SourceFile) -> None:
    """Raise Declined if the initializer sets the member again: the last one counts.

    `same` are the sites of the table. Renamed, the member would no longer be overridden.
    """
    for other in same:
        if (
            other.name != site.name
            and other.member == site.member
            and not never_together(other.arms, site.arms)
            and _entry(other, source) == _entry(site, source)
        ):
            message = f"line {other.line} sets .{site.member} of {site.table}, too"
            raise Declined("member-twice", message, line=site.line)


def _entry(site: Handler, source: SourceFile) -> tuple[int, bytes]:
    """Return where the list of a site's initializer begins, and which member of it is set."""
    node = _around(site, source, "initializer_list")
    designator = re.split(rb"[=:]", source.code[site.start : site.end], maxsplit=1)[0]
    begin = site.start if node is None else node.start_byte
    return begin, b"".join(designator.split()).removeprefix(b".")


def check_by_pointer(site: Handler, sites: Iterable[Handler], source: SourceFile) -> None:
    """Raise Declined if code of the file sets the member by a pointer, of what may be this table.

    It may not where the table is constant.
    """
    declared = _around(site, source, "declaration")
    if declared is None or re.match(r"[^=]*\bconst\b", text_of(declared)):
        return
    for other in sites:
        if other.ops == site.ops and other.start != site.start and is_assigned(other, source):
            message = f"line {other.line} may set the member of this table at run time"
            raise Declined("table-assigned", message, line=site.line)


def _around(site: Handler, source: SourceFile, kind: str) -> Node | None:
    """Return the innermost node of a kind that a site is part of."""
    node = source.tree_around(site.start).descendant_for_byte_range(site.start, site.end)
    while node is not None and node.type != kind:
        node = node.parent
    return node


def check_copied(site: Handler, source: SourceFile, program: Program) -> None:
    """Raise Declined for a table of which a copy is made where members are set at run time.

    Of a copy's members, the one that is set would be the old one, and the twin is looked at first.
    """
    callback = program.callback
    if site.table is None or not site.table.isidentifier():
        return
    for file in _copying(site.table, source, program):
        for line in _setting(file, callback):
            message = f"{file.name}:{line} may set the member of a copy of {site.table}"
            raise Declined("table-assigned", message, line=site.line)
    if program.tree is None or callback.is_file_operation:
        return
    key = ("copies that are set", callback.ops, callback.member)
    for where in program.tree.once_of_all(key, lambda: [*_copies_that_are_set(program)]):
        message = f"{where} may set the member of a copy of any {site.ops}"
        raise Declined("table-assigned", message, line=site.line)


def _setting(file: SourceFile, callback: Callback) -> Iterator[int]:
    """Yield the lines at which a file sets the member, or the twin, at run time."""
    code = file.code
    for word in (callback.member.encode(), callback.twin.encode()):
        for at in places(word, code):
            end = ASSIGNED.match(code, at + len(word))
            if end is None or _begins_an_entry(code[:at].rstrip()):
                continue
            node = file.root.descendant_for_byte_range(at, end.end())
            if node is not None and node.type == "assignment_expression":
                yield file.line_of(at)


def _begins_an_entry(before: bytes) -> bool:
    """Tell whether a name behind this text is no member, or the first in an initializer's entry."""
    dot = before.endswith(b".") and not before[:-1].rstrip().endswith((b"{", b","))
    return not dot and not before.endswith(b"->")


def _copies_that_are_set(program: Program) -> Iterator[str]:
    """Yield where the member is set in files that copy such tables by a pointer: `a = *b;`."""
    tree, callback = program.tree, program.callback
    for name in tree.search.mentioning(callback.member, WHOLE_TREE) if tree is not None else ():
        file = program.open(name)
        lines = [*_setting(file, callback)]
        if lines and any(_copies(node, file, program) for node in _copying_nodes(file)):
            yield f"{name}:{lines[0]}"


def _copying_nodes(file: SourceFile) -> Iterator[Node]:
    """Yield what is followed, or given to a function that copies what a pointer leads to."""
    for node in find_all(file.root, "pointer_expression"):
        inner = node.child_by_field_name("argument")
        if inner is not None and text_of(node.children[0]) == "*" and not _names_a_type(node):
            yield inner
    for call in calls_in(file.root):
        if re.match(r"mem\w+|\w*dup\w*", callee(call) or ""):
            yield from arguments(call)


def _names_a_type(node: Node) -> bool:
    """Tell whether `*p` is not evaluated: sizeof(*p), typeof(*p), an allocation of that size."""
    above = node.parent
    while above is not None and above.type == "parenthesized_expression":
        node, above = above, above.parent
    if above is not None and above.type == "argument_list":
        call = above.parent
        typed = call is not None and _TYPED.fullmatch(callee(call) or "") is not None
        return call is not None and typed and arguments(call)[0] == node
    return above is not None and above.type == "sizeof_expression"


_TYPED = re.compile(r"(?:__)?typeof(?:_unqual)?(?:__)?|kv?[mz]alloc_(?:obj|objs|flex)")
"""What the type of its first argument is asked of (include/linux/slab.h)."""


def _copies(pointer: Node, file: SourceFile, program: Program) -> bool:
    """Tell whether a pointer leads to such a table."""
    ctype = types_at(program.scope(file), function_around(file, pointer), pointer).of(pointer)
    target = ctype.target if isinstance(ctype, PointerType) else None
    return isinstance(target, StructType) and target.tag == program.callback.tag


def _copying(table: str, source: SourceFile, program: Program) -> Iterator[SourceFile]:
    """Yield the files that copy a table as a whole."""
    name = re.escape(table.encode())
    copies = re.compile(
        rb"=\s*%b\s*[;,]|\bmem\w+\s*\([^;]*&\s*%b\b|dup\w*\s*\(\s*&\s*%b\b" % ((name,) * 3)
    )
    if copies.search(source.code):
        yield source
    for other in naming(table, source, program):
        if program.tree is not None and copies.search(program.tree.bytes_of(other)):
            yield program.tree.open(other)


def naming(table: str, source: SourceFile, program: Program) -> Iterator[str]:
    """Yield the names of other files that may name a table."""
    name = re.escape(table.encode())
    static = re.compile(rb"\bstatic\b[^;{}()]*\b%b\s*[=;]" % name)
    if program.tree is None or static.search(source.code):
        return
    top = subsystem(source.name)
    headers = program.scope(source).files_with(table)
    declaring = [file.name for file in headers if file is not source]
    private = declaring and all(each.startswith(f"{top}/") for each in declaring)
    for other in program.tree.search.mentioning(table, top if private else WHOLE_TREE):
        if other != source.name and not static.search(program.tree.bytes_of(other)):
            yield other


def notes(site: Handler, source: SourceFile) -> tuple[Note, ...]:
    """Return what a reviewer should look for."""
    if not is_assigned(site, source):
        return ()
    message = f"see that no other file sets the old member of this {site.ops}"
    return (Note("set-at-run-time", message, site.line),)
