# SPDX-License-Identifier: GPL-2.0-only
"""A hook that passes its mapping on through a member is compared with what the tree sets it to."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from premap.conversion import convert_file
from premap.csource.tree import KernelTree
from premap.equivalence import verify_conversion
from premap.records import Conversion, Edit, Verdict

HEADER = """\
struct vm_area_struct;
struct tx_ops {
	int (*mmap)(struct tx *tx, struct vm_area_struct *vma);
};

struct tx {
	const struct tx_ops *ops;
	unsigned long pages;
	void *own;
};
"""
CORE = """\
#include <linux/tx.h>

static int tx_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct tx *tx = file->private_data;

	if (!tx->ops->mmap)
		return -ENODEV;
	return tx->ops->mmap(tx, vma);
}

static const struct file_operations tx_fops = {
	.mmap = tx_file_mmap,
};
"""
DRIVER = """\
#include <linux/tx.h>

static const struct vm_operations_struct NAME_vm_ops = {
	.fault = NAME_fault,
};

struct NAME { unsigned long OFFSETpages; };

static int NAME_mmap(struct tx *tx, struct vm_area_struct *vma)
{
	struct NAME *own = tx->own;

	if (vma_pages(vma) > own->pages)
		return -EINVAL;
	vma->vm_ops = &NAME_vm_ops;
	vm_flags_set(vma, VM_DONTEXPAND);
	return 0;
}

static const struct tx_ops NAME_ops = {
	.mmap = NAME_mmap,
};
"""


def conversion(root: Path, *drivers: str) -> tuple[Conversion, KernelTree]:
    files = {
        "Makefile": "VERSION = 6\nPATCHLEVEL = 12\n",
        "include/linux/tx.h": HEADER,
        "drivers/tx/core.c": CORE,
    } | {f"drivers/{name}/{name}.c": DRIVER.replace("NAME", name) for name in drivers}
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("OFFSET", "a, " if "slow" in name else ""))
    tree = KernelTree(root)
    [found] = convert_file(tree.open("drivers/tx/core.c"), tree, "7.3")
    assert found.reason is None, found.reason
    return found, tree


def verdict(found: Conversion, tree: KernelTree) -> Verdict:
    return verify_conversion(found, tree.open("drivers/tx/core.c"), tree)


def changed(found: Conversion, old: bytes, new: bytes) -> Conversion:
    """Return the conversion with a mistake in one of its edits."""
    edits = tuple(
        Edit(edit.file, edit.start, edit.end, edit.new.replace(old, new)) for edit in found.edits
    )
    assert edits != found.edits
    return replace(found, edits=edits)


class TestThrough:
    def test_what_it_is_set_to_is_run(self, tmp_path: Path) -> None:
        found, tree = conversion(tmp_path, "fast")
        said = verdict(found, tree)
        assert said.status in {"equivalent", "equivalent-except"}, said.reason
        assert any("tx_ops.mmap is fast_mmap()" in each for each in said.bounds)

    def test_each_of_several_is(self, tmp_path: Path) -> None:
        found, tree = conversion(tmp_path, "fast", "slow")
        said = verdict(found, tree)
        assert said.status in {"equivalent", "equivalent-except"}, said.reason
        assert any("fast_mmap()" in each for each in said.bounds)
        assert any("slow_mmap()" in each for each in said.bounds)

    def test_a_mistake_in_one_of_them_is_found(self, tmp_path: Path) -> None:
        found, tree = conversion(tmp_path, "fast", "slow")
        wrong = changed(found, b"\tdesc->vm_ops = &slow_vm_ops;\n", b"")
        assert verdict(wrong, tree).status == "different"

    def test_a_mistake_in_the_test_of_the_member_is_found(self, tmp_path: Path) -> None:
        found, tree = conversion(tmp_path, "fast")
        wrong = changed(found, b"!tx->ops->mmap_prepare", b"tx->ops->mmap_prepare")
        assert verdict(wrong, tree).status == "different"

    def test_none_sets_it(self, tmp_path: Path) -> None:
        found, tree = conversion(tmp_path)
        said = verdict(found, tree)
        assert said.status in {"equivalent", "equivalent-except"}, said.reason
        assert "nothing sets struct tx_ops.mmap, as in the tree" in said.bounds
        wrong = changed(found, b"return -ENODEV", b"return -EPERM")
        assert verdict(wrong, tree).status == "different"
