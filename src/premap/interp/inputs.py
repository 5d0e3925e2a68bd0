# SPDX-License-Identifier: GPL-2.0-only
"""Where the values come from that C code reads and nobody wrote: driver state, results of calls.

The interpreter asks one of these for every made-up word, by name, so the same code runs with
symbolic words (every value at once), with a counter-example's values, or with random ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Protocol, cast

from premap import symbolic
from premap.model.constants import TASK_SIZE
from premap.model.words import PAGE_SHIFT, PAGE_SIZE, U64_MAX

CALL = "call."
"""Names of the words of the mmap() call begin with it."""
OFFSET = f"{CALL}pgoff"
"""The offset in the file, in pages."""
OFFSET_BITS = 64 - PAGE_SHIFT
ADDRESS_BITS = TASK_SIZE.bit_length() - PAGE_SHIFT
"""Bits of all other words of a call: pages of the address space, or flags."""

Arguments = tuple[int, ...]


def applied(function: str, arguments: Arguments) -> str:
    """Return how people name a made-up function's value for these words."""
    return f"{function}({', '.join(map(hex, arguments))})"


class Inputs(Protocol):
    """Makes up words. The same question has the same answer, in every run that shares them."""

    def word(self, name: str) -> int:
        """Return the made-up word of that name."""

    def apply(self, function: str, *arguments: int) -> int:
        """Return what the made-up function gives for these words."""


class SymbolicInputs:
    """Every possible value at once: variables and uninterpreted functions of the solver."""

    def word(self, name: str) -> int:
        """Return the solver's variable of that name."""
        bits = 64
        if name.startswith(CALL):
            bits = OFFSET_BITS if name == OFFSET else ADDRESS_BITS
        return cast("int", symbolic.var(name, bits))

    def apply(self, function: str, *arguments: int) -> int:
        """Return an uninterpreted function's value for these words."""
        return cast("int", symbolic.apply(function, *arguments))


class RecordedInputs:
    """The values of a counter-example; whatever it does not name is 0."""

    def __init__(
        self,
        words: Mapping[str, int],
        functions: Mapping[tuple[str, Arguments], int] | None = None,
    ) -> None:
        self._words = words
        self._functions = functions or {}

    def word(self, name: str) -> int:
        """Return the recorded word, or 0."""
        return self._words.get(name, 0)

    def apply(self, function: str, *arguments: int) -> int:
        """Return the recorded value of that function for these plain words, or 0."""
        return self._functions.get((function, arguments), 0)


class NotedInputs:
    """Passes questions on, and remembers which computations had operands of unknown type.

    Those are the functions whose name begins with `?` (premap.interp.operators).
    """

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self.guessed: dict[str, None] = {}

    def word(self, name: str) -> int:
        """Return the made-up word of that name."""
        return self._inputs.word(name)

    def apply(self, function: str, *arguments: int) -> int:
        """Return what the made-up function gives for these words."""
        if function[0] == "?":
            self.guessed.setdefault(function)
        return self._inputs.apply(function, *arguments)


class AnsweredInputs:
    """Passes questions on, and remembers every answer: a run can be made again with those."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self.variables: dict[str, int] = {}
        self.functions: dict[tuple[str, Arguments], int] = {}

    def word(self, name: str) -> int:
        """Return the made-up word of that name."""
        answer = self.variables[name] = self._inputs.word(name)
        return answer

    def apply(self, function: str, *arguments: int) -> int:
        """Return what the made-up function gives for these words."""
        answer = self.functions[function, arguments] = self._inputs.apply(function, *arguments)
        return answer


_INTERESTING = (0, 1, 2, 3, 15, 16, 4095, PAGE_SIZE, 2 * PAGE_SIZE, 16 * PAGE_SIZE, U64_MAX)


class RandomInputs:
    """Values drawn from a seed: small numbers, pages, boundaries, and now and then anything.

    A value depends on the seed and on its name only, so two runs see the same driver state.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def word(self, name: str) -> int:
        """Return the word that this seed gives to the name."""
        return self._draw(name)

    def apply(self, function: str, *arguments: int) -> int:
        """Return the word that this seed gives to the function and these plain words."""
        return self._draw(f"{function}{arguments}")

    def _draw(self, key: str) -> int:
        digest = hashlib.blake2b(f"{self._seed}:{key}".encode(), digest_size=16).digest()
        kind = digest[0] % 4
        number = int.from_bytes(digest[8:], "little")
        if kind == 0:
            return _INTERESTING[digest[1] % len(_INTERESTING)]
        if kind == 1:
            return number % 64
        if kind == 2:
            return (number % 64) * PAGE_SIZE
        return number
