# SPDX-License-Identifier: GPL-2.0-only
"""Wrong use gets one line and exit code 2; help and version work."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from premap.cli.explain import explanations

from .conftest import Premap

COMMANDS = ("convert", "verify", "run", "replay", "conform", "explain")


class TestHelp:
    def test_names_every_command(self, premap: Premap) -> None:
        ran = premap("--help")
        assert ran.code == 0
        assert all(f"\n    {command} ".encode() in ran.out for command in COMMANDS)

    @pytest.mark.parametrize("command", COMMANDS)
    def test_of_a_command(self, premap: Premap, command: str) -> None:
        ran = premap(command, "--help")
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith(f"usage: premap {command} ".encode())

    def test_version(self, premap: Premap) -> None:
        assert premap("--version").out.startswith(b"premap 0.")


class TestWrongUse:
    @pytest.mark.parametrize(
        "arguments",
        [
            (),
            ("frobnicate",),
            ("convert",),
            ("convert", "--no-such-option", "x.c"),
            ("convert", "--target", "seven", "x.c"),
            ("convert", "--target", "6.12", "x.c"),
            ("convert", "--jobs", "0", "x.c"),
            ("convert", "--format", "xml", "x.c"),
            ("convert", "--tree", "/nonexistent", "x.c"),
            ("verify", "one.c"),
            ("verify", "one.c", "two.c", "three.c"),
            ("verify", "--git", "nonsense", "one.c"),
            ("verify", "--git", "A..B", "one.c", "two.c"),
            ("run", "/nonexistent.c:f"),
            ("run", "no-function"),
            ("replay", "/nonexistent.jsonl"),
            ("conform",),
            ("conform", "--kernel", "/nonexistent"),
            ("conform", "--on", "host", "--steps", "0"),
            ("conform", "--on", "host", "--seed", "x"),
            ("conform", "--on", "model"),
            ("explain",),
        ],
        ids=" ".join,
    )
    def test_is_one_line_and_exit_code_2(self, premap: Premap, arguments: tuple[str, ...]) -> None:
        ran = premap(*arguments)
        assert (ran.code, len(ran.lines)) == (2, 1), ran.err
        assert ran.err.startswith("premap: ")

    def test_an_option_is_not_abbreviated(self, premap: Premap, driver: Path) -> None:
        assert premap("convert", "--in", driver).code == 2


class TestExplain:
    def test_an_idiom(self, premap: Premap) -> None:
        ran = premap("explain", "R2")
        assert ran.code == 0
        assert ran.out.startswith(b"R2 (idiom): ")

    def test_in_any_case(self, premap: Premap) -> None:
        assert premap("explain", "r2").out == premap("explain", "R2").out

    def test_a_reason(self, premap: Premap) -> None:
        assert premap("explain", "different").out.startswith(b"different (reason): ")

    def test_names_of_the_kernel_are_explained(self, premap: Premap) -> None:
        ran = premap("explain", "vma_desc_test_flags")
        assert ran.out.startswith(b"vma_desc_test_flags (kernel): ")
        assert b"In 7.0." in ran.out

    def test_an_unknown_id_names_what_is_close(self, premap: Premap) -> None:
        ran = premap("explain", "diferent")
        assert (ran.code, len(ran.lines)) == (2, 1)
        assert "different" in ran.err

    def test_every_id_is_explained_under_its_own_name(self) -> None:
        assert all(explanation.id == id_ for id_, explanation in explanations().items())


class TestOutput:
    def test_nobody_reads_it(self, driver: Path) -> None:
        command = f"{sys.executable} -m premap convert --format json {driver} | true"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False, timeout=60
        )
        assert b"Traceback" not in done.stderr
        assert b"Exception ignored" not in done.stderr

    def test_a_full_disk_is_one_line(self, driver: Path) -> None:
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "premap", "explain", "different"],
                stdout=full,
                stderr=subprocess.PIPE,
                check=False,
                timeout=60,
            )
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1


class TestInterrupt:
    """Ctrl-C ends premap in one line, whatever it does."""

    FROM_THE_FIRST_IMPORT = """
import os, sys, premap.cli
class Tell:
    def find_spec(self, name, path=None, target=None):
        if name == "premap.cli.dispatch":
            os.write(1, b".")
sys.meta_path.insert(0, Tell())
sys.exit(premap.cli.main())
"""

    @pytest.mark.parametrize("milliseconds", [0, 20, 60, 150, 300])
    def test_at_any_time(self, milliseconds: int) -> None:
        ring = Path(__file__).parents[2] / "examples/ring"
        code = self.FROM_THE_FIRST_IMPORT
        for again in (0, 0.01):
            run = subprocess.Popen(
                [sys.executable, "-c", code, "survey", "--no-cache", str(ring)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            assert run.stdout is not None
            assert run.stdout.read(1) == b"."
            time.sleep(milliseconds / 1000)
            run.send_signal(signal.SIGINT)
            if again:
                time.sleep(again)
                run.send_signal(signal.SIGINT)
            _, complaint = run.communicate()
            assert b"Traceback" not in complaint
            assert run.returncode in {0, 130}
            assert (b"premap: interrupted\n" in complaint) == (run.returncode == 130)
