# SPDX-License-Identifier: GPL-2.0-only
"""The four kinds of field of a descriptor."""

from __future__ import annotations

from typing import Any

import pytest

from premap.model import (
    VM_IO,
    VM_MAYWRITE,
    VM_READ,
    VMA_IO_BIT,
    VMA_MAYWRITE_BIT,
    VMA_READ_BIT,
    VMA_WRITE_BIT,
    AddressSpace,
    VmAreaDesc,
    append_vma_flags,
    vma_desc_clear_flags,
    vma_desc_is_cow_mapping,
    vma_desc_pages,
    vma_desc_set_anonymous,
    vma_desc_set_flags,
    vma_desc_size,
    vma_desc_test,
    vma_desc_test_all,
    vma_desc_test_any,
)

from .kit import BASE, OPS, PAGE, plain, prepare


@pytest.fixture
def desc() -> VmAreaDesc:
    return VmAreaDesc(AddressSpace(), prepare(plain), BASE, BASE + 3 * PAGE, 7, VM_READ, VM_READ)


class TestImmutable:
    @pytest.mark.parametrize("name", ["mm", "file", "start", "end"])
    def test_can_be_read(self, desc: VmAreaDesc, name: str) -> None:
        assert getattr(desc, name) is not None

    @pytest.mark.parametrize("name", ["mm", "file", "start", "end"])
    def test_assigning_names_field_and_rule(self, desc: VmAreaDesc, name: str) -> None:
        with pytest.raises(AttributeError, match=f"{name} of a vm_area_desc is immutable"):
            setattr(desc, name, None)


class TestMutable:
    def test_is_filled_in(self, desc: VmAreaDesc) -> None:
        assert (desc.pgoff, desc.vma_flags.bits, desc.page_prot) == (7, VM_READ, VM_READ)
        assert desc.vm_file is desc.file

    def test_a_copy_of_the_flags_is_a_copy(self, desc: VmAreaDesc) -> None:
        append_vma_flags(desc.vma_flags, VMA_IO_BIT)
        assert desc.vma_flags.bits == VM_READ

    def test_flags_can_be_stored_back(self, desc: VmAreaDesc) -> None:
        desc.vma_flags = append_vma_flags(desc.vma_flags, VMA_IO_BIT)
        assert desc.vma_flags.bits == VM_READ | VM_IO


class TestWriteOnly:
    @pytest.mark.parametrize("name", ["vm_ops", "private_data"])
    def test_reading_names_field_and_rule(self, desc: VmAreaDesc, name: str) -> None:
        setattr(desc, name, OPS)
        with pytest.raises(AttributeError, match=f"{name} of a vm_area_desc is write-only"):
            getattr(desc, name)

    def test_c_reads_what_is_there(self, desc: VmAreaDesc) -> None:
        desc.vm_ops = OPS
        assert desc.raw("vm_ops") is OPS
        assert desc.raw("private_data") is None

    def test_c_writes_what_it_likes(self, desc: VmAreaDesc) -> None:
        desc.set_raw("end", BASE + PAGE)
        assert desc.end == BASE + PAGE


class TestAction:
    def test_can_not_be_assigned(self, desc: VmAreaDesc) -> None:
        with pytest.raises(AttributeError, match="mmap_action_xxx"):
            desc.action = None  # type: ignore[assignment]

    @pytest.mark.parametrize("name", ["type", "arguments"])
    def test_its_parts_can_not_be_assigned(self, desc: VmAreaDesc, name: str) -> None:
        with pytest.raises(AttributeError):
            setattr(desc.action, name, 1)

    def test_error_override_and_hiding_may_be_set(self, desc: VmAreaDesc) -> None:
        desc.action.error_override = -11
        desc.action.hide_from_rmap_until_complete = True
        assert desc.action.error_override == -11


class TestHelpers:
    def test_size_and_pages(self, desc: VmAreaDesc) -> None:
        assert (vma_desc_size(desc), vma_desc_pages(desc)) == (3 * PAGE, 3)

    def test_set_and_clear(self, desc: VmAreaDesc) -> None:
        vma_desc_set_flags(desc, VMA_IO_BIT, VMA_MAYWRITE_BIT)
        vma_desc_clear_flags(desc, VMA_READ_BIT, VMA_IO_BIT)
        assert desc.vma_flags.bits == VM_MAYWRITE

    def test_tests(self, desc: VmAreaDesc) -> None:
        assert vma_desc_test(desc, VMA_READ_BIT)
        assert vma_desc_test_any(desc, VMA_WRITE_BIT, VMA_READ_BIT)
        assert not vma_desc_test_all(desc, VMA_WRITE_BIT, VMA_READ_BIT)

    def test_copy_on_write_is_maywrite_without_shared(self, desc: VmAreaDesc) -> None:
        assert not vma_desc_is_cow_mapping(desc)
        vma_desc_set_flags(desc, VMA_MAYWRITE_BIT)
        assert vma_desc_is_cow_mapping(desc)

    def test_anonymous_is_null_operations(self, desc: VmAreaDesc) -> None:
        vma_desc_set_anonymous(desc)
        assert desc.raw("vm_ops") is None


class TestDummyOperations:
    def test_a_hook_that_sets_none_gets_dummy_ones(self) -> None:
        mm, seen = AddressSpace(), []

        def hook(desc: Any) -> None:
            seen.append(desc.raw("vm_ops"))

        mm.mmap(BASE, PAGE, 1, 1 | 0x10, prepare(hook))
        assert seen[0] is mm.vmas()[0].vm_ops
        assert mm.vmas()[0].vm_ops is not None
