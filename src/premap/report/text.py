# SPDX-License-Identifier: GPL-2.0-only
"""Reports for people. One line a handler, then what belongs to it, indented; a sum at the end."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from premap.records import Difference, Explanation, Outcome, Verdict
from premap.report.call import call_text
from premap.report.printable import printable
from premap.report.wrapping import show

_STYLES = {
    "converted": "green",
    "declined": "yellow",
    "error": "bold red",
    "equivalent": "green",
    "equivalent-except": "green",
    "different": "bold red",
    "unknown": "yellow",
}
_DIFF_COLOURS = ((b"@", b"\x1b[36m"), (b"+", b"\x1b[32m"), (b"-", b"\x1b[31m"))
_COPIED = frozenset({"see"})
"""Labels of what is there to be copied: a command that was wrapped could not be."""
_HOOK = "FUNCTION"
"""Stands for a hook whose name is not known."""
_LARGE = 4096
"""Numbers from here on are shown in hexadecimal: they are addresses, sizes or masks."""


def console(color: str, file: TextIO) -> Console:
    """Return a console that prints lines as they are. `color`: "auto", "always", "never".

    Without colours nothing is bold, either.
    """
    plain = color == "never" or (color == "auto" and bool(os.environ.get("NO_COLOR")))
    return Console(
        file=file,
        force_terminal=True if color == "always" else None,
        color_system=None if plain else "standard" if color == "always" else "auto",
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=True,
    )


class ConvertText:
    """Reports a run of `premap convert` as it happens, and its diff at the end."""

    def __init__(self, color: str, messages: TextIO, diff: TextIO | None) -> None:
        self._color = color
        self._console = console(color, messages)
        self._diff = diff
        self._told: dict[tuple[str, str], Outcome] = {}
        """By file and function: what was printed of a verdict with differences."""

    def outcomes(self, found: Iterable[Outcome]) -> None:
        """Print what became of some handlers."""
        for outcome in found:
            for line in _outcome_lines(outcome):
                show(self._console, line)
            for line in self._verdict_lines(outcome):
                show(self._console, line)

    def _verdict_lines(self, outcome: Outcome) -> Iterator[Text]:
        """Say what old and new differ in: once for all tables that name the same function."""
        conversion, verdict = outcome.conversion, outcome.verdict
        if conversion is None or verdict is None:
            return
        hooks = {"old": conversion.handler.name, "new": conversion.new_name or _HOOK}
        told = self._told.setdefault((outcome.file, hooks["old"]), outcome)
        if told is not outcome and told.verdict == verdict and told.conversion is not None:
            if verdict.differences or verdict.reason:
                yield _detail("differs", f"as said of line {told.conversion.handler.line}")
            return
        yield from _verdict_lines(verdict, hooks)

    def written(self, paths: Iterable[Path]) -> None:
        """Print the names of files that were written, one a line, on standard output."""
        for path in paths:
            print(printable(str(path)))  # noqa: T201  as git format-patch does

    def end(self, outcomes: list[Outcome], diff: bytes, _target: str | None) -> None:
        """Print what the verdicts hold for, how many handlers became what, and the diff."""
        for line in _bounds_lines(outcomes):
            show(self._console, line)
        show(self._console, Text(_summary(outcomes), "bold"))
        if self._diff is not None:
            self._diff.flush()
            self._diff.buffer.write(shown_diff(diff, self._color, self._diff))


def print_verdict(verdict: Verdict, out: Console) -> None:
    """Print a verdict with everything that it says."""
    out.print(Text(verdict.status, _STYLES[verdict.status]))
    for line in _verdict_lines(verdict, {}):
        show(out, line)
    for bound in verdict.bounds:
        show(out, _detail("holds for", bound))


def shown_diff(diff: bytes, color: str, out: TextIO) -> bytes:
    """Return a diff as it goes to `out`: to the byte, unless a person is to see it in colour."""
    if color == "never" or (color == "auto" and not out.isatty()):
        return diff
    return b"".join(_coloured(line) for line in diff.splitlines(keepends=True))


def _coloured(line: bytes) -> bytes:
    body = line.rstrip(b"\n").replace(b"\x1b", b"^[")
    for start, colour in _DIFF_COLOURS:
        if body.startswith(start):
            return colour + body + b"\x1b[0m\n"
    return body + b"\n"


def _outcome_lines(outcome: Outcome) -> Iterator[Text]:
    yield _headline(outcome)
    conversion = outcome.conversion
    for note in conversion.notes if conversion else ():
        yield _detail(f"note [{note.id}]", _at(note.line) + note.message)


def _headline(outcome: Outcome) -> Text:
    conversion, reason = outcome.conversion, outcome.reason
    where = printable(outcome.file)
    if conversion:
        where += f":{conversion.handler.line}: {printable(conversion.handler.name)}"
    line = Text(f"{where}: ").append(outcome.status, _STYLES[outcome.status])
    if reason:
        line.append(f": {_at(reason.line)}{printable(reason.message)} [{reason.id}]")
    elif conversion:
        line.append(f" to {conversion.new_name}")
        if outcome.verdict:
            line.append("; ").append(outcome.verdict.status, _STYLES[outcome.verdict.status])
        if outcome.safety == "review":
            line.append(", ").append("for review", _STYLES["unknown"])
        line.append(f" ({', '.join(conversion.idioms)})")
    return line


def _at(line: int | None) -> str:
    return "" if line is None else f"line {line}: "


def _verdict_lines(verdict: Verdict, hooks: Mapping[str, str]) -> Iterator[Text]:
    """Yield what is said of a verdict; `hooks` has the names of the old and the new function."""
    if verdict.reason:
        yield _detail("because", verdict.reason)
    for example, group in itertools.groupby(
        verdict.differences, key=lambda each: tuple(_example_lines(each, hooks))
    ):
        for difference in group:
            yield _detail(f"differs [{difference.id}]", difference.message)
        yield from (_detail(*line) for line in example)


def _bounds_lines(outcomes: Iterable[Outcome]) -> Iterator[Text]:
    """Say what verdicts hold for: what all of them do once, the rest with the handlers' names."""
    verdicts = [
        (printable(outcome.conversion.handler.name), outcome.verdict.bounds)
        for outcome in outcomes
        if outcome.conversion and outcome.verdict
    ]
    concerned: dict[str, list[str]] = {}
    for name, bounds in verdicts:
        for bound in bounds:
            concerned.setdefault(bound, []).append(name)
    if concerned:
        yield Text("The verdicts hold for:")
    for bound, names in concerned.items():
        only = "" if len(names) == len(verdicts) else f" ({', '.join(dict.fromkeys(names))})"
        yield Text(f"  {printable(bound)}{only}")


