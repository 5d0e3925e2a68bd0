# SPDX-License-Identifier: GPL-2.0-only
"""What a patch says of itself: why, what was converted and how, the verdict, what to review."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap

from msgspec import Struct

from premap.mailing.diffstat import diffstat
from premap.mailing.series import Patch
from premap.records import Conversion, Explanation, Outcome, Verdict

WIDTH = 72
_LISTED = 20
"""Handlers that were not converted and are listed one by one; of more, reasons are counted."""
_WHY = {
    "struct file_operations": (
        "The mmap hook of struct file_operations is deprecated. Its successor, mmap_prepare, is "
        "called before there is a VMA: it describes the mapping that the kernel then makes, and "
        "is not given one to change."
    )
}
_SUBJECTS = (
    "replace deprecated mmap hook{s} with mmap_prepare",
    "convert mmap hook{s} to mmap_prepare",
    "convert to mmap_prepare",
)
_LONGEST_SUBJECT = 70
_ENDS_A_MESSAGE = re.compile(r"---|diff -|Index: |From |>")
"""What git takes for the end of a message, or a mail reader for something else."""


def subject(handlers: int, prefix: str) -> str:
    """Return what the subject says after the prefix, short enough for `git log --oneline`."""
    said = [text.format(s="" if handlers == 1 else "s") for text in _SUBJECTS]
    short = (text for text in said if len(prefix) + 2 + len(text) <= _LONGEST_SUBJECT)
    return next(short, said[-1])


def cover_subject(patches: Sequence[Patch]) -> str:
    """Return the subject of the cover letter."""
    several = sum(len(patch.outcomes) for patch in patches) > 1
    text = _SUBJECTS[0].format(s="s" if several else "")
    return text[:1].upper() + text[1:]


def body(patch: Patch, explained: Mapping[str, Explanation]) -> list[str]:
    """Return the lines of the commit message below the subject."""
    if patch.groundwork is not None:
        return _paragraphs(patch.groundwork.text)
    conversions = [each.conversion for each in patch.outcomes if each.conversion]
    told = dict.fromkeys(_WHY[c.handler.ops] for c in conversions if c.handler.ops in _WHY)
    lines = [line for why in told for line in (*_paragraph(why), "")]
    lines += [*_what(conversions), "", *_how(conversions, explained), ""]
    lines += [*_verdicts(patch.outcomes), *_to_review(patch.outcomes)]
    while lines and not lines[-1]:
        lines.pop()
    return [f" {line}" if _ENDS_A_MESSAGE.match(line) else line for line in lines]


def remarks(patch: Patch) -> list[str]:
    """Return what is below the `---`: it goes with the mail, not into the history."""
    verdicts = [each.verdict for each in patch.outcomes if each.verdict]
    bounds = dict.fromkeys(bound for verdict in verdicts for bound in verdict.bounds)
    lines = []
    if bounds:
        lines += ["What the comparison assumes:", "", *_items(bounds), ""]
    return [*lines, *diffstat(file.stat for file in patch.files)]


def cover(
    patches: Sequence[Patch], subjects: Sequence[str], others: Iterable[Outcome]
) -> list[str]:
    """Return the body of the cover letter; `others` are those that were not converted."""
    lines = _paragraph(
        "This series replaces mmap hooks by mmap_prepare hooks, one driver a patch. The patches "
        "were made by premap, which compares the old and the new hook on a model of the kernel's "
        "mmap path. Those marked `review` need a person's eye; their messages say where."
    )
    lines += ["", *_table(patches), ""]
    declined = [outcome for outcome in others if outcome.status != "converted"]
    if declined:
        lines += ["Not converted:", "", *_declined(declined), ""]
    lines += [f"  {number:2}. {said}" for number, said in enumerate(subjects, 1)]
    return [*lines, "", *diffstat(file.stat for patch in patches for file in patch.files)]


def _what(conversions: Iterable[Conversion]) -> list[str]:
    renamed = dict.fromkeys((c.handler.name, c.new_name) for c in conversions)
    pairs = [f"{old}() to {new}()" for old, new in renamed]
    listed = pairs[0] if len(pairs) == 1 else ", ".join(pairs[:-1]) + " and " + pairs[-1]
    return _paragraph(f"Convert {listed}.")


def _how(conversions: Iterable[Conversion], explained: Mapping[str, Explanation]) -> list[str]:
    ids = dict.fromkeys(id_ for c in conversions for id_ in c.idioms)
    titles = [f"{explained[id_].title} [{id_}]" for id_ in ids if id_ in explained]
    return ["What changes:", "", *_items(titles)] if titles else []


class _Found(Struct, frozen=True):
    """What a message says of a verdict."""

    status: str
    reason: str | None = None
    differences: tuple[str, ...] = ()


def _found(verdict: Verdict | None) -> _Found:
    if verdict is None:
        return _Found("not compared")
    differences = (f"{each.message} [{each.id}]" for each in verdict.differences)
    return _Found(verdict.status, verdict.reason, tuple(dict.fromkeys(differences)))


def _verdicts(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Yield what the comparison found; handlers of which it found the same are told of once."""
    told: dict[_Found, dict[str, None]] = {}
    for outcome in outcomes:
        if outcome.conversion is not None:
            names = told.setdefault(_found(outcome.verdict), {})
            names[f"{outcome.conversion.handler.name}()"] = None
    for found, names in told.items():
        of = "" if len(told) == 1 else f" of {', '.join(names)}"
        yield from _verdict(found, of)
        yield ""


