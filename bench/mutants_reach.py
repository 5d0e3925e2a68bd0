# SPDX-License-Identifier: GPL-2.0-only
"""Which code of the model no scenario can reach, by rule: see mutants.py.

A name is out of reach that nothing but its own definition reads, neither in the model nor in what
runs scenarios: numbers and helper functions that are there for the C that premap interprets, and
what only somebody who writes Python calls. What only such a function reads is out of reach as well,
and so is what only a refusal or a warning reads. In particular:

- a function of a module is reached by its name, or as that of its module; a method or a property as
  that of an object;
- a member is out of reach, and with it every assignment to it, that is never read of an object;
- what a parameter is where it is left out, if no call leaves it out;
- a local name that only refusals and warnings read;
- a module that only tells people something.

UNLIKE are the names of what a kernel in a process has not, as it is of another architecture or
configuration: cache modes and encryption of page protections, protection keys, shadow stacks, DAX.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutants_told import told_in

from premap.scenario.numbers import GROUPS

TELLING = frozenset({"maps.py", "obstacles.py"})
"""Text for people: /proc/PID/maps, and why something did not merge."""
UNLIKE = frozenset(
    {
        *("CACHE_SHIFT", "CACHE_MASK", "_NOT_CACHE", "_with_cache"),
        *("PGPROT_DECRYPTED", "PGPROT_NX", "pgprot_decrypted"),
        *("VM_FLAGS_CLEAR", "VM_SHADOW_STACK", "VMA_SHADOW_STACK_BIT", "S_DAX", "IS_DAX"),
    }
)
_RUNNING = ("scenario", "uml")


@dataclass(frozen=True)
class Reach:
    """What the model and what runs scenarios read, and what they call.

    `names` are read as they are, or of a module; `members` of another object.
    """

    names: frozenset[str]
    members: frozenset[str]
    calls: Mapping[str, Sequence[ast.Call]]

    def has(self, definition: ast.AST, *, method: bool) -> bool:
        """Say whether something reads what is defined; of what defines no names, it does."""
        if isinstance(definition, ast.FunctionDef):
            name = definition.name
            if name in UNLIKE:
                return False
            return name.startswith("__") or name in (self.members if method else self.names)
        if isinstance(definition, ast.Assign) and not method:
            targets = [node.id for node in definition.targets if isinstance(node, ast.Name)]
            return not targets or bool((self.names - UNLIKE).intersection(targets))
        return True


def reached(package: Path) -> Reach:
    """Read what is mentioned and called where a scenario runs."""
    model = [ast.parse(path.read_text(encoding="utf-8")) for path in _modelling(package)]
    running = [
        ast.parse(path.read_text(encoding="utf-8"))
        for room in _RUNNING
        for path in (package / room).glob("*.py")
    ]
    asked = frozenset[str]().union(*GROUPS.values())
    calls: dict[str, list[ast.Call]] = {}
    for tree in (*model, *running):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                calls.setdefault(_called(node.func), []).append(node)
    told = set[int]().union(*map(told_in, model))
    reach: Reach | None = None
    while True:  # what only unreached definitions read is not reached either
        out = told if reach is None else told.union(*(_out(tree, reach) for tree in model))
        names, members = _mentioned((*model, *running), out)
        less = Reach(names | asked, members, calls)
        if less == reach:
            return reach
        reach = less


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _modelling(package: Path) -> list[Path]:
    files = [path for path in (package / "model").glob("*.py") if path.name not in TELLING]
    return [path for path in files if path.name != "__init__.py"]


def _mentioned(
    trees: Sequence[ast.Module], hidden: set[int]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that are read, and the members, but for hidden nodes (by id)."""
    names: set[str] = set()
    members: set[str] = set()
    for tree in trees:
        modules = _modules(tree)
        for node in ast.walk(tree):
            if id(node) in hidden or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                continue
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                of_module = isinstance(node.value, ast.Name) and node.value.id in modules
                (names if of_module else members).add(node.attr)
            elif isinstance(node, ast.Call) and len(node.args) == 3:
                names |= _prefixed(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                members |= _spelled(node.value)
    return frozenset(names), frozenset(members)


def _spelled(text: str) -> set[str]:
    """Return the names in a text, as getattr() may be asked for them: not those of sentences."""
    words = text.split()
    return set(words) if len(words) == 1 or text.isupper() else set()


def _modules(tree: ast.Module) -> set[str]:
    """Return the names by which a module knows others."""
    known: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom) and str(node.module).count(".") < 2:
            known.update(alias.asname or alias.name for alias in node.names)
    return known


