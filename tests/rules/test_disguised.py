# SPDX-License-Identifier: GPL-2.0-only
"""Mistakes behind macros, variables, arms and tries, and what looks like them and is none."""

from __future__ import annotations

import pytest
from tests.rules.made import LEGACY, PREPARE, loud

from premap.csource.edit import apply_edits
from premap.csource.source import SourceFile
from premap.rules import check_file

_HEAD = """\
struct ring {
	struct mutex lock;
	struct semaphore sem;
	struct kref kref;
	struct device *dev;
	phys_addr_t base;
	size_t bytes;
	int mode;
	bool ro;
};
"""


def _loud(text: str) -> set[str]:
    """Return the rules that report an error or a warning."""
    return loud(_HEAD + text)


class TestTries:
    """R02: a path on which a lock was tried, by what the call returned."""

    BODY = "\tif (%s)\n\t\treturn -EAGAIN;\n%s\n\t%s;\n\treturn 0;"
    EARLY = "\tif (ring->ro)\n\t\treturn -EPERM;"

    @pytest.mark.parametrize(
        ("tried", "given_back"),
        [
            ("!mutex_trylock(&ring->lock)", "mutex_unlock(&ring->lock)"),
            ("down_trylock(&ring->sem)", "up(&ring->sem)"),
            ("mutex_lock_interruptible(&ring->lock)", "mutex_unlock(&ring->lock)"),
            ("ww_mutex_lock(&ring->lock, NULL)", "ww_mutex_unlock(&ring->lock)"),
        ],
    )
    def test_taken_and_kept_on_an_early_return(self, tried: str, given_back: str) -> None:
        assert _loud(LEGACY % (self.BODY % (tried, self.EARLY, given_back))) == {"R02"}
        assert _loud(LEGACY % (self.BODY % (tried, "", given_back))) == set()


class TestTaken:
    """R01."""

    def test_by_a_macro(self) -> None:
        macro = "#define HOLD(ring) kref_get(&(ring)->kref)\n\n"
        assert _loud(macro + PREPARE % "\tHOLD(ring);\n\treturn 0;") == {"R01"}

    def test_what_a_cleanup_frees_is_not_kept(self) -> None:
        body = (
            "\tstruct ring *copy __free(kfree) = kzalloc(sizeof(*copy), GFP_KERNEL);\n\n"
            "\tif (!copy)\n\t\treturn -ENOMEM;\n%s\treturn 0;"
        )
        assert _loud(PREPARE % (body % "")) == set()
        kept = "\tdesc->private_data = no_free_ptr(copy);\n"
        assert _loud(PREPARE % (body % kept)) == {"R01"}


class TestBoth:
    """R13: in `#if` arms."""

    TABLE = PREPARE.replace(
        "\t.mmap_prepare = ring_map,\n", "%s\t.mmap_prepare = ring_map,\n%s\t.mmap = ring_old,\n%s"
    )

    def _both(self, before: str, between: str, after: str) -> set[str]:
        return _loud(self.TABLE.replace("%s\n}", "\treturn 0;\n}") % (before, between, after))

    def test_one_of_them_in_an_arm(self) -> None:
        assert "R13" in self._both("#ifdef CONFIG_RING\n", "#endif\n", "")
        assert "R13" in self._both("", "#ifdef CONFIG_RING\n", "#endif\n")

    def test_arms_of_which_it_is_not_known(self) -> None:
        assert "R13" not in self._both("#ifdef CONFIG_RING\n", "#else\n", "#endif\n")
        other = "#endif\n#if !IS_ENABLED(CONFIG_RING)\n"
        assert "R13" not in self._both("#ifdef CONFIG_RING\n", other, "#endif\n")

    def test_one_of_them_in_a_macro(self) -> None:
        text = PREPARE.replace("\t.mmap_prepare =", "\tRING_ALL,\n\t.mmap_prepare =")
        text = text % "\treturn 0;"
        macro = "#define RING_ALL .open = ring_open, .mmap = ring_old\n"
        assert _loud(macro + text) == {"R13"}
        assert _loud(f"#ifdef CONFIG_RING\n{macro}#else\n{macro}#endif\n{text}") == set()
        assert _loud(macro.replace(".mmap =", ".poll =") + text) == set()


