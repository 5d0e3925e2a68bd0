/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of premap's driver tell each other. */
#ifndef PREMAP_H
#define PREMAP_H

#include <linux/bits.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/types.h>
#include <linux/version.h>

#define PREMAP_PAGES	16

enum number {
	RET, PGOFF, PRIVATE_DATA, START, PAGE, SIZE, ERROR_OVERRIDE, HIDE, MAPPED_RET, MAY_SPLIT_RET,
	MREMAP_RET, MPROTECT_RET, MKWRITE, VM_FILE, LOWER, FILLED, ZAP, ZAP_SIZE, TWICE, KEPT, WITHIN,
	MAPPED_DATA, LEFT, ACCESSED, ASKED, NUMBERS
};

/* Which functions change flags: the usual ones, those for bits, or for all at once. */
enum way { WAY_MASK, WAY_BITS, WAY_MOD, WAY_INIT };

/* Whether the hook ends with generic_file_mmap() or the like. */
enum generic { NO_GENERIC, GENERIC_ANY, GENERIC_READONLY };

enum protection { PROT_AS_IS, WRITECOMBINE, NONCACHED };

enum action {
	NOTHING, REMAP, IOREMAP, REMAP_FULL, IOREMAP_FULL, SIMPLE_IOREMAP, MAP_KERNEL_PAGES,
	MAP_KERNEL_PAGES_FULL, INSERT_PAGE, MAP_PAGES, MAP_PAGES_ZERO,
};

/* What ->fault does: gives the page, or makes an entry itself. */
enum fault { FAULT_PAGE, FAULT_PFN, FAULT_MIXED };

#define OPEN		BIT(0)
#define CLOSE		BIT(1)
#define MAPPED		BIT(2)
#define FAULT		BIT(3)
#define MAY_SPLIT	BIT(4)
#define MREMAP		BIT(5)
#define MPROTECT	BIT(6)
#define PAGE_MKWRITE	BIT(7)
#define PFN_MKWRITE	BIT(8)
#define TABLES		BIT(9)

struct programme {
	u64 number[NUMBERS];
	unsigned long given;
	u64 set, clear, test;
	enum protection protection;
	enum action action;
	enum fault fault;
	enum way way;
	enum generic generic;
	const struct vm_operations_struct *vm_ops;
	bool has_vm_ops;
};

struct device_slot {
	struct miscdevice misc;
	char misc_name[16];
	char name[32];
	bool legacy, sync, area, cached, unsigned_offset;
	struct file *file;	/* the scenario's, open as long as it runs */
	struct page *pages[PREMAP_PAGES];
	struct programme programme;
};

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)
#define premap_start_pgoff(vma) vma_start_pgoff(vma)
#else
#define premap_start_pgoff(vma) ((vma)->vm_pgoff)
#endif

int premap_slot_of(const struct device_slot *slot);

/* A file was accessed: noted, if it is a device's whose programme asks for that. */
void premap_accessed(const struct path *path);

/* Every flag by its name, and by the letters that smaps has for it. */
struct premap_flag {
	const char *name;
	const char *letters;
	int bit;
};

#define PREMAP_FLAGS 31
extern const struct premap_flag premap_flags[PREMAP_FLAGS];

/* The operations that have the callbacks of a mask. */
extern struct vm_operations_struct premap_tables[TABLES];
void premap_make_tables(void);

/* KEY=VALUE ...: a new programme for a device. */
int premap_parse(struct device_slot *slot, char *words);

/* What the functions say that a hook may ask: of these flags, and of the mapping. */
void premap_test_desc(const struct device_slot *slot, struct vm_area_desc *desc);
void premap_test_vma(const struct device_slot *slot, const struct vm_area_struct *vma);

/* The flags of a word, as smaps has them, each with a comma. */
#define PREMAP_LETTERS	(PREMAP_FLAGS * 3 + 2)
const char *premap_letters(char text[PREMAP_LETTERS], u64 word);

/* What is read from the log. */
__printf(1, 2) void premap_note(const char *format, ...);

bool premap_is_device_page(unsigned long pfn);

/* Note the page table entries of the window. */
void premap_entries(void);

bool premap_has_entries(const struct vm_area_struct *vma);

/* Note the anon_vmas of the window. */
void premap_anon(void);

/* GROUP: note what the kernel calls things by. */
int premap_numbers(const char *group);

/* A new scenario: forget limits, and count what the process has without it. */
void premap_reset_process(void);

/* The scenario goes on in this process, whose parent is gone (an orphan), or stays as it is. */
void premap_go_on_as_child(bool orphan);

/* Addresses that the kernel chooses lie below this one, as high as can be; 0: as they did before. */
void premap_place_below(unsigned long high);

/* WHICH VALUE: a limit, in bytes; of mappings (MAPS), in mappings. */
int premap_limit(char *words);

/* __vm_enough_memory(), as if the machine and the process had what the scenario says. */
int premap_enough_memory(const struct mm_struct *mm, long pages, int cap_sys_admin);

/* DESCRIPTOR: a file is one that swapon() uses, as far as its inode says. */
int premap_swapfile(const char *descriptor);

/* ADDRESS: the data segment is empty, and begins there. */
int premap_heap(const char *word);

/* DESCRIPTOR/PROCESSES ...: note counts of the process, and how often files are held besides. */
int premap_count(char *descriptors);

/* Whether this point fails now: 0 or a positive errno. */
int premap_failing(const char *point);

/* POINT AFTER ERRNO: fails once, when it was asked AFTER times. */
int premap_inject(char *words);

bool premap_in_window(unsigned long address);
unsigned long premap_window_end(void);

/* A new scenario: nothing fails; mappings outside of [low, high) are not its own. */
void premap_inject_nothing(unsigned long low, unsigned long high);

#endif
