# SPDX-License-Identifier: GPL-2.0-only
"""Mistakes that are made by way of a local variable, a helper, a cast, or on one path only."""

from __future__ import annotations

import pytest
from tests.rules.made import LEGACY, PREPARE, loud

from premap.csource.source import SourceFile
from premap.rules import check_file

_HEAD = """\
struct ring {
	struct device *dev;
	struct page **pages;
	struct file *lower;
	struct file *other;
	struct mm_struct *mm;
	struct buf *buf;
	struct list_head bufs;
	phys_addr_t phys;
	size_t bytes;
	unsigned long bits;
	atomic_t maps;
	struct kref ref;
	int users;
	bool ro;
};

static const struct vm_operations_struct ring_vm_ops = { };

"""


def _loud(text: str) -> set[str]:
    """Return the rules that report an error or a warning."""
    return loud(_HEAD + text)


def _prepare(body: str, before: str = "") -> set[str]:
    return _loud(before + PREPARE % body)


def _legacy(body: str, before: str = "") -> set[str]:
    return _loud(before + LEGACY % body)


class TestLeaks:
    """R01: what a hook that fails has allocated, and neither frees nor keeps."""

    FAILS = """\
	struct buf *buf = kzalloc(sizeof(*buf), GFP_KERNEL);

	if (!buf)
		return -ENOMEM;
	%s
	if (ring->users)
		return -EIO;
	return 0;
"""

    def _says(self, keeps: str) -> bool:
        before = "struct buf { struct list_head node; };\n"
        text = _HEAD + before + PREPARE % (self.FAILS % keeps)
        findings = check_file(SourceFile("ring.c", text.encode()), None, "7.3").findings
        return any("never frees it" in each.message for each in findings)

    def test_neither(self) -> None:
        assert self._says("")

    @pytest.mark.parametrize(
        "keeps",
        [
            "ring->buf = buf;",
            "WRITE_ONCE(ring->buf, buf);",
            "rcu_assign_pointer(ring->buf, buf);",
            "smp_store_release(&ring->buf, buf);",
            "list_add_tail(&buf->node, &ring->bufs);",
            "xa_store(&ring->bufs, 0, buf, GFP_KERNEL);",
        ],
    )
    def test_kept_where_others_find_it(self, keeps: str) -> None:
        assert not self._says(keeps)


class TestKeptFile:
    """R01: a reference that the descriptor's own file is."""

    BODY = "\tstruct file *lower = get_file(ring->lower);\n\n%s\treturn 0;"

    def test_by_way_of_a_local(self) -> None:
        assert _prepare(self.BODY % "\tdesc->vm_file = lower;\n") == set()
        assert _prepare(self.BODY % "") == {"R01"}
        assert _prepare(self.BODY % "\tdesc->vm_file = ring->other;\n") == {"R01"}

    def test_in_a_statement_of_its_own(self) -> None:
        body = "\tget_file(ring->lower);\n\tdesc->vm_file = ring->%s;\n\treturn 0;"
        assert _prepare(body % "lower") == set()
        assert _prepare(body % "other") == {"R01"}


def test_what_is_put_is_not_kept() -> None:
    """R01."""
    body = "\tmmget(ring->mm);\n\tring_look(ring->mm);\n%s\treturn 0;"
    assert _prepare(body % "\tmmput(ring->mm);\n") == set()
    assert _prepare(body % "") == {"R01"}


class TestClaims:
    """R01: what is written and asked about in one, and has the next mapping refused."""

    @pytest.mark.parametrize(
        "claim", ["test_and_set_bit(1, &ring->bits)", "atomic_cmpxchg(&ring->maps, 0, 1) != 0"]
    )
    def test_that_nothing_takes_back(self, claim: str) -> None:
        assert _prepare(f"\tif ({claim})\n\t\treturn -EBUSY;\n\treturn 0;") == {"R01"}

    def test_that_the_hook_takes_back(self) -> None:
        body = "\tif (test_and_set_bit(1, &ring->bits))\n\t\treturn -EBUSY;\n"
        assert _prepare(f"{body}\tclear_bit(1, &ring->bits);\n\treturn 0;") == set()

    def test_that_refuse_nothing(self) -> None:
        body = '\tif (!test_and_set_bit(1, &ring->bits))\n\t\tdev_dbg(ring->dev, "first");\n'
        assert _prepare(f"{body}\treturn 0;") == set()


