# SPDX-License-Identifier: GPL-2.0-only
"""What the bare text of a file tells, before anything is parsed.

Members that set a mapping up are found by their type: a pointer to a function that returns an int
and gets a VMA or its descriptor, and says so in its name. What gets a VMA without that is about
mappings that exist already (`->fault`, `->mprotect`).
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from msgspec import Struct

from premap.cache.store import digest_of
from premap.csource.source import SourceFile
from premap.csource.strstr import finds, says
from premap.survey.records import Hook, TextFacts

WORD = b"mmap"
"""What every file with such a member says, in its definition as in its uses."""
IN_LIST = "{"
"""Stands for a function or macro where a name stands in a list of initializers."""
_VMA = re.compile(rb"struct\s+vm_area_(struct|desc)\b")
_POINTER = re.compile(rb"\bint\s*\(\s*\*\s*(\w*mmap\w*)\s*\)\s*\(([^(){};]*)\)\s*;")
_IN_POINTER = re.compile(rb"\s*\)\s*\(")
"""What follows the name of such a pointer."""
_STRUCT = re.compile(rb"\b(?:struct|union)\s+(\w+)\s*(?:__\w+\s*)*\{")
_TAG = re.compile(rb"\bstruct[\s\\]+(\w+)")
_END_OF_WORD = re.compile(rb"\w*")
_WORD_BYTES = (string.ascii_letters + string.digits + "_").encode()
_SET_TO = re.compile(rb"[\s\\]*=(?!=)[\s\\]*&?(\w*)")
_ENDS_ARGUMENT = re.compile(rb"[\s\\]*[,)}]")
_SPACE = b" \t\r\n\f\v\\"
_LONGEST = 100
"""Bytes of a name, and of the space before it, that are looked at."""
_LONGEST_CALL = 400
"""Bytes of a call before an argument that are looked at."""
_VMA_BEGINS = b"vm_area_"
_GETS_VMA = re.compile(rb"vm_area_(struct|desc)\b[^(){};]{0,1000}\)\s*\{")
_ENDS = b"(){};"
"""What ends the look back from a parameter to the bracket that opens its list."""
_BRACKET = ord("(")
_LONGEST_HEAD = 1000
"""Bytes of a function's name and parameters that are looked at."""
_SPEAKS = (b"vm_area_struct", b"vm_area_desc")


class Member(Struct, frozen=True):
    """A member of an operation table that sets a mapping up."""

    ops: str
    """"struct file_operations"."""
    name: str
    hook: Hook
    """"mmap" if it gets a VMA, "mmap_prepare" if it gets the descriptor."""
    file: str
    line: int
    takes: tuple[str, ...] = ()
    """The structures that its function gets, in their order."""


def text_facts(name: str, text: bytes) -> TextFacts | None:
    """Return what is told of a file; None if it says nothing of mmap.

    "members": definitions of members, "sets": what seems to set a member, with the name that it
    is set to, "reads": members that seem to be read, "passes": what is handed to a function or a
    macro, "defines": functions that get a VMA or a descriptor, with the hook that they may be.
    """
    if WORD not in text:
        return None
    speaks = any(says(text, word) for word in _SPEAKS)
    words = _Words(text)
    defined = list(_defined(text)) if speaks else []
    points = speaks and words.points and _POINTER.search(text)
    return {
        "members": [list(member) for member in _members(name, text)] if points else [],
        "sets": words.sets,
        "reads": sorted(words.reads),
        "passes": sorted(words.passes),
        "defines": sorted({(name, hook) for name, hook, _ in defined}),
        "takes": {name: takes for name, _, takes in defined},
        "digest": digest_of(text),
    }


def words_of(facts: TextFacts) -> set[str]:
    """Return the words that may be members which are set, read, or handed on."""
    sets = {member for member, _, _ in facts["sets"]}
    return sets.union(facts["reads"], (word for _, word in facts["passes"]))


