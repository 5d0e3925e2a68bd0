# SPDX-License-Identifier: GPL-2.0-only
"""C that the interpreter executes gives what gcc's code gives, for made-up programs."""

from __future__ import annotations

import ctypes
import shutil
from pathlib import Path

import pytest
from tests.interp.against_gcc import INPUTS, Interpreted, attempt, compiled, native, text_of
from tests.interp.c_constructs import Constructs
from tests.interp.c_memory import Memory
from tests.interp.c_programs import Program

from premap import symbolic
from premap.csource.readable import readable
from premap.csource.source import SourceFile

COUNT = 640
"""Programs: of plain C, of what the kernel's C has beyond that, and of data that moves about."""
BATCH = 20
MOVING = 160
PROGRAMS = [
    *map(Program, range(COUNT // 2 - MOVING // 2)),
    *map(Constructs, range(COUNT // 2 - MOVING // 2)),
    *map(Memory, range(MOVING)),
]
TEXT = text_of(PROGRAMS)
OURS = Interpreted(SourceFile("made_up.c", TEXT.encode()))


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Return all programs as machine code."""
    if shutil.which("gcc") is None:
        pytest.skip("needs a C compiler: gcc")
    folder: Path = tmp_path_factory.mktemp("gcc")
    return compiled(TEXT, folder / "made_up.so")


@pytest.mark.parametrize("first", range(0, COUNT, BATCH))
class TestAgainstGcc:
    def test_plain_numbers(self, library: ctypes.CDLL, first: int) -> None:
        for program in PROGRAMS[first : first + BATCH]:
            for given in INPUTS:
                ours = OURS.run(program.name, given)
                assert ours == native(library, program.name, given), f"{given}\n{program.text}"

    def test_constant_symbolic_words(self, library: ctypes.CDLL, first: int) -> None:
        for number, program in enumerate(PROGRAMS[first : first + BATCH]):
            given = INPUTS[number % len(INPUTS)]
            words = tuple(symbolic.const(word) for word in given)
            assert OURS.run(program.name, words) == native(library, program.name, given)

    def test_symbols(self, library: ctypes.CDLL, first: int) -> None:
        """What was written through an index that is not known is refused, never wrong."""
        for number, program in enumerate(PROGRAMS[first : first + BATCH]):
            given = INPUTS[number % len(INPUTS)]
            ours = attempt(OURS.run_symbols, program.name, given)
            refused = isinstance(ours, str) and ours.endswith("which was written")
            assert refused or ours == native(library, program.name, given), program.text


def test_every_program_can_be_interpreted() -> None:
    """The comparison leaves none out."""
    assert len(OURS.source.functions) >= COUNT
    assert all(not readable(each[0]).node.has_error for each in OURS.source.functions.values())
