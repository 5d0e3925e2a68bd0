# SPDX-License-Identifier: GPL-2.0-only
"""`premap check` over files or a patch: each file in a process that it may crash."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from premap import releases
from premap.cli.checked import FileChecked
from premap.cli.command import UsageError
from premap.cli.inputs import Input, find_inputs
from premap.cli.known import MOST_FILES, Known, known
from premap.csource.errors import SourceError
from premap.csource.source import MAX_BYTES, source_of
from premap.csource.tree import KernelTree, find_tree
from premap.records import Finding, Reason

if TYPE_CHECKING:
    from premap.cache.witness import WitnessTree
    from premap.cli.patches import FilePatch

TIME_LIMIT = 60
"""Seconds that one file may take."""


class CheckTask(NamedTuple):
    """One file, and the release that it is checked for."""

    input: Input
    target: str
    known: Known | None = None
    """What came of files before; None to neither use nor keep such."""


class PatchTask(NamedTuple):
    """One file of a patch, with the texts of all files that the patch changes."""

    root: Path
    name: str
    before: bytes | None
    after: Mapping[str, bytes]
    target: str


def check_paths(
    paths: Sequence[Path], root: Path | None, target: str | None, jobs: int, *, cached: bool = True
) -> list[FileChecked]:
    """Check files, and those of folders that say mmap; each finding once.

    What is `cached` of earlier runs is used, and kept for later ones.
    """
    inputs = find_inputs(paths, root)
    targets = _targets(inputs, target)
    before = known() if cached and len(inputs) <= MOST_FILES else None
    tasks = [CheckTask(file, targets[file.root], before) for file in inputs]
    found = {task: result for task in tasks if (result := _at_once(task)) is not None}
    left = [task for task in tasks if task not in found]
    if left:
        found.update(zip(left, _worked(left, jobs), strict=True))
    return _distinct([found[task] for task in tasks])


def _worked(tasks: Sequence[CheckTask], jobs: int) -> Iterator[FileChecked]:
    """Check files in processes of their own."""
    from premap.workers import Failure, Workers

    workers: Workers[CheckTask, FileChecked] = Workers(check_input, jobs, TIME_LIMIT)
    for task, result in zip(tasks, workers.run(tasks), strict=True):
        if isinstance(result, Failure):
            problem = Reason("error", result.message)
            yield FileChecked(task.input.name, task.target, problem=problem)
        else:
            yield result


def _at_once(task: CheckTask) -> FileChecked | None:
    """Return what can be said of a file without work; None where there is some."""
    try:
        text = task.input.path.read_bytes() if task.input.path.is_file() else None
    except (OSError, ValueError):
        return None
    if text is None or b"\0" in text or len(text) > MAX_BYTES:
        return None
    if not concerned(text):
        return FileChecked(task.input.name, task.target)
    return None if task.known is None else task.known.get(task.input, task.target, text)


def _targets(inputs: Sequence[Input], given: str | None) -> dict[Path | None, str]:
    """Return the release that files are checked for, by root of their tree."""
    found: dict[Path | None, str] = {}
    for root in dict.fromkeys(file.root for file in inputs):
        of_tree = KernelTree(root).release if root else "?"
        found[root] = given or (releases.NEWEST if of_tree == "?" else of_tree)
    return found


def _distinct(results: Sequence[FileChecked]) -> list[FileChecked]:
    """Drop findings that came up before: a table and its handler may lie in two files."""
    seen: set[tuple[str, int, int, str, str]] = set()

    def new(finding: Finding) -> bool:
        place = (finding.file, finding.start, finding.end, finding.rule, finding.message)
        if place in seen:
            return False
        seen.add(place)
        return True

    return [
        each._replace(
            checked=replace(each.checked, findings=tuple(filter(new, each.checked.findings)))
        )
        for each in results
    ]


_WORDS = (b"vm_area_", b"mmap_prepare", b"->mmap", b".mmap", b"vma_flags", b"vm_flags", b"premap:")
"""What a file says that any rule looks at, or that silences one."""


def concerned(text: bytes) -> bool:
    """Whether any rule could find something in a file: asked before the rules are loaded."""
    return any(word in text for word in _WORDS)


def check_input(task: CheckTask) -> FileChecked:
    """Check what one file holds. Runs in a worker's process."""
    from premap.cli.opening import open_source, torn_reason, unreadable

    tree = None if task.input.root is None else _tree(task.input.root)
    name, target = task.input.name, task.target
    try:
        source = open_source(task.input, tree)
    except SourceError as problem:
        return FileChecked(name, target, problem=unreadable(problem), readable=False)
    if not concerned(source.text):
        return FileChecked(name, target)
    from premap import rules

    checked = rules.check_file(source, tree, target)
    found = FileChecked(name, target, checked, torn_reason(source))
    if task.known is not None:
        task.known.keep(task.input, source.text, tree, found)
    return found


