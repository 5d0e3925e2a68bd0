# SPDX-License-Identifier: GPL-2.0-only
"""Files that a test writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_files(root: Path, files: Mapping[str, str] | Mapping[str, bytes]) -> None:
    """Write files below a folder, by their names."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
