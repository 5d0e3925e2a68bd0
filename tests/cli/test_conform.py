# SPDX-License-Identifier: GPL-2.0-only
"""`premap conform`, on the kernel that runs these tests."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path
from typing import Any

import pytest

from premap.cli import main
from premap.scenario.host import lacking, release
from premap.scenario.known import CHECKED
from premap.scenario.model_backend import ModelBackend

from .conftest import Premap

pytestmark = pytest.mark.skipif(
    release() < CHECKED or lacking() is not None,
    reason=lacking() or f"the host's kernel is older than {CHECKED[0]}.{CHECKED[1]}",
)


class TestAgreement:
    def test_says_how_much_was_compared(self, premap: Premap) -> None:
        ran = premap("conform", "--on", "host", "--steps", "400", "--seed", "7")
        assert (ran.code, ran.out) == (0, b"")
        assert "steps of 1" in ran.err
        assert "agree with the model (7.3)" in ran.err

    def test_the_same_seed_is_the_same_run(self, premap: Premap) -> None:
        runs = [premap("conform", "--on", "host", "--steps", "120").err for _ in range(2)]
        assert runs[0] == runs[1]


class TestDifference:
    def test_is_a_scenario_that_shows_it(
        self,
        premap: Premap,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """With a model that says of unmapping three pages that it failed."""
        right = ModelBackend._munmap

        def wrong(self: ModelBackend, step: dict[str, Any]) -> int:
            result = right(self, step)
            if step["len"] >= 3 * 4096:
                raise OSError(errno.ENOMEM, "a mistake")
            return result

        monkeypatch.setattr(ModelBackend, "_munmap", wrong)
        assert main(["conform", "--on", "host", "--steps", "400"]) == 1
        out, err = capsys.readouterr()
        header, step = map(json.loads, out.splitlines())
        assert (header["premap"], step["op"], step["len"]) == (1, "munmap", 3 * 4096)
        assert "the kernel returns 0, the model ENOMEM" in err
        assert re.search(r"steps of \d+ scenarios compared, [1-9]\d* differ from the model", err)
        assert "agree" not in err
        (tmp_path / "found.jsonl").write_text(out)
        assert b'"ret": 0' in premap("replay", "found.jsonl", "--on", "host").out
