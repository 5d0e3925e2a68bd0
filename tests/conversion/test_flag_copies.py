# SPDX-License-Identifier: GPL-2.0-only
"""Flags of the mapping that a hook copies as they are: `vma->flags`, a vma_flags_t (G8)."""

from __future__ import annotations

import pytest

from premap.conversion import apply, convert_file
from premap.csource.source import SourceFile
from premap.equivalence import verify_conversion
from premap.records import Conversion

FILE = """
static int ring_check(unsigned long size, vma_flags_t flags)
{
	return vma_flags_test(&flags, VMA_NORESERVE_BIT) ? -EPERM : 0;
}

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma_flags_t flags;

%s
}

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
"""
COPY = (
    "\tflags = vma->flags;\n\tvma_flags_set(&flags, VMA_NORESERVE_BIT);\n"
    "\treturn ring_check(vma->vm_pgoff, %s);"
)


def convert(body: str) -> tuple[Conversion, SourceFile]:
    source = SourceFile("ring.c", (FILE % body).encode())
    [found] = convert_file(source, None, "7.3")
    return found, source


@pytest.mark.parametrize("given", ["flags", "vma->flags"])
def test_a_copy_is_one_of_the_descriptor(given: str) -> None:
    found, source = convert(COPY % given)
    assert found.reason is None, found.reason
    text = apply([found], source).decode()
    assert "\tflags = desc->vma_flags;\n" in text
    assert "ring_check(desc->pgoff, " + given.replace("vma->", "desc->vma_") in text
    verdict = verify_conversion(found, source, None)
    assert verdict.status == "equivalent-except"  # a refusal is one of a mapping that merges, too


@pytest.mark.parametrize(
    "use",
    ["vma->flags = flags;", "ring_look(&vma->flags);", "if (vma->flags.bits[0])\n\t\tflags.x = 1;"],
)
def test_other_uses_are_declined(use: str) -> None:
    found, _ = convert(f"\t{use}\n\treturn 0;")
    assert found.reason is not None
