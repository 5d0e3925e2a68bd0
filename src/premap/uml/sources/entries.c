// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page table entries of the window, page by page: a device's page by its slot and number, an
 * anonymous page, the page of zeroes, a guard. Pages of other files are passed over: how many of
 * them a fault maps is the kernel's own choice. And which mappings file anonymous pages together.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/rmap.h>
#include <linux/sched.h>
#include <linux/swap.h>
/* Before 7.3 it does not include what it needs. */
#include <linux/leafops.h>

#include "premap.h"

static pmd_t *table_of(struct mm_struct *mm, unsigned long address)
{
	pgd_t *pgd = pgd_offset(mm, address);
	p4d_t *p4d = p4d_offset(pgd, address);
	pud_t *pud;
	pmd_t *pmd;

	if (pgd_none(*pgd) || p4d_none(*p4d))
		return NULL;
	pud = pud_offset(p4d, address);
	if (pud_none(*pud))
		return NULL;
	pmd = pmd_offset(pud, address);
	return pmd_none(*pmd) ? NULL : pmd;
}

static void note_entry(unsigned long address, pte_t pte)
{
	char write = pte_write(pte) ? 'w' : '-';
	unsigned long pfn;

	if (pte_none(pte))
		return;
	if (!pte_present(pte)) {
		if (softleaf_is_guard_marker(softleaf_from_pte(pte)))
			premap_note("y %lx guard -\n", address);
		return;
	}
	pfn = pte_pfn(pte);
	if (is_zero_pfn(pfn))
		premap_note("y %lx zero %c\n", address, write);
	else if (premap_is_device_page(pfn))
		premap_note("y %lx %lx %c\n", address, pfn, write);
	else if (PageAnon(pfn_to_page(pfn)))
		premap_note("y %lx anon %c\n", address, write);
}

static void note_page(struct mm_struct *mm, unsigned long address)
{
	pmd_t *pmd = table_of(mm, address);
	pte_t *pte = pmd ? pte_offset_map(pmd, address) : NULL;

	if (!pte)
		return;
	note_entry(address, ptep_get(pte));
	pte_unmap(pte);
}

bool premap_has_entries(const struct vm_area_struct *vma)
{
	unsigned long address;
	bool found = false;

	for (address = vma->vm_start; !found && address < vma->vm_end; address += PAGE_SIZE) {
		pmd_t *pmd = table_of(vma->vm_mm, address);
		pte_t *pte = pmd ? pte_offset_map(pmd, address) : NULL;

		if (!pte)
			continue;
		found = !pte_none(ptep_get(pte));
		pte_unmap(pte);
	}
	return found;
}

static void note_anon(struct vm_area_struct *vma)
{
	const struct anon_vma *anon_vma = vma->anon_vma;

	if (anon_vma)
		premap_note("z %lx %lx %zx %lx %lx\n", vma->vm_start, (unsigned long)anon_vma,
			    list_count_nodes(&vma->anon_vma_chain), anon_vma->num_active_vmas,
			    anon_vma->num_children);
}

void premap_anon(void)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	mmap_read_lock(mm);
	for_each_vma(vmi, vma)
		if (premap_in_window(vma->vm_start))
			note_anon(vma);
	mmap_read_unlock(mm);
}

void premap_entries(void)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned long address;
	VMA_ITERATOR(vmi, mm, 0);

	mmap_read_lock(mm);
	for_each_vma(vmi, vma) {
		if (!premap_in_window(vma->vm_start))
			continue;
		for (address = vma->vm_start; address < vma->vm_end; address += PAGE_SIZE)
			note_page(mm, address);
	}
	mmap_read_unlock(mm);
}
