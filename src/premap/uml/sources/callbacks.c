// SPDX-License-Identifier: GPL-2.0-only
/* The callbacks of premap's devices, and the tables of operations that have some of them. */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "premap.h"

struct vm_operations_struct premap_tables[TABLES];

static void note_callback(char call, const struct device_slot *slot, unsigned long start,
			  unsigned long end, pgoff_t pgoff, const void *private_data)
{
	premap_note("%c %x %lx %lx %lx %lx\n", call, premap_slot_of(slot), start, end, pgoff,
	     (unsigned long)private_data);
}

static void device_open(struct vm_area_struct *vma)
{
	note_callback('o', vma->vm_file->private_data, vma->vm_start, vma->vm_end,
		      premap_start_pgoff(vma), vma->vm_private_data);
}

static void device_close(struct vm_area_struct *vma)
{
	note_callback('c', vma->vm_file->private_data, vma->vm_start, vma->vm_end,
		      premap_start_pgoff(vma), vma->vm_private_data);
}

static int device_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
			 const struct file *file, void **private_data)
{
	const struct device_slot *slot = file->private_data;
	int err = premap_failing("mapped");

	if (err)
		return -err;
	note_callback('n', slot, start, end, pgoff, *private_data);
	if (slot->programme.given & BIT(MAPPED_DATA))
		*private_data = (void *)(unsigned long)slot->programme.number[MAPPED_DATA];
	return -(int)slot->programme.number[MAPPED_RET];
}

static int note_vma(char call, const struct vm_area_struct *vma, enum number ret)
{
	const struct device_slot *slot = vma->vm_file->private_data;

	note_callback(call, slot, vma->vm_start, vma->vm_end, premap_start_pgoff(vma), vma->vm_private_data);
	return -(int)slot->programme.number[ret];
}

static int device_may_split(struct vm_area_struct *vma, unsigned long address)
{
	return note_vma('s', vma, MAY_SPLIT_RET);
}

static int device_mremap(struct vm_area_struct *vma)
{
	return note_vma('g', vma, MREMAP_RET);
}

static int device_mprotect(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			   unsigned long flags)
{
	return note_vma('t', vma, MPROTECT_RET);
}

static const struct device_slot *note_fault(char call, const struct vm_fault *vmf)
{
	const struct device_slot *slot = vmf->vma->vm_file->private_data;

	premap_note("%c %x %lx %x\n", call, premap_slot_of(slot), vmf->pgoff,
		    !!(vmf->flags & FAULT_FLAG_WRITE));
	return slot;
}

/* vmf_insert_pfn() takes only what nobody counts, and nobody copies. */
static bool takes_pfns(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_PFNMAP | VM_MIXEDMAP)) == VM_PFNMAP &&
	       (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) != VM_MAYWRITE;
}

static vm_fault_t device_fault(struct vm_fault *vmf)
{
	const struct device_slot *slot = note_fault('f', vmf);
	struct vm_area_struct *vma = vmf->vma;
	struct page *page;

	if (vmf->pgoff >= PREMAP_PAGES)
		return VM_FAULT_SIGBUS;
	page = slot->pages[vmf->pgoff];
	if (slot->programme.fault == FAULT_MIXED)
		return vmf_insert_mixed(vma, vmf->address, page_to_pfn(page));
	if (slot->programme.fault == FAULT_PFN)
		return takes_pfns(vma) ? vmf_insert_pfn(vma, vmf->address, page_to_pfn(page)) :
					 VM_FAULT_SIGBUS;
	if (vma->vm_flags & VM_PFNMAP)
		return VM_FAULT_SIGBUS;
	vmf->page = page;
	get_page(page);
	return 0;
}

static vm_fault_t device_page_mkwrite(struct vm_fault *vmf)
{
	if (note_fault('a', vmf)->programme.number[MKWRITE])
		return VM_FAULT_SIGBUS;
	lock_page(vmf->page);
	return VM_FAULT_LOCKED;
}

static vm_fault_t device_pfn_mkwrite(struct vm_fault *vmf)
{
	return note_fault('b', vmf)->programme.number[MKWRITE] ? VM_FAULT_SIGBUS : 0;
}

void premap_make_tables(void)
{
	int i;

	for (i = 0; i < TABLES; i++) {
		premap_tables[i].open = i & OPEN ? device_open : NULL;
		premap_tables[i].close = i & CLOSE ? device_close : NULL;
		premap_tables[i].mapped = i & MAPPED ? device_mapped : NULL;
		premap_tables[i].fault = i & FAULT ? device_fault : NULL;
		premap_tables[i].may_split = i & MAY_SPLIT ? device_may_split : NULL;
		premap_tables[i].mremap = i & MREMAP ? device_mremap : NULL;
		premap_tables[i].mprotect = i & MPROTECT ? device_mprotect : NULL;
		premap_tables[i].page_mkwrite = i & PAGE_MKWRITE ? device_page_mkwrite : NULL;
		premap_tables[i].pfn_mkwrite = i & PFN_MKWRITE ? device_pfn_mkwrite : NULL;
	}
}
