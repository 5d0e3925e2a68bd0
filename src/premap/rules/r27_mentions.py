# SPDX-License-Identifier: GPL-2.0-only
"""R27: comments still name the old hook."""

from __future__ import annotations

from collections.abc import Iterator

from premap.csource.calls import mentions
from premap.records import Edit
from premap.rules.context import Context
from premap.rules.rule import Found, Repair, Rule


def check(context: Context) -> Iterator[Found]:
    """Find the name that a hook had before, where only comments still have it."""
    for hook in context.prepares:
        old = hook.name.removesuffix("_prepare")
        if hook.source is not context.source or old == hook.name or not hook.sites:
            continue
        if old.encode() not in context.source.text or len(old) < 5:
            continue
        found = mentions(context.source, old)
        if any(each.kind not in {"comment", "string"} for each in found):
            continue
        for mention in found:
            if mention.kind == "string":
                continue  # a parameter's name, a message: what others may depend on
            edit = Edit(context.source.name, mention.start, mention.end, hook.name.encode())
            yield Found(
                context.source,
                mention.start,
                mention.end,
                f"there is no {old} any more: it is {hook.name} now",
                hook=hook,
                repair=Repair(f"Say {hook.name}", (edit,), "automatic"),
            )


RULE = Rule(
    "R27",
    "comments still name the old hook",
    "note",
    """
Comments, kernel-doc and documentation that name a function which is gone send their readers
looking for it, and the kernel-doc checker warns.
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
