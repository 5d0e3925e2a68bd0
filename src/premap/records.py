# SPDX-License-Identifier: GPL-2.0-only
"""The records that flow between premap's rooms. They are frozen, and know nothing of the rooms."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

VerdictStatus = Literal["equivalent", "equivalent-except", "different", "unknown"]
Safety = Literal["automatic", "review"]
OutcomeStatus = Literal["converted", "declined", "error"]
Level = Literal["error", "warning", "note"]


ARMS_ALREADY = "arms-already"
"""Reason of a handler that is declined because there is nothing to do: each hook has its arm."""


class Handler(Struct, frozen=True):
    """One initializer (or assignment) of an mmap-like member of an operation table."""

    file: str
    """Name of the file that holds the table, relative to the root of its tree."""
    line: int
    """Line of the initializer, from 1."""
    name: str
    """The C function that the table names; or the C expression, where it is not a plain name."""
    ops: str
    """C type of the table, such as "struct file_operations"; "?" where it can't be told."""
    member: str
    """"mmap" or "mmap_prepare"."""
    start: int = 0
    """Byte offset of the initializer's first byte (the dot of `.mmap = x`, or the assignment)."""
    end: int = 0
    """Byte offset after its last byte (without the comma)."""
    table: str | None = None
    """Name of the table's variable, where it has one."""
    in_macro: str | None = None
    """Name of the macro whose body defines the table, if one does."""
    arms: tuple[str, ...] = ()
    """Conditions of the #if arms around the initializer, outermost first."""


class Note(Struct, frozen=True):
    """Something that a reviewer of a conversion should know."""

    id: str
    message: str
    line: int | None = None
    look: bool = True
    """Whether a person must look before the conversion is used (safety "review")."""


class Reason(Struct, frozen=True):
    """Why a handler was not converted; `id` is what `premap explain` takes."""

    id: str
    message: str
    line: int | None = None


class Edit(Struct, frozen=True):
    """Replaces the bytes [start, end) of a file by `new`; nothing else of it changes."""

    file: str
    start: int
    end: int
    new: bytes


class Groundwork(Struct, frozen=True):
    """Edits that several conversions need, and that change nothing by themselves.

    Such as a subsystem's new member, and the dispatcher that calls it. They are a patch of their
    own, before those of the conversions.
    """

    file: str
    """The file by whose subsystem the patch is called."""
    title: str
    """What its subject says after the prefix: "let drivers provide mmap_prepare"."""
    text: tuple[str, ...]
    """Paragraphs of its message."""
    edits: tuple[Edit, ...]


class Through(Struct, frozen=True):
    """A member through which a hook passes its mapping on, and which follows it (H12)."""

    ops: str
    """C type that has it: "struct tx_ops"."""
    member: str
    twin: str
    """What it is called when it takes a descriptor."""
    callers: tuple[tuple[str, str], ...]
    """Functions that call it: their old and their new names."""
    to: tuple[tuple[str, str], ...]
    """Functions that the tree sets it to, likewise."""


class Conversion(Struct, frozen=True):
    """What became of one handler: the edits that convert it, or the reason why there are none."""

    handler: Handler
    new_name: str | None = None
    """The function that the table names afterwards; None if declined."""
    edits: tuple[Edit, ...] = ()
    idioms: tuple[str, ...] = ()
    """Ids of the idioms that were applied, each once, in the order of `facts` (R1, F1, A1 …)."""
    notes: tuple[Note, ...] = ()
    reason: Reason | None = None
    """Set exactly when the handler was declined; then there are no edits."""
    groundwork: Groundwork | None = None
    """What has to be there first; its edits are among `edits`, too."""
    through: tuple[Through, ...] = ()
    """Members of other structures that it is passed on through."""


class Difference(Struct, frozen=True):
    """One way in which two hooks differ, or may."""

    id: str
    message: str
    example: dict[str, Any] | None = None
    """The mmap() call that shows it: its arguments, the made-up state, what old and new do."""
    judgement: bool = True
    """Whether it takes a person to say if the difference matters (safety "review")."""


class Verdict(Struct, frozen=True):
    """Whether two versions of a hook do the same."""

    status: VerdictStatus
    differences: tuple[Difference, ...] = ()
    reason: str | None = None
    """With `unknown`: what stood in the way, with file and line."""
    bounds: tuple[str, ...] = ()
    """What the verdict holds for: page and word size, loop limits, what was assumed."""


class Outcome(Struct, frozen=True):
    """What `premap convert` says of one handler, or of a file that it could not work on."""

    file: str
    """Name relative to the root of its tree, or as given."""
    status: OutcomeStatus
    conversion: Conversion | None = None
    """None where the file never got as far as its handlers (status "error")."""
    verdict: Verdict | None = None
    safety: Safety | None = None
    problem: Reason | None = None
    """With status "error": what went wrong."""

    @property
    def reason(self) -> Reason | None:
        """Why there is no conversion; None where there is one."""
        declined = self.conversion.reason if self.conversion else None
        return self.problem or declined


class Fix(Struct, frozen=True):
    """What would put a finding right."""

    title: str
    """What it does, as an editor's menu says it: "Use VMA_IO_BIT"."""
    edits: tuple[Edit, ...]
    diff: str
    """The same as `git apply` takes it."""
    safety: Safety = "review"


class Finding(Struct, frozen=True):
    """A mistake, or what may be one. Lines and columns (in characters) count from 1."""

    file: str
    """Name relative to the root of its tree, or as given."""
    line: int
    column: int
    end_line: int
    end_column: int
    """After the last character."""
    rule: str
    """Id of the rule, which `premap explain` takes."""
    level: Level
    message: str
    target: str
    """The release that the file was checked for."""
    function: str | None = None
    """The C function that it is in."""
    handler: str | None = None
    """The hook whose path leads there."""
    example: dict[str, Any] | None = None
    """The mmap() call that shows it: its arguments, made-up state, what becomes of it."""
    fix: Fix | None = None
    text: str = ""
    """The line of the source that `line` names."""
    start: int = 0
    """Byte offset where it begins."""
    end: int = 0
    """Byte offset after it."""


class Suppression(Struct, frozen=True):
    """A comment that silences rules on its line and on the next: `premap: ignore R16: reason`."""

    file: str
    line: int
    rules: tuple[str, ...]
    """Empty where it was meant to silence something, but is not understood."""
    reason: str
    """Empty where none is given: then it silences nothing."""


class Checked(Struct, frozen=True):
    """What checking one file came to."""

    findings: tuple[Finding, ...] = ()
    suppressed: tuple[tuple[Finding, Suppression], ...] = ()
    unused: tuple[Suppression, ...] = ()
    """Suppressions that silence nothing, or that give no reason."""


class Explanation(Struct, frozen=True):
    """What `premap explain ID` says. A room that makes up ids exports `EXPLANATIONS`, by id."""

    id: str
    kind: Literal["idiom", "note", "reason", "difference", "kernel", "rule"]
    title: str
    """One line, no full stop."""
    text: str = ""
    """Paragraphs, one blank line between them."""
    before: str = ""
    """C that shows it; for an idiom, the old code."""
    after: str = ""
    """For an idiom, the new code."""
