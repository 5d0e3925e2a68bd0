# SPDX-License-Identifier: GPL-2.0-only
"""S4: what a hook allocates for its mapping is allocated by ->mapped()."""

from __future__ import annotations

from premap.idioms.idiom import Idiom

IDIOM = Idiom(
    "S4",
    "what a hook allocates for its mapping is allocated by ->mapped()",
    "Private data that `->close` frees belongs to one mapping: `->mapped` allocates it, once there "
    "is one, and fills it in from what it is given, the file and the range. Where memory runs out, "
    "or anything fails before, the mapping is taken down without private data, so `->close` "
    "returns then (S3). A person should look: at `->close`, and at what needs the data before.",
    before="""\
struct view {
	struct ring *ring;
	unsigned long first;
	refcount_t users;
};

static void ring_vma_open(struct vm_area_struct *vma)
{
	struct view *view = vma->vm_private_data;

	refcount_inc(&view->users);
}

static void ring_vma_close(struct vm_area_struct *vma)
{
	struct view *view = vma->vm_private_data;

	if (refcount_dec_and_test(&view->users))
		kfree(view);
}

static const struct vm_operations_struct ring_vm_ops = {
	.open	= ring_vma_open,
	.close	= ring_vma_close,
	.fault	= ring_fault,
};

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;
	struct view *view;

	if (vma->vm_pgoff >= ring->count)
		return -EINVAL;

	view = kzalloc(sizeof(*view), GFP_KERNEL);
	if (!view)
		return -ENOMEM;

	view->ring = ring;
	view->first = vma->vm_pgoff;
	refcount_set(&view->users, 1);
	vma->vm_private_data = view;
	vma->vm_ops = &ring_vm_ops;

	return 0;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
struct view {
	struct ring *ring;
	unsigned long first;
	refcount_t users;
};

static int ring_vma_mapped(unsigned long start, unsigned long end,
			   pgoff_t pgoff, const struct file *file,
			   void **vm_private_data)
{
	struct ring *ring = file->private_data;
	struct view *view;

	view = kzalloc(sizeof(*view), GFP_KERNEL);
	if (!view)
		return -ENOMEM;

	view->ring = ring;
	view->first = pgoff;
	refcount_set(&view->users, 1);
	*vm_private_data = view;

	return 0;
}

static void ring_vma_open(struct vm_area_struct *vma)
{
	struct view *view = vma->vm_private_data;

	refcount_inc(&view->users);
}

static void ring_vma_close(struct vm_area_struct *vma)
{
	struct view *view = vma->vm_private_data;

	/* The mapping failed before ->mapped() ran. */
	if (!vma->vm_private_data)
		return;

	if (refcount_dec_and_test(&view->users))
		kfree(view);
}

static const struct vm_operations_struct ring_vm_ops = {
	.mapped	= ring_vma_mapped,
	.open	= ring_vma_open,
	.close	= ring_vma_close,
	.fault	= ring_fault,
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	if (desc->pgoff >= ring->count)
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
