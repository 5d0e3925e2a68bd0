# SPDX-License-Identifier: GPL-2.0-only
"""Masks of VM_ flags in C, and the functions that test, set and clear flags of a descriptor."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace
from tree_sitter import Node

from premap.csource.errors import NotC
from premap.csource.nodes import (
    arguments,
    callee,
    find_all,
    parse_expression,
    text_of,
    unwrapped,
)
from premap.csource.source import Macro
from premap.csource.text import GAP
from premap.idioms.idiom import DESC, Declined, Hook, Pieces
from premap.releases import HIGHEST_PORTABLE_BIT

NO_FLAGS = frozenset({"0", "0UL", "VM_NONE"})
ONE_MASK = frozenset({"vm_flags_set", "vm_flags_clear"})
"""Functions that change the flags of a mapping, and are given those: G1 and G2."""
CHANGES = ONE_MASK | {"vm_flags_mod"}
"""All that change them: G3, too."""
_WIDE = "64BIT"
"""The option of kernels that have a bit for every flag."""
_TRUTH_MACROS = frozenset({"likely", "unlikely", "WARN_ON", "WARN_ON_ONCE", "BUG_ON"})


class Test(Struct, frozen=True):
    """A comparison of the mapping's flags: which have to be set, and which clear."""

    all_of: tuple[str, ...] = ()
    """Bits that are all set…"""
    none_of: tuple[str, ...] = ()
    """… while none of these is; or, with any_of, empty."""
    any_of: tuple[str, ...] = ()
    """Bits of which one is set, in place of the other two."""
    negated: bool = False

    @property
    def count(self) -> int:
        """How many flags it looks at."""
        return len(self.all_of) + len(self.none_of) + len(self.any_of)


def bits(mask: Node, hook: Hook) -> tuple[str, ...]:
    """Return VM_A | VM_B as ("VMA_A_BIT", "VMA_B_BIT"); () for no flags at all.

    Raises Declined for anything else: local variables, macros, flags above bit 31.
    """
    mask = unwrapped(mask)
    if mask.type == "binary_expression" and text_of(mask.child_by_field_name("operator")) == "|":
        left, right = _sides(mask)
        return tuple(dict.fromkeys((*bits(left, hook), *bits(right, hook))))
    name = text_of(mask)
    if name in NO_FLAGS:
        return ()
    if mask.type == "identifier" and (macros := hook.function.source.macros_of(name)):
        return _of_macro(macros, mask, hook)
    if mask.type != "identifier" or not name.startswith("VM_"):
        raise Declined("flags-not-constant", f"`{name}` is no list of VM_ flags", mask)
    return (_bit(name, mask, hook),)


def parted(mask: Node, hook: Hook) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the bits of a mask that every kernel has, and those that only 64-bit ones have.

    All are of the first kind in a driver for 64-bit kernels alone. Raises Declined as `bits` does;
    for a flag above bit 31 where the tree's headers do not say that it is nothing in 32-bit
    kernels, too.
    """
    mask = unwrapped(mask)
    if mask.type == "binary_expression" and text_of(mask.child_by_field_name("operator")) == "|":
        sides = [parted(side, hook) for side in _sides(mask)]
        low, wide = (dict.fromkeys(b for side in sides for b in side[i]) for i in (0, 1))
        return tuple(low), tuple(wide)
    name = text_of(mask).removeprefix("VM_")
    ours = name in hook.release.wide and not hook.function.source.macros_of(text_of(mask))
    ours = ours and not hook.built_only_with(_WIDE)
    return ((), (f"VMA_{name}_BIT",)) if ours else (bits(mask, hook), ())


def _of_macro(macros: Sequence[Macro], mask: Node, hook: Hook) -> tuple[str, ...]:
    """Return the bits of the file's own `#define RING_FLAGS (VM_A | VM_B)`.

    Also under `#ifndef RING_FLAGS`, if it is the name of no flag that the release has.
    """
    declined = Declined("flags-in-macro", f"{macros[0].name} is a macro of this file", mask)
    if not _is_plain(macros, hook):
        raise declined
    [macro] = macros
    try:
        found = bits(parse_expression(macro.body), hook)
    except (NotC, Declined, RecursionError) as problem:
        raise declined from problem
    if macro.arms and not any(note.id == "flags-by-macro" for note in hook.notes):
        message = f"{macro.name} is taken to be what this file defines, not a header before"
        hook.note("flags-by-macro", message, mask)
    return found


def _is_plain(macros: Sequence[Macro], hook: Hook) -> bool:
    """Tell whether a name is defined once, before the hook, and is none of the release's own."""
    [macro, *more] = macros
    unless = (f"!defined({macro.name})",)
    if more or macro.parameters is not None or macro.arms not in {(), unless}:
        return False
    if (
        macro.name.removeprefix("VM_") in hook.release.bits
        or macro.start > hook.function.node.start_byte
    ):
        return False
    words = rb"#[ \t]*undef%b%b\b" % (GAP, macro.name.encode())
    return not re.search(words, macro.source.code) and macro.name not in macro.body


