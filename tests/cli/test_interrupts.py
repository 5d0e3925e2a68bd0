# SPDX-License-Identifier: GPL-2.0-only
"""Tests of Ctrl-C at moments at which Python would lose it, or call it something else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from premap.cli.interrupts import came_of_one

RING = Path(__file__).parents[2] / "examples/ring/ring.c"
START = """
import os, signal, sys, premap.cli
premap.cli.interrupts.AGAIN = 0.05
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a job in the background has not
interrupt = lambda: os.kill(os.getpid(), signal.SIGINT)
class Import:
    def find_spec(self, name, path=None, target=None):
        if name == "MODULE":
            happen()
sys.meta_path.insert(0, Import())
"""
LOST = """
class Dying:
    def __del__(self):
        interrupt()
        for _ in range(1000):
            pass
def happen():
    Dying()
"""
FORGOTTEN = """
def happen():
    try:
        interrupt()
        for _ in range(1000):
            pass
    except BaseException:  # as CPython's PyObject_HasAttr() does
        pass
"""
CALLED_OTHERWISE = """
class Named:
    def __set_name__(self, owner, name):
        interrupt()
        for _ in range(1000):
            pass
def happen():
    try:
        type("Made", (), {"named": Named()})
    except KeyboardInterrupt as problem:  # newer releases of Python call it what it is
        raise RuntimeError("Error calling __set_name__") from problem
"""


@pytest.mark.parametrize("module", ["premap.cli.dispatch", "premap.survey.survey"])
@pytest.mark.parametrize("moment", [LOST, FORGOTTEN, CALLED_OTHERWISE])
def test_ends_in_one_line(module: str, moment: str) -> None:
    code = f"{START.replace('MODULE', module)}{moment}sys.exit(premap.cli.main())"
    command = [sys.executable, "-c", code, "survey", "--no-cache", str(RING.parent)]
    run = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (run.returncode, run.stderr) == (130, "premap: interrupted\n")


def test_other_problems_are_none() -> None:
    problem = ValueError("a number")
    problem.__cause__ = OSError("a file")
    assert not came_of_one(problem)
    assert not came_of_one(None)
