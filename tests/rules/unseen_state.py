# SPDX-License-Identifier: GPL-2.0-only
"""Hooks that are wrong in what they keep, call or name, and which rules must say so."""

from __future__ import annotations

from tests.rules.cameras import prepare

STATE: dict[str, tuple[set[str], str]] = {
    "lock leaked on one error": (
        {"R02"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	mutex_lock(&cam->lock);
	if (cam->busy) {
		mutex_unlock(&cam->lock);
		return -EBUSY;
	}
	if (desc->pgoff)
		return -EINVAL;
	mutex_unlock(&cam->lock);
	return 0;
"""),
    ),
    "irqsave lock leaked": (
        {"R02"},
        prepare("""\
	struct cam *cam = desc->file->private_data;
	unsigned long flags;

	spin_lock_irqsave(&cam->slock, flags);
	if (!cam->busy)
		return -ENODEV;
	spin_unlock_irqrestore(&cam->slock, flags);
	return 0;
"""),
    ),
    "counts in prepare": (
        {"R01"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	cam->users++;
	return 0;
"""),
    ),
    "kref in prepare via helper": (
        {"R01"},
        prepare(
            """\
	struct cam *cam = cam_get(desc->file->private_data);

	desc->private_data = cam;
	return 0;
""",
            before="""\
static struct cam *cam_get(struct cam *cam)
{
	refcount_inc(&cam->refs);
	return cam;
}
""",
        ),
    ),
    "list_add in prepare": (
        {"R01"},
        prepare(
            """\
	struct cam *cam = desc->file->private_data;

	list_add(&cam->list, &cams);
	return 0;
""",
            before="""\
static LIST_HEAD(cams);
""",
        ),
    ),
    "mask given": (
        {"R08"},
        prepare("""\
	vma_desc_set_flags(desc, VM_DONTEXPAND);
	return 0;
"""),
    ),
    "vma left over": (
        {"R06"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	vm_flags_set(desc, VM_IO);
	desc->private_data = cam;
	return 0;
"""),
    ),
    "copy of flags": (
        {"R10"},
        prepare("""\
	vma_flags_t flags = desc->vma_flags;

	vma_flags_set(&flags, VMA_DONTCOPY_BIT);
	return 0;
"""),
    ),
    "close drops, mapped absent": (
        {"R14"},
        prepare(
            """\
	desc->private_data = desc->file->private_data;
	desc->vm_ops = &cam_vm_ops;
	return 0;
""",
            before="""\
static void cam_open(struct vm_area_struct *vma)
{
	struct cam *cam = vma->vm_private_data;

	refcount_inc(&cam->refs);
}
static void cam_close(struct vm_area_struct *vma)
{
	struct cam *cam = vma->vm_private_data;

	if (refcount_dec_and_test(&cam->refs))
		kfree(cam);
}
static const struct vm_operations_struct cam_vm_ops = {
	.open = cam_open,
	.close = cam_close,
};
""",
        ),
    ),
    "mapped ignores error": (
        {"R15"},
        prepare(
            """\
	desc->private_data = desc->file->private_data;
	desc->vm_ops = &cam_vm_ops;
	return 0;
""",
            before="""\
static int cam_power(struct cam *cam)
{
	if (cam->busy)
		return -EBUSY;
	return 0;
}
static int cam_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		const struct file *file, void **vm_private_data)
{
	struct cam *cam = *vm_private_data;

	cam_power(cam);
	return 0;
}
static const struct vm_operations_struct cam_vm_ops = {
	.mapped = cam_mapped,
};
""",
        ),
    ),
    "both members": (
        {"R13"},
        prepare(
            """\
	return 0;
""",
            after="""\
static int cam_old(struct file *f, struct vm_area_struct *vma) { return 0; }
""",
            member="mmap = cam_old,\n\t.mmap_prepare",
        ),
    ),
    "puts file": (
        {"R07"},
        prepare("""\
	fput(desc->vm_file);
	desc->vm_file = get_file(desc->file->private_data);
	return 0;
"""),
    ),
    "action by hand": (
        {"R05"},
        prepare("""\
	desc->action.type = MMAP_REMAP_PFN;
	return 0;
"""),
    ),
    "kmalloc private data": (
        {"R01"},
        prepare("""\
	struct cam *priv = kzalloc(sizeof(*priv), GFP_KERNEL);

	if (!priv)
		return -ENOMEM;
	desc->private_data = priv;
	return 0;
"""),
    ),
    "calls f_op->mmap": (
        {"R12"},
        prepare(
            """\
	struct cam *cam = desc->file->private_data;

	return cam->busy ? -EBUSY : 0;
""",
            after="""\
static int cam_pass(struct file *real, struct vm_area_struct *vma)
{
	if (!real->f_op->mmap)
		return -ENODEV;
	return real->f_op->mmap(real, vma);
}
""",
        ),
    ),
    "unlock twice path lost": (
        {"R02"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	spin_lock(&cam->slock);
	switch (desc->pgoff) {
	case 0:
		break;
	case 1:
		return -EINVAL;
	}
	spin_unlock(&cam->slock);
	return 0;
"""),
    ),
    "rwsem": (
        {"R02"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	down_read(&cam->sem);
	if (cam->busy)
		return 0;
	up_read(&cam->sem);
	return 0;
"""),
    ),
    "SHARED instead of MAYSHARE": (
        {"R28"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	if (!vma_desc_test(desc, VMA_SHARED_BIT)) {
		desc->vm_ops = NULL;
		return cam->busy ? -EBUSY : 0;
	}
	return 0;
"""),
    ),
    "get_file of desc file": (
        {"R01", "R07"},
        prepare("""\
	get_file(desc->vm_file);
	return 0;
"""),
    ),
    "mapped positive": (
        {"R14", "R15"},
        prepare(
            """\
	desc->vm_ops = &cam_vm_ops;
	desc->private_data = desc->file->private_data;
	return 0;
""",
            before="""\
static int cam_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		const struct file *file, void **vm_private_data)
{
	struct cam *cam = *vm_private_data;

	return ++cam->users;
}
static void cam_close(struct vm_area_struct *vma)
{
	struct cam *cam = vma->vm_private_data;

	cam->users--;
}
static const struct vm_operations_struct cam_vm_ops = { .mapped = cam_mapped, .close = cam_close };
""",
        ),
    ),
    "open counts, mapped not": (
        {"R14"},
        prepare(
            """\
	desc->vm_ops = &cam_vm_ops;
	desc->private_data = desc->file->private_data;
	return 0;
""",
            before="""\
static void cam_open(struct vm_area_struct *vma)
{
	struct cam *cam = vma->vm_private_data;

	cam->users++;
}
static void cam_close(struct vm_area_struct *vma)
{
	struct cam *cam = vma->vm_private_data;

	cam->users--;
}
static const struct vm_operations_struct cam_vm_ops = { .open = cam_open, .close = cam_close };
""",
        ),
    ),
    "state published": (
        {"R01"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	if (cam->busy)
		return -EBUSY;
	cam->busy = true;
	return 0;
"""),
    ),
    "pin pages": (
        {"R01"},
        prepare("""\
	struct cam *cam = desc->file->private_data;
	long n = pin_user_pages_fast(desc->start, 1, FOLL_WRITE, cam->pages);

	return n < 0 ? n : 0;
"""),
    ),
    "remap of desc by vma function": (
        {"R06"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	if (desc->pgoff || vma_desc_size(desc) > cam->bytes)
		return -EINVAL;
	return remap_pfn_range(desc, desc->start, cam->base >> PAGE_SHIFT,
			vma_desc_size(desc), desc->page_prot);
"""),
    ),
    "test of several": (
        {"R09"},
        prepare("""\
	if (vma_desc_test(desc, VMA_WRITE_BIT, VMA_SHARED_BIT))
		return -EPERM;
	return 0;
"""),
    ),
    "test result compared": (
        {"R09"},
        prepare("""\
	if (vma_desc_test_any(desc, VMA_WRITE_BIT, VMA_SHARED_BIT) == VM_WRITE)
		return -EPERM;
	return 0;
"""),
    ),
    "any where both meant": (
        {"R09"},
        prepare("""\
	/* a writable shared mapping is not possible */
	if (vma_desc_test_all(desc, VMA_WRITE_BIT))
		return -EPERM;
	vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT);
	if (vma_desc_test_none(desc, VMA_SHARED_BIT))
		return -EINVAL;
	return 0;
"""),
    ),
    "any where all was meant: MAYREAD is always set": (
        {"R09"},
        prepare("""\
	if (vma_desc_test_any(desc, VMA_SHARED_BIT, VMA_MAYREAD_BIT))
		return -EINVAL;
	return 0;
"""),
    ),
    "all where any was meant: what is SHARED is MAYSHARE": (
        {"R09"},
        prepare("""\
	if (vma_desc_test_any(desc, VMA_SHARED_BIT))
		return 0;
	if (vma_desc_test_all(desc, VMA_SHARED_BIT, VMA_WRITE_BIT))
		return -EINVAL;
	return 0;
"""),
    ),
}