class TestFailures:
    """R01: what was allocated before a hook fails."""

    BODY = """\
	u8 *one = kmalloc(8, GFP_KERNEL), *other;
	int ret = -EINVAL;

	if (!one)
		return -ENOMEM;
	other = kmalloc(8, GFP_KERNEL);
	if (!other)
		goto out;
	if (desc->pgoff) {
		%s
		goto out;
	}
	ring->ro = one[0] > other[0];
	kfree(other);
	ret = 0;
out:
	kfree(one);
	return ret;
"""

    def test_that_forget_one(self) -> None:
        assert _prepare(self.BODY % "") == {"R01"}

    @pytest.mark.parametrize("freed", ["kfree(other);", "ring_drop(ring, other);"])
    def test_that_free_both(self, freed: str) -> None:
        assert _prepare(self.BODY % freed) == set()

    def test_that_leave_it_to_the_device(self) -> None:
        body = "\tif (!devm_kmalloc(ring->dev, 8, GFP_KERNEL))\n\t\treturn -ENOMEM;\n"
        assert _prepare(f"{body}\treturn -EINVAL;") == set()


class TestActions:
    """R05: written by what is given a pointer to it."""

    FILL = """\
static void ring_fill(struct mmap_action *action, unsigned long start)
{
	action->%s = start;
}
"""

    def test_by_a_helper(self) -> None:
        body = "\tring_fill(&desc->action, desc->start);\n\treturn 0;"
        assert _prepare(body, self.FILL % "remap.start") == {"R05"}
        assert _prepare(body, self.FILL % "error_override") == set()

    def test_by_memset(self) -> None:
        body = "\tmemset(&desc->action, 0, sizeof(desc->action));\n\treturn 0;"
        assert _prepare(body) == {"R05"}


def test_a_cast_makes_no_vma_of_a_descriptor() -> None:
    body = "\tvm_flags_set((struct vm_area_struct *)desc, VM_IO);\n\treturn 0;"
    assert _prepare(body) == {"R06"}


class TestFiles:
    """R07: the descriptor's file, by another name."""

    def test_the_old_one_is_put(self) -> None:
        body = "\tstruct file *old = desc->vm_file;\n\n\tdesc->vm_file = get_file(ring->lower);\n"
        assert _prepare(f"{body}\tfput(old);\n\treturn 0;") == {"R07"}

    def test_one_of_its_own_is_put(self) -> None:
        body = "\tstruct file *old = fget(ring->users);\n\n\tif (!old)\n\t\treturn -EBADF;\n"
        assert _prepare(f"{body}\tfput(old);\n\treturn 0;") == set()


class TestVariables:
    """R08, R25: flags that a variable or a macro stands for."""

    def test_of_masks(self) -> None:
        body = (
            "\tunsigned long flags = VM_IO | VM_DONTDUMP;\n\n%s\tvma_desc_set_flags(desc, flags);\n"
        )
        more = "\tif (ring->ro)\n\t\tflags |= VM_PFNMAP;\n"
        assert _prepare(body % "" + "\treturn 0;") == {"R08"}
        assert _prepare(body % more + "\treturn 0;") == {"R08"}

    def test_of_what_is_not_seen(self) -> None:
        body = (
            "\tint bit = ring->ro ? VMA_IO_BIT : ring->users;\n\n\tvma_desc_set_flags(desc, bit);\n"
        )
        assert _prepare(f"{body}\treturn 0;") == set()

    def test_of_high_bits(self) -> None:
        macro = "#define RING_BITS VMA_DONTDUMP_BIT, VMA_ALLOW_ANY_UNCACHED_BIT\n"
        body = "\tvma_desc_set_flags(desc, RING_BITS);\n\treturn 0;"
        assert _prepare(body, macro) == {"R25"}
        wide = f"#ifdef CONFIG_64BIT\n{macro}#else\n#define RING_BITS VMA_DONTDUMP_BIT\n#endif\n"
        assert _prepare(body, wide) == set()