_MAP = "remap_pfn_range(vma, vma->vm_start, 7, PAGE_SIZE, vma->vm_page_prot)"
_ONE = "\tif (vma->vm_pgoff || vma->vm_end - vma->vm_start != PAGE_SIZE)\n\t\treturn -EINVAL;\n"


class TestResults:
    """R18: an error that is kept in a variable."""

    @pytest.mark.parametrize(
        "rest",
        [
            "\treturn 0;",
            "\tret = 0;\n\treturn ret;",
            '\tdev_dbg(ring->dev, "%d", ret);\n\treturn 0;',
            "\tif (ring->mode)\n\t\treturn 1;\n\tret = ring->mode;\n\treturn ret;",
        ],
    )
    def test_that_is_never_looked_at(self, rest: str) -> None:
        assert "R18" in _loud(LEGACY % f"{_ONE}\tret = {_MAP};\n{rest}")

    @pytest.mark.parametrize(
        "rest",
        [
            "\treturn ret;",
            "\tring->mode = 1;\n\tif (ret)\n\t\treturn ret;\n\treturn 0;",
            "\tif (ring->mode)\n\t\tgoto out;\n\treturn 0;\nout:\n\treturn ret;",
            "\tret = ret ? -EAGAIN : 0;\n\treturn ret;",
            "\tring_told(ring, ret);\n\treturn 0;",
            "\tring_tell(&ret);\n\treturn 0;",
            "\tret |= ring->mode;\n\treturn ret;",
        ],
    )
    def test_that_somebody_may_look_at(self, rest: str) -> None:
        assert "R18" not in _loud(LEGACY % f"{_ONE}\tret = {_MAP};\n{rest}")

    def test_in_an_arm_or_a_loop(self) -> None:
        arm = f"{_ONE}\tif (ring->mode) {{\n\t\tret = {_MAP};\n\t}} else {{\n\t\tret = 1;\n\t}}\n"
        assert "R18" not in _loud(LEGACY % f"{arm}\treturn ret;")
        assert "R18" in _loud(LEGACY % f"{arm}\tret = 0;\n\treturn ret;")
        loop = f"{_ONE}\tret = 0;\n\twhile (!ret)\n\t\tret = {_MAP};\n\treturn 0;"
        assert "R18" not in _loud(LEGACY % loop)


def test_cases_fall_through_without_the_kernels_headers() -> None:
    body = (
        "\tret = -EPERM;\n\tswitch (ring->mode) {\n\tcase 1:\n"
        "\t\tif (vma->vm_flags & VM_WRITE)\n\t\t\treturn ret;\n\t\t%s;\n"
        "\tcase 2:\n\t\treturn vm_iomap_memory(vma, ring->base, ring->bytes);\n\t}\n\treturn ret;"
    )
    assert _loud(LEGACY % (body % "fallthrough")) == {"R16"}
    cleared = "vm_flags_clear(vma, VM_MAYWRITE);\n\t\tfallthrough"
    assert _loud(LEGACY % (body % cleared)) == set()


class TestActions:
    """R05: by way of a pointer."""

    BODY = "\tstruct mmap_action *action = &desc->action;\n\n\taction->%s = 1;\n\treturn 0;"

    def test_written(self) -> None:
        assert _loud(PREPARE % (self.BODY % "type")) == {"R05"}
        assert _loud(PREPARE % (self.BODY % "remap.start")) == {"R05"}

    def test_what_has_no_helper(self) -> None:
        assert _loud(PREPARE % (self.BODY % "error_override")) == set()

    def test_of_something_else(self) -> None:
        body = (self.BODY % "type").replace("desc->action", "ring->action")
        assert _loud(PREPARE % body) == set()


class TestMacros:
    """R08."""

    BODY = "\tvma_desc_set_flags(desc, RING_FLAGS);\n\treturn 0;"

    @pytest.mark.parametrize("mask", ["VM_IO", "(VM_IO | VM_DONTDUMP)"])
    def test_of_masks(self, mask: str) -> None:
        assert _loud(f"#define RING_FLAGS {mask}\n\n" + PREPARE % self.BODY) == {"R08"}

    @pytest.mark.parametrize("bits", ["VMA_IO_BIT", "VMA_IO_BIT, VMA_DONTDUMP_BIT", "RING_BIT"])
    def test_of_bits(self, bits: str) -> None:
        assert _loud(f"#define RING_FLAGS {bits}\n\n" + PREPARE % self.BODY) == set()


