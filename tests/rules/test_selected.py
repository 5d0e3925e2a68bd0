# SPDX-License-Identifier: GPL-2.0-only
"""R17, R02, R25, R31: offsets that select and are masked, sections, and what is not compiled."""

from __future__ import annotations

import pytest

from premap.csource.source import SourceFile
from premap.rules import check_file

_HEAD = """\
struct ring {
	struct mutex lock;
	struct page **pages;
	phys_addr_t phys;
	unsigned int npages, order;
	struct { phys_addr_t base; u64 size; } bar[6];
};

"""
_LEGACY = """\
static int ring_map(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;
%s}

static const struct file_operations ring_fops = {
	.mmap = ring_map,
};
"""
_PREPARE = """\
static int ring_map(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;
%s}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_map,
	%s
};
"""


def _loud(text: str) -> set[str]:
    """Return the rules that report an error or a warning."""
    findings = check_file(SourceFile("ring.c", (_HEAD + text).encode()), None, "7.3").findings
    return {each.rule for each in findings if each.level != "note"}


def _prepare(body: str, member: str = "") -> set[str]:
    return _loud(_PREPARE % (body, member))


class TestOrders:
    """R17: what an allocation's order says how much there is of."""

    BODY = """\
	if (desc->pgoff || vma_desc_pages(desc) > %s)
		return -EINVAL;
	mmap_action_remap_full(desc, page_to_pfn(ring->pages[0]));
	return 0;
"""

    def test_bounds_a_length(self) -> None:
        assert _prepare(self.BODY % "1UL << ring->order") == set()

    def test_a_number_beyond_all_memory_does_not(self) -> None:
        assert _prepare(self.BODY % "1UL << 34") == {"R17"}


class TestMasks:
    """R17: part of the offset selects what is mapped."""

    @pytest.mark.parametrize("part", ["desc->pgoff & 15", "desc->pgoff % 16"])
    def test_few_page_frames_are_reached(self, part: str) -> None:
        body = f"""\
	if (vma_desc_pages(desc) != 1)
		return -EINVAL;
	mmap_action_remap_full(desc, PHYS_PFN(ring->phys) + ({part}));
	return 0;
"""
        assert _prepare(body) == set()

    def test_a_region_by_its_number_has_a_size_of_its_own(self) -> None:
        body = """\
	const unsigned int bar = (desc->pgoff >> 20) & 7;
	const u64 size = ring->bar[bar].size >> PAGE_SHIFT;

	if (bar > 5 || vma_desc_pages(desc) > size)
		return -EINVAL;
	if ((desc->pgoff & 0xfffff) > size - vma_desc_pages(desc))
		return -EINVAL;
	mmap_action_remap_full(desc, (ring->bar[bar].base >> PAGE_SHIFT) + (desc->pgoff & 0xfffff));
	return 0;
"""
        assert _prepare(body) == set()


class TestIndexes:
    """R17: pages of an array by the offset."""

    BODY = """\
	%s first = vma->vm_pgoff;

	if (%s)
		return -EINVAL;
	return vm_insert_page(vma, vma->vm_start, ring->pages[first]);
"""

    @pytest.mark.parametrize(
        ("kind", "check"),
        [
            ("int", "first + (int)vma_pages(vma) > (int)ring->npages"),
            ("unsigned long", "vma_pages(vma) != 1"),
        ],
    )
    def test_that_pass_the_check_and_lie_outside(self, kind: str, check: str) -> None:
        assert "R17" in _loud(_LEGACY % (self.BODY % (kind, check)))

    @pytest.mark.parametrize("kind", ["unsigned long", "unsigned int"])
    def test_that_lie_inside(self, kind: str) -> None:
        check = "first >= ring->npages || vma_pages(vma) != 1"
        assert _loud(_LEGACY % (self.BODY % (kind, check))) == set()


class TestSections:
    """R02: what is no lock, and has to end all the same."""

    @pytest.mark.parametrize(
        ("begin", "end"),
        [
            ("rcu_read_lock()", "rcu_read_unlock()"),
            ("preempt_disable()", "preempt_enable()"),
            ("preempt_disable()", "preempt_enable_no_resched()"),
            ("local_irq_save(flags)", "local_irq_restore(flags)"),
        ],
    )
    def test_on_every_return(self, begin: str, end: str) -> None:
        body = f"""\
	unsigned long flags;

	{begin};
	if (!ring->npages)
		return -EINVAL;
	{end};
	return 0;
"""
        assert _prepare(body) == {"R02"}
        assert _prepare(body.replace("if (!ring->npages)\n\t\treturn -EINVAL;", "")) == set()


class TestNotCompiled:
    """R25, R31: an `if` of which the compiler leaves one arm out."""

    HIGH = "vma_desc_set_flags(desc, VMA_ALLOW_ANY_UNCACHED_BIT);"
    ACTION = "mmap_action_simple_ioremap(desc, ring->phys, ring->npages);"

    @pytest.mark.parametrize(
        "guard",
        [
            "if (!IS_ENABLED(CONFIG_{0}))\n\t\treturn -ENOSYS;\n\t",
            "if (!IS_ENABLED(CONFIG_{0}) || !ring->npages)\n\t\treturn -ENOSYS;\n\t",
            "if (IS_ENABLED(CONFIG_{0}) && ring->npages)\n\t\t",
            "if (!IS_ENABLED(CONFIG_{0}))\n\t\treturn -ENOSYS;\n\telse\n\t\t",
        ],
    )
    def test_is_not_told(self, guard: str) -> None:
        mmu, wide = guard.format("MMU"), guard.format("64BIT")
        capable = ".mmap_capabilities = ring_capabilities,"
        assert _prepare(f"\t{mmu}{self.ACTION}\n\treturn 0;\n", capable) == set()
        assert _prepare(f"\t{wide}{self.HIGH}\n\treturn 0;\n") == set()

    @pytest.mark.parametrize(
        "guard",
        [
            "if (!IS_ENABLED(CONFIG_{0}))\n\t\t",
            "if (!IS_ENABLED(CONFIG_{0}) && !ring->npages)\n\t\treturn -ENOSYS;\n\t",
            "if (IS_ENABLED(CONFIG_{0}) || ring->npages)\n\t\t",
            "if (!IS_ENABLED(CONFIG_{0}))\n\t\tring->npages;\n\t",
        ],
    )
    def test_is_told(self, guard: str) -> None:
        mmu, wide = guard.format("MMU"), guard.format("64BIT")
        capable = ".mmap_capabilities = ring_capabilities,"
        assert _prepare(f"\t{mmu}{self.ACTION}\n\treturn 0;\n", capable) == {"R31"}
        assert _prepare(f"\t{wide}{self.HIGH}\n\treturn 0;\n") == {"R25"}
