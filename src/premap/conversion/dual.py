# SPDX-License-Identifier: GPL-2.0-only
"""Keeps the old hook beside the new one, for drivers that build on kernels without the latter.

What a conversion changes stands in two arms of an `#if`: the new text for kernels that have every
name it uses, the old text for others. Each arm, taken alone, is the converted or the old file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from premap import releases
from premap.conversion.convert import reason_of
from premap.csource.edit import apply_edits
from premap.csource.source import SourceFile
from premap.csource.text import VERSION, code_view, without_comments
from premap.idioms.idiom import Declined, within
from premap.records import Conversion, Edit, Note

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]*)[>"][^\n]*\n', re.MULTILINE)
_VERSION = b"linux/version.h"
_IF, _ELSE, _ENDIF = (re.compile(rb"\s*#\s*" + word) for word in (rb"if", rb"else\b", rb"endif\b"))


class Condition(Struct, frozen=True):
    """What chooses between the arms."""

    directive: str
    """ "#ifdef HAVE_MMAP_PREPARE"."""
    needs_version: bool = False
    """Whether it needs <linux/version.h>."""


def by_macro(macro: str) -> Condition:
    """Return the condition that a macro is defined."""
    return Condition(f"#ifdef {macro}")


def by_release(release: releases.Release) -> Condition:
    """Return the condition that the kernel is of this release, or of a newer one."""
    version, level = release.number
    return Condition(f"#if LINUX_VERSION_CODE >= KERNEL_VERSION({version}, {level}, 0)", True)  # noqa: FBT003


def dual(
    conversions: Sequence[Conversion], opened: Callable[[str], SourceFile], macro: str | None
) -> list[Conversion]:
    """Return the conversions of a file so that they keep the old hook.

    `opened` gives the files that they change. The arms are chosen by `macro`, or else by the
    release from which every name in the new code exists. What can't have arms is declined.
    """
    done: list[_Divided | Conversion] = [_attempted(each, opened) for each in conversions]
    found = [each for each in done if isinstance(each, _Divided)]
    release = max((each.release for each in found), key=lambda each: each.number, default=None)
    if release is None:
        return [each for each in done if isinstance(each, Conversion)]
    condition = by_macro(macro) if macro else by_release(release)
    return [
        each if isinstance(each, Conversion) else _with_arms(each, release, condition)
        for each in done
    ]


class _Divided(Struct, frozen=True):
    """A conversion, and the lines that it changes."""

    conversion: Conversion
    regions: dict[str, list[_Region]]
    """By file."""
    release: releases.Release
    """The first that has the names of the new code."""


def _attempted(
    conversion: Conversion, opened: Callable[[str], SourceFile]
) -> _Divided | Conversion:
    try:
        return _divided(conversion, opened)
    except Declined as declined:
        return _declined(conversion, declined)


def _divided(conversion: Conversion, opened: Callable[[str], SourceFile]) -> _Divided:
    files = {edit.file: opened(edit.file) for edit in conversion.edits}
    regions = {
        name: _regions(source, [edit for edit in conversion.edits if edit.file == name])
        for name, source in files.items()
    }
    return _Divided(conversion, regions, _since(each for f in regions.values() for each in f))


def _declined(conversion: Conversion, declined: Declined) -> Conversion:
    return Conversion(conversion.handler, reason=reason_of(declined, conversion.handler))


def _with_arms(divided: _Divided, release: releases.Release, condition: Condition) -> Conversion:
    edits: list[Edit] = []
    try:
        for found in divided.regions.values():
            if found:
                with within(found[0].source):
                    edits += _edits(found[0].source, found, condition)
    except Declined as declined:
        return _declined(divided.conversion, declined)
    message = f"the new hook is for {release.name} and newer; build both arms"
    note = Note("dual-arms", message, look=release.reviewed)
    notes = (*divided.conversion.notes, note)
    return replace(divided.conversion, edits=tuple(edits), notes=notes)


class _Region(Struct):
    """Whole lines that change, with the edits in them."""

    source: SourceFile
    start: int
    end: int
    edits: list[Edit] = field(default_factory=list)
    whole: bool = False
    """Whether it is a function, which stays in one piece."""

    @property
    def old(self) -> bytes:
        return self.source.text[self.start : self.end]

    @property
    def new(self) -> bytes:
        moved = [
            replace(each, start=each.start - self.start, end=each.end - self.start)
            for each in self.edits
        ]
        return apply_edits(self.old, moved)


def _regions(source: SourceFile, edits: Sequence[Edit]) -> list[_Region]:
    """Return what stands in arms; edits of comments elsewhere go, as the old hook stays."""
    comments = [edit for edit in edits if _in_comment(source, edit)]
    found: list[_Region] = []
    for edit in sorted(edits, key=lambda each: (each.start, each.end)):
        if edit in comments:
            continue
        region = _region(source, edit, comments)
        last = found[-1] if found else None
        if last is not None and (_overlap(last, region) or _adjoin(last, region)):
            last.end = max(last.end, region.end)
            last.edits += region.edits
            last.whole |= region.whole
        else:
            found.append(region)
    return found


def _overlap(one: _Region, other: _Region) -> bool:
    return other.start < max(one.end, one.start + 1)


def _adjoin(one: _Region, other: _Region) -> bool:
    """Tell whether lines follow others, such as two prototypes: one pair of arms will do."""
    plain = not one.whole and not other.whole
    return plain and one.start < one.end == other.start < other.end


def _in_comment(source: SourceFile, edit: Edit) -> bool:
    return edit.start < edit.end and not source.code[edit.start : edit.end].strip()


def _region(source: SourceFile, edit: Edit, comments: Iterable[Edit]) -> _Region:
    """Return the lines of an edit; of a function with the comment above it, where that changes."""
    start = source.line_start(edit.start)
    if edit.start == edit.end == start and edit.new.endswith(b"\n"):
        return _Region(source, start, start, [edit], whole=True)
    region = _Region(source, start, _line_end(source, edit.end), [edit])
    for function in (each for found in source.functions.values() for each in found):
        if (function.node.start_byte, function.node.end_byte) == (edit.start, edit.end):
            region.whole = True
            above = function.node.prev_sibling
            while above is not None and above.type == "comment":
                inside = [e for e in comments if above.start_byte <= e.start < above.end_byte]
                if inside and not source.text[above.end_byte : region.start].strip():
                    region.start = source.line_start(above.start_byte)
                    region.edits += inside
                above = above.prev_sibling
    return region


def _line_end(source: SourceFile, at: int) -> int:
    """Return where the line after the one that holds the last byte before `at` begins."""
    if at and source.text[at - 1 : at] == b"\n" and source.line_start(at) == at:
        return at
    end = source.text.find(b"\n", at)
    return len(source.text) if end < 0 else end + 1


def _since(regions: Iterable[_Region]) -> releases.Release:
    """Return the first release that has all names of the new code. Raises Declined."""
    words: set[str] = set()
    for region in regions:
        words |= set(re.findall(r"\w+", code_view(region.new).decode("latin-1")))
    try:
        return releases.since(words)
    except releases.UnknownRelease as problem:
        raise Declined("dual-names", str(problem)) from problem


def _edits(source: SourceFile, regions: list[_Region], condition: Condition) -> list[Edit]:
    """Return the edits of a file, those that put the arms in place of lines."""
    edits = [_arms(region, condition) for region in regions]
    if condition.needs_version and not _knows_version(source, regions[0].start):
        edits.insert(0, _include(source, regions))
    _check(source, regions, edits, condition)
    return edits


def _arms(region: _Region, condition: Condition) -> Edit:
    """Return the edit that puts the old and the new text of a region into arms."""
    source = region.source
    if _continued(source, region.start) or _continued(source, region.end):
        line = source.line_of(region.start)
        raise Declined("dual-in-macro", "a macro can't have arms in its body", line=line)
    newline = source.newline
    old, new = region.old.splitlines(keepends=True), region.new.splitlines(keepends=True)
    head, tail = (0, 0) if region.whole else _common(old, new)
    before, after = old[:head], old[len(old) - tail :]
    old, new = old[head : len(old) - tail], new[head : len(new) - tail]
    blank: list[bytes] = []
    while not region.old and new and not new[-1].strip():
        blank.insert(0, new.pop())
    lines = [*before, condition.directive.encode() + newline, *_ended(new, newline)]
    if old:
        lines += [b"#else" + newline, *_ended(old, newline)]
    lines += [b"#endif" + newline, *blank, *after]
    return Edit(source.name, region.start, region.end, b"".join(lines))


def _continued(source: SourceFile, at: int) -> bool:
    """Tell whether the line that ends before `at` is continued."""
    return source.text[:at].endswith((b"\\\n", b"\\\r\n"))


def _common(old: Sequence[bytes], new: Sequence[bytes]) -> tuple[int, int]:
    """Return how many lines two texts begin and end with alike."""
    least = min(len(old), len(new))
    head = next((at for at in range(least) if old[at] != new[at]), least)
    rest = least - head
    tail = next((at for at in range(rest) if old[-1 - at] != new[-1 - at]), rest)
    return head, tail


def _ended(lines: list[bytes], newline: bytes) -> list[bytes]:
    if lines and not lines[-1].endswith(b"\n"):
        return [*lines[:-1], lines[-1] + newline]
    return lines


def _knows_version(source: SourceFile, at: int) -> bool:
    """Tell whether a file includes <linux/version.h>, or asks for the version before."""
    text = without_comments(source.text)
    return _VERSION in _INCLUDE.findall(text) or VERSION in text[:at]


def _include(source: SourceFile, regions: Sequence[_Region]) -> Edit:
    """Return the insertion of <linux/version.h>, in order if the includes are."""
    line = b"#include <%b>%b" % (_VERSION, source.newline)
    arms = [source.arms_at(region.start) for region in regions]

    def reaches_all(at: int) -> bool:
        own = source.arms_at(at)
        return all(each[: len(own)] == own for each in arms)

    found = _INCLUDE.finditer(without_comments(source.text), 0, regions[0].start)
    usable = [match for match in found if reaches_all(match.start())]
    kernel = [match for match in usable if match[1].startswith(b"linux/")]
    names = [match[1] for match in kernel]
    if not usable:
        return Edit(source.name, regions[0].start, regions[0].start, line + source.newline)
    if not kernel:
        at = usable[0].start()
    elif names == sorted(names) and names[0] < _VERSION:
        at = max(match.end() for match in kernel if match[1] < _VERSION)
    else:
        at = kernel[-1].end()
    return Edit(source.name, at, at, line)


def _check(
    source: SourceFile, regions: Sequence[_Region], edits: Sequence[Edit], condition: Condition
) -> None:
    """Assert that each arm, taken alone, is the old or the converted text."""
    made = apply_edits(source.text, edits)
    included = edits[: len(edits) - len(regions)]
    plain = [edit for region in regions for edit in region.edits]
    for new, expected in ((False, included), (True, [*included, *plain])):
        wanted = arm(apply_edits(source.text, expected), condition, new=new)
        if _filled(arm(made, condition, new=new)) != _filled(wanted):
            line = source.line_of(regions[0].start)
            raise Declined("dual-arms-differ", "the arms can't be told apart", line=line)


def _filled(text: bytes) -> list[bytes]:
    """Return the lines that are not blank: those that are stand where they look well."""
    return [line.rstrip(b"\r\n") for line in text.splitlines() if line.strip()]


def arm(text: bytes, condition: Condition, *, new: bool) -> bytes:
    """Return a text as a compiler sees it that takes one arm of every `#if` of the condition."""
    kept: list[bytes] = []
    stack: list[bool | None] = []
    for line in text.splitlines(keepends=True):
        if line.strip().decode("latin-1") == condition.directive:
            stack.append(new)
            continue
        if _IF.match(line):
            stack.append(None)
        ours = stack[-1] if stack else None
        if ours is not None and _ELSE.match(line):
            stack[-1] = not ours
        elif ours is not None and _ENDIF.match(line):
            stack.pop()
        else:
            kept += [line] if False not in stack else []
            if stack and _ENDIF.match(line):
                stack.pop()
    return b"".join(kept)
