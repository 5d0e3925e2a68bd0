# SPDX-License-Identifier: GPL-2.0-only
"""Reading scenario files: JSON Lines, plain or gzipped.

A file is either one scenario (the header, then a step a line), or one recorded scenario a line:
`{"seed", "scenario": [header, step, …], "results": [result, …]}`.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from premap.scenario.errors import ScenarioError
from premap.scenario.steps import Names, check_header, check_step

Json = dict[str, Any]


class Scenario(Struct, frozen=True):
    """A header and its steps; with `results` if it was recorded, to be compared with.

    `lines` are the lines of the file that the steps stand on, all the same for a recorded one.
    """

    header: Json
    steps: tuple[Json, ...]
    lines: tuple[int, ...]
    path: str = ""
    line: int = 0
    seed: Any = None
    results: tuple[Json, ...] | None = None

    @property
    def window(self) -> tuple[int, int]:
        """[low, high) in bytes: what a scenario maps lies in it."""
        low, high = self.header["window"]
        return number(low), number(high)


def number(value: Any) -> int:
    """Return the value of a number, which may also be a string "0x…"."""
    if isinstance(value, str):
        return int(value, 0)
    return int(value)


def read(path: str | Path) -> list[Scenario]:
    """Read every scenario of a file, each of which begins with a header, or is recorded.

    Raises ScenarioError, with file and line.
    """
    name = str(path)
    documents = list(_documents(Path(path), name))
    if not documents:
        raise ScenarioError("the file is empty", name)
    first = documents[0][1]
    if "scenario" in first:
        return [_recorded(document, name, line) for line, document in documents]
    begins = [place for place, (_, document) in enumerate(documents) if "premap" in document]
    begins = [0, *(place for place in begins if place)]
    return [
        _plain(documents[begin:end], name)
        for begin, end in zip(begins, [*begins[1:], len(documents)], strict=True)
    ]


def _documents(path: Path, name: str) -> Iterator[tuple[int, Json]]:
    line = 0
    try:
        with _open(path) as stream:
            for line, text in enumerate(stream, 1):
                if text.strip():
                    yield line, _parse(text, name, line)
    except UnicodeDecodeError:
        raise ScenarioError("not UTF-8 text", name, line + 1) from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError(f"can't be read: {reason}", name) from None


def _open(path: Path) -> Any:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _parse(text: str, name: str, line: int) -> Json:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise ScenarioError("not a line of JSON", name, line) from None
    if not isinstance(document, dict):
        raise ScenarioError("not a JSON object", name, line)
    return document


def _plain(documents: list[tuple[int, Json]], name: str) -> Scenario:
    head_line, header = documents[0]
    check_header(header, name, head_line)
    names = Names()
    for line, step in documents[1:]:
        check_step(step, name, line)
        names.check(step, name, line)
    return Scenario(
        header,
        tuple(step for _, step in documents[1:]),
        tuple(line for line, _ in documents[1:]),
        name,
        head_line,
    )


def _recorded(document: Json, name: str, line: int) -> Scenario:
    scenario, results = document.get("scenario"), document.get("results")
    if not isinstance(scenario, list) or not scenario or not isinstance(results, list):
        raise ScenarioError('not a recorded scenario ("scenario" and "results")', name, line)
    header, *steps = scenario
    check_header(header, name, line)
    names = Names()
    for step in steps:
        check_step(step, name, line)
        names.check(step, name, line)
    if len(results) != len(steps):
        raise ScenarioError(f"{len(steps)} steps, but {len(results)} results", name, line)
    return Scenario(
        header,
        tuple(steps),
        (line,) * len(steps),
        name,
        line,
        document.get("seed"),
        tuple(results),
    )
