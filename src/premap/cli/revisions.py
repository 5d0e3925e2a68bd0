# SPDX-License-Identifier: GPL-2.0-only
"""A file of a git repository as it was in some revision, with the headers that it needs."""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path, PurePosixPath

from premap.cli.command import UsageError
from premap.gitrepo import GitError, git

_ALSO = ("Makefile", "include")
"""What else of a kernel is looked at when C is read."""


def parse_range(text: str) -> tuple[str, str]:
    """Return the two revisions of `OLD..NEW`; either may be left out, for HEAD."""
    match = re.fullmatch(r"((?!-)[^\s:]*?)\.\.((?![-.])[^\s:]*)", text)
    if match is None or text == "..":
        raise UsageError(f"--git {text}: not REV..REV")
    return match[1] or "HEAD", match[2] or "HEAD"


def repository_of(path: Path) -> tuple[Path, str]:
    """Return the root of the repository that holds `path`, and the name of `path` in it."""
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    root = Path(_git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
    return root, (folder.resolve() / path.absolute().relative_to(folder.absolute())).relative_to(
        root.resolve()
    ).as_posix()


def check_out(repository: Path, revision: str, name: str, folder: Path) -> Path:
    """Put file `name` of a revision, its neighbours and the headers below `folder`.

    Returns where the file is now. Raises UsageError if the revision, or the file in it, is missing.
    The repository, its index and its working tree stay as they are.
    """
    _git(repository, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    beside = str(PurePosixPath(name).parent)
    wanted = [each for each in (*_ALSO, name, beside) if each != "." or name == each]
    listed = _git(repository, "ls-tree", "-z", "--name-only", "--full-tree", revision, *wanted)
    present = [each.decode("utf-8", "surrogateescape") for each in listed.split(b"\0") if each]
    if name not in present:
        raise UsageError(f"{name}: not in revision {revision}")
    archive = _git(repository, "archive", "--format=tar", revision, "--", *present)
    _unpack(archive, folder)
    return folder / name


def _unpack(archive: bytes, folder: Path) -> None:
    """Write the regular files of an archive; anything else, and what leads out, is left out."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            parts = PurePosixPath(member.name).parts
            content = tar.extractfile(member) if member.isreg() else None
            if content is None or ".." in parts or member.name.startswith("/"):
                continue
            path = folder.joinpath(*parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read())


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        return git(folder, *arguments)
    except GitError as problem:
        raise UsageError(f"--git: {problem}") from problem
