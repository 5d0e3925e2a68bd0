# SPDX-License-Identifier: GPL-2.0-only
"""What must hold after every call, whatever fails: random programs with fixed seeds.

`python -m tests.model.programs` runs more of them.
"""

from __future__ import annotations

import pytest

from premap.model import AddressSpace

from .kit import BASE, PAGE, private
from .programs import LOW, Program, broken, run


class TestInvariants:
    @pytest.mark.parametrize("seed", range(40))
    def test_hold_after_every_step(self, seed: int) -> None:
        _, wrong = run(seed, 80)
        assert wrong == []

    def test_failures_were_injected_and_calls_succeeded(self) -> None:
        programs = [run(seed, 80)[0] for seed in range(5)]
        assert sum(program.injected for program in programs) > 20
        assert sum(program.failed for program in programs) < 5 * 80 / 2


class TestBroken:
    """The checks find what they look for."""

    def program(self) -> tuple[Program, AddressSpace]:
        program = Program(0)
        mm = program.mm
        mm.window = (LOW, 1 << 40)
        private(mm, None, pages=4)
        mm.touch(BASE + PAGE, write=True)
        assert broken(program) == []
        return program, mm

    def test_a_page_counted_twice(self) -> None:
        program, mm = self.program()
        mm.total_vm += 1
        assert broken(program) == ["total_vm of the process"]

    def test_an_entry_outside(self) -> None:
        program, mm = self.program()
        mm.vmas()[0].ptes[0].end = BASE + 9 * PAGE
        assert broken(program) == ["entries of the process"]

    def test_a_reference_too_many(self) -> None:
        program, _ = self.program()
        program.files[0].f_count += 1
        assert broken(program) == ["references of regular"]

    def test_memory_that_is_not_given_back(self) -> None:
        program, mm = self.program()
        mm.memory.committed_as += 3
        assert broken(program) == ["committed memory: +3"]

    def test_an_anon_vma_that_lost_count(self) -> None:
        program, mm = self.program()
        anon_vma = mm.vmas()[0].anon_vma
        assert anon_vma is not None
        anon_vma.links += 1
        assert broken(program) == ["anon_vmas"]
