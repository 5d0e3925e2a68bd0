# SPDX-License-Identifier: GPL-2.0-only
"""An mmap() call of an example, as C writes it."""

from __future__ import annotations

from typing import Any

_NAMES = {"r": "PROT_READ", "w": "PROT_WRITE", "x": "PROT_EXEC"}


def call_text(call: dict[str, Any]) -> str:
    """Return an mmap() call as C writes it."""
    prot = "|".join(_NAMES[letter] for letter in call["prot"]) or "PROT_NONE"
    flags = "|".join(f"MAP_{flag}" for flag in call["flags"])
    opened = "for writing" if call["opened_for_writing"] else "for reading"
    return (
        f"mmap({call['addr']:#x}, {call['length']:#x}, {prot}, {flags}, fd, "
        f"{call['offset']:#x}) of a file opened {opened}{' (noexec)' if call['noexec'] else ''}"
    )
