# SPDX-License-Identifier: GPL-2.0-only
"""R08: a mask of flags where a bit number is wanted, or a bit number where a mask is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.calls import function_at
from premap.csource.nodes import arguments, callee, find_all, text_of, unwrapped
from premap.records import Edit
from premap.rules.context import Context
from premap.rules.names import bits, masks
from premap.rules.rule import Found, Repair, Rule, at

_MASK = re.compile(r"VM_[A-Z0-9_]+")
_BIT = re.compile(r"VMA_([A-Z0-9_]+)_BIT")
_MAKE_MASKS = frozenset({"BIT", "BIT_ULL", "BIT_MASK"})
"""Macros that make a mask of the number of a bit (include/vdso/bits.h, include/linux/bits.h)."""
_NAMED = re.compile(rb"\bVMA_[A-Z0-9_]+_BIT\b")


def check(context: Context) -> Iterator[Found]:
    """Find flags of the wrong kind among the arguments of functions that take flags."""
    if not context.says(b"VM_", b"VMA_"):
        return
    said = [name for name in sorted({*bits(), *masks()}) if context.says(name.encode())]
    for call in context.source.calls_to("|".join(said)) if said else ():
        name = callee(call) or ""
        if name in bits():
            yield from _masks_for_bits(context, name, arguments(call)[bits()[name] :])
        elif name in masks():
            yield from _bits_for_masks(context, name, arguments(call)[masks()[name] :])
    yield from _bits_in_words(context)


def _masks_for_bits(context: Context, name: str, given: list[Node]) -> Iterator[Found]:
    for argument in given:
        made = _made_of_bits(context, name, argument)
        if made is not None:
            yield made
            continue
        for node in find_all(argument, "identifier"):
            mask = text_of(node)
            if not _MASK.fullmatch(mask):
                yield from _in_macro(context, node, name)
                yield from _in_variable(
                    context, node, _MASK, f"masks, and {name}() takes the numbers of bits"
                )
                continue
            bit = f"VMA_{mask.removeprefix('VM_')}_BIT"
            repair = None
            if node == argument and _has(context, bit):
                edit = Edit(context.source.name, node.start_byte, node.end_byte, bit.encode())
                repair = Repair(f"Use {bit}", (edit,), "automatic")
            yield at(
                context.source,
                node,
                f"{mask} is a mask, and {name}() takes the numbers of bits: use {bit}",
                repair=repair,
            )


def _made_of_bits(context: Context, name: str, argument: Node) -> Found | None:
    """Find numbers of bits that an argument puts together, or makes a mask of."""
    node = unwrapped(argument)
    if node.type == "call_expression" and callee(node) in _MAKE_MASKS:
        bit = next(filter(_is_bit, map(text_of, arguments(node))), None)
    elif node.type == "binary_expression":
        operator = text_of(node.child_by_field_name("operator"))
        if operator == "|":
            return _put_together(context, name, node)
        shifted = text_of(node.child_by_field_name("right"))
        bit = shifted if operator == "<<" and _is_bit(shifted) else None
    else:
        return None
    if bit is None:
        return None
    edit = Edit(context.source.name, argument.start_byte, argument.end_byte, bit.encode())
    what = f"{text_of(node)} is a mask, and {name}() takes the numbers of bits: use {bit}"
    return at(context.source, node, what, repair=Repair(f"Use {bit}", (edit,), "automatic"))


def _put_together(context: Context, name: str, node: Node) -> Found | None:
    """Find `VMA_x_BIT | VMA_y_BIT`, which is the number of some third bit."""
    parts = list(_parts(node))
    if not any(_is_bit(text_of(part)) for part in parts):
        return None
    repair = None
    if all(_is_bit(text_of(part)) for part in parts) and not name.endswith("test"):
        each = ", ".join(map(text_of, parts)).encode()
        edit = Edit(context.source.name, node.start_byte, node.end_byte, each)
        repair = Repair("Name each bit", (edit,))
    what = f"the numbers of bits are put together as if they were masks: {name}() takes each alone"
    return at(context.source, node, what, repair=repair)


def _parts(node: Node) -> Iterator[Node]:
    """Yield what `|` puts together."""
    node = unwrapped(node)
    sides = [node.child_by_field_name(side) for side in ("left", "right")]
    if text_of(node.child_by_field_name("operator")) != "|":
        yield node
        return
    for side in sides:
        if side is not None:
            yield from _parts(side)


def _is_bit(text: str) -> bool:
    return _BIT.fullmatch(text) is not None


def _in_macro(context: Context, node: Node, name: str) -> Iterator[Found]:
    """Find a macro of the file that stands for masks."""
    for macro in context.scope.own_plain_macro(text_of(node)):
        words = re.findall(r"\w+", macro.body)
        if words and all(map(_MASK.fullmatch, words)) and not context.source.macros_of(words[0]):
            what = f"{text_of(node)} stands for masks, and {name}() takes the numbers of bits"
            yield at(context.source, node, what)
            return


def _in_variable(context: Context, node: Node, kind: re.Pattern[str], what: str) -> Iterator[Found]:
    """Find a variable of the function that is given nothing but masks, or but numbers of bits."""
    function = function_at(context.source, node.start_byte)
    if function is None or node.parent is None or node.parent.type != "argument_list":
        return
    said = text_of(node)
    values = [
        each.named_children[-1]
        for each in find_all(function.body, "init_declarator", "assignment_expression")
        if text_of(each.named_children[0]) == said
    ]
    words = [re.findall(r"[A-Za-z_]\w*", text_of(value)) for value in values]
    if any(words) and all(map(kind.fullmatch, (word for each in words for word in each))):
        yield at(context.source, node, f"{said} holds {what}")


def _has(context: Context, bit: str) -> bool:
    match = _BIT.fullmatch(bit)
    return match is not None and context.release is not None and match[1] in context.release.bits


def _bits_for_masks(context: Context, name: str, given: list[Node]) -> Iterator[Found]:
    for argument in given:
        for node in find_all(argument, "identifier"):
            yield from _bit_for_mask(context, node, f"{name}() takes masks")
            what = f"numbers of bits, and {name}() takes masks"
            yield from _in_variable(context, node, _BIT, what)


def _bit_for_mask(context: Context, node: Node, wants: str) -> Iterator[Found]:
    match = _BIT.fullmatch(text_of(node))
    if match is None:
        return
    mask = f"VM_{match[1]}"
    edit = Edit(context.source.name, node.start_byte, node.end_byte, mask.encode())
    yield at(
        context.source,
        node,
        f"{text_of(node)} is the number of a bit, and {wants}: use {mask}",
        repair=Repair(f"Use {mask}", (edit,), "automatic"),
    )


def _bits_in_words(context: Context) -> Iterator[Found]:
    """Find `vm_flags & VMA_x_BIT`, and the like."""
    if not context.says(b"vm_flags"):
        return
    for node in context.holding(_NAMED, "binary_expression", "assignment_expression"):
        operator = text_of(node.child_by_field_name("operator"))
        sides = [node.child_by_field_name("left"), node.child_by_field_name("right")]
        if operator not in {"&", "|", "&=", "|="} or None in sides:
            continue
        if "vm_flags" in text_of(sides[0]) and sides[1] is not None:
            for name in find_all(sides[1], "identifier"):
                yield from _bit_for_mask(context, name, "vm_flags is a word of masks")


RULE = Rule(
    "R08",
    "a mask of flags where a bit is wanted, or the other way round",
    "error",
    """
`VM_IO` and `VMA_IO_BIT` are both plain integers to the compiler. `vma_desc_set_flags(desc,
VM_IO)` sets bit 0x4000, far beyond the bitmap: a write past the descriptor; `vm_flags_set(vma,
VMA_IO_BIT)` sets three other flags. Only sparse can tell them apart, and few run it. Nor can
numbers of bits be put together: `VMA_READ_BIT | VMA_WRITE_BIT` is the number of one of the two, and
others give a third.
""",
    bad="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	vma_desc_set_flags(desc, VM_DONTEXPAND, VM_DONTDUMP);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="7.0",
    legacy=True,
)
