# SPDX-License-Identifier: GPL-2.0-only
"""Comments of a converted function: those that speak of the VMA, and those that would be lost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

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
_NAMES = "|".join(_MEMBERS)
_OF_ANY = re.compile(rf"\b(?:{_NAMES})\b")

_MEMBER = re.compile(r"\bfile_operations(?:::|\.|->)(mmap)\b")
_BEFORE = re.compile(r"/\*(?:[^*]|\*(?!/))*\*/\s*\Z")
_LOOK_BACK = 1 << 14


def changes(hook: Hook, actions: Mapping[str, str]) -> Iterator[Change]:
    """Yield the changes of comments that name a member of the VMA, or what became an action.

    Note those that name the VMA.
    """
    member = re.compile(rf"(?<![.>\w]){re.escape(hook.vma)}->({_NAMES})\b")
    vma = re.compile(rf"(?<![.>\w]){re.escape(hook.vma)}\b(?!->)")
    for comment in find_all(hook.function.body, "comment"):
        text = hook.text(comment)
        for found in member.finditer(text):
            start = comment.start_byte + found.start()
            yield Change(start, start + len(found[0]), f"{DESC}->{_MEMBERS[found[1]]}")
        yield from _actions(text, comment.start_byte, actions)
        left = vma.search(text) or _OF_ANY.search(member.sub("", text))
        if left:
            message = f"it still speaks of {left[0]}: {_short(comment)}"
            hook.note("comment-names-vma", message, comment, look=False)


def before(hook: Hook, actions: Mapping[str, str]) -> Iterator[Change]:
    """Yield the changes of the comment before a function that names what became an action."""
    at = hook.function.node.start_byte
    base = max(at - _LOOK_BACK, 0)
    window = hook.between(base, at)
    opened = window.rfind("/*")
    if opened >= 0 and _BEFORE.fullmatch(window, opened):
        yield from _actions(window[opened:], base + opened, actions)


def _actions(text: str, at: int, actions: Mapping[str, str]) -> Iterator[Change]:
    for found in _MEMBER.finditer(text):
        yield Change(at + found.start(1), at + found.end(1), "mmap_prepare")
    for old, new in actions.items():
        for found in re.finditer(rf"\b{re.escape(old)}\b", text):
            yield Change(at + found.start(), at + found.end(), new)


def outside(extra: Iterable[Change], made: Sequence[Change]) -> list[Change]:
    """Return those changes that are not of text which `made` takes away."""
    return [one for one in extra if not any(each.start <= one.start < each.end for each in made)]


def note_lost(hook: Hook, made: Sequence[Change]) -> None:
    """Note the comments that are within code that goes."""
    for comment in find_all(hook.function.body, "comment"):
        if comment not in hook.taken and any(_takes(each, comment, hook) for each in made):
            message = f"goes with its code: {_short(comment)}"
            hook.note("comment-dropped", message, comment, look=False)


def _takes(change: Change, comment: Node, hook: Hook) -> bool:
    inside = change.start <= comment.start_byte and comment.end_byte <= change.end
    return inside and hook.text(comment) not in change.new


def _short(comment: Node) -> str:
    text = (comment.text or b"").decode("latin-1")
    return " ".join(text.split())[:60]