class TestReleases:
    """R02: a lock that is released twice."""

    BODY = """\
	mutex_lock(&ring->lock);
	if (ring->ro) {
		mutex_unlock(&ring->lock);
%s
		goto out;
	}
	desc->private_data = ring;
out:
	mutex_unlock(&ring->lock);
	return 0;"""

    def test_the_second_is_one_too_many(self) -> None:
        assert _loud(PREPARE % (self.BODY % "\t\tring->mode = 1;")) == {"R02"}

    @pytest.mark.parametrize(
        "between", ["\t\tmutex_lock(&ring->lock);", "\t\tmutex_lock_nested(&ring->lock, 1);"]
    )
    def test_of_a_lock_that_is_taken_again_is_none(self, between: str) -> None:
        assert _loud(PREPARE % (self.BODY % between)) == set()

    def test_one_on_each_path_is_right(self) -> None:
        body = (self.BODY % "").replace("mutex_unlock(&ring->lock);\n\n\t\tgoto", "goto")
        assert _loud(PREPARE % body) == set()


class TestWidth:
    """R25: the arm of `#if` that 32-bit kernels build."""

    BODY = "#if%s\n\tvma_desc_set_flags(desc, VMA_ALLOW_ANY_UNCACHED_BIT);\n#endif\n\treturn 0;"

    @pytest.mark.parametrize(
        "guard",
        ["ndef CONFIG_64BIT", " !defined(CONFIG_64BIT)", " BITS_PER_LONG == 32", "def CONFIG_MMU"],
    )
    def test_is_told(self, guard: str) -> None:
        assert _loud(PREPARE % (self.BODY % guard)) == {"R25"}

    @pytest.mark.parametrize("guard", ["def CONFIG_64BIT", " BITS_PER_LONG == 64"])
    def test_that_64_bit_ones_build_is_not(self, guard: str) -> None:
        assert _loud(PREPARE % (self.BODY % guard)) == set()


class TestNumbersOfBits:
    """R08: put together, or made masks of."""

    BODY = "\tvma_desc_set_flags(desc, %s);\n\treturn 0;"

    @pytest.mark.parametrize(
        "given",
        [
            "VMA_IO_BIT | VMA_DONTDUMP_BIT",
            "(VMA_IO_BIT | VMA_DONTDUMP_BIT)",
            "VMA_LOCKED_BIT, VMA_IO_BIT | ring->mode",
            "BIT(VMA_IO_BIT)",
            "1UL << VMA_IO_BIT",
        ],
    )
    def test_are_no_numbers_of_bits(self, given: str) -> None:
        assert _loud(PREPARE % (self.BODY % given)) == {"R08"}

    @pytest.mark.parametrize(
        "given", ["VMA_IO_BIT", "ring->ro ? VMA_IO_BIT : VMA_DONTDUMP_BIT", "ring->mode | 1"]
    )
    def test_one_is_one(self, given: str) -> None:
        assert _loud(PREPARE % (self.BODY % given)) == set()

    def test_are_named_alone_by_the_fix(self) -> None:
        text = PREPARE % (self.BODY % "VMA_IO_BIT | VMA_DONTDUMP_BIT")
        source = SourceFile("ring.c", text.encode())
        (found,) = check_file(source, None, "7.3").findings
        assert found.fix is not None
        fixed = apply_edits(source.text, found.fix.edits)
        assert b"vma_desc_set_flags(desc, VMA_IO_BIT, VMA_DONTDUMP_BIT);" in fixed


