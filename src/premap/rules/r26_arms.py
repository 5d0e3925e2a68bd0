# SPDX-License-Identifier: GPL-2.0-only
"""R26: an arm of #if was left unconverted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from premap.csource.source import Function
from premap.records import Handler
from premap.rules.context import Context
from premap.rules.hooks import Hook
from premap.rules.rule import Found, Rule, at


def check(context: Context) -> Iterator[Found]:
    """Find hooks and tables of which one arm is new and another one old."""
    if not context.says(b"mmap_prepare", b"vm_area_desc") or not context.says(b"#"):
        return
    for hook in context.prepares:
        yield from _functions(hook)
        yield from _stubs(context, hook)
    yield from _tables(context)


def _functions(hook: Hook) -> Iterator[Found]:
    old = hook.name.removesuffix("_prepare")
    others = hook.source.functions_of(old) if old != hook.name else ()
    for function in (*hook.functions, *others):
        if not (_takes_vma(function) and function.arms):
            continue
        beside = any(other.arms == function.arms for other in hook.functions if other != function)
        if not beside and _differs(function, hook.functions):
            yield at(
                function.source,
                function.name_node,
                f"{function.name}() still takes a VMA in this #if arm; "
                f"{hook.name}() takes a descriptor in another",
                hook=hook,
            )


def _stubs(context: Context, hook: Hook) -> Iterator[Found]:
    """Find `#define ring_mmap NULL` in an arm in which nothing has the new hook's name.

    Not where a table names the old one: it is that table's.
    """
    source, old = hook.source, hook.name.removesuffix("_prepare")
    if old == hook.name or not all(function.arms for function in hook.functions):
        return
    if any(site.name == old for site in context.sites):
        return
    known = [tuple(source.arms_at(macro.start)) for macro in source.macros_of(hook.name)]
    known += [tuple(function.arms) for function in hook.functions]
    for macro in source.macros_of(old):
        arms = tuple(source.arms_at(macro.start))
        if macro.parameters is None and macro.body.strip() == "NULL" and arms not in known:
            yield Found(
                source,
                macro.start,
                macro.end,
                f"{old} is still NULL in this #if arm, in which there is no {hook.name}",
                hook=hook,
            )


def _takes_vma(function: Function) -> bool:
    return any("vm_area_struct" in parameter.type_text for parameter in function.parameters)


def _differs(function: Function, others: Iterable[Function]) -> bool:
    return any(other.arms and other.arms != function.arms for other in others)


def _tables(context: Context) -> Iterator[Found]:
    tables: dict[str, list[Handler]] = {}
    for handler in context.sites:
        if handler.table is not None and handler.arms:
            tables.setdefault(handler.table, []).append(handler)
    for table, handlers in tables.items():
        members = {handler.member for handler in handlers}
        for handler in handlers if len(members) == 2 else ():
            if handler.member == "mmap":
                yield Found(
                    context.source,
                    handler.start,
                    handler.end,
                    f"{table} still has .mmap in this #if arm, and .mmap_prepare in another",
                )


RULE = Rule(
    "R26",
    "an arm of #if was left unconverted",
    "warning",
    """
A driver that defines its hook twice, under `#ifdef CONFIG_MMU` or for two kinds of hardware,
has to convert both definitions and both table entries: the arm that a developer's configuration
does not compile breaks someone else's build, or keeps the old behaviour.
""",
    bad="""\
#ifdef CONFIG_RING_DMA
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return 0;
}
#else
static int ring_mmap_prepare(struct file *file, struct vm_area_struct *vma)
{
	return -ENODEV;
}
#endif

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
#ifdef CONFIG_RING_DMA
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return 0;
}
#else
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return -ENODEV;
}
#endif

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="6.16",
)
