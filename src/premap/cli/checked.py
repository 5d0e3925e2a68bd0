# SPDX-License-Identifier: GPL-2.0-only
"""What came of one file that `premap check` was asked about, in this run or an earlier one."""

from __future__ import annotations

from typing import NamedTuple

from premap.records import Checked, Reason


class FileChecked(NamedTuple):
    """What came of one file."""

    name: str
    target: str
    checked: Checked = Checked()
    problem: Reason | None = None
    """Why the file could not be checked, or not all of it."""
    readable: bool = True
