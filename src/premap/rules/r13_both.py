# SPDX-License-Identifier: GPL-2.0-only
"""R13: a table names both hooks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from premap.csource.nodes import identifiers_in
from premap.records import Handler
from premap.rules.context import Context
from premap.rules.rule import Found, Rule


def check(context: Context) -> Iterator[Found]:
    """Find tables of file operations that name ->mmap and ->mmap_prepare."""
    if not (context.says(b"mmap_prepare") and context.says(b"mmap =", b"mmap\t")):
        return
    yield from _in_macros(context)
    tables: dict[str, dict[str, Handler]] = {}
    for handler in context.sites:
        if handler.ops != "struct file_operations" or handler.table is None:
            continue
        names = tables.setdefault(handler.table, {})
        other = names.get("mmap" if handler.member == "mmap_prepare" else "mmap_prepare")
        if other is not None and _together(other, handler):
            yield Found(
                context.source,
                handler.start,
                handler.end,
                f"{handler.table} names .{other.member}, too, in line {other.line}: "
                "such a file can't be mapped",
            )
        names[handler.member] = handler


def _in_macros(context: Context) -> Iterator[Found]:
    """Find tables that name one hook, and the other in a macro of the file."""
    for handler in context.sites:
        listed = handler.ops == "struct file_operations" and handler.table is not None
        table = context.scope.own_variable(handler.table or "") if listed else None
        if table is None or table.initializer is None:
            continue
        other = "mmap" if handler.member == "mmap_prepare" else "mmap_prepare"
        named = re.compile(rf"\.\s*{other}\s*=(?!=)")
        for name in sorted(identifiers_in(table.initializer)):
            macros = [
                macro
                for macro in context.source.macros_of(name)
                if set(context.source.arms_at(macro.start)) <= set(handler.arms)
            ]
            if any(macro.parameters is None and named.search(macro.body) for macro in macros):
                yield Found(
                    context.source,
                    handler.start,
                    handler.end,
                    f"{handler.table} names .{other}, too, by {name}: such a file can't be mapped",
                )


def _together(one: Handler, other: Handler) -> bool:
    """Whether one is compiled wherever the other is: of other `#if` arms that can't be told."""
    return set(one.arms) <= set(other.arms) or set(other.arms) <= set(one.arms)


RULE = Rule(
    "R13",
    "a table names both mmap and mmap_prepare",
    "error",
    """
A file has one of the two hooks. `can_mmap_file()` warns when a table names both and takes the
file for one that can't be mapped, so every mmap() of it fails with ENODEV.
""",
    bad="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return 0;
}

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="6.16",
    legacy=True,
)
