# SPDX-License-Identifier: GPL-2.0-only
"""S3: ->close() does nothing for a mapping that never got as far as ->mapped()."""

from __future__ import annotations

from premap.idioms.idiom import Idiom

IDIOM = Idiom(
    "S3",
    "->close() does nothing for a mapping that never got as far as ->mapped()",
    "If an action fails, the mapping is taken down, and `->close` called, though `->mapped` never "
    "ran. So `->mapped` leaves a mark in the private data, where nothing else uses that, and "
    "`->close` returns where there is none. Mappings that are split or copied keep the mark.",
    before="""\
static void ring_vma_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_file->private_data;

	pm_runtime_get(ring->dev);
}

static void ring_vma_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_file->private_data;

	pm_runtime_put(ring->dev);
}

static const struct vm_operations_struct ring_vm_ops = {
	.open	= ring_vma_open,
	.close	= ring_vma_close,
};

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;

	pm_runtime_get_sync(ring->dev);

	vma->vm_ops = &ring_vm_ops;
	return vm_iomap_memory(vma, ring->phys, ring->size);
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_vma_mapped(unsigned long start, unsigned long end,
			   pgoff_t pgoff, const struct file *file,
			   void **vm_private_data)
{
	struct ring *ring = file->private_data;

	pm_runtime_get_sync(ring->dev);
	*vm_private_data = ring;

	return 0;
}

static void ring_vma_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_file->private_data;

	pm_runtime_get(ring->dev);
}

static void ring_vma_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_file->private_data;

	/* The mapping failed before ->mapped() ran. */
	if (!vma->vm_private_data)
		return;

	pm_runtime_put(ring->dev);
}

static const struct vm_operations_struct ring_vm_ops = {
	.mapped	= ring_vma_mapped,
	.open	= ring_vma_open,
	.close	= ring_vma_close,
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	desc->vm_ops = &ring_vm_ops;
	mmap_action_simple_ioremap(desc, ring->phys, ring->size);
	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",  # noqa: E101  as the kernel aligns
)
