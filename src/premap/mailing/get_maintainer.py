# SPDX-License-Identifier: GPL-2.0-only
"""Asks a tree's own scripts/get_maintainer.pl, which is executed: only where a user wants that."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from premap.mailing.maintainers import Recipients

SCRIPT = "scripts/get_maintainer.pl"
TIME_LIMIT = 60
"""Seconds for one patch."""
_LINE = re.compile(r"(?P<who>.*?\S+@\S+?)\s+\((?P<role>.*)\)")
_PEOPLE = ("maintainer", "supporter", "odd fixer", "commit_signer", "authored", "blamed_fixes")


class ScriptError(Exception):
    """The script did not say who gets a patch. `str()` says why."""


def ask(root: Path, patch: bytes) -> Recipients:
    """Return whom the script of the tree at `root` names for a patch. Raises ScriptError."""
    command = ["perl", SCRIPT, "--no-interactive", "--rolestats", "--no-substatus"]
    try:
        done = subprocess.run(  # noqa: S603  no shell, and the user asked for it
            command, cwd=root, input=patch, capture_output=True, timeout=TIME_LIMIT, check=False
        )
    except FileNotFoundError as problem:
        raise ScriptError("perl is not installed") from problem
    except subprocess.TimeoutExpired as problem:
        raise ScriptError(f"{SCRIPT} took longer than {TIME_LIMIT} seconds") from problem
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ScriptError(said[-1] if said else f"{SCRIPT} failed")
    return parsed(done.stdout.decode("utf-8", "replace"))


def parsed(said: str) -> Recipients:
    """Return the recipients that the script printed, one a line, each with its role."""
    to: list[str] = []
    cc: list[str] = []
    for line in said.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is not None:
            who = match["who"].replace('"', "")
            (to if match["role"].startswith(_PEOPLE) else cc).append(who)
    return Recipients(tuple(to), tuple(cc))