class TestTables:
    """R12: file operations that a variable points to."""

    READ = "\tconst struct %s *ops = ring->lower->f_op;\n\n\treturn ops->mmap ? 0 : -ENODEV;"

    def test_of_a_file(self) -> None:
        assert _legacy(self.READ % "file_operations") == {"R12"}

    def test_of_something_else(self) -> None:
        assert _legacy(self.READ % "ring_operations") == set()

    def test_that_are_asked_about_both(self) -> None:
        body = self.READ % "file_operations"
        assert _legacy(body.replace("ops->mmap ?", "ops->mmap || ops->mmap_prepare ?")) == set()


class TestCopies:
    """R14: operations of legacy mappings, of which a fork or a split makes copies."""

    TABLE = """\
static void ring_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	%s
}
static void ring_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	%s
}
static const struct vm_operations_struct ring_counted = {
	.open = ring_open,
	.close = ring_close,
};
"""
    HOOK = "\tvma->vm_private_data = ring;\n\tvma->vm_ops = &ring_counted;\n\treturn 0;"

    def test_of_which_the_first_was_not_counted(self) -> None:
        table = self.TABLE % ("atomic_inc(&ring->maps);", "atomic_dec(&ring->maps);")
        assert _legacy(self.HOOK, table) == {"R14"}
        assert _legacy(f"\tatomic_inc(&ring->maps);\n{self.HOOK}", table) == set()
        assert _legacy(f"\tring_hold(ring);\n{self.HOOK}", table) == set()
        assert _legacy(f"\tatomic_set(&ring->maps, 1);\n{self.HOOK}", table) == set()
        assert _legacy(f"\tring->users = 1;\n{self.HOOK}", table) == set()
        assert (
            _legacy(self.HOOK.replace("return 0;", "ring_open(vma);\n\treturn 0;"), table) == set()
        )

    def test_of_which_each_frees_the_same(self) -> None:
        table = self.TABLE % (";", "kfree(ring);")
        hook = self.HOOK.replace("= ring;", "= kzalloc(8, GFP_KERNEL);")
        assert _legacy(hook, table) == {"R14"}

    def test_that_are_all_counted_where_there_is_something(self) -> None:
        counts = "if (ring)\n\t\tatomic_%s(&ring->maps);"
        table = self.TABLE % (counts % "inc", counts % "dec")
        assert _legacy(f"\tatomic_inc(&ring->maps);\n{self.HOOK}", table) == set()


class TestResults:
    """R18: errors that are printed, and of hooks that are called."""

    MAP = "\tret = vm_iomap_memory(vma, ring->phys, ring->bytes);\n"

    def test_that_are_printed_only(self) -> None:
        printed = '\tif (ret)\n\t\tdev_err(ring->dev, "no: %d", ret);\n\treturn 0;'
        assert _legacy(self.MAP + printed) == {"R18"}
        returned = '\tif (ret) {\n\t\tdev_err(ring->dev, "no");\n\t\treturn ret;\n\t}\n\treturn 0;'
        assert _legacy(self.MAP + returned) == set()

    def test_of_a_lower_files_hook(self) -> None:
        assert _legacy("\tvfs_mmap(ring->lower, vma);\n\treturn 0;") == {"R18"}
        assert _legacy("\treturn vfs_mmap(ring->lower, vma);") == set()


def test_an_offset_in_pages_is_no_address() -> None:
    """R19."""
    body = """\
	if (vma->vm_pgoff > 4 || vma_pages(vma) > 4 - vma->vm_pgoff)
		return -EINVAL;
	ret = remap_pfn_range(vma, vma->vm_start, (ring->phys + %s) >> PAGE_SHIFT,
		vma->vm_end - vma->vm_start, vma->vm_page_prot);
	return ret;"""
    assert _legacy(body % "vma->vm_pgoff") == {"R19"}
    selected = body.replace(
        "(ring->phys + %s) >> PAGE_SHIFT", "ring->users + (vma->vm_pgoff >> 12)"
    )
    assert _legacy(selected) == set()
    assert _legacy(body % "(vma->vm_pgoff << PAGE_SHIFT)") == set()


