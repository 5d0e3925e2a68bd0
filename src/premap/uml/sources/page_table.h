/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before anything else of mm/memory.c and mm/mremap.c: their allocations of page tables can
 * be made to fail, although the page tables of the window are always there (see init.c); and those of
 * pages for a mapping of the window.
 */
#ifndef PREMAP_PAGE_TABLE_H
#define PREMAP_PAGE_TABLE_H

#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>

bool premap_page_table(const struct mm_struct *mm);
bool premap_page(const struct vm_area_struct *vma);

#undef pte_alloc
#define pte_alloc(mm, pmd) \
	(premap_page_table(mm) || (unlikely(pmd_none(*(pmd))) && __pte_alloc(mm, pmd)))

#define vma_alloc_folio_noprof(gfp, order, vma, addr) \
	(premap_page(vma) ? NULL : (vma_alloc_folio_noprof)(gfp, order, vma, addr))
#define vma_alloc_zeroed_movable_folio(vma, addr) \
	(premap_page(vma) ? NULL : (vma_alloc_zeroed_movable_folio)(vma, addr))

#endif
