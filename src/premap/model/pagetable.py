# SPDX-License-Identifier: GPL-2.0-only
"""Page tables as ranges: which addresses have entries, what they point to, and how protected.

A range says where its first page comes from; the others follow. Ranges hang off the VMA that they
lie in, in order, so that unmapping, splitting and moving a VMA never search for them. There is
never an entry per page, and one page can be looked up at a symbolic address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from premap.model.errors import KernelBug, NotModelled
from premap.model.pgprot import pgprot_writable
from premap.model.words import PAGE_MASK, PAGE_SHIFT, add, sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace
    from premap.model.vma import VmAreaStruct

PFN = "pfn"
"""Raw page frames (a "special" entry): `first` is the PFN, there is no source."""
PAGE = "page"
"""Kernel pages: `source` is the page array, `first` the index of the first page in it."""
FILE = "file"
"""Page cache: `source` is the `address_space`, `first` the index of the page in the file."""
ANON = "anon"
"""Anonymous memory: `source` is an `AnonPages`, `first` an index into it."""
ZERO = "zero"
"""The shared page of zeroes."""
GUARD = "guard"
"""No page: an access is SIGSEGV (a guard region, PTE_MARKER_GUARD)."""


class Page:
    """`struct page`: a page of memory that the kernel has; `pfn` is its page frame number."""

    __slots__ = ("pfn", "private")

    def __init__(self, pfn: int, private: Any = None) -> None:
        self.pfn = pfn
        self.private = private

    def __repr__(self) -> str:
        return f"<Page {self.pfn!r}>"


class AnonPages:
    """Anonymous pages that one fault or one population made.

    `copied` is the entry whose page the first of them was copied from, None if they began as
    zeroes. After a fork (`forked`) they are not one process's alone: a write makes a copy as long
    as several address spaces have them (`owners`: those that forks made, and their parents).
    """

    __slots__ = ("copied", "forked", "owners")

    def __init__(self, copied: Pte | None = None) -> None:
        self.copied = copied
        self.forked = False
        self.owners: tuple[Any, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether more than one address space has them."""
        return len(self.owners) > 1

    def share(self, parent: AddressSpace, child: AddressSpace) -> None:
        """Take note that a fork gave them to a child."""
        self.forked = True
        self.owners = (*(self.owners or (parent,)), child)


class Pte:
    """One page table entry, as page_at() gives it.

    `kind` is "pfn", "page", "file", "anon" or "zero"; `pfn` is set for "pfn" only; otherwise
    `source` and `index` name the page; `pgprot` is the protection word, `writable` may be symbolic.
    """

    __slots__ = ("index", "kind", "pgprot", "source", "writable")

    def __init__(self, entry: PteRange, address: int) -> None:
        self.kind = entry.kind
        self.source = entry.source
        self.index = entry.at(address)
        self.pgprot = entry.pgprot
        self.writable = True if entry.write else pgprot_writable(entry.pgprot)

    @property
    def pfn(self) -> int | None:
        """The page frame number of a raw entry."""
        return self.index if self.kind == PFN else None

    @property
    def page(self) -> Any:
        """The page of the page array; raises NotModelled where the array ends before it."""
        if self.kind != PAGE:
            return None
        try:
            return self.source[self.index]
        except IndexError:
            raise NotModelled(f"page {self.index!r} is beyond its page array") from None

    def __repr__(self) -> str:
        return f"<Pte {self.kind} {self.index!r} prot={self.pgprot!r} writable={self.writable!r}>"


