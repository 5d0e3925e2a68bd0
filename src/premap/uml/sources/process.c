// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a scenario may change of its process and of the machine, and what the kernel counts of it.
 *
 * The process has mappings of its own outside of the window. Limits are told, and counts are given,
 * as if these were not there: they are what was counted when the scenario began.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/swap.h>

#include "../../mm/internal.h"
#include "premap.h"

enum count { TOTAL_VM, LOCKED_VM, DATA_VM, EXEC_VM, STACK_VM, MAP_COUNT, COMMITTED_AS, COUNTS };

static long begun[COUNTS];

/* Pages that are locked outside of the window: mlockall() locks them, too. */
static long locked_outside(struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	long pages = 0;
	VMA_ITERATOR(vmi, mm, 0);

	mmap_read_lock(mm);
	for_each_vma(vmi, vma)
		if ((vma->vm_flags & VM_LOCKED) && !premap_in_window(vma->vm_start))
			pages += vma_pages(vma);
	mmap_read_unlock(mm);
	return pages;
}

static void count(long counts[COUNTS])
{
	struct mm_struct *mm = current->mm;

	counts[TOTAL_VM] = mm->total_vm;
	counts[LOCKED_VM] = mm->locked_vm - locked_outside(mm);
	counts[DATA_VM] = mm->data_vm;
	counts[EXEC_VM] = mm->exec_vm;
	counts[STACK_VM] = mm->stack_vm;
	counts[MAP_COUNT] = mm->map_count;
	counts[COMMITTED_AS] = percpu_counter_sum(&vm_committed_as);
}

static int count_file(const char *descriptor)
{
	struct file *file;
	int fd, ancestors;

	if (sscanf(descriptor, "%d/%d", &fd, &ancestors) != 2)
		return -EINVAL;
	file = fget(fd);
	if (!file)
		return -EBADF;
	/* Neither this process's descriptor counts, nor those of its ancestors, nor this look. */
	premap_note(" %lx", file_count(file) - 2 - ancestors);
	fput(file);
	return 0;
}

int premap_swapfile(const char *descriptor)
{
	struct file *file;
	int fd;

	if (kstrtoint(descriptor, 0, &fd))
		return -EINVAL;
	file = fget(fd);
	if (!file)
		return -EBADF;
	file_inode(file)->i_flags |= S_SWAPFILE;
	fput(file);
	return 0;
}

int premap_count(char *descriptors)
{
	long counts[COUNTS];
	char *word;
	int i, err = 0;

	count(counts);
	premap_note("k");
	for (i = 0; i < COUNTS; i++)
		premap_note(" %ld", counts[i] - begun[i]);
	while (!err && (word = strsep(&descriptors, " ")))
		err = *word ? count_file(word) : 0;
	premap_note("\n");
	return err;
}

/* Limits. */

static struct {
	bool any;
	struct rlimit rlim[RLIM_NLIMITS];
	int max_map_count;
} before;

static const struct {
	const char *name;
	int which, counted;
} rlimits[] = {
	{ "AS", RLIMIT_AS, TOTAL_VM },
	{ "DATA", RLIMIT_DATA, DATA_VM },
	{ "MEMLOCK", RLIMIT_MEMLOCK, LOCKED_VM },
	{ "STACK", RLIMIT_STACK, -1 },
};

static void remember(void)
{
	if (before.any)
		return;
	before.any = true;
	memcpy(before.rlim, current->signal->rlim, sizeof(before.rlim));
	before.max_map_count = sysctl_max_map_count;
}

static int write_sysctl(const char *path, long value)
{
	struct file *file = filp_open(path, O_WRONLY, 0);
	char text[24];
	ssize_t count;
	loff_t at = 0;

	if (IS_ERR(file))
		return PTR_ERR(file);
	count = kernel_write(file, text, scnprintf(text, sizeof(text), "%ld\n", value), &at);
	filp_close(file, NULL);
	return count < 0 ? count : 0;
}

static long reserve;	/* of that, for users (kB) */

/* Pages that may be committed; -1: as many as one likes. */
static int limit_commit(long pages)
{
	int err = write_sysctl("/proc/sys/vm/overcommit_memory", pages < 0 ? 0 : 2);

	if (!err)
		err = write_sysctl("/proc/sys/vm/user_reserve_kbytes", reserve);
	if (!err)
		err = write_sysctl("/proc/sys/vm/admin_reserve_kbytes", 0);
	if (!err && pages >= 0)
		err = write_sysctl("/proc/sys/vm/overcommit_kbytes",
				   (begun[COMMITTED_AS] + pages) << (PAGE_SHIFT - 10));
	return err;
}

static int may_lock(bool may)
{
	struct cred *cred = prepare_creds();

	if (!cred)
		return -ENOMEM;
	if (may)
		cap_raise(cred->cap_effective, CAP_IPC_LOCK);
	else
		cap_lower(cred->cap_effective, CAP_IPC_LOCK);
	return commit_creds(cred);
}

