# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios on User Mode Linux."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from premap.scenario.reader import Json, Scenario
from premap.uml.build import Kernel, build
from premap.uml.errors import UmlError
from premap.uml.machine import TIMEOUT, Machine
from premap.uml.protocol import SLOTS, Conversation

AHEAD = 32
"""Scenarios that are sent before the answers to the first have come."""


class UmlBackend:
    """Runs scenarios on a kernel that stays up: step by step, or many at once (`run_all`)."""

    def __init__(self, kernel: Kernel, timeout: float = TIMEOUT) -> None:
        self.kernel = kernel
        self.timeout = timeout
        self.talk: Conversation | None = None
        self.ended = False
        self._boot()

    @classmethod
    def of_tree(cls, tree: Path) -> UmlBackend:
        """Build the kernel of a source tree, unless that is done, and boot it. Raises UmlError."""
        return cls(build(tree))

    def _boot(self) -> None:
        self.machine = Machine(self.kernel.linux, self.kernel.initramfs, self.timeout)
        try:
            self.first_pfns = [self._first_pfn() for _ in range(SLOTS)]
            self._greeting("ready")
        except BaseException:
            self.machine.close()
            raise

    def _first_pfn(self) -> int:
        return int(self._greeting("d")[1], 16)

    def _greeting(self, kind: str) -> list[str]:
        """Return the words of a line that the kernel begins with."""
        line = self.machine.read_line()
        first, *words = line.split() or [""]
        if first != kind:
            raise UmlError(f"the kernel began with {line[:80]!r}")
        return words

    def _revive(self) -> None:
        """Boot anew if the kernel is gone."""
        if not self.machine.is_running:
            self.machine.close()
            self._boot()

    def close(self) -> None:
        """End the kernel."""
        self.machine.close()

    def begin(self, window: tuple[int, int]) -> None:
        """Start a process with nothing mapped in the window ([low, high) in bytes)."""
        self._revive()
        self.talk = Conversation(window, self.first_pfns)
        self.ended = False
        self.machine.send(self.talk.begin())

    def step(self, step: Json) -> Json:
        """Run one step; returns its result. Raises MissingStep, UmlError."""
        if self.talk is None:
            raise UmlError("no scenario has begun")
        self.machine.send(self.talk.command(step))
        return self.talk.result(step, self._answer())

    def end(self) -> None:
        """End the process, and forget its files and devices."""
        if self.talk is None or not self.machine.is_running:
            return
        self.talk = None
        self.machine.send("e\n")
        if not self.ended:
            self._end_line()

    def _answer(self) -> list[str]:
        """Return the lines that answer one step."""
        lines = [self.machine.read_line()]
        while not lines[-1].startswith("r "):
            if lines[-1].startswith("e "):
                self.ended = True
                raise UmlError(_ended(lines[-1]))
            lines.append(self.machine.read_line())
        return lines

    def run_all(self, scenarios: Iterable[Scenario]) -> Iterator[list[Json]]:
        """Run scenarios without waiting in between; yields the results of one after the other.

        Raises MissingStep, UmlError.
        """
        self._revive()
        sent: deque[tuple[Scenario, Conversation]] = deque()
        awaited = 0
        try:
            for scenario in scenarios:
                sent.append((scenario, self._send(scenario)))
                awaited += 1
                if awaited > AHEAD:
                    results = self._results(*sent.popleft())
                    awaited -= 1
                    yield results
            while sent:
                results = self._results(*sent.popleft())
                awaited -= 1
                yield results
        finally:
            if awaited:  # answers that nobody reads are still to come
                self.machine.kill()

    def _send(self, scenario: Scenario) -> Conversation:
        talk = Conversation(scenario.window, self.first_pfns)
        commands = [talk.command(step) for step in scenario.steps]
        self.machine.send("".join([talk.begin(), *commands, "e\n"]))
        return talk

    def _results(self, scenario: Scenario, talk: Conversation) -> list[Json]:
        results = [talk.result(step, self._answer()) for step in scenario.steps]
        self._end_line()
        return results

    def _end_line(self) -> None:
        line = self.machine.read_line()
        if line != "e 0":
            raise UmlError(_ended(line))


def _ended(line: str) -> str:
    status = int(line.split()[1], 16)
    how = f"signal {status & 0x7F}" if status & 0x7F else f"status {status >> 8}"
    return f"the scenario's process ended with {how}"