def _verdict(found: _Found, of: str) -> list[str]:
    hooks = f"the old and the new hook{of}"
    if found.status == "not compared":
        return _paragraph(f"Verdict: none, {hooks} were not compared.")
    if found.status == "unknown":
        reason = f": {found.reason}" if found.reason else ""
        return _paragraph(f"Verdict: unknown. It was not shown that {hooks} do the same{reason}.")
    compared = (
        f"Verdict: {found.status}. {hooks[0].upper() + hooks[1:]} were compared on premap's model "
        "of the kernel's mmap path, with every length, offset and flag at once"
    )
    if not found.differences:
        return _paragraph(f"{compared}: they do the same.")
    but = "they differ" if found.status == "different" else "they do the same, except that"
    return [*_paragraph(f"{compared}; {but}:"), "", *_items(found.differences)]


def _to_review(outcomes: Iterable[Outcome]) -> list[str]:
    """Return what to look at; what is to be said of several lines of a file is said once."""
    places: dict[tuple[str, str], dict[int, None]] = {}
    for outcome in outcomes:
        for note in outcome.conversion.notes if outcome.conversion else ():
            lines = places.setdefault((outcome.file, f"{note.message} [{note.id}]"), {})
            lines |= {note.line: None} if note.line else {}
    notes = [
        f"{':'.join([file, ','.join(map(str, lines))])}: {said}" if lines else said
        for (file, said), lines in places.items()
    ]
    return ["To review:", "", *_items(notes)] if notes else []


def _table(patches: Sequence[Patch]) -> list[str]:
    rows = [("patch", "handler", "verdict", "")]
    for number, patch in enumerate(patches, 1):
        for outcome in patch.outcomes:
            if outcome.conversion is not None:
                handler = f"{outcome.conversion.handler.name}()"
                verdict = outcome.verdict.status if outcome.verdict else "not compared"
                mark = "review" if outcome.safety == "review" else ""
                rows.append((str(number), handler, verdict, mark))
    rows = list(dict.fromkeys(rows))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _declined(outcomes: Sequence[Outcome]) -> list[str]:
    if len(outcomes) > _LISTED:
        counted: dict[str, int] = {}
        for outcome in outcomes:
            id_ = outcome.reason.id if outcome.reason else outcome.status
            counted[id_] = counted.get(id_, 0) + 1
        ordered = sorted(counted.items(), key=lambda each: (-each[1], each[0]))
        return [f"  {count:4} {id_}" for id_, count in ordered]
    return list(_items(map(_why_not, outcomes)))


def _why_not(outcome: Outcome) -> str:
    handler = outcome.conversion.handler if outcome.conversion else None
    where = f"{outcome.file}:{handler.line}: {handler.name}" if handler else outcome.file
    reason = outcome.reason
    return f"{where}: {reason.message} [{reason.id}]" if reason else where


def _paragraphs(texts: Iterable[str]) -> list[str]:
    lines = [line for text in texts for line in (*_paragraph(text), "")]
    return lines[:-1]


def _paragraph(text: str) -> list[str]:
    return wrap(_clean(text), WIDTH, break_long_words=False, break_on_hyphens=False)


def _items(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from wrap(
            _clean(text),
            WIDTH,
            initial_indent=" - ",
            subsequent_indent="   ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _clean(text: str) -> str:
    """Return text of a source as it may stand in a mail: no control characters, one line."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(shown.encode("utf-8", "replace").decode().split())
