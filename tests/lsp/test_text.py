# SPDX-License-Identifier: GPL-2.0-only
"""Positions of the protocol against Python's own encoders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from premap.lsp.remarks import Change, Remark, moved
from premap.lsp.text import Text, encoded

UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
characters = st.characters(exclude_categories=["Cs"])
texts = st.text(st.one_of(st.sampled_from("a\n\r\t\f\v\u2028é\U0001f600"), characters), max_size=40)


def _ends(text: str) -> list[str]:
    """Lines of a text by the protocol's definition, which is LF, CR LF or CR."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _units(text: str, encoding: str) -> int:
    name, size = UNITS[encoding]
    return len(text.encode(name)) // size


class TestPositions:
    @pytest.mark.parametrize("encoding", UNITS)
    @given(text=texts, data=st.data())
    def test_are_those_of_an_encoder(self, encoding: str, text: str, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(text)))
        if text[at - 1 : at + 1] == "\r\n":
            at += 1
        before = _ends(text[:at])
        expected = types.Position(len(before) - 1, _units(before[-1], encoding))
        offset = len(text[:at].encode())
        known = Text(text.encode(), encoding)
        assert known.position(offset) == expected
        assert known.offset(expected) == offset

    def test_beyond_a_line_are_its_end(self) -> None:
        text = Text(b"ab\r\ncd")
        assert text.offset(types.Position(0, 99)) == 2
        assert text.offset(types.Position(9, 0)) == 6

    def test_within_a_character_are_its_beginning(self) -> None:
        text = Text("a\U0001f600b".encode())
        assert text.offset(types.Position(0, 2)) == 1
        assert text.offset(types.Position(0, 3)) == 5

    def test_count_each_byte_that_is_no_utf8(self) -> None:
        text = Text(b"\xe9\xe8 x")
        assert text.position(3) == types.Position(0, 3)
        assert text.offset(types.Position(0, 3)) == 3

    def test_half_a_character_is_one_unit(self) -> None:
        text = Text(encoded("\ud800x"))
        assert text.offset(types.Position(0, 1)) == len(text.data) - 1


class TestChanges:
    @given(text=texts, new=texts, data=st.data())
    def test_replace_a_range(self, text: str, new: str, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, len(text)))
        if "\r\n" in (text[start - 1 : start + 1], text[end - 1 : end + 1]):
            return
        known = Text(text.encode())
        where = known.range(len(text[:start].encode()), len(text[:end].encode()))
        change, after = known.changed(types.TextDocumentContentChangePartial(where, new))
        assert after.data.decode() == text[:start] + new + text[end:]
        assert known.data[change.start : change.end].decode() == text[start:end]

    def test_may_be_given_backwards(self) -> None:
        where = types.Range(types.Position(0, 3), types.Position(0, 1))
        _, after = Text(b"abcd").changed(types.TextDocumentContentChangePartial(where, "X"))
        assert after.data == b"aXd"

    def test_may_be_of_the_whole(self) -> None:
        _, after = Text(b"abcd").changed(types.TextDocumentContentChangeWholeDocument("x"))
        assert after.data == b"x"


class TestWords:
    @pytest.mark.parametrize("column", [2, 4, 6])
    def test_are_found_from_within_and_at_both_ends(self, column: int) -> None:
        assert Text(b"a(VM_IO)").word(types.Position(0, column)) == (2, 7)

    def test_are_not_made_of_anything_else(self) -> None:
        text = Text(b"(  )\n")
        assert text.word(types.Position(0, 2)) is None
        assert text.word(types.Position(7, 2)) is None


class TestMoved:
    REMARK = Remark(10, 20, "note", "R1", "")

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (Change(0, 0, 5), (15, 25)),
            (Change(2, 8, 0), (4, 14)),
            (Change(20, 20, 5), (10, 20)),
            (Change(10, 10, 3), (13, 23)),
            (Change(30, 40, 1), (10, 20)),
        ],
    )
    def test_goes_where_its_text_goes(self, change: Change, expected: tuple[int, int]) -> None:
        (remark,) = moved([self.REMARK], [change])
        assert (remark.start, remark.end) == expected

    @pytest.mark.parametrize("change", [Change(12, 13, 1), Change(0, 11, 0), Change(19, 30, 0)])
    def test_is_gone_with_its_text(self, change: Change) -> None:
        assert moved([self.REMARK], [change]) == ()
