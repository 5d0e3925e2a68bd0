# SPDX-License-Identifier: GPL-2.0-only
"""Correct hooks, into which `mutants` plants the mistakes that rules find."""

from __future__ import annotations

_RING = """\
struct ring {
	struct mutex lock;
	spinlock_t guard;
	struct page **pages;
	phys_addr_t phys;
	unsigned long pfn;
	unsigned long size;
	unsigned long npages;
	unsigned int kind;
	int users;
};

"""
_TABLE = """
static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
"""
_OLD_TABLE = """
static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
"""
_CALLBACKS = """\
static int ring_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		const struct file *file, void **vm_private_data)
{
	struct ring *ring = *vm_private_data;

	ring->users++; /* mapped */
	return 0; /* mapped */
}

static void ring_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	ring->users++; /* open */
}

static void ring_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	ring->users--; /* close */
}

"""
_FAULT = """\
static vm_fault_t ring_fault(struct vm_fault *vmf)
{
	struct ring *ring = vmf->vma->vm_private_data;

	vmf->page = ring->pages[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}

"""

WHOLE = (
    _RING
    + """\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;
	unsigned long offset = desc->pgoff << PAGE_SHIFT;

	if (vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	if (offset > ring->size || vma_desc_size(desc) > ring->size - offset) /* bound */
		return -EINVAL; /* bound */
	desc->page_prot = pgprot_noncached(desc->page_prot);
	mmap_action_ioremap_full(desc, (ring->phys + offset) >> PAGE_SHIFT);
	return 0;
}
"""
    + _TABLE
)
PARTLY = (
    _RING
    + """\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	if (desc->pgoff || vma_desc_size(desc) < ring->size)
		return -EINVAL;
	if (vma_desc_is_cow_mapping(desc)) /* cow */
		return -EINVAL; /* cow */
	desc->page_prot = pgprot_writecombine(desc->page_prot);
	mmap_action_remap(desc, desc->start, ring->phys >> PAGE_SHIFT, ring->size);
	return 0;
}
"""
    + _TABLE
)
LOCKED = (
    _RING
    + """\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;
	int ret = -EINVAL;

	mutex_lock(&ring->lock);
	if (vma_desc_is_cow_mapping(desc))
		goto out;
	if (desc->pgoff || vma_desc_size(desc) > ring->size) /* bound */
		goto out; /* bound */
	desc->page_prot = pgprot_noncached(desc->page_prot);
	mmap_action_remap_full(desc, ring->phys >> PAGE_SHIFT);
	ret = 0;
out:
	mutex_unlock(&ring->lock);
	return ret;
}
"""
    + _TABLE
)
SPINNING = (
    _RING
    + """\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;
	unsigned long size;

	spin_lock(&ring->guard);
	size = ring->size;
	spin_unlock(&ring->guard);
	if (vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	if (desc->pgoff || vma_desc_size(desc) > size) /* bound */
		return -EINVAL; /* bound */
	mmap_action_remap_full(desc, ring->phys >> PAGE_SHIFT);
	desc->action.error_override = -EAGAIN;
	return 0;
}
"""
    + _TABLE
)
READ_ONLY = (
    _RING
    + """\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	if (vma_desc_test(desc, VMA_WRITE_BIT))
		return -EPERM;
	vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT);
	if (desc->pgoff || vma_desc_size(desc) > ring->size) /* bound */
		return -EINVAL; /* bound */
	mmap_action_remap_full(desc, ring->phys >> PAGE_SHIFT);
	return 0;
}
"""
    + _TABLE
)
NOT_EXECUTABLE = (
    _RING
    + """\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	if (vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	if (vma_desc_test(desc, VMA_EXEC_BIT))
		return -EACCES;
	vma_desc_clear_flags(desc, VMA_MAYEXEC_BIT);
	mmap_action_simple_ioremap(desc, ring->phys, ring->size);
	return 0;
}
"""
    + _TABLE
)
COUNTED = (
    _RING
    + _CALLBACKS
    + """\
static const struct vm_operations_struct ring_vm_ops = {
	.mapped = ring_mapped,
	.open = ring_open,
	.close = ring_close,
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	desc->private_data = ring;
	desc->vm_ops = &ring_vm_ops;
	return 0;
}
"""
    + _TABLE
)
FAULTING = (
    _RING
    + _FAULT
    + """\
static const struct vm_operations_struct ring_vm_ops = {
	.fault = ring_fault,
};

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	if (desc->pgoff || vma_desc_pages(desc) > ring->npages)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT);
	desc->private_data = ring;
	desc->vm_ops = &ring_vm_ops;
	return 0;
}
"""
    + _TABLE
)
PAGES = (
    _RING
    + """\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	if (desc->pgoff || vma_desc_pages(desc) != ring->npages)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_MIXEDMAP_BIT, VMA_DONTEXPAND_BIT);
	mmap_action_map_kernel_pages_full(desc, ring->pages);
	return 0;
}
"""
    + _TABLE
)
HELPER = (
    _RING
    + """\
static int ring_fits(struct ring *ring, struct vm_area_desc *desc)
{
	if (desc->pgoff || vma_desc_size(desc) > ring->size) /* bound */
		return -EINVAL; /* bound */
	return 0;
}

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;
	int err;

	if (vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	err = ring_fits(ring, desc);
	if (err)
		return err;
	desc->page_prot = pgprot_noncached(desc->page_prot);
	mmap_action_ioremap_full(desc, ring->phys >> PAGE_SHIFT);
	return 0;
}
"""
    + _TABLE
)
REGIONS = (
    _RING
    + """\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	if (!vma_desc_test(desc, VMA_MAYSHARE_BIT))
		return -EINVAL;
	switch (desc->pgoff) {
	case 0:
		if (vma_desc_size(desc) > ring->size) /* bound */
			return -EINVAL; /* bound */
		mmap_action_remap_full(desc, ring->phys >> PAGE_SHIFT);
		return 0;
	case 1:
		if (vma_desc_size(desc) != PAGE_SIZE)
			return -EINVAL;
		desc->page_prot = pgprot_noncached(desc->page_prot);
		mmap_action_ioremap_full(desc, ring->pfn);
		return 0;
	default:
		return -ENXIO;
	}
}
"""
    + _TABLE
)
DELEGATED = (
    """\
static struct file *ring_file;

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (!vma_desc_test(desc, VMA_MAYSHARE_BIT))
		return -EINVAL;
	desc->vm_file = get_file(ring_file);
	return 0;
}
"""
    + _TABLE
)
NOMMU = (
    _RING
    + """\
static unsigned int ring_capabilities(struct file *file)
{
	return NOMMU_MAP_DIRECT;
}

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	if (vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	if (desc->pgoff || vma_desc_size(desc) > ring->size) /* bound */
		return -EINVAL; /* bound */
#ifdef CONFIG_MMU
	mmap_action_remap_full(desc, ring->phys >> PAGE_SHIFT);
#endif
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
	.mmap_capabilities = ring_capabilities,
};
"""
)
LEGACY = (
    _RING
    + """\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;
	unsigned long offset = vma->vm_pgoff << PAGE_SHIFT;
	unsigned long size = vma->vm_end - vma->vm_start;

	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	vm_flags_clear(vma, VM_MAYWRITE);
	if (offset > ring->size || size > ring->size - offset) /* bound */
		return -EINVAL; /* bound */
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return remap_pfn_range(vma, vma->vm_start, (ring->phys + offset) >> PAGE_SHIFT,
			size, vma->vm_page_prot);
}
"""
    + _OLD_TABLE
)
LEGACY_IO = (
    _RING
    + """\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;
	int err;

	mutex_lock(&ring->lock);
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	err = vm_iomap_memory(vma, ring->phys, ring->size);
	mutex_unlock(&ring->lock);
	return err;
}
"""
    + _OLD_TABLE
)
LEGACY_COUNTED = (
    _RING
    + _CALLBACKS[_CALLBACKS.index("static void") :]
    + """\
static const struct vm_operations_struct ring_vm_ops = {
	.open = ring_open,
	.close = ring_close,
};

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;

	if (vma->vm_pgoff || vma_pages(vma) > ring->npages)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND);
	vma->vm_private_data = ring;
	vma->vm_ops = &ring_vm_ops;
	ring->users++;
	return 0;
}
"""
    + _OLD_TABLE
)
STACKED = (
    """\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct file *lower = file->private_data;
	int err;

	if (!can_mmap_file(lower))
		return -ENODEV;
	err = vfs_mmap(lower, vma);
	if (!err)
		vma->vm_private_data = file->private_data;
	return err;
}
"""
    + _OLD_TABLE
)
CALLER = (
    """\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vm_area_desc desc;
	int err;

	compat_set_desc_from_vma(&desc, file, vma);
	err = ring_ops.mmap_prepare(&desc);
	if (err)
		return err;
	return __compat_vma_mmap(&desc, vma);
}
"""
    + _OLD_TABLE
)

HOOKS: dict[str, str] = {
    "whole": WHOLE,
    "partly": PARTLY,
    "locked": LOCKED,
    "spinning": SPINNING,
    "read-only": READ_ONLY,
    "not-executable": NOT_EXECUTABLE,
    "counted": COUNTED,
    "faulting": FAULTING,
    "pages": PAGES,
    "helper": HELPER,
    "regions": REGIONS,
    "delegated": DELEGATED,
    "nommu": NOMMU,
    "legacy": LEGACY,
    "legacy-io": LEGACY_IO,
    "legacy-counted": LEGACY_COUNTED,
    "stacked": STACKED,
    "caller": CALLER,
}
