# SPDX-License-Identifier: GPL-2.0-only
"""A8: an array of pages that stays is mapped."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments, callee, find_all, identifiers_in, text_of, unwrapped
from premap.idioms.idiom import DESC, Declined, Hook, Idiom, Piece, Pieces
from premap.idioms.sizes import is_start, only_value

CALLS = frozenset({"vm_map_pages", "vm_map_pages_zero", "vm_insert_pages"})
ERRNO = "ENXIO"
"""What they fail with for a range that the array has not."""
_PLAIN = frozenset({"identifier", "field_expression", "subscript_expression", "number_literal"})
"""Expressions that may be written twice, and need no parentheses."""


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Return the action for the call; what the old function checked is `bounds`."""
    given = arguments(node)
    name = callee(node)
    if name not in CALLS or not given or not hook.is_vma(given[0]):
        return None
    if name == "vm_insert_pages" and len(given) == 4:
        return _insert(node, given, hook)
    if len(given) != 3:
        return None
    _, pages, count = given
    _check_stays(pages, hook)
    if unwrapped(count).type not in _PLAIN:
        raise Declined("page-population", f"`{hook.text(count)}` would be written twice", count)
    action = hook.needs("mmap_action_map_kernel_pages_full", node)
    offset: tuple[Piece, ...] = (f" + {DESC}->pgoff",) if name == "vm_map_pages" else ()
    return (f"{action}({DESC}, ", *_added_to(pages, offset), ")")


def bounds(call: Node) -> Pieces | None:
    """Return the condition in which the old function failed with ENXIO; None if it never did."""
    name, given = callee(call), arguments(call)
    if name not in CALLS or len(given) != 3:
        return None
    count = given[2]
    if name == "vm_map_pages_zero":
        return (f"vma_desc_pages({DESC}) > ", count)
    pages = f" || vma_desc_pages({DESC}) > "
    return (f"{DESC}->pgoff >= ", count, pages, count, f" - {DESC}->pgoff")


def _insert(call: Node, given: list[Node], hook: Hook) -> Pieces | None:
    """vm_insert_pages(vma, vma->vm_start, pages, &count)."""
    _, start, pages, count = given
    _check_stays(pages, hook)
    counted = count.child_by_field_name("argument") if count.type == "pointer_expression" else None
    if not is_start(start, hook) or counted is None or counted.type != "identifier":
        raise Declined("page-population", "it can't be seen which pages are mapped where", call)
    if any(
        text_of(use) == text_of(counted) and use.start_byte > call.end_byte
        for use in find_all(hook.function.body, "identifier")
    ):
        raise Declined("page-population", "how many pages were not mapped is asked for", count)
    action = hook.needs("mmap_action_map_kernel_pages", call)
    return (f"{action}({DESC}, {DESC}->start, ", pages, ", ", counted, ")")


def _added_to(pages: Node, offset: tuple[Piece, ...]) -> Pieces:
    if not offset or pages.type in _PLAIN | {"parenthesized_expression"}:
        return (pages, *offset)
    return ("(", pages, ")", *offset)


def _check_stays(pages: Node, hook: Hook) -> None:
    """Raise Declined unless the array is seen to outlive the hook."""
    if _stays(pages, hook):
        return
    raise Declined(
        "temporary-pages",
        f"`{hook.text(pages)}` may be gone before the pages are mapped",
        pages,
    )


def _stays(pages: Node, hook: Hook) -> bool:
    """Tell whether an expression leads to memory that is not the hook's: through a pointer."""
    pages = unwrapped(pages)
    if pages.type == "field_expression":
        through = text_of(pages.child_by_field_name("operator"))
        inner = pages.child_by_field_name("argument")
        return inner is not None and (through == "->" or _stays(inner, hook))
    if pages.type == "identifier":
        value = only_value(pages, hook)
        if value is not None:
            return unwrapped(value).type == "field_expression" and _stays(value, hook)
        return text_of(pages) not in _declared(hook)
    return False


def _declared(hook: Hook) -> set[str]:
    """Names of parameters and variables of the function."""
    names = {parameter.name for parameter in hook.function.parameters}
    for declaration in find_all(hook.function.body, "declaration"):
        names |= identifiers_in(declaration)
    return names


IDIOM = Idiom(
    "A8",
    "an array of pages that stays is mapped",
    "`vm_map_pages(vma, pages, count)` becomes `mmap_action_map_kernel_pages_full(desc, pages + "
    "desc->pgoff)`, after the checks that the old function made, which log what was logged of its "
    "failure: the action makes none. "
    "vm_map_pages_zero() begins with the first page, vm_insert_pages() maps as many as it is told. "
    "The action reads the array after the hook has returned; so an array of the hook's own is "
    "declined.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;

	vm_flags_set(vma, VM_DONTEXPAND);

	return vm_map_pages(vma, ring->pages, ring->count);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);

	if (desc->pgoff >= ring->count ||
	    vma_desc_pages(desc) > ring->count - desc->pgoff)
		return -ENXIO;

	mmap_action_map_kernel_pages_full(desc, ring->pages + desc->pgoff);
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",  # noqa: E101  as the kernel aligns
    types=("call_expression",),
    rewrite=rewrite,
)
