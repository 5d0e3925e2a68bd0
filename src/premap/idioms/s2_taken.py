# SPDX-License-Identifier: GPL-2.0-only
"""S2: what a hook takes for its mapping is taken by ->mapped()."""

from __future__ import annotations

from premap.idioms.idiom import Idiom

IDIOM = Idiom(
    "S2",
    "what a hook takes for its mapping is taken by ->mapped()",
    "A count, a reference, or power management's: `->close` gives it back, so it belongs to a "
    "mapping, and is taken once there is one. `->mapped` finds what it needs by way of the file. "
    "What may fail moves with its test, a count with the lock that is held for it, several things "
    "together, as they stand. So do tests that give back what was taken before they leave, or jump "
    "to a label that does, if only what describes the mapping follows. Not so where pages are "
    "mapped at once and a count may be what keeps them, or where something else is done meanwhile. "
    "A person should look: at the order in which things are done now, and at `->close`.",
    before="""\
static void ring_vma_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_file->private_data;

	kref_get(&ring->kref);
}

static void ring_vma_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_file->private_data;

	kref_put(&ring->kref, ring_free);
}

static const struct vm_operations_struct ring_vm_ops = {
	.open		= ring_vma_open,
	.close		= ring_vma_close,
	.fault		= ring_fault,
};

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;

	if (vma->vm_pgoff)
		return -EINVAL;

	kref_get(&ring->kref);
	vma->vm_ops = &ring_vm_ops;

	return 0;
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

	kref_get(&ring->kref);

	return 0;
}

static void ring_vma_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_file->private_data;

	kref_get(&ring->kref);
}

static void ring_vma_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_file->private_data;

	kref_put(&ring->kref, ring_free);
}

static const struct vm_operations_struct ring_vm_ops = {
	.mapped		= ring_vma_mapped,
	.open		= ring_vma_open,
	.close		= ring_vma_close,
	.fault		= ring_fault,
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (desc->pgoff)
		return -EINVAL;

	desc->vm_ops = &ring_vm_ops;

	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",  # noqa: E101  as the kernel aligns
)
