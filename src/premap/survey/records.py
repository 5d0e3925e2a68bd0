# SPDX-License-Identifier: GPL-2.0-only
"""What a survey is made of, as it goes into JSON and comes back from a cache."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Hook = Literal["mmap", "mmap_prepare"]


class RawSite(TypedDict):
    """One initializer of, or assignment to, a member that sets a mapping up."""

    line: int
    handler: str
    """"NULL" where the member is unset."""
    names: list[str]
    """The functions that the member is set to; `*` stands for what a macro pastes (named)."""
    giver: str | None
    """The macro or function whose parameter it is set to."""
    by_position: bool
    """Whether the table is filled by position."""
    ops: str
    """"struct file_operations"; "?" where that can't be told."""
    member: str
    hook: Hook
    """As the tree's structures have it (filefacts.settled)."""
    declared: bool | None
    """Whether the file sees what members `ops` has; None where that was not looked for."""
    table: str | None
    in_macro: str | None
    arms: list[str]
    """Conditions of the `#if` arms around it."""
    start: int
    """Offset (bytes) in the file."""


class Explained(TypedDict):
    """What looks like a site and is none, by which rule (accounted)."""

    line: int
    rule: str
    why: str


class Consumer(TypedDict):
    """A place that reads such a member."""

    line: int
    function: str | None
    ops: str
    member: str
    kind: str
    """"call", "test", "copy", "read"."""


FunctionFacts = TypedDict(
    "FunctionFacts",
    {"class": str, "line": int, "end": int, "hands": list[str], "members": list[str]},
)
"""A hook: its pattern class, its lines, and the functions and members that get its VMA."""


class FileFacts(TypedDict):
    """What one file has."""

    sites: list[RawSite]
    explained: list[Explained]
    consumers: list[Consumer]
    functions: dict[str, FunctionFacts]


class TablesWith(TypedDict):
    """What one file puts a macro of entries into, by the macro."""

    tables: dict[str, list[str]]
    """Types: "struct fb_ops"."""
    macros: dict[str, list[str]]
    """Other macros of entries."""
    defined_in: dict[str, list[str]]
    """Files whose macro of that name this file may mean."""


class TextFacts(TypedDict):
    """What the bare text of a file tells (textfacts)."""

    members: list[list[Any]]
    """(struct, member, hook, line, structures that its function gets) of the members it defines."""
    sets: list[tuple[str, str, int]]
    """(member, value, line), in the order of the text."""
    reads: list[str]
    passes: list[tuple[str, str]]
    """(function, macro or textfacts.IN_LIST; argument)."""
    defines: list[tuple[str, Hook]]
    """Functions that get a VMA or a descriptor, and the hook that each may be."""
    takes: dict[str, list[str]]
    """The structures that each of them gets, in their order."""
    digest: str


class Judged(TypedDict):
    """What converting, comparing and checking a handler came to."""

    status: str | None
    reason: dict[str, Any] | None
    new_name: str | None
    idioms: list[str]
    notes: list[dict[str, Any]]
    safety: str | None
    verdict: dict[str, Any] | None
    patch: str | None


class Run(TypedDict):
    """One call of a hook, step by step (`premap run`)."""

    member: Hook
    result: str
    state: int
    """What all of the driver's state is in it."""
    steps: list[dict[str, Any]]
    vmas: list[dict[str, Any]]
    ptes: list[dict[str, Any]]
    injected: list[dict[str, Any]]


class Deep(TypedDict):
    """What one file's handlers came to."""

    outcomes: dict[str, Judged]
    """By offset of the site."""
    findings: list[dict[str, Any]]
    runs: dict[str, Run]
    """By hook."""


class DefinedIn(TypedDict):
    """Where a handler is defined."""

    file: str
    line: int
    end: int


Site = TypedDict(
    "Site",
    {
        "file": str,
        "line": int,
        "handler": str,
        "ops": str,
        "member": str,
        "hook": Hook,
        "table": str | None,
        "in_macro": str | None,
        "arms": list[str],
        "defined_in": DefinedIn | None,
        "class": str,
        "subsystem": str | None,
        "maintainers": list[str],
        "waits_for": list[str],
        "status": str | None,
        "reason": dict[str, Any] | None,
        "blockers": list[dict[str, Any]],
        "new_name": str | None,
        "idioms": list[str],
        "notes": list[dict[str, Any]],
        "safety": str | None,
        "verdict": dict[str, Any] | None,
        "findings": list[dict[str, Any]],
        "cluster": str,
    },
)
"""One record of a survey; docs/survey.md says what the words mean."""


class Unlock(TypedDict):
    """Something that sites wait for."""

    name: str
    sites: int
    alone: int
    after: list[str]


class Cluster(TypedDict):
    """Handlers that one series can take."""

    id: str
    title: str
    sites: int
    files: list[str]


Rule = TypedDict("Rule", {"id": str, "is": str, "sites": int})
"""Why things that look like sites are none, and how many are explained by it."""


class FileProblem(TypedDict):
    """A file that could not be worked on."""

    file: str
    message: str


class Document(TypedDict, total=False):
    """A whole survey; "moved" is there if it was compared with another."""

    tree: str
    release: str | None
    target: str
    seconds: float
    handlers: list[Site]
    totals: dict[str, Any]
    unlocks: list[Unlock]
    clusters: list[Cluster]
    members: list[dict[str, Any]]
    consumers: list[dict[str, Any]]
    explained: list[dict[str, Any]]
    rules: list[Rule]
    errors: list[FileProblem]
    results: dict[str, int]
    """How many results of files were "kept" from earlier surveys, and how many are "new"."""
    problem: str | None
    moved: list[dict[str, Any]]