class TestNoOperations:
    """R28: on one path."""

    def test_by_a_choice(self) -> None:
        assert _prepare("\tdesc->vm_ops = ring->ro ? &ring_vm_ops : NULL;\n\treturn 0;") == {"R28"}

    def test_by_a_variable(self) -> None:
        body = "\tconst struct vm_operations_struct *ops = NULL;\n\n%s"
        body += "\tdesc->vm_ops = ops;\n\treturn 0;"
        assert _prepare(body % "\tif (ring->ro)\n\t\tops = &ring_vm_ops;\n") == {"R28"}
        assert _prepare(body % "\tops = &ring_vm_ops;\n") == set()

    def test_before_a_legacy_mapping_is_filled(self) -> None:
        body = "\tvma->vm_ops = %s;\n\treturn vm_iomap_memory(vma, ring->phys, ring->bytes);"
        assert _legacy(body % "NULL") == {"R28"}
        assert _legacy(body % "&ring_vm_ops") == set()


def test_private_data_that_a_helper_sets() -> None:
    """R29."""
    helper = """\
static void ring_attach(struct vm_area_struct *vma, struct ring *ring)
{
	vma->vm_private_data = ring;
}
"""
    before = "\tring_attach(vma, ring);\n\treturn vfs_mmap(ring->lower, vma);"
    after = "\tret = vfs_mmap(ring->lower, vma);\n\tring_attach(vma, ring);\n\treturn ret;"
    assert _legacy(before, helper) == {"R29"}
    assert _legacy(after, helper) == set()


class TestSectionsOfOthers:
    """R02: functions of other files that lock by their names, and have a counterpart."""

    @pytest.mark.parametrize(
        ("lock", "unlock"),
        [
            ("mmap_read_lock(ring->dev)", "mmap_read_unlock(ring->dev)"),
            ("lock_sock(ring->dev)", "release_sock(ring->dev)"),
            ("console_lock()", "console_unlock()"),
        ],
    )
    def test_that_are_left_locked(self, lock: str, unlock: str) -> None:
        body = f"\t{lock};\n\tif (ring->ro)\n\t\treturn -EROFS;\n\t{unlock};\n\treturn 0;"
        assert _prepare(body) == {"R02"}
        assert _prepare(body.replace("if (ring->ro)\n\t\treturn -EROFS;", ";")) == set()

    def test_that_code_elsewhere_may_unlock(self) -> None:
        body = (
            "\tring_lock(ring);\n\tif (ring->ro)\n\t\treturn %s;\n\tring_unlock(ring);\n\treturn 0;"
        )
        assert _prepare(body % "ring_count(ring)") == {"R02"}
        assert _prepare(body % "ring_abort(ring)") == set()

    def test_that_may_not_lock(self) -> None:
        body = "\tif (ring_trylock(ring))\n\t\treturn -EBUSY;\n\tring_unlock(ring);\n\treturn 0;"
        assert _prepare(body) == set()


class TestLateProtections:
    """R03: legacy hooks, whose pages are mapped at once."""

    @pytest.mark.parametrize(
        "fill",
        [
            "vm_iomap_memory(vma, ring->phys, ring->bytes)",
            "vm_insert_page(vma, vma->vm_start, ring->pages[0])",
        ],
    )
    def test_of_all_that_fills(self, fill: str) -> None:
        one = "\tif (vma->vm_pgoff || vma_pages(vma) != 1)\n\t\treturn -EINVAL;\n"
        late = "\tvma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);\n"
        check = f"\tret = {fill};\n\tif (ret)\n\t\treturn ret;\n"
        assert _legacy(f"{one}{check}{late}\treturn 0;") == {"R03"}
        assert _legacy(f"{one}{late}{check}\treturn 0;") == set()


