# SPDX-License-Identifier: GPL-2.0-only
"""A legacy hook that calls a lower file's mmap_prepare."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from premap.model import (
    VM_IO,
    VMA_IO_BIT,
    AddressSpace,
    File,
    VmOperations,
    compat_vma_mmap,
    get_file,
    mmap_action_remap_full,
    vfs_mmap,
    vma_desc_set_flags,
)

from .kit import BASE, OPS, PFN, fails, legacy, plain, prepare, shared


def stacked(lower: File, before: Any = None) -> File:
    """Return a file whose `->mmap` hands the VMA to `lower`."""

    def mmap(file: File, vma: Any) -> Any:
        if before is not None:
            before(vma)
        return vfs_mmap(lower, vma)

    return legacy(mmap)


class TestDescriptor:
    def test_changes_reach_the_vma(self) -> None:
        def hook(desc: Any) -> None:
            desc.vm_ops = OPS
            desc.pgoff = 9
            vma_desc_set_flags(desc, VMA_IO_BIT)

        mm = AddressSpace()
        shared(mm, stacked(prepare(hook)))
        vma = mm.vmas()[0]
        assert (vma.vm_ops, vma.vm_pgoff, vma.vm_flags & VM_IO) == (OPS, 9, VM_IO)

    def test_file_is_the_lower_one_and_vm_file_the_upper(self) -> None:
        seen = []
        lower = prepare(lambda desc: seen.append((desc.file, desc.vm_file)))
        upper = stacked(lower)
        shared(AddressSpace(), upper)
        assert seen == [(lower, upper)]

    def test_operations_begin_as_those_of_the_vma(self) -> None:
        def before(vma: Any) -> None:
            vma.vm_ops = OPS

        mm = AddressSpace()
        shared(mm, stacked(prepare(lambda desc: None), before))
        assert mm.vmas()[0].vm_ops is OPS

    def test_private_data_is_lost(self) -> None:
        def before(vma: Any) -> None:
            vma.vm_private_data = "upper"

        mm = AddressSpace()
        shared(mm, stacked(prepare(plain), before))
        assert mm.vmas()[0].vm_private_data is None

    def test_a_replaced_file_gets_a_second_reference(self) -> None:
        other = prepare(plain)

        def hook(desc: Any) -> None:
            desc.vm_file = get_file(other)

        mm = AddressSpace()
        shared(mm, stacked(prepare(hook)))
        assert other.f_count == 3


class TestActions:
    def test_are_performed(self) -> None:
        mm = AddressSpace()
        shared(mm, stacked(prepare(lambda desc: mmap_action_remap_full(desc, PFN))))
        assert mm.page_at(BASE).pfn == PFN

    def test_mapped_is_called(self) -> None:
        called = []
        ops = VmOperations(mapped=lambda *_: called.append(1))

        def hook(desc: Any) -> None:
            desc.vm_ops = ops

        shared(AddressSpace(), stacked(prepare(hook)))
        assert called == [1]

    def test_hiding_is_switched_off(self) -> None:
        def hook(desc: Any) -> None:
            mmap_action_remap_full(desc, PFN)
            desc.action.hide_from_rmap_until_complete = True

        mm = AddressSpace()
        with mm.trace() as events:
            shared(mm, stacked(prepare(hook)))
        assert "rmap_lock" not in [event.kind for event in events]


class TestFailure:
    def test_neither_close_nor_override(self) -> None:
        closed = []
        ops = VmOperations(mapped=lambda *_: -errno.EBUSY, close=lambda vma: closed.append(1))

        def hook(desc: Any) -> None:
            desc.vm_ops = ops
            desc.action.error_override = -errno.EAGAIN

        mm = AddressSpace()
        with fails() as caught:
            shared(mm, stacked(prepare(hook)))
        assert (caught.value.errno, closed, mm.vmas()) == (errno.EBUSY, [], [])

    def test_error_of_the_lower_hook(self) -> None:
        lower = prepare(lambda desc: -errno.EPERM)
        upper = legacy(lambda file, vma: compat_vma_mmap(lower, vma))
        with pytest.raises(PermissionError):
            shared(AddressSpace(), upper)
