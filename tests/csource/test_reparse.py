# SPDX-License-Identifier: GPL-2.0-only
"""Texts that are edited, parsed by what they were, against the same texts parsed anew."""

from __future__ import annotations

import random

import pytest

from premap.csource import reparse as module
from premap.csource.nodes import parse
from premap.csource.reparse import Parsed, reparse
from premap.csource.source import SourceFile

FUNCTION = b"""\
static int ring_%d(struct file *file, struct vm_area_struct __user *vma)
{
	if (vma->vm_pgoff > %d) /* a comment, with "quotes" */
		return -EINVAL;
	return ring_map(file, "text", vma);
}

"""
WORDS = (b"int x;\n", b"static int a(void)\n{\n}\n", b"/* (*/ ", b"#if 1\n#endif\n")
TEXT = b"#include <linux/fs.h>\n\n" + b"".join(FUNCTION % (n, n) for n in range(40))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST", 0)


def _edited(text: bytes, before: Parsed | None) -> Parsed | None:
    """Parse both ways, and hold one against the other."""
    source = SourceFile("ring.c", text)
    found = reparse(source, before)
    fresh = parse(text)
    assert str(source.root) == str(fresh)
    assert [n.start_point for n in source.root.children] == [n.start_point for n in fresh.children]
    assert [n.text for n in source.root.children] == [n.text for n in fresh.children]
    return found


@pytest.mark.parametrize("seed", range(20))
def test_words_that_are_typed_and_deleted(seed: int) -> None:
    rng = random.Random(seed)
    text, parsed = TEXT, _edited(TEXT, None)
    for _ in range(3):
        at = text.index(b"static int ring_%d(" % rng.randrange(40))
        word = rng.choice(
            [b"int x;\n", b"static int a(void)\n{\n}\n", b"/* (*/ ", b"#if 1\n#endif\n"]
        )
        for end in range(1, len(word) + 1):
            whole = text[:at] + word[:end] + text[at:]
            source = SourceFile("ring.c", whole)
            parsed = reparse(source, parsed)
        text = whole
        parsed = _edited(text, parsed)
        if rng.random() < 0.5:
            text = text[:at] + text[at + len(word) :]
            parsed = _edited(text, parsed)


def test_another_text_altogether() -> None:
    parsed = _edited(TEXT, None)
    parsed = _edited(b"int y;\n", parsed)
    _edited(b"", parsed)


def test_the_same_text_again() -> None:
    _edited(TEXT, _edited(TEXT, None))


def test_what_is_hidden_from_the_parser_changes_with_it() -> None:
    """An edit in one place may hide something in another: the views are compared."""
    parsed = _edited(TEXT, None)
    _edited(TEXT.replace(b"__user", b"__iomem", 3), parsed)
