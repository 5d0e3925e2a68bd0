# SPDX-License-Identifier: GPL-2.0-only
"""Comments of a converted function: those that speak of the VMA, and those that would be lost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tree_sitter import Node

from premap.conversion.rewriting import Change
from premap.csource.nodes import find_all
from premap.idioms.idiom import DESC, Hook

_MEMBERS = {
    "vm_start": "start",
    "vm_end": "end",
    "vm_pgoff": "pgoff",
    "vm_flags": "vma_flags",
    "vm_page_prot": "page_prot",
    "vm_ops": "vm_ops",
    "vm_private_data": "private_data",
    "vm_mm": "mm",
}
"""What a member of a VMA is called in a descriptor."""


def changes(hook: Hook) -> Iterator[Change]:
    """Yield the changes of comments that name a member of the VMA; note those that name it."""
    member = re.compile(rf"(?<![.>\w]){re.escape(hook.vma)}->({'|'.join(_MEMBERS)})\b")
    vma = re.compile(rf"(?<![.>\w]){re.escape(hook.vma)}\b(?!->)")
    for comment in find_all(hook.function.body, "comment"):
        text = hook.text(comment)
        for found in member.finditer(text):
            start = comment.start_byte + found.start()
            yield Change(start, start + len(found[0]), f"{DESC}->{_MEMBERS[found[1]]}")
        if vma.search(text):
            message = f"it still speaks of {hook.vma}: {_short(comment)}"
            hook.note("comment-names-vma", message, comment, look=False)


def outside(extra: Iterable[Change], made: Sequence[Change]) -> list[Change]:
    """Return those changes that are not of text which `made` takes away."""
    return [one for one in extra if not any(each.start <= one.start < each.end for each in made)]


def note_lost(hook: Hook, made: Sequence[Change]) -> None:
    """Note the comments that are within code that goes."""
    for comment in find_all(hook.function.body, "comment"):
        if any(_takes(change, comment, hook) for change in made):
            message = f"goes with its code: {_short(comment)}"
            hook.note("comment-dropped", message, comment, look=False)


def _takes(change: Change, comment: Node, hook: Hook) -> bool:
    inside = change.start <= comment.start_byte and comment.end_byte <= change.end
    return inside and hook.text(comment) not in change.new


def _short(comment: Node) -> str:
    text = (comment.text or b"").decode("latin-1")
    return " ".join(text.split())[:60]