class TestSeveralFlags:
    """R09: tests of one flag by a pointer, which are given several."""

    def test_by_a_pointer(self) -> None:
        body = "\tif (!vma_flags_test(&desc->vma_flags, %s))\n\t\treturn -EINVAL;\n\treturn 0;"
        assert _prepare(body % "VMA_SHARED_BIT, VMA_MAYSHARE_BIT") == {"R09"}
        assert _prepare(body % "VMA_MAYSHARE_BIT") == set()

    def test_in_a_release_in_which_that_asks_for_any(self) -> None:
        body = "\treturn vma_flags_test(&desc->vma_flags, VMA_SHARED_BIT, VMA_MAYSHARE_BIT);"
        text = (_HEAD + PREPARE % body).encode()
        said = [
            [each.rule for each in check_file(SourceFile("ring.c", text), None, target).findings]
            for target in ("7.0", "7.1")
        ]
        assert ["R09" in each for each in said] == [False, True]


def test_a_pointer_is_no_physical_address() -> None:
    """R19."""
    body = """\
	if (vma->vm_pgoff || vma->vm_end - vma->vm_start > PAGE_SIZE)
		return -EINVAL;
	return remap_pfn_range(vma, vma->vm_start, %s >> PAGE_SHIFT,
		vma->vm_end - vma->vm_start, vma->vm_page_prot);"""
    assert _legacy(body % "(unsigned long)ring->pages") == {"R19"}
    assert _legacy(body % "virt_to_phys(ring->pages)") == set()
    assert _legacy(body % "(unsigned long)ring->phys") == set()


def test_numbers_of_bits_in_a_variable() -> None:
    """R08."""
    body = "\tvm_flags_t flags = %s;\n\n\tvm_flags_set(vma, flags);\n\treturn 0;"
    assert _legacy(body % "VMA_IO_BIT | VMA_PFNMAP_BIT") == {"R08"}
    assert _legacy(body % "VM_IO | VM_DONTDUMP") == set()


def test_offset_and_length_that_are_asked_about_in_one() -> None:
    """R17: their sum is not bounded, where each is."""
    body = """\
	if (desc->pgoff >= ring->users || vma_desc_pages(desc) > ring->users)
		return -EINVAL;
	%smmap_action_map_kernel_pages_full(desc, ring->pages + desc->pgoff);
	return 0;"""
    sum_ = "if (desc->pgoff + vma_desc_pages(desc) > ring->users)\n\t\treturn -EINVAL;\n\t"
    assert _prepare(body % "") == {"R17"}
    assert _prepare(body % sum_) == set()


def test_operations_that_are_cleared_where_it_fails() -> None:
    """R28: no mapping is left then."""
    body = """\
	vma->vm_ops = &ring_vm_ops;
	ret = remap_vmalloc_range(vma, ring->lower, 0);
	if (ret) {
		vma->vm_ops = NULL;
		goto out;
	}
out:
	return ret;"""
    assert _legacy(body) == set()
    assert _legacy(body.replace("if (ret) {", "if (ring->ro) {")) == {"R28"}


class TestOtherLocks:
    """R02: the release of another lock releases none."""

    HEAD = "struct pair { struct mutex first, second; };\nstatic struct mutex ring_lock;\n"
    BODY = (
        "\tstruct pair *pair = desc->file->private_data;\n\n"
        "\tmutex_lock(&pair->first);\n\tmutex_unlock(%s);\n\treturn 0;"
    )

    @pytest.mark.parametrize("other", ["&pair->second", "&ring_lock"])
    def test_that_is_another_for_certain(self, other: str) -> None:
        assert _prepare(self.BODY % other, self.HEAD) == {"R02"}

    @pytest.mark.parametrize(
        "same", ["&pair->first", "&((struct pair *)ring)->first", "ring_lock_of(pair)"]
    )
    def test_that_may_be_the_same(self, same: str) -> None:
        assert _prepare(self.BODY % same, self.HEAD) == set()
