# SPDX-License-Identifier: GPL-2.0-only
"""R09: a flag test with several flags, or a name that the release does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, calls_in, text_of, unwrapped
from premap.rules.context import Context
from premap.rules.hooks import Hook
from premap.rules.names import descriptor_functions
from premap.rules.retesting import any_of, other_test, respelled, spelled
from premap.rules.rule import Found, Repair, Rule, at
from premap.rules.versions import contradicting, old_explorations

if TYPE_CHECKING:
    from premap.rules.paths import Step, Trace

_CALLED = re.compile(rb"\bvma_desc_test\w*")
_TESTS = re.compile(r"vma_desc_test(?:_flags|_any|_all)?")
_NAMES = re.compile(r"mmap_action_\w+|vma_desc_\w+")
_OLD_FLAGS = re.compile(r"\bvm_flags\b|\bvma_test\w*|\bvma_flags_test\w*")
_COMPARES = frozenset({"==", "!="})
_CALLERS = frozenset(
    f"VMA_{name}_BIT"
    for name in ["READ", "WRITE", "EXEC", "SHARED", "MAYREAD", "MAYWRITE", "MAYSHARE"]
)
"""Flags that every mmap() of a file decides alone; others hang on mounts and limits, too."""


def check(context: Context) -> Iterator[Found]:
    """Find tests of flags that don't mean what they say, and names that there are not."""
    yield from _one_flag(context)
    if not context.says(b"vma_desc_", b"mmap_action_") or context.release is None:
        return
    for call in context.source.calls_to(_NAMES.pattern):
        name = callee(call) or ""
        if _TESTS.fullmatch(name):
            yield from _test(context, call, name)
        elif not _has(context, name):
            yield at(context.source, call, f"{context.target} has no {name}()")
    yield from _compared(context)
    for found, test in _settled(context):
        yield found._replace(repair=other_test(context, test, _only_settled))
    if context.before is not None:
        for found, test in _changed(context):
            yield found._replace(repair=_other(context, test))


def _one_flag(context: Context) -> Iterator[Found]:
    """Find tests of one flag, of a VMA or of a vma_flags_t, that are given several.

    In 7.0, vma_flags_test() asks for any of them.
    """
    if not (context.at_least("7.1") and context.says(b"vma_flags_test(", b"vma_test(")):
        return
    for call in context.source.calls_to("vma_flags_test|vma_test"):
        name = callee(call)
        if len(arguments(call)) > 2 and not context.source.functions_of(name or ""):
            yield at(
                context.source, call, f"{name}() takes one flag: say {name}_any() or {name}_all()"
            )


def _only_settled(context: Context) -> Iterator[Found]:
    return (found for found, _ in _settled(context))


def _only_changed(context: Context) -> Iterator[Found]:
    return (found for found, _ in _changed(context))


def _other(context: Context, decided: Node) -> Repair | None:
    """Return the test that asks what the old handler asked, where a condition has one test."""
    tests = [call for call in calls_in(decided) if _is_test(call)]
    return other_test(context, tests[0], _only_changed) if len(tests) == 1 else None


def _has(context: Context, name: str) -> bool:
    """Whether the release has a function, as far as that is known, or the file defines it."""
    release, source, tree = context.release, context.source, context.tree
    listed = release is not None and name in release.names | descriptor_functions()
    return (
        listed
        or bool(source.functions_of(name))
        or bool(source.macros_of(name))
        or (tree is not None and bool(context.scope.function(name) or context.scope.macro(name)))
    )


def _test(context: Context, call: Node, name: str) -> Iterator[Found]:
    release = context.release
    function = call.child_by_field_name("function")
    if release is None or function is None:
        return
    if name not in {release.test_one, release.test_any, release.test_all}:
        new = spelled(release, name, call)
        use = "ask for each flag" if new is None else f"use {new}()"
        repair = respelled(context.source, call, new)
        told = f"{context.target} has no {name}(): {use}"
        yield at(context.source, function, told, repair=repair)
    elif name == "vma_desc_test" and len(arguments(call)) > 2:
        yield at(
            context.source,
            call,
            "vma_desc_test() takes one flag: say vma_desc_test_any() or vma_desc_test_all()",
            repair=any_of(context.source, call),
        )


def _compared(context: Context) -> Iterator[Found]:
    """Find a test, which is true or false, that is compared with a flag."""
    for node in context.holding(_CALLED, "binary_expression"):
        if text_of(node.child_by_field_name("operator")) not in _COMPARES:
            continue
        sides = [node.child_by_field_name("left"), node.child_by_field_name("right")]
        tests = [side for side in sides if side is not None and _is_test(side)]
        flags = [side for side in sides if side is not None and re.search("VMA?_", text_of(side))]
        if tests and any(flag not in tests for flag in flags):
            yield at(
                context.source,
                node,
                "a test of flags is true or false, never a flag: vma_desc_test_all() asks for all",
            )