def _prefixed(call: ast.Call) -> set[str]:
    """Return what `_names(module, "MAP_", "SHARED PRIVATE")` looks up."""
    texts = [arg.value for arg in call.args[1:] if isinstance(arg, ast.Constant)]
    if len(texts) != 2 or not all(isinstance(text, str) for text in texts):
        return set()
    return {str(texts[0]) + word for word in str(texts[1]).split()}


def out_of_reach(tree: ast.Module, reach: Reach) -> set[int]:
    """Return the nodes (by id) of what nothing reads, and of unused defaults."""
    hidden = _out(tree, reach)
    for function, name, bound in _definitions(tree):
        for default in _unused_defaults(function, reach.calls.get(name, ()), bound=bound):
            hidden.update(id(part) for part in ast.walk(default))
    return hidden


def _out(tree: ast.Module, reach: Reach) -> set[int]:
    """Return the nodes of definitions and assignments that nothing reads."""
    methods = {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for part in node.body
    }
    top = {id(part) for part in tree.body}
    hidden: set[int] = set()
    for node in ast.walk(tree):
        defined = id(node) in methods or id(node) in top
        if (defined and not reach.has(node, method=id(node) in methods)) or _unread(node, reach):
            hidden.update(id(part) for part in ast.walk(node))
        if isinstance(node, ast.FunctionDef):
            hidden |= _only_told(node)
    return hidden


def _unread(node: ast.AST, reach: Reach) -> bool:
    """Say whether a statement only assigns to members that are never read."""
    if isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        targets = [node.target]
    elif isinstance(node, ast.Assign):
        targets = node.targets
    else:
        return False
    return all(
        isinstance(target, ast.Attribute) and target.attr not in reach.members for target in targets
    )


def _only_told(function: ast.FunctionDef) -> set[int]:
    """Return the assignments to local names that only refusals and warnings read."""
    told = told_in(function)
    read: dict[str, bool] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            read[node.id] = read.get(node.id, True) and id(node) in told
    return {
        id(part)
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and all(_is_only(each, read) for each in node.targets)
        for part in ast.walk(node)
    }


def _is_only(target: ast.expr, read: Mapping[str, bool]) -> bool:
    return isinstance(target, ast.Name) and read.get(target.id, False)


def _definitions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, str, bool]]:
    """Yield functions and methods, the name by which each is called, and whether it has a self."""
    for part in tree.body:
        if isinstance(part, ast.FunctionDef):
            yield part, part.name, False
        if isinstance(part, ast.ClassDef):
            for method in part.body:
                if isinstance(method, ast.FunctionDef):
                    made = method.name == "__init__"
                    yield method, part.name if made else method.name, True


def _unused_defaults(
    function: ast.FunctionDef, calls: Sequence[ast.Call], *, bound: bool
) -> Iterator[ast.expr]:
    """Yield the defaults of parameters that every call gives, if there is a call."""
    if not calls:
        return
    given = function.args.args[bound:]
    first = len(given) - len(function.args.defaults)
    for place, default in enumerate(function.args.defaults, first):
        if not any(_leaves_out(call, given[place].arg, place) for call in calls):
            yield default
    for name, only in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if only is not None and not any(_leaves_out(call, name.arg, None) for call in calls):
            yield only


def _leaves_out(call: ast.Call, name: str, place: int | None) -> bool:
    """Say whether a call leaves a parameter to its default, or may do so."""
    if any(keyword.arg in (name, None) for keyword in call.keywords):
        return any(keyword.arg is None for keyword in call.keywords)
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return True
    return place is None or place >= len(call.args)
