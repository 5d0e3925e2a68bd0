# SPDX-License-Identifier: GPL-2.0-only
"""`vma_flags_t` and its functions (include/linux/mm.h, include/linux/mm_types.h).

A set of flags is one 64-bit word, which may be symbolic; tests build terms and never split.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator

from premap.model import bits as names
from premap.model.words import U64_MAX


class VmaFlags:
    """vma_flags_t: the flags of a mapping, as a value that can't be changed.

    In C, setting a flag in a local copy changes nothing else; here it can't even be tried.
    """

    __slots__ = ("_bits",)

    def __init__(self, bits: int = 0) -> None:
        self._bits = bits

    @property
    def bits(self) -> int:
        """The word of the bitmap."""
        return self._bits

    def __iter__(self) -> Iterator[int]:
        word = operator.index(self._bits)
        return (bit for bit in range(64) if word >> bit & 1)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VmaFlags):
            return NotImplemented
        return self._bits == other.bits

    def __hash__(self) -> int:
        return hash((VmaFlags, operator.index(self._bits)))

    def __str__(self) -> str:
        return flag_names(self._bits)

    def __repr__(self) -> str:
        return f"VmaFlags({self})"


def mask_of(bits: tuple[int, ...]) -> int:
    """Return the mask that has the given bit numbers set."""
    mask = 0
    for bit in bits:
        mask |= 1 << bit
    return mask


def flag_names(word: int) -> str:
    """`READ|WRITE` for a word of flags; a symbolic word as it prints itself."""
    if not hasattr(word, "__index__"):
        return repr(word)
    concrete = operator.index(word)
    found = [names.BIT_NAMES.get(bit, str(bit)) for bit in range(64) if concrete >> bit & 1]
    return "|".join(found) or "0"


def smaps_flags(word: int) -> list[str]:
    """Two-letter names of the flags, in the order of VmFlags in /proc/PID/smaps."""
    concrete = operator.index(word)
    return [letters for bit, letters in names.SMAPS_NAMES.items() if concrete >> bit & 1]


def mk_vma_flags(*bits: int) -> VmaFlags:
    """mk_vma_flags: the flags with the given bit numbers."""
    return VmaFlags(mask_of(bits))


def append_vma_flags(flags: VmaFlags, *bits: int) -> VmaFlags:
    """append_vma_flags: a copy of `flags` with more bits set."""
    return VmaFlags(flags.bits | mask_of(bits))


def vma_flags_empty(flags: VmaFlags) -> bool:
    """vma_flags_empty: no flag is set."""
    return flags.bits == 0


def vma_flags_test(flags: VmaFlags, bit: int) -> bool:
    """vma_flags_test: the one flag is set."""
    return (flags.bits & (1 << bit)) != 0


def vma_flags_test_any(flags: VmaFlags, *bits: int) -> bool:
    """vma_flags_test_any: at least one of the flags is set."""
    return (flags.bits & mask_of(bits)) != 0


def vma_flags_test_all(flags: VmaFlags, *bits: int) -> bool:
    """vma_flags_test_all: each of the flags is set."""
    mask = mask_of(bits)
    return (flags.bits & mask) == mask


def vma_flags_and(flags: VmaFlags, *bits: int) -> VmaFlags:
    """vma_flags_and: those of the given flags that are set."""
    return VmaFlags(flags.bits & mask_of(bits))


def vma_flags_same(flags: VmaFlags, *bits: int) -> bool:
    """vma_flags_same: exactly the given flags are set."""
    return flags.bits == mask_of(bits)


def vma_flags_same_pair(flags: VmaFlags, other: VmaFlags) -> bool:
    """vma_flags_same_pair: both have precisely the same flags."""
    return flags.bits == other.bits


def vma_flags_diff_pair(flags: VmaFlags, other: VmaFlags) -> VmaFlags:
    """vma_flags_diff_pair: the flags that are set in one of the two only."""
    return VmaFlags(flags.bits ^ other.bits)


def vma_flags_test_single_mask(flags: VmaFlags, mask: VmaFlags) -> bool:
    """vma_flags_test_single_mask: the one flag of `mask` is set; false if the mask is empty."""
    return (flags.bits & mask.bits) != 0


def vma_flags_count(flags: VmaFlags) -> int:
    """vma_flags_count: how many flags are set (needs a concrete word)."""
    return operator.index(flags.bits).bit_count()


def legacy_to_vma_flags(mask: int) -> VmaFlags:
    """legacy_to_vma_flags: from a word of VM_ masks."""
    return VmaFlags(mask)


def vma_flags_to_legacy(flags: VmaFlags) -> int:
    """vma_flags_to_legacy: to a word of VM_ masks."""
    return flags.bits


def cleared(word: int, mask: int) -> int:
    """`word & ~mask`."""
    return word & (mask ^ U64_MAX)


def is_cow_mapping(word: int) -> bool:
    """is_cow_mapping: MAYWRITE without SHARED."""
    return (word & names.VM_SHARED_MAYWRITE) == names.VM_MAYWRITE


def is_shared_maywrite(word: int) -> bool:
    """is_shared_maywrite: SHARED and MAYWRITE."""
    return (word & names.VM_SHARED_MAYWRITE) == names.VM_SHARED_MAYWRITE
