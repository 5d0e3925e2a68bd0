# SPDX-License-Identifier: GPL-2.0-only
"""What people see of `premap convert`: on a terminal of 80 columns, and in a pipe."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import DRIVER, Premap

WIDTH = 80
DECLINED = DRIVER.replace(b"vma->vm_ops = &ring_vm_ops;", b"frobnicate_the_whole_ring(vma);")
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def _on_terminal(folder: Path, *arguments: str, columns: int = WIDTH) -> str:
    """Return what premap prints on a terminal as its standard error."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "TERM": "xterm"}
    command = [sys.executable, "-m", "premap", "convert", *arguments]
    process = subprocess.Popen(
        command, cwd=folder, stderr=theirs, stdout=subprocess.DEVNULL, env=environment
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        said += more
    process.wait(60)
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


class TestTerminal:
    def test_lines_end_at_words(self, tmp_path: Path) -> None:
        (tmp_path / "declined.c").write_bytes(DECLINED)
        (tmp_path / "ring.c").write_bytes(DRIVER)
        said = ESCAPE.sub("", _on_terminal(tmp_path, "."))
        lines = said.splitlines()
        assert max(map(len, lines)) <= WIDTH
        words = set(" ".join(lines).split())
        assert {"frobnicate_the_whole_ring()", "[unknown-helper]", "ring_mmap_prepare;"} <= words

    def test_what_follows_is_indented(self, tmp_path: Path) -> None:
        (tmp_path / "declined.c").write_bytes(DECLINED)
        first, second, *_ = ESCAPE.sub("", _on_terminal(tmp_path, "declined.c")).splitlines()
        assert first.startswith("declined.c:14: ring_mmap: declined: ")
        assert re.match(r"    \S", second)

    def test_is_coloured(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NO_COLOR", raising=False)
        (tmp_path / "declined.c").write_bytes(DECLINED)
        assert "\x1b[33mdeclined\x1b[0m" in _on_terminal(tmp_path, "declined.c")

    def test_is_not_where_that_is_not_wanted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "declined.c").write_bytes(DECLINED)
        assert "\x1b[" not in _on_terminal(tmp_path, "--color", "never", "declined.c")
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\x1b[" not in _on_terminal(tmp_path, "declined.c")

    @pytest.mark.parametrize("columns", [1, 20, 300])
    def test_any_width_will_do(self, tmp_path: Path, columns: int) -> None:
        (tmp_path / "declined.c").write_bytes(DECLINED)
        said = ESCAPE.sub("", _on_terminal(tmp_path, "declined.c", columns=columns))
        assert "frobnicate_the_whole_ring" in said


class TestPipe:
    def test_a_handler_is_one_line(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "declined.c").write_bytes(DECLINED)
        assert len(premap("convert", "declined.c").lines) == 2

    def test_says_who_has_to_look(self, premap: Premap, driver: Path) -> None:
        assert "; equivalent (" in premap("convert", "ring.c").lines[0]
        assert ", for review (" in premap("convert", "--no-verify", "ring.c").lines[0]
