# SPDX-License-Identifier: GPL-2.0-only
"""`premap convert --callback`: what each tree of a run needs before its hooks can be converted."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from premap import conversion as converter
from premap.cli.command import UsageError
from premap.cli.inputs import Input
from premap.cli.opening import tree_at
from premap.conversion.callback import FILE_OPERATIONS
from premap.csource.tree import KernelTree
from premap.workers import Failure, Workers

UNKNOWN = "callback-unknown"
"""Id of the reason that makes the option wrong, rather than a subsystem unfit."""


class _Question(Struct, frozen=True):
    """One tree, and the member that is asked for."""

    root: Path
    target: str
    callback: converter.Callback


class _Plan(Struct, frozen=True):
    """What came of it, and what was found out of the tree on the way."""

    callback: converter.Callback
    speaking: tuple[str, ...]
    """Files that may speak of mappings: workers, which are forked, need not read all again."""


def planned(
    inputs: list[Input], targets: Mapping[Path | None, str], given: argparse.Namespace
) -> dict[Path | None, converter.Callback]:
    """Return which member is converted, by root of the tree. Raises UsageError."""
    if given.callback is None:
        if given.twin is not None:
            raise UsageError("--as names the twin of a --callback")
        return dict.fromkeys(targets, FILE_OPERATIONS)
    if given.dual or given.dual_macro is not None:
        raise UsageError("--dual and --callback do not go together: the kernel has either member")
    try:
        callback = converter.callback_named(given.callback, given.twin)
    except converter.BadCallback as problem:
        raise UsageError(f"--callback: {problem}") from problem
    roots = dict.fromkeys(file.root for file in inputs)
    return {root: _planned(root, targets[root], callback, given) for root in roots}


def _planned(
    root: Path | None, target: str, callback: converter.Callback, given: argparse.Namespace
) -> converter.Callback:
    if callback.is_file_operation:
        return FILE_OPERATIONS
    if root is None:
        raise UsageError("--callback needs the kernel tree that has the structure: see --tree")
    workers: Workers[_Question, _Plan] = Workers(_plan, 1, given.time_limit)
    plan = next(iter(workers.run([_Question(root, target, callback)])))
    if isinstance(plan, Failure):
        raise UsageError(f"--callback {callback}: {plan.message}")
    tree_at(root).search.know(plan.speaking)
    found = plan.callback
    if found.refusal is not None and found.refusal.id == UNKNOWN:
        raise UsageError(f"--callback: {found.refusal.message}")
    return found


def _plan(question: _Question) -> _Plan:
    """Plan in a worker's process: the tree is not trusted."""
    tree = KernelTree(question.root)
    release = converter.target_release(question.target, tree)
    found = converter.planned(question.callback, tree, release)
    return _Plan(found, tuple(tree.search.speaking()))
