# SPDX-License-Identifier: GPL-2.0-only
"""R07: a reference of the file that the descriptor holds is taken or dropped."""

from __future__ import annotations

from collections.abc import Iterator

from premap.csource.nodes import callee
from premap.rules.context import Context
from premap.rules.files import counts_of_file
from premap.rules.rule import Found, Rule, at


def check(context: Context) -> Iterator[Found]:
    """Find gets and puts of the file that a descriptor came with."""
    if not context.says(b"get_file", b"fput"):
        return
    for body in context.described:
        for call, member in counts_of_file(body):
            yield at(
                context.source,
                call,
                f"{callee(call)}() of the descriptor's {member}: "
                "mm takes and drops that reference itself",
            )


RULE = Rule(
    "R07",
    "a reference of the descriptor's file is taken or dropped",
    "error",
    """
The caller of the hook holds a reference of `desc->file`, and mm takes the one that the mapping
keeps. A hook that takes another leaks it; one that drops it, as a `->mmap` hook had to when it
replaced `vma->vm_file`, frees a file in use. Handing over a reference of one's own is right:
`desc->vm_file = get_file(other)`.
""",
    bad="""\
static struct file *ring_file;

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	fput(desc->vm_file);
	desc->vm_file = get_file(ring_file);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
static struct file *ring_file;

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	desc->vm_file = get_file(ring_file);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="6.17",
    upstream=(
        "9da29c7f77cd (coda: fix reference counting in coda_file_mmap error path)",
        "2896900e22f8 (ovl: fix reference counting in ovl_mmap error path)",
    ),
)
