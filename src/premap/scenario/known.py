# SPDX-License-Identifier: GPL-2.0-only
"""Where kernel releases differ from the model, which is 7.3: steps that are not compared there.

An entry says of a difference whether it is that one; the comparison of the scenario ends there. In
tests/scenario/known is a scenario for each, with what both do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from premap.model.words import PAGE_SHIFT
from premap.scenario.difference import Difference, first_difference
from premap.scenario.known_charges import (
    charged_for_growth,
    charged_for_replaced,
    charged_for_the_end,
    limit_met,
)
from premap.scenario.model_backend import ModelBackend
from premap.scenario.outcome import outcomes
from premap.scenario.reader import Json, number

Release = tuple[int, int]
CHECKED: Release = (6, 18)
"""The oldest release that the table was held against; older ones may differ in more."""
_LATEST = 4
"""Of how many allocations of one kind within a step one may be that which fails."""


class Known(Struct, frozen=True):
    """A difference that is the release's: from `since` on the kernel does as the model does."""

    id: str
    since: Release
    what: str
    holds: Callable[[Difference], bool]


def known(difference: Difference, release: Release) -> Known | None:
    """Return the entry that explains a difference on a kernel of this release, or None."""
    for entry in KNOWN:
        if release < entry.since and entry.holds(difference):
            return entry
    return None


def _merges_with_itself(difference: Difference) -> bool:
    """Say whether the kernel has one mapping where the model keeps the copy from its source."""
    if not _dontunmap(difference.step) or not _same_but(difference, _joined):
        return False
    return len(difference.kernel["vmas"]) < len(difference.model["vmas"])


def _unlocks_all(difference: Difference) -> bool:
    """Say whether the kernel unlocked more of the source than what moved."""
    return _dontunmap(difference.step) and _same_but(difference, _unlocked)


def _stale_offset(difference: Difference) -> bool:
    """Say whether anonymous memory, of which a copy was moved away, merges differently."""
    kept = [step for step in difference.steps if _dontunmap(step)]
    return _merged(difference, kept, files=False)


def _one_offset(difference: Difference) -> bool:
    """Say whether private mappings of files, which were moved, merge differently."""
    return _merged(difference, difference.steps, files=True)


def _met_elsewhere(difference: Difference) -> bool:
    """Say whether the model does as the kernel if an allocation fails later, or does not.

    Only where private pages of a file were moved since the failure was asked for: whether they
    merge decides what is allocated.
    """
    places = range(len(difference.steps))
    moved = [place for place in places if _moves_pages(difference, place)]
    return any(
        _explained(difference, place, steps)
        for place in places
        if difference.steps[place]["op"] == "fail" and any(place < move for move in moved)
        for steps in _failing_later(difference.steps, place)
    )


def _filed_by_one_offset(difference: Difference) -> bool:
    """Say whether moved private pages of files are filed together, or apart, by one offset."""
    ours, theirs = difference.model.get("ret"), difference.kernel.get("ret")
    if difference.step["op"] != "anon" or not isinstance(ours, list):
        return False
    if not isinstance(theirs, list) or difference.model["vmas"] != difference.kernel["vmas"]:
        return False
    if [each["start"] for each in ours] != [each["start"] for each in theirs]:
        return False
    places = range(len(difference.steps))
    moved = any(_moves_pages(difference, place) for place in places)
    return moved and _filing(ours) == _filing(theirs)


def _filing(anon: list[Json]) -> int:
    """Return how many mappings file pages in one of these anon_vmas."""
    active: dict[int, int] = {each["anon_vma"]: each["active"] for each in anon}
    return sum(active.values())


def _zeroes_alone(difference: Difference) -> bool:
    """Say whether the kernel has zeroes of its own where the model has memory that is shared."""
    step, ours, theirs = difference.step, difference.model, difference.kernel
    if step["op"] != "mmap" or not {"SHARED", "SHARED_VALIDATE"}.intersection(step["flags"]):
        return False
    made = [each for each in difference.steps if each["op"] == "file" and each.get("zero")]
    if step["file"] not in [each["name"] for each in made] or ours["events"] != theirs["events"]:
        return False
    start = theirs["ret"]
    if ours["ret"] == "ENOMEM" and isinstance(start, int):  # shared memory costs, zeroes don't
        others = [vma for vma in theirs["vmas"] if vma["start"] != start]
        return ours["vmas"] == others and len(others) < len(theirs["vmas"])
    if ours["ret"] != start:
        return False
    return _without_files(ours, start) == _without_files(theirs, start)


