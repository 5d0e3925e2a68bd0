# SPDX-License-Identifier: GPL-2.0-only
"""What a hook took for its mapping, and ->mapped() takes: as it was, and with a mistake planted."""

from __future__ import annotations

import pytest

from premap.csource.source import SourceFile
from premap.equivalence import verify_functions
from premap.records import Verdict

COMMON = """
struct dev { int n; };
struct ring { struct dev dev; struct dev other; struct dev *(*find)(struct ring *ring); };
static void ring_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_file->private_data;

	put_device(&ring->dev);
}
"""
OLD = (
    COMMON
    + """
static const struct vm_operations_struct ring_vm_ops = { .close = ring_close };
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;

	ring->find(ring);
	file_accessed(file);
	get_device(&ring->dev);
	vm_flags_set(vma, VM_IO);
	vma->vm_ops = &ring_vm_ops;
	return 0;
}
"""
)
NEW = (
    COMMON
    + """
static int ring_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
			const struct file *file, void **vm_private_data)
{
	struct ring *ring = file->private_data;

	get_device(&ring->dev);
	return 0;
}
static const struct vm_operations_struct ring_vm_ops = {
	.close = ring_close, .mapped = ring_mapped,
};
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;

	ring->find(ring);
	file_accessed(desc->file);
	vma_desc_set_flags(desc, VMA_IO_BIT);
	desc->vm_ops = &ring_vm_ops;
	return 0;
}
"""
)


def verdict(new: str) -> Verdict:
    files = [SourceFile("ring.c", text.encode()) for text in (OLD, new)]
    return verify_functions((files[0], "ring_mmap"), (files[1], "ring_mmap_prepare"))


def test_taken_later_is_accepted_for_a_person_to_judge():
    found = verdict(NEW)
    assert found.status == "equivalent-except"
    [moved] = [each for each in found.differences if each.id == "taken-in-mapped"]
    assert moved.judgement


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("get_device(&ring->dev);", "get_device(&ring->other);"),
        ("get_device(&ring->dev);", "get_device(&ring->dev);\n\tget_device(&ring->dev);"),
        ("get_device(&ring->dev);", ""),
        ("get_device(&ring->dev);", "put_device(&ring->dev);"),
        ("file_accessed(desc->file);", "get_device(&ring->dev);"),
        ("vma_desc_set_flags(desc, VMA_IO_BIT);", ""),
        ("file_accessed(desc->file);", ""),
        ("ring->find(ring);", ""),
    ],
)
def test_a_mistake_is_a_difference(old: str, new: str):
    assert NEW.count(old) == 1
    assert verdict(NEW.replace(old, new)).status == "different"
