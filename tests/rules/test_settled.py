# SPDX-License-Identifier: GPL-2.0-only
"""R04 where the driver's state settles the range; R16: where access is rejected, and by whom."""

from __future__ import annotations

import pytest

from premap.csource.source import SourceFile
from premap.records import Finding
from premap.rules import check_file

_HEAD = """\
struct chunk {
	unsigned long pfn;
	unsigned long bytes;
};

struct ring {
	struct chunk *chunks;
	int count;
	unsigned long bytes;
	refcount_t users;
	bool frozen;
};

static void ring_put(struct ring *ring)
{
	if (refcount_dec_and_test(&ring->users))
		kfree(ring);
}
"""
_HOOK = """\

static int ring_map(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;
	unsigned long size = vma->vm_end - vma->vm_start;
	int ret = 0;

%s
}

static const struct file_operations ring_fops = {
	.mmap = ring_map,
};
"""
_SHARED = "\tif (is_cow_mapping(vma->vm_flags))\n\t\treturn -EINVAL;\n"
_CHUNK = """\
	return remap_pfn_range(vma, vma->vm_start, ring->chunks->pfn, ring->chunks->bytes,
			vma->vm_page_prot);"""
_PIECES = """\
	unsigned long to = vma->vm_start;
	int at;

	for (at = 0; at < ring->count; at++) {
		ret = remap_pfn_range(vma, to, ring->chunks[at].pfn, ring->chunks[at].bytes,
				vma->vm_page_prot);
		if (ret)
			return ret;
		to += ring->chunks[at].bytes;
	}
	return 0;"""
_FROZEN = """\
	refcount_inc(&ring->users);
	if (ring->frozen && (vma->vm_flags & VM_WRITE))
		ret = -EPERM;
	if (ret)
		goto out;
	vm_flags_set(vma, VM_DONTEXPAND);
out:
	ring_put(ring);
	return ret;"""


def _found(rule: str, body: str, name: str = "drivers/ring/ring.c") -> list[Finding]:
    text = _HEAD + _HOOK % body
    findings = check_file(SourceFile(name, text.encode()), None, "7.3").findings
    return [each for each in findings if each.rule == rule]


@pytest.mark.parametrize(
    ("check", "levels"),
    [
        ("size > ring->bytes", ["error"]),
        ("size != ring->bytes", ["note"]),
        ("size < 0x4000", ["error"]),
    ],
)
def test_pieces_that_may_add_up_are_worth_a_note(check: str, levels: list[str]) -> None:
    body = f"{_SHARED}\tif ({check})\n\t\treturn -EINVAL;\n{_PIECES}"
    assert [each.level for each in _found("R04", body)] == levels


@pytest.mark.parametrize(
    ("check", "levels"),
    [("size != ring->bytes", ["error"]), ("size != ring->chunks->bytes", [])],
)
def test_one_piece_adds_up_to_nothing_else(check: str, levels: list[str]) -> None:
    body = f"{_SHARED}\tif ({check})\n\t\treturn -EINVAL;\n{_CHUNK}"
    assert [each.level for each in _found("R04", body)] == levels


def test_what_rejects_is_shown_and_not_what_cleans_up() -> None:
    (finding,) = _found("R16", _FROZEN)
    assert finding.level == "error"
    assert "VM_WRITE" in finding.text


def test_of_hooks_in_mm_itself_it_is_a_note() -> None:
    """do_mmap() has cleared what a write-sealed file may not get, before it calls the hook."""
    (finding,) = _found("R16", _FROZEN, "mm/ring.c")
    assert finding.level == "note"
