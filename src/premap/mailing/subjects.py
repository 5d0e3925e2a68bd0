# SPDX-License-Identifier: GPL-2.0-only
"""What a subsystem puts before the subjects of its patches.

Its history says: what most subjects of a file's commits begin with. Without one, the folders that
MAINTAINERS has entries for.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath

from msgspec import Struct

from premap.gitrepo import GitError, git
from premap.mailing.maintainers import Maintainers

COMMITS = 60
"""How many commits of a file are asked."""
_LEAST = 2
"""Commits that have to agree: one alone may be anything."""
_PREFIX = re.compile(r"((?:[\w./+-]+(?: [\w./+-]+)?: ?)+)(?=\S)(.*)")
_NOT_OF_A_SUBSYSTEM = frozenset({"treewide", "tree-wide", "Revert", "Merge", "revert"})
_CALLED = {
    "arch/arc": "ARC",
    "arch/arm": "ARM",
    "arch/mips": "MIPS",
    "drivers/acpi": "ACPI",
    "drivers/dma": "dmaengine",
    "drivers/gpu": "drm",
    "drivers/hid": "HID",
    "drivers/hsi": "HSI",
    "drivers/infiniband": "RDMA",
    "drivers/pci": "PCI",
    "sound": "ALSA",
    "virt/kvm": "KVM",
    "arch": "",
    "drivers": "",
    "fs": "",
}
"""Folders whose subsystem calls itself something else; "" for those that are no subsystem."""
_SLASHED = frozenset({"RDMA", "drm", "xen"})
"""Subsystems that put a slash, not a colon, before the name of a driver."""
_DRIVER = re.compile(r"[-_](?:drv|driver|main)\Z")
"""What a file's name has behind the driver's."""
_WHOLE = frozenset({"main", "core", "driver", "drv"})
"""What a file of the subsystem itself is called."""
_COLLECTIONS = 2
"""Names in the folder of a subsystem of many drivers: "drivers/misc"."""


class Style(Struct, frozen=True):
    """How the subjects of a file's patches look."""

    prefix: str
    """Such as "misc: open-dice", without the colon at its end."""
    capital: bool = False
    """Whether what follows begins with a capital letter."""

    def subject(self, text: str) -> str:
        """Return the subject that says `text`."""
        said = text[:1].upper() + text[1:] if self.capital else text
        return f"{self.prefix}: {said}"


def style_of(file: str, root: Path | None, maintainers: Maintainers) -> Style:
    """Return how subjects of patches of a file look in its tree."""
    found = from_history(history(file, root)) if root is not None else None
    return found or Style(from_folders(file, maintainers.folders(file)))


def history(file: str, root: Path) -> list[str]:
    """Return the subjects of a file's commits, the newest first; none where there are none."""
    wanted = (f"-n{COMMITS}", "--no-merges", "--no-show-signature", "--format=%s")
    try:
        said = git(root, "log", *wanted, "--", file)
    except GitError:
        return []
    return said.decode("utf-8", "replace").splitlines()


def from_history(subjects: list[str]) -> Style | None:
    """Return what most subjects begin with; None if no two of them agree."""
    counted: Counter[str] = Counter()
    capitals: Counter[str] = Counter()
    for subject in subjects:
        match = _PREFIX.match(subject)
        if match is None or match[1].split(":")[0] in _NOT_OF_A_SUBSYSTEM:
            continue
        prefix = match[1].rstrip(": ")
        counted[prefix] += 1
        capitals[prefix] += match[2][:1].isupper()
    if not counted:
        return None
    prefix, count = counted.most_common(1)[0]
    return Style(prefix, capitals[prefix] * 2 > count) if count >= _LEAST else None


def from_folders(file: str, folders: list[str]) -> str:
    """Return the prefix that the entries of MAINTAINERS make: `folders` outermost first."""
    named = [folder for folder in folders if _called(folder)]
    path = PurePosixPath(file)
    if not named:
        named = [folder for folder in map(str, path.parents) if _called(folder)][:1]
    if not named:
        return path.stem
    subsystem, narrowest = named[0], named[-1]
    parts = [_called(subsystem)]
    if subsystem.startswith("drivers/") and subsystem.count("/") == _COLLECTIONS:
        parts.insert(0, subsystem.split("/")[1])
    if narrowest != subsystem:
        parts.append(_called(narrowest))
    elif subsystem.startswith("drivers/") and subsystem.count("/") < _COLLECTIONS:
        parts.append(_of_file(path.stem, PurePosixPath(subsystem).name))
    slashed = parts[0] in _SLASHED or subsystem.startswith("arch/")
    return ("/" if slashed else ": ").join(dict.fromkeys(parts))


def _of_file(stem: str, subsystem: str) -> str:
    """Return what a driver of one file is called: "ring" of ring_drv.c, and of bus_ring.c."""
    name = re.sub(rf"\A{re.escape(subsystem)}[-_](?=\w)", "", stem)
    return subsystem if name in _WHOLE else _DRIVER.sub("", name)


def _called(folder: str) -> str:
    """Return what a subsystem calls itself; "" if the folder is none."""
    name = PurePosixPath(folder).name
    return "" if name == "." else _CALLED.get(folder, name)
