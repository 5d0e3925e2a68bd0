# SPDX-License-Identifier: GPL-2.0-only
"""A survey as text: what there is, what became of it, and where to begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from premap.report.printable import printable

_MOST = 15
"""Rows of a ranking."""


def print_survey(document: Mapping[str, Any], out: Console) -> None:
    """Print the totals, the rankings, and what moved."""
    totals = document["totals"]
    out.print(Text(_headline(document), "bold"))
    _counted("status", totals["status"], out)
    _counted("verdicts", totals["verdicts"], out)
    _counted("declined because", totals["reasons"], out)
    _counted("what they do", totals["classes"], out)
    _counted("tables", totals["tables"], out)
    _counted("findings", totals["findings"], out)
    explained = {each["is"]: each["sites"] for each in document["rules"]}
    _counted(f"no sites, of the {totals['grep']} places that grep finds", explained, out)
    _ranking(document, out)
    _clusters(document, out)
    _moved(document, out)
    for error in document["errors"]:
        out.print(Text(printable(f"{error['file']}: {error['message']}"), "red"))
    if document["problem"]:
        out.print(Text(f"results could not be kept: {printable(document['problem'])}", "yellow"))


def _headline(document: Mapping[str, Any]) -> str:
    totals = document["totals"]
    release = f" ({document['release']})" if document["release"] else ""
    return printable(
        f"{document['tree']}{release}: {totals['sites']} sites in {totals['files']} files, "
        f"{totals['handlers']} handlers, {document['seconds']} s"
    )


def _counted(title: str, counts: Mapping[str, int], out: Console) -> None:
    if not counts:
        return
    out.print(Text(f"\n{title}", "bold"))
    shown = list(counts.items())
    for name, count in shown[:_MOST]:
        out.print(Text(printable(f"{count:6}  {name}")))
    if len(shown) > _MOST:
        out.print(Text(f"{sum(n for _, n in shown[_MOST:]):6}  in {len(shown) - _MOST} more"))


def _ranking(document: Mapping[str, Any], out: Console) -> None:
    if not document["unlocks"]:
        return
    out.print(
        Text("\nwhat would unlock most (sites that wait; that wait for nothing else)", "bold")
    )
    for each in document["unlocks"][:_MOST]:
        after = f", after {', '.join(each['after'])}" if each["after"] else ""
        out.print(Text(printable(f"{each['sites']:6} {each['alone']:5}  {each['name']}{after}")))


def _clusters(document: Mapping[str, Any], out: Console) -> None:
    if not document["clusters"]:
        return
    out.print(Text("\nclusters that one series can take", "bold"))
    for each in document["clusters"][:_MOST]:
        out.print(Text(printable(f"{each['sites']:6}  {each['id']}  {each['title']}")))


def _moved(document: Mapping[str, Any], out: Console) -> None:
    for each in document.get("moved", ()):
        site = each["new"] or each["old"]
        was = f" (was {each['old']['handler']})" if each["old"] and each["new"] else ""
        line = f"{each['how']:>10}  {site['file']}:{site['line']}: {site['handler']}{was}"
        out.print(Text(printable(line)))
