# SPDX-License-Identifier: GPL-2.0-only
"""The model with words that the solver knows: where it splits, and what comes of a path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from premap.model import (
    FMODE_READ,
    MAP_FIXED,
    VM_MAYWRITE,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
    AddressSpace,
    File,
    FileOperations,
    KernelBug,
    ListTree,
    Page,
    mmap_action_remap,
    mmap_action_remap_full,
    mmap_action_simple_ioremap,
    remap_pfn_range,
    vm_map_pages,
    vma_desc_pages,
    vma_pages,
    vma_size,
)
from premap.model.mmap import do_mmap
from premap.symbolic import Explorer, Path, check, const, var

from .kit import BASE, PAGE, PFN, plain, prepare

LENGTH, PGOFF, FLAGS = var("length"), var("pgoff"), var("flags")
ASSUME = [LENGTH > 0, LENGTH < 1 << 30, (LENGTH & (PAGE - 1)) == 0, PGOFF < 1 << 40]
SHARED = VM_READ | VM_WRITE | VM_SHARED | VM_MAYWRITE


def paths(
    operations: FileOperations, flags: Any = SHARED, **more: Any
) -> list[Path[tuple[int, AddressSpace]]]:
    """Map LENGTH bytes of a file from page PGOFF on, along every path."""

    def program() -> tuple[int, AddressSpace]:
        mm = AddressSpace(tree=ListTree)
        return mm.mmap_region(File(operations, **more), BASE, LENGTH, flags, PGOFF), mm

    return list(Explorer(ASSUME).explore(program, stop=KernelBug))


def results(found: list[Path[tuple[int, AddressSpace]]]) -> list[int]:
    return sorted(path.value[0] for path in found if path.value is not None)


class TestSplits:
    def test_a_hook_without_questions_has_one_path(self) -> None:
        assert len(paths(FileOperations(mmap_prepare=plain), SHARED)) == 1

    def test_flags_split_where_a_remap_asks_for_copy_on_write_only(self) -> None:
        def hook(desc: Any) -> None:
            mmap_action_remap_full(desc, PFN)

        found = paths(FileOperations(mmap_prepare=hook), FLAGS & 0xFF)
        assert (len(found), results(found)) == (2, [0, 0])

    def test_a_bounds_check_has_two_sides(self) -> None:
        found = paths(FileOperations(mmap_prepare=lambda d: -22 if vma_desc_pages(d) > 16 else 0))
        assert results(found) == [-22, 0]

    def test_the_check_of_a_helper_has_its_own(self) -> None:
        def hook(desc: Any) -> None:
            mmap_action_simple_ioremap(desc, PFN * PAGE, 8 * PAGE)

        assert results(paths(FileOperations(mmap_prepare=hook))) == [-22, -22, 0]

    def test_a_range_of_the_hooks_own_may_be_outside(self) -> None:
        size = var("size")
        found = paths(
            FileOperations(mmap_prepare=lambda d: mmap_action_remap(d, d.start, PFN, size))
        )
        assert -14 in results(found)
        assert any(isinstance(path.exception, KernelBug) for path in found)


class TestEntries:
    def entry(self, path: Path[tuple[int, AddressSpace]], page: Any) -> Any:
        assert path.value is not None
        mm = path.value[1]
        seen: list[Any] = []
        assumed = [*path.condition, page < LENGTH >> 12]
        for _ in Explorer(assumed).explore(lambda: seen.append(mm.page_at(BASE + (page << 12)))):
            pass
        (entry,) = seen
        return entry

    def test_one_symbolic_page_tells_them_all(self) -> None:
        def legacy(file: File, vma: Any) -> int:
            pfn = (PFN + vma.vm_pgoff) & (2**64 - 1)
            return remap_pfn_range(vma, vma.vm_start, pfn, vma_size(vma), vma.vm_page_prot)

        (path,) = paths(FileOperations(mmap=legacy))
        page = var("page")
        entry = self.entry(path, page)
        wrong = entry.pfn != ((PFN + PGOFF + page) & (2**64 - 1))
        assert check([*path.condition, page < LENGTH >> 12, wrong]) is None

    def test_page_arrays_are_indexed_by_a_word(self) -> None:
        pages = [Page(PFN + i) for i in range(16)]
        found = paths(FileOperations(mmap=lambda file, vma: vm_map_pages(vma, pages, 16)))
        assert results(found) == [-6, -6, 0]
        (mapped,) = [path for path in found if path.value and path.value[0] == 0]
        page = var("page")
        entry = self.entry(mapped, page)
        assert entry.source is pages
        assert check([*mapped.condition, page < LENGTH >> 12, entry.index >= 16]) is None


class TestNeighbours:
    """Placed relative to the new mapping, so that every comparison of addresses is decided."""

    BEFORE, AFTER = var("before"), var("after")

    def sides(self) -> list[Any]:
        both = (self.BEFORE, self.AFTER)
        return [c for v in both for c in (v > 0, v < 1 << 30, (v & (PAGE - 1)) == 0)]

    @pytest.mark.parametrize(("gap", "expected"), [(0, 1), (PAGE, 3)])
    def test_touching_ones_merge(self, gap: int, expected: int) -> None:
        high = 1 << 40

        def program() -> int:
            mm, file = AddressSpace(tree=ListTree), prepare(plain)
            low, above = self.BEFORE + gap, LENGTH + gap
            first = high // PAGE
            mm.mmap_region(file, high - low, self.BEFORE, SHARED, first - (low >> 12))
            mm.mmap_region(file, high + above, self.AFTER, SHARED, first + (above >> 12))
            mm.mmap_region(file, high, LENGTH, SHARED, first)
            return len(mm.vmas())

        found = list(Explorer([*ASSUME, *self.sides()]).explore(program))
        assert [path.value for path in found] == [expected]

    def test_replacing_the_middle_of_a_mapping(self) -> None:
        def program() -> list[int]:
            mm, file = AddressSpace(tree=ListTree), prepare(plain)
            whole = self.BEFORE + LENGTH + self.AFTER
            mm.mmap_region(None, BASE, whole, VM_READ, BASE >> 12)
            mm.mmap_region(file, BASE + self.BEFORE, LENGTH, SHARED, 0)
            return [vma_pages(vma) for vma in mm.vmas()]

        (path,) = Explorer([*ASSUME, *self.sides()]).explore(program)
        assert path.value is not None
        wanted = [self.BEFORE >> 12, LENGTH >> 12, self.AFTER >> 12]
        for got, expected in zip(path.value, wanted, strict=True):
            assert check([*path.condition, got != expected]) is None


class TestSystemCall:
    def test_the_mode_of_the_file_may_be_symbolic(self) -> None:
        mode = var("mode")

        def program() -> int:
            mm, file = AddressSpace(tree=ListTree), prepare(plain, f_mode=mode)
            return do_mmap(mm, file, BASE, LENGTH, VM_READ, 1 | MAP_FIXED, PGOFF)[0]

        found = list(Explorer(ASSUME).explore(program))
        refused = [path for path in found if path.value == -13]
        assert sorted({path.value or 0 for path in found}) == [-13, 0]
        for path in refused:
            assert check([*path.condition, (mode & FMODE_READ) != 0]) is None

    @pytest.mark.parametrize("make", [int, const], ids=["plain", "constant"])
    def test_both_kinds_of_words_give_the_same(self, make: Callable[[int], Any]) -> None:
        mm = AddressSpace(tree=ListTree)
        address = mm.mmap(make(BASE), make(3 * PAGE), make(3), make(0x12), prepare(plain))
        mm.mprotect(make(BASE + PAGE), make(PAGE), make(1))
        assert address == BASE
        assert [int(vma.vm_end - vma.vm_start) for vma in mm.vmas()] == [PAGE] * 3


class TestAccounting:
    def test_what_a_failed_mapping_charged_is_given_back_whatever_its_flags(self) -> None:
        found = paths(FileOperations(mmap_prepare=lambda desc: -22), FLAGS & 0xFF)
        assert results(found) == [-22]
        for path in found:
            assert path.value is not None
            committed: Any = path.value[1].memory.committed_as
            assert check([*path.condition, committed != 0]) is None