def _without_files(result: Json, address: int | str) -> list[Json]:
    """Return the mappings of a result; of the one that begins at an address, not what it maps."""
    return [{**vma, "file": None} if vma["start"] == address else vma for vma in result["vmas"]]


def _moves_pages(difference: Difference, place: int) -> bool:
    """Say whether a step moves private pages of a file to a place that was asked for."""
    step = difference.steps[place]
    if step["op"] != "mremap" or step["flags"] in ([], ["MAYMOVE"]):
        return False
    start = number(step["addr"])
    end = start + number(step["len"])
    return any(
        "sh" not in vma["flags"] and vma["file"] and vma["start"] < end and start < vma["end"]
        for vma in difference.model_results[place - 1]["vmas"]
    )


def _failing_later(steps: Sequence[Json], place: int) -> Iterator[tuple[Json, ...]]:
    """Yield the steps without the failure that one of them asks for, and with a later one."""
    head, last = (*steps[:place], *steps[place + 1 : -1]), steps[-1]
    yield (*head, last)
    for after in range(_LATEST):
        yield (*head, {**steps[place], "after": after}, last)


def _explained(difference: Difference, place: int, steps: Sequence[Json]) -> bool:
    """Say whether the model gives the kernel's results for other steps, but for what merges."""
    ours = outcomes(steps, difference.window, ModelBackend())
    theirs = [*difference.kernel_results[:place], *difference.kernel_results[place + 1 :]]
    if len(ours) > len(theirs):
        steps, ours = [*steps[:-2], steps[-1]], [*ours[:-2], ours[-1]]
    found = first_difference(steps, ours, theirs, difference.window)
    if found is None:
        return True
    return len(found.steps) == len(steps) and _one_offset(found)


def _merged(difference: Difference, moves: Sequence[Json], *, files: bool) -> bool:
    """Say whether nothing differs but which private mappings are one, and all these were moved.

    Of files, a driver may be told of the one, or of the parts.
    """
    if not _same_but(difference, _joined, told=_of_the_same if files else _told):
        return False
    moved = _moved(difference.steps, moves)
    bigger = [each for each in _only_one(difference) if _spans(each, difference)]
    return bool(bigger) and all(
        "ms" not in vma["flags"] and (vma["file"] is not None) == files and _meets(vma, moved)
        for vma in bigger
    )


KNOWN = (
    Known(
        "dontunmap-merge",
        (7, 2),
        "MREMAP_DONTUNMAP to beside itself merged the copy with its source",
        _merges_with_itself,
    ),
    Known(
        "dontunmap-lock",
        (7, 2),
        "MREMAP_DONTUNMAP of a part of a locked mapping unlocked all of it",
        _unlocks_all,
    ),
    Known(
        "dontunmap-offset",
        (7, 2),
        "what MREMAP_DONTUNMAP left of anonymous memory kept the offset it had when it had pages",
        _stale_offset,
    ),
    Known(
        "anonymous-offset",
        (7, 3),
        "file pages and the pages written instead had one offset, which a move did not change",
        _one_offset,
    ),
    Known(
        "shrink-charge",
        (7, 3),
        "a move to an address asked for that also shrank was charged for what it gave up",
        charged_for_the_end,
    ),
    Known(
        "replaced-charge",
        (7, 3),
        "an mmap() that failed where it replaced accounted memory left that charged",
        charged_for_replaced,
    ),
    Known(
        "growth-charge",
        (7, 3),
        "a move that also grew and failed left charged what it was to grow by",
        charged_for_growth,
    ),
    Known(
        "failure-met",
        (7, 3),
        "a failure that was asked for is met elsewhere, as moved private pages of files merged",
        _met_elsewhere,
    ),
    Known(
        "anonymous-filed",
        (7, 3),
        "by one offset for file pages and those written instead, neighbours shared an anon_vma",
        _filed_by_one_offset,
    ),
    Known(
        "limit-met",
        (7, 3),
        "a limit of what is committed was met by what calls before, or a shrinking move, charged",
        limit_met,
    ),
    Known(
        "zero-shared",
        (7, 3),
        "MAP_SHARED of /dev/zero that was opened to read was private: zeroes, and no tmpfs file",
        _zeroes_alone,
    ),
)


