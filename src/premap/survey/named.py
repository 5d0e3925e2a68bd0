# SPDX-License-Identifier: GPL-2.0-only
"""Which functions a member is set to, where it is not simply a function's name.

`c ? f : g` may be either. A parameter, of a macro or of a function that sets a member, is what the
callers pass; a name that a macro pastes together is any that fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from msgspec import Struct

from premap.csource.nodes import path_to
from premap.csource.source import SourceFile, function_of
from premap.records import Handler
from premap.survey.records import RawSite, TextFacts

_NAME = re.compile(r"\(*\s*([A-Za-z_]\w*)\s*\)*")
_EITHER = re.compile(r"[^?]+\?\s*(\w+)\s*:\s*(\w+)\s*\)?")
_PASTED = re.compile(r"\s*##\s*")


def names_in(source: SourceFile, handler: Handler) -> tuple[list[str], str | None]:
    """Return the names that a member is set to, with `*` for what a macro pastes, and the giver.

    The giver is the macro or the function that gets the function as its parameter.
    """
    if "##" in handler.name:
        return [_pattern(source, handler)], None
    either = _EITHER.fullmatch(handler.name)
    if either is not None:
        return [name for name in either.groups() if name != "NULL"], None
    plain = _NAME.fullmatch(handler.name)
    if plain is None:
        return [], None
    giver = _giver(source, handler, plain[1])
    return ([plain[1]], None) if giver is None else ([], giver)


def _pattern(source: SourceFile, handler: Handler) -> str:
    macro = source.macro_at(handler.start)
    parameters = () if macro is None else macro.parameters or ()
    return "".join("*" if p in parameters else p for p in _PASTED.split(handler.name))


def _giver(source: SourceFile, handler: Handler, name: str) -> str | None:
    macro = source.macro_at(handler.start)
    if macro is not None:
        return macro.name if name in (macro.parameters or ()) else None
    if handler.table is not None or name in source.functions:
        return None
    path = path_to(source.tree_around(handler.start), handler.start)
    node = next((n for n in path if n.type == "function_definition"), None)
    function = None if node is None else function_of(source, node)
    taken = function is not None and any(name == p.name for p in function.parameters)
    return function.name if function is not None and taken else None


class Names(Struct, frozen=True):
    """The functions of a tree, by what tables and callers call them."""

    defines: Mapping[str, list[str]]
    """Files that define a function which gets a VMA or a descriptor, by its name."""
    takes: Mapping[str, set[tuple[str, ...]]]
    """The structures that each of these functions gets."""
    passed: Mapping[str, Iterable[str]]
    """What is passed to functions and macros."""

    def meant(self, file: str, names: Iterable[str], giver: str | None) -> list[str]:
        """Return the functions that a member of a table in `file` may be set to."""
        found = []
        for name in names:
            found += self._fitting(file, name) if "*" in name else [name]
        if giver is not None:
            found += sorted(name for name in self.passed.get(giver, ()) if name in self.defines)
        return found

    def taken(self, file: str, site: RawSite) -> set[tuple[str, ...]]:
        """Return the structures that each function gets which a site's member may be set to.

        None at all where one of them is not known.
        """
        meant = self.meant(file, site["names"], site["giver"])
        found = {takes for name in meant for takes in self.takes.get(name, ())}
        return found if all(name in self.takes for name in meant) else set()

    def _fitting(self, file: str, pattern: str) -> list[str]:
        """Return what a pasted name may be: functions of the folder that the macro is in."""
        folder = file.rpartition("/")[0]
        return sorted(
            name
            for name, files in self.defines.items()
            if fnmatchcase(name, pattern) and any(f.rpartition("/")[0] == folder for f in files)
        )


def taken_in(facts: Iterable[TextFacts]) -> dict[str, set[tuple[str, ...]]]:
    """Return the structures that functions get, by function: several may have one name."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for told in facts:
        for name, takes in told["takes"].items():
            found.setdefault(name, set()).add(tuple(takes))
    return found


def passed_in(facts: Iterable[TextFacts]) -> dict[str, set[str]]:
    """Return what files pass to functions and macros."""
    found: dict[str, set[str]] = {}
    for told in facts:
        for called, argument in told["passes"]:
            found.setdefault(called, set()).add(argument)
    return found
