// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failures at chosen points of the mmap path, by the names that the model has for them.
 *
 * The objects of mm/ that call these functions are compiled with -Dfunction=premap_function (see
 * tree.py), so that nothing in the tree's own sources changes.
 */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/maple_tree.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/shmem_fs.h>
#include <linux/string.h>
#include <linux/version.h>

#include "../../mm/internal.h"
#include "../../mm/vma.h"
#include "premap.h"

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#define REPLACED
#endif

static struct point {
	const char *name;
	int err;
	unsigned int after;
} points[] = {
	{ "mmap_hook" }, { "mapped" },
#ifdef REPLACED
	{ "accounting" }, { "munmap_gather" }, { "munmap_tree" }, { "vma_merge" }, { "vma_alloc" },
	{ "vma_dup" }, { "vma_tree" }, { "anon_vma" }, { "anon_vma_clone" }, { "shmem" },
	{ "action" }, { "page" }, { "page_table" },
#endif
};

static unsigned long window_low, window_high;

bool premap_in_window(unsigned long address)
{
	return address >= window_low && address < window_high;
}

unsigned long premap_window_end(void)
{
	return window_high;
}

static struct point *find(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(points); i++)
		if (!strcmp(points[i].name, name))
			return &points[i];
	return NULL;
}

int premap_failing(const char *name)
{
	struct point *point = find(name);
	int err = point->err;

	if (!err)
		return 0;
	if (point->after) {
		point->after--;
		return 0;
	}
	point->err = 0;
	return err;
}

/* How far a fork of an address space has come: it copies one mapping after the other. */
static const struct mm_struct *forking;
static unsigned long copied_to;

int premap_inject(char *words)
{
	struct point *point = find(strsep(&words, " "));
	unsigned int after;
	char *word;

	if (!point)
		return -EOPNOTSUPP;
	word = strsep(&words, " ");
	if (!word || !words || kstrtouint(word, 0, &after) || kstrtoint(words, 0, &point->err))
		return -EINVAL;
	point->after = after;
	forking = NULL;
	return 0;
}

void premap_inject_nothing(unsigned long low, unsigned long high)
{
	int i;

	window_low = low;
	window_high = high;
	for (i = 0; i < ARRAY_SIZE(points); i++)
		points[i].err = 0;
}

#ifdef REPLACED

__diag_push();
__diag_ignore_all("-Wmissing-prototypes", "only -D on a command line names these functions");

/* What is called in place of the functions. A fork also copies what is not the scenario's. */

static bool fails_for(const struct vm_area_struct *vma, const char *point)
{
	return premap_in_window(vma->vm_start) && premap_failing(point);
}

struct vm_area_struct *premap_vm_area_alloc(struct mm_struct *mm)
{
	return premap_failing("vma_alloc") ? NULL : vm_area_alloc(mm);
}

struct vm_area_struct *premap_vm_area_dup(struct vm_area_struct *original)
{
	return fails_for(original, "vma_dup") ? NULL : vm_area_dup(original);
}

/* A mapping that is in the tree already is one that a merge extends. */
static const char *what_is_stored(const struct vm_area_struct *vma)
{
	return vma && vma_lookup(vma->vm_mm, vma->vm_start) == vma ? "vma_merge" : "vma_tree";
}

int premap_mas_preallocate(struct ma_state *mas, void *entry, gfp_t gfp)
{
	return premap_failing(what_is_stored(entry)) ? -ENOMEM : mas_preallocate(mas, entry, gfp);
}

/* What is to be unmapped is collected in a tree of its own. */
static const char *why_stored(const struct ma_state *mas, const void *entry)
{
	if (!entry)
		return "munmap_tree";
	return mas->tree == &current->mm->mm_mt ? "vma_tree" : "munmap_gather";
}

int premap_mas_store_gfp(struct ma_state *mas, void *entry, gfp_t gfp)
{
	if ((gfp & __GFP_NOFAIL) || !premap_failing(why_stored(mas, entry)))
		return mas_store_gfp(mas, entry, gfp);
	mas->node = MA_ERROR(-ENOMEM);
	mas->status = ma_error;
	return -ENOMEM;
}

int premap___vm_enough_memory(const struct mm_struct *mm, long pages, int cap_sys_admin)
{
	if (pages && premap_failing("accounting"))
		return -ENOMEM;
	return premap_enough_memory(mm, pages, cap_sys_admin);
}

/* Shared memory is paid for by the page, too; that is never made to fail. */
int premap_shmem_enough_memory(const struct mm_struct *mm, long pages, int cap_sys_admin)
{
	return premap_enough_memory(mm, pages, cap_sys_admin);
}

void premap_touch_atime(const struct path *path)
{
	premap_accessed(path);
	touch_atime(path);
}

