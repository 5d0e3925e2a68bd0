# SPDX-License-Identifier: GPL-2.0-only
"""Runs one C function three ways: gcc's code, the interpreter, and the interpreter on symbols."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.interp import c_constructs, c_memory, c_programs

from premap import symbolic
from premap.csource.scope import Scope
from premap.csource.source import SourceFile
from premap.interp.bindings import Bindings
from premap.interp.calls import call_function
from premap.interp.hooks import callback
from premap.interp.inputs import RecordedInputs
from premap.interp.machine import Machine
from premap.interp.scalars import word_of
from premap.interp.values import ULONG, Value
from premap.model.errors import NotModelled

Arguments = tuple[int, int, int]
Program = c_programs.Program | c_constructs.Constructs | c_memory.Memory

KERNEL_C = ("-O1", "-w", "-std=gnu11", "-fwrapv", "-funsigned-char", "-fno-strict-aliasing")
"""C as kernels mean it."""
FLAGS = (*KERNEL_C, "-shared", "-fPIC")
"""Of a library."""
INPUTS: tuple[Arguments, ...] = (
    (0, 0, 0),
    (1, 2, 3),
    (0xFFFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0x7FFF_FFFF),
    (0x1234_5678_9ABC_DEF0, 0xFFFF_FFF0, 0x80),
)
_COMMON = (c_programs.COMMON, c_constructs.COMMON, c_memory.COMMON)


def text_of(programs: Sequence[Program]) -> str:
    """Return C with the functions, and with what they use."""
    return "\n".join([*_COMMON, *(program.text for program in programs)])


@dataclass
class Interpreted:
    """Functions for the interpreter."""

    source: SourceFile
    scopes: dict[int, Scope] = field(default_factory=dict)

    def run(self, name: str, given: Sequence[int]) -> int:
        """Return what the interpreter gives. Raises NotModelled."""
        machine = Machine(RecordedInputs({}), Bindings(None, self.scopes, callback))
        values = [Value(ULONG, word) for word in given]
        return word_of(call_function(machine, None, self.source.functions[name][0], values))

    def run_symbols(self, name: str, given: Arguments) -> int:
        """Return what it gives for symbols that can only be these numbers. Raises NotModelled."""
        words = [symbolic.var(f"argument{number}") for number in range(len(given))]
        limits = [word == number for word, number in zip(words, given, strict=True)]
        (path,) = symbolic.Explorer(limits).explore(lambda: self.run(name, words))
        assert path.model is not None
        value: int = path.model.eval(path.value)
        return value


def attempt(run: Callable[[str, Arguments], int], name: str, given: Arguments) -> int | str:
    """Return what the interpreter gives, or why it gives nothing."""
    try:
        return run(name, given)
    except NotModelled as error:
        return str(error.args[0] if error.args else error)


def compiled(text: str, library: Path) -> ctypes.CDLL:
    """Return the functions as machine code, which is kept in a file."""
    source = library.with_suffix(".c")
    source.write_text(c_programs.PRELUDE + c_constructs.PRELUDE + text)
    command = ["gcc", *FLAGS, "-o", str(library), str(source)]
    subprocess.run(command, check=True, timeout=300)
    return ctypes.CDLL(str(library))


def native(library: ctypes.CDLL, name: str, given: Arguments) -> int:
    """Return what gcc's code gives."""
    function = getattr(library, name)
    function.restype = ctypes.c_uint64
    function.argtypes = [ctypes.c_uint64] * 3
    return int(function(*given))