class _Words:
    """The words of a text that say mmap, by what they seem to be used for."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.sets: list[tuple[str, str, int]] = []
        self.reads: set[str] = set()
        self.passes: set[tuple[str, str]] = set()
        self.points = False
        """Whether one of them may be a pointer to a function."""
        self._line, self._counted = 1, 0
        end = 0
        for at in finds(text, WORD):
            if at >= end and (rest := _END_OF_WORD.match(text, at)):
                end = rest.end()
                self._look(at, end)

    def _look(self, start: int, end: int) -> None:
        text = self.text
        before = text[max(0, start - _LONGEST) : start]
        owner = before.rstrip(_WORD_BYTES)
        word = (before[len(owner) :] + text[start:end]).decode()
        sign = owner.rstrip(_SPACE)
        if sign.endswith((b".", b"->")):
            value = _SET_TO.match(text, end)
            if value is None:
                self.reads.add(word)
            else:
                self.sets.append((word, value[1].decode(), self._line_of(start)))
        elif sign.endswith((b"(", b",", b"{", b"&")) and _ENDS_ARGUMENT.match(text, end):
            called = _called(text[max(0, start - _LONGEST_CALL) : start])
            if called is not None:
                self.passes.add((called, word))
        elif sign.endswith(b"*") and _IN_POINTER.match(text, end):
            self.points = True

    def _line_of(self, byte: int) -> int:
        """Return the line of a byte behind those that were asked for before."""
        self._line += self.text.count(b"\n", self._counted, byte)
        self._counted = byte
        return self._line


def _called(before: bytes) -> str | None:
    """Return the name before the bracket that is open at the end of a text, or IN_LIST."""
    depth = 0
    for at in range(len(before) - 1, -1, -1):
        if before[at] in b")":
            depth += 1
        elif before[at] in b"(":
            if not depth:
                head = before[:at].rstrip(_SPACE)
                return head[len(head.rstrip(_WORD_BYTES)) :].decode() or None
            depth -= 1
        elif before[at] in b"{":
            return None if depth else IN_LIST
        elif before[at] in b";}":
            return None
    return None


def members_of(name: str, facts: TextFacts) -> Iterator[Member]:
    """Yield the members that a file defines."""
    for ops, member, hook, line, takes in facts["members"]:
        yield Member(ops, member, hook, name, line, tuple(takes))


def _members(name: str, text: bytes) -> Iterator[tuple[str, str, Hook, int, list[str]]]:
    source = SourceFile(name, text)
    for match in _POINTER.finditer(source.code):
        gets = _VMA.search(match[2])
        ops = _owner(source, match.start())
        if gets is None or ops is None:
            continue
        hook: Hook = "mmap" if gets[1] == b"struct" else "mmap_prepare"
        line = source.line_of(match.start())
        yield ops, match[1].decode(), hook, line, _structures(match[2])


def _owner(source: SourceFile, byte: int) -> str | None:
    """Return the named struct whose definition holds the byte, the innermost one."""
    found = None
    for match in _STRUCT.finditer(source.code, 0, byte):
        close = source.closing(match.end() - 1)
        if close is not None and close > byte:
            found = f"{match[0].split()[0].decode()} {match[1].decode()}"
    return found


def _defined(text: bytes) -> Iterator[tuple[str, Hook, list[str]]]:
    """Yield the functions that get a VMA or a descriptor, the hook they may be, what they get."""
    end = 0
    for begin in finds(text, _VMA_BEGINS):
        match = _GETS_VMA.match(text, begin)
        if match is None or begin < end:  # a second parameter of the same function
            continue
        end = match.end()
        head = text[max(0, match.start() - _LONGEST_HEAD) : match.start()]
        at = max(head.rfind(end) for end in _ENDS)
        before = head[: max(at, 0)].rstrip(_SPACE)
        name = before[len(before.rstrip(_WORD_BYTES)) :]
        if name and head[at] == _BRACKET:
            takes = _structures(head[at:] + match[0])
            yield name.decode(), "mmap" if match[1] == b"struct" else "mmap_prepare", takes


def _structures(parameters: bytes) -> list[str]:
    return [match[1].decode() for match in _TAG.finditer(parameters)]
