# SPDX-License-Identifier: GPL-2.0-only
"""Converts one function: its signature, its body, its locals, and the way it is laid out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field
from tree_sitter import Node

from premap.conversion import arms, braces, comments, locals_
from premap.conversion.callback import APPLY
from premap.conversion.layout import Moved, laid_out
from premap.conversion.rewriting import Change, Rewriter, preprocessed, signature
from premap.csource.nodes import callee, calls_in, find_all, first_misread, misread, parse
from premap.csource.source import Macro, SourceFile
from premap.csource.text import code_view
from premap.idioms import r3_file
from premap.idioms.idiom import DESC, FILE, Declined, Hook
from premap.records import Edit

MAX_NESTING = 100
"""The kernel's deepest hook has a dozen; far more would only cost time."""

_WORD = re.compile(r"[A-Za-z_]\w*")
_VARIABLE = re.compile(r"(?<![.>\w])(?<!struct )[A-Za-z_]\w*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


class Converted(Struct, frozen=True):
    """A function in its new form."""

    edit: Edit
    idioms: frozenset[str]
    actions: Mapping[str, str] = field(default_factory=dict)
    """What each function that populated the mapping became, where that is one action."""


def convert_function(
    hook: Hook, new_name: str, mentions: Sequence[Change], *, is_hook: bool
) -> Converted:
    """Convert one function that gets the VMA. Raises Declined.

    `mentions` are changes of names within it: a comment that names the old hook.
    """
    _check(hook)
    rewriter = Rewriter(hook)
    changes = [*signature(hook, new_name, is_hook=is_hook), *rewriter.body()]
    actions = {old: min(new) for old, new in rewriter.actions.items() if len(new) == 1}
    changes += comments.outside([*mentions, *comments.changes(hook, actions)], changes)
    changes = locals_.without_unused(hook, changes)
    changes += locals_.spaced(hook, changes)
    changes += braces.unneeded(hook, changes)
    comments.note_lost(hook, changes)
    found = {"R2", *rewriter.applied}
    without_arms = arms.without_older(hook, arms.merged(hook, changes))
    if without_arms != changes:
        found.add("R5")
    changes = _with_file(hook, without_arms)
    text = _text(hook, changes)
    _check_result(text, hook)
    node = hook.function.node
    edit = Edit(hook.function.source.name, node.start_byte, node.end_byte, text.encode("latin-1"))
    if hook.file is not None:
        found.add("R3")
    return Converted(edit, frozenset(found), actions)


def _check(hook: Hook) -> None:
    node = hook.function.node
    if _misread(node):
        where = first_misread(node) or node
        raise Declined("parse-error", "the function could not be parsed wholly", where)
    source = hook.function.source
    code = source.code[node.start_byte : node.end_byte].decode("latin-1")
    if _nesting(code) > MAX_NESTING:
        raise Declined("too-deep", "brackets are nested too deeply", node)
    for call in calls_in(node):
        if callee(call) == APPLY:
            message = f"the hook gives a descriptor of its own to another: {APPLY}()"
            raise Declined("compat-by-hand", message, call)
    if re.search(rf"(?<![.>\w]){DESC}\b(?!\s*:)", code):
        raise Declined("name-taken", f"it has a variable `{DESC}` already", node)
    names = {name for name in (hook.vma, hook.file, DESC) if name}
    for macro in _macros_in(source, code):
        free = names - set(macro.parameters or ())
        if free & set(_VARIABLE.findall(_STRING.sub('""', macro.body))):
            message = f"the macro {macro.name} uses the hook's own variables"
            raise Declined("vma-in-macro", message, node)


def _nesting(code: str) -> int:
    """Return how deep brackets are nested."""
    deepest = depth = 0
    for character in code:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest


def _misread(definition: Node) -> bool:
    """Tell whether there are parse errors in a function, words before its name aside."""
    parts = (definition.child_by_field_name(name) for name in ("declarator", "body"))
    return any(part is None or misread(part) for part in parts)


def _with_file(hook: Hook, changes: list[Change]) -> list[Change]:
    """Put the file in place: inline, or through a local."""
    uses = sum(change.new.count(FILE) for change in changes)
    if uses > 1 and not _all_in_arms(hook, changes):
        name = _local_name(hook)
        filled = [_filled(change, name) for change in changes]
        return [*filled, locals_.declare(hook, r3_file.local(name), changes)]
    return [_filled(change, r3_file.INLINE) for change in changes]


def _macros_in(source: SourceFile, code: str) -> Iterator[Macro]:
    """Yield the macros of the file that a piece of code uses, and those that they use."""
    pending, seen = [code], set[str]()
    while pending:
        for word in _WORD.findall(pending.pop()):
            if word in seen:
                continue
            seen.add(word)
            for macro in source.macros_of(word):
                yield macro
                pending.append(macro.body)


def _filled(change: Change, text: str) -> Change:
    return Change(change.start, change.end, change.new.replace(FILE, text))


def _local_name(hook: Hook) -> str:
    if hook.file is not None:
        return hook.file
    if re.search(r"(?<![.>\w])file\b", hook.text(hook.function.node)):
        raise Declined("name-taken", "it has a variable `file` of its own", hook.function.node)
    return "file"


def _all_in_arms(hook: Hook, changes: Iterable[Change]) -> bool:
    """Tell whether only `#if` arms use the file, so that a local could be unused elsewhere."""
    arms = [(node.start_byte, node.end_byte) for node in preprocessed(hook)]
    return all(
        any(start <= change.start < end for start, end in arms)
        for change in changes
        if FILE in change.new
    )


def _text(hook: Hook, changes: Iterable[Change]) -> str:
    source = hook.function.source
    node = hook.function.node
    old = hook.text(node)
    base = node.start_byte
    ordered = sorted(changes, key=lambda change: (change.start, change.end))
    pieces = []
    at = base
    for change in ordered:
        if change.start < at:
            raise Declined("overlap", "two idioms claim the same code", node)
        pieces += [hook.between(at, change.start), change.new]
        at = change.end
    pieces.append(hook.between(at, node.end_byte))
    text = laid_out(old, "".join(pieces), Moved(ordered, base))
    if source.newline == b"\r\n" and "\r\n" in old:
        text = re.sub(r"(?<!\r)\n", "\r\n", text)
    return text


def _check_result(text: str, hook: Hook) -> None:
    """Assert that the result parses and has no use of the VMA left."""
    encoded = text.encode("latin-1")
    found = list(find_all(parse(encoded), "function_definition"))
    if len(found) != 1 or _misread(found[0]):
        raise Declined("parse-error", "the result could not be parsed", hook.function.node)
    code = code_view(encoded).decode("latin-1")
    if re.search(rf"(?<![.>\w]){re.escape(hook.vma)}\b", code):
        raise Declined("vma-escapes", "a use of the VMA would be left", hook.function.node)
