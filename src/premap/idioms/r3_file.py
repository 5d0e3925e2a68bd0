# SPDX-License-Identifier: GPL-2.0-only
"""R3: the file comes from the descriptor."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import text_of
from premap.idioms.idiom import DESC, FILE, Declined, Hook, Idiom, Pieces

INLINE = f"{DESC}->file"


def rewrite(node: Node, hook: Hook) -> Pieces | None:
    """Rewrite the old parameter, and `vma->vm_file`."""
    if node.type == "field_expression":
        if hook.member(node) != "vm_file":
            return None
        if hook.written(node):
            raise Declined("file-swapped", "the hook swaps the mapping's file", node)
        return (FILE,)
    if hook.file is None or text_of(node) != hook.file:
        return None
    if hook.written(node) or hook.addressed(node):
        raise Declined("file-reassigned", f"`{hook.file}` is given another value", node)
    return (FILE,)


def local(name: str) -> str:
    """Return the declaration of a local for the file."""
    return f"struct file *{name} = {INLINE};"


IDIOM = Idiom(
    "R3",
    "the file comes from the descriptor",
    "The file is `desc->file`, never `desc->vm_file`: inline where it is used once, else "
    "through a local that keeps the name of the old parameter.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;

	file_accessed(file);
	return ring->dead ? -EIO : 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct file *file = desc->file;
	struct ring *ring = file->private_data;

	file_accessed(file);
	return ring->dead ? -EIO : 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
    types=("identifier", "field_expression"),
    rewrite=rewrite,
)
