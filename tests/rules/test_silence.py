# SPDX-License-Identifier: GPL-2.0-only
"""What looks like a mistake and is none: rules say nothing, or only a note."""

from __future__ import annotations

import pytest

from premap.csource.source import SourceFile
from premap.rules import RULES, check_file

_RING = """\
struct ring {
	struct mutex lock;
	phys_addr_t phys;
	unsigned long size;
	unsigned long end;
	int chans, width;
};

"""


def _loud(body: str, table: str = "struct file_operations", member: str = "mmap") -> set[str]:
    """Return the rules that report an error or a warning on a handler."""
    return {rule for rule, level in _all(body, table, member) if level != "note"}


def _found(body: str) -> set[str]:
    """Return the rules that report anything on a handler."""
    return {rule for rule, _ in _all(body, "struct file_operations", "mmap")}


def _all(body: str, table: str, member: str) -> set[tuple[str, str]]:
    prepares = member == "mmap_prepare"
    given = (
        "struct vm_area_desc *desc" if prepares else "struct file *file, struct vm_area_struct *vma"
    )
    text = (
        f"{_RING}static int ring_map({given})\n{{\n{body}}}\n\n"
        f"static const {table} ring_ops = {{\n\t.{member} = ring_map,\n}};\n"
    )
    findings = check_file(SourceFile("ring.c", text.encode()), None, "7.3").findings
    return {(finding.rule, finding.level) for finding in findings}


class TestReadTwice:
    """R17, R20: what unknown code may have changed between a check and a use, and has not."""

    BOUNDED = """\
	struct ring *ring = file->private_data;
	unsigned long pfn;

	if (vma->vm_pgoff || vma->vm_end - vma->vm_start != {checked})
		return -EINVAL;
	ring_wake(ring);
	pfn = ring->phys >> PAGE_SHIFT;
	return remap_pfn_range(vma, vma->vm_start, pfn, ring->size, vma->vm_page_prot);
"""

    def test_the_size_that_was_checked_is_read_again(self) -> None:
        assert _loud(self.BOUNDED.format(checked="ring->size")) == set()

    def test_another_size_was_checked(self) -> None:
        assert {"R04", "R20"} <= _loud(self.BOUNDED.format(checked="ring->end"))


class TestLocks:
    """R02."""

    def test_lock_that_was_not_taken(self) -> None:
        body = """\
	struct ring *ring = file->private_data;

	if (mutex_lock_interruptible(&ring->lock))
		return -ERESTARTSYS;
	mutex_unlock(&ring->lock);
	return 0;
"""
        assert _loud(body) == set()

    def test_lock_that_is_held_after_a_trylock(self) -> None:
        body = """\
	struct ring *ring = file->private_data;

	if (!mutex_trylock(&ring->lock))
		return -EBUSY;
	return 0;
"""
        assert _loud(body) == {"R02"}

    def test_lock_that_was_tried_for_and_released(self) -> None:
        body = """\
	struct ring *ring = file->private_data;

	if (!mutex_trylock(&ring->lock))
		return -EAGAIN;
	mutex_unlock(&ring->lock);
	return 0;
"""
        assert _loud(body) == set()


class TestBeyondTheMapping:
    """R04, of legacy handlers."""

    BODY = """\
	struct ring *ring = file->private_data;

	if (vma->vm_pgoff)
		return -EINVAL;
	return remap_pfn_range(vma, vma->vm_start, ring->phys >> PAGE_SHIFT, ring->size,
			vma->vm_page_prot);
"""

    def test_size_of_the_device(self) -> None:
        assert "R04" in _loud(self.BODY)

    def test_table_whose_caller_may_have_checked(self) -> None:
        assert "R04" not in _loud(self.BODY, "struct ring_ops")


