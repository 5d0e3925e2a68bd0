# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong `equivalent`: elements that an array does not have, in the new version alone."""

from __future__ import annotations

import pytest
from tests.equivalence.kit import judge

from premap.records import Verdict

ARRAYS = "struct q {{ int n; unsigned long t[{0}]; int after; }};\nstatic int tab[{0}];\n"
Q = "struct q *q = {0}->private_data; struct dev *d = {0}->f_inode->i_private; "
CHECK = "if (q->n < 0 || q->n >= {}) return -EINVAL; "


def verdict(old: str, new: str, lengths: tuple[int, int]) -> Verdict:
    """Compare two bodies, with arrays of so many elements."""
    one, other = (ARRAYS.format(length) for length in lengths)
    before, after = f"{Q}{old}".replace("{0}", "file"), f"{Q}{new}".replace("{0}", "desc->file")
    return judge(before, after, one, other)


BEYOND = [
    "d->count = q->t[q->n]; return 0;",
    f"{CHECK.format(8)}d->count = q->t[q->n]; return 0;",
    "d->count = q->t[q->n & 7]; return 0;",
    "q->t[q->n & 7] = 5; return 0;",
    "d->count = tab[q->n & 7]; return 0;",
    "unsigned long *p = q->t; p += q->n & 7; d->count = *p; return 0;",
    "d->count = q->t[6]; return 0;",
    "return q->n >= 0 && q->n < 8 && q->t[q->n] ? -EINVAL : 0;",
]
WITHIN = [
    f"{CHECK.format(4)}d->count = q->t[q->n]; return 0;",
    "unsigned int i = q->n; if (i >= 4) return -EINVAL; q->t[i] = 1; return 0;",
    "d->count = q->t[q->n & 3]; return 0;",
    "d->count = tab[q->n & 3]; return 0;",
    "return q->n >= 0 && q->n < 4 && q->t[q->n] ? -EINVAL : 0;",
    "d->count = q->n >= 0 && q->n < 4 ? q->t[q->n] : 0; return 0;",
    "poke(&q->t[q->n & 7]); return 0;",
    "d->count = q->after; return 0;",
]


@pytest.mark.parametrize("body", BEYOND)
def test_an_array_that_is_shorter_now(body: str) -> None:
    found = verdict(body, body, (8, 4))
    assert found.status == "different"
    assert [each.id for each in found.differences] == ["undefined"]
    assert found.differences[0].example


@pytest.mark.parametrize("body", BEYOND)
@pytest.mark.parametrize("lengths", [(8, 8), (4, 8)])
def test_an_array_that_is_not(body: str, lengths: tuple[int, int]) -> None:
    if lengths == (4, 8) and "t[6]" in body:
        pytest.skip("every call goes beyond the old one: nothing is left to compare")
    assert verdict(body, body, lengths).status.startswith("equivalent")


@pytest.mark.parametrize("body", WITHIN)
def test_what_stays_within_the_shorter_one(body: str) -> None:
    assert verdict(body, body, (8, 4)).status.startswith("equivalent")


def test_an_access_before_its_check() -> None:
    check = CHECK.format(8)
    new = f"unsigned long held = q->t[q->n]; {check}d->count = held; return 0;"
    assert verdict(f"{check}d->count = q->t[q->n]; return 0;", new, (8, 8)).status == "different"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("if (q->n >= 0 && q->n < 8) if (q->t[q->n]) return -1; return 0;", "&&"),
        (
            "if (q->n >= 0) { if (q->n < 8) d->count = q->t[q->n]; else d->count = 0; } return 0;",
            "?",
        ),
    ],
)
def test_checks_that_are_written_otherwise(old: str, new: str) -> None:
    other = {
        "&&": "if (q->n >= 0 && q->n < 8 && q->t[q->n]) return -1; return 0;",
        "?": "if (q->n >= 0) d->count = q->n < 8 ? q->t[q->n] : 0; return 0;",
    }[new]
    assert verdict(old, other, (8, 8)).status.startswith("equivalent")
    assert verdict(other, old, (8, 8)).status.startswith("equivalent")


def test_the_end_of_an_array_may_be_pointed_at() -> None:
    """`&t[8]` is no access: calls are not left out for it."""
    body = "unsigned long *p, sum = 0; for (p = q->t; p != &q->t[{}]; p++) sum += *p; "
    old, new = (f"{body.format(n)}d->count = sum; return 0;" for n in (8, 7))
    assert verdict(old, old, (8, 8)).status.startswith("equivalent")
    assert verdict(old, new, (8, 8)).status == "different"
