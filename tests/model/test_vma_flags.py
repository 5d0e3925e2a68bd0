# SPDX-License-Identifier: GPL-2.0-only
"""The functions of VMA flags: situations of the kernel's own tests (see test_vma_situations.py)."""

from __future__ import annotations

from itertools import permutations

import pytest

from premap.model import (
    VMA_DONTDUMP_BIT,
    VMA_DONTEXPAND_BIT,
    VMA_EXEC_BIT,
    VMA_IO_BIT,
    VMA_MAYEXEC_BIT,
    VMA_MAYREAD_BIT,
    VMA_MAYWRITE_BIT,
    VMA_PFNMAP_BIT,
    VMA_RAND_READ_BIT,
    VMA_READ_BIT,
    VMA_SEQ_READ_BIT,
    VMA_WRITE_BIT,
    AddressSpace,
    VmaFlags,
    VmAreaDesc,
    VmAreaStruct,
    append_vma_flags,
    bits,
    legacy_to_vma_flags,
    mk_vma_flags,
    vma_clear_flags,
    vma_desc_clear_flags,
    vma_desc_set_flags,
    vma_desc_test,
    vma_desc_test_all,
    vma_desc_test_any,
    vma_flags_and,
    vma_flags_count,
    vma_flags_diff_pair,
    vma_flags_empty,
    vma_flags_same,
    vma_flags_same_pair,
    vma_flags_test,
    vma_flags_test_all,
    vma_flags_test_any,
    vma_flags_test_single_mask,
    vma_flags_to_legacy,
    vma_set_flags,
    vma_test,
    vma_test_all,
    vma_test_any,
)

from .kit import BASE, PAGE


def described(flags: VmaFlags) -> VmAreaDesc:
    """Return a descriptor with these flags."""
    return VmAreaDesc(AddressSpace(), None, BASE, BASE + PAGE, 0, flags.bits, 0)


def mapped(flags: VmaFlags) -> VmAreaStruct:
    """Return a VMA with these flags."""
    return VmAreaStruct(AddressSpace(), BASE, BASE + PAGE, 0, 0, flags.bits, 0)


THREE = mk_vma_flags(VMA_READ_BIT, VMA_WRITE_BIT, VMA_EXEC_BIT)
FIVE = append_vma_flags(THREE, VMA_MAYWRITE_BIT, VMA_MAYEXEC_BIT)
OF_THREE = [
    chosen
    for size in (1, 2, 3)
    for chosen in permutations((VMA_READ_BIT, VMA_WRITE_BIT, VMA_EXEC_BIT), size)
]


class TestFlagsUnchanged:
    """A bit means the same as its mask, in flags, in VMAs and in descriptors."""

    def test_each_bit_in_turn(self) -> None:
        legacy, flags = 0, VmaFlags()
        vma, desc = mapped(flags), described(flags)
        for bit in range(64):
            legacy |= 1 << bit
            flags = append_vma_flags(flags, bit)
            vma_set_flags(vma, bit)
            vma_desc_set_flags(desc, bit)
            assert vma.flags == desc.vma_flags == flags == legacy_to_vma_flags(legacy)
            assert vma_flags_to_legacy(flags) == vma.vm_flags == legacy


class TestFlagsCleared:
    def test_all_of_them(self) -> None:
        vma, desc = mapped(VmaFlags(2**64 - 1)), described(VmaFlags(2**64 - 1))
        vma_clear_flags(vma, *range(64))
        vma_desc_clear_flags(desc, *range(64))
        assert vma.flags == desc.vma_flags == VmaFlags()


class TestFlagsTest:
    """Of one flag."""

    @pytest.mark.parametrize("bit", range(8))
    def test_is_true_if_it_is_set(self, bit: int) -> None:
        expected = bit in (VMA_READ_BIT, VMA_WRITE_BIT, VMA_EXEC_BIT)
        assert vma_flags_test(THREE, bit) is expected
        assert vma_test(mapped(THREE), bit) is expected
        assert vma_desc_test(described(THREE), bit) is expected
        assert vma_flags_test_single_mask(THREE, mk_vma_flags(bit)) is expected

    @pytest.mark.parametrize("flags", [THREE, VmaFlags()])
    def test_of_an_empty_mask_is_false(self, flags: VmaFlags) -> None:
        assert vma_flags_test_single_mask(flags, VmaFlags()) is False