def _example_lines(difference: Difference, hooks: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what is shown of a difference's example, each with its label."""
    example = difference.example
    if example is None:
        return
    yield "  for", f"{call_text(example['call'])}, {example['setting']}"
    if example["state"]:
        state = ", ".join(f"{name} = {value:#x}" for name, value in example["state"].items())
        yield "  where", state
    for side in ("old", "new"):
        yield f"  {side}", "; ".join(_behaviour(example[side]))
    for side, command in example["run"].items():
        yield "  see", f"premap run FILE:{hooks.get(side, _HOOK)} {command}"


def _behaviour(side: dict[str, Any]) -> Iterator[str]:
    yield f"returns {side['returns']}"
    for mapping in side["mappings"]:
        yield (
            f"maps {mapping['start']:#x}-{mapping['end']:#x} pgoff {mapping['pgoff']:#x} "
            f"{mapping['flags']} page_prot {mapping['page_prot']:#x} {mapping['vm_ops']}"
            + (
                f" private_data {_value(mapping['private_data'])}"
                if mapping["private_data"]
                else ""
            )
        )
    entry = side["entry"]
    if entry is not None:
        access = "writable" if entry["writable"] else "read-only"
        yield f"{entry['kind']} {entry['index']:#x} with pgprot {entry['pgprot']:#x}, {access}"
    if side["calls"]:
        yield f"calls {', '.join(side['calls'])}"


def _detail(label: str, message: str) -> Text:
    line = Text("  ", no_wrap=label.strip() in _COPIED)
    return line.append(f"{label}: ", "bold").append(printable(message))


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={_value(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LARGE:
        return hex(value)
    return str(value)


def print_run(document: dict[str, Any], out: Console) -> None:
    """Print the document of `premap run`: steps, result, mappings, page tables, injections."""
    _print_steps(document["steps"], out)
    out.print(_detail("result", document["result"]))
    for vma in document["vmas"]:
        out.print(_detail("mapping", _value(vma)))
    for pte in document["ptes"]:
        out.print(_detail("page table", _value(pte)))
    _print_survivors(document, out)
    for injected in document["injected"]:
        out.print(Text(_stage(injected["point"]), "bold"))
        _print_steps(injected["steps"], out)
        out.print(_detail("result", injected["result"]))
        _print_survivors(injected, out)


def _print_survivors(document: dict[str, Any], out: Console) -> None:
    for survivor in document["survives"]:
        out.print(_detail("survives", survivor))


def _stage(point: str) -> str:
    return "where it merges:" if point == "merge" else f"with {point} failing:"


def _print_steps(steps: Iterable[dict[str, Any]], out: Console) -> None:
    for step in steps:
        where = f"{step['file']}:{step['line']}: " if step["line"] else ""
        out.print(
            Text(printable(where))
            .append(f"{step['kind']}: ", "bold")
            .append(printable(step["text"]))
        )


def print_explanation(explanation: Explanation, out: Console) -> None:
    """Print what an id means, its C set apart."""
    out.print(Text(f"{explanation.id} ({explanation.kind}): {explanation.title}", "bold"))
    code = explanation.before, explanation.after
    before, after = (indent(dedent(each).strip("\n"), "    ") for each in code)
    if explanation.text:
        out.print(Text("\n" + dedent(explanation.text).strip()))
    if before:
        out.print(Text("\n" + before))
    if after:
        out.print(Text("\nbecomes\n\n" + after))


def _summary(outcomes: Iterable[Outcome]) -> str:
    outcomes = list(outcomes)
    sites = [outcome for outcome in outcomes if outcome.conversion]
    status = Counter(outcome.status for outcome in outcomes)
    verdicts = Counter(
        outcome.verdict.status
        for outcome in sites
        if outcome.verdict and outcome.status == "converted"
    )
    proved = ", ".join(f"{count} {name}" for name, count in sorted(verdicts.items()))
    parts = [_count(len(sites), "handler"), f"{status['converted']} converted"]
    parts[1] += f" ({proved})" if proved else ""
    parts += [f"{status['declined']} declined"] if status["declined"] else []
    parts += [_count(status["error"], "error")] if status["error"] else []
    return "; ".join(parts)


def _count(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"