class TestSharing:
    """R23, a note."""

    TEXT = """\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (%s)
		return -EINVAL;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
"""

    def _found(self, condition: str) -> list[str]:
        source = SourceFile("ring.c", (self.TEXT % condition).encode())
        return [finding.rule for finding in check_file(source, None, "7.3").findings]

    def test_shared_alone(self) -> None:
        assert self._found("!(vma->vm_flags & VM_SHARED)") == ["R23"]

    def test_both_flags_asked_for(self) -> None:
        both = "(VM_SHARED | VM_MAYSHARE)"
        assert self._found(f"(vma->vm_flags & {both}) != {both}") == []


class TestExpanding:
    """R21."""

    def test_fault_handler_that_switches_on_the_offset(self) -> None:
        bad = RULES["R21"].bad
        fault = bad.replace(
            "	vmf->page = ring->pages[vmf->pgoff];\n",
            "	switch (vmf->pgoff) {\n	case 0:\n		break;\n	default:\n"
            "		return VM_FAULT_SIGBUS;\n	}\n	vmf->page = ring->pages[vmf->pgoff];\n",
        )
        assert fault != bad
        assert check_file(SourceFile("ring.c", fault.encode()), None, "7.3").findings == ()


class TestWideFlags:
    """R25."""

    @pytest.mark.parametrize(
        ("condition", "silent"),
        [
            ("IS_ENABLED(CONFIG_64BIT)", True),
            ("!IS_ENABLED(CONFIG_64BIT)", False),
            ("IS_ENABLED(CONFIG_64BIT) || x", False),
            ("IS_ENABLED(CONFIG_PCI)", False),
        ],
    )
    def test_what_32_bit_kernels_leave_out(self, condition: str, silent: bool) -> None:
        text = (
            "static int ring_mmap_prepare(struct vm_area_desc *desc)\n{\n"
            f"\tif ({condition})\n\t\tvma_desc_set_flags(desc, VMA_SEALED_BIT);\n\treturn 0;\n}}\n"
        )
        found = check_file(SourceFile("ring.c", text.encode()), None, "7.3").findings
        assert ("R25" not in {finding.rule for finding in found}) == silent


class TestCore:
    """What implements the interface may do what drivers may not."""

    TEXT = """\
static inline void mmap_action_ring(struct vm_area_desc *desc)
{
	desc->action.type = MMAP_REMAP_PFN;
	vma_desc_set_flags(desc, VMA_SEALED_BIT);
}

static int map(struct file *file)
{
	return !file->f_op->mmap;
}
"""

    def test_in_a_driver(self) -> None:
        found = check_file(SourceFile("drivers/ring.c", self.TEXT.encode()), None, "7.3").findings
        assert {"R05", "R12", "R25"} <= {finding.rule for finding in found}

    def test_in_mm(self) -> None:
        found = check_file(SourceFile("mm/ring.c", self.TEXT.encode()), None, "7.3").findings
        assert found == ()


class TestArms:
    """R26 and R14."""

    BOTH = """\
int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return %s;
}
int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return %s;
}
"""

    def test_old_and_new_side_by_side(self) -> None:
        arms = (self.BOTH % ("0", "0"), self.BOTH % ("-ENOSYS", "-ENOSYS"))
        text = "#ifdef CONFIG_MMU\n{}#else\n{}#endif\n".format(*arms)
        assert check_file(SourceFile("ring.c", text.encode()), None, "7.3").findings == ()


