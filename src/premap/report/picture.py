# SPDX-License-Identifier: GPL-2.0-only
"""Pictures of a call: a page that steps through an mmap(), or through a scenario.

A picture is made of plain data (the documents of `premap run` and `premap replay`). It goes into
the page as JSON, and from there as text: nothing of a source can become markup or script.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from markupsafe import Markup
from msgspec import Struct

from premap.report.site import environment, template_text

Step = Mapping[str, Any]
Document = Mapping[str, Any]

DESCRIPTOR = (
    ("start", "may not be changed"),
    ("end", "may not be changed"),
    ("pgoff", "may be changed"),
    ("vm_file", "may be changed; the mapping takes over the reference"),
    ("vma_flags", "may be changed, through helpers"),
    ("page_prot", "may be changed"),
    ("vm_ops", "may be set, not read"),
    ("private_data", "may be set, not read"),
    ("action", "set through helpers only"),
)
"""The fields of `struct vm_area_desc`, and what a hook may do with them."""
VMA = tuple(
    (name, "in the hook's hands")
    for name in (
        "vm_start", "vm_end", "vm_pgoff", "vm_file", "vm_flags", "vm_page_prot", "vm_ops",
        "vm_private_data",
    )
)  # fmt: skip


class Side(Struct, frozen=True):
    """One hook's call, or one scenario."""

    name: str
    hook: Literal["mmap", "mmap_prepare", ""]
    file: str
    document: Document
    """Of `premap run`."""
    code: Sequence[tuple[int, str]] = ()
    """Lines of the hook, with their numbers."""


def picture(sides: Iterable[Side]) -> Markup:
    """Return the picture as part of a page that has picture.css and picture.js."""
    shown = [_shown(side) for side in sides]
    made = environment().get_template("picture.html").render(sides=shown, data=shown)
    return Markup(made)  # noqa: S704  made by a template that escapes


def picture_page(title: str, subtitle: str, sides: Sequence[Side]) -> str:
    """Return a whole page, in one file."""
    return (
        environment()
        .get_template("picture-page.html")
        .render(
            up="",
            title=title,
            subtitle=subtitle,
            picture=picture(sides),
            parts=where_they_part(sides[0], sides[1]) if len(sides) == 2 else [],
            style=Markup(template_text("style.css") + template_text("picture.css")),  # noqa: S704
            script=Markup(template_text("picture.js")),  # noqa: S704
        )
    )


def _shown(side: Side) -> dict[str, Any]:
    steps = list(_carried(side.document["steps"]))
    for failure in side.document["injected"]:
        steps += _failure(failure)
    return {
        "name": side.name,
        "hook": side.hook,
        "file": side.file,
        "result": side.document["result"],
        "rules": {"mmap": VMA, "mmap_prepare": DESCRIPTOR}.get(side.hook, ()),
        "code": list(side.code),
        "steps": steps,
    }


def _carried(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield steps with all that holds after them: a document has only what changed."""
    fields: dict[str, str] | None = None
    space: list[dict[str, Any]] | None = None
    for step in steps:
        fields = step.get("fields") or fields
        space = step["space"] if step.get("space") is not None else space
        shown = {**step, "fields": fields, "space": space}
        if fields is not None:
            start = fields.get("start", fields.get("vm_start", "0"))
            end = fields.get("end", fields.get("vm_end", "0"))
            if "?" not in (start, end):
                shown["wanted"] = [int(start, 16), int(end, 16)]
        yield shown


def _failure(failure: Document) -> Iterator[Step]:
    """Yield the steps of a run in which a later stage failed, and what it left behind."""
    title = f"the same call again, and {failure['point']} fails"
    for number, step in enumerate(_carried(failure["steps"])):
        yield {
            **step,
            "text": f"{title}: {step['text']}" if not number else step["text"],
            "failing": True,
        }
    left = "; ".join(failure["survives"]) or "nothing survives"
    yield {
        "kind": "end",
        "text": f"returns {failure['result']}; {left}",
        "failing": True,
        "space": [],
    }


def where_they_part(old: Side, new: Side) -> list[str]:
    """Say in which ways two calls came to something else."""
    found = []
    a, b = old.document, new.document
    if a["result"] != b["result"]:
        found.append(
            f"the call returns {a['result']} with {old.name}, {b['result']} with {new.name}"
        )
    decisions = [[s["text"] for s in d["steps"] if s["kind"] == "decision"] for d in (a, b)]
    for mine, other in zip(*decisions, strict=False):
        if mine.rsplit(" ", 1)[-1] != other.rsplit(" ", 1)[-1]:
            found.append(f"the first decision that differs: {mine} / {other}")
            break
    for what, name in (("vmas", "mapping"), ("ptes", "range of page table entries")):
        if len(a[what]) != len(b[what]):
            counts = " and ".join(f"{len(s.document[what])} with {s.name}" for s in (old, new))
            found.append(f"number of {name}s afterwards: {counts}")
        found += _differences(name, a[what], b[what])
    return found or ["they come to the same: result, mappings and page tables"]


def _differences(name: str, old: list[Document], new: list[Document]) -> Iterator[str]:
    for mine, other in zip(old, new, strict=False):
        for key in mine:
            if mine[key] != other.get(key):
                yield f"{name} at {mine['start']:#x}: {key} is {mine[key]} / {other.get(key)}"
