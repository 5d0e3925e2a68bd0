# SPDX-License-Identifier: GPL-2.0-only
"""What the tests for ways to a wrong `equivalent` share: pairs that differ, or can't be proven."""

from __future__ import annotations

from tests.equivalence.kit import judge

from premap.records import Verdict

RES = "struct res { unsigned long start, end; struct res *next; };\n"
DEV = "struct dev *d = file->private_data; "
NEW_DEV = "struct dev *d = desc->file->private_data; "


def differ(old: str, new: str, extra: str = "", new_extra: str | None = None) -> None:
    """Assert that two bodies are `different`, with an example."""
    verdict = judge(old, new, extra, new_extra)
    assert verdict.status == "different", verdict
    assert all(difference.example for difference in verdict.differences)


def proven(verdict: Verdict) -> bool:
    """Tell whether a pair is the same, but for a refusal of what merged without being asked."""
    return verdict.status.startswith("equivalent") and all(
        difference.id == "hook-decides-merge" for difference in verdict.differences
    )


def unproven(
    old: str, new: str, reason: str, extra: str = "", new_extra: str | None = None
) -> None:
    """Assert that the verdict is `unknown`, for this reason and with a line."""
    verdict = judge(old, new, extra, new_extra)
    assert verdict.status == "unknown", verdict
    assert verdict.reason is not None
    assert reason in verdict.reason
    assert "ring.c:" in verdict.reason