def _settled(context: Context) -> Iterator[tuple[Found, Node]]:
    """Find tests of several flags that have one answer, whatever mmap() was called with."""
    for hook in context.prepares:
        if not hook.exploration.complete:
            continue
        answers: dict[int, tuple[Node, set[bool]]] = {}
        for trace in hook.exploration.traces:
            for step in trace.steps:
                if _decides(hook, step):
                    answers.setdefault(step.node.id, (step.node, set()))[1].add(step.given[0])
        for node, given in answers.values():
            test = _several(node)
            if test is not None and len(given) == 1:
                answer = given.pop() != (unwrapped(node).type == "unary_expression")
                message = (
                    f"this is {str(answer).lower()} for every mmap(): is another of "
                    "vma_desc_test_any() and vma_desc_test_all() meant?"
                )
                yield at(context.source, test, message, level="warning", hook=hook), test


def _changed(context: Context) -> Iterator[tuple[Found, Node]]:
    """Find tests of flags for which another mmap() fails than in the handler before."""
    for hook in context.prepares:
        yield from _changed_in(context, hook)


def _changed_in(context: Context, hook: Hook) -> Iterator[tuple[Found, Node]]:
    for old in old_explorations(context, hook):
        for new, was in contradicting(hook, old):
            test = _blamed(hook, new, was)
            conditions = (*new.condition, *was.condition)
            model = None if test is None else hook.exploration.ask(*conditions)
            if test is None or model is None:
                continue
            from premap.rules.paths import example  # noqa: PLC0415  for patches alone

            small = hook.exploration.small(model, conditions)
            now = "the old handler took this call, and the hook fails"
            if was.failed:
                now = "the old handler failed for this call, and the hook takes it"
            message = (
                "this does not ask what the old handler asked of the flags: is another of "
                "vma_desc_test_any() and vma_desc_test_all(), or the opposite, meant?"
            )
            level, shown = new.doubt or was.doubt, example(new, small, now)
            yield at(context.source, test, message, hook=hook, level=level, example=shown), test
            return


def _blamed(hook: Hook, new: Trace, was: Trace) -> Node | None:
    """Return the test of flags to which two paths owe that one of them fails, if it is one."""
    decided = [step.node for step in new.steps if _decides(hook, step)]
    tests = [node for node in decided if _tests_flags(node)]
    if new.failed:
        return tests[-1] if tests and tests[-1] is decided[-1] else None
    before = next((step for step in reversed(was.steps) if step.kind == "decision"), None)
    asked = before is not None and _OLD_FLAGS.search(text_of(before.node))
    return tests[-1] if tests and asked else None


def _decides(hook: Hook, step: Step) -> bool:
    """Whether a step is a decision that stands in the text of the hook's file, not of a macro."""
    written = step.kind == "decision" and step.function.source is hook.source
    return written and step.node == step.where


def _tests_flags(node: Node) -> bool:
    return any(_TESTS.fullmatch(callee(call) or "") for call in calls_in(node))


def _several(node: Node) -> Node | None:
    """Return the test of several flags that a condition is, or is the opposite of."""
    inner = unwrapped(node)
    if inner.type == "unary_expression":
        inner = unwrapped(inner.child_by_field_name("argument") or inner)
    flags = [text_of(each) for each in arguments(inner)[1:]] if _is_test(inner) else []
    return inner if len(flags) > 1 and _CALLERS.issuperset(flags) else None


def _is_test(node: Node) -> bool:
    return node.type == "call_expression" and bool(_TESTS.fullmatch(callee(node) or ""))


RULE = Rule(
    "R09",
    "a flag test that does not mean what it says, or a name that the release lacks",
    "error",
    """
`vma_desc_test_flags()` of 7.0 was true if any of its flags was set. 7.1 split it:
`vma_desc_test()` takes one flag, `vma_desc_test_any()` and `vma_desc_test_all()` several. What
a mask comparison such as `(flags & (A | B)) == A` became is easily the wrong one of them, and
some names exist in some releases only. A test of several flags that all paths answer alike, for
every mmap(), is the wrong one: MAYREAD is always set, and a private mapping is never SHARED.
With both versions at hand (`premap check --patch`), so is one for which another mmap() fails than
before.
""",
    bad="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (vma_desc_test(desc, VMA_EXEC_BIT, VMA_MAYEXEC_BIT))
		return -EPERM;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (vma_desc_test_any(desc, VMA_EXEC_BIT, VMA_MAYEXEC_BIT))
		return -EPERM;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="7.0",
)
