# SPDX-License-Identifier: GPL-2.0-only
"""Runs make on a tree of links, and reads what the compiler says."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

TIME_LIMIT = 7200
"""Seconds that one make may take."""
_PROBE = """\
int f(const int *q);
int f(const int *q)
{
	__typeof_unqual__(*q) v = *q;
	return v;
}
"""
"""What the first sparse that can read these kernels, 0.6.5, can read."""
_UNWANTED = frozenset({"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "KBUILD_OUTPUT", "KCONFIG_CONFIG"})
"""What would reach the tree's make from around premap."""
_SAID = re.compile(
    r"^(?P<file>[^\s:][^:\n]*):(?P<line>\d+):(?:\d+:)? "
    r"(?P<level>fatal error|error|warning): (?P<text>.*)$",
    re.MULTILINE,
)


class KbuildError(Exception):
    """The tree can't be built at all. `str()` says why, in one line."""


class Diagnostic(Struct, frozen=True):
    """One thing that the compiler, or sparse, says."""

    file: str
    """Relative to the tree's root; absolute for what lies outside."""
    line: int
    error: bool
    text: str

    @property
    def key(self) -> tuple[str, bool, str]:
        """The same before and after a change that moves lines."""
        return self.file, self.error, self.text


class Make(Struct, frozen=True):
    """A tree of links, and the folder in which it is built."""

    source: Path
    build: Path
    jobs: int
    sparse: bool = False

    def prepare(self) -> None:
        """Configure the build, unless it is, and make what every object needs."""
        self.build.mkdir(parents=True, exist_ok=True)
        configured = (self.build / ".config").exists()
        self._must("olddefconfig" if configured else "allmodconfig")
        self._must("prepare")

    def objects(self, targets: Mapping[str, str]) -> tuple[frozenset[str], list[Diagnostic]]:
        """Compile C files anew, each to its object; return what compiled, and what was said."""
        objects = {name: self.build / os.path.normpath(at) for name, at in targets.items()}
        for path in objects.values():
            path.unlink(missing_ok=True)
        checked = ["C=2"] if self.sparse else []
        _, said = self._make("-k", "W=1", "KCFLAGS=-Wno-error", *checked, *targets.values())
        built = frozenset(name for name, path in objects.items() if path.exists())
        return built, list(self._diagnostics(said))

    def _must(self, target: str) -> None:
        code, said = self._make(target)
        if code != 0:
            raise KbuildError(f"make {target} failed: {_why(said)}")

    def _make(self, *arguments: str) -> tuple[int, str]:
        command = ["make", "-C", str(self.source), f"O={self.build}", f"-j{self.jobs}", *arguments]
        environment = {key: value for key, value in os.environ.items() if key not in _UNWANTED}
        try:
            process = subprocess.Popen(  # noqa: S603  no shell; the user asked for the build
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment | {"LC_ALL": "C"},
                start_new_session=True,
            )
        except FileNotFoundError as problem:
            raise KbuildError("make is not installed") from problem
        try:
            said, _ = process.communicate(timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired as problem:
            raise KbuildError(f"make took longer than {TIME_LIMIT} seconds") from problem
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return process.returncode, said.decode("utf-8", "replace")

    def _diagnostics(self, said: str) -> Iterator[Diagnostic]:
        for match in _SAID.finditer(said):
            place = os.path.normpath(self.build / match["file"])
            name = os.path.relpath(place, self.source)
            if name.startswith(".."):
                name = place
            error = match["level"] != "warning"
            yield Diagnostic(name, int(match["line"]), error, match["text"])


def _why(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    wrong = [line for line in lines if "rror" in line or "not found" in line]
    return (wrong or lines[-1:] or ["it printed nothing"])[0][:200]


def new_enough_sparse() -> bool:
    """Tell whether a sparse is installed that can read these kernels.

    Asked is what the kernel's own scripts/checker-valid.sh asks: what sparse calls itself says
    little, as a release candidate of 0.6.5 goes by 0.6.4.
    """
    if shutil.which("sparse") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.c"
        probe.write_text(_PROBE)
        try:
            done = subprocess.run(  # noqa: S603  no shell
                ["sparse", str(probe)],  # noqa: S607  the user's own
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0 and "error" not in done.stdout + done.stderr
