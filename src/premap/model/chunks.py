# SPDX-License-Identifier: GPL-2.0-only
"""A list for very many items: inserting and deleting cost little wherever it is done.

The order of the items is the caller's business; their keys may change while they are in the list,
as long as the order stays. (That is why this is not a sorted container: those store the keys.)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from itertools import accumulate, chain
from typing import TypeVar, overload

T = TypeVar("T")


class ChunkedList(MutableSequence[T]):
    """A list in chunks. Slices have no step; what a slice gives is a plain list.

    One chunk is the current one: what is inserted there, and deleted again, is not told to the
    chunks after it (`_starts`) until another becomes current.
    """

    __slots__ = ("_chunk", "_chunks", "_length", "_low", "_number", "_pending", "_starts")

    size = 4096
    """Items in a chunk; one of twice that is divided. Moving them costs a microsecond or two."""

    def __init__(self, items: Iterable[T] = ()) -> None:
        everything, size = list(items), self.size
        self._chunks = [everything[i : i + size] for i in range(0, len(everything), size)]
        self._length = len(everything)
        self._starts: list[int] = []
        self._chunk: list[T] = []
        self._number = self._low = self._pending = 0
        self._count()

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._chunks)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            low, high = self._range(index)
            return list(self)[low:high]
        place = index - self._low
        if not (0 <= place < len(self._chunk) and index >= 0):
            place = self._seek(self._checked(index))
        return self._chunk[place]

    @overload
    def __setitem__(self, index: int, value: T) -> None: ...

    @overload
    def __setitem__(self, index: slice, value: Iterable[T]) -> None: ...

    def __setitem__(self, index: int | slice, value: T | Iterable[T]) -> None:
        if isinstance(index, slice):
            low, high = self._range(index)
            items: list[T] = list(value)  # type: ignore[arg-type]
            self._delete(low, high)
            for place, item in enumerate(items, low):
                self.insert(place, item)
            return
        place = self._seek(self._checked(index))
        self._chunk[place] = value  # type: ignore[assignment]

    def __delitem__(self, index: int | slice) -> None:
        if isinstance(index, slice):
            self._delete(*self._range(index))
            return
        index = self._checked(index)
        self._delete(index, index + 1)

    def insert(self, index: int, value: T) -> None:
        """Insert before the item at `index`, which may be the length."""
        if not self._chunks:
            self._chunks.append([])
            self._count()
            index = 0
        place = index - self._low
        if index < 0 or not 0 <= place <= len(self._chunk):
            low, _ = self._range(slice(index, None))
            place = self._seek(min(low, self._length - 1)) + (low == self._length)
        chunk = self._chunk
        chunk.insert(place, value)
        self._length += 1
        self._pending += 1
        size = self.size
        if len(chunk) >= 2 * size:
            self._chunks[self._number : self._number + 1] = [chunk[:size], chunk[size:]]
            self._count()

    def clear(self) -> None:
        """Remove everything."""
        self._chunks.clear()
        self._length = 0
        self._count()

    def bisect_right(self, value: int, key: Callable[[T], int]) -> int:
        """Return the position of the first item whose key is above `value`."""
        number = self._number
        chunks, chunk = self._chunks, self._chunk
        here = chunk and key(chunk[-1]) > value
        if not here or (number and key(chunks[number - 1][-1]) > value):
            number = bisect_right(chunks, value, key=lambda chunk: key(chunk[-1]))
            if number == len(chunks):
                return self._length
            self._go(number)
        return self._low + bisect_right(self._chunk, value, key=key)

    def _checked(self, index: int) -> int:
        place = index + self._length if index < 0 else index
        if not 0 <= place < self._length:
            raise IndexError("list index out of range")
        return place

    def _range(self, index: slice) -> tuple[int, int]:
        low, high, step = index.indices(self._length)
        if step != 1:
            raise ValueError("a slice with a step")
        return low, max(low, high)

    def _delete(self, low: int, high: int) -> None:
        """Remove [low, high), from its end down, chunk by chunk."""
        while low < high:
            end = self._seek(high - 1) + 1
            begin = max(low - self._low, 0)
            del self._chunk[begin:end]
            self._length -= end - begin
            self._pending -= end - begin
            high -= end - begin
            if not self._chunk:
                del self._chunks[self._number]
                self._count()

    def _seek(self, index: int) -> int:
        """Make the chunk that has an item the current one; return the item's place in it."""
        if not 0 <= index - self._low < len(self._chunk):
            self._settle()
            self._go(bisect_right(self._starts, index) - 1)
        return index - self._low

    def _go(self, number: int) -> None:
        self._settle()
        self._number = number
        self._chunk = self._chunks[number]
        self._low = self._starts[number]

    def _settle(self) -> None:
        """Tell the chunks after the current one where they begin."""
        delta = self._pending
        if delta:
            after = self._number + 1
            self._starts[after:] = [start + delta for start in self._starts[after:]]
            self._pending = 0

    def _count(self) -> None:
        """Count anew, after chunks came or went."""
        self._starts = list(accumulate(map(len, self._chunks), initial=0))[:-1]
        self._pending = self._number = self._low = 0
        self._chunk = self._chunks[0] if self._chunks else []