/* RAM that the machine has (pages; -1: what it really has), and what is reserved for users. */
static long ram = -1;

static int limit_ram(unsigned long bytes)
{
	ram = bytes >> PAGE_SHIFT;
	return 0;
}

static int limit_reserve(unsigned long bytes)
{
	reserve = bytes >> 10;
	return write_sysctl("/proc/sys/vm/user_reserve_kbytes", reserve);
}

int premap_enough_memory(const struct mm_struct *mm, long pages, int cap_sys_admin)
{
	struct mm_struct *process = (struct mm_struct *)mm;
	long really = atomic_long_read(&_totalram_pages);
	int err;

	if (ram >= 0)
		atomic_long_set(&_totalram_pages, ram - total_swap_pages);
	process->total_vm -= begun[TOTAL_VM];
	err = __vm_enough_memory(mm, pages, cap_sys_admin);
	process->total_vm += begun[TOTAL_VM];
	atomic_long_set(&_totalram_pages, really);
	return err;
}

static int limit_resource(const char *name, unsigned long bytes)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(rlimits); i++) {
		struct rlimit *limit = &current->signal->rlim[rlimits[i].which];

		if (strcmp(rlimits[i].name, name))
			continue;
		if (rlimits[i].counted >= 0)
			bytes += begun[rlimits[i].counted] << PAGE_SHIFT;
		limit->rlim_cur = bytes;
		return rlimits[i].which == RLIMIT_MEMLOCK ? may_lock(false) : 0;
	}
	return -EINVAL;
}

int premap_limit(char *words)
{
	const char *name = strsep(&words, " ");
	unsigned long value;

	if (!words || kstrtoul(words, 0, &value))
		return -EINVAL;
	remember();
	if (!strcmp(name, "MAPS")) {
		sysctl_max_map_count = begun[MAP_COUNT] + value;
		return 0;
	}
	if (!strcmp(name, "COMMIT"))
		return limit_commit(value >> PAGE_SHIFT);
	if (!strcmp(name, "RAM"))
		return limit_ram(value);
	if (!strcmp(name, "RESERVE"))
		return limit_reserve(value);
	return limit_resource(name, value);
}

/* The data segment. */

static struct {
	bool any;
	unsigned long start_brk, brk, start_data, end_data;
} heap;

int premap_heap(const char *word)
{
	struct mm_struct *mm = current->mm;
	unsigned long start;

	if (kstrtoul(word, 0, &start))
		return -EINVAL;
	if (!heap.any) {
		heap.any = true;
		heap.start_brk = mm->start_brk;
		heap.brk = mm->brk;
		heap.start_data = mm->start_data;
		heap.end_data = mm->end_data;
	}
	mm->start_brk = mm->brk = start;
	mm->start_data = start;
	/* RLIMIT_DATA admits so much more, see above. */
	mm->end_data = start + (begun[DATA_VM] << PAGE_SHIFT);
	return 0;
}

/* Each process has the kernel's own idea until it is told; its children ask again. */
void premap_place_below(unsigned long high)
{
	static unsigned long mmap_base;
	struct mm_struct *mm = current->mm;
	bool told = mm_flags_test(MMF_TOPDOWN, mm);

	if (!told)
		mmap_base = mm->mmap_base;
	mm->mmap_base = high ?: mmap_base;
	if (high)
		mm_flags_set(MMF_TOPDOWN, mm);
	else
		mm_flags_clear(MMF_TOPDOWN, mm);
}

/* What a child was charged for that is not the scenario's. */
static long accounted_outside(struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	long pages = 0;
	VMA_ITERATOR(vmi, mm, 0);

	mmap_read_lock(mm);
	for_each_vma(vmi, vma)
		if ((vma->vm_flags & VM_ACCOUNT) && !premap_in_window(vma->vm_start))
			pages += vma_pages(vma);
	mmap_read_unlock(mm);
	return pages;
}

void premap_go_on_as_child(bool orphan)
{
	if (orphan)
		return;
	begun[COMMITTED_AS] += accounted_outside(current->mm);
}

void premap_reset_process(void)
{
	struct mm_struct *mm = current->mm;

	if (before.any) {
		memcpy(current->signal->rlim, before.rlim, sizeof(before.rlim));
		sysctl_max_map_count = before.max_map_count;
		reserve = 0;
		limit_commit(-1);
		ram = -1;
		may_lock(true);
		before.any = false;
	}
	if (heap.any) {
		mm->start_brk = heap.start_brk;
		mm->brk = heap.brk;
		mm->start_data = heap.start_data;
		mm->end_data = heap.end_data;
		heap.any = false;
	}
	count(begun);
}
