# SPDX-License-Identifier: GPL-2.0-only
"""Kernels that hang, die, or speak of something else: programs that stand in for them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from premap.uml import Kernel, UmlBackend, UmlError
from premap.uml.machine import Machine

DEVICES = "".join(f"echo d {slot:x} {0xA00 + 16 * slot:x}\n" for slot in range(16))
GREETING = DEVICES + "echo ready\n"


def program(folder: Path, text: str) -> Path:
    path = folder / "linux"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def kernel(folder: Path, text: str) -> Kernel:
    return Kernel(program(folder, text), folder / "initramfs.cpio", "7.3.0")


def alive_in_group(group: int) -> bool:
    """Whether a process of the group still runs, some seconds after it was killed."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not any(_runs_in(group, entry) for entry in Path("/proc").glob("[0-9]*/stat")):
            return False
        time.sleep(0.02)
    return True


def _runs_in(group: int, entry: Path) -> bool:
    try:
        state, _, of_group = entry.read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return False
    return int(of_group) == group and state not in "ZX"


class TestMachine:
    def test_one_that_does_not_answer_is_ended(self, tmp_path: Path) -> None:
        machine = Machine(program(tmp_path, "sleep 60 & sleep 60"), tmp_path / "none", timeout=0.2)
        with pytest.raises(UmlError, match=r"the kernel hangs: no answer for 0\.2 s"):
            machine.read_line()
        assert not machine.is_running
        assert not alive_in_group(machine.process.pid)
        machine.close()

    def test_one_that_dies_says_what_it_printed(self, tmp_path: Path) -> None:
        text = "echo 'Kernel panic - not syncing: no init' >&2\nexit 1\n"
        machine = Machine(program(tmp_path, text), tmp_path / "none")
        with pytest.raises(UmlError, match="the kernel is gone; it printed: Kernel panic"):
            machine.read_line()
        machine.close()

    def test_it_may_answer_before_it_has_read_everything(self, tmp_path: Path) -> None:
        machine = Machine(program(tmp_path, "exec cat"), tmp_path / "none")
        line = "x" * 99
        for _ in range(20000):
            machine.send(line + "\n")
        assert all(machine.read_line() == line for _ in range(20000))
        machine.close()

    def test_closing_removes_its_folder(self, tmp_path: Path) -> None:
        machine = Machine(program(tmp_path, "exec cat"), tmp_path / "none")
        machine.close()
        assert not machine.folder.exists()

    def test_a_program_that_can_not_be_started_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(UmlError, match="can't be started"):
            Machine(tmp_path / "nothing", tmp_path / "none")


class TestBackend:
    def test_a_kernel_with_another_init_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UmlError, match="the kernel began with 'login:'"):
            UmlBackend(kernel(tmp_path, "echo login:\nexec cat"))

    def test_after_a_kernel_died_the_next_scenario_has_a_new_one(self, tmp_path: Path) -> None:
        backend = UmlBackend(kernel(tmp_path, GREETING + "read line\nexit 1\n"))
        first = backend.machine
        backend.begin((0, 4096))
        with pytest.raises(UmlError, match="the kernel is gone"):
            backend.step({"op": "fork"})
        backend.end()
        backend.begin((0, 4096))
        assert backend.machine is not first
        backend.close()
