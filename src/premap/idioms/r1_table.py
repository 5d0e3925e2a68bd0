# SPDX-License-Identifier: GPL-2.0-only
"""R1: the table names the new hook."""

from __future__ import annotations

import re
from collections.abc import Iterable

from premap.idioms.idiom import Idiom

TAB = 8
_INITIALIZER = re.compile(r"(?s)\.\s*(?P<member>\w+)(?P<before>\s*)=(?P<after>\s*)(?P<value>.*)")
_OLD_INITIALIZER = re.compile(r"(?s)\w+\s*:(?P<after>\s*)(?P<value>.*)")
"""`mmap: f`, as GNU C had it before C99."""
_ASSIGNMENT = re.compile(r"(?s)(?P<target>.*(?:\.|->)\s*)\w+(?P<between>\s*=\s*)(?P<value>.*)")


def initializer(
    text: str, column: int, value: str, twin: str = "mmap_prepare", around: Iterable[str] = ()
) -> str | None:
    """Return `.mmap = x` as the member `twin`, `value` staying in its column where that can be.

    Of `mmap: x`, the form before C99, it is that form; assignments come back as assignments. None
    is for what is neither. `column` is where `text` begins, counted from 0; `around` are the lines
    before and after: a single space makes a column only if the sign of one of them is in it.
    """
    found = _INITIALIZER.fullmatch(text)
    of_old = _OLD_INITIALIZER.fullmatch(text)
    if of_old is not None:
        value_at = advance(text[: of_old.start("value")], column)
        return f"{twin}:{filler(of_old['after'], advance(f'{twin}:', column), value_at)}{value}"
    if found is None:
        assigned = _ASSIGNMENT.fullmatch(text)
        if assigned is None:
            return None
        return f"{assigned['target']}{twin}{assigned['between']}{value}"
    old, new = f".{found['member']}{found['before']}", f".{twin}"
    sign = advance(old, column)
    if found["before"] == found["after"] == " " and not any(_sign(line) == sign for line in around):
        return f"{new} = {value}"
    new += filler(found["before"], advance(new, column), sign)
    new += "="
    value_at = advance(old + "=" + found["after"], column)
    return new + filler(found["after"], advance(new, column), value_at) + value


def _sign(line: str) -> int:
    """Return the column of the first `=` of a line; -1 if there is none."""
    before, sign, _ = line.partition("=")
    return advance(before, 0) if sign else -1


def advance(text: str, column: int) -> int:
    """Return the column after `text`, which begins in `column`."""
    for character in text:
        column = 0 if character == "\n" else column + 1
        if character == "\t":
            column = (column + TAB - 1) // TAB * TAB
    return column


def filler(old: str, column: int, wanted: int) -> str:
    """Return white space like `old` that leads from `column` to `wanted`; at least one."""
    if not old:
        return ""
    if "\n" in old:
        return old
    if "\t" not in old:
        return " " * max(wanted - column, 1)
    filler = ""
    while advance(filler, column) < wanted:
        filler += "\t" if advance(filler + "\t", column) <= wanted else " "
    return filler or (" " if wanted <= column else "\t")


def new_name(name: str) -> str:
    """Return what upstream would call the new hook: x_mmap_prepare, mmap_x_prepare.

    A function whose name does not speak of mmap gets `_prepare`, too.
    """
    words = name.split("_")
    if "mmap" in words[1:]:
        at = len(words) - words[::-1].index("mmap")
        return "_".join((*words[:at], "prepare", *words[at:]))
    return name + "_prepare"


def helper_name(name: str, hooks: Iterable[str]) -> str:
    """Return the name of a helper of these hooks that takes a descriptor.

    It is another one where it ends in mmap, or begins as a hook does: x_mmap_buf of x_file_mmap.
    """
    words = name.split("_")
    alike = words[0] in {hook.split("_")[0] for hook in hooks}
    return new_name(name) if words[-1] == "mmap" or (alike and words[1:2] == ["mmap"]) else name


IDIOM = Idiom(
    "R1",
    "the table names the new hook",
    "A member `.mmap = x_mmap` becomes `.mmap_prepare = x_mmap_prepare`, in the same "
    "column. Only struct file_operations has the member; a file has one of the two, never"
    " both.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return -ENODEV;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return -ENODEV;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
)