def _bit(name: str, node: Node, hook: Hook) -> str:
    flag = name.removeprefix("VM_")
    if flag in hook.release.wide and hook.built_only_with(_WIDE):
        return f"VMA_{flag}_BIT"
    at = hook.release.bits.get(flag)
    if at is None:
        raise Declined(
            "release-lacks-flag", f"{hook.release.name} has no VMA_{flag}_BIT for {name}", node
        )
    if not 0 <= at <= HIGHEST_PORTABLE_BIT:
        raise Declined("flag-not-portable", f"VMA_{flag}_BIT is not a bit on every kernel", node)
    return f"VMA_{flag}_BIT"


def masked(node: Node, hook: Hook) -> Node | None:
    """Return the mask of `vma->vm_flags & mask`, either way round."""
    node = unwrapped(node)
    if node.type != "binary_expression" or text_of(node.child_by_field_name("operator")) != "&":
        return None
    left, right = _sides(node)
    if hook.member(left) == "vm_flags":
        return right
    return left if hook.member(right) == "vm_flags" else None


def test_of(node: Node, hook: Hook) -> Test | None:
    """Return which flags an expression compares; None if it is no comparison of flags."""
    node = unwrapped(node)
    if node.type == "call_expression":
        return _call_test(node, hook)
    if node.type != "binary_expression":
        return None
    mask = masked(node, hook)
    if mask is not None:
        return Test(any_of=_some(bits(mask, hook), node))
    operator = text_of(node.child_by_field_name("operator"))
    if operator not in {"==", "!="}:
        return None
    return _comparison(node, hook, negated=operator == "!=")


def _call_test(node: Node, hook: Hook) -> Test | None:
    """Return what the newer functions on the VMA test: vma_test(vma, VMA_A_BIT)."""
    given = arguments(node)
    if callee(node) not in {"vma_test", "vma_test_all"} or not given or not hook.is_vma(given[0]):
        return None
    names = tuple(text_of(bit) for bit in given[1:])
    return Test(all_of=names) if names else None


def _comparison(node: Node, hook: Hook, *, negated: bool) -> Test | None:
    """Return what (flags & M) == S tests: those of S are set, the rest of M is clear."""
    left, right = _sides(node)
    mask = masked(left, hook)
    wanted = right
    if mask is None:
        mask, wanted = masked(right, hook), left
    if mask is None:
        return None
    among = _some(bits(mask, hook), node)
    chosen = bits(wanted, hook)
    if not set(chosen) <= set(among):
        raise Declined("flags-never-equal", "flags are compared with what they can't be", node)
    if not chosen:
        return Test(any_of=among, negated=not negated)
    return Test(chosen, tuple(bit for bit in among if bit not in chosen), negated=negated)


def _some(names: tuple[str, ...], node: Node) -> tuple[str, ...]:
    if not names:
        raise Declined("flags-not-constant", "an empty mask of flags is tested", node)
    return names


