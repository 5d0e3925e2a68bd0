# SPDX-License-Identifier: GPL-2.0-only
"""Hooks of our own in both forms, which do the same: the tests begin with these and change one."""

from __future__ import annotations

from dataclasses import dataclass

DEV = "struct dev *dev = $FILE->private_data;\n"


@dataclass(frozen=True)
class Pair:
    """Bodies of an old and a new hook, and what of their difference is accepted."""

    old: str
    new: str
    extra: str = ""
    accepted: frozenset[str] = frozenset()


def pair(old: str, new: str, extra: str = "", *accepted: str) -> Pair:
    """Return a pair; both bodies begin with the device, `dev`."""
    head = DEV.replace("$FILE", "file"), DEV.replace("$FILE", "desc->file")
    return Pair(f"\t{head[0]}{old}", f"\t{head[1]}{new}", extra, frozenset(accepted))


PAIRS: dict[str, Pair] = {
    "simple-ioremap": pair(
        """
	unsigned long size = vma->vm_end - vma->vm_start;

	if ((vma->vm_pgoff << PAGE_SHIFT) + size > dev->size)
		return -EINVAL;
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return vm_iomap_memory(vma, dev->phys, dev->size);
""",
        """
	unsigned long size = vma_desc_size(desc);

	if ((desc->pgoff << PAGE_SHIFT) + size > dev->size)
		return -EINVAL;
	desc->page_prot = pgprot_noncached(desc->page_prot);
	mmap_action_simple_ioremap(desc, dev->phys, dev->size);
	return 0;
""",
    ),
    "remap-full": pair(
        """
	unsigned long size = vma->vm_end - vma->vm_start;

	if (vma->vm_pgoff != 0 || size > dev->size)
		return -EINVAL;
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	if (remap_pfn_range(vma, vma->vm_start, dev->phys >> PAGE_SHIFT, size, vma->vm_page_prot))
		return -EAGAIN;
	return 0;
""",
        """
	unsigned long size = vma_desc_size(desc);

	if (desc->pgoff != 0 || size > dev->size)
		return -EINVAL;
	desc->page_prot = pgprot_writecombine(desc->page_prot);
	mmap_action_remap_full(desc, dev->phys >> PAGE_SHIFT);
	desc->action.error_override = -EAGAIN;
	return 0;
""",
    ),
    "fault-backed": pair(
        """
	if (dev->ro && (vma->vm_flags & VM_WRITE))
		return -EPERM;
	if (dev->ro)
		vm_flags_clear(vma, VM_MAYWRITE);
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &ring_vm_ops;
	vma->vm_private_data = dev;
	return 0;
""",
        """
	if (dev->ro && vma_desc_test(desc, VMA_WRITE_BIT))
		return -EPERM;
	if (dev->ro)
		vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT);
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT);
	desc->vm_ops = &ring_vm_ops;
	desc->private_data = dev;
	return 0;
""",
    ),
    "flags-any": pair(
        """
	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EACCES;
	vm_flags_clear(vma, VM_MAYWRITE | VM_MAYEXEC);
	vma->vm_ops = &ring_vm_ops;
	return 0;
""",
        """
	if (vma_desc_test_any(desc, VMA_WRITE_BIT, VMA_EXEC_BIT))
		return -EACCES;
	vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT, VMA_MAYEXEC_BIT);
	desc->vm_ops = &ring_vm_ops;
	return 0;
""",
        "",
        "merges-now",
    ),
    "flags-all": pair(
        """
	if ((vma->vm_flags & VM_SHARED) && (vma->vm_flags & VM_WRITE))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP);
	vma->vm_ops = &ring_vm_ops;
	return 0;
""",
        """
	if (vma_desc_test_all(desc, VMA_SHARED_BIT, VMA_WRITE_BIT))
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_PFNMAP_BIT);
	desc->vm_ops = &ring_vm_ops;
	return 0;
""",
    ),
    "pages-bound": pair(
        """
	unsigned long pages = vma_pages(vma);

	if (vma->vm_pgoff >= dev->count || pages > dev->count - vma->vm_pgoff)
		return -ENXIO;
	vm_flags_set(vma, VM_DONTEXPAND | VM_IO);
	vma->vm_ops = &ring_vm_ops;
	return 0;
""",
        """
	unsigned long pages = vma_desc_pages(desc);

	if (desc->pgoff >= dev->count || pages > dev->count - desc->pgoff)
		return -ENXIO;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT, VMA_IO_BIT);
	desc->vm_ops = &ring_vm_ops;
	return 0;
""",
    ),
    "locked-read": pair(
        """
	int ret = 0;

	mutex_lock(&dev->lock);
	if (dev->count == 0) {
		ret = -ENODEV;
		goto out;
	}
	vm_flags_set(vma, VM_IO);
	vma->vm_ops = &ring_vm_ops;
out:
	mutex_unlock(&dev->lock);
	return ret;
""",
        """
	int ret = 0;

	mutex_lock(&dev->lock);
	if (dev->count == 0) {
		ret = -ENODEV;
		goto out;
	}
	vma_desc_set_flags(desc, VMA_IO_BIT);
	desc->vm_ops = &ring_vm_ops;
out:
	mutex_unlock(&dev->lock);
	return ret;
""",
    ),
    "switch-on-offset": pair(
        """
	unsigned long pfn;

	switch (vma->vm_pgoff) {
	case 0:
		pfn = dev->phys;
		break;
	case 1:
		pfn = dev->count;
		break;
	default:
		return -EINVAL;
	}
	return remap_pfn_range(vma, vma->vm_start, pfn,
		vma->vm_end - vma->vm_start, vma->vm_page_prot);
""",
        """
	unsigned long pfn;

	switch (desc->pgoff) {
	case 0:
		pfn = dev->phys;
		break;
	case 1:
		pfn = dev->count;
		break;
	default:
		return -EINVAL;
	}
	mmap_action_remap_full(desc, pfn);
	return 0;
""",
    ),
    "checked-call": pair(
        """
	int ret = ring_check(dev, vma->vm_pgoff);

	if (ret)
		return ret;
	vm_flags_set(vma, VM_IO | VM_DONTEXPAND);
	vma->vm_ops = &ring_vm_ops;
	vma->vm_private_data = dev->cookie;
	return 0;
""",
        """
	int ret = ring_check(dev, desc->pgoff);

	if (ret)
		return ret;
	vma_desc_set_flags(desc, VMA_IO_BIT, VMA_DONTEXPAND_BIT);
	desc->vm_ops = &ring_vm_ops;
	desc->private_data = dev->cookie;
	return 0;
""",
        "",
        "hook-runs-before-failure",
    ),
    "helper": pair(
        """
	unsigned long size = vma->vm_end - vma->vm_start;

	if (!fits(dev, vma->vm_pgoff, size))
		return -EINVAL;
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return io_remap_pfn_range(vma, vma->vm_start,
		(dev->phys >> PAGE_SHIFT) + vma->vm_pgoff, size, vma->vm_page_prot);
""",
        """
	unsigned long size = vma_desc_size(desc);

	if (!fits(dev, desc->pgoff, size))
		return -EINVAL;
	desc->page_prot = pgprot_noncached(desc->page_prot);
	mmap_action_ioremap_full(desc, (dev->phys >> PAGE_SHIFT) + desc->pgoff);
	return 0;
""",
        """static bool fits(struct dev *dev, unsigned long pgoff, unsigned long size)
{
	return pgoff < dev->size >> PAGE_SHIFT && size <= dev->size - (pgoff << PAGE_SHIFT);
}
""",
    ),
    "first-pages": pair(
        """
	unsigned long size = min(vma->vm_end - vma->vm_start, dev->size & PAGE_MASK);

	if (size == 0)
		return -EINVAL;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	return remap_pfn_range(vma, vma->vm_start, dev->count, size, vma->vm_page_prot);
""",
        """
	unsigned long size = min(vma_desc_size(desc), dev->size & PAGE_MASK);

	if (size == 0)
		return -EINVAL;
	if (!vma_desc_test(desc, VMA_SHARED_BIT))
		return -EINVAL;
	mmap_action_remap(desc, desc->start, dev->count, size);
	return 0;
""",
    ),
    "remap-or-ioremap": pair(
        """
	unsigned long size = vma->vm_end - vma->vm_start;

	if (dev->ro)
		return io_remap_pfn_range(vma, vma->vm_start, dev->count, size, vma->vm_page_prot);
	if (remap_pfn_range(vma, vma->vm_start, dev->limit, size, vma->vm_page_prot))
		return -EAGAIN;
	return 0;
""",
        """
	if (dev->ro) {
		mmap_action_ioremap_full(desc, dev->count);
		return 0;
	}
	mmap_action_remap_full(desc, dev->limit);
	desc->action.error_override = -EAGAIN;
	return 0;
""",
    ),
    "page-array": pair(
        """
	if (vma->vm_pgoff >= dev->count || vma_pages(vma) > dev->count - vma->vm_pgoff)
		return -ENXIO;
	vma->vm_ops = &ring_vm_ops;
	return vm_map_pages(vma, dev->pages, dev->count);
""",
        """
	if (desc->pgoff >= dev->count || vma_desc_pages(desc) > dev->count - desc->pgoff)
		return -ENXIO;
	desc->vm_ops = &ring_vm_ops;
	vma_desc_set_flags(desc, VMA_MIXEDMAP_BIT);
	mmap_action_map_kernel_pages_full(desc, dev->pages + desc->pgoff);
	return 0;
""",
    ),
    "error-pointer": pair(
        """
	struct page **found = ring_find(dev, vma->vm_pgoff);

	if (IS_ERR(found))
		return PTR_ERR(found);
	if (!found)
		return -ENODEV;
	vm_flags_set(vma, VM_MIXEDMAP);
	vma->vm_private_data = found;
	return 0;
""",
        """
	struct page **found = ring_find(dev, desc->pgoff);

	if (IS_ERR(found))
		return PTR_ERR(found);
	if (!found)
		return -ENODEV;
	vma_desc_set_flags(desc, VMA_MIXEDMAP_BIT);
	desc->private_data = found;
	return 0;
""",
        "",
        "hook-runs-before-failure",
    ),
    "table-search": pair(
        """
	int i;

	for (i = 0; i < 3; i++)
		if (dev->table[i] == vma->vm_pgoff)
			break;
	if (i == 3)
		return -ENXIO;
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	return vm_iomap_memory(vma, dev->phys, dev->table[i]);
""",
        """
	int i;

	for (i = 0; i < 3; i++)
		if (dev->table[i] == desc->pgoff)
			break;
	if (i == 3)
		return -ENXIO;
	desc->page_prot = pgprot_writecombine(desc->page_prot);
	mmap_action_simple_ioremap(desc, dev->phys, dev->table[i]);
	return 0;
""",
    ),
    "private-copies": pair(
        """
	if (!(vma->vm_flags & VM_MAYSHARE) && (vma->vm_flags & VM_MAYWRITE))
		return -EPERM;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	vm_flags_clear(vma, VM_MAYEXEC);
	vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_PFNMAP);
	vma->vm_ops = dev->ro ? &ring_vm_ops : &other_vm_ops;
	return 0;
""",
        """
	if (!vma_desc_test(desc, VMA_MAYSHARE_BIT) && vma_desc_test(desc, VMA_MAYWRITE_BIT))
		return -EPERM;
	if (vma_desc_test(desc, VMA_EXEC_BIT))
		return -EACCES;
	vma_desc_clear_flags(desc, VMA_MAYEXEC_BIT);
	vma_desc_set_flags(desc, VMA_DONTCOPY_BIT, VMA_DONTEXPAND_BIT, VMA_PFNMAP_BIT);
	desc->vm_ops = dev->ro ? &ring_vm_ops : &other_vm_ops;
	return 0;
""",
    ),
    "size-exactly": pair(
        """
	unsigned long size = vma->vm_end - vma->vm_start;

	if (size != PAGE_ALIGN(dev->size) || vma->vm_pgoff)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTCOPY);
	return remap_pfn_range(vma, vma->vm_start, PHYS_PFN(dev->phys), size, vma->vm_page_prot);
""",
        """
	unsigned long size = vma_desc_size(desc);

	if (size != PAGE_ALIGN(dev->size) || desc->pgoff)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTCOPY_BIT);
	mmap_action_remap_full(desc, PHYS_PFN(dev->phys));
	return 0;
""",
    ),
    "ranges-by-offset": pair(
        """
	unsigned long offset = vma->vm_pgoff << PAGE_SHIFT;
	unsigned long size = vma->vm_end - vma->vm_start;

	if (offset < 0x10000) {
		if (offset + size > 0x10000)
			return -EINVAL;
		vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	} else if (offset >= 0x100000) {
		return -ENXIO;
	}
	vm_flags_set(vma, VM_IO | VM_DONTDUMP);
	vma->vm_private_data = dev;
	vma->vm_ops = &other_vm_ops;
	return 0;
""",
        """
	unsigned long offset = desc->pgoff << PAGE_SHIFT;
	unsigned long size = vma_desc_size(desc);

	if (offset < 0x10000) {
		if (offset + size > 0x10000)
			return -EINVAL;
		desc->page_prot = pgprot_noncached(desc->page_prot);
	} else if (offset >= 0x100000) {
		return -ENXIO;
	}
	vma_desc_set_flags(desc, VMA_IO_BIT, VMA_DONTDUMP_BIT);
	desc->private_data = dev;
	desc->vm_ops = &other_vm_ops;
	return 0;
""",
    ),
    "counted-in-mapped": pair(
        """
	vma->vm_ops = &counted_vm_ops;
	vma->vm_private_data = dev;
	vm_flags_set(vma, VM_IO);
	dev->count++;
	return 0;
""",
        """
	desc->vm_ops = &counted_vm_ops;
	desc->private_data = dev;
	vma_desc_set_flags(desc, VMA_IO_BIT);
	return 0;
""",
        """static int counted_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
	const struct file *file, void **private_data)
{
	struct dev *dev = *private_data;

	dev->count++;
	return 0;
}

static void counted_close(struct vm_area_struct *vma)
{
	struct dev *dev = vma->vm_private_data;

	dev->count--;
}

static const struct vm_operations_struct counted_vm_ops = {
	.mapped = counted_mapped,
	.close = counted_close,
};
""",
    ),
    "two-helpers": pair(
        """
	int ret;

	ret = ring_allowed(dev, vma->vm_flags);
	if (ret < 0)
		return ret;
	ret = ring_room(dev, vma->vm_pgoff, vma_pages(vma));
	if (ret < 0)
		return ret;
	vm_flags_set(vma, VM_DONTEXPAND | VM_PFNMAP);
	vma->vm_ops = &ring_vm_ops;
	return 0;
""",
        """
	int ret;

	ret = ring_allowed(dev, vma_flags_to_legacy(desc->vma_flags));
	if (ret < 0)
		return ret;
	ret = ring_room(dev, desc->pgoff, vma_desc_pages(desc));
	if (ret < 0)
		return ret;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT, VMA_PFNMAP_BIT);
	desc->vm_ops = &ring_vm_ops;
	return 0;
""",
        """static int ring_allowed(struct dev *dev, unsigned long flags)
{
	return dev->ro && (flags & VM_WRITE) ? -EROFS : 0;
}

static int ring_room(struct dev *dev, unsigned long first, unsigned long pages)
{
	unsigned long end;

	if (check_add_overflow(first, pages, &end) || end > dev->limit)
		return -ENOSPC;
	return 0;
}
""",
    ),
    "ignored-result": pair(
        """
	vm_iomap_memory(vma, dev->phys, dev->size);
	return 0;
""",
        """
	mmap_action_simple_ioremap(desc, dev->phys, dev->size);
	return 0;
""",
        "",
        "result-not-ignored",
    ),
    "mode-switch": pair(
        """
	vm_flags_t set = 0;

	switch (dev->ro & 3) {
	case 0:
	case 1:
		vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
		break;
	case 2:
		vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
		break;
	default:
		return -EOPNOTSUPP;
	}
	do {
		if (vma->vm_pgoff > dev->limit)
			return -ENXIO;
	} while (0);
	vm_flags_set(vma, VM_IO);
	vma->vm_ops = &ring_vm_ops;
	return set;
""",
        """
	vm_flags_t set = 0;

	switch (dev->ro & 3) {
	case 0:
	case 1:
		desc->page_prot = pgprot_noncached(desc->page_prot);
		break;
	case 2:
		desc->page_prot = pgprot_writecombine(desc->page_prot);
		break;
	default:
		return -EOPNOTSUPP;
	}
	do {
		if (desc->pgoff > dev->limit)
			return -ENXIO;
	} while (0);
	vma_desc_set_flags(desc, VMA_IO_BIT);
	desc->vm_ops = &ring_vm_ops;
	return set;
""",
    ),
}
"""Each of these is equivalent, or equivalent except for what is accepted."""
