# SPDX-License-Identifier: GPL-2.0-only
"""G10: a flag that 32-bit kernels have no bit for is set in others."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments
from premap.idioms import flags
from premap.idioms.idiom import Declined, Hook, Idiom, Pieces

CONDITION = "if (IS_ENABLED(CONFIG_64BIT))"


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """vm_flags_set(vma, VM_A | VM_WIDE) as a statement, where VM_WIDE is 0 in 32-bit kernels."""
    call = node.named_children[0] if node.named_children else node
    given = arguments(call)
    if call.type != "call_expression" or hook.changes_flags(call) != "vm_flags_set":
        return None
    low, wide = flags.parted(given[1], hook)
    if not wide:
        return None
    parent = hook.parent(node)
    if parent is None or parent.type != "compound_statement":
        raise Declined("needs-braces", "two statements stand where one was", node)
    indent = f"\n{hook.indent(node)}"
    plain = f"{flags.call_of(hook.release.set_flags, low)};{indent}" if low else ""
    guarded = flags.call_of(hook.release.set_flags, wide)
    return (f"{plain}{CONDITION}{indent}\t{guarded};",)


IDIOM = Idiom(
    "G10",
    "a flag that 32-bit kernels have no bit for is set in others",
    "Where the headers define VM_A as its bit with CONFIG_64BIT, and as VM_NONE without, "
    "`vm_flags_set(vma, VM_A)` does nothing in 32-bit kernels, and VMA_A_BIT lies beyond their "
    "bitmap: it is set where IS_ENABLED(CONFIG_64BIT), unless the tree builds the driver for "
    "64-bit kernels alone. Tests of such a flag in other drivers, and other flags above bit 31, "
    "are declined.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_SEALED | VM_DONTDUMP);
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
	vma_desc_set_flags(desc, VMA_DONTDUMP_BIT);
	if (IS_ENABLED(CONFIG_64BIT))
		vma_desc_set_flags(desc, VMA_SEALED_BIT);
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
