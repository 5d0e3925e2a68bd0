# SPDX-License-Identifier: GPL-2.0-only
"""Two results of one step, and what is different about them, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from msgspec import Struct

from premap.scenario.outcome import FAILED
from premap.scenario.reader import Json


class Difference(Struct, frozen=True):
    """Steps up to the first at which two backends differ, and the results of both.

    `window`: where the steps map.
    """

    steps: tuple[Json, ...]
    model_results: tuple[Json, ...]
    kernel_results: tuple[Json, ...]
    window: tuple[int, int] = (0, 0)

    @property
    def model(self) -> Json:
        """What the model says of the step at which they differ."""
        return self.model_results[-1]

    @property
    def kernel(self) -> Json:
        """What the kernel says of it."""
        return self.kernel_results[-1]

    @property
    def step(self) -> Json:
        """The step at which they differ: the last one."""
        return self.steps[-1]

    def sentences(self) -> list[str]:
        """Say what is different."""
        return list(_told(self.model, self.kernel))


def first_difference(
    steps: Sequence[Json],
    model: Sequence[Json],
    kernel: Sequence[Json],
    window: tuple[int, int] = (0, 0),
) -> Difference | None:
    """Return where two runs of the same steps part, compared as bytes."""
    for index, (ours, theirs) in enumerate(zip(model, kernel, strict=False)):
        if ours != theirs or FAILED in ours or json.dumps(ours) != json.dumps(theirs):
            end = index + 1
            return Difference(tuple(steps[:end]), tuple(model[:end]), tuple(kernel[:end]), window)
    return None


def _told(model: Json, kernel: Json) -> Iterator[str]:
    for name, result in (("model", model), ("kernel", kernel)):
        if FAILED in result:
            yield f"the {name} has no result: {result[FAILED]}"
    if FAILED in model or FAILED in kernel:
        return
    if model["ret"] != kernel["ret"]:
        yield f"the kernel returns {_number(kernel['ret'])}, the model {_number(model['ret'])}"
    for ours, theirs in zip_longest(model["events"], kernel["events"]):
        if ours != theirs:
            yield f"the kernel's next event is {_event(theirs)}, the model's {_event(ours)}"
            break
    yield from _mappings(model["vmas"], kernel["vmas"])


def _number(value: int | str) -> str:
    return hex(value) if isinstance(value, int) and value else str(value)


def _event(event: Json | None) -> str:
    return "none" if event is None else json.dumps(event)


def _mappings(model: list[Json], kernel: list[Json]) -> Iterator[str]:
    only_model = [vma for vma in model if vma not in kernel]
    only_kernel = [vma for vma in kernel if vma not in model]
    for vma in only_kernel:
        twin = next((each for each in only_model if _range(each) == _range(vma)), None)
        if twin is None:
            yield f"only the kernel has {_mapping(vma)}"
        else:
            only_model.remove(twin)
            yield from _members(vma, twin)
    for vma in only_model:
        yield f"only the model has {_mapping(vma)}"


def _members(kernel: Json, model: Json) -> Iterator[str]:
    for key in ("flags", "pgoff", "file"):
        if kernel[key] != model[key]:
            theirs, ours = _value(kernel[key]), _value(model[key])
            yield f"{_range(kernel)} has {key} {theirs}, in the model {ours}"


def _value(value: object) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)


def _range(vma: Json) -> str:
    return f"{vma['start']:#x}-{vma['end']:#x}"


def _mapping(vma: Json) -> str:
    flags = " ".join(vma["flags"])
    return f"{_range(vma)} ({flags}) of {vma['file'] or 'anonymous memory'} at page {vma['pgoff']}"