class TestRanges:
    """R17."""

    REMAP = """\
	struct ring *ring = file->private_data;
	unsigned long size = vma->vm_end - vma->vm_start;

%s	return remap_pfn_range(vma, vma->vm_start, (ring->phys >> PAGE_SHIFT) + vma->vm_pgoff,
			size, vma->vm_page_prot);
"""

    def test_unchecked(self) -> None:
        assert _loud(self.REMAP % "") == {"R17"}

    def test_code_that_is_not_seen_may_have_checked(self) -> None:
        check = "	if (!ring_allows(ring, vma->vm_pgoff, size))\n		return -EINVAL;\n"
        assert _loud(self.REMAP % check) == set()

    def test_framework_has_checked(self) -> None:
        assert _loud(self.REMAP % "", "struct dma_buf_ops") == set()

    def test_nothing_is_said_of_an_unknown_table(self) -> None:
        assert _loud(self.REMAP % "", "struct ring_ops") == set()

    def test_size_that_was_compared_before(self) -> None:
        body = """\
	struct ring *ring = desc->file->private_data;

	if (ring->chans * ring->width != vma_desc_size(desc))
		return -EINVAL;
	mmap_action_simple_ioremap(desc, ring->phys, vma_desc_size(desc));
	return 0;
"""
        assert _loud(body, member="mmap_prepare") == set()

    def test_resource_that_would_end_before_it_begins(self) -> None:
        check = """\
	unsigned long pages = ((ring->end - ring->phys) >> PAGE_SHIFT) + 1;

	if (vma->vm_pgoff + vma_pages(vma) > pages)
		return -EINVAL;
"""
        assert _loud(self.REMAP % check) == set()

    def test_offset_that_is_cut_to_32_bits(self) -> None:
        check = """\
	u32 end = (vma->vm_pgoff << PAGE_SHIFT) + size;

	if (end > ring->size)
		return -EINVAL;
"""
        assert _loud(self.REMAP % check) == {"R17"}


MANY_PATHS = "".join(
    f"\tif (ring->chans & {1 << bit})\n\t\tring->width += {bit};\n" for bit in range(7)
)
"""128 paths, more than are followed."""


class TestManyPaths:
    """R16 and R23 of a hook whose paths are not all followed."""

    HOOK = f"""\
	struct ring *ring = file->private_data;

	if (%s)
		return -EPERM;
	%s
{MANY_PATHS}	return 0;
"""

    def test_rejected_only(self) -> None:
        assert _loud(self.HOOK % ("vma->vm_flags & VM_WRITE", "")) == {"R16"}

    def test_rejected_for_good(self) -> None:
        clears = "vm_flags_clear(vma, VM_MAYWRITE);"
        assert _loud(self.HOOK % ("vma->vm_flags & VM_WRITE", clears)) == set()

    def test_cleared_where_it_maps(self) -> None:
        hook = self.HOOK % ("vma->vm_flags & VM_WRITE", "")
        clears = "\tvm_flags_clear(vma, VM_MAYWRITE);\n\treturn 0;\n"
        assert _loud(hook.removesuffix("\treturn 0;\n") + clears) == set()

    def test_shared_that_reading_clears(self) -> None:
        hook = self.HOOK % ("!(vma->vm_flags & VM_SHARED)", "")
        assert "R23" in _found(hook)

    def test_shared_that_was_asked_for(self) -> None:
        hook = self.HOOK % ("!(vma->vm_flags & VM_MAYSHARE)", "")
        assert "R23" not in _found(hook)


class TestProtection:
    """R16."""

    REJECTS = """\
	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
%s	return 0;
"""

    def test_rejected_only(self) -> None:
        assert _loud(self.REJECTS % "") == {"R16"}

    def test_cleared_on_the_same_path(self) -> None:
        assert _loud(self.REJECTS % "	vm_flags_clear(vma, VM_MAYWRITE);\n") == set()

    def test_files_that_can_be_written_are_rejected(self) -> None:
        check = "	if (file->f_mode & FMODE_WRITE)\n		return -EPERM;\n"
        assert _loud(check + self.REJECTS % "") == set()

    def test_flags_that_unknown_code_may_have_changed(self) -> None:
        assert _loud(self.REJECTS % "	ring_prepare(vma);\n") == set()


class TestOperations:
    """R28 and R14."""

    def test_operations_that_somebody_else_sets(self) -> None:
        assert _loud("	vma->vm_ops = NULL;\n	return ring_map_buffer(file, vma);\n") == set()


_FAULTS = """\
struct ring { unsigned long pfn; };

static vm_fault_t ring_fault(struct vm_fault *vmf)
{
	struct ring *ring = vmf->vma->vm_private_data;

	if (vmf->pgoff)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, ring->pfn);
}

static const struct vm_operations_struct ring_vm_ops = { .fault = ring_fault };

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_private_data = file->private_data;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND);
	vma->vm_ops = &ring_vm_ops;
	return 0;
}
"""


