# SPDX-License-Identifier: GPL-2.0-only
"""Input made to hurt: one clear line each, the right exit code, and never a traceback."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from .conftest import DRIVER, Premap

NOTHING_TO_CONVERT = {
    "an empty file": b"",
    "only line ends": b"\n\r\n\r",
    "brackets without mmap": b"{" * 1_000_000,
    "a byte order mark": b"\xef\xbb\xbfint mmap;\n",
    "no C at all": b"mmap " * 1000,
    "an unterminated string": b'char *s = ".mmap = ring_mmap,',
}
TORN = {
    "open": (b"{([" * 333_333, "`[` is not closed"),
    "closed": (b"])}" * 333_333, ""),
    "comment": (b"/* .mmap = ", "a comment that begins here is never closed"),
    "block": (b"static void f(void)\n{\n\tif (1) {\n}\n", "`{` is not closed"),
    "few": (b"{([{([", "`[` is not closed"),
    "crossed": (b"if (a[1)] {}", "`[` is not closed"),
}
"""What nothing closes, and what is said of it."""
BRACKETS = {
    "nested": b"(" * 100_000 + b"1" + b")" * 100_000,
    "blocks": b"void f(void)\n" + b"{" * 50_000 + b"}" * 50_000,
    "expression": b"int x = " + b"-" * 200_000 + b"1;",
    "conditions": b"#if A\n" * 20_000 + b"#endif\n" * 20_000,
}
MANY = {
    "entries as before C99": b"struct file_operations many = {\n" + b"mmap: 0,\n" * 9_000 + b"};",
    "macros that paste": b"#define RING(x) x##_mmap\n" * 20_000,
    "releases": b"#if LINUX_VERSION_CODE < KERNEL_VERSION(3, 0, 0)\n" * 9_000 + b"#endif\n" * 9_000,
}
"""What must not be looked through again for each of them."""


class TestOneFile:
    @pytest.mark.parametrize("text", NOTHING_TO_CONVERT.values(), ids=NOTHING_TO_CONVERT)
    def test_without_a_handler(self, premap: Premap, tmp_path: Path, text: bytes) -> None:
        (tmp_path / "odd.c").write_bytes(text)
        ran = premap("convert", "odd.c")
        assert (ran.code, ran.out, len(ran.lines)) == (0, b"", 1), ran.err

    @pytest.mark.parametrize("text", BRACKETS.values(), ids=BRACKETS)
    def test_before_a_driver(self, premap: Premap, tmp_path: Path, text: bytes) -> None:
        (tmp_path / "odd.c").write_bytes(text + b"\n" + DRIVER)
        ran = premap("convert", "--no-verify", "odd.c")
        assert ran.code == 0, ran.err
        assert b"+\t.mmap_prepare = ring_mmap_prepare,\n" in ran.out

    @pytest.mark.parametrize("text", MANY.values(), ids=MANY)
    def test_with_much_of_one_kind(self, premap: Premap, tmp_path: Path, text: bytes) -> None:
        (tmp_path / "odd.c").write_bytes(text + b"\n" + DRIVER)
        ran = premap("convert", "--no-verify", "--time-limit", "10", "odd.c")
        said = "sets more than 1000 mmap members [unreadable]"
        assert ("ring_mmap" in ran.err) != (said in ran.err), ran.err
        assert "internal" not in ran.err

    @pytest.mark.parametrize("kind", BRACKETS)
    def test_within_a_handler(self, premap: Premap, tmp_path: Path, kind: str) -> None:
        hurt = DRIVER.replace(b"\treturn 0;", b"\t" + BRACKETS[kind] + b"\n\treturn 0;")
        (tmp_path / "odd.c").write_bytes(hurt)
        ran = premap("convert", "odd.c")
        assert (ran.code, ran.out, len(ran.lines)) == (1, b"", 2), ran.err
        assert "declined" in ran.lines[0]

    @pytest.mark.parametrize("command", ["convert", "check"])
    @pytest.mark.parametrize("kind", TORN)
    @pytest.mark.parametrize("within", [False, True])
    def test_that_can_not_be_read_whole(
        self, premap: Premap, tmp_path: Path, command: str, kind: str, within: bool
    ) -> None:
        text, said = TORN[kind]
        whole = DRIVER.replace(b"*/", b"")
        hurt = whole.replace(b"\treturn 0;", b"\t" + text + b"\n\treturn 0;")
        (tmp_path / "odd.c").write_bytes(hurt if within else text + b"\n" + whole)
        ran = premap(command, "odd.c")
        assert (ran.code, ran.out, len(ran.lines)) == (1, b"", 2), ran.err
        assert ran.lines[0].startswith("odd.c:")
        assert "line " in ran.lines[0] or re.match(r"odd\.c:\d+:1: error: ", ran.lines[0])
        assert said in ran.lines[0]

    def test_a_binary_one(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "odd.c").write_bytes(b"\x7fELF\0\0mmap")
        ran = premap("convert", "odd.c")
        assert ran.code == 2
        assert ran.lines[0].startswith("odd.c: error: is binary")

    def test_a_missing_one(self, premap: Premap) -> None:
        ran = premap("convert", "missing.c")
        assert ran.code == 2
        assert ran.lines[0].startswith("missing.c: error: no such file")

    def test_a_name_too_long(self, premap: Premap) -> None:
        ran = premap("convert", "x" * 5000)
        assert ran.code == 2
        assert len(ran.lines) == 2

    def test_a_loop_of_links(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "loop.c").symlink_to("loop.c")
        ran = premap("convert", "loop.c")
        assert ran.code == 2
        assert ran.lines[0].startswith("loop.c: error: ")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_an_unreadable_one(self, premap: Premap, driver: Path) -> None:
        driver.chmod(0)
        ran = premap("convert", "ring.c")
        assert ran.code == 2
        assert ran.lines[0].startswith("ring.c: error: ")

    def test_a_pipe(self, premap: Premap, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.c")
        assert premap("convert", "pipe.c").code == 2

    @pytest.mark.parametrize("command", ["verify", "run", "replay"])
    def test_a_directory_in_its_place(self, premap: Premap, tmp_path: Path, command: str) -> None:
        (tmp_path / "folder").mkdir()
        arguments = {"verify": ["folder", "folder"], "run": ["folder:f"], "replay": ["folder"]}
        ran = premap(command, *arguments[command])
        assert (ran.code, len(ran.lines)) == (2, 1), ran.err
        assert "folder" in ran.err


class TestOddNames:
    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            (b"two\nlines.c", r"two\nlines.c"),
            (b"red\x1b[31m.c", r"red\x1b[31m.c"),
            (b"right\xe2\x80\xaeleft.c", r"right\u202eleft.c"),
            (b"latin\xe9.c", r"latin\xe9.c"),
        ],
    )
    def test_are_escaped(self, premap: Premap, tmp_path: Path, name: bytes, shown: str) -> None:
        (tmp_path / os.fsdecode(name)).write_bytes(b"\0mmap")
        ran = premap("convert", os.fsdecode(name))
        assert ran.code == 2
        assert ran.lines[0].startswith(f"{shown}: error: ")

    def test_of_what_is_missing_are_escaped(self, premap: Premap) -> None:
        ran = premap("run", "\x1b[2Jno\nfile.c:f")
        assert (ran.code, len(ran.lines)) == (2, 1)
        assert "\x1b" not in ran.err

    def test_of_handlers_and_what_is_wrong_with_them_are_escaped(
        self, premap: Premap, tmp_path: Path
    ) -> None:
        hurt = DRIVER.replace(b"vma->vm_ops = &ring_vm_ops;", b'odd(vma, "\x1b[2J");')
        (tmp_path / "odd.c").write_bytes(hurt)
        ran = premap("convert", "odd.c")
        assert ran.code == 1
        assert "\x1b" not in ran.err
