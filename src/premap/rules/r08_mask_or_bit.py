# SPDX-License-Identifier: GPL-2.0-only
"""R08: a mask of flags where a bit number is wanted, or a bit number where a mask is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, find_all, text_of
from premap.records import Edit
from premap.rules.context import Context
from premap.rules.names import bits, masks
from premap.rules.rule import Found, Repair, Rule, at

_MASK = re.compile(r"VM_[A-Z0-9_]+")
_BIT = re.compile(r"VMA_([A-Z0-9_]+)_BIT")
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
        for node in find_all(argument, "identifier"):
            mask = text_of(node)
            if not _MASK.fullmatch(mask):
                yield from _in_macro(context, node, name)
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


def _in_macro(context: Context, node: Node, name: str) -> Iterator[Found]:
    """Find a macro of the file that stands for masks."""
    for macro in context.scope.own_plain_macro(text_of(node)):
        words = re.findall(r"\w+", macro.body)
        if words and all(map(_MASK.fullmatch, words)) and not context.source.macros_of(words[0]):
            what = f"{text_of(node)} stands for masks, and {name}() takes the numbers of bits"
            yield at(context.source, node, what)
            return


def _has(context: Context, bit: str) -> bool:
    match = _BIT.fullmatch(bit)
    return match is not None and context.release is not None and match[1] in context.release.bits


def _bits_for_masks(context: Context, name: str, given: list[Node]) -> Iterator[Found]:
    for argument in given:
        for node in find_all(argument, "identifier"):
            yield from _bit_for_mask(context, node, f"{name}() takes masks")


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
VMA_IO_BIT)` sets three other flags. Only sparse can tell them apart, and few run it.
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
