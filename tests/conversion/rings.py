# SPDX-License-Identifier: GPL-2.0-only
"""A ring whose mappings are counted: what stands before its hook."""

HEAD = """\
struct ring {
	struct device *dev;
	atomic_t users;
	refcount_t refs;
	struct mutex lock;
	unsigned long phys, size;
	int count, closing, wc;
};

static void ring_vm_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_file->private_data;

	CLOSE
}

static const struct vm_operations_struct ring_vm_ops = {
	.close	= ring_vm_close,
};

"""
