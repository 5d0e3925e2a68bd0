# SPDX-License-Identifier: GPL-2.0-only
"""Options that several commands share, each meaning the same everywhere."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from premap.cli.command import argument


def release(text: str) -> str:
    """Check that `text` looks like a kernel release, such as "7.3"."""
    if not re.fullmatch(r"\d+\.\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no release such as 7.3")
    return text


def positive(text: str) -> int:
    """Check that `text` is a whole number above 0."""
    if not re.fullmatch(r"\d{1,6}", text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def identifier(text: str) -> str:
    """Check that `text` may be the name of a macro."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a macro")
    return text


TARGET = argument(
    "--target",
    metavar="RELEASE",
    type=release,
    help="kernel release to write for (default: that of the tree, else the newest known)",
)
TREE = argument(
    "--tree",
    metavar="DIR",
    type=Path,
    help="root of the kernel tree (default: found by walking up from the file)",
)
FORMAT = argument(
    "--format",
    choices=("text", "json"),
    default="text",
    help="text for people, or one JSON document",
)
COLOR = argument(
    "--color", choices=("auto", "always", "never"), default="auto", help="colour the text"
)
DEBUG = argument(
    "--debug", action="store_true", help="show where an internal error happened (or PREMAP_DEBUG=1)"
)
JOBS = argument(
    "--jobs",
    metavar="N",
    type=positive,
    default=os.cpu_count() or 1,
    help="files to work on at a time (default: the number of processors)",
)