def _of_file(text: str) -> set[str]:
    return {f.rule for f in check_file(SourceFile("ring.c", text.encode()), None, "7.3").findings}


class TestFaultOfAnotherPath:
    """R20: page frames are inserted by the operations that the path has left, no others."""

    OTHER = """\
	if (vma->vm_pgoff) {{
		vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND);
		vma->vm_ops = {};
		return 0;
	}}
	if (vma_is_cow_mapping(vma))
		return -EINVAL;
	vma->vm_private_data"""
    TABLE = "\nstatic const struct file_operations ring_fops = { .mmap = ring_mmap };\n"

    @pytest.mark.parametrize(
        ("operations", "told"),
        [
            ("&other_vm_ops", set()),
            ("((struct ring *)file->private_data)->ops", set()),
            ("&ring_vm_ops", {"R20"}),
            ("vma->vm_start ? &other_vm_ops : &ring_vm_ops", {"R20"}),
        ],
    )
    def test_which_are_left(self, operations: str, told: set[str]) -> None:
        text = _FAULTS.replace("	vma->vm_private_data", self.OTHER.format(operations), 1)
        text = text.replace(
            "struct ring {", "struct ring { const struct vm_operations_struct *ops;"
        )
        text = text.replace(
            "static int ring_mmap",
            "static const struct vm_operations_struct other_vm_ops = { .fault = other_fault };\n\n"
            "static int ring_mmap",
        )
        assert _of_file(text + self.TABLE) & {"R20"} == told


class TestAreaOfOwn:
    """R20: ->get_unmapped_area of the same table is asked before the hook."""

    AREA = """\

static unsigned long ring_area(struct file *file, unsigned long addr, unsigned long len,
		unsigned long pgoff, unsigned long flags)
{{
	if ({})
		return -EINVAL;
	return mm_get_unmapped_area(file, addr, len, pgoff, flags);
}}
"""
    TABLE = """\

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
	.get_unmapped_area = ring_area,
};
"""

    def test_it_refuses_private_mappings(self) -> None:
        area = self.AREA.format("(flags & MAP_TYPE) == MAP_PRIVATE")
        assert "R20" not in _of_file(_FAULTS + area + self.TABLE)

    def test_it_asks_nothing_of_the_kind(self) -> None:
        area = self.AREA.format("len > PAGE_SIZE")
        assert "R20" in _of_file(_FAULTS + area + self.TABLE)

    def test_one_of_another_table(self) -> None:
        area = self.AREA.format("(flags & MAP_TYPE) == MAP_PRIVATE")
        table = self.TABLE.replace("\t.get_unmapped_area = ring_area,\n", "")
        other = "\nstatic const struct file_operations o = { .get_unmapped_area = ring_area };\n"
        assert "R20" in _of_file(_FAULTS + area + table + other)


class TestCallbacksThatCallPointers:
    """R14: what a pointer leads to may give back anything."""

    CALLBACKS = """\
struct ring {{ void (*put)(void *arg); void *arg; int users; }};

static void ring_open(struct vm_area_struct *vma)
{{
	struct ring *ring = vma->vm_private_data;

	ring->users++;
}}

static void ring_close(struct vm_area_struct *vma)
{{
	struct ring *ring = vma->vm_private_data;

	{};
}}

static const struct vm_operations_struct ring_vm_ops = {{
	.open = ring_open,
	.close = ring_close,
}};

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{{
	vma->vm_private_data = file->private_data;
	vma->vm_ops = &ring_vm_ops;
	return 0;
}}

static const struct file_operations ring_fops = {{ .mmap = ring_mmap }};
"""

    def test_it_may_give_back(self) -> None:
        assert "R14" not in _of_file(self.CALLBACKS.format("ring->put(ring->arg)"))

    def test_a_log_does_not(self) -> None:
        assert "R14" in _of_file(self.CALLBACKS.format('pr_debug("closed")'))
