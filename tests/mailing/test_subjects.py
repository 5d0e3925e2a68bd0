# SPDX-License-Identifier: GPL-2.0-only
"""What stands before a subject: by history, or by MAINTAINERS."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from premap.mailing.maintainers import Maintainers
from premap.mailing.subjects import Style, from_folders, from_history, style_of


class TestHistory:
    def test_the_most_frequent_one_counts(self) -> None:
        subjects = [
            "char: ring: fix a leak",
            "treewide: say ring",
            "treewide: say bell",
            "treewide: say gong",
            "char: ring: no more bells",
            "fs: constify tables",
        ]
        assert from_history(subjects) == Style("char: ring")

    def test_capitals_are_kept(self) -> None:
        subjects = ["drm/ring: Fix a leak", "drm/ring: Add bells", "drm/ring: remove bells"]
        style = from_history(subjects)
        assert style == Style("drm/ring", capital=True)
        assert style.subject("convert it") == "drm/ring: Convert it"

    @pytest.mark.parametrize(
        "subjects", [[], ["no prefix at all"], ["ring: one"], ['Revert "ring: a"'] * 3]
    )
    def test_says_nothing_where_no_two_agree(self, subjects: list[str]) -> None:
        assert from_history(subjects) is None

    def test_is_that_of_the_repository(self, tmp_path: Path) -> None:
        def git(*arguments: str) -> None:
            identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
            subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True)

        git("init", "-q")
        for number in range(3):
            (tmp_path / "ring.c").write_text(str(number))
            git("add", ".")
            git("commit", "-qm", f"bells: ring: change {number}")
        assert style_of("ring.c", tmp_path, Maintainers("")) == Style("bells: ring")
        assert style_of("gong.c", tmp_path, Maintainers("")) == Style("gong")

    def test_runs_nothing_that_the_repository_configures(self, tmp_path: Path) -> None:
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
        trap = tmp_path / "trap"
        trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
        trap.chmod(0o755)
        for name in ("core.fsmonitor", "gpg.program", "core.pager", "core.sshCommand"):
            subprocess.run(["git", "config", name, str(trap)], cwd=tmp_path, check=True)
        subprocess.run(["git", "config", "log.showSignature", "true"], cwd=tmp_path, check=True)
        style_of("ring.c", tmp_path, Maintainers(""))
        assert not (tmp_path / "sprung").exists()


class TestFolders:
    @pytest.mark.parametrize(
        ("file", "folders", "prefix"),
        [
            ("drivers/misc/ring.c", ["drivers/misc"], "misc: ring"),
            (
                "drivers/staging/ring/a.c",
                ["drivers/staging", "drivers/staging/ring"],
                "staging: ring",
            ),
            (
                "drivers/infiniband/hw/ring/a.c",
                ["drivers/infiniband", "drivers/infiniband/hw/ring"],
                "RDMA/ring",
            ),
            ("arch/x86/ring/a.c", ["arch/x86", "arch/x86/ring"], "x86/ring"),
            ("fs/ringfs/file.c", ["fs/ringfs"], "ringfs"),
            ("sound/core/ring.c", ["sound"], "ALSA"),
            ("drivers/soc/ring/a.c", ["drivers/soc/ring"], "soc: ring"),
            ("drivers/bus/bus_ring.c", ["drivers/bus"], "bus: ring"),
            ("drivers/bus/busring.c", ["drivers/bus"], "bus: busring"),
            ("drivers/bus/bus_main.c", ["drivers/bus"], "bus"),
            ("drivers/bus/core.c", ["drivers/bus"], "bus"),
            ("drivers/bus/bus.c", ["drivers/bus"], "bus"),
            ("drivers/bus/ring_drv.c", ["drivers/bus"], "bus: ring"),
            ("drivers/bus/a-ring-main.c", ["drivers/bus"], "bus: a-ring"),
            ("drivers/xen/ring.c", ["drivers/xen"], "xen/ring"),
            ("drivers/acpi/ring.c", ["drivers/acpi"], "ACPI: ring"),
            ("drivers/dma/ring/a.c", ["drivers/dma", "drivers/dma/ring"], "dmaengine: ring"),
            ("virt/kvm/kvm_ring.c", ["virt/kvm"], "KVM"),
            ("fs/ring.c", [], "ring"),
            ("ring.c", [], "ring"),
        ],
    )
    def test_make_the_prefix(self, file: str, folders: list[str], prefix: str) -> None:
        assert from_folders(file, folders) == prefix