/* What a fork asks memory for: it only says how many pages. */
static struct vm_area_struct *to_be_copied(struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, forking == mm ? copied_to : 0);

	for_each_vma(vmi, vma)
		if (!(vma->vm_flags & VM_DONTCOPY))
			return vma;
	vma_iter_set(&vmi, 0);	/* all of it was copied the last time */
	for_each_vma(vmi, vma)
		if (!(vma->vm_flags & VM_DONTCOPY))
			return vma;
	return NULL;
}

static int fork_failed(void)
{
	forking = NULL;
	return -ENOMEM;
}

int premap_fork_enough_memory(struct mm_struct *mm, long pages, int cap_sys_admin)
{
	const struct vm_area_struct *vma = to_be_copied(mm);

	if (vma && fails_for(vma, "accounting"))
		return fork_failed();
	return premap_enough_memory(mm, pages, cap_sys_admin);
}

struct vm_area_struct *premap_fork_area_dup(struct vm_area_struct *original)
{
	forking = original->vm_mm;
	copied_to = original->vm_end;
	if (!fails_for(original, "vma_dup"))
		return vm_area_dup(original);
	fork_failed();
	return NULL;
}

/* The first of at most two walks: the second comes after the range was cleared. */
static bool walked;

static int installs(const struct mm_walk_ops *ops, unsigned long start)
{
	bool first = !walked;

	walked = false;
	return first && ops->install_pte && premap_in_window(start) &&
	       premap_failing("page_table") ? -ENOMEM : 0;
}

int premap_walk_page_range_mm_unsafe(struct mm_struct *mm, unsigned long start, unsigned long end,
				     const struct mm_walk_ops *ops, void *private)
{
	int err = installs(ops, start);

	if (!err)
		err = walk_page_range_mm_unsafe(mm, start, end, ops, private);
	walked = err > 0;
	return err;
}

int premap_walk_page_range_vma_unsafe(struct vm_area_struct *vma, unsigned long start,
				      unsigned long end, const struct mm_walk_ops *ops,
				      void *private)
{
	int err = installs(ops, start);

	if (!err)
		err = walk_page_range_vma_unsafe(vma, start, end, ops, private);
	walked = err > 0;
	return err;
}

int premap___anon_vma_prepare(struct vm_area_struct *vma)
{
	return fails_for(vma, "anon_vma") ? -ENOMEM : __anon_vma_prepare(vma);
}

int premap_anon_vma_clone(struct vm_area_struct *to, struct vm_area_struct *from,
			  enum vma_operation operation)
{
	if (from->anon_vma && fails_for(from, "anon_vma_clone")) {
		to->anon_vma = NULL;	/* as the function does when it fails */
		return -ENOMEM;
	}
	return anon_vma_clone(to, from, operation);
}

int premap_anon_vma_fork(struct vm_area_struct *to, struct vm_area_struct *from)
{
	if (from->anon_vma && (fails_for(from, "anon_vma") || fails_for(from, "anon_vma_clone")))
		return fork_failed();
	return anon_vma_fork(to, from);
}

int premap_shmem_zero_setup(struct vm_area_struct *vma)
{
	return premap_failing("shmem") ? -ENOMEM : shmem_zero_setup(vma);
}

int premap_shmem_zero_setup_desc(struct vm_area_desc *desc)
{
	return premap_failing("shmem") ? -ENOMEM : shmem_zero_setup_desc(desc);
}

int premap_remap_pfn_range_complete(struct vm_area_struct *vma, struct mmap_action *action)
{
	int err = premap_failing("action");

	return err ? -err : remap_pfn_range_complete(vma, action);
}

int premap_map_kernel_pages_complete(struct vm_area_struct *vma, struct mmap_action *action)
{
	int err = premap_failing("action");

	return err ? -err : map_kernel_pages_complete(vma, action);
}

/* A page table for the copies of entries; those are made for what a fault could not make again. */
int premap_copy_page_range(struct vm_area_struct *to, struct vm_area_struct *from)
{
	bool copied = from->anon_vma || (to->vm_flags & VM_COPY_ON_FORK);

	if (copied && premap_has_entries(from) && fails_for(from, "page_table"))
		return fork_failed();
	return copy_page_range(to, from);
}

/* Addresses that are chosen for a scenario are those of its window, or none. */

unsigned long premap_unmapped_area_topdown(struct vm_unmapped_area_info *info)
{
	if (window_high && info->high_limit == window_high)
		info->low_limit = window_low;
	return unmapped_area_topdown(info);
}

unsigned long premap_unmapped_area(struct vm_unmapped_area_info *info)
{
	if (window_high && current->mm->mmap_base == window_high)
		return -ENOMEM;
	return unmapped_area(info);
}

/* See page_table.h. */
bool premap_page_table(const struct mm_struct *mm)
{
	return mm == current->mm && premap_failing("page_table");
}

bool premap_page(const struct vm_area_struct *vma)
{
	return fails_for(vma, "page");
}

__diag_pop();

#endif
