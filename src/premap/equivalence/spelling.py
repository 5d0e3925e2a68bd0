# SPDX-License-Identifier: GPL-2.0-only
"""Names of made-up values in a run on plain numbers: with indexes in place of unknown words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from premap import symbolic
from premap.interp.naming import UNKNOWN_WORD, Namer

_ELEMENT = re.compile(r"\[(\d*)\]")
_EPOCH = re.compile(r"(@\d+)?((?:->|\.|\[)[^@]*)$")
"""The moment of a read through unknown indexes stands before the path, else after it."""


def spelled(model: symbolic.Model, namer: Namer) -> symbolic.Model:
    """Return a model with the names that its values have in a run on plain numbers."""
    variables: dict[str, int] = {}
    functions = {}
    for name, value in model.variables.items():
        for known in _spellings(_plain(name, model, namer)):
            variables.setdefault(known, value)
    for (name, at), value in model.functions.items():
        known = _plain(name, model, namer)
        functions[known, at] = value
        if known.count("[]") == len(at) and at:
            for element in _spellings(_element(known, at)):
                variables.setdefault(element, value)
    return symbolic.Model(variables, functions)


def _plain(name: str, model: symbolic.Model, namer: Namer) -> str:
    """Put numbers in place of words that were not known."""
    if "#" not in name:
        return name

    def value(found: re.Match[str]) -> str:
        word = namer.word(int(found[1]))
        return found[0] if word is None else str(model.eval(word))

    return UNKNOWN_WORD.sub(value, name)


def _element(name: str, at: tuple[int, ...]) -> str:
    """Return the name of one element: `table@3[]` at 5 is `table[5]@3`."""
    indexes = iter(at)
    name = re.sub(r"\[\]", lambda _: f"[{next(indexes)}]", name)
    return _EPOCH.sub(lambda found: f"{found[2]}{found[1] or ''}", name)


def _spellings(name: str) -> Iterator[str]:
    """Yield how a name may be written: element 0 has its array's own, whose members follow it."""
    yield name
    if "[0]" in name:
        yield name.replace("[0]", "")
        yield "*" + name.replace("[0]", "")  # of what a pointer leads to
        yield name.replace("[0].", "->").replace("[0]", "")
