# SPDX-License-Identifier: GPL-2.0-only
"""The mappings of an address space in order: the kernel's maple tree, behind two methods.

Everything else that the model does with the tree is done by position, without comparing addresses:
who found a mapping knows its neighbours. `SortedTree` is for running, `ListTree` for proving.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import MutableSequence
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

from premap.model.chunks import ChunkedList
from premap.model.words import U64_MAX

if TYPE_CHECKING:
    from premap.model.pagetable import PteRange
    from premap.model.vma import VmAreaStruct

_vm_end = attrgetter("vm_end")
_pte_end = attrgetter("end")


class VmaTree(Protocol):
    """Mappings by address; `vmas` may be sliced and assigned to, as long as the order stays."""

    vmas: MutableSequence[VmAreaStruct]

    def settle(self) -> None:
        """Before a system call: the only time at which `vmas` may become another object."""
        ...

    def locate(self, address: int) -> int:
        """Return the position of the first mapping that ends after `address` (bytes)."""
        ...

    def remove(self, low: int, high: int) -> None:
        """Remove the mappings at positions [low, high), and leave a gap."""
        ...

    def opened(self, position: int) -> None:
        """Take note of a gap below the mapping at `position`."""
        ...

    def search_from(self, length: int, high: int) -> tuple[int, int]:
        """Return where a search for a gap of `length` bytes below `high` may begin.

        That is the number of mappings that begin below an address, and this address: no gap above
        it is large enough.
        """
        ...

    def searched(self, length: int, high: int, top: int, steps: int) -> None:
        """Take note that no gap of `length` bytes is above `top`, found in `steps` steps."""
        ...

    def locate_pte(self, entries: list[PteRange], address: int) -> int:
        """Return the position of the first range of entries that ends after `address`."""
        ...


class SortedTree:
    """Binary search over a list, or over a list in chunks where there are many mappings.

    The kernel's tree knows the largest gap below each node. Here one statement is remembered, that
    there is no gap of so many bytes above some address, and forgotten as far as gaps appear there.
    """

    __slots__ = ("_chunked", "_no_gap", "vmas")

    chunks: type[ChunkedList[VmAreaStruct]] = ChunkedList
    long = 8192
    """Mappings from which on they are held in chunks."""
    long_search = 64
    """Steps from which on the result of a search is remembered."""

    def __init__(self) -> None:
        self.vmas: MutableSequence[VmAreaStruct] = []
        self._chunked: ChunkedList[VmAreaStruct] | None = None
        self._no_gap = (U64_MAX, 0, 0)  # of `length` between `top` and `high`

    def settle(self) -> None:
        """Turn a long list into one in chunks."""
        if self._chunked is None and len(self.vmas) > self.long:
            self.vmas = self._chunked = self.chunks(self.vmas)

    def locate(self, address: int) -> int:
        """Return the position of the first mapping that ends after `address` (bytes)."""
        if self._chunked is not None:
            return self._chunked.bisect_right(address, _vm_end)
        return bisect_right(self.vmas, address, key=_vm_end)

    def remove(self, low: int, high: int) -> None:
        """Remove the mappings at positions [low, high), and leave a gap."""
        del self.vmas[low:high]
        self.opened(low)

    def opened(self, position: int) -> None:
        """Remember less, if the gap below the mapping at `position` is where there was none."""
        vmas = self.vmas
        length, top, limit = self._no_gap
        end = vmas[position].vm_start if position < len(vmas) else limit
        if end > top:
            self._no_gap = (length, min(end, limit), limit)

    def search_from(self, length: int, high: int) -> tuple[int, int]:
        """Return a position and an address above which there is no gap of `length` bytes."""
        known, top, limit = self._no_gap
        if limit != high or length < known:
            return len(self.vmas), high
        position = self.locate(top)
        if position < len(self.vmas) and self.vmas[position].vm_start < top:
            position += 1
        return position, top

    def searched(self, length: int, high: int, top: int, steps: int) -> None:
        """Remember the result of a long search; a short one is as soon done again."""
        if steps > self.long_search:
            self._no_gap = (length, top, high)

    def locate_pte(self, entries: list[PteRange], address: int) -> int:
        """Return the position of the first range of entries that ends after `address`."""
        return bisect_right(entries, address, key=_pte_end)


class ListTree:
    """A walk from the lowest mapping up, for a handful of mappings at symbolic addresses.

    Each comparison is an `if` of the model's; a proof places neighbours so that each is decided.
    """

    __slots__ = ("vmas",)

    def __init__(self) -> None:
        self.vmas: MutableSequence[VmAreaStruct] = []

    def settle(self) -> None:
        """Do nothing: the list stays the same object."""

    def locate(self, address: int) -> int:
        """Return the position of the first mapping that ends after `address` (bytes)."""
        for position, vma in enumerate(self.vmas):
            if address < vma.vm_end:
                return position
        return len(self.vmas)

    def remove(self, low: int, high: int) -> None:
        """Remove the mappings at positions [low, high), and leave a gap."""
        del self.vmas[low:high]

    def opened(self, position: int) -> None:
        """Do nothing: searches are not remembered."""

    def search_from(self, length: int, high: int) -> tuple[int, int]:
        """Return the end: searches begin at the top."""
        del length
        return len(self.vmas), high

    def searched(self, length: int, high: int, top: int, steps: int) -> None:
        """Do nothing: searches are not remembered."""

    def locate_pte(self, entries: list[PteRange], address: int) -> int:
        """Return the position of the first range of entries that ends after `address`."""
        for position, entry in enumerate(entries):
            if address < entry.end:
                return position
        return len(entries)
