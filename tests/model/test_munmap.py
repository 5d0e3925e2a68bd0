# SPDX-License-Identifier: GPL-2.0-only
"""munmap(): splitting, closing, and its checks."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from premap.model import AddressSpace, VmOperations, mmap_action_remap_full

from .kit import BASE, PAGE, PFN, consistent, fails, layout, prepare, private, shared


class TestSplitting:
    def test_the_middle(self) -> None:
        mm = AddressSpace()
        private(mm, None, pages=5)
        mm.munmap(BASE + 2 * PAGE, PAGE)
        assert layout(mm) == [(0, 2), (3, 2)]
        assert consistent(mm)

    def test_offsets_follow(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: None), pages=5, off=10)
        mm.munmap(BASE + 2 * PAGE, PAGE)
        assert [vma.vm_pgoff for vma in mm.vmas()] == [10, 13]

    def test_entries_follow(self) -> None:
        mm = AddressSpace()
        shared(mm, prepare(lambda desc: mmap_action_remap_full(desc, PFN)), pages=5)
        mm.munmap(BASE + 2 * PAGE, PAGE)
        entries = [mm.page_at(BASE + page * PAGE) for page in range(5)]
        assert [e and e.pfn for e in entries] == [PFN, PFN + 1, None, PFN + 3, PFN + 4]

    def test_several_mappings(self) -> None:
        mm = AddressSpace()
        for at in (0, 3, 6):
            shared(mm, None, pages=2, at=at)
        mm.munmap(BASE + PAGE, 6 * PAGE)
        assert layout(mm) == [(0, 1), (7, 1)]
        assert consistent(mm)


class TestCallbacks:
    def test_open_for_the_new_part_then_close(self) -> None:
        calls: list[tuple[str, int, int]] = []

        def note(name: str) -> Any:
            return lambda vma: calls.append(
                (name, (vma.vm_start - BASE) // PAGE, (vma.vm_end - BASE) // PAGE)
            )

        ops = VmOperations(open=note("open"), close=note("close"))

        def hook(desc: Any) -> None:
            desc.vm_ops = ops

        mm = AddressSpace()
        shared(mm, prepare(hook), pages=4)
        mm.munmap(BASE + PAGE, PAGE)
        assert calls == [("open", 0, 1), ("open", 2, 4), ("close", 1, 2)]

    def test_may_split_forbids(self) -> None:
        ops = VmOperations(may_split=lambda vma, address: -errno.EINVAL)

        def hook(desc: Any) -> None:
            desc.vm_ops = ops

        mm = AddressSpace()
        shared(mm, prepare(hook), pages=4)
        with fails():
            mm.munmap(BASE, PAGE)
        mm.munmap(BASE, 4 * PAGE)
        assert mm.vmas() == []

    def test_exit_closes_in_order(self) -> None:
        closed: list[int] = []
        ops = VmOperations(close=lambda vma: closed.append(vma.vm_start))

        def hook(desc: Any) -> None:
            desc.vm_ops = ops

        mm = AddressSpace()
        shared(mm, prepare(hook), at=4)
        shared(mm, prepare(hook), at=0)
        private(mm, None, at=8)
        mm.exit()
        assert closed == [BASE, BASE + 4 * PAGE]
        assert mm.memory.committed_as == 0


class TestChecks:
    @pytest.mark.parametrize(
        ("addr", "length"), [(BASE + 1, PAGE), (BASE, 0), (1 << 47, PAGE), (BASE, 1 << 47)]
    )
    def test_bad_ones_are_einval(self, addr: int, length: int) -> None:
        with fails() as caught:
            AddressSpace().munmap(addr, length)
        assert caught.value.errno == errno.EINVAL

    def test_nothing_there_is_no_error(self) -> None:
        AddressSpace().munmap(BASE, PAGE)

    def test_a_split_beyond_the_limit_is_enomem(self) -> None:
        mm = AddressSpace(max_map_count=1)
        private(mm, None, pages=3)
        with fails():
            mm.munmap(BASE + PAGE, PAGE)
        mm.munmap(BASE + 2 * PAGE, PAGE)
        assert layout(mm) == [(0, 2)]
