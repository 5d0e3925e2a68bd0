// SPDX-License-Identifier: GPL-2.0-only
/* What a hook may ask of flags, of a descriptor and of a VMA: the answers are logged. */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/version.h>

#include "premap.h"

const char *premap_letters(char text[PREMAP_LETTERS], u64 word)
{
	char *at = text;
	int i;

	strcpy(text, "-");
	for (i = 0; i < PREMAP_FLAGS; i++)
		if (word & BIT_ULL(premap_flags[i].bit))
			at += sprintf(at, "%s,", premap_flags[i].letters);
	return text;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)

struct answers {
	unsigned long size, pages;
	pgoff_t last;
	bool first, any, all, cow, anonymous, shared;
};

static vma_flags_t mask_of(u64 word)
{
	vma_flags_t mask;
	int bit;

	vma_flags_clear_all(&mask);
	for (bit = 0; bit < 64; bit++)
		if (word & BIT_ULL(bit))
			vma_flags_set_flag(&mask, (__force vma_flag_t)bit);
	return mask;
}

static vma_flag_t first_of(u64 word)
{
	return (__force vma_flag_t)__builtin_ctzll(word);
}

static void note(const struct device_slot *slot, const struct answers *answers,
		 const vma_flags_t *flags)
{
	u64 word = slot->programme.test;
	vma_flags_t mask = mask_of(word), one = mask_of(word & -word);
	vma_flags_t common = vma_flags_and_mask(flags, mask);
	vma_flags_t differing = vma_flags_diff_pair(flags, &mask);
	char these[PREMAP_LETTERS], those[PREMAP_LETTERS];

	premap_note("q %x %lx %lx %lx %x %x %x %x %x %x %x %x %x %s %s\n", premap_slot_of(slot),
		    answers->size, answers->pages, answers->last, answers->first, answers->any,
		    answers->all, vma_flags_same_pair(&common, &mask),
		    vma_flags_test_single_mask(flags, one), vma_flags_count(&common),
		    answers->cow, answers->anonymous, answers->shared,
		    premap_letters(these, vma_flags_to_legacy(common)),
		    premap_letters(those, vma_flags_to_legacy(differing)));
}

void premap_test_desc(const struct device_slot *slot, struct vm_area_desc *desc)
{
	u64 word = slot->programme.test;
	vma_flags_t mask = mask_of(word);
	struct answers answers = {
		.size	= vma_desc_size(desc),
		.pages	= vma_desc_pages(desc),
		.any	= vma_desc_test_any_mask(desc, mask),
		.all	= vma_desc_test_all_mask(desc, mask),
		.cow	= vma_desc_is_cow_mapping(desc),
	};

	if (!word)
		return;
	answers.first = vma_desc_test(desc, first_of(word));
	note(slot, &answers, &desc->vma_flags);
}

void premap_test_vma(const struct device_slot *slot, const struct vm_area_struct *vma)
{
	u64 word = slot->programme.test;
	vma_flags_t mask = mask_of(word);
	struct answers answers = {
		.size		= vma->vm_end - vma->vm_start,
		.pages		= vma_pages(vma),
		.any		= vma_test_any_mask(vma, mask),
		.all		= vma_test_all_mask(vma, mask),
		.anonymous	= !vma->vm_ops,
		.shared		= vma_is_shared_maywrite(vma),
		.last		= premap_start_pgoff(vma) + vma_pages(vma) - 1,
	};

	if (!word)
		return;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)
	answers.last = vma_last_pgoff(vma);
	answers.cow = vma_is_cow_mapping(vma);
#else
	answers.cow = is_cow_mapping(vma->vm_flags);
#endif
	answers.first = vma_test(vma, first_of(word));
	note(slot, &answers, &vma->flags);
}

#else

void premap_test_desc(const struct device_slot *slot, struct vm_area_desc *desc)
{
}

void premap_test_vma(const struct device_slot *slot, const struct vm_area_struct *vma)
{
}

#endif
