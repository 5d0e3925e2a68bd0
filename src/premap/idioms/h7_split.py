# SPDX-License-Identifier: GPL-2.0-only
"""H7: a helper that others call with a VMA is split: a core on plain values, wrapped."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments, callee
from premap.idioms.idiom import DESC, FILE, Hook, Idiom, Piece, Pieces

VALUES = {
    "flags": ("vma_flags_t flags", f"{DESC}->vma_flags", "flags"),
    "start": ("unsigned long start", f"{DESC}->start", "vm_start"),
    "end": ("unsigned long end", f"{DESC}->end", "vm_end"),
    "pgoff": ("pgoff_t pgoff", f"{DESC}->pgoff", "vm_pgoff"),
    "mm": ("struct mm_struct *mm", f"{DESC}->mm", "vm_mm"),
    "file": ("struct file *file", FILE, "vm_file"),
}
"""What a core takes in place of the VMA: declaration, value from a descriptor, member of a VMA."""


def core_name(name: str) -> str:
    """Return what the core of a helper is called."""
    return "__" + name


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """helper(a, vma) becomes __helper(a, desc->start, desc->end)."""
    name = callee(node) or ""
    values = hook.splits.get(name)
    listed = node.child_by_field_name("arguments")
    given = arguments(node)
    if values is None or listed is None or sum(hook.is_vma(each) for each in given) != 1:
        return None
    pieces: list[Piece] = [core_name(name)]
    at = listed.start_byte
    for argument in given:
        pieces += [hook.between(at, argument.start_byte)]
        passed = ", ".join(VALUES[value][1] for value in values)
        pieces += [passed if hook.is_vma(argument) else argument]
        at = argument.end_byte
    return (*pieces, hook.between(at, listed.end_byte))


IDIOM = Idiom(
    "H7",
    "a helper that others call with a VMA is split",
    "A function of the same file that the hook shares with a fault handler keeps its name and its"
    " parameters; what it does moves into a core that is given what it looks at, and which the"
    " hook calls.",
    before="""\
static int ring_check(struct ring *ring, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;

	return vma->vm_end & ring->mask ? -EINVAL : 0;
}

static vm_fault_t ring_fault(struct vm_fault *vmf)
{
	if (ring_check(vmf->vma->vm_private_data, vmf->vma))
		return VM_FAULT_SIGBUS;

	return 0;
}

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return ring_check(file->private_data, vma);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int __ring_check(struct ring *ring, vma_flags_t flags, unsigned long end)
{
	if (!vma_flags_test(&flags, VMA_MAYSHARE_BIT))
		return -EINVAL;

	return end & ring->mask ? -EINVAL : 0;
}

static int ring_check(struct ring *ring, struct vm_area_struct *vma)
{
	return __ring_check(ring, vma->flags, vma->vm_end);
}

static vm_fault_t ring_fault(struct vm_fault *vmf)
{
	if (ring_check(vmf->vma->vm_private_data, vmf->vma))
		return VM_FAULT_SIGBUS;

	return 0;
}

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return __ring_check(desc->file->private_data, desc->vma_flags,
			    desc->end);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",  # noqa: E101  as the kernel aligns
    types=("call_expression",),
    rewrite=rewrite,
)
