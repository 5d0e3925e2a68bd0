# SPDX-License-Identifier: GPL-2.0-only
"""The driver around the hooks of `unseen_good`, `unseen_ranges` and `unseen_state`."""

from __future__ import annotations

_HEAD = """\
#include <linux/fs.h>
#include <linux/mm.h>

struct cam {
	struct mutex lock;
	spinlock_t slock;
	struct rw_semaphore sem;
	refcount_t refs;
	atomic_t maps;
	struct list_head list;
	struct device *dev;
	struct page **pages;
	void *vaddr;
	dma_addr_t dma;
	phys_addr_t base;
	phys_addr_t end;
	size_t bytes;
	unsigned long npages;
	unsigned int width, height, bpp;
	bool busy, ro;
	int users;
};

"""
FAULT = """\
static vm_fault_t cam_fault(struct vm_fault *vmf)
{
	struct cam *cam = vmf->vma->vm_private_data;

	if (vmf->pgoff >= cam->npages)
		return VM_FAULT_SIGBUS;
	vmf->page = cam->pages[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}
"""


def prepare(body: str, before: str = "", after: str = "", member: str = "mmap_prepare") -> str:
    """Return a driver whose hook gets a descriptor."""
    head = "static int cam_prepare(struct vm_area_desc *desc)"
    return _driver(head, body, before, after, f".{member} = cam_prepare")


def legacy(body: str, before: str = "", after: str = "") -> str:
    """Return a driver whose hook gets a VMA."""
    head = "static int cam_mmap(struct file *filp, struct vm_area_struct *vma)"
    return _driver(head, body, before, after, ".mmap = cam_mmap")


def _driver(head: str, body: str, before: str, after: str, member: str) -> str:
    table = f"static const struct file_operations cam_fops = {{\n\t{member},\n}};\n"
    return f"{_HEAD}{before}\n{head}\n{{\n{body}}}\n\n{after}{table}"
