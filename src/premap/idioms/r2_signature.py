# SPDX-License-Identifier: GPL-2.0-only
"""R2: the hook takes the descriptor alone."""

from __future__ import annotations

import re

from premap.idioms.idiom import Idiom

PARAMETERS = "(struct vm_area_desc *desc)"
"""Of a hook."""
PARAMETER = "struct vm_area_desc *desc"
"""Of a helper, in place of `struct vm_area_struct *vma`."""
PARAMETER_TYPE = "struct vm_area_desc *"
"""Of a prototype that does not name its parameters."""
_VMA = re.compile(r"struct\s+vm_area_struct(\s*)\*(\s*)\w+")


def parameters(listed: str, vma: str) -> str:
    """Return a hook's parameters, laid out like the old ones: one a line, if those were.

    `listed` is the old list with its parentheses, `vma` the parameter for the VMA.
    """
    first = re.match(r"\(\s*", listed)
    found = _VMA.fullmatch(vma)
    if first is None or "\n" not in first[0] or found is None:
        return PARAMETERS
    return f"{first[0]}struct vm_area_desc{found[1]}*{found[2]}desc)"


IDIOM = Idiom(
    "R2",
    "the hook takes the descriptor alone",
    "The two parameters of a `.mmap` hook become `struct vm_area_desc *desc`; the file is"
    " in the descriptor.",
    before="""\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return file->f_mode & FMODE_WRITE ? 0 : -EACCES;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap		= ring_mmap,
};
""",
    after="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return desc->file->f_mode & FMODE_WRITE ? 0 : -EACCES;
}

static const struct file_operations ring_fops = {
	.owner		= THIS_MODULE,
	.mmap_prepare	= ring_mmap_prepare,
};
""",
)
