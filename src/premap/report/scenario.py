# SPDX-License-Identifier: GPL-2.0-only
"""A scenario and its results, as one side of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from premap.report.picture import Side

Step = dict[str, Any]


def scenario_side(name: str, steps: Sequence[Mapping[str, Any]], results: Sequence[Step]) -> Side:
    """Return the side; a result has "ret", "events" and "vmas", as docs/scenario.md says."""
    told = [told for each in zip(steps, results, strict=False) for told in _told(*each)]
    document = {"result": f"{len(results)} steps", "steps": told, "injected": []}
    return Side(name, "", name, document)


def _told(step: Mapping[str, Any], result: Step) -> list[Step]:
    arguments = ", ".join(f"{key}={_text(value)}" for key, value in step.items() if key != "op")
    space = [
        {
            "start": v["start"],
            "end": v["end"],
            "what": f"{v['file'] or 'anonymous'} {' '.join(v['flags'])}",
        }
        for v in result["vmas"]
    ]
    events = [
        {"kind": event["call"], "text": _event(event), "space": None} for event in result["events"]
    ]
    failed = isinstance(result["ret"], str) and result["ret"].isupper()
    text = f"{step['op']}({arguments}) = {_text(result['ret'])}"
    return [*events, {"kind": step["op"], "text": text, "space": space, "failing": failed}]


def _event(event: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={_text(value)}" for key, value in event.items() if key != "call")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "|".join(map(str, value)) or "none"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 4096:
        return hex(value)
    return str(value)
