// SPDX-License-Identifier: GPL-2.0-only
/* Programmes of premap's devices, from text: KEY=VALUE ..., separated by blanks. */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/version.h>

#include "premap.h"

#define FLAG(flag, short_name) { #flag, short_name, (__force int)VMA_##flag##_BIT }

const struct premap_flag premap_flags[PREMAP_FLAGS] = {
	FLAG(READ, "rd"), FLAG(WRITE, "wr"), FLAG(EXEC, "ex"), FLAG(SHARED, "sh"),
	FLAG(MAYREAD, "mr"), FLAG(MAYWRITE, "mw"), FLAG(MAYEXEC, "me"), FLAG(MAYSHARE, "ms"),
	FLAG(GROWSDOWN, "gd"), FLAG(PFNMAP, "pf"), FLAG(MAYBE_GUARD, "gu"), FLAG(LOCKED, "lo"),
	FLAG(IO, "io"), FLAG(SEQ_READ, "sr"), FLAG(RAND_READ, "rr"), FLAG(DONTCOPY, "dc"),
	FLAG(DONTEXPAND, "de"), FLAG(LOCKONFAULT, "lf"), FLAG(ACCOUNT, "ac"), FLAG(NORESERVE, "nr"),
	FLAG(HUGETLB, "ht"), FLAG(SYNC, "sf"), FLAG(ARCH_1, "ar"), FLAG(WIPEONFORK, "wf"),
	FLAG(DONTDUMP, "dd"), FLAG(MIXEDMAP, "mm"), FLAG(HUGEPAGE, "hg"), FLAG(NOHUGEPAGE, "nh"),
	FLAG(MERGEABLE, "mg"), FLAG(DROPPABLE, "dp"), FLAG(SEALED, "sl"),
};

static const char *const number_names[NUMBERS] = {
	"ret", "pgoff", "private_data", "start", "page", "size", "error_override", "hide_from_rmap",
	"mapped_ret", "may_split_ret", "mremap_ret", "mprotect_ret", "mkwrite", "vm_file", "lower",
	"filled", "zap", "zap_size", "twice", "kept", "within", "mapped_data", "left", "accessed",
	"asked",
};

static const char *const protection_names[] = { "", "writecombine", "noncached" };

static const char *const action_names[] = {
	"", "remap", "ioremap", "remap_full", "ioremap_full", "simple_ioremap", "map_kernel_pages",
	"map_kernel_pages_full", "insert_page", "map_pages", "map_pages_zero",
};

static const char *const fault_names[] = { "page", "pfn", "mixed" };

static const char *const way_names[] = { "mask", "bits", "mod", "init" };

static const char *const generic_names[] = { "", "any", "readonly" };

static const char *const callback_names[] = {
	"open", "close", "mapped", "fault", "may_split", "mremap", "mprotect", "page_mkwrite",
	"pfn_mkwrite",
};

static int parse_flags(char *list, u64 *word)
{
	char *name;
	int i;

	while ((name = strsep(&list, ","))) {
		for (i = 0; i < PREMAP_FLAGS; i++)
			if (!strcmp(premap_flags[i].name, name))
				break;
		if (i == PREMAP_FLAGS)
			return -EINVAL;
		*word |= BIT_ULL(premap_flags[i].bit);
	}
	return 0;
}

static int parse_vm_ops(char *list, struct programme *programme)
{
	int table = 0, callback;
	char *name;

	programme->has_vm_ops = true;
	programme->vm_ops = NULL;
	if (!strcmp(list, "null"))
		return 0;
	while (list && *list) {
		name = strsep(&list, ",");
		callback = match_string(callback_names, ARRAY_SIZE(callback_names), name);
		if (callback < 0)
			return callback;
		table |= 1 << callback;
	}
	programme->vm_ops = &premap_tables[table];
	return 0;
}

/* For what an older release has other functions for. */
static int since_7_2(int err)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 2, 0)
	return -EOPNOTSUPP;
#else
	return err;
#endif
}

/* A key whose value is one of a few names; -ENOENT for another key. */
static int parse_choice(struct programme *programme, const char *key, const char *value)
{
#define CHOICE(name, field)								\
	if (!strcmp(key, name)) {							\
		int which = match_string(field##_names, ARRAY_SIZE(field##_names), value);	\
		programme->field = which;						\
		return min(which, 0);							\
	}
	CHOICE("prot", protection)
	CHOICE("action", action)
	CHOICE("fault", fault)
	CHOICE("by", way)
	CHOICE("generic", generic)
#undef CHOICE
	return -ENOENT;
}

static int parse_number(const char *key, const char *value, struct programme *programme)
{
	int which = match_string(number_names, NUMBERS, key);

	if (which < 0)
		return which;
	if ((which == FILLED || which == ZAP) && since_7_2(0))
		return -EOPNOTSUPP;
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 2, 0)
	if (which == ERROR_OVERRIDE)
		return -EOPNOTSUPP;
#endif
	programme->given |= BIT(which);
	return kstrtoull(value, 0, &programme->number[which]);
}

static void write_texts(struct device_slot *slot, const char *name)
{
	int i;

	strscpy(slot->name, name, sizeof(slot->name));
	for (i = 0; i < PREMAP_PAGES; i++) {
		char *text = page_address(slot->pages[i]);

		memset(text, 0, PAGE_SIZE);
		sprintf(text, "%s:%d", name, i);
	}
}

static int parse_key(struct device_slot *slot, const char *key, char *value)
{
	struct programme *programme = &slot->programme;
	int which = parse_choice(programme, key, value);

	if (which != -ENOENT)
		return which;
	if (!strcmp(key, "name")) {
		if (strcmp(slot->name, value))
			write_texts(slot, value);
		return 0;
	}
	if (!strcmp(key, "hook")) {
		slot->legacy = !strcmp(value, "mmap");
		return 0;
	}
	if (!strcmp(key, "sync")) {
		slot->sync = !strcmp(value, "1");
		return 0;
	}
	if (!strcmp(key, "unsigned")) {
		slot->unsigned_offset = !strcmp(value, "1");
		return 0;
	}
	if (!strcmp(key, "area")) {
		slot->area = !strcmp(value, "1");
		return 0;
	}
	if (!strcmp(key, "cached")) {
		slot->cached = !strcmp(value, "1");
		return 0;
	}
	if (!strcmp(key, "set"))
		return parse_flags(value, &programme->set);
	if (!strcmp(key, "clear"))
		return parse_flags(value, &programme->clear);
	if (!strcmp(key, "test"))
		return since_7_2(parse_flags(value, &programme->test));
	if (!strcmp(key, "vm_ops"))
		return parse_vm_ops(value, programme);
	return parse_number(key, value, programme);
}

int premap_parse(struct device_slot *slot, char *words)
{
	char *key, *value;
	int err;

	memset(&slot->programme, 0, sizeof(slot->programme));
	while ((value = strsep(&words, " "))) {
		key = strsep(&value, "=");
		err = value ? parse_key(slot, key, value) : -EINVAL;
		if (err)
			return err;
	}
	return 0;
}
