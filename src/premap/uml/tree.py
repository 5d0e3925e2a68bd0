# SPDX-License-Identifier: GPL-2.0-only
"""A kernel's source tree, as it is needed for a build that must not write in it.

A build goes to a folder of symbolic links to the tree, with premap's driver in drivers/misc. What a
build in the tree itself has left is not linked: make would take it for its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from premap.uml.errors import UmlError

OLDEST = (7, 1)
"""The first release whose `->mmap_prepare` is what the driver is written for."""
_DRIVER_FOLDER = Path("drivers/misc")
_BUILT = (".config", "include/config", "include/generated", "arch/x86/include/generated")


def release(tree: Path) -> str:
    """Return "7.3.4", from the Makefile. Raises UmlError for what is no tree, or too old a one."""
    try:
        head = (tree / "Makefile").read_text(errors="replace")[:2000]
    except OSError:
        raise UmlError(f"{tree}: not a kernel's source tree (it has no Makefile)") from None
    found = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL)\s*=\s*(\d+)", head, re.MULTILINE))
    if "VERSION" not in found or "PATCHLEVEL" not in found or not (tree / "arch/um").is_dir():
        raise UmlError(f"{tree}: not a kernel's source tree")
    version = (int(found["VERSION"]), int(found["PATCHLEVEL"]))
    if version < OLDEST:
        raise UmlError(f"{tree}: Linux {version[0]}.{version[1]}, but scenarios need 7.1 or newer")
    return f"{version[0]}.{version[1]}.{found.get('SUBLEVEL', '0')}"


def link(tree: Path, folder: Path, driver: str) -> None:
    """Make `folder` a tree of links, with the driver's source added. Raises UmlError."""
    shutil.rmtree(folder, ignore_errors=True)
    _link(tree, folder, Path(), {_DRIVER_FOLDER / "Makefile", *_leftovers(tree)})
    makefile = (tree / _DRIVER_FOLDER / "Makefile").read_text()
    (folder / _DRIVER_FOLDER / "Makefile").write_text(makefile + "\nobj-y += premap.o\n")
    (folder / _DRIVER_FOLDER / "premap.c").write_text(driver)


def _link(tree: Path, folder: Path, at: Path, without: set[Path]) -> None:
    """Link what is in one folder; folders with something to leave out become folders."""
    parents = {parent for path in without for parent in path.parents}
    (folder / at).mkdir()
    for name in sorted(entry.name for entry in (tree / at).iterdir()):
        path = at / name
        if path in without or name == ".git":
            continue
        if path in parents:
            _link(tree, folder, path, without)
        else:
            (folder / path).symlink_to(tree / path)


def _leftovers(tree: Path) -> Iterable[Path]:
    """Files and folders that a build in the tree has left."""
    if not any((tree / path).exists() for path in _BUILT):
        return ()
    if shutil.which("git") is None or not (tree / ".git").exists():
        raise UmlError(f"{tree}: something was built in it; run `make mrproper` there")
    command = ["git", "-C", str(tree), "ls-files", "-z", "--others", "--ignored"]
    listed = subprocess.run(  # noqa: S603 - git, of the user's own tree
        [*command, "--exclude-standard", "--directory"], capture_output=True, check=False
    )
    if listed.returncode != 0:
        why = listed.stderr.decode(errors="replace").strip().splitlines() or ["it failed"]
        raise UmlError(f"{tree}: git can't say what was built in it: {why[0]}")
    return [Path(os.fsdecode(name)) for name in listed.stdout.split(b"\0") if name]
