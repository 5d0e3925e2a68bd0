# SPDX-License-Identifier: GPL-2.0-only
"""H10: a subsystem's own member gets a twin, and its callers take either."""

from __future__ import annotations

from premap.idioms.idiom import Idiom

IDIOM = Idiom(
    "H10",
    "a subsystem's own member gets a twin, and its callers take either",
    "With `--callback`, a member such as `int (*mmap)(struct tx *, struct vm_area_struct *)` "
    "gets a twin beside it that takes a descriptor. What calls the member goes through a function "
    "that fills a descriptor from the VMA, calls the twin, and applies the descriptor to the VMA; "
    "where there is no twin, it calls the old member. Tests of the member ask for either.",
    before="""\
#include <linux/mm.h>

struct tx_ops {
	int (*mmap)(struct tx *tx, struct vm_area_struct *vma);
};

struct tx {
	const struct tx_ops *ops;
	unsigned long pages;
};

int tx_core_mmap(struct tx *tx, struct vm_area_struct *vma)
{
	if (!tx->ops->mmap)
		return -ENODEV;

	return tx->ops->mmap(tx, vma);
}

static int fast_mmap(struct tx *tx, struct vm_area_struct *vma)
{
	return vma_pages(vma) > tx->pages ? -EINVAL : 0;
}

const struct tx_ops fast_ops = {
	.mmap = fast_mmap,
};
""",
    after="""\
#include <linux/fs.h>
#include <linux/mm.h>

struct vm_area_desc;

struct tx_ops {
	int (*mmap)(struct tx *tx, struct vm_area_struct *vma);
	int (*mmap_prepare)(struct tx *tx, struct vm_area_desc *desc);
};

struct tx {
	const struct tx_ops *ops;
	unsigned long pages;
};

/* Call either hook; ->mmap_prepare() gets a descriptor of the VMA. */
static int tx_call_mmap(const struct tx_ops *ops, struct tx *tx,
			struct vm_area_struct *vma)
{
	struct vm_area_desc desc;
	int err;

	if (!ops->mmap_prepare)
		return ops->mmap(tx, vma);

	compat_set_desc_from_vma(&desc, vma->vm_file, vma);
	desc.private_data = vma->vm_private_data;
	err = ops->mmap_prepare(tx, &desc);
	if (err)
		return err;

	err = __compat_vma_mmap(&desc, vma);
	if (err && desc.action.error_override)
		return desc.action.error_override;

	return err;
}

int tx_core_mmap(struct tx *tx, struct vm_area_struct *vma)
{
	if (!tx->ops->mmap && !tx->ops->mmap_prepare)
		return -ENODEV;

	return tx_call_mmap(tx->ops, tx, vma);
}

static int fast_mmap_prepare(struct tx *tx, struct vm_area_desc *desc)
{
	return vma_desc_pages(desc) > tx->pages ? -EINVAL : 0;
}

const struct tx_ops fast_ops = {
	.mmap_prepare = fast_mmap_prepare,
};
""",
    in_tree=True,
    callback="struct tx_ops.mmap",
)
