# SPDX-License-Identifier: GPL-2.0-only
"""The example hooks, run as a person runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def output(name: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, str(EXAMPLES / name)], capture_output=True, text=True, check=True
    )
    return ran.stdout.splitlines()


class TestExt4:
    LINES = property(lambda self: output("ext4_hook.py"))

    def test_two_pieces_merge(self) -> None:
        assert self.LINES[0].split()[0] == "10000000-10004000"

    def test_dax_has_its_own_operations_and_huge_pages(self) -> None:
        ordinary, dax = self.LINES[3], self.LINES[4]
        assert "ext4_file_vm_ops" in ordinary
        assert "HUGEPAGE" not in ordinary
        assert "ext4_dax_vm_ops" in dax
        assert "HUGEPAGE" in dax

    def test_unsupported_dax_mapping_is_refused(self) -> None:
        assert self.LINES[-1] == "MAP_SYNC of a file that is not DAX: Operation not supported"


class TestRing:
    LINES = property(lambda self: output("ring_device.py"))

    def test_prints_mappings(self) -> None:
        columns = [line.split() for line in self.LINES[:2]]
        assert [(c[0], c[1], c[5]) for c in columns] == [
            ("10000000-10010000", "r--s", "/dev/ring0"),
            ("20000000-20002000", "r--p", "/dev/ring0"),
        ]

    def test_maps_frames_of_the_ring(self) -> None:
        assert "20001000 -> page frame 0xfd005" in self.LINES

    def test_refuses(self) -> None:
        assert {"beyond the ring: EINVAL", "to be written: EPERM"} <= set(self.LINES)

    def test_a_failed_mapping_is_not_counted(self) -> None:
        assert "without page tables: ENOMEM, users: 2" in self.LINES
        assert self.LINES[-1] == "users: 0"
