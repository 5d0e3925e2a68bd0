// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programmable devices of premap's scenarios (docs/scenario.md), for a kernel that premap builds.
 *
 * /dev/premap takes one programme a write, and gives back what happened since it was last read:
 *
 *	reset LOW HIGH
 *	device SLOT name=d0 hook=mmap_prepare set=IO,DONTDUMP vm_ops=open,close action=remap page=3 ...
 *	fail POINT AFTER ERRNO
 *	swapfile DESCRIPTOR
 *	numbers GROUP
 *	limit WHICH VALUE, heap ADDRESS, counts DESCRIPTOR/PROCESSES ..., entries, anon
 *	forked HOW			the scenario goes on in this process: a child, or an orphan
 *
 *	p SLOT start end pgoff flags		->mmap_prepare was called (m: ->mmap)
 *	o SLOT start end pgoff private_data	->open (c: ->close, n: ->mapped, s: ->may_split,
 *						 g: ->mremap, t: ->mprotect)
 *	f SLOT pgoff write			->fault (a: ->page_mkwrite, b: ->pfn_mkwrite)
 *	q SLOT size pages last first any all same single count cow anonymous shared common differing
 *						what was asked for with test=
 *	k counts...				what counts asked for
 *	y address WHAT w|-			a page table entry: anon, zero, guard, or a page frame
 *	z address anon_vma chain active children	the anon_vma of a mapping
 *	j NAME value				a number that was asked for
 *	w SLOT pages				so many pages were not inserted (left=)
 *	h SLOT					its file was accessed (accessed=)
 *	u SLOT addr len pgoff flags		its file was asked where a mapping goes (asked=)
 *	x SLOT					the programme needs pages that the device does not have
 *	l					the log was too small
 *
 * /dev/premap0 and so on are the devices.
 */
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/version.h>

#include "premap.h"

#define SLOTS		16
#define LINE		1024
#define LOG		(256 * 1024)

static struct device_slot slots[SLOTS];

/* The log. */

static DEFINE_SPINLOCK(log_lock);
static char log_text[LOG];
static size_t log_length;

void premap_note(const char *format, ...)
{
	static const char lost[] = "l\n";
	size_t room = LOG - sizeof(lost) - log_length;
	va_list arguments;
	int length;

	spin_lock(&log_lock);
	va_start(arguments, format);
	length = vsnprintf(log_text + log_length, room, format, arguments);
	va_end(arguments);
	if (length < room)
		log_length += length;
	else if (log_length < sizeof(lost) || memcmp(log_text + log_length - 2, lost, 2))
		log_length += scnprintf(log_text + log_length, sizeof(lost), "%s", lost);
	spin_unlock(&log_lock);
}

int premap_slot_of(const struct device_slot *slot)
{
	return slot - slots;
}

static void note_hook(char call, const struct device_slot *slot, unsigned long start,
		      unsigned long end, pgoff_t pgoff, u64 word)
{
	char letters[PREMAP_LETTERS];

	premap_note("%c %x %lx %lx %lx %s\n", call, premap_slot_of(slot), start, end, pgoff,
		    premap_letters(letters, word));
}

/* The hooks. */

static bool is_given(const struct programme *programme, enum number which)
{
	return programme->given & BIT(which);
}

void premap_accessed(const struct path *path)
{
	int i;

	for (i = 0; i < SLOTS; i++)
		if (slots[i].file && path == &slots[i].file->f_path &&
		    slots[i].programme.number[ACCESSED])
			premap_note("h %x\n", i);
}

static struct file *file_of(const struct programme *programme, enum number which)
{
	return slots[programme->number[which]].file;
}

/* How many of the device's pages, from PAGE on, the action would map. */
static u64 pages_needed(const struct programme *programme, unsigned long bytes)
{
	switch (programme->action) {
	case NOTHING:
		return 0;
	case INSERT_PAGE:
		return 1;
	case SIMPLE_IOREMAP:
		if (programme->number[SIZE] >= -PAGE_SIZE)	/* it wraps, and is refused */
			return 0;
		return DIV_ROUND_UP_ULL(programme->number[WITHIN] + programme->number[SIZE], PAGE_SIZE);
	case REMAP:
	case IOREMAP:
		return DIV_ROUND_UP_ULL(programme->number[SIZE], PAGE_SIZE);
	case MAP_KERNEL_PAGES:
	case MAP_PAGES:
	case MAP_PAGES_ZERO:
		return programme->number[SIZE];
	default:
		return bytes >> PAGE_SHIFT;
	}
}

