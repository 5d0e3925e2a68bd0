# SPDX-License-Identifier: GPL-2.0-only
"""R27: comments still name the old hook."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterator

from premap.csource.calls import mentions
from premap.csource.errors import SourceError
from premap.csource.source import SourceFile
from premap.records import Edit
from premap.rules.context import Context
from premap.rules.hooks import Hook
from premap.rules.rule import Found, Repair, Rule


def check(context: Context) -> Iterator[Found]:
    """Find the name that a hook had before, where only comments still have it."""
    for hook in context.prepares:
        old = hook.name.removesuffix("_prepare")
        if old == hook.name or not hook.sites:
            continue
        if len(old) < 5:
            continue
        found = [
            (source, each) for source in _around(context, old) for each in mentions(source, old)
        ]
        if any(each.kind not in {"comment", "string"} for _, each in found):
            continue
        for source, mention in found:
            if mention.kind != "string":  # a parameter's name, a message: others may depend on it
                yield _found(source, mention.start, old, hook)
        for source, start in _documented(context, old):
            yield _found(source, start, old, hook)


def _found(source: SourceFile, start: int, old: str, hook: Hook) -> Found:
    end = start + len(old)
    edit = Edit(source.name, start, end, hook.name.encode())
    return Found(
        source,
        start,
        end,
        f"there is no {old} any more: it is {hook.name} now",
        hook=hook,
        repair=Repair(f"Say {hook.name}", (edit,), "automatic"),
    )


def _documented(context: Context, old: str) -> Iterator[tuple[SourceFile, int]]:
    """Yield places of the documentation that hold a name which a patch makes go.

    To read all of it takes too long for a file that is only looked at.
    """
    if context.tree is None or context.before is None or not context.before.functions_of(old):
        return
    for name, start in context.tree.search.documented(old):
        with contextlib.suppress(SourceError):
            yield context.tree.open(name), start


def _around(context: Context, name: str) -> Iterator[SourceFile]:
    """Yield the file, and those beside it, that hold a name."""
    if name.encode() in context.source.text:
        yield context.source
    if context.tree is None:
        return
    for other in context.tree.search.beside(name, posixpath.dirname(context.source.name)):
        if other != context.source.name:
            with contextlib.suppress(SourceError):
                yield context.tree.open(other)


RULE = Rule(
    "R27",
    "comments still name the old hook",
    "note",
    """
Comments, kernel-doc and documentation that name a function which is gone send their readers
looking for it, and the kernel-doc checker warns. With a tree, the files beside the hook's are
looked at, too, and for a patch that renames the hook (`--patch`) all of Documentation/.
""",
    bad="""\
/**
 * ring_mmap() - map the ring
 * @desc: what is to be mapped
 */
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
/**
 * ring_mmap_prepare() - map the ring
 * @desc: what is to be mapped
 */
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};

__setup("ring_mmap=", ring_setup);
""",
    check=check,
    since="6.16",
)
