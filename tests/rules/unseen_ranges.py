# SPDX-License-Identifier: GPL-2.0-only
"""Hooks that are wrong in what they map or allow, and which rules must say so."""

from __future__ import annotations

from tests.rules.cameras import legacy, prepare

RANGES: dict[str, tuple[set[str], str]] = {
    "wrap of base+offset": (
        {"R17"},
        prepare("""\
	struct cam *cam = desc->file->private_data;
	phys_addr_t phys = cam->base + ((phys_addr_t)desc->pgoff << PAGE_SHIFT);

	if (phys + vma_desc_size(desc) > cam->end)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	mmap_action_remap_full(desc, phys >> PAGE_SHIFT);
	return 0;
"""),
    ),
    "only the length is checked": (
        {"R17"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	if (vma_desc_size(desc) > cam->bytes)
		return -EINVAL;
	mmap_action_remap_full(desc, (cam->base >> PAGE_SHIFT) + desc->pgoff);
	return 0;
"""),
    ),
    "only the offset is checked": (
        {"R17"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	if (desc->pgoff >= cam->npages)
		return -EINVAL;
	mmap_action_remap_full(desc, (cam->base >> PAGE_SHIFT) + desc->pgoff);
	return 0;
"""),
    ),
    "pages compared with bytes": (
        {"R19"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	if (desc->pgoff || vma_desc_pages(desc) > cam->bytes)
		return -EINVAL;
	mmap_action_remap_full(desc, cam->base >> PAGE_SHIFT);
	return 0;
"""),
    ),
    "write refused in helper, MAYWRITE left": (
        {"R16"},
        prepare(
            """\
	struct cam *cam = desc->file->private_data;

	if (cam_refuse(cam, desc))
		return -EPERM;
	return 0;
""",
            before="""\
static bool cam_refuse(struct cam *cam, struct vm_area_desc *d)
{
	return cam->ro && vma_desc_test(d, VMA_WRITE_BIT);
}
""",
        ),
    ),
    "prot after action": (
        {"R03"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	if (desc->pgoff || vma_desc_size(desc) > cam->bytes)
		return -EINVAL;
	mmap_action_remap_full(desc, cam->base >> PAGE_SHIFT);
	desc->page_prot = pgprot_noncached(desc->page_prot);
	return 0;
"""),
    ),
    "two actions": (
        {"R04", "R20"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	if (desc->pgoff || vma_desc_size(desc) != 2 * PAGE_SIZE)
		return -EINVAL;
	mmap_action_remap(desc, desc->start, cam->base >> PAGE_SHIFT, PAGE_SIZE);
	mmap_action_remap(desc, desc->start + PAGE_SIZE, cam->dma >> PAGE_SHIFT, PAGE_SIZE);
	return 0;
"""),
    ),
    "action longer than mapping": (
        {"R04", "R20"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	if (desc->pgoff)
		return -EINVAL;
	mmap_action_remap(desc, desc->start, cam->base >> PAGE_SHIFT, cam->bytes);
	return 0;
"""),
    ),
    "legacy result ignored": (
        {"R18"},
        legacy("""\
	struct cam *cam = filp->private_data;

	if (vma->vm_pgoff || vma->vm_end - vma->vm_start > cam->bytes)
		return -EINVAL;
	remap_pfn_range(vma, vma->vm_start, cam->base >> PAGE_SHIFT,
			vma->vm_end - vma->vm_start, vma->vm_page_prot);
	return 0;
"""),
    ),
    "legacy pfnmap faulting without excluding cow": (
        {"R20"},
        legacy(
            """\
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND);
	vma->vm_private_data = filp->private_data;
	vma->vm_ops = &cam_vm_ops;
	return 0;
""",
            before="""\
static vm_fault_t cam_fault(struct vm_fault *vmf)
{
	struct cam *cam = vmf->vma->vm_private_data;

	if (vmf->pgoff >= cam->npages)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, (cam->base >> PAGE_SHIFT) + vmf->pgoff);
}
static const struct vm_operations_struct cam_vm_ops = {
	.fault = cam_fault,
};
""",
        ),
    ),
    "legacy fault index unbounded, no DONTEXPAND": (
        {"R21"},
        legacy(
            """\
	struct cam *cam = filp->private_data;

	if (vma->vm_pgoff + vma_pages(vma) > cam->npages ||
		vma->vm_pgoff + vma_pages(vma) < vma->vm_pgoff)
		return -EINVAL;
	vma->vm_private_data = cam;
	vma->vm_ops = &cam_vm_ops;
	return 0;
""",
            before="""\
static vm_fault_t cam_fault(struct vm_fault *vmf)
{
	struct cam *cam = vmf->vma->vm_private_data;

	vmf->page = cam->pages[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}
static const struct vm_operations_struct cam_vm_ops = {
	.fault = cam_fault,
};
""",
        ),
    ),
    "read mapping refused write on ro device, ternary": (
        {"R16"},
        legacy("""\
	struct cam *cam = filp->private_data;
	int err = (cam->ro && (vma->vm_flags & VM_WRITE)) ? -EACCES : 0;

	if (err)
		return err;
	vma->vm_private_data = cam;
	return 0;
"""),
    ),
    "PFN and phys mixed": (
        {"R19"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	if (desc->pgoff || vma_desc_size(desc) > cam->bytes)
		return -EINVAL;
	mmap_action_remap_full(desc, cam->base);
	return 0;
"""),
    ),
    "size is signed int": (
        {"R17"},
        prepare("""\
	struct cam *cam = desc->file->private_data;
	int size = vma_desc_size(desc);

	if (desc->pgoff || size > cam->users)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	mmap_action_remap_full(desc, cam->base >> PAGE_SHIFT);
	return 0;
"""),
    ),
    "pgoff rewritten": (
        {"R22"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	if (desc->pgoff >= cam->npages || vma_desc_pages(desc) > cam->npages - desc->pgoff)
		return -EINVAL;
	desc->pgoff = 0;
	return 0;
"""),
    ),
    "int overflow of frame size": (
        {"R17"},
        prepare("""\
	struct cam *cam = desc->file->private_data;
	u32 off = desc->pgoff << PAGE_SHIFT;

	if (off + (u32)vma_desc_size(desc) > cam->bytes)
		return -EINVAL;
	mmap_action_remap_full(desc, (cam->base >> PAGE_SHIFT) + desc->pgoff);
	return 0;
"""),
    ),
    "off by shift": (
        {"R17"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	if (desc->pgoff > cam->bytes || vma_desc_size(desc) > cam->bytes)
		return -EINVAL;
	mmap_action_remap_full(desc, (cam->base >> PAGE_SHIFT) + desc->pgoff);
	return 0;
"""),
    ),
    "sum unchecked but each bounded": (
        {"R17"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	if (desc->pgoff >= cam->npages)
		return -EINVAL;
	if (vma_desc_pages(desc) > cam->npages)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	mmap_action_remap_full(desc, (cam->base >> PAGE_SHIFT) + desc->pgoff);
	return 0;
"""),
    ),
    "ioremap with own size": (
        {"R17"},
        prepare("""\
	struct cam *cam = desc->file->private_data;

	mmap_action_simple_ioremap(desc, cam->base, vma_desc_size(desc));
	return 0;
"""),
    ),
    "WRITE rejected only if shared": (
        {"R16"},
        prepare("""\
	if (vma_desc_test(desc, VMA_SHARED_BIT) && vma_desc_test(desc, VMA_WRITE_BIT))
		return -EPERM;
	return 0;
"""),
    ),
    "exec rejected": (
        {"R16"},
        prepare("""\
	if (vma_desc_test(desc, VMA_EXEC_BIT))
		return -EPERM;
	vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT);
	return 0;
"""),
    ),
    "dma_mmap with vma size": (
        {"R17"},
        legacy("""\
	struct cam *cam = filp->private_data;

	return dma_mmap_coherent(cam->dev, vma, cam->vaddr, cam->dma, vma->vm_end - vma->vm_start);
"""),
    ),
    "remap before check": (
        {"R17"},
        legacy("""\
	struct cam *cam = filp->private_data;

	if (remap_pfn_range(vma, vma->vm_start, vma->vm_pgoff,
				vma->vm_end - vma->vm_start, vma->vm_page_prot))
		return -EAGAIN;
	if (vma->vm_end - vma->vm_start > cam->bytes)
		return -EINVAL;
	return 0;
"""),
    ),
}
