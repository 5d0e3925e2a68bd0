# SPDX-License-Identifier: GPL-2.0-only
"""G11: a driver's own wrapper of a kernel function that changes flags is seen through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tree_sitter import Node

from premap.csource.errors import NotC
from premap.csource.nodes import arguments, callee, parse_expression, text_of, unwrapped
from premap.csource.source import Function, Macro
from premap.idioms.flags import ONE_MASK
from premap.idioms.idiom import Idiom

_VMA_TYPE = "struct vm_area_struct *"
_WORDS = frozenset({"unsigned long", "vm_flags_t"})
"""Types that no flag is lost in."""
_ARMS = frozenset({"preproc_if", "preproc_ifdef", "preproc_elif", "preproc_elifdef"})


def stands_for(functions: Iterable[Function], macros: Iterable[Macro]) -> str | None:
    """Return "vm_flags_set" or "vm_flags_clear", if every definition of a name does just that."""
    found = {*map(_of_function, functions), *map(_of_macro, macros)}
    return found.pop() if len(found) == 1 else None


def _of_function(function: Function) -> str | None:
    if function.return_type != "void" or len(function.parameters) != 2:
        return None
    vma, flags = function.parameters
    if vma.type_text != _VMA_TYPE or flags.type_text not in _WORDS:
        return None
    return _of_statements(function.body, (vma.name, flags.name))


def _of_macro(macro: Macro) -> str | None:
    names = macro.parameters or ()
    if len(names) != 2 or "#" in macro.body:
        return None
    try:
        return _of_expression(parse_expression(macro.body), names)
    except NotC:
        return None


def _of_statements(node: Node, names: Sequence[str]) -> str | None:
    """Return what the only statement of a block, or of an arm of an `#if`, does."""
    apart = [node.child_by_field_name(name) for name in ("condition", "name", "alternative")]
    inner = [each for each in node.named_children if each.type != "comment" and each not in apart]
    if len(inner) != 1:
        return None
    [statement] = inner
    if statement.type in _ARMS:
        return _of_arms(statement, names)
    if statement.type != "expression_statement" or not statement.named_children:
        return None
    return _of_expression(statement.named_children[0], names)


def _of_arms(node: Node, names: Sequence[str]) -> str | None:
    """Return what each arm of an `#if` does, if one is always compiled, and all do the same."""
    other = node.child_by_field_name("alternative")
    if other is None:
        return None
    rest = _of_arms(other, names) if other.type in _ARMS else _of_statements(other, names)
    return rest if rest == _of_statements(node, names) else None


def _of_expression(node: Node, names: Sequence[str]) -> str | None:
    """Return what `vm_flags_set(vma, flags)` or `vma->vm_flags |= flags` does."""
    node = unwrapped(node)
    if node.type == "call_expression":
        given = [text_of(unwrapped(each)) for each in arguments(node)]
        name = callee(node)
        return name if name in ONE_MASK and given == list(names) else None
    if node.type != "assignment_expression":
        return None
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None or not _is_word(unwrapped(left), names[0]):
        return None
    operator = text_of(node.child_by_field_name("operator"))
    value = unwrapped(right)
    if operator == "&=" and text_of(value.child_by_field_name("operator")) == "~":
        value = unwrapped(value.child_by_field_name("argument") or value)
        return "vm_flags_clear" if text_of(value) == names[1] else None
    return "vm_flags_set" if operator == "|=" and text_of(value) == names[1] else None


def _is_word(node: Node, vma: str) -> bool:
    """Tell whether an expression is `vma->vm_flags`."""
    base = node.child_by_field_name("argument")
    return (
        node.type == "field_expression"
        and base is not None
        and text_of(unwrapped(base)) == vma
        and text_of(node.child_by_field_name("field")) == "vm_flags"
        and any(child.type == "->" for child in node.children)
    )


IDIOM = Idiom(
    "G11",
    "a wrapper of a function that changes flags is seen through",
    "Drivers for many kernels have a function or macro of their own that calls vm_flags_set() or"
    " vm_flags_clear(), or changes `vma->vm_flags` where there are none. Where it does nothing"
    " else, in each arm of its `#if`, the hook calls what the release has for a descriptor; the"
    " wrapper stays.",
    before="""\
static inline void ring_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
#ifdef RING_HAS_VM_FLAGS_SET
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	ring_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static inline void ring_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
#ifdef RING_HAS_VM_FLAGS_SET
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT);
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
)
