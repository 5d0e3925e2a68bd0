# SPDX-License-Identifier: GPL-2.0-only
"""G3: set, then clear."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments, callee
from premap.idioms import flags
from premap.idioms.idiom import Declined, Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Return both calls; an empty mask leaves out its own."""
    call = node.named_children[0] if node.named_children else node
    given = arguments(call)
    if callee(call) != "vm_flags_mod" or len(given) != 3 or not hook.is_vma(given[0]):
        return None
    setting, clearing = (flags.bits(mask, hook) for mask in given[1:])
    calls = []
    if setting:
        calls.append(flags.call_of(hook.release.set_flags, setting) + ";")
    if clearing:
        calls.append(flags.call_of(hook.release.clear_flags, clearing) + ";")
    parent = hook.parent(node)
    if len(calls) != 1 and (parent is None or parent.type == "if_statement"):
        raise Declined("needs-braces", "two statements stand where one was", node)
    return (("\n" + hook.indent(node)).join(calls),)


IDIOM = Idiom(
    "G3",
    "set, then clear",
    "`vm_flags_mod(vma, set, clear)` becomes two calls.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_flags_mod(vma, VM_DONTCOPY | VM_MIXEDMAP, VM_MAYWRITE);
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	vma_desc_set_flags(desc, VMA_DONTCOPY_BIT, VMA_MIXEDMAP_BIT);
	vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT);
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("expression_statement",),
    rewrite=rewrite,
)
