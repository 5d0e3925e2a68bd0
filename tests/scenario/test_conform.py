# SPDX-License-Identifier: GPL-2.0-only
"""Finding, telling and shrinking a difference: a kernel with a mistake, made of the model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from premap.scenario import Scenario, read
from premap.scenario.conform import Compared, Kernel, compare, conform, scenario_text, shrunk
from premap.scenario.difference import Difference
from premap.scenario.families import FAMILIES, WINDOW, WITHOUT_DEVICES
from premap.scenario.generate import generate
from premap.scenario.model_backend import ModelBackend
from premap.scenario.shrink import Shrinker

Json = dict[str, Any]


class Mistaken(ModelBackend):
    """A kernel that is the model but for what a function makes of each result."""

    def __init__(self, mistake: Callable[[Json, Json], Json]) -> None:
        super().__init__()
        self.mistake = mistake

    def step(self, step: Json) -> Json:
        return self.mistake(step, super().step(step))


def kernel(mistake: Callable[[Json, Json], Json], *, devices: bool = True) -> Kernel:
    return Kernel(Mistaken(mistake), (7, 3), devices)


def faultless(step: Json, result: Json) -> Json:
    del step
    return result


def long_unmaps_fail(step: Json, result: Json) -> Json:
    bad = step["op"] == "munmap" and step["len"] > 8192 and result["ret"] == 0
    return {**result, "ret": "ENOMEM"} if bad else result


def locked_is_dumped(step: Json, result: Json) -> Json:
    """Whatever is locked has the flag dd as well."""
    del step
    vmas = [
        {**vma, "flags": [*vma["flags"], "dd"]} if "lo" in vma["flags"] else vma
        for vma in result["vmas"]
    ]
    return {**result, "vmas": vmas}


def raises(step: Json, result: Json) -> Json:
    if step["op"] == "fork":
        raise RuntimeError("no fork today")
    return result


def found(kernel: Kernel, steps: int = 4000) -> Compared:
    return next(each for each in conform(kernel, 1, steps) if each.difference is not None)


def smallest(kernel: Kernel) -> Difference:
    return shrunk(found(kernel), kernel)


class TestAgreement:
    def test_the_model_agrees_with_itself(self) -> None:
        compared = list(conform(kernel(faultless), 0, 1200))
        assert sum(each.steps for each in compared) >= 1200
        assert not any(each.difference or each.known for each in compared)

    def test_families_take_turns(self) -> None:
        seeds = [str(each.scenario.seed) for each in conform(kernel(faultless), 0, 800)]
        assert {seed.split(":")[0] for seed in seeds} == set(FAMILIES)

    def test_only_families_without_devices(self) -> None:
        host = kernel(faultless, devices=False)
        seeds = [str(each.scenario.seed) for each in conform(host, 0, 500)]
        assert {seed.split(":")[0] for seed in seeds} == set(WITHOUT_DEVICES)


class TestShrinking:
    def test_a_wrong_return_value(self) -> None:
        """A mapping of three pages, and its removal."""
        difference = smallest(kernel(long_unmaps_fail))
        assert [step["op"] for step in difference.steps] == ["munmap"]
        assert difference.step["len"] == 3 * 4096
        assert difference.sentences() == ["the kernel returns ENOMEM, the model 0"]

    def test_a_wrong_flag(self) -> None:
        difference = smallest(kernel(locked_is_dumped))
        assert len(difference.steps) <= 2
        (sentence,) = difference.sentences()
        assert "dd, in the model" in sentence

    def test_an_exception_is_a_difference(self) -> None:
        difference = smallest(kernel(raises))
        assert [step["op"] for step in difference.steps] == ["fork"]
        assert "no fork today" in difference.sentences()[0]

    def test_what_is_printed_reproduces_it(self, tmp_path: Path) -> None:
        broken = kernel(locked_is_dumped)
        difference = smallest(broken)
        path = tmp_path / "s.jsonl"
        path.write_text(scenario_text(difference.steps, WINDOW))
        (again,) = read(path)
        assert again.steps == difference.steps
        told = Scenario(again.header, again.steps, again.lines, results=difference.model_results)
        assert compare(told, broken).difference is not None

    def test_what_is_not_allowed_is_not_proposed(self) -> None:
        """The shrinker would drop the mprotect() that makes a page readable."""
        steps = generate(3, 40, "fault").steps
        seen: list[tuple[Json, ...]] = []

        def shows(smaller: tuple[Json, ...]) -> bool:
            seen.append(smaller)
            return False

        assert Shrinker(shows, tries=200).shrink(steps) == steps
        assert 0 < len(seen) <= 200


class TestShrinker:
    STEPS = tuple({"op": "munmap", "addr": 4096 * n, "len": 40960} for n in range(30))

    def test_finds_the_two_that_matter(self) -> None:
        def shows(steps: tuple[Json, ...]) -> bool:
            places = {step["addr"] for step in steps}
            return {4096 * 7, 4096 * 21} <= places

        shrunk_to = Shrinker(shows).shrink(self.STEPS)
        assert [(step["addr"], step["len"]) for step in shrunk_to] == [
            (4096 * 7, 4096),
            (4096 * 21, 4096),
        ]

    def test_gives_up_after_so_many_tries(self) -> None:
        asked = []

        def shows(steps: tuple[Json, ...]) -> bool:
            asked.append(steps)
            return True

        Shrinker(shows, tries=3).shrink(self.STEPS)
        assert len(asked) == 3

    def test_a_name_that_is_used_stays(self) -> None:
        file = {"op": "file", "name": "f0", "size": 4096, "mode": "r"}
        mapped = {"op": "mmap", "file": "f0", "addr": 0, "len": 4096, "prot": "r",
                  "flags": ["SHARED"], "offset": 0}  # fmt: skip
        steps = Shrinker(lambda steps: mapped in steps).shrink((file, mapped))
        assert steps == (file, mapped)


@pytest.mark.parametrize(
    ("ours", "theirs", "sentence"),
    [
        ({"ret": 0}, {"ret": "EINVAL"}, "the kernel returns EINVAL, the model 0"),
        ({"ret": 4096}, {"ret": 8192}, "the kernel returns 0x2000, the model 0x1000"),
        (
            {"events": [{"call": "open"}]},
            {},
            'the kernel\'s next event is none, the model\'s {"call": "open"}',
        ),
        (
            {},
            {"vmas": [{"start": 0, "end": 4096, "flags": ["rd"], "pgoff": 3, "file": "f0"}]},
            "only the kernel has 0x0-0x1000 (rd) of f0 at page 3",
        ),
    ],
    ids=json.dumps,
)
def test_sentences(ours: Json, theirs: Json, sentence: str) -> None:
    blank = {"ret": 0, "events": [], "vmas": []}
    difference = Difference(({"op": "fork"},), ({**blank, **ours},), ({**blank, **theirs},))
    assert difference.sentences() == [sentence]