def _dontunmap(step: Json) -> bool:
    return step["op"] == "mremap" and "DONTUNMAP" in step["flags"]


def _told(difference: Difference, result: Json) -> list[Json]:
    del difference
    events: list[Json] = result["events"]
    return events


def _of_the_same(difference: Difference, result: Json) -> list[Json]:
    """Return the events, but what is told of a new mapping that only one of the two has."""
    ranges = [(vma["start"], vma["end"]) for vma in _only_one(difference)]
    return [
        event
        for event in result["events"]
        if event["call"] not in _OF_NEW or (event["start"], event["end"]) not in ranges
    ]


_OF_NEW = ("open", "mremap")
"""What a driver is told of a copy: nothing of one that merged, or that where it merged."""


def _same_but(
    difference: Difference,
    view: Callable[[list[Json]], list[Json]],
    told: Callable[[Difference, Json], list[Json]] = _told,
) -> bool:
    """Say whether results are the same when their mappings, and events, are seen in this way."""
    ours, theirs = difference.model, difference.kernel
    if ours.get("ret") != theirs.get("ret"):
        return False
    if told(difference, ours) != told(difference, theirs):
        return False
    return view(ours["vmas"]) == view(theirs["vmas"])


def _joined(vmas: list[Json]) -> list[Json]:
    """Join mappings that touch and continue each other."""
    found: list[Json] = []
    for vma in vmas:
        if found and _continues(found[-1], vma):
            found[-1] = {**found[-1], "end": vma["end"]}
        else:
            found.append(vma)
    return found


def _continues(before: Json, vma: Json) -> bool:
    if before["end"] != vma["start"]:
        return False
    if before["flags"] != vma["flags"] or before["file"] != vma["file"]:
        return False
    if vma["file"] is None and "ms" not in vma["flags"]:
        return True
    pages = (before["end"] - before["start"]) >> PAGE_SHIFT
    offset = before["pgoff"]
    return isinstance(offset, int) and offset + pages == vma["pgoff"]


def _unlocked(vmas: list[Json]) -> list[Json]:
    plain = [
        {**vma, "flags": [flag for flag in vma["flags"] if flag not in ("lo", "lf")]}
        for vma in vmas
    ]
    return _joined(plain)


def _only_one(difference: Difference) -> list[Json]:
    """Return the mappings that only one of the two has."""
    ours, theirs = difference.model["vmas"], difference.kernel["vmas"]
    return [vma for vma in ours if vma not in theirs] + [vma for vma in theirs if vma not in ours]


def _moved(steps: Sequence[Json], moves: Sequence[Json]) -> list[tuple[int, int]]:
    """Return the sources and destinations of moves, and what was mapped beside them later."""
    found: list[tuple[int, int]] = []
    for step in steps:
        if step in moves and step["op"] == "mremap" and step["flags"] not in ([], ["MAYMOVE"]):
            length = max(number(step["len"]), number(step["new_len"]))
            found += [(start, start + length) for start in map(number, _places(step))]
        elif step["op"] in ("mmap", "mremap"):
            start = number(step["addr"])
            end = start + number(step.get("new_len", step["len"]))
            if any(low <= end and start <= high for low, high in found):
                found.append((start, end))
    return found


def _places(step: Json) -> tuple[Any, Any]:
    return step["addr"], step["new_addr"]


def _spans(vma: Json, difference: Difference) -> bool:
    """Say whether a mapping of one holds several that only the other has."""
    inside = [
        each
        for each in _only_one(difference)
        if vma["start"] <= each["start"] and each["end"] <= vma["end"]
    ]
    return len(inside) > 1


def _meets(vma: Json, ranges: list[tuple[int, int]]) -> bool:
    return any(start < vma["end"] and vma["start"] < end for start, end in ranges)
