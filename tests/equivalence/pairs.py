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
}
"""Each of these is equivalent, or equivalent except for what is accepted."""