class TestFlagsTestAny:
    @pytest.mark.parametrize("chosen", OF_THREE)
    def test_one_that_is_set_is_enough(self, chosen: tuple[int, ...]) -> None:
        given = (*chosen, VMA_MAYREAD_BIT, VMA_SEQ_READ_BIT)
        assert vma_flags_test_any(THREE, *given)
        assert vma_test_any(mapped(THREE), *given)
        assert vma_desc_test_any(described(THREE), *given)

    @pytest.mark.parametrize("chosen", OF_THREE)
    def test_all_of_them_need_all(self, chosen: tuple[int, ...]) -> None:
        for given, expected in ((chosen, True), ((*chosen, VMA_MAYREAD_BIT), False)):
            assert vma_flags_test_all(THREE, *given) is expected
            assert vma_test_all(mapped(THREE), *given) is expected
            assert vma_desc_test_all(described(THREE), *given) is expected

    def test_any_of_none_is_false(self) -> None:
        assert not vma_flags_test_any(THREE)
        assert not vma_test_any(mapped(THREE))

    def test_all_of_none_is_true(self) -> None:
        assert vma_flags_test_all(THREE)
        assert vma_test_all(mapped(THREE))


class TestFlagsClear:
    @pytest.mark.parametrize("chosen", OF_THREE)
    def test_what_is_cleared_can_be_set_again(self, chosen: tuple[int, ...]) -> None:
        vma, desc = mapped(THREE), described(THREE)
        vma_clear_flags(vma, *chosen)
        vma_desc_clear_flags(desc, *chosen)
        assert vma.flags == desc.vma_flags
        assert not vma_test_any(vma, *chosen)
        assert vma_flags_count(vma.flags) == 3 - len(chosen)
        vma_set_flags(vma, *chosen)
        vma_desc_set_flags(desc, *chosen)
        assert vma.flags == desc.vma_flags == THREE


class TestFlagsEmpty:
    def test_only_without_flags(self) -> None:
        vma = mapped(THREE)
        assert not vma_flags_empty(vma.flags)
        vma_clear_flags(vma, VMA_READ_BIT, VMA_WRITE_BIT, VMA_EXEC_BIT)
        assert vma_flags_empty(vma.flags)


class TestFlagsDiff:
    @pytest.mark.parametrize(("one", "other"), list(permutations((THREE, FIVE))))
    def test_what_only_one_has(self, one: VmaFlags, other: VmaFlags) -> None:
        assert vma_flags_same(vma_flags_diff_pair(one, other), VMA_MAYWRITE_BIT, VMA_MAYEXEC_BIT)

    @pytest.mark.parametrize("flags", [THREE, FIVE])
    def test_with_itself_and_with_nothing(self, flags: VmaFlags) -> None:
        assert vma_flags_empty(vma_flags_diff_pair(flags, flags))
        assert vma_flags_same_pair(vma_flags_diff_pair(flags, VmaFlags()), flags)

    def test_with_part_of_itself(self) -> None:
        part = mk_vma_flags(VMA_READ_BIT, VMA_WRITE_BIT)
        assert vma_flags_same(vma_flags_diff_pair(THREE, part), VMA_EXEC_BIT)
        assert not vma_flags_same_pair(THREE, part)


class TestFlagsAnd:
    ALL = (VMA_READ_BIT, VMA_WRITE_BIT, VMA_EXEC_BIT)

    def test_with_more_than_there_is(self) -> None:
        assert vma_flags_and(THREE, *FIVE) == THREE

    @pytest.mark.parametrize("flags", [THREE, FIVE])
    def test_with_itself(self, flags: VmaFlags) -> None:
        assert vma_flags_and(flags, *flags) == flags

    @pytest.mark.parametrize("flags", [THREE, FIVE])
    def test_with_others(self, flags: VmaFlags) -> None:
        assert vma_flags_empty(vma_flags_and(flags, VMA_IO_BIT, VMA_RAND_READ_BIT))

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_with_some(self, count: int) -> None:
        expected = mk_vma_flags(*self.ALL[:count])
        assert vma_flags_and(THREE, *self.ALL[:count]) == expected
        assert vma_flags_and(THREE, *self.ALL[:count], VMA_IO_BIT) == expected


class TestAppendFlags:
    REMAP = (VMA_IO_BIT, VMA_PFNMAP_BIT, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT)

    def test_to_those_of_a_remap(self) -> None:
        flags = append_vma_flags(VmaFlags(bits.VM_REMAP_FLAGS), VMA_READ_BIT, VMA_WRITE_BIT)
        assert vma_flags_same(flags, *self.REMAP, VMA_READ_BIT, VMA_WRITE_BIT)

    def test_to_none(self) -> None:
        flags = append_vma_flags(VmaFlags(), VMA_READ_BIT, VMA_WRITE_BIT)
        assert vma_flags_same(flags, VMA_READ_BIT, VMA_WRITE_BIT)

    def test_leaves_the_original(self) -> None:
        append_vma_flags(THREE, VMA_IO_BIT)
        assert not vma_flags_test(THREE, VMA_IO_BIT)


class TestFlagsCount:
    def test_one_less_for_each_cleared(self) -> None:
        vma = mapped(THREE)
        for left, bit in ((2, VMA_EXEC_BIT), (1, VMA_WRITE_BIT), (0, VMA_READ_BIT)):
            vma_clear_flags(vma, bit)
            assert vma_flags_count(vma.flags) == left
