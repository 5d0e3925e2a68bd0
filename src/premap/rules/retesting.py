# SPDX-License-Identifier: GPL-2.0-only
"""The fixes of R09: another test of the same flags.

A function that a release calls otherwise gets its name there. Where the wrong test was chosen, the
other ones are tried, and one is offered that has nothing more to be said of, if only one has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tree_sitter import Node

from premap.csource.edit import apply_edits
from premap.csource.nodes import arguments, callee, text_of
from premap.csource.source import SourceFile
from premap.records import Edit, Safety
from premap.releases import Release
from premap.rules.context import Context
from premap.rules.rule import Found, Repair

ANY, ALL = "vma_desc_test_any", "vma_desc_test_all"


def spelled(release: Release, name: str, call: Node) -> str | None:
    """Return what a release calls a test that it has not by this name; None if it has none."""
    several = len(arguments(call)) > 2
    if name == ALL and several:
        return release.test_all
    return release.test_any if several or name != "vma_desc_test" else release.test_one


def respelled(source: SourceFile, call: Node, new: str | None) -> Repair | None:
    """Return the fix that calls a test by another name, where that means the same."""
    if new is None:
        return _one_by_one(source, call)
    return _called(source, call, new, "automatic")


def any_of(source: SourceFile, call: Node) -> Repair | None:
    """Return the fix of a test of one flag that is given several: any, as `flags & (A | B)`."""
    return _called(source, call, ANY, "review")


def _called(source: SourceFile, call: Node, new: str, safety: Safety) -> Repair | None:
    function = call.child_by_field_name("function")
    if function is None or function.type != "identifier":
        return None
    edit = Edit(source.name, function.start_byte, function.end_byte, new.encode())
    return Repair(f"Use {new}()", (edit,), safety)


def _one_by_one(source: SourceFile, call: Node) -> Repair | None:
    """Return the fix that asks for each flag, as 7.0 has no test for all of them."""
    desc, *flags = map(text_of, arguments(call))
    if not desc.isidentifier() or not all(each.isidentifier() for each in flags):
        return None
    text = " && ".join(f"vma_desc_test_flags({desc}, {flag})" for flag in flags)
    edit = Edit(source.name, call.start_byte, call.end_byte, f"({text})".encode())
    return Repair("Ask for each flag", (edit,), "automatic")


def other_test(
    context: Context, call: Node, findings: Callable[[Context], Iterable[Found]]
) -> Repair | None:
    """Return the one fix, of another test and the opposite, after which nothing is found."""
    tried = (fix for fix in _others(context.source, call) if not any(findings(_with(context, fix))))
    fixes = list(tried)
    return fixes[0] if len(fixes) == 1 else None


def _others(source: SourceFile, call: Node) -> Iterator[Repair]:
    name = callee(call)
    other = {ANY: ALL, ALL: ANY}.get(name or "")
    swapped = None if other is None else _called(source, call, other, "review")
    if swapped is not None and len(arguments(call)) > 2:
        yield swapped
    outer = call.parent
    if outer is not None and outer.type == "unary_expression" and text_of(outer).startswith("!"):
        begin, end, text = outer.start_byte, call.start_byte, b""
    else:
        begin, end, text = call.start_byte, call.start_byte, b"!"
    yield Repair("Ask for the opposite", (Edit(source.name, begin, end, text),))


def _with(context: Context, fix: Repair) -> Context:
    """Return what is checked as it would be with a fix."""
    source = context.source
    mended = SourceFile(source.name, apply_edits(source.text, fix.edits))
    return Context(mended, context.tree, context.target, context.before)