class TestRounds:
    """R18: the result of one round of a loop, which the next overwrites."""

    BODY = """\
	int i;

	if (vma->vm_pgoff || vma_pages(vma) != 2)
		return -EINVAL;
	for (i = 0; i < 2%s; i++)%s
	return ret;"""
    INSERT = "ret = vm_insert_page(vma, vma->vm_start + i * PAGE_SIZE, ring->pages[i]);"

    def test_that_nobody_reads_is_ignored(self) -> None:
        assert _loud(LEGACY % (self.BODY % ("", f"\n\t\t{self.INSERT}\n"))) == {"R18"}

    @pytest.mark.parametrize(
        "parts",
        [
            (" && !ret", f"\n\t\t{INSERT}\n"),
            ("", f" {{\n\t\t{INSERT}\n\t\tif (ret)\n\t\t\treturn ret;\n\t}}\n"),
            ("", f" {{\n\t\t{INSERT}\n\t\tif (ring->ro)\n\t\t\tbreak;\n\t}}\n"),
        ],
    )
    def test_that_is_read_or_the_last_is_not(self, parts: tuple[str, str]) -> None:
        text = (LEGACY % (self.BODY % parts)).replace("int ret;", "int ret = 0;")
        assert "R18" not in _loud(text)


class TestWhere:
    """R01: where a mapping is, in what outlives it."""

    @pytest.mark.parametrize("kept", ["desc->start", "desc->end - 1", "desc->start >> PAGE_SHIFT"])
    def test_is_kept(self, kept: str) -> None:
        body = f"\tring->base = {kept};\n\treturn 0;"
        assert _loud(PREPARE % body) == {"R01"}

    @pytest.mark.parametrize(
        "body",
        [
            "\tunsigned long start = desc->start;\n\n\treturn start ? 0 : -EINVAL;",
            "\tring->base = desc->start;\n\treturn -EINVAL;",
            "\tring->mode = 3;\n\treturn 0;",
        ],
    )
    def test_is_not(self, body: str) -> None:
        assert _loud(PREPARE % body) == set()


class TestFaults:
    """R20: page frames that a helper of the fault handler inserts."""

    OPS = """\
static vm_fault_t ring_put(struct vm_fault *vmf, struct ring *ring)
{
	return %s(vmf->vma, vmf->address, ring->base >> PAGE_SHIFT);
}

static vm_fault_t ring_fault(struct vm_fault *vmf)
{
	return ring_put(vmf, vmf->vma->vm_private_data);
}

static const struct vm_operations_struct ring_vm_ops = {
	.fault = ring_fault,
};

"""
    BODY = """\
	if (desc->pgoff || vma_desc_size(desc) > ring->bytes%s)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_PFNMAP_BIT, VMA_IO_BIT, VMA_DONTEXPAND_BIT);
	desc->private_data = ring;
	desc->vm_ops = &ring_vm_ops;
	return 0;"""

    def test_into_a_private_mapping(self) -> None:
        assert _loud(self.OPS % "vmf_insert_pfn" + PREPARE % (self.BODY % "")) == {"R20"}

    def test_not_into_one(self) -> None:
        excluded = self.BODY % " || vma_desc_is_cow_mapping(desc)"
        assert _loud(self.OPS % "vmf_insert_pfn" + PREPARE % excluded) == set()
        assert _loud(self.OPS % "ring_insert" + PREPARE % (self.BODY % "")) == set()


class TestDescriptors:
    """R11: of which only some members are set."""

    WRAP = """\
int ring_wrap(struct file *file, unsigned long at)
{{
	struct vm_area_desc desc;

{}	return ring_inner(&desc);
}}
"""

    def test_some_are_not_set(self) -> None:
        some = "\tdesc.file = file;\n\tdesc.start = at;\n"
        assert _loud(self.WRAP.format(some)) == {"R11"}

    def test_those_are_set_that_hooks_ask_for(self) -> None:
        known = {"file": "file", "start": "at", "end": "at + PAGE_SIZE", "pgoff": "0"}
        body = "".join(f"\tdesc.{name} = {value};\n" for name, value in known.items())
        assert _loud(self.WRAP.format(body)) == set()

    def test_something_else_fills_it(self) -> None:
        body = "\tmemset(&desc, 0, sizeof(desc));\n\tdesc.file = file;\n"
        assert _loud(self.WRAP.format(body)) == set()
        assert _loud(self.WRAP.format("\tdesc.file = file;\n" + body)) == set()
