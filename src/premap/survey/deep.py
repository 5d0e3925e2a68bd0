# SPDX-License-Identifier: GPL-2.0-only
"""What becomes of the handlers of one file: conversions, verdicts, findings, a call of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import asdict

from premap import conversion as converter
from premap.csource.handlers import find_handlers
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.csource.unified import unified_diff
from premap.model import KernelBug, NotModelled
from premap.outcomes import Asked, outcomes
from premap.records import Conversion, Outcome
from premap.report import documents
from premap.survey.records import Deep, Judged, Run

if TYPE_CHECKING:
    from premap.equivalence import Stepped
    from premap.equivalence.outcome import Side

MAX_STEPS = 200
"""Steps of a call that a picture has."""
STATES = (1 << 20, 0, 1)
"""Values that all of the driver's state has in a picture: the first with which mmap() succeeds."""


def judged(source: SourceFile, tree: KernelTree, target: str) -> Deep:
    """Convert every handler, compare old and new, look for mistakes, and step through a call."""
    from premap import rules  # noqa: PLC0415  loads the rules

    conversions = converter.convert_file(source, tree, target)
    found = outcomes(conversions, source, tree, Asked(target))
    checked = rules.check_file(source, tree, target)
    return {
        "outcomes": {str(_start(each)): _outcome(each, source, tree) for each in found},
        "findings": [documents.finding(each) for each in checked.findings],
        "runs": {name: run for name in _hooks(source) if (run := _run(source, name, tree))},
    }


def _hooks(source: SourceFile) -> list[str]:
    """Return the hooks that the file both defines and names in a table."""
    found = find_handlers(source)
    return sorted({each.name for each in found if each.name in source.functions})


def _run(source: SourceFile, name: str, tree: KernelTree) -> Run | None:
    """Return one call of a hook, step by step; None where the model does not know it whole.

    The driver's state is one with which the call succeeds, if one of a few does.
    """
    from premap import equivalence  # noqa: PLC0415  loads the interpreter

    try:
        side = equivalence.hook(source, name, tree)
        runs = (_stepped(side, state) for state in STATES)
        stepped, state = next((run for run in runs if not run[0].outcome.failed), None) or _stepped(
            side, STATES[0]
        )
    except (NotModelled, KernelBug, equivalence.NoSuchHook, RecursionError):
        return None
    return {
        "member": "mmap" if side.member == "mmap" else "mmap_prepare",
        "result": stepped.result,
        "state": state,
        "steps": [asdict(step) for step in stepped.steps[:MAX_STEPS]],
        "vmas": stepped.vmas,
        "ptes": stepped.ptes,
        "injected": [],
    }


def _stepped(side: Side, state: int) -> tuple[Stepped, int]:
    from premap import equivalence  # noqa: PLC0415

    shared = equivalence.Setting(shared=True)
    return equivalence.step_through(side, shared, otherwise=state), state


def _start(found: Outcome) -> int:
    return -1 if found.conversion is None else found.conversion.handler.start


def _outcome(found: Outcome, source: SourceFile, tree: KernelTree) -> Judged:
    conversion = found.conversion
    return {
        "status": found.status,
        "safety": found.safety,
        "new_name": conversion.new_name if conversion else None,
        "idioms": list(conversion.idioms) if conversion else [],
        "notes": [asdict(note) for note in conversion.notes] if conversion else [],
        "reason": asdict(found.reason) if found.reason else None,
        "verdict": documents.verdict(found.verdict) if found.verdict else None,
        "patch": _patch(conversion, source, tree) if conversion and conversion.edits else None,
    }


def _patch(conversion: Conversion, source: SourceFile, tree: KernelTree) -> str:
    diff = b""
    for name in sorted({edit.file for edit in conversion.edits}):
        before = source if name == source.name else tree.open(name)
        diff += unified_diff(name, before.text, converter.apply([conversion], before))
    return diff.decode("utf-8", "surrogateescape")
