# SPDX-License-Identifier: GPL-2.0-only
"""A small subsystem in a tree: a header, a core with its dispatcher, and three drivers."""

from __future__ import annotations

from pathlib import Path

HEADER = """\
#include <linux/mm_types.h>

struct buf;

/**
 * struct buf_ops - what a driver of buffers provides
 * @open: Called when the buffer is opened
 * @map_it: Sets a mapping of the buffer up;
 *	called with the buffer locked
 */
struct buf_ops {
	int (*open)(struct buf *buf);
	int (*map_it)(struct buf *buf, struct vm_area_struct *vma);
};

struct buf {
	const struct buf_ops *ops;
	struct buf_ops own;
	struct mutex lock;
	unsigned long phys;
	unsigned long size;
	unsigned int count;
};

int buf_register(struct buf *buf);
"""
CORE = """\
#include <linux/fs.h>
#include <linux/buf.h>

static bool buf_can_map(const struct buf *buf)
{
	return buf->ops && buf->ops->map_it;
}

/*
 * Map a buffer.
 */
static int buf_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct buf *buf = file->private_data;
	int err;

	if (!buf->ops->map_it)
		return -ENODEV;

	vma->vm_private_data = buf;
	mutex_lock(&buf->lock);
	err = buf->ops->map_it(buf, vma);
	mutex_unlock(&buf->lock);

	return err;
}

const struct file_operations buf_fops = {
	.mmap = buf_mmap,
};
"""
IO = """\
#include <linux/buf.h>

static int io_buf_mmap(struct buf *buf, struct vm_area_struct *vma)
{
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return vm_iomap_memory(vma, buf->phys, buf->size);
}

static const struct buf_ops io_buf_ops = {
	.open	= io_buf_open,
	.map_it	= io_buf_mmap,
};
"""
FAULTING = """\
#include <linux/buf.h>

static const struct vm_operations_struct page_buf_vm_ops = {
	.fault = page_buf_fault,
};

static int page_buf_mmap(struct buf *buf, struct vm_area_struct *vma)
{
	if (vma->vm_end - vma->vm_start > buf->size)
		return -EINVAL;

	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &page_buf_vm_ops;
	return 0;
}

static const struct buf_ops page_buf_ops = {
	.map_it = page_buf_mmap,
};
"""
TRANSLATING = """\
#include <linux/buf.h>

static int old_buf_mmap(struct buf *buf, struct vm_area_struct *vma)
{
	if (io_remap_pfn_range(vma, vma->vm_start, buf->phys >> PAGE_SHIFT,
			vma->vm_end - vma->vm_start, vma->vm_page_prot))
		return -EAGAIN;
	return 0;
}

static const struct buf_ops old_buf_ops = {
	.map_it = old_buf_mmap,
};
"""
FILES = {
    "Makefile": "VERSION = 7\nPATCHLEVEL = 3\n",
    "include/linux/mm_types.h": (
        "struct vm_area_struct {\n\tunsigned long vm_start, vm_end, vm_pgoff;\n};\n"
        "struct vm_area_desc {\n\tint mm;\n};\n"
    ),
    "include/linux/mm.h": (
        "void vma_desc_set_flags(void);\nvoid vma_desc_size(void);\nint error_override;\n"
        "void vma_flags_to_page_prot(void);\n"
        "void mmap_action_simple_ioremap(void);\nvoid mmap_action_ioremap_full(void);\n"
    ),
    "include/linux/fs.h": (
        "void compat_set_desc_from_vma(void);\nint __compat_vma_mmap(void);\n"
        "struct file { void *private_data; };\nstruct file_operations { int (*mmap)(int); };\n"
    ),
    "include/linux/buf.h": HEADER,
    "drivers/buf/core.c": CORE,
    "drivers/buf/io.c": IO,
    "drivers/buf/page.c": FAULTING,
    "drivers/buf/old.c": TRANSLATING,
}


def write(root: Path, **changed: str) -> None:
    """Write the tree; `changed` are other texts of drivers/buf/NAME.c, or of the header."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changed.get(path.stem, text))
