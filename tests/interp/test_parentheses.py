# SPDX-License-Identifier: GPL-2.0-only
"""C with few parentheses, as people write it: the parser, which knows no types, may misread it."""

from __future__ import annotations

import ctypes
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.interp import c_constructs
from tests.interp.against_gcc import FLAGS, INPUTS, native
from tests.interp.c_constructs import Constructs
from tests.interp.c_programs import COMMON, PRELUDE, Program

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

SEEDS = range(300_020, 300_060)
DROPPED = 0.75
"""How many of the parentheses that nothing but precedence needs are dropped."""
_KEPT = re.compile(r"\s*(?:[us]\d+\b|bool\b|int\b|long\b|short\b|unsigned\b|char\b|struct\b|\{)")
_DECLARED = "-Werror=implicit-function-declaration"
HEAD = f"{COMMON}\n{c_constructs.COMMON}\n"


def with_fewer(text: str, chance: random.Random) -> str:
    """Return a function without some of its parentheses, which then means something else."""
    opened: list[int] = []
    dropped: set[int] = set()
    for at, char in enumerate(text):
        if char == "(":
            opened.append(at)
        elif char == ")":
            start = opened.pop()
            before, inner = text[:start].rstrip()[-1:], text[start + 1 : at]
            needed = before.isalnum() or before == "_" or "," in inner or _KEPT.match(inner)
            rare = inner.strip().isidentifier()  # what may look like a type
            if not needed and chance.random() < (DROPPED / 4 if rare else DROPPED):
                dropped |= {start, at}
    return "".join(char for at, char in enumerate(text) if at not in dropped)


def functions() -> dict[str, str]:
    """Return the functions by name."""
    chance = random.Random(SEEDS.start)
    programs = [made(seed) for seed in SEEDS for made in (Program, Constructs)]
    return {each.name: with_fewer(each.text, chance) for each in programs}


def compiled(found: dict[str, str], folder: Path) -> ctypes.CDLL:
    """Return as machine code what of the functions still is C; the others go."""
    source, library = folder / "made_up.c", folder / "made_up.so"
    command = ["gcc", *FLAGS, "-fmax-errors=0", _DECLARED, "-o", str(library), str(source)]
    for _ in range(4):
        text = PRELUDE + c_constructs.PRELUDE + HEAD
        ends: list[tuple[int, str]] = []
        for name, body in found.items():
            text += body + "\n"
            ends.append((text.count("\n"), name))
        source.write_text(text)
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
        if done.returncode == 0:
            return ctypes.CDLL(str(library))
        for line in re.findall(r"made_up\.c:(\d+):\d+: error", done.stderr):
            found.pop(next(name for end, name in ends if int(line) <= end), None)
    raise AssertionError(done.stderr)


def test_what_is_executed_gives_what_gcc_gives(tmp_path: Path) -> None:
    """What C leaves undefined is not executed, and what may be misread is refused."""
    if shutil.which("gcc") is None:
        pytest.skip("needs a C compiler: gcc")
    found = functions()
    library = compiled(found, tmp_path)
    source, scopes = (
        SourceFile("made_up.c", (HEAD + "\n".join(found.values())).encode()),
        dict[int, Scope](),
    )
    agreed = 0
    for name, text in found.items():
        for given in INPUTS:
            machine = Machine(RecordedInputs({}), Bindings(None, scopes, callback))
            values = [Value(ULONG, word) for word in given]
            try:
                result = call_function(machine, None, source.functions[name][0], values)
            except NotModelled:
                continue
            assert int(word_of(result)) == native(library, name, given), f"{given}\n{text}"
            agreed += 1
    assert agreed > len(found)  # of four times as many