/* The kernel trusts drivers with this, and scenarios must not ask for it. */
static bool goes_beyond(const struct device_slot *slot, unsigned long bytes)
{
	const struct programme *programme = &slot->programme;

	if (programme->number[PAGE] + pages_needed(programme, bytes) <= PREMAP_PAGES)
		return false;
	premap_note("x %x\n", premap_slot_of(slot));
	return true;
}

static void set_action(struct vm_area_desc *desc, struct device_slot *slot)
{
	const struct programme *programme = &slot->programme;
	unsigned long start = desc->start + programme->number[START];
	unsigned long page = programme->number[PAGE];
	unsigned long size = programme->number[SIZE];
	unsigned long pfn = page_to_pfn(slot->pages[0]) + page;

	switch (programme->action) {
	case NOTHING:
		break;
	case REMAP:
		mmap_action_remap(desc, start, pfn, size);
		break;
	case IOREMAP:
		mmap_action_ioremap(desc, start, pfn, size);
		break;
	case REMAP_FULL:
		mmap_action_remap_full(desc, pfn);
		break;
	case IOREMAP_FULL:
		mmap_action_ioremap_full(desc, pfn);
		break;
	case SIMPLE_IOREMAP:
		mmap_action_simple_ioremap(desc, PFN_PHYS(pfn) + programme->number[WITHIN], size);
		break;
	case MAP_KERNEL_PAGES:
		mmap_action_map_kernel_pages(desc, start, slot->pages + page, size);
		break;
	case MAP_KERNEL_PAGES_FULL:
		mmap_action_map_kernel_pages_full(desc, slot->pages + page);
		break;
	default:	/* for legacy hooks only */
		break;
	}
}

static pgprot_t protect(pgprot_t prot, enum protection protection)
{
	if (protection == WRITECOMBINE)
		return pgprot_writecombine(prot);
	return protection == NONCACHED ? pgprot_noncached(prot) : prot;
}

static void change_bits(struct vm_area_desc *desc, u64 set, u64 clear)
{
	int bit;

	for (bit = 0; bit < 64; bit++)
		if (set & BIT_ULL(bit))
			vma_desc_set_flags(desc, (__force vma_flag_t)bit);
	for (bit = 0; bit < 64; bit++)
		if (clear & BIT_ULL(bit))
			vma_desc_clear_flags(desc, (__force vma_flag_t)bit);
}

/* All at once: a changed copy becomes the descriptor's flags. */
static void change_copy(struct vm_area_desc *desc, u64 set, u64 clear)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	vma_flags_t flags = desc->vma_flags;
	int bit;

	for (bit = 0; bit < 64; bit++)
		if (set & BIT_ULL(bit))
			vma_flags_set(&flags, (__force vma_flag_t)bit);
	for (bit = 0; bit < 64; bit++)
		if (clear & BIT_ULL(bit))
			vma_flags_clear(&flags, (__force vma_flag_t)bit);
	desc->vma_flags = flags;
#else
	change_bits(desc, set, clear);
#endif
}

static void change_desc_flags(struct vm_area_desc *desc, const struct programme *programme)
{
	if (programme->way == WAY_INIT)
		change_copy(desc, programme->set, programme->clear);
	else
		change_bits(desc, programme->set, programme->clear);
}

