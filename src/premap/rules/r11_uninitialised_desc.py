# SPDX-License-Identifier: GPL-2.0-only
"""R11: a local descriptor is used before it is initialised."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from premap.csource.declarators import declarators_of, declared_name
from premap.csource.nodes import arguments, callee, find_all, path_to, text_of
from premap.csource.source import Function, SourceFile
from premap.rules.context import Context
from premap.rules.rule import Found, Rule, at

_FILLS = frozenset({"compat_set_desc_from_vma", "memset", "memcpy", "set_vma_desc"})

_NEEDED = ("file", "start", "end", "pgoff")
"""Members that every hook may ask for."""


def check(context: Context) -> Iterator[Found]:
    """Find local descriptors whose first use reads them or gives them to a hook."""
    if not context.says(b"struct vm_area_desc"):
        return
    for function in context.source.functions_saying(b"struct vm_area_desc"):
        for name, declared in _locals(function):
            yield from _check(context.source, function, name, declared)


def _locals(function: Function) -> Iterator[tuple[str, Node]]:
    for node in find_all(function.body, "declaration"):
        if text_of(node.child_by_field_name("type")) != "struct vm_area_desc":
            continue
        for declarator, initializer in declarators_of(node):
            name = declared_name(declarator)
            if name is not None and initializer is None and declarator == name:
                yield text_of(name), name


def _check(source: SourceFile, function: Function, name: str, declared: Node) -> Iterator[Found]:
    uses = (
        node
        for node in find_all(function.body, "identifier")
        if text_of(node) == name and node.start_byte > declared.start_byte
    )
    filled: set[str] = set()
    for use in uses:
        member = _filled(use)
        if member is None:
            if _reads(source, use) and not filled:
                yield at(source, use, f"`{name}` is used before anything was put into it")
            elif _reads(source, use) and (
                lacking := [each for each in _NEEDED if each not in filled]
            ):
                yield at(source, use, f"`{name}` is used before {', '.join(lacking)} were set")
            return
        filled.add(member)


def _filled(use: Node) -> str | None:
    """Return which member of a descriptor is set right here; None if none is."""
    field = use.parent
    if field is None or field.type != "field_expression" or field.parent is None:
        return None
    outer = field.parent
    plain = outer.type == "assignment_expression" and outer.child_by_field_name("left") == field
    return text_of(field.child_by_field_name("field")) if plain else None


def _reads(source: SourceFile, use: Node) -> bool:
    """Whether a use gives the descriptor to something that does not fill it, or reads a member."""
    path = path_to(source.root, use.start_byte)
    for node in reversed(path[:-1]):
        if node.type == "call_expression":
            given = any(use.start_byte >= a.start_byte < a.end_byte for a in arguments(node))
            return given and callee(node) not in _FILLS
        if node.type == "assignment_expression":
            left = node.child_by_field_name("left")
            return left is None or not left.start_byte <= use.start_byte < left.end_byte
        if node.type == "sizeof_expression":
            return False
    return False


RULE = Rule(
    "R11",
    "a local descriptor is used before it is initialised",
    "error",
    """
A subsystem that calls its drivers' hooks fills a descriptor from the VMA first, with
`compat_set_desc_from_vma()`. Without that the hook reads what lay on the stack, and what it
does not set (the action, most of all) is performed on the mapping.
""",
    bad="""\
static int ring_call(struct file *file, struct vm_area_struct *vma)
{
	struct vm_area_desc desc;
	int err;

	err = ring_ops.mmap_prepare(&desc);
	if (err)
		return err;
	return __compat_vma_mmap(&desc, vma);
}
""",
    good="""\
static int ring_call(struct file *file, struct vm_area_struct *vma)
{
	struct vm_area_desc desc;
	int err;

	compat_set_desc_from_vma(&desc, file, vma);
	err = ring_ops.mmap_prepare(&desc);
	if (err)
		return err;
	return __compat_vma_mmap(&desc, vma);
}
""",
    check=check,
    since="6.16",
    legacy=True,
)
