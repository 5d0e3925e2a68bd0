# SPDX-License-Identifier: GPL-2.0-only
"""Hooks whose helpers lie in other files, each version with its own text of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from premap.csource.scope import Scope
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.equivalence.callbacks import link
from premap.equivalence.comparison import verify
from premap.equivalence.outcome import Side
from premap.records import Verdict

HOOK = """
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_DONTDUMP);
	return ring_set_up(file->private_data, vma);
}
"""
NEW_HOOK = """
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	vma_desc_set_flags(desc, VMA_DONTDUMP_BIT);
	return ring_set_up_prepare(desc->file->private_data, desc);
}
"""
HELPER = """
int ring_set_up(struct ring *ring, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff > 3)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND);
	return 0;
}
"""
NEW_HELPER = """
int ring_set_up_prepare(struct ring *ring, struct vm_area_desc *desc)
{
	if (desc->pgoff > 3)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	return 0;
}
"""


def linked(*texts: str) -> list[SourceFile]:
    """Return files of a driver that call each other's functions; the names are always the same."""
    files = [SourceFile(f"drivers/ring/{n}.c", text.encode()) for n, text in enumerate(texts)]
    link(files)
    return files


def compared(helper: str, new_helper: str, tree: KernelTree | None) -> Verdict:
    old, new = linked(HOOK, helper), linked(NEW_HOOK, new_helper)
    return verify(
        Side("ring_mmap", old[0].functions["ring_mmap"], "mmap", tree, tables=old),
        Side("ring_mmap_prepare", new[0].functions["ring_mmap_prepare"], "mmap_prepare", tree),
    )


@pytest.fixture(params=[True, False], ids=["tree", "no tree"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> KernelTree | None:
    """Return a tree in which the helper is yet another one, or none."""
    if not request.param:
        return None
    (tmp_path / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 3\n", encoding="utf-8")
    (tmp_path / "Kconfig").touch()
    (tmp_path / "drivers" / "ring").mkdir(parents=True)
    for number, text in enumerate((HOOK, HELPER.replace("> 3", "> 7"))):
        place = tmp_path / "drivers" / "ring" / f"{number}.c"
        place.write_text(text, encoding="utf-8")
    return KernelTree(tmp_path)


def test_helpers_that_do_the_same(tree: KernelTree | None) -> None:
    assert compared(HELPER, NEW_HELPER, tree).status == "equivalent"


@pytest.mark.parametrize(
    ("was", "now"),
    [("> 3", ">= 3"), ("EINVAL", "EPERM"), ("DONTEXPAND", "DONTCOPY"), ("return 0", "return -5")],
)
def test_helpers_that_do_not(tree: KernelTree | None, was: str, now: str) -> None:
    assert was in NEW_HELPER
    verdict = compared(HELPER, NEW_HELPER.replace(was, now), tree)
    assert verdict.status == "different", verdict


def test_each_version_of_a_header_has_its_own_functions(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 3\n", encoding="utf-8")
    (tmp_path / "Kconfig").touch()
    text = "static inline int ring_size(void)\n{\n\treturn %d;\n}\n"
    (tmp_path / "ring.h").write_text(text % 1, encoding="utf-8")
    tree = KernelTree(tmp_path)
    files = [tree.open("ring.h"), *(SourceFile("ring.h", (text % n).encode()) for n in (2, 3))]
    bodies = [Scope(file, tree).own_functions("ring_size")[0].body.text for file in files]
    assert bodies == [b"{\n\treturn %d;\n}" % n for n in (1, 2, 3)]