_TREES: dict[Path, WitnessTree] = {}
"""Trees by root: a process that works on many files reads shared headers once."""


def _tree(root: Path) -> WitnessTree:
    from premap.cache.witness import WitnessTree

    return _TREES.setdefault(root, WitnessTree(root))


def check_patch(patch: str, root: Path | None, target: str | None, jobs: int) -> list[FileChecked]:
    """Check the files that a patch changes, and return what is new in them.

    `patch` is the name of a file, "-" for standard input. The tree may be as it is before the
    patch, or after it.
    """
    tree = find_tree(root or Path.cwd())
    if tree is None:
        raise UsageError("--patch needs a kernel tree: run it in one, or say --tree DIR")
    from premap.cli.patches import located

    named = located(_read(patch), tree.exists)
    changes = [each for each in named if _is_c(each.old) or _is_c(each.new)]
    before, after = _texts(tree, changes)
    release = target or (releases.NEWEST if tree.release == "?" else tree.release)
    tasks = [
        PatchTask(tree.root, name, before.get(_old_name(changes, name)), after, release)
        for name in after
        if concerned(after[name]) or concerned(before.get(name, b""))
    ]
    from premap.workers import Failure, Workers

    results = Workers(check_patched, jobs, TIME_LIMIT).run(tasks)
    found = [
        FileChecked(task.name, release, problem=Reason("error", result.message))
        if isinstance(result, Failure)
        else result
        for task, result in zip(tasks, results, strict=True)
    ]
    return _distinct(found)


def _read(patch: str) -> list[FilePatch]:
    from premap.cli.patches import PatchError, read_patch

    try:
        text = sys.stdin.buffer.read() if patch == "-" else Path(patch).read_bytes()
        return read_patch(text)
    except PatchError as problem:
        raise UsageError(f"{patch}: {problem}") from problem


def _is_c(name: str) -> bool:
    return name.endswith((".c", ".h"))


def _old_name(changes: Sequence[FilePatch], name: str) -> str:
    """Return what a file was called before all of the changes."""
    for each in reversed(changes):
        if each.new == name:
            name = each.old
    return name


def _texts(tree: KernelTree, changes: list[FilePatch]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return the texts before and after a patch, by name."""
    from premap.cli.patches import PatchError, apply

    def original(name: str) -> bytes | None:
        return tree.bytes_of(name) if tree.exists(name) else None

    try:
        after = apply(changes, original)
    except PatchError as problem:
        turned = _backwards(changes, original)
        if turned is None:
            raise UsageError(f"the patch does not apply to {tree.root}: {problem}") from problem
        now = {each.new: original(each.new) or b"" for each in changes if _is_c(each.new)}
        return turned, now
    names = dict.fromkeys(each.old for each in changes)
    return {name: original(name) or b"" for name in names if _is_c(name)}, after


def _backwards(
    changes: list[FilePatch], original: Callable[[str], bytes | None]
) -> dict[str, bytes] | None:
    """Return the texts before a patch that was applied already; None if it wasn't."""
    from premap.cli.patches import PatchError, apply

    turned = [each.backwards() for each in reversed(changes)]
    try:
        return apply(turned, original)
    except PatchError:
        return None


def check_patched(task: PatchTask) -> FileChecked:
    """Check a file of a patch against what it was. Runs in a worker's process."""
    from premap import rules
    from premap.cli.opening import torn_reason
    from premap.settings.baseline import key_of

    tree = KernelTree(task.root)
    old = None if task.before is None else source_of(task.name, task.before, None)
    known: list[object] = []
    if old is not None:
        known = [key_of(one) for one in rules.check_file(old, tree, task.target).findings]
    tree.renew(task.after)
    source = tree.open(task.name)
    checked = rules.check_file(source, tree, task.target, old)
    fresh = []
    for finding in checked.findings:
        key = key_of(finding)
        if key in known:
            known.remove(key)
        else:
            fresh.append(finding)
    found = replace(checked, findings=tuple(fresh))
    return FileChecked(task.name, task.target, found, torn_reason(source))
