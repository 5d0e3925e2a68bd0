/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before anything else of mm/memory.c: its allocations of page tables can be made to fail,
 * although the page tables of the window are always there (see init.c).
 */
#ifndef PREMAP_PAGE_TABLE_H
#define PREMAP_PAGE_TABLE_H

#include <linux/mm.h>

bool premap_page_table(const struct mm_struct *mm);

#undef pte_alloc
#define pte_alloc(mm, pmd) \
	(premap_page_table(mm) || (unlikely(pmd_none(*(pmd))) && __pte_alloc(mm, pmd)))

#endif
