# SPDX-License-Identifier: GPL-2.0-only
"""Asks git about a repository, of which neither hooks nor configured programs are run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

TIME_LIMIT = 60
"""Seconds after which git is given up."""
_SAFE = (
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "log.showSignature=false"),
)
"""What a repository's own configuration could make git execute when it is only read."""
_ENVIRONMENT = {
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
}


class GitError(Exception):
    """Git is missing, refused, or took too long. `str()` is what it said, in one line."""


def git(folder: Path, *arguments: str) -> bytes:
    """Return what git prints when it is run in `folder`. Raises GitError."""
    command = ["git", "-C", str(folder), *_SAFE, *arguments]
    try:
        done = subprocess.run(  # noqa: S603  no shell
            command,
            capture_output=True,
            check=False,
            timeout=TIME_LIMIT,
            env=os.environ | _ENVIRONMENT,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as problem:
        raise GitError("git is not installed") from problem
    except subprocess.TimeoutExpired as problem:
        raise GitError(f"git {arguments[0]} took longer than {TIME_LIMIT} seconds") from problem
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitError(said[-1] if said else f"git {arguments[0]} {arguments[-1]}: failed")
    return done.stdout
