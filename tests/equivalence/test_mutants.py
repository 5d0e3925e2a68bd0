# SPDX-License-Identifier: GPL-2.0-only
"""Small changes of new hooks are `different`, unless it is proven beside them that they are not."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from tests.equivalence.kit import DRIVER, NEW_HEAD, OLD_HEAD
from tests.equivalence.mutants import (
    PAIRS,
    SAME,
    UNDECIDED,
    Mutant,
    chosen,
    known,
    mutants,
    verdict_on,
)

from premap.cli import main

COUNT = 120
SEED = 20260
PAGES = "mmap_action_map_kernel_pages_full(desc, dev->pages + desc->start);"
"""What is shown hangs on words that only the comparison reads: the addresses of the pages."""
DRAWN = [each for each in chosen(COUNT, SEED) if not known(each)]
DRAWN += [each for each in mutants("page-array") if each.change == PAGES and each not in DRAWN]


def named(mutant: Mutant) -> str:
    return f"{mutant.pair}: {mutant.change}"


@pytest.mark.parametrize("mutant", DRAWN, ids=named)
class TestMutants:
    def test_is_different(self, mutant: Mutant) -> None:
        verdict = verdict_on(mutant)
        if (mutant.pair, mutant.change) in UNDECIDED:
            assert verdict.status == "unknown"
            return
        assert verdict.status == "different", verdict
        assert all(difference.example for difference in verdict.differences)

    def test_its_example_replays(
        self, mutant: Mutant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The command that a report shows does not do the same for old and new."""
        commands = _commands(mutant)
        pair = PAIRS[mutant.pair]
        runs = []
        for version, name, head, body in (
            ("old", "ring_mmap", OLD_HEAD, pair.old),
            ("new", "ring_mmap_prepare", NEW_HEAD, mutant.new),
        ):
            file = tmp_path / f"{name}.c"
            file.write_text(f"{DRIVER}{pair.extra}{head}{body}\n}}\n")
            code = main(["run", f"{file}:{name}", "--format=json", *commands[version]])
            printed = capsys.readouterr()
            runs.append(_seen(json.loads(printed.out)) if code == 0 else printed.err)
        assert runs[0] != runs[1]


def _commands(mutant: Mutant) -> dict[str, list[str]]:
    example = verdict_on(mutant).differences[0].example
    assert example is not None
    return {version: shlex.split(command) for version, command in example["run"].items()}


def _seen(document: dict[str, Any]) -> dict[str, Any]:
    """Return what `premap run` shows, but for the steps of the hook itself."""
    calls = [step["text"] for step in document["steps"] if step["kind"] == "call"]
    return (
        {**document, "steps": calls, "injected": [_seen(i) for i in document["injected"]]}
        if ("injected" in document)
        else {**document, "steps": calls}
    )


def test_every_exception_is_a_mutant() -> None:
    made = {(mutant.pair, mutant.change) for name in PAIRS for mutant in mutants(name)}
    assert SAME.keys() | UNDECIDED.keys() <= made


def test_there_are_enough_to_choose_from() -> None:
    assert len(PAIRS) >= 20
    assert len(chosen(10_000, SEED)) > 400
