# SPDX-License-Identifier: GPL-2.0-only
"""The C library's search finds what Python's finds, whatever the bytes are."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from premap.csource.strstr import Room, finds, says

WORDS = (b"mmap", b"mm", b"vma", b"m", b"mmmap")


def texts() -> list[bytes]:
    """Return texts of few letters, with a NUL in every third one."""
    draw = random.Random(73)
    plain = [bytes(draw.choices(b"map v\n", k=draw.randrange(60))) for _ in range(600)]
    return [t[: n % 7] + b"\0" + t[n % 7 :] if n % 3 == 0 else t for n, t in enumerate(plain)]


class TestWords:
    @pytest.mark.parametrize("word", WORDS)
    def test_are_found(self, word: bytes) -> None:
        told = [says(text, word) for text in texts()]
        assert told == [word in text for text in texts()]
        assert {*told} == {True, False}

    @pytest.mark.parametrize("word", WORDS)
    def test_are_found_where_they_stand(self, word: bytes) -> None:
        for text in texts():
            places = [match.start() for match in re.finditer(re.escape(word), text)]
            assert list(finds(text, word)) == places

    def test_are_found_without_the_c_library(self) -> None:
        """The tests above, in a Python that has no ctypes."""
        script = (
            "import sys; sys.modules['ctypes'] = None; import pytest;"
            "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', *sys.argv[1:]]))"
        )
        chosen = ["-k", "TestWords and where_they_stand or TestRoom", __file__]
        ran = subprocess.run(
            [sys.executable, "-c", script, *chosen], check=False, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stdout
        assert ran.stdout.count(".") > len(WORDS)


class TestRoom:
    """Files come one after the other: what the last one said is not there any more."""

    def test_holds_one_file(self, tmp_path: Path) -> None:
        room = Room()
        for text in (*texts(), *reversed(texts())):
            (tmp_path / "file").write_bytes(text)
            room.read(str(tmp_path / "file"))
            assert room.text() == text
            assert [room.says(word) for word in WORDS] == [word in text for word in WORDS]

    @pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20])
    def test_grows(self, tmp_path: Path, size: int) -> None:
        text = bytes(size - 4).replace(b"\0", b"x") + b"mmap"
        (tmp_path / "file").write_bytes(text)
        room = Room()
        for _ in range(2):
            room.read(str(tmp_path / "file"))
            assert room.says(b"mmap")
            assert not room.says(b"vma")
            assert room.text() == text

    @pytest.mark.parametrize("said", [0, 5, 3 << 20, 9 << 20])
    def test_takes_a_file_of_another_size_than_was_said(self, tmp_path: Path, said: int) -> None:
        text = b"y" * (3 << 20) + b"mmap"
        (tmp_path / "file").write_bytes(text)
        room = Room()
        file = os.open(tmp_path / "file", os.O_RDONLY)
        room.fill(file, said)
        os.close(file)
        assert room.text() == text
        assert room.says(b"mmap")
