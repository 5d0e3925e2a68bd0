# SPDX-License-Identifier: GPL-2.0-only
"""R14: a legacy hook that takes twice what ->close gives back once."""

from __future__ import annotations

import pytest

from premap.csource.source import SourceFile
from premap.records import Finding
from premap.rules import check_file

_TEXT = """\
struct ring {
	atomic_t maps;
	struct kref kref;
	unsigned long pfn;
	unsigned long bytes;
};

static void ring_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	atomic_inc(&ring->maps);
}

static void ring_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	%(close)s
}

static const struct vm_operations_struct ring_vm_ops = {
	.open = ring_open,
	.close = ring_close,
};

static int ring_map(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;
	int ret;

	vma->vm_ops = &ring_vm_ops;
	vma->vm_private_data = ring;
	atomic_inc(&ring->maps);
	ret = vm_iomap_memory(vma, ring->pfn << PAGE_SHIFT, ring->bytes);
	if (ret) {
		atomic_dec(&ring->maps);
		return ret;
	}
%(more)s
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap = ring_map,
};
"""
_ONCE = "atomic_dec(&ring->maps);"


def _found(more: str, close: str = _ONCE) -> list[Finding]:
    text = _TEXT % {"more": more, "close": close}
    findings = check_file(SourceFile("ring.c", text.encode()), None, "7.3").findings
    return [each for each in findings if each.rule == "R14"]


def test_a_second_count_is_one_too_many() -> None:
    (finding,) = _found("\tatomic_inc(&ring->maps);")
    assert finding.level == "warning"
    assert finding.text.strip() == "atomic_inc(&ring->maps);"
    assert finding.message.startswith("atomic_inc() a second time")
    assert finding.line == _TEXT[: _TEXT.index("%(more)s")].count("\n") + 1


@pytest.mark.parametrize(
    ("more", "close"),
    [
        ("", _ONCE),
        ("\tkref_get(&ring->kref);", "atomic_dec(&ring->maps);\n\tkref_put(&ring->kref, gone);"),
        ("\tatomic_inc(&ring->maps);\n\tatomic_dec(&ring->maps);", _ONCE),
        ("\tatomic_inc(&ring->maps);", "atomic_dec(&ring->maps);\n\tatomic_dec(&ring->maps);"),
        ("\tatomic_inc(&ring->maps);", "atomic_sub(2, &ring->maps);\n\tatomic_dec(&ring->maps);"),
        ("\tatomic_inc(&ring->maps);", "ring_gone(ring);"),
    ],
    ids=["once", "another", "given back", "twice", "two", "elsewhere"],
)
def test_what_is_given_back_as_often(more: str, close: str) -> None:
    assert _found(more, close) == []
