# SPDX-License-Identifier: GPL-2.0-only
"""From a Conversion to what is said of it: its verdict, whether it may be used, who has to look."""

from __future__ import annotations

import traceback
from collections.abc import Hashable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.records import Conversion, Outcome, Reason, Safety, Verdict

DIFFERENT = "different"
"""Id of the reason to decline a conversion that was shown to change what happens."""


Compared = tuple[Hashable, ...]
"""What a verdict hangs on, within one tree: the functions, the kind of hook, and all edits."""


class Asked(Struct, frozen=True):
    """How the conversions of a run are judged."""

    target: str
    verify: bool = True
    allow_different: bool = False
    """Whether a conversion is kept although it was shown to change what happens."""
    debug: bool = False
    """Whether a verifier that fails shows where, on standard error."""


def outcomes(
    conversions: Iterable[Conversion], source: SourceFile, tree: KernelTree | None, asked: Asked
) -> list[Outcome]:
    """Say what became of a file's handlers.

    Sites of several tables whose function and edits are the same are compared once.
    """
    verdicts: dict[Compared, Verdict] = {}
    return [outcome(each, source, tree, asked, verdicts) for each in conversions]


def outcome(
    conversion: Conversion,
    source: SourceFile,
    tree: KernelTree | None,
    asked: Asked,
    verdicts: dict[Compared, Verdict] | None = None,
) -> Outcome:
    """Say what became of a handler; `source` is the file that it was found in.

    A conversion that is `different` becomes one that was declined, with that reason. `verdicts`
    holds what is known already, and gets what is found out.
    """
    name = conversion.handler.file
    if conversion.reason is not None:
        return Outcome(name, "declined", conversion)
    if not asked.verify:
        return Outcome(name, "converted", conversion, safety="review")
    known = {} if verdicts is None else verdicts
    key = _compared(conversion)
    if key not in known:
        known[key] = _verdict(conversion, source, tree, asked)
    verdict = known[key]
    if verdict.status == "different" and not asked.allow_different:
        return Outcome(name, "declined", _withdrawn(conversion, verdict), verdict)
    return Outcome(name, "converted", conversion, verdict, safety_of(conversion, verdict))


def _compared(conversion: Conversion) -> Compared:
    handler = conversion.handler
    hook = handler.file, handler.name, handler.ops, handler.member, conversion.new_name
    return (*hook, conversion.edits, conversion.groundwork)


def _verdict(
    conversion: Conversion, source: SourceFile, tree: KernelTree | None, asked: Asked
) -> Verdict:
    from premap import equivalence  # noqa: PLC0415  loads the solver

    try:
        if tree is not None and conversion.handler.file != source.name:
            source = tree.open(conversion.handler.file)
        return equivalence.verify_conversion(conversion, source, tree, asked.target)
    except Exception as problem:  # noqa: BLE001  a verifier that fails has proved nothing
        if asked.debug:
            traceback.print_exc()
        return Verdict("unknown", reason=f"internal error: {type(problem).__name__}: {problem}")


def _withdrawn(conversion: Conversion, verdict: Verdict) -> Conversion:
    """Return the conversion as declined, because it changes what happens."""
    how = "; ".join(difference.message for difference in verdict.differences)
    reason = Reason(DIFFERENT, f"old and new differ: {how}", conversion.handler.line)
    return replace(conversion, new_name=None, edits=(), idioms=(), reason=reason)


def safety_of(conversion: Conversion, verdict: Verdict) -> Safety:
    """Return whether a person has to look at a conversion before it is used."""
    proved = verdict.status in {"equivalent", "equivalent-except"}
    judged = any(difference.judgement for difference in verdict.differences)
    asked = any(note.look for note in conversion.notes)
    return "automatic" if proved and not judged and not asked else "review"
