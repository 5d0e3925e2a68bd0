# SPDX-License-Identifier: GPL-2.0-only
"""The mappings of an address space in order: the kernel's maple tree, behind two methods.

Everything else that the model does with the tree is done by position, without comparing addresses:
who found a mapping knows its neighbours. `SortedTree` is for running, `ListTree` for proving.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from premap.model.pagetable import PteRange
    from premap.model.vma import VmAreaStruct

_vm_end = attrgetter("vm_end")
_pte_end = attrgetter("end")


class VmaTree(Protocol):
    """Mappings by address; `vmas` may be sliced and assigned to, as long as the order stays."""

    vmas: list[VmAreaStruct]

    def locate(self, address: int) -> int:
        """Return the position of the first mapping that ends after `address` (bytes)."""
        ...

    def locate_pte(self, entries: list[PteRange], address: int) -> int:
        """Return the position of the first range of entries that ends after `address`."""
        ...


class SortedTree:
    """Binary search over a list.

    A list serves better than a tree here: vm.max_map_count bounds it to 65,530 entries, for which
    one memmove() costs less than a tree's bookkeeping, and a mapping that grows or shrinks keeps
    its position.
    """

    __slots__ = ("vmas",)

    def __init__(self) -> None:
        self.vmas: list[VmAreaStruct] = []

    def locate(self, address: int) -> int:
        """Return the position of the first mapping that ends after `address` (bytes)."""
        return bisect_right(self.vmas, address, key=_vm_end)

    def locate_pte(self, entries: list[PteRange], address: int) -> int:
        """Return the position of the first range of entries that ends after `address`."""
        return bisect_right(entries, address, key=_pte_end)


class ListTree:
    """A walk from the lowest mapping up, for a handful of mappings at symbolic addresses.

    Each comparison is an `if` of the model's; a proof places neighbours so that each is decided.
    """

    __slots__ = ("vmas",)

    def __init__(self) -> None:
        self.vmas: list[VmAreaStruct] = []

    def locate(self, address: int) -> int:
        """Return the position of the first mapping that ends after `address` (bytes)."""
        for position, vma in enumerate(self.vmas):
            if address < vma.vm_end:
                return position
        return len(self.vmas)

    def locate_pte(self, entries: list[PteRange], address: int) -> int:
        """Return the position of the first range of entries that ends after `address`."""
        for position, entry in enumerate(entries):
            if address < entry.end:
                return position
        return len(entries)
