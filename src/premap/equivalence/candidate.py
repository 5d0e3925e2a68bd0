# SPDX-License-Identifier: GPL-2.0-only
"""One thing in which what two versions left behind may differ."""

from __future__ import annotations

from msgspec import Struct


class Candidate(Struct, frozen=True):
    """Something that differs wherever `condition` holds."""

    id: str
    what: str
    condition: bool
    accepted: bool = False
    """Whether the catalogue of accepted differences has it."""
    judgement: bool = True
