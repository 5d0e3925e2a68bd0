# SPDX-License-Identifier: GPL-2.0-only
"""Structures that are written as a whole: copied, or begun by an initializer."""

from __future__ import annotations

import pytest
from tests.equivalence.kit import judge

EXTRA = """
struct pair { unsigned long a; unsigned long b; };
struct ring { struct pair p; struct pair q; struct pair *r; };
struct rings { struct ring i; struct ring j; };
"""
KINDS = {
    "ring": "struct ring *d = {}->private_data; ",
    "rings": "struct rings *d = {}->private_data; ",
}


def verdict(old: str, new: str, kind: str = "ring") -> str:
    """Compare two bodies, both of which end in `return 0` and have `d`."""
    head = KINDS[kind]
    found = judge(
        f"{head.format('file')}{old} return 0;",
        f"{head.format('desc->file')}{new} return 0;",
        EXTRA,
    )
    assert found.status != "different" or all(each.example for each in found.differences)
    return found.status


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("d->p = d->q;", ""),
        ("", "d->p = d->q;"),
        ("d->p = d->q;", "d->p = *d->r;"),
        ("d->p = d->q; d->p.a = 1;", "d->p = d->q; d->p.a = 2;"),
        ("d->p = d->q; d->q.b = 1;", "d->q.b = 1; d->p = d->q;"),
        ("struct pair t = d->p; d->p = d->q; d->q = t;", "d->p = d->q; d->q = d->p;"),
        ("struct pair x = {}; d->p = x;", "struct pair x = {}; x.b = 1; d->p = x;"),
        ("d->p = (struct pair){ .a = 1 };", "d->p = (struct pair){ .a = 1, .b = 1 };"),
        (
            "d->p = (struct pair){ .a = 1 }; if (d->p.b) return -EINVAL;",
            "d->p = (struct pair){ .a = 1 }; if (d->q.b) return -EINVAL;",
        ),
    ],
)
def test_another_content_is_a_difference(old: str, new: str) -> None:
    assert verdict(old, new) == "different"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("d->p = d->q;", "d->p.a = d->q.a;"),
        ("d->p = (struct pair){ .a = 1 };", "d->p.a = 1;"),
    ],
)
def test_members_one_by_one_are_not_taken_for_all(old: str, new: str) -> None:
    """Which others there are is not known without the configuration."""
    assert verdict(old, new) == "unknown"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("d->p = d->q;", "d->p = d->q;"),
        ("struct pair x = {}; d->p = x;", "struct pair y = {}; d->p = y;"),
        (
            "d->p = (struct pair){ .a = 1 }; if (d->p.b) return -EINVAL;",
            "d->p = (struct pair){ .a = 1 };",
        ),
    ],
)
def test_the_same_content_is_the_same(old: str, new: str) -> None:
    assert verdict(old, new) == "equivalent-except"


class TestCopiesWithin:
    """A copy may hold another: what is in that comes from where it was copied."""

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (
                "struct ring x = d->i; x.p = d->j.q; d->j = x; if (d->j.p.b) return -EINVAL;",
                "struct ring x = d->i; d->j = x; if (d->j.p.b) return -EINVAL;",
            ),
            (
                "d->i = (struct ring){}; d->i.p = d->j.q; if (d->i.p.b) return -EINVAL;",
                "d->i = (struct ring){}; d->i.p = d->j.q;",
            ),
            (
                "struct ring x = {}; x.p = d->j.q; poke(&x);",
                "struct ring x = {}; x.p = d->j.p; poke(&x);",
            ),
        ],
    )
    def test_is_seen(self, old: str, new: str) -> None:
        assert verdict(old, new, "rings") == "different"

    def test_is_read_from_its_source(self) -> None:
        old = "struct ring x = d->i, y; x.p = d->j.q; y = x; if (y.p.b) return -EINVAL;"
        assert verdict(old, "if (d->j.q.b) return -EINVAL;", "rings").startswith("equivalent")