static int device_mmap_prepare(struct vm_area_desc *desc)
{
	struct device_slot *slot = desc->file->private_data;
	const struct programme *programme = &slot->programme;

	note_hook('p', slot, desc->start, desc->end, desc->pgoff,
		  *(const unsigned long *)&desc->vma_flags);
	if (is_given(programme, RET))
		return -(int)programme->number[RET];
	if (goes_beyond(slot, desc->end - desc->start))
		return -ERANGE;
	change_desc_flags(desc, programme);
	desc->page_prot = protect(desc->page_prot, programme->protection);
	if (is_given(programme, PGOFF))
		desc->pgoff = programme->number[PGOFF];
	if (programme->has_vm_ops)
		desc->vm_ops = programme->vm_ops;
	if (is_given(programme, PRIVATE_DATA))
		desc->private_data = (void *)(unsigned long)programme->number[PRIVATE_DATA];
	if (is_given(programme, VM_FILE))
		desc->vm_file = get_file(file_of(programme, VM_FILE));
	set_action(desc, slot);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	if (is_given(programme, ERROR_OVERRIDE))
		desc->action.error_override = -(int)programme->number[ERROR_OVERRIDE];
#endif
	if (is_given(programme, HIDE))
		desc->action.hide_from_rmap_until_complete = programme->number[HIDE];
	premap_test_desc(slot, desc);
	if (programme->generic == GENERIC_READONLY)
		return generic_file_readonly_mmap_prepare(desc);
	return programme->generic ? generic_file_mmap_prepare(desc) : 0;
}

/* Insert pages; say how many were not, if the programme asks for that. */
static int insert(struct vm_area_struct *vma, unsigned long start, struct device_slot *slot,
		  unsigned long count)
{
	const struct programme *programme = &slot->programme;
	int err = vm_insert_pages(vma, start, slot->pages + programme->number[PAGE], &count);

	if (programme->number[LEFT])
		premap_note("w %x %lx\n", premap_slot_of(slot), count);
	return err;
}

static int populate(struct vm_area_struct *vma, struct device_slot *slot)
{
	const struct programme *programme = &slot->programme;
	unsigned long start = vma->vm_start + programme->number[START];
	unsigned long page = programme->number[PAGE];
	unsigned long size = programme->number[SIZE];
	unsigned long pfn = page_to_pfn(slot->pages[0]) + page;
	unsigned long whole = vma->vm_end - vma->vm_start;

	switch (programme->action) {
	case NOTHING:
		break;
	case REMAP:
		return remap_pfn_range(vma, start, pfn, size, vma->vm_page_prot);
	case IOREMAP:
		return io_remap_pfn_range(vma, start, pfn, size, vma->vm_page_prot);
	case REMAP_FULL:
		return remap_pfn_range(vma, vma->vm_start, pfn, whole, vma->vm_page_prot);
	case IOREMAP_FULL:
		return io_remap_pfn_range(vma, vma->vm_start, pfn, whole, vma->vm_page_prot);
	case SIMPLE_IOREMAP:
		return vm_iomap_memory(vma, PFN_PHYS(pfn) + programme->number[WITHIN], size);
	case MAP_KERNEL_PAGES:
		return insert(vma, start, slot, size);
	case MAP_KERNEL_PAGES_FULL:
		return insert(vma, vma->vm_start, slot, vma_pages(vma));
	case INSERT_PAGE:
		return vm_insert_page(vma, start, slot->pages[page]);
	case MAP_PAGES:
		return vm_map_pages(vma, slot->pages + page, size);
	case MAP_PAGES_ZERO:
		return vm_map_pages_zero(vma, slot->pages + page, size);
	}
	return 0;
}

static void change_vma_flags(struct vm_area_struct *vma, const struct programme *programme)
{
	u64 set = programme->set, clear = programme->clear;
	int bit;

	switch (programme->way) {
	case WAY_MASK:
		vm_flags_set(vma, set);
		vm_flags_clear(vma, clear);
		break;
	case WAY_BITS:
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
		for (bit = 0; bit < 64; bit++)
			if (set & BIT_ULL(bit))
				vma_set_flags(vma, (__force vma_flag_t)bit);
		for (bit = 0; bit < 64; bit++)
			if (clear & BIT_ULL(bit))
				vma_clear_flags(vma, (__force vma_flag_t)bit);
#endif
		break;
	case WAY_MOD:
		vm_flags_mod(vma, set, clear);
		break;
	case WAY_INIT:
		vm_flags_reset(vma, vma->vm_flags | set);
		vm_flags_init(vma, vma->vm_flags & ~clear);
		break;
	}
}

/* Calls the hook of the lower file, either way that there is. */
static int call_lower(struct vm_area_struct *vma, const struct programme *programme)
{
	struct file *file = file_of(programme, LOWER);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	struct vm_area_desc desc;
	int err;

	if (programme->number[FILLED]) {
		compat_set_desc_from_vma(&desc, file, vma);
		err = vfs_mmap_prepare(file, &desc);
		return err ?: __compat_vma_mmap(&desc, vma);
	}
#endif
	return vfs_mmap(file, vma);
}

