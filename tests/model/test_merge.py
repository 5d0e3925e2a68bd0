# SPDX-License-Identifier: GPL-2.0-only
"""Merging of new and of changed mappings with their neighbours."""

from __future__ import annotations

from typing import Any

import pytest

from premap.model import (
    PROT_READ,
    VM_DONTCOPY,
    VM_SEQ_READ,
    VMA_DONTCOPY_BIT,
    AddressSpace,
    File,
    VmOperations,
    vm_flags_set,
    vma_desc_set_flags,
)

from .kit import BASE, OPS, PAGE, RW, consistent, layout, legacy, plain, prepare, private, shared


class TestNewMappings:
    def test_continues_the_one_before(self) -> None:
        mm, file = AddressSpace(), prepare(plain)
        shared(mm, file)
        shared(mm, file, at=2, off=2)
        assert layout(mm) == [(0, 4)]
        assert consistent(mm)

    def test_precedes_the_one_after(self) -> None:
        mm, file = AddressSpace(), prepare(plain)
        shared(mm, file, at=2, off=2)
        shared(mm, file)
        assert (layout(mm), mm.vmas()[0].vm_pgoff) == ([(0, 4)], 0)

    def test_fills_a_gap(self) -> None:
        mm, file = AddressSpace(), prepare(plain)
        shared(mm, file)
        shared(mm, file, at=4, off=4)
        shared(mm, file, at=2, off=2)
        assert layout(mm) == [(0, 6)]
        assert (consistent(mm), file.f_count) == (True, 2)

    def test_replacing_the_middle_mends_it(self) -> None:
        mm, file = AddressSpace(), prepare(plain)
        shared(mm, file, pages=6)
        shared(mm, file, pages=2, at=2, off=2)
        assert layout(mm) == [(0, 6)]
        assert consistent(mm)

    @pytest.mark.parametrize("off", [0, 1, 3])
    def test_another_offset_does_not(self, off: int) -> None:
        mm, file = AddressSpace(), prepare(plain)
        shared(mm, file)
        shared(mm, file, at=2, off=off)
        assert layout(mm) == [(0, 2), (2, 2)]

    def test_another_file_does_not(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(plain))
        shared(mm, prepare(plain), at=2, off=2)
        assert layout(mm) == [(0, 2), (2, 2)]

    def test_other_flags_do_not(self) -> None:
        mm, file = AddressSpace(), prepare(plain)
        shared(mm, file)
        mm.mmap(BASE + 2 * PAGE, PAGE, PROT_READ, 1 | 0x10, file, 2 * PAGE)
        assert layout(mm) == [(0, 2), (2, 1)]

    def test_other_private_data_does(self) -> None:
        def hook(desc: Any) -> None:
            desc.vm_ops = OPS
            desc.private_data = desc.pgoff

        mm, file = AddressSpace(), prepare(hook)
        shared(mm, file)
        shared(mm, file, at=2, off=2)
        assert layout(mm) == [(0, 4)]

    def test_shared_anonymous_memory_never_does(self) -> None:
        mm = AddressSpace()
        shared(mm, None)
        shared(mm, None, at=2)
        assert layout(mm) == [(0, 2), (2, 2)]


class TestClose:
    CLOSING = VmOperations(close=lambda vma: None)

    def hook(self, desc: Any) -> None:
        desc.vm_ops = self.CLOSING

    def test_does_not_prevent_an_extension(self) -> None:
        mm, file = AddressSpace(), prepare(self.hook)
        shared(mm, file)
        shared(mm, file, at=2, off=2)
        assert layout(mm) == [(0, 4)]

    def test_prevents_removal(self) -> None:
        mm, file = AddressSpace(), prepare(self.hook)
        shared(mm, file)
        shared(mm, file, at=4, off=4)
        shared(mm, file, at=2, off=2)
        assert layout(mm) == [(0, 4), (4, 2)]


class TestBeforeAndAfterTheHook:
    """A legacy mapping merges on its flags before the hook, an mmap_prepare one after it."""

    def test_legacy_flags_part_a_mapping_from_its_like(self) -> None:
        def hook(file: File, vma: Any) -> None:
            vma.vm_ops = OPS
            vm_flags_set(vma, VM_DONTCOPY)

        mm, file = AddressSpace(), legacy(hook)
        shared(mm, file)
        shared(mm, file, at=2, off=2)
        assert layout(mm) == [(0, 2), (2, 2)]

    def test_prepared_flags_do_not(self) -> None:
        def hook(desc: Any) -> None:
            desc.vm_ops = OPS
            vma_desc_set_flags(desc, VMA_DONTCOPY_BIT)

        mm, file = AddressSpace(), prepare(hook)
        shared(mm, file)
        shared(mm, file, at=2, off=2)
        assert layout(mm) == [(0, 4)]


class TestAnonymousOffset:
    def test_written_pages_that_moved_keep_their_old_offset(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=1)
        mm.touch(BASE, write=True)
        mm.mremap(BASE, PAGE, PAGE, 3, BASE + 8 * PAGE)
        private(mm, None, pages=1, at=9)
        assert layout(mm) == [(8, 1), (9, 1)]

    def test_unwritten_memory_takes_the_offset_of_its_new_place(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=1)
        mm.mremap(BASE, PAGE, PAGE, 3, BASE + 8 * PAGE)
        private(mm, None, pages=1, at=9)
        assert layout(mm) == [(8, 2)]


class TestChangedMappings:
    def test_changing_back_mends(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=4)
        mm.mprotect(BASE + PAGE, PAGE, PROT_READ)
        assert layout(mm) == [(0, 1), (1, 1), (2, 2)]
        mm.mprotect(BASE + PAGE, PAGE, RW)
        assert layout(mm) == [(0, 4)]
        assert consistent(mm)

    @pytest.mark.parametrize(("at", "expected"), [(2, [(0, 3), (3, 1)]), (3, [(0, 2), (2, 2)])])
    def test_part_of_a_mapping_joins_its_neighbour(
        self, at: int, expected: list[tuple[int, int]]
    ) -> None:
        mm = AddressSpace()
        private(mm, None, pages=4)
        mm.mprotect(BASE + 2 * PAGE, 2 * PAGE, PROT_READ)
        if at == 2:
            mm.mprotect(BASE + 2 * PAGE, PAGE, RW)
        else:
            mm.mprotect(BASE, 2 * PAGE, PROT_READ)
            mm.mprotect(BASE, 2 * PAGE, RW)
        assert layout(mm) == expected
        assert consistent(mm)

    def test_part_joins_the_one_after(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=4)
        mm.madvise(BASE + 2 * PAGE, 2 * PAGE, 2)
        mm.madvise(BASE + PAGE, PAGE, 2)
        assert layout(mm) == [(0, 1), (1, 3)]
        assert mm.vmas()[1].vm_flags & VM_SEQ_READ
        assert mm.vmas()[1].vm_pgoff == BASE // PAGE + 1

    def test_page_tables_go_along(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=4)
        for page in range(4):
            mm.touch(BASE + page * PAGE, write=True)
        before = [mm.page_at(BASE + page * PAGE).source for page in range(4)]
        mm.mprotect(BASE + PAGE, 2 * PAGE, PROT_READ)
        mm.mprotect(BASE + 2 * PAGE, 2 * PAGE, RW)
        mm.mprotect(BASE + PAGE, PAGE, RW)
        after = [mm.page_at(BASE + page * PAGE).source for page in range(4)]
        assert after == before
        assert (layout(mm), consistent(mm)) == ([(0, 4)], True)
