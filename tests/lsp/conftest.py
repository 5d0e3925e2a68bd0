# SPDX-License-Identifier: GPL-2.0-only
"""Sources and sessions for the tests of the language server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.files import write_files
from tests.lsp.client import Editor

DRIVER = """\
#include <linux/fs.h>
#include <linux/mm.h>

static const struct vm_operations_struct dev_vm_ops = { };

static int dev_mmap(struct file *file, struct vm_area_struct *vma)
{
\tvm_flags_set(vma, VM_DONTEXPAND);
\tvma->vm_ops = &dev_vm_ops;
\treturn 0;
}

static const struct file_operations dev_fops = {
\t.mmap = dev_mmap,
};
"""
"""A handler that converts."""

TREE = {
    "Makefile": "VERSION = 7\nPATCHLEVEL = 3\n",
    "include/linux/mm.h": """\
struct vm_area_desc;
DECLARE_VMA_BIT(READ, 0)
DECLARE_VMA_BIT(DONTEXPAND, 18)
void vma_desc_set_flags(struct vm_area_desc *desc, ...);
void mmap_action_remap(struct vm_area_desc *desc);
""",
    "include/linux/fs.h": "struct file_operations { int (*mmap)(void); };\n",
    "drivers/char/dev.h": "#define DEV_PAGES 4\n",
    "drivers/char/dev.c": '#include "dev.h"\n' + DRIVER,
}
"""The little of a kernel that the tests need."""


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    """Return a session that the tests of a file share."""
    with Editor() as session:
        yield session
    assert session.errors == b""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return the root of a small tree."""
    write_files(tmp_path, TREE)
    return tmp_path