/* After the action part of it may go again, it may be done again, and a helper may end it all. */
static int finish(struct vm_area_struct *vma, struct device_slot *slot)
{
	const struct programme *programme = &slot->programme;
	int err = 0;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	if (is_given(programme, ZAP))
		zap_special_vma_range(vma, vma->vm_start + programme->number[ZAP],
				      programme->number[ZAP_SIZE]);
#endif
	if (programme->number[TWICE])
		err = populate(vma, slot);
	if (err || !programme->generic)
		return err;
	if (programme->generic == GENERIC_READONLY)
		return generic_file_readonly_mmap(vma->vm_file, vma);
	return generic_file_mmap(vma->vm_file, vma);
}

static int device_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct device_slot *slot = file->private_data;
	const struct programme *programme = &slot->programme;
	int err = premap_failing("mmap_hook");

	if (err)
		return -err;
	note_hook('m', slot, vma->vm_start, vma->vm_end, premap_start_pgoff(vma), vma->vm_flags);
	if (is_given(programme, RET))
		return -(int)programme->number[RET];
	if (goes_beyond(slot, vma->vm_end - vma->vm_start))
		return -ERANGE;
	change_vma_flags(vma, programme);
	vma->vm_page_prot = protect(vma->vm_page_prot, programme->protection);
	if (is_given(programme, PGOFF))
		vma->vm_pgoff = programme->number[PGOFF];
	if (programme->has_vm_ops)
		vma->vm_ops = programme->vm_ops;
	if (is_given(programme, PRIVATE_DATA))
		vma->vm_private_data = (void *)(unsigned long)programme->number[PRIVATE_DATA];
	if (is_given(programme, VM_FILE))
		vma_set_file(vma, file_of(programme, VM_FILE));
	if (is_given(programme, LOWER)) {
		if (!programme->number[KEPT])
			vma_set_file(vma, file_of(programme, LOWER));
		return call_lower(vma, programme);
	}
	premap_test_vma(slot, vma);
	return populate(vma, slot) ?: finish(vma, slot);
}

static unsigned long device_area(struct file *file, unsigned long addr, unsigned long length,
				 unsigned long pgoff, unsigned long flags)
{
	const struct device_slot *slot = file->private_data;

	/* Of lengths near all that there is, machines differ in whether they ask. */
	if (slot->programme.number[ASKED] && !(length >> 46))
		premap_note("u %x %lx %lx %lx %lx\n", premap_slot_of(slot), addr, length, pgoff, flags);
	return mm_get_unmapped_area(file, addr, length, pgoff, flags);
}

/* By what a device has of these; they stay as they are. */
static struct file_operations scenario_fops[16];	/* legacy 8, sync 4, unsigned 2, area 1 */

static void make_fops(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(scenario_fops); i++) {
		struct file_operations *fops = &scenario_fops[i];

		if (i & 8)
			fops->mmap = device_mmap;
		else
			fops->mmap_prepare = device_mmap_prepare;
		if (i & 4)
			fops->fop_flags |= FOP_MMAP_SYNC;
		if (i & 2)
			fops->fop_flags |= FOP_UNSIGNED_OFFSET;
		if (i & 1)
			fops->get_unmapped_area = device_area;
	}
}

/* A file whose pages would be in the page cache; there are none, as its size is 0. */
static int read_nothing(struct file *file, struct folio *folio)
{
	folio_unlock(folio);
	return -EIO;
}

static const struct address_space_operations cached_aops = {
	.read_folio	= read_nothing,
};

static int device_file_open(struct inode *inode, struct file *file)
{
	struct device_slot *slot = container_of(file->private_data, struct device_slot, misc);

	file->private_data = slot;
	slot->file = file;
	file->f_mapping->a_ops = slot->cached ? &cached_aops : &empty_aops;
	replace_fops(file, &scenario_fops[slot->legacy << 3 | slot->sync << 2 |
					  slot->unsigned_offset << 1 | slot->area]);
	return 0;
}

static const struct file_operations device_fops = {
	.open		= device_file_open,
};

