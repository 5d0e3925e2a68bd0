# SPDX-License-Identifier: GPL-2.0-only
"""F3: the page protection."""

from __future__ import annotations

from tree_sitter import Node

from premap.idioms.idiom import DESC, Hook, Idiom, Pieces


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """vma->vm_page_prot."""
    if hook.member(node) != "vm_page_prot":
        return None
    return (f"{DESC}->page_prot",)


IDIOM = Idiom(
    "F3",
    "the page protection",
    "`vma->vm_page_prot` becomes `desc->page_prot`. The remap actions copy it when they "
    "are recorded, so it has to be set before them.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vma->vm_ops = &ring_vm_ops;
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
	desc->page_prot = pgprot_noncached(desc->page_prot);
	desc->vm_ops = &ring_vm_ops;
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("field_expression",),
    rewrite=rewrite,
)
