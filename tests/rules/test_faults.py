# SPDX-License-Identifier: GPL-2.0-only
"""R17: fault handlers that map something by the offset of the fault."""

from __future__ import annotations

import pytest

from premap.csource.source import SourceFile
from premap.rules import check_file

_TEXT = """\
struct ring {
	struct page **pages;
	unsigned int npages;
	phys_addr_t phys;
	void *virt;
};

static vm_fault_t ring_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct ring *ring = vma->vm_private_data;
	struct page *page;

%s
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct ring_vm_ops = { .fault = ring_fault };

static int ring_map(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;

%s
	vma->vm_private_data = ring;
	vma->vm_ops = &ring_vm_ops;
	vm_flags_set(vma, VM_DONTEXPAND);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap = ring_map,
};
"""
_INDEXED = "\tpage = ring->pages[vmf->pgoff];"


def _loud(fault: str, hook: str = "") -> set[str]:
    """Return the rules that report an error or a warning."""
    text = _TEXT % (fault, hook)
    findings = check_file(SourceFile("ring.c", text.encode()), None, "7.3").findings
    return {each.rule for each in findings if each.level != "note"}


class TestAnyOffset:
    @pytest.mark.parametrize(
        "fault",
        [
            _INDEXED,
            "\tpage = ring->pages[(vmf->address - vma->vm_start) >> PAGE_SHIFT];",
            "\tpage = virt_to_page(ring->virt + (vmf->pgoff << PAGE_SHIFT));",
        ],
    )
    def test_leads_beyond_the_end(self, fault: str) -> None:
        assert _loud(fault) == {"R17"}

    def test_of_page_frames(self) -> None:
        insert = "vmf_insert_pfn(vma, vmf->address, PHYS_PFN(ring->phys) + vmf->pgoff)"
        shared = "\tif (is_cow_mapping(vma->vm_flags))\n\t\treturn -EINVAL;\n"
        assert _loud(f"\tif (ring->virt)\n\t\treturn {insert};\n\tpage = 0;", shared) == {"R17"}

    def test_an_offset_that_was_checked_says_nothing_of_the_length(self) -> None:
        assert _loud(_INDEXED, "\tif (vma->vm_pgoff)\n\t\treturn -EINVAL;") == {"R17"}


class TestBounded:
    @pytest.mark.parametrize(
        "fault",
        [
            f"\tif (vmf->pgoff >= ring->npages)\n\t\treturn VM_FAULT_SIGBUS;\n{_INDEXED}",
            f"\tif (ring_bad(ring, vmf->pgoff))\n\t\treturn VM_FAULT_SIGBUS;\n{_INDEXED}",
            "\tpage = ring->pages[vmf->pgoff & 7];",
            "\tpage = ring->pages[vmf->pgoff % ring->npages];",
            "\tpage = ring->pages[array_index_nospec(vmf->pgoff, ring->npages)];",
            "\tpage = ring_find(ring, vmf->pgoff);",
            "\tpage = ring->pages[0];",
        ],
    )
    def test_by_the_handler(self, fault: str) -> None:
        assert _loud(fault) == set()

    @pytest.mark.parametrize(
        "hook",
        [
            "\tif (vma->vm_pgoff + vma_pages(vma) > ring->npages)\n\t\treturn -EINVAL;",
            "\tif (ring_bad(ring, vma_pages(vma)))\n\t\treturn -EINVAL;",
        ],
    )
    def test_by_the_hook(self, hook: str) -> None:
        assert _loud(_INDEXED, hook) == set()
