# SPDX-License-Identifier: GPL-2.0-only
"""What makes a conversion wrong although every use of the VMA has a translation.

Other code reads the table's member, or changes it at run time; the function compares what an
->mmap_prepare hook can't; a flag has no bit of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tree_sitter import Node

from premap.conversion import assigned, macro_tables
from premap.conversion.program import Program
from premap.conversion.rewriting import Change
from premap.csource.ctypes import CType, PointerType, StructType, UnknownType
from premap.csource.exprtypes import ExpressionTypes, function_around, types_at
from premap.csource.handlers import find_sites
from premap.csource.nodes import arguments, callee, calls_in, find_all, text_of, unwrapped
from premap.csource.source import SourceFile
from premap.csource.strstr import says
from premap.csource.text import COMMENT, STRING, never_together
from premap.idioms import h11_member_uses
from premap.idioms.idiom import Declined, Hook
from premap.idioms.population import POPULATIONS
from premap.idioms.twins import TWINS
from premap.records import ARMS_ALREADY, Edit, Handler, Note

_MEMBER = re.compile(rb"\bmmap\b(?!\s*=[^=])")
"""Every use of the member, and some that are none."""
_READ = re.compile(rb"(?:->|\.)\s*mmap\b(?!\s*=[^=])")
_WORD = re.compile(rb"[A-Za-z_]\w*")
_LEXICAL = re.compile(COMMENT + rb"|" + STRING, re.DOTALL)
_TABLE = "file_operations"
_NO_BIT = frozenset({"VM_NONE", "VM_SOFTDIRTY"})
"""Masks that can be 0, or depend on the configuration where their bit does not."""
_TRANSLATED = frozenset(
    {
        *("vm_start", "vm_end", "vm_pgoff", "vm_flags", "vm_page_prot", "vm_ops", "vm_mm"),
        *("vm_private_data", "vm_file", "vm_flags_set", "vm_flags_clear", "vm_flags_mod"),
        *("vma_pages", *TWINS, *POPULATIONS),
    }
)
"""Members and functions that idioms have a translation for."""
_COMPARES = frozenset({"==", "!="})
_NULL = frozenset({"NULL", "0"})


def check_table(handler: Handler, source: SourceFile, program: Program) -> None:
    """Raise Declined if code of the file needs the table's `.mmap` to be what it is."""
    assigned.check(handler, source, program)
    assigned.check_copied(handler, source, program)
    macro_tables.check_assigned(handler, source, program)
    callback = program.callback
    sites, _ = find_sites(source, program.scope(source), (callback.member, callback.twin))
    same = [
        site for site in sites if site.table is not None and _table_of(site) == _table_of(handler)
    ]
    twins = [site for site in same if site.member == callback.twin]
    if any(not never_together(site.arms, handler.arms) for site in twins):
        raise Declined("both-members", f"{handler.table} sets .{callback.twin} already")
    if twins:
        message = f"{handler.table} sets .{callback.twin} where it does not set .{handler.member}"
        raise Declined(ARMS_ALREADY, message)
    assigned.check_twice(handler, same, source)
    for other in same:
        if assigned.is_assigned(other, source) and not assigned.is_assigned(handler, source):
            message = f"line {other.line} changes the member of {other.table} at run time"
            raise Declined("table-assigned", message)
    if callback.is_file_operation:
        assigned.check_by_pointer(handler, sites, source)
    for use in _member_uses(source, program):
        if _either_hook(use, source, program) is not None:
            continue
        raise Declined("member-used", f"`{_short(use)}` uses the member `mmap` of a table", use)
    _check_other_files(handler, source, program)


def _check_other_files(handler: Handler, source: SourceFile, program: Program) -> None:
    """Raise Declined if a file that names the table may read or call its `.mmap`."""
    if program.tree is None or handler.table is None or not handler.table.isidentifier():
        return
    for name in assigned.naming(handler.table, source, program):
        if not _READ.search(program.tree.bytes_of(name)):
            continue
        other = program.open(name)
        for use in _member_uses(other, program):
            if _either_hook(use, other, program) is None:
                text = f"{name}:{other.line_of(use.start_byte)}: `{_short(use)}`"
                raise Declined("member-used", f"{text} may use {handler.table}", line=handler.line)


def _table_of(site: Handler) -> tuple[str, str | None]:
    return site.ops, site.table


def member_changes(source: SourceFile, program: Program) -> list[Change]:
    """Return the changes of code that tests or calls the `.mmap` of a file's table (H11)."""
    found = [_either_hook(use, source, program) for use in _member_uses(source, program)]
    return [Change(node.start_byte, node.end_byte, new) for node, new in filter(None, found)]


def _either_hook(use: Node, source: SourceFile, program: Program) -> tuple[Node, str] | None:
    """Return what asks for either hook in place of `file->f_op->mmap`; None if nothing does."""
    table = use.child_by_field_name("argument")
    file = None if table is None else table.child_by_field_name("argument")
    ctype = None if file is None else _types_of(use, source, program).of(file)
    if not isinstance(ctype, PointerType) or not isinstance(ctype.target, StructType):
        return None
    return h11_member_uses.rewritten(use) if ctype.target.tag == "file" else None


