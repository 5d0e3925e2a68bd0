# SPDX-License-Identifier: GPL-2.0-only
"""A small kernel tree of our own, with every way in which an mmap member is set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.files import write_files

FILES = {
    "Makefile": "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\n",
    "MAINTAINERS": """\
List of maintainers

ROOM DRIVERS
M:	Ada Room <ada@example.org>
F:	drivers/room/

THE REST
M:	Chief <chief@example.org>
L:	all@example.org
S:	Buried alive in reporters
F:	*
F:	*/
""",
    "include/linux/fs.h": """\
struct file;
struct vm_area_struct;
struct vm_area_desc;
struct file_operations {
	int (*open)(struct file *);
	int (*mmap)(struct file *, struct vm_area_struct *);
	int (*mmap_prepare)(struct vm_area_desc *);
};
struct file {
	const struct file_operations *f_op;
};
""",
    "include/linux/room.h": """\
struct room;
struct vm_area_struct;
struct room_ops {
	int (*room_mmap)(struct room *room, struct vm_area_struct *vma);
	int (*mmap_count)(struct room *room);
};
struct room {
	const struct room_ops *ops;
};
int room_common_mmap(struct file *file, struct vm_area_struct *vma);
#define ROOM_FOPS(name) \\
	static const struct file_operations name = { \\
		.mmap = room_common_mmap, \\
	}
""",
    "drivers/room/core.c": """\
#include <linux/fs.h>
#include <linux/room.h>

/* .mmap = nothing, in a comment */
int room_common_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct room *room = file->private_data;

	return room->ops->room_mmap(room, vma);
}

static const struct file_operations room_fops = {
	.mmap = room_common_mmap,
};
""",
    "drivers/room/cupboard.c": """\
#include <linux/fs.h>
#include <linux/room.h>

static int cupboard_mmap(struct room *room, struct vm_area_struct *vma)
{
	return remap_pfn_range(vma, vma->vm_start, 7, 4096, vma->vm_page_prot);
}

static int cupboard_count(struct room *room)
{
	return 1;
}

static const struct room_ops cupboard_ops = {
	.room_mmap = cupboard_mmap,
	.mmap_count = cupboard_count,
};

static struct file_operations changing;

static int set_up(void)
{
	changing.mmap = room_common_mmap;
	return 0;
}
""",
    "drivers/room/door.c": """\
#include <linux/fs.h>

static const struct vm_operations_struct door_vm_ops = {};

static int door_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &door_vm_ops;
	return 0;
}

static int old_mmap(struct file *file, struct vm_area_struct *vma)
{
	return -ENODEV;
}

static const struct file_operations door_fops = {
#ifdef CONFIG_DOOR
	.mmap = door_mmap,
#else
	.mmap = old_mmap,
#endif
};

static const struct file_operations no_fops = {
	.mmap = NULL,
};
""",
    "drivers/room/window.c": """\
#include <linux/fs.h>

static int window_mmap_prepare(struct vm_area_desc *desc)
{
	return 0;
}

static const struct file_operations window_fops = {
	.mmap_prepare = window_mmap_prepare,
};

int window_can(struct file *file)
{
	if (!file->f_op->mmap)
		return 0;
	return 1;
}
""",
    "tools/lib/other.c": """\
struct other { int (*mmap)(int); };
static struct other other = { .mmap = other_mmap };
""",
}


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """Write the tree; return its root."""
    root = tmp_path / "linux"
    write_files(root, FILES)
    return root


@pytest.fixture
def change(small_tree: Path) -> Callable[[str, str, str], None]:
    """Replace text in a file of the tree."""

    def replace(name: str, old: str, new: str) -> None:
        path = small_tree / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return replace
