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

SIZE = 4096
"""Items in a chunk; one of twice that is divided. Moving that many costs a microsecond or two."""


class ChunkedList(MutableSequence[T]):
    """A list in chunks. Slices have no step; what a slice gives is a plain list."""

    __slots__ = ("_chunks", "_length", "_starts")

    def __init__(self, items: Iterable[T] = ()) -> None:
        everything = list(items)
        self._chunks = [everything[i : i + SIZE] for i in range(0, len(everything), SIZE)]
        self._length = len(everything)
        self._starts: list[int] = []
        self._count()

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._chunks)

    def __reversed__(self) -> Iterator[T]:
        return chain.from_iterable(map(reversed, reversed(self._chunks)))

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return self._slice(*self._range(index))
        if not 0 <= index < self._length:
            index = self._checked(index)
        number = bisect_right(self._starts, index) - 1
        return self._chunks[number][index - self._starts[number]]

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
        index = self._checked(index)
        number = bisect_right(self._starts, index) - 1
        self._chunks[number][index - self._starts[number]] = value  # type: ignore[assignment]

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
            self._starts.append(0)
        low, _ = self._range(slice(index, None))
        number = max(bisect_right(self._starts, low) - 1, 0)
        chunk = self._chunks[number]
        chunk.insert(low - self._starts[number], value)
        self._length += 1
        if len(chunk) < 2 * SIZE:
            self._shift(number, 1)
            return
        self._chunks[number : number + 1] = [chunk[:SIZE], chunk[SIZE:]]
        self._count()

    def clear(self) -> None:
        """Remove everything."""
        self._chunks.clear()
        self._starts.clear()
        self._length = 0

    def bisect_right(self, value: int, key: Callable[[T], int]) -> int:
        """Return the position of the first item whose key is above `value`."""
        number = bisect_right(self._chunks, value, key=lambda chunk: key(chunk[-1]))
        if number == len(self._chunks):
            return self._length
        return self._starts[number] + bisect_right(self._chunks[number], value, key=key)

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

    def _slice(self, low: int, high: int) -> list[T]:
        found: list[T] = []
        while low < high:
            number = bisect_right(self._starts, low) - 1
            start = self._starts[number]
            found += self._chunks[number][low - start : high - start]
            low = start + len(self._chunks[number])
        return found

    def _delete(self, low: int, high: int) -> None:
        """Remove [low, high), from its end down, chunk by chunk."""
        while low < high:
            number = bisect_right(self._starts, high - 1) - 1
            start = self._starts[number]
            first = max(low, start)
            chunk = self._chunks[number]
            del chunk[first - start : high - start]
            self._length -= high - first
            if chunk:
                self._shift(number, first - high)
            else:
                del self._chunks[number]
                self._count()
            high = first

    def _shift(self, number: int, delta: int) -> None:
        """Chunks after `number` begin `delta` items later."""
        starts = self._starts
        starts[number + 1 :] = [start + delta for start in starts[number + 1 :]]

    def _count(self) -> None:
        self._starts = list(accumulate(map(len, self._chunks), initial=0))[:-1]
