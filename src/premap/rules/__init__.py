# SPDX-License-Identifier: GPL-2.0-only
"""The rules of `premap check`, one file each; `RULES` has them by id."""

from __future__ import annotations

import functools
import importlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.records import Checked, Explanation, Finding
from premap.rules import engine
from premap.rules.rule import Rule

if TYPE_CHECKING:
    from premap.rules.context import Context

    RULES: Mapping[str, Rule]
    EXPLANATIONS: Mapping[str, Explanation]

_FILE = re.compile(r"(r\d\d)_\w+\.py")
_OF_HOOKS = frozenset(
    f"R{number:02}"
    for number in (1, 2, 3, 4, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 27, 28, 30, 32)
)
"""Rules that only look at hooks: where a file has none, they and the interpreter are not loaded."""


@functools.cache
def _files() -> Mapping[str, str]:
    """Return the modules of all rules by id: a rule is a file whose name begins with its number."""
    names = sorted(name for path in __path__ for name in os.listdir(path))  # noqa: PTH208
    found = filter(None, map(_FILE.fullmatch, names))
    return {each[1].upper(): each[0].removesuffix(".py") for each in found}


@functools.cache
def _rule(id_: str) -> Rule:
    rule: Rule = importlib.import_module(f"{__name__}.{_files()[id_]}").RULE
    return rule


def __getattr__(name: str) -> Any:
    if name == "RULES":
        made: Any = {id_: _rule(id_) for id_ in _files()}
    elif name == "EXPLANATIONS":
        made = {id_: _rule(id_).explanation() for id_ in _files()}
    else:
        raise AttributeError(name)
    globals()[name] = made
    return made


def _applying(context: Context) -> Iterator[Rule]:
    """Yield the rules that may find something in a file."""
    for id_ in _files():
        if id_ not in _OF_HOOKS or context.hooks:
            yield _rule(id_)


def check(source: SourceFile, tree: KernelTree | None, target: str) -> list[Finding]:
    """Return what all rules find in a file, for a release, in a stable order.

    What comments silence is left out; `check_file` returns it as well.
    """
    return list(check_file(source, tree, target).findings)


def check_file(
    source: SourceFile,
    tree: KernelTree | None,
    target: str,
    before: SourceFile | None = None,
) -> Checked:
    """Return findings, what comments silence, and the comments that silence nothing.

    `before` is the file as it was before a change: some rules compare.
    """
    return engine.check_file(source, tree, target, _applying, before)


__all__ = ["EXPLANATIONS", "RULES", "check", "check_file"]