def call(test: Test, hook: Hook, node: Node) -> str:
    """Return the C expression for a test. Raises Declined if the release has none."""
    if test.any_of:
        return ("!" if test.negated else "") + _any(test.any_of, hook)
    wanted = _all(test.all_of, hook, node)
    if not test.none_of:
        return ("!" if test.negated else "") + wanted
    unwanted = _any(test.none_of, hook)
    return f"(!{wanted} || {unwanted})" if test.negated else f"({wanted} && !{unwanted})"


def rewrite_test(node: Node, hook: Hook, wanted: Callable[[Test], bool]) -> Pieces | None:
    """Return what a test becomes, if it is one that `wanted` takes.

    Parentheses that only the old expression needed go; a negation in front is taken in.
    """
    flip = False
    inner = node
    if node.type == "unary_expression":
        argument = node.child_by_field_name("argument")
        if text_of(node.child_by_field_name("operator")) != "!" or argument is None:
            return None
        inner, flip = argument, True
    if inner.type == "parenthesized_expression" and hook.needs_parentheses(inner):
        return None
    test = test_of(inner, hook)
    if test is None or not wanted(test):
        return None
    if masked(inner, hook) is not None and not is_truth(unwrapped(inner), hook):
        raise Declined("flags-as-number", "flags are used as a number", node)
    text = call(replace(test, negated=test.negated != flip), hook, node)
    return (text if _needs_own(text, node, hook) else text[1:-1],)


def _needs_own(text: str, node: Node, hook: Hook) -> bool:
    """Tell whether an expression keeps the parentheses that it came with."""
    if not text.startswith("("):
        return True
    parent = hook.parent(node)
    return parent is None or parent.type != "parenthesized_expression"


def _any(names: Sequence[str], hook: Hook) -> str:
    function = hook.release.test_one if len(names) == 1 else hook.release.test_any
    return call_of(function, names)


def _all(names: Sequence[str], hook: Hook, node: Node) -> str:
    if len(names) == 1:
        return call_of(hook.release.test_one, names)
    if hook.release.test_all is None:
        raise Declined(
            "release-lacks-helper", f"{hook.release.name} can't test for all of several flags", node
        )
    return call_of(hook.release.test_all, names)


def call_of(function: str, names: Sequence[str]) -> str:
    """Return the call of one of the descriptor's flag functions."""
    return f"{function}({', '.join((DESC, *names))})"


def is_truth(node: Node, hook: Hook) -> bool:
    """Tell whether only the truth of this expression matters, not its value."""
    node = hook.outer(node)
    parent = hook.parent(node)
    if parent is None:
        return False
    kind = parent.type
    if kind == "binary_expression":
        return text_of(parent.child_by_field_name("operator")) in {"&&", "||"}
    if kind == "unary_expression":
        return text_of(parent.child_by_field_name("operator")) == "!"
    if kind in {"if_statement", "while_statement", "do_statement", "for_statement"}:
        return parent.child_by_field_name("condition") == node
    if kind == "conditional_expression":
        return parent.child_by_field_name("condition") == node
    if kind == "argument_list":
        above = hook.parent(parent)
        return above is not None and callee(above) in _TRUTH_MACROS
    if kind == "init_declarator":
        declaration = hook.parent(parent)
        return declaration is not None and _is_bool(declaration)
    if kind == "assignment_expression":
        return text_of(parent.child_by_field_name("left")) in _bool_locals(hook)
    return kind == "return_statement" and hook.function.return_type == "bool"


def _is_bool(declaration: Node) -> bool:
    return text_of(declaration.child_by_field_name("type")) == "bool"


def _bool_locals(hook: Hook) -> set[str]:
    found: set[str] = set()
    for declaration in find_all(hook.function.body, "declaration"):
        if _is_bool(declaration):
            for declarator in declaration.children_by_field_name("declarator"):
                inner = declarator.child_by_field_name("declarator") or declarator
                if inner.type == "identifier":
                    found.add(text_of(inner))
    return found


def _sides(node: Node) -> tuple[Node, Node]:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        raise AssertionError(node.type)
    return left, right