class PteRange:
    """Entries for the pages of [start, end) (bytes).

    `write`: the entries were made writable on their own (a write fault), whatever `pgprot` says;
    `dirty`: they were written through.
    """

    __slots__ = ("dirty", "end", "first", "kind", "pgprot", "source", "start", "write")

    def __init__(
        self,
        start: int,
        end: int,
        kind: str,
        source: Any,
        first: int,
        pgprot: int,
        *,
        write: bool = False,
    ) -> None:
        self.start = start
        self.end = end
        self.kind = kind
        self.source = source
        self.first = first
        self.pgprot = pgprot
        self.write = write
        self.dirty = write

    def at(self, address: int) -> int:
        """Return the PFN, or the index into the source, of the page at `address`."""
        if self.kind in (ZERO, GUARD):
            return 0
        return add(self.first, sub(address, self.start) >> PAGE_SHIFT)

    def part(self, start: int, end: int) -> PteRange:
        """Return the entries of [start, end) only, which must lie within."""
        part = PteRange(
            start, end, self.kind, self.source, self.at(start), self.pgprot, write=self.write
        )
        part.dirty = self.dirty
        return part

    def moved(self, delta: int) -> PteRange:
        """Return the same entries `delta` bytes further up (a word: it wraps for down)."""
        start, end = add(self.start, delta), add(self.end, delta)
        copy = PteRange(
            start, end, self.kind, self.source, self.first, self.pgprot, write=self.write
        )
        copy.dirty = self.dirty
        return copy

    def __repr__(self) -> str:
        return (
            f"<PteRange {self.start!r}-{self.end!r} {self.kind} {self.first!r} "
            f"prot={self.pgprot!r}>"
        )


def lookup(mm: AddressSpace, vma: VmAreaStruct, address: int) -> PteRange | None:
    """Return the range that has an entry for `address`, which lies in the VMA."""
    entries = vma.ptes
    position = mm.tree.locate_pte(entries, address)
    if position < len(entries) and entries[position].start <= address:
        return entries[position]
    return None


def split_at(mm: AddressSpace, vma: VmAreaStruct, address: int) -> int:
    """Divide the range across `address`, if there is one; return where ranges from there begin."""
    entries = vma.ptes
    position = mm.tree.locate_pte(entries, address)
    if position == len(entries):
        return position
    entry = entries[position]
    if entry.start < address:
        entries[position : position + 1] = [
            entry.part(entry.start, address),
            entry.part(address, entry.end),
        ]
        position += 1
    return position


def take(mm: AddressSpace, vma: VmAreaStruct, start: int, end: int) -> list[PteRange]:
    """Remove the entries of [start, end) (bytes) from the VMA, and return them."""
    if not vma.ptes:
        return []
    low = split_at(mm, vma, start)
    high = split_at(mm, vma, end)
    taken = vma.ptes[low:high]
    del vma.ptes[low:high]
    return taken


def first_present(mm: AddressSpace, vma: VmAreaStruct, start: int, end: int) -> PteRange | None:
    """Return the lowest range with an entry in [start, end), None if all are empty."""
    entries = vma.ptes
    if not entries:
        return None
    position = mm.tree.locate_pte(entries, start)
    if position < len(entries) and entries[position].start < end:
        return entries[position]
    return None


def insert(mm: AddressSpace, vma: VmAreaStruct, entry: PteRange) -> None:
    """Set entries where none are."""
    entries = vma.ptes
    if not entries:
        entries.append(entry)
        return
    if first_present(mm, vma, entry.start, entry.end) is not None:
        raise KernelBug("page table entries are set where there are some already")
    position = mm.tree.locate_pte(entries, entry.start)
    if position and _follows(entries[position - 1], entry):
        entries[position - 1].end = entry.end
        return
    entries.insert(position, entry)


def _follows(before: PteRange, entry: PteRange) -> bool:
    """Whether two ranges may be written as one; only plain zeroes are worth it."""
    return (
        entry.kind is ZERO
        and before.kind is ZERO
        and before.end == entry.start
        and before.pgprot == entry.pgprot
        and before.write == entry.write
    )


def zap(mm: AddressSpace, vma: VmAreaStruct, start: int, end: int) -> None:
    """zap_vma_range(): clear the entries of [start, end), guards excepted (mm/memory.c)."""
    for entry in take(mm, vma, start & PAGE_MASK, end):
        if entry.kind is GUARD:
            insert(mm, vma, entry)


def let_go(mm: AddressSpace, entries: list[PteRange]) -> None:
    """Forget the entries of an address space that ends: its anonymous pages are others' again."""
    for entry in entries:
        if entry.kind is ANON:
            owners = entry.source.owners
            entry.source.owners = tuple(each for each in owners if each is not mm)
    entries.clear()


def take_guards(mm: AddressSpace, vma: VmAreaStruct, start: int, end: int) -> None:
    """Clear the guards of [start, end), and nothing else."""
    for entry in take(mm, vma, start, end):
        if entry.kind is not GUARD:
            insert(mm, vma, entry)
