# SPDX-License-Identifier: GPL-2.0-only
"""R17 says what lets an offset through: no check at all, one from below only, or one that wraps."""

from __future__ import annotations

import pytest

from premap.csource.source import SourceFile
from premap.records import Finding
from premap.rules import check_file

_HEAD = """\
struct ring {
	unsigned long base;
	unsigned long bytes;
};
"""
_HOOK = """\
static int ring_map(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;
	unsigned long size = vma_desc_size(desc);
	unsigned long offset = desc->pgoff << PAGE_SHIFT;

	if (vma_desc_is_cow_mapping(desc))
		return -EINVAL;
%s
	mmap_action_remap_full(desc, (ring->base >> PAGE_SHIFT) + desc->pgoff);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_map,
};
"""


def _found(check: str, head: str = "") -> list[Finding]:
    text = head + _HEAD + _HOOK % check
    findings = check_file(SourceFile("ring.c", text.encode()), None, "7.3").findings
    return [each for each in findings if each.rule == "R17"]


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("", "nothing bounds the offset"),
        ("\tif (size > ring->bytes)\n\t\treturn -EINVAL;", "nothing bounds the offset"),
        ("\tif (offset < 0x4000)\n\t\treturn -EINVAL;", "no check bounds the offset from above"),
        ("\tif (ring->base + offset > 9000)\n\t\treturn -EINVAL;", "an offset that wraps around"),
        ("\tif ((u32)offset >= ring->bytes)\n\t\treturn -EINVAL;", "an offset that wraps around"),
    ],
)
def test_what_is_said(check: str, said: str) -> None:
    (finding,) = _found(check)
    assert finding.level == "error"
    assert finding.message.startswith(said)


def test_a_check_that_an_option_leaves_out_is_worth_a_note() -> None:
    """Who configures a kernel without it wants that."""
    head = """\
#ifdef CONFIG_RING_STRICT
static int ring_allows(unsigned long pfn)
{
	return devmem_is_allowed(pfn);
}
#else
static int ring_allows(unsigned long pfn)
{
	return 1;
}
#endif
"""
    (finding,) = _found("\tif (!ring_allows(desc->pgoff))\n\t\treturn -EPERM;", head)
    assert finding.level == "note"


def test_a_sum_that_mmap_keeps_from_wrapping() -> None:
    """Offset and length together fit 64 bits: do_mmap() has refused others."""
    assert not _found("\tif (offset + size > ring->bytes)\n\t\treturn -EINVAL;")
