# SPDX-License-Identifier: GPL-2.0-only
"""C that the interpreter executes gives what gcc's code gives, for made-up programs."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.interp import c_constructs
from tests.interp.c_constructs import Constructs
from tests.interp.c_programs import COMMON, PRELUDE, Program

from premap import symbolic
from premap.csource.readable import readable
from premap.csource.scope import Scope
from premap.csource.source import SourceFile
from premap.interp.bindings import Bindings
from premap.interp.calls import call_function
from premap.interp.hooks import callback
from premap.interp.inputs import RecordedInputs
from premap.interp.machine import Machine
from premap.interp.operators import word_of
from premap.interp.values import ULONG, Value

COUNT = 640
"""Programs: half of them of plain C, half of what the kernel's C has beyond that."""
BATCH = 20
INPUTS = (
    (0, 0, 0),
    (1, 2, 3),
    (0xFFFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0x7FFF_FFFF),
    (0x1234_5678_9ABC_DEF0, 0xFFFF_FFF0, 0x80),
)
FLAGS = ("-O1", "-w", "-std=gnu11", "-fwrapv", "-funsigned-char", "-shared", "-fPIC")
PLAIN = [Program(seed) for seed in range(COUNT // 2)]
PROGRAMS = [*PLAIN, *(Constructs(seed) for seed in range(COUNT // 2))]
TEXT = "\n".join([COMMON, c_constructs.COMMON, *(program.text for program in PROGRAMS)])
SOURCE = SourceFile("made_up.c", TEXT.encode())
SCOPES: dict[int, Scope] = {}


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Return all programs as machine code."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("needs a C compiler: gcc")
    folder: Path = tmp_path_factory.mktemp("gcc")
    source, library = folder / "made_up.c", folder / "made_up.so"
    source.write_text(PRELUDE + c_constructs.PRELUDE + TEXT)
    subprocess.run([gcc, *FLAGS, "-o", str(library), str(source)], check=True, timeout=120)
    return ctypes.CDLL(str(library))


def native(library: ctypes.CDLL, name: str, given: tuple[int, int, int]) -> int:
    """Return what gcc's code gives."""
    function = getattr(library, name)
    function.restype = ctypes.c_uint64
    function.argtypes = [ctypes.c_uint64] * 3
    return int(function(*given))


def interpreted(name: str, given: tuple[object, ...]) -> int:
    """Return what the interpreter gives."""
    machine = Machine(RecordedInputs({}), Bindings(None, SCOPES, callback))
    values = [Value(ULONG, word) for word in given]
    return int(word_of(call_function(machine, None, SOURCE.functions[name][0], values)))


@pytest.mark.parametrize("first", range(0, COUNT, BATCH))
class TestAgainstGcc:
    def test_plain_numbers(self, compiled: ctypes.CDLL, first: int) -> None:
        for program in PROGRAMS[first : first + BATCH]:
            for given in INPUTS:
                assert interpreted(program.name, given) == native(compiled, program.name, given), (
                    f"{given}\n{program.text}"
                )

    def test_constant_symbolic_words(self, compiled: ctypes.CDLL, first: int) -> None:
        for number, program in enumerate(PROGRAMS[first : first + BATCH]):
            given = INPUTS[number % len(INPUTS)]
            words = tuple(symbolic.const(word) for word in given)
            assert interpreted(program.name, words) == native(compiled, program.name, given)


def test_every_program_can_be_interpreted() -> None:
    """The comparison leaves none out."""
    assert len(SOURCE.functions) >= COUNT
    assert all(not readable(each[0]).node.has_error for each in SOURCE.functions.values())
