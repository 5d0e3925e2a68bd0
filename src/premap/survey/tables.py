# SPDX-License-Identifier: GPL-2.0-only
"""The tables that macros of a header fill: `#define ROOM_OPS .mmap = room_mmap` does not say.

An entry of an initializer belongs to a structure with a member of that name, whose function gets
what the entry's function gets. Where the tree has one alone, that is it. Else it is told by the
tables that the macro is put into, in whatever file, and there is a site for each of their types.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from premap.survey.members import UNTOLD
from premap.survey.records import FileFacts, RawSite, TablesWith
from premap.survey.textfacts import Member

Users = Callable[[Sequence[str]], Iterable[tuple[str, TablesWith]]]
"""Returns, file by file, what macros are put into."""
_Key = tuple[str, str, str]
"""A file, a macro that it defines, and a member that the macro sets."""


def with_tables(
    facts: Mapping[str, FileFacts],
    members: Sequence[Member],
    users: Users,
    taken: Callable[[str, RawSite], set[tuple[str, ...]]],
) -> dict[str, FileFacts]:
    """Return the facts, with the types of tables that only a macro's users tell.

    `taken` tells which structures the functions get that a site may set its member to.
    """
    told: dict[_Key, set[str]] = {}
    asked: set[_Key] = set()
    for name, found in facts.items():
        for raw in found["sites"]:
            if (key := _key(name, raw)) is not None:
                alone = _only(members, raw["member"], taken(name, raw))
                if alone is None:
                    asked.add(key)
                else:
                    told[key] = {alone}
    told.update(_by_use(asked, users) if asked else {})
    return {name: _with(name, found, told, members) for name, found in facts.items()}


def _key(name: str, raw: RawSite) -> _Key | None:
    if raw["ops"] != UNTOLD or raw["in_macro"] is None:
        return None
    return name, raw["in_macro"], raw["member"]


def _only(members: Iterable[Member], name: str, taken: set[tuple[str, ...]]) -> str | None:
    """Return the one structure of the tree whose member of this name is such a function."""
    named = [member for member in members if member.name == name]
    fitting = {member.ops for member in named if taken == {member.takes}}
    declared = all(member.file and member.ops != UNTOLD for member in named)
    return fitting.pop() if declared and len(fitting) == 1 else None


def _by_use(asked: Iterable[_Key], users: Users) -> dict[_Key, set[str]]:
    put: dict[str, list[TablesWith]] = defaultdict(list)
    todo = {macro for _, macro, _ in asked}
    while todo:
        for _, found in users(sorted(todo)):
            for macro in found["tables"]:
                put[macro].append(found)
        inner = {user for macro in todo for found in put[macro] for user in found["macros"][macro]}
        todo = inner - put.keys()
    return {key: set(_types(key[0], key[1], put)) for key in asked}


def _types(file: str, macro: str, put: Mapping[str, Sequence[TablesWith]]) -> Iterator[str]:
    """Yield the tables that a macro of a file ends up in, by way of other macros, too."""
    mine = [
        f
        for f in put.get(macro, ())
        if file in f["defined_in"][macro] or not f["defined_in"][macro]
    ]
    seen = {macro}
    todo = [(macro, mine)]
    while todo:
        name, found = todo.pop()
        for each in found:
            yield from each["tables"][name]
            for user in each["macros"][name]:
                if user not in seen:
                    seen.add(user)
                    todo.append((user, list(put.get(user, ()))))


def _with(
    name: str, found: FileFacts, told: Mapping[_Key, set[str]], members: Sequence[Member]
) -> FileFacts:
    sites: list[RawSite] = []
    for raw in found["sites"]:
        key = _key(name, raw)
        types = told.get(key, set()) if key is not None else set()
        fitting = [ops for ops in sorted(types) if _may_have(ops, raw["member"], members)]
        sites += [{**raw, "ops": ops} for ops in fitting] or [raw]
    return {**found, "sites": sites}


def _may_have(ops: str, member: str, members: Sequence[Member]) -> bool:
    """Tell whether a structure has such a member; one that the tree does not declare may."""
    own = {each.name for each in members if each.ops == ops}
    return not own or member in own