bool premap_is_device_page(unsigned long pfn)
{
	unsigned long first;
	int i;

	for (i = 0; i < SLOTS; i++) {
		first = page_to_pfn(slots[i].pages[0]);
		if (first <= pfn && pfn < first + PREMAP_PAGES)
			return true;
	}
	return false;
}

/* Programmes. */

static int parse_device(char *line)
{
	unsigned int number;
	int err = kstrtouint(strsep(&line, " "), 0, &number);

	return err || number >= SLOTS ? -EINVAL : premap_parse(&slots[number], line);
}

static int reset(char *window)
{
	unsigned long low, high;
	int i;

	if (sscanf(window, "%lx %lx", &low, &high) != 2)
		return -EINVAL;

	for (i = 0; i < SLOTS; i++) {
		slots[i].name[0] = '\0';
		slots[i].sync = slots[i].area = slots[i].cached = false;
		slots[i].unsigned_offset = false;
		slots[i].file = NULL;
		memset(&slots[i].programme, 0, sizeof(slots[i].programme));
	}
	premap_reset_process();
	log_length = 0;
	premap_inject_nothing(low, high);
	premap_place_below(high);
	return 0;
}

static void go_on_as_child(const char *how)
{
	premap_go_on_as_child(!strcmp(how, "orphan"));
	premap_place_below(premap_window_end());
}

static ssize_t control_write(struct file *file, const char __user *from, size_t count, loff_t *at)
{
	char *line, *rest, *word;
	int err = 0;

	if (count >= LINE)
		return -E2BIG;
	line = memdup_user_nul(from, count);
	if (IS_ERR(line))
		return PTR_ERR(line);
	rest = line;
	word = strsep(&rest, " ");
	if (!strcmp(word, "reset") && rest)
		err = reset(rest);
	else if (!strcmp(word, "device") && rest)
		err = parse_device(rest);
	else if (!strcmp(word, "fail") && rest)
		err = premap_inject(rest);
	else if (!strcmp(word, "limit") && rest)
		err = premap_limit(rest);
	else if (!strcmp(word, "heap") && rest)
		err = premap_heap(rest);
	else if (!strcmp(word, "swapfile") && rest)
		err = premap_swapfile(rest);
	else if (!strcmp(word, "forked") && rest)
		go_on_as_child(rest);
	else if (!strcmp(word, "counts"))
		err = premap_count(rest);
	else if (!strcmp(word, "entries"))
		premap_entries();
	else if (!strcmp(word, "anon"))
		premap_anon();
	else if (!strcmp(word, "numbers") && rest)
		err = premap_numbers(rest);
	else
		err = -EINVAL;
	kfree(line);
	return err ?: count;
}

static ssize_t control_read(struct file *file, char __user *to, size_t count, loff_t *at)
{
	size_t length = log_length;

	if (count < length)
		return -EMSGSIZE;
	if (copy_to_user(to, log_text, length))
		return -EFAULT;
	log_length = 0;
	return length;
}

static const struct file_operations control_fops = {
	.read		= control_read,
	.write		= control_write,
};

static struct miscdevice control = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "premap",
	.fops	= &control_fops,
};

static int __init make_slot(struct device_slot *slot)
{
	void *memory = alloc_pages_exact(PREMAP_PAGES * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO);
	int i;

	if (!memory)
		return -ENOMEM;
	for (i = 0; i < PREMAP_PAGES; i++)
		slot->pages[i] = virt_to_page(memory + i * PAGE_SIZE);
	snprintf(slot->misc_name, sizeof(slot->misc_name), "premap%d", premap_slot_of(slot));
	slot->misc.minor = MISC_DYNAMIC_MINOR;
	slot->misc.name = slot->misc_name;
	slot->misc.fops = &device_fops;
	/* The first thing that is read from the log: where the devices' pages are. */
	premap_note("d %x %lx\n", premap_slot_of(slot), page_to_pfn(slot->pages[0]));
	return misc_register(&slot->misc);
}

static int __init premap_init(void)
{
	int i, err;

	premap_make_tables();
	make_fops();
	for (i = 0; i < SLOTS; i++) {
		err = make_slot(&slots[i]);
		if (err)
			return err;
	}
	return misc_register(&control);
}
device_initcall(premap_init);
