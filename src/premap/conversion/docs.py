# SPDX-License-Identifier: GPL-2.0-only
"""The kernel-doc comment of a converted function: its parameters are other ones now (R4)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from premap.conversion.rewriting import Change
from premap.csource.source import SourceFile
from premap.idioms.idiom import DESC, Hook

_COMMENT = re.compile(rb"/\*\*\s(?:[^*]|\*(?!/))*\*/\s*\Z")
_LOOK_BACK = 1 << 14
_VMA = re.compile(r"\b(?:VMA|vma)\b(?!\s*descriptor)")


def parameter_changes(hook: Hook, *, is_hook: bool) -> Iterator[Change]:
    """Yield the changes of a function's comment: `@vma:` becomes `@desc:`, `@file:` goes."""
    source = hook.function.source
    found = _comment_before(source, hook.function.node.start_byte)
    if found is None:
        return
    start, text = found
    vma = re.search(rf"(?m)^[ \t]*\*[ \t]*@({re.escape(hook.vma)})[ \t]*:", text)
    if vma is None:
        return
    yield Change(start + vma.start(1), start + vma.end(1), DESC)
    line = text[vma.end() : text.find("\n", vma.end())]
    if "vm_area_struct" in line:
        at = start + vma.end() + line.index("vm_area_struct")
        yield Change(at, at + len("vm_area_struct"), "vm_area_desc")
    elif line.strip().lower() in {"vma", "the vma"}:
        end = start + vma.end() + len(line.rstrip())
        yield Change(end - len("VMA"), end, "descriptor of the mapping")
    elif (word := _VMA.search(line)) is not None:
        at = start + vma.end()
        yield Change(at + word.start(), at + word.end(), f"{word[0]} descriptor")
    if is_hook and hook.file is not None:
        entry = re.search(
            rf"(?m)^[ \t]*\*[ \t]*@{re.escape(hook.file)}[ \t]*:.*\n"
            r"(?:[ \t]*\*[ \t]*[^@\s/].*\n)*",
            text,
        )
        if entry is not None:
            yield Change(start + entry.start(), start + entry.end(), "")


def _comment_before(source: SourceFile, at: int) -> tuple[int, str] | None:
    """Return where the kernel-doc comment that ends before byte `at` begins, and its text."""
    base = max(at - _LOOK_BACK, 0)
    window = source.text[base:at]
    opened = window.rfind(b"/**")
    if opened < 0 or _COMMENT.fullmatch(window, opened) is None:
        return None
    return base + opened, window[opened:].decode("latin-1")
