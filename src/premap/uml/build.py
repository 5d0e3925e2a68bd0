# SPDX-License-Identifier: GPL-2.0-only
"""Building a kernel from a tree, and the program that it starts.

The first build of a tree takes about two minutes on two cores, and 150 MB; one after a change
to the tree some seconds.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import time
from importlib.resources import files
from pathlib import Path

from msgspec import Struct

from premap.uml import cpio
from premap.uml.cache import Entry
from premap.uml.errors import UmlError
from premap.uml.tree import HEADERS, PARTS, link, release

_TOOLS = ("gcc", "ld", "make", "flex", "bison", "bc")
_INIT = ("init.c", "init_io.c", "init_report.c", "init_steps.c")
"""Sources of the first process; `init.h` is what they share."""
_OWN_SOURCES = ("config", "init.h", *_INIT, *HEADERS, "premap.h", *PARTS)
_TIMEOUT = 3600
"""Seconds that one step of a build may take."""
_INIT_ADDRESS = 0x70000000
"""Where the init is linked: above most windows, so that their mappings come first in smaps."""


class Kernel(Struct, frozen=True):
    """A kernel that can be started: the program, the archive it boots from, and its release."""

    linux: Path
    initramfs: Path
    release: str


def build(tree: Path) -> Kernel:
    """Build the kernel of a tree, or find it built. Raises UmlError."""
    tree = tree.resolve()
    number = release(tree)
    own = {name: _own_source(name) for name in _OWN_SOURCES}
    entry = Entry(tree, number, list(own.values()))
    with entry.locked():
        if not entry.is_ready():
            _check_tools()
            _make(tree, entry, own)
    return Kernel(entry.linux, entry.initramfs, number)


def _own_source(name: str) -> bytes:
    return files("premap.uml").joinpath("sources", name).read_bytes()


def _check_tools() -> None:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise UmlError("User Mode Linux needs Linux on x86-64")
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        raise UmlError(f"building a kernel needs {', '.join(missing)}: not found")


def _make(tree: Path, entry: Entry, own: dict[str, bytes]) -> None:
    """Build everything; the entry is ready only once all of it is there."""
    began = time.time()
    entry.forget()
    link(tree, entry.sources, own)
    entry.build.mkdir(exist_ok=True)
    entry.log.write_bytes(b"")
    _make_init(entry, own)
    config = entry.folder / "config"
    config.write_bytes(own["config"])
    make = ["make", "-C", str(entry.sources), "ARCH=um", f"O={entry.build}", "CROSS_COMPILE="]
    _run("configuring", [*make, "allnoconfig", f"KCONFIG_ALLCONFIG={config}"], entry.log)
    jobs = len(os.sched_getaffinity(0))
    _run("compiling", [*make, f"-j{jobs}", "linux"], entry.log)
    _install(entry.build / "linux", entry.linux)
    entry.remember(began)


def _make_init(entry: Entry, own: dict[str, bytes]) -> None:
    program = entry.folder / "init"
    for name in ("init.h", *_INIT):
        (entry.folder / name).write_bytes(own[name])
    sources = [str(entry.folder / name) for name in _INIT]
    options = ["-O2", "-static", f"-Wl,-Ttext-segment={_INIT_ADDRESS:#x}"]
    _run("compiling the init", ["gcc", *options, "-o", str(program), *sources], entry.log)
    archive = entry.initramfs.with_suffix(".new")
    archive.write_bytes(cpio.initramfs(program.read_bytes()))
    archive.replace(entry.initramfs)


def _install(built: Path, place: Path) -> None:
    """Put a copy in its place at once: a kernel that runs keeps the old one."""
    scratch = place.with_suffix(".new")
    shutil.copy(built, scratch)
    scratch.replace(place)


def _run(step: str, command: list[str], log: Path) -> None:
    """Run one step of the build, with its output in the log. Raises UmlError."""
    start = log.stat().st_size
    environment = {key: value for key, value in os.environ.items() if key not in _UNWANTED}
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - the tree's own build
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env=environment, start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise UmlError(f"{step} took more than {_TIMEOUT} s; see {log}") from None
        finally:
            _end(process)
    if code != 0:
        raise UmlError(f"{step} failed: {_first_error(log, start)}; see {log}")


_UNWANTED = frozenset({"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "KBUILD_OUTPUT", "KCONFIG_CONFIG"})
"""What would reach the tree's make from around premap."""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End whatever is left of a step that was interrupted."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _first_error(log: Path, start: int) -> str:
    text = log.read_bytes()[start:].decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "rror:" in line]
    if not errors:
        stopped = next((i for i, line in enumerate(lines) if "***" in line), len(lines))
        errors = lines[max(stopped - 1, 0) :]
    return errors[0][:200] if errors else "it printed nothing"