def check_new_words(edits: Iterable[Edit], program: Program) -> None:
    """Raise Declined if what is written anew is a macro of the file, or of its own headers."""
    for edit in edits:
        source = program.open(edit.file)
        before = set(_WORD.findall(source.text[edit.start : edit.end]))
        added = {word for word in _WORD.findall(_LEXICAL.sub(b" ", edit.new)) if word not in before}
        for file in program.scope(source).own_files:
            for word in sorted(added):
                macros = file.macros_of(word.decode("latin-1")) if says(file.text, word) else ()
                macro = next((each for each in macros if not each.arms), None)
                if macro is not None:
                    text = f"{macro.name} is a macro at {file.name}:{macro.line}"
                    raise Declined("name-taken", text)


def check_old_words(hook: Hook, program: Program) -> None:
    """Raise Declined if a name that is translated as the kernel's is a macro of the file's own."""
    source = hook.function.source
    text = source.code[hook.function.node.start_byte : hook.function.node.end_byte]
    meant = _TRANSLATED | {hook.vma, hook.file or hook.vma}
    words = {word.decode("latin-1") for word in _WORD.findall(text)} & meant
    for word in sorted(words - hook.wrappers.keys()):
        for file in program.scope(source).own_files_with(word):
            macro = next((each for each in file.macros_of(word) if not each.arms), None)
            if macro is not None:
                message = f"{word} is a macro at {file.name}:{macro.line}"
                raise Declined("name-taken", message, hook.function.node)


def table_notes(handler: Handler, source: SourceFile) -> tuple[Note, ...]:
    """Return what a reviewer should know of how the table is used."""
    swap = _swapped_in(source, handler.table)
    if swap is None:
        return assigned.notes(handler, source)
    message = "open files get this table in place of another: convert both, or neither"
    return (Note("operations-swapped", message, source.line_of(swap.start_byte)),)


def _swapped_in(source: SourceFile, table: str | None) -> Node | None:
    """Return where the table is given to a file that is open already, if that happens."""
    if b"f_op" not in source.text:
        return None
    for assignment in find_all(source.root, "assignment_expression"):
        left = assignment.child_by_field_name("left")
        right = assignment.child_by_field_name("right")
        if left is None or right is None or table is None:
            continue
        if text_of(left).endswith("->f_op") and text_of(right) == f"&{table}":
            return assignment
    return None


def _member_uses(source: SourceFile, program: Program) -> Iterator[Node]:
    """Yield where the file reads or calls the `.mmap` of a `struct file_operations`."""
    if not program.callback.is_file_operation:
        return
    for match in _MEMBER.finditer(source.seen):
        named = source.root.descendant_for_byte_range(*match.span())
        use = None if named is None or named.type != "field_identifier" else named.parent
        if use is not None and use.type == "offsetof_expression":
            if _TABLE in text_of(use.child_by_field_name("type")).split():
                yield use
            continue
        if use is None or use.type != "field_expression":
            continue
        if _is_assigned(use):
            continue  # a site of its own
        base = use.child_by_field_name("argument")
        if base is not None and _is_table(_types_of(use, source, program).of(base)):
            yield use


def _is_assigned(use: Node) -> bool:
    parent = use.parent
    if parent is None or parent.type != "assignment_expression":
        return False
    return parent.child_by_field_name("left") == use


def _types_of(use: Node, source: SourceFile, program: Program) -> ExpressionTypes:
    return types_at(program.scope(source), function_around(source, use), use)


def _is_table(ctype: CType) -> bool:
    if isinstance(ctype, PointerType):
        ctype = ctype.target
    if isinstance(ctype, UnknownType):
        return True
    return isinstance(ctype, StructType) and ctype.tag == _TABLE


def check_function(hook: Hook) -> None:
    """Raise Declined for what a descriptor can't express, though it has the words for it."""
    body = hook.function.body
    for comparison in find_all(body, "binary_expression"):
        if text_of(comparison.child_by_field_name("operator")) in _COMPARES:
            _check_comparison(comparison)
    for assignment in find_all(body, "assignment_expression"):
        left, right = (assignment.child_by_field_name(side) for side in ("left", "right"))
        if left is None or right is None:
            continue
        if text_of(left).endswith("->vm_ops") and _may_be_null(right):
            raise Declined("anonymous", "NULL operations make the mapping anonymous", assignment)
    for call in calls_in(body):
        if (callee(call) or "").startswith("vm_flags_"):
            _check_flags(call)


def _may_be_null(value: Node) -> bool:
    """Tell whether an expression is NULL, as it stands or in one of the arms of `?:`."""
    value = unwrapped(value)
    if value.type != "conditional_expression":
        return text_of(value) in _NULL
    arms = (value.child_by_field_name(arm) for arm in ("consequence", "alternative"))
    return any(_may_be_null(arm) for arm in arms if arm is not None)


def _check_comparison(comparison: Node) -> None:
    sides = [comparison.child_by_field_name(side) for side in ("left", "right")]
    if any(side is not None and text_of(side).endswith("->vm_file") for side in sides):
        raise Declined("vm-file-compared", "the VMA's file is compared with another", comparison)


def _check_flags(call: Node) -> None:
    for argument in arguments(call)[1:]:
        for name in find_all(argument, "identifier"):
            if text_of(name) in _NO_BIT:
                message = f"{text_of(name)} has no bit that is always the same"
                raise Declined("flag-without-bit", message, name)


def _short(node: Node) -> str:
    return " ".join(text_of(node).split())[:60]
