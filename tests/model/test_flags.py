# SPDX-License-Identifier: GPL-2.0-only
"""VMA flags, against the header that defines them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from premap.model import (
    VM_IO,
    VM_READ,
    VM_WRITE,
    VMA_IO_BIT,
    VMA_READ_BIT,
    VMA_SEALED_BIT,
    VMA_WRITE_BIT,
    VmaFlags,
    append_vma_flags,
    bits,
    constants,
    legacy_to_vma_flags,
    mk_vma_flags,
    vma_flags_same,
    vma_flags_test,
    vma_flags_test_all,
    vma_flags_test_any,
    vma_flags_to_legacy,
)


class TestNumbers:
    def test_bits_are_those_of_the_header(self, kernel_tree: Callable[[str], Path]) -> None:
        header = (kernel_tree("7.3") / "include/linux/mm.h").read_text()
        declared = re.findall(r"DECLARE_VMA_BIT\((\w+), (\d+)\)", header)
        assert len(declared) > 40
        wrong = {
            name: number
            for name, number in declared
            if name != "MAYOVERLAY" and getattr(bits, f"VMA_{name}_BIT") != int(number)
        }
        assert wrong == {}

    def test_masks_are_those_of_the_bits(self) -> None:
        """But for flags that a 64-bit x86 kernel without soft-dirty tracking has not."""
        absent = {"SOFTDIRTY", "UFFD_RWP", "PKEY_BIT4", "GROWSUP", "MTE", "MTE_ALLOWED"}
        masks = {
            name[3:]: mask
            for name, mask in vars(bits).items()
            if name.startswith("VM_") and hasattr(bits, f"VMA_{name[3:]}_BIT")
        }
        assert len(masks) > 40
        for name, mask in masks.items():
            bit = getattr(bits, f"VMA_{name}_BIT")
            assert (name, mask) == (name, 0 if name in absent else 1 << bit)

    def test_letters_are_those_of_smaps(self, kernel_tree: Callable[[str], Path]) -> None:
        source = (kernel_tree("7.3") / "fs/proc/task_mmu.c").read_text()
        named = re.findall(r"\[ilog2\(VM_(\w+)\)\]\s*= \"(\w\w)\"", source)
        absent = {"SOFTDIRTY", "ARM64_BTI", "MTE", "UFFD_RWP"}
        for name, letters in named:
            if name not in absent:
                assert bits.SMAPS_NAMES[getattr(bits, f"VMA_{name}_BIT")] == letters

    def test_letters_come_in_the_order_of_the_bits(self) -> None:
        assert list(bits.SMAPS_NAMES) == sorted(bits.SMAPS_NAMES)

    def test_system_call_numbers_are_those_of_the_headers(
        self, kernel_tree: Callable[[str], Path]
    ) -> None:
        folder = kernel_tree("7.3") / "include/uapi"
        names = ("asm-generic/mman-common.h", "asm-generic/mman.h", "linux/mman.h")
        text = "".join((folder / name).read_text() for name in names)
        defined = re.findall(
            r"#define\s+((?:PROT|MAP|MADV|MREMAP|MCL)_\w+)\s+(0x[0-9a-f]+|\d+)\b", text
        )
        known = {name: int(value, 0) for name, value in defined if hasattr(constants, name)}
        assert len(known) > 50
        assert known == {name: getattr(constants, name) for name in known}

    @pytest.mark.parametrize("name", ["READ", "PFNMAP", "DONTDUMP", "SEALED", "DROPPABLE"])
    def test_a_mask_is_its_bit(self, name: str) -> None:
        assert getattr(bits, f"VM_{name}") == 1 << getattr(bits, f"VMA_{name}_BIT")


class TestValues:
    def test_iterates_over_its_bits(self) -> None:
        assert list(mk_vma_flags(VMA_SEALED_BIT, VMA_READ_BIT)) == [VMA_READ_BIT, VMA_SEALED_BIT]

    def test_prints_as_names(self) -> None:
        assert repr(mk_vma_flags(VMA_READ_BIT, VMA_IO_BIT)) == "VmaFlags(READ|IO)"

    def test_can_not_be_changed(self) -> None:
        flags = mk_vma_flags(VMA_READ_BIT)
        with pytest.raises(AttributeError):
            flags.bits = 3  # type: ignore[misc]

    def test_appending_leaves_the_original_alone(self) -> None:
        flags = mk_vma_flags(VMA_READ_BIT)
        assert append_vma_flags(flags, VMA_WRITE_BIT).bits == VM_READ | VM_WRITE
        assert flags.bits == VM_READ

    def test_masks_go_both_ways(self) -> None:
        assert vma_flags_to_legacy(legacy_to_vma_flags(VM_IO | VM_READ)) == VM_IO | VM_READ

    def test_equal_flags_hash_alike(self) -> None:
        assert len({VmaFlags(VM_IO), mk_vma_flags(VMA_IO_BIT)}) == 1


class TestTests:
    FLAGS = mk_vma_flags(VMA_READ_BIT, VMA_IO_BIT)

    def test_one(self) -> None:
        assert vma_flags_test(self.FLAGS, VMA_READ_BIT)
        assert not vma_flags_test(self.FLAGS, VMA_WRITE_BIT)

    def test_any(self) -> None:
        assert vma_flags_test_any(self.FLAGS, VMA_WRITE_BIT, VMA_IO_BIT)
        assert not vma_flags_test_any(self.FLAGS, VMA_WRITE_BIT)

    def test_all(self) -> None:
        assert vma_flags_test_all(self.FLAGS, VMA_READ_BIT, VMA_IO_BIT)
        assert not vma_flags_test_all(self.FLAGS, VMA_READ_BIT, VMA_WRITE_BIT)

    def test_same(self) -> None:
        assert vma_flags_same(self.FLAGS, VMA_IO_BIT, VMA_READ_BIT)
        assert not vma_flags_same(self.FLAGS, VMA_READ_BIT)
