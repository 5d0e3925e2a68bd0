# SPDX-License-Identifier: GPL-2.0-only
"""The archive that a kernel boots from (cpio's "newc" format; the kernel's init/initramfs.c)."""

from __future__ import annotations

_MAGIC = b"070701"
_FOLDER, _PROGRAM, _CHARACTER_DEVICE = 0o040755, 0o100755, 0o020600
_CONSOLE = (5, 1)
FOLDERS = ("dev", "proc", "files", "noexec", "cached")


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _member(
    name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0), inode: int = 0
) -> bytes:
    path = name.encode() + b"\0"
    # inode, mode, owner, group, links, time, size, device of the file, device it stands for, check
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
    header = _MAGIC + b"".join(b"%08x" % field for field in fields)
    return _padded(header + path) + _padded(data)


def initramfs(init: bytes) -> bytes:
    """Return an archive with the program as /init, a console, and folders to mount upon."""
    members = [_member(folder, _FOLDER, inode=i) for i, folder in enumerate(FOLDERS, 1)]
    console = _member("dev/console", _CHARACTER_DEVICE, device=_CONSOLE, inode=100)
    program = _member("init", _PROGRAM, init, inode=101)
    return b"".join(members) + console + program + _member("TRAILER!!!", 0)
