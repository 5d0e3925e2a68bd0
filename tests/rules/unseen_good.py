# SPDX-License-Identifier: GPL-2.0-only
"""Correct hooks in as many ways of writing as came to mind, after the rules were written."""

from __future__ import annotations

from tests.rules.cameras import FAULT as _FAULT
from tests.rules.cameras import legacy, prepare

GOOD: dict[str, str] = {
    "register window bounded in pages": prepare("""\
	struct cam *cam = desc->file->private_data;
	const unsigned long n = vma_desc_pages(desc);

	if (desc->pgoff >= cam->npages || n > cam->npages - desc->pgoff)
		return -EINVAL;
	desc->page_prot = pgprot_noncached(desc->page_prot);
	vma_desc_set_flags(desc, VMA_IO_BIT, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT);
	mmap_action_remap_full(desc, (cam->base >> PAGE_SHIFT) + desc->pgoff);
	return 0;
"""),
    "read only shared, clears MAYWRITE": prepare("""\
	if (vma_desc_test(desc, VMA_WRITE_BIT))
		return -EACCES;
	vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT);
	return 0;
"""),
    "must be shared+write, guard": prepare("""\
	struct cam *cam = desc->file->private_data;

	guard(mutex)(&cam->lock);
	if (cam->busy)
		return -EBUSY;
	if (!vma_desc_test(desc, VMA_SHARED_BIT))
		return -EINVAL;
	if (desc->pgoff)
		return -EINVAL;
	if (vma_desc_size(desc) > cam->bytes)
		return -ENXIO;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	mmap_action_remap(desc, desc->start, cam->base >> PAGE_SHIFT, vma_desc_size(desc));
	return 0;
"""),
    "goto unlock": prepare("""\
	struct cam *cam = desc->file->private_data;
	int ret = -EINVAL;

	mutex_lock(&cam->lock);
	if (desc->pgoff != 0)
		goto out;
	if (vma_desc_size(desc) != PAGE_ALIGN(cam->bytes)) {
		ret = -ENXIO;
		goto out;
	}
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	ret = 0;
	mmap_action_remap_full(desc, PHYS_PFN(cam->base));
out:
	mutex_unlock(&cam->lock);
	return ret;
"""),
    "mapped/open/close count": prepare(
        """\
	desc->private_data = desc->file->private_data;
	desc->vm_ops = &cam_vm_ops;
	return 0;
""",
        before="""\
static int cam_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		const struct file *file, void **vm_private_data)
{
	struct cam *cam = *vm_private_data;

	atomic_inc(&cam->maps);
	return 0;
}
static void cam_open(struct vm_area_struct *vma)
{
	struct cam *cam = vma->vm_private_data;

	atomic_inc(&cam->maps);
}
static void cam_close(struct vm_area_struct *vma)
{
	struct cam *cam = vma->vm_private_data;

	atomic_dec(&cam->maps);
}
static vm_fault_t cam_fault(struct vm_fault *vmf)
{
	struct cam *cam = vmf->vma->vm_private_data;

	if (vmf->pgoff >= cam->npages)
		return VM_FAULT_SIGBUS;
	vmf->page = cam->pages[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}
static const struct vm_operations_struct cam_vm_ops = {
	.mapped = cam_mapped,
	.open = cam_open,
	.close = cam_close,
	.fault = cam_fault,
};
""",
    ),
    "iomem simple ioremap at offset by helper": prepare("""\
	struct cam *cam = desc->file->private_data;

	desc->page_prot = pgprot_writecombine(desc->page_prot);
	mmap_action_simple_ioremap(desc, cam->base, cam->bytes);
	return 0;
"""),
    "switch over regions": prepare("""\
	struct cam *cam = desc->file->private_data;
	unsigned long pfn, limit;

	switch (desc->pgoff) {
	case 0:
		pfn = cam->base >> PAGE_SHIFT;
		limit = cam->npages;
		break;
	case 0x100:
		pfn = cam->dma >> PAGE_SHIFT;
		limit = 1;
		break;
	default:
		return -EINVAL;
	}
	if (vma_desc_pages(desc) > limit)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	mmap_action_remap_full(desc, pfn);
	return 0;
"""),
    "range checked with check_add_overflow": prepare("""\
	struct cam *cam = desc->file->private_data;
	unsigned long off = desc->pgoff << PAGE_SHIFT, end;

	if (check_add_overflow(off, vma_desc_size(desc), &end) || end > cam->bytes)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	mmap_action_remap_full(desc, (cam->base + off) >> PAGE_SHIFT);
	return 0;
"""),
    "legacy vm_insert_page loop": legacy("""\
	struct cam *cam = filp->private_data;
	unsigned long i;
	int ret;

	if (vma->vm_pgoff || vma_pages(vma) > cam->npages)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND);
	for (i = 0; i < vma_pages(vma); i++) {
		ret = vm_insert_page(vma, vma->vm_start + i * PAGE_SIZE, cam->pages[i]);
		if (ret)
			return ret;
	}
	return 0;
"""),
    "legacy fault backed, private refused, maywrite cleared": legacy(
        """\
	struct cam *cam = filp->private_data;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (cam->ro) {
		if (vma->vm_flags & VM_WRITE)
			return -EPERM;
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = cam;
	vma->vm_ops = &cam_vm_ops;
	return 0;
""",
        before="""\
static vm_fault_t cam_fault(struct vm_fault *vmf)
{
	struct cam *cam = vmf->vma->vm_private_data;

	return vmf_insert_pfn(vmf->vma, vmf->address, cam->base >> PAGE_SHIFT);
}
static const struct vm_operations_struct cam_vm_ops = {
	.fault = cam_fault,
};
""",
    ),
    "dma_mmap_coherent": legacy("""\
	struct cam *cam = filp->private_data;

	if (vma->vm_end - vma->vm_start > cam->bytes)
		return -EINVAL;
	return dma_mmap_coherent(cam->dev, vma, cam->vaddr, cam->dma, cam->bytes);
"""),
    "remap_vmalloc_range": legacy("""\
	struct cam *cam = filp->private_data;

	return remap_vmalloc_range(vma, cam->vaddr, vma->vm_pgoff);
"""),
    "EXEC and WRITE both refused and cleared in helper": prepare(
        """\
	struct cam *cam = desc->file->private_data;
	int ret = cam_access(desc, cam->ro);

	if (ret)
		return ret;
	desc->vm_ops = &cam_vm_ops;
	return 0;
""",
        before="""\
static const struct vm_operations_struct cam_vm_ops = { };
static int cam_access(struct vm_area_desc *d, bool ro)
{
	if (vma_desc_test(d, VMA_EXEC_BIT))
		return -EPERM;
	vma_desc_clear_flags(d, VMA_MAYEXEC_BIT);
	if (!ro)
		return 0;
	if (vma_desc_test(d, VMA_WRITE_BIT))
		return -EPERM;
	vma_desc_clear_flags(d, VMA_MAYWRITE_BIT);
	return 0;
}
""",
    ),
    "private written copies ok": prepare("""\
	struct cam *cam = desc->file->private_data;

	if (vma_desc_test(desc, VMA_SHARED_BIT) && vma_desc_test(desc, VMA_MAYWRITE_BIT))
		return -EPERM;
	desc->vm_ops = &generic_file_vm_ops;
	return 0;
"""),
    "file reference of its own": prepare("""\
	struct cam *cam = desc->file->private_data;

	desc->vm_file = get_file((struct file *)cam->vaddr);
	return 0;
"""),
    "page count by size_t division": prepare("""\
	struct cam *cam = desc->file->private_data;
	const size_t frame = array3_size(cam->width, cam->height, cam->bpp);

	if (desc->pgoff || vma_desc_size(desc) > PAGE_ALIGN(frame))
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	mmap_action_map_kernel_pages(desc, desc->start, cam->pages, vma_desc_pages(desc));
	return 0;
"""),
    "container_of misc": prepare("""\
	struct cam *cam = container_of(desc->file->private_data, struct cam, list);
	u64 off = (u64)desc->pgoff << PAGE_SHIFT;
	u64 len = vma_desc_size(desc);

	if (off > cam->bytes || len > cam->bytes - off)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT);
	mmap_action_remap_full(desc, (cam->base + off) >> PAGE_SHIFT);
	return 0;
"""),
    "scoped_guard": prepare("""\
	struct cam *cam = desc->file->private_data;

	scoped_guard(mutex, &cam->lock) {
		if (cam->busy)
			return -EBUSY;
	}
	return 0;
"""),
    "trylock inverse": prepare("""\
	struct cam *cam = desc->file->private_data;
	int ret = 0;

	if (mutex_lock_interruptible(&cam->lock))
		return -ERESTARTSYS;
	if (cam->busy)
		ret = -EBUSY;
	mutex_unlock(&cam->lock);
	return ret;
"""),
    "balanced get/put during prepare": prepare("""\
	struct cam *cam = desc->file->private_data;
	int ret;

	get_device(cam->dev);
	ret = cam->busy ? -EBUSY : 0;
	put_device(cam->dev);
	return ret;
"""),
    "pm runtime balanced": prepare("""\
	struct cam *cam = desc->file->private_data;
	int ret = pm_runtime_resume_and_get(cam->dev);

	if (ret)
		return ret;
	pm_runtime_put(cam->dev);
	return 0;
"""),
    "tmp alloc freed": prepare("""\
	struct cam *cam = desc->file->private_data;
	int *tmp = kmalloc(64, GFP_KERNEL);

	if (!tmp)
		return -ENOMEM;
	tmp[0] = cam->users;
	kfree(tmp);
	return 0;
"""),
    "dev_dbg log": prepare("""\
	struct cam *cam = desc->file->private_data;

	dev_dbg(cam->dev, "%lx %lx\\n", desc->start, desc->end);
	pr_info_once("x\\n");
	return 0;
"""),
    "WRITE needs ro check with MAYWRITE test": prepare("""\
	if (vma_desc_test_any(desc, VMA_WRITE_BIT, VMA_MAYWRITE_BIT))
		return -EPERM;
	return 0;
"""),
    "exec refused, may cleared before": prepare("""\
	vma_desc_clear_flags(desc, VMA_MAYEXEC_BIT);
	if (vma_desc_test(desc, VMA_EXEC_BIT))
		return -EPERM;
	return 0;
"""),
    "if/else action": prepare("""\
	struct cam *cam = desc->file->private_data;

	if (desc->pgoff || vma_desc_size(desc) > cam->bytes)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	if (cam->ro)
		mmap_action_remap_full(desc, cam->base >> PAGE_SHIFT);
	else
		mmap_action_ioremap_full(desc, cam->dma >> PAGE_SHIFT);
	return 0;
"""),
    "legacy open called by hook": legacy(
        """\
	struct cam *cam = filp->private_data;

	vma->vm_ops = &cam_vm_ops;
	vma->vm_private_data = cam;
	vm_flags_set(vma, VM_DONTEXPAND);
	cam_open(vma);
	return 0;
""",
        before=_FAULT
        + """\
static void cam_open(struct vm_area_struct *vma)
{
	struct cam *cam = vma->vm_private_data;

	atomic_inc(&cam->maps);
}
static void cam_close(struct vm_area_struct *vma)
{
	struct cam *cam = vma->vm_private_data;

	atomic_dec(&cam->maps);
}
static const struct vm_operations_struct cam_vm_ops = {
	.open = cam_open,
	.close = cam_close,
	.fault = cam_fault,
};
""",
    ),
    "legacy clears both in a mask": legacy("""\
	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EPERM;
	vm_flags_clear(vma, VM_MAYWRITE | VM_MAYEXEC);
	return 0;
"""),
    "legacy vm_flags_mod": legacy(
        """\
	struct cam *cam = filp->private_data;

	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	vm_flags_mod(vma, VM_DONTEXPAND, VM_MAYWRITE);
	vma->vm_private_data = cam;
	vma->vm_ops = &cam_vm_ops;
	return 0;
""",
        before=_FAULT
        + """\
static const struct vm_operations_struct cam_vm_ops = { .fault = cam_fault, };
""",
    ),
    "hwdep frames": legacy("""\
	struct cam *cam = filp->private_data;
	unsigned long size = vma->vm_end - vma->vm_start;
	unsigned long offset = vma->vm_pgoff << PAGE_SHIFT;

	if (offset & (cam->bytes - 1))
		return -EINVAL;
	if (offset >= cam->bytes || size > cam->bytes - offset)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	return remap_pfn_range(vma, vma->vm_start, (cam->base + offset) >> PAGE_SHIFT, size,
			vma->vm_page_prot);
"""),
    "page_prot via helper before action": prepare(
        """\
	struct cam *cam = desc->file->private_data;

	if (desc->pgoff || vma_desc_size(desc) > cam->bytes)
		return -EINVAL;
	cam_prot(desc);
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	mmap_action_remap_full(desc, cam->base >> PAGE_SHIFT);
	return 0;
""",
        before="""\
static void cam_prot(struct vm_area_desc *desc)
{
	desc->page_prot = pgprot_noncached(desc->page_prot);
}
""",
    ),
    "WARN_ON_ONCE": prepare("""\
	if (WARN_ON_ONCE(!desc->file->private_data))
		return -EINVAL;
	return 0;
"""),
    "flags copy is stored": prepare("""\
	vma_flags_t flags = desc->vma_flags;

	vma_flags_set(&flags, VMA_DONTCOPY_BIT);
	desc->vma_flags = flags;
	return 0;
"""),
    "min of sizes": prepare("""\
	struct cam *cam = desc->file->private_data;
	unsigned long n = min(vma_desc_size(desc), PAGE_ALIGN(cam->bytes));

	if (desc->pgoff)
		return -EINVAL;
	if (vma_desc_test(desc, VMA_MAYWRITE_BIT) && !vma_desc_test(desc, VMA_SHARED_BIT))
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	mmap_action_remap(desc, desc->start, cam->base >> PAGE_SHIFT, n);
	return 0;
"""),
    "a count that an int cuts off, and as many pages": legacy(
        """\
	struct cam *cam = filp->private_data;
	int count = vma_pages(vma);
	int i, ret;

	if (vma->vm_pgoff || count > 4)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND);
	for (i = 0; i < count; i++) {
		ret = vm_insert_page(vma, vma->vm_start + i * PAGE_SIZE, cam->pages[i]);
		if (ret)
			return ret;
	}
	return 0;
"""
    ),
    "a lock in what is found, and an error in its place": legacy(
        """\
	struct seated *seated = seat_lock(filp->private_data);

	if (IS_ERR(seated))
		return PTR_ERR(seated);
	seated->width++;
	spin_unlock(&seated->seat.lock);
	return 0;
""",
        before="""\
struct seat {
	spinlock_t lock;
	bool gone;
};

struct seated {
	int kind;
	struct seat seat;
	unsigned int width;
};

struct seat *seat_find(void *all);

static struct seated *seat_lock(void *all)
{
	struct seat *seat = seat_find(all);

	if (IS_ERR(seat))
		return ERR_CAST(seat);
	spin_lock(&seat->lock);
	if (!seat->gone)
		return container_of(seat, struct seated, seat);
	spin_unlock(&seat->lock);
	return ERR_PTR(-EIDRM);
}

""",
    ),
}
