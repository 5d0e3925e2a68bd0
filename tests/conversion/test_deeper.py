# SPDX-License-Identifier: GPL-2.0-only
"""Of several reasons not to convert a handler, the one that is left when others are seen to."""

from __future__ import annotations

from pathlib import Path

import pytest

from premap.conversion import convert_file
from premap.csource.tree import KernelTree
from premap.records import Reason

TABLE = """
static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
"""
DRIVER = """
static const struct drm_driver ring_driver = {
	.fops = &ring_fops,
};
"""
FRAMEWORK = "struct drm_driver has a fops->mmap()"
OWN = "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\nBODY\n}\n"
CORE = """\
int ring_core_mmap(struct ring *ring, struct vm_area_struct *vma)
{
	BODY
}
"""


@pytest.fixture
def tree(tmp_path: Path) -> KernelTree:
    (tmp_path / "include/linux").mkdir(parents=True)
    (tmp_path / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 12\n")
    return KernelTree(tmp_path)


def put(tree: KernelTree, name: str, text: str) -> None:
    path = tree.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def reason(tree: KernelTree, text: str, name: str = "drivers/gpu/ring/file.c") -> Reason:
    put(tree, name, text)
    [found] = convert_file(tree.open(name), tree, "7.3")
    assert found.reason is not None
    return found.reason


class TestFramework:
    """That a framework calls the member itself is said alone where nothing else stands in the way.

    It could be changed; what a function does with its VMA is left then.
    """

    def hook(self, tree: KernelTree, body: str) -> Reason:
        return reason(tree, OWN.replace("BODY", body) + TABLE + DRIVER)

    def test_alone(self, tree: KernelTree) -> None:
        found = self.hook(tree, "vma->vm_ops = &ring_vm_ops;\nreturn 0;")
        assert found.id == "framework-calls-mmap"
        assert found.message == FRAMEWORK

    def test_what_the_hook_calls_comes_first(self, tree: KernelTree) -> None:
        found = self.hook(tree, "return dma_mmap_coherent(ring, vma, a, b, c);")
        assert found.id == "dma-population"
        assert found.message.endswith(f"; besides, {FRAMEWORK}")

    def test_so_does_what_a_helper_of_another_subsystem_calls(self, tree: KernelTree) -> None:
        body = "int ret = ring->map(ring, vma);\n\treturn ret;"
        put(tree, "lib/core.c", CORE.replace("BODY", body))
        found = self.hook(tree, "return ring_core_mmap(file->private_data, vma);")
        assert found.id == "member-call"
        assert found.message.startswith("lib/core.c:3: ring->map() is given the VMA")

    def test_so_does_an_object_that_a_lock_keeps(self, tree: KernelTree) -> None:
        put(
            tree,
            "drivers/gpu/ring/ring.h",
            "int ring_fault(struct vm_area_struct *vma);\n\n"
            "static inline struct ring *ring_get(struct ring *ring)\n{\n"
            "\treturn kref_get_unless_zero(&ring->kref) ? ring : NULL;\n}\n",
        )
        body = "struct ring *ring = ring_get(find(vma->vm_pgoff));\n\nreturn ring ? 0 : -EINVAL;"
        found = self.hook(tree, body)
        assert found.id == "lock-keeps-object"

    def test_a_count_does_not(self, tree: KernelTree) -> None:
        assert self.hook(tree, "atomic_inc(&count);\nreturn 0;").id == "framework-calls-mmap"

    def test_nor_does_a_helper_that_converts(self, tree: KernelTree) -> None:
        put(tree, "lib/core.c", CORE.replace("BODY", "return vma->vm_pgoff ? -EINVAL : 0;"))
        found = self.hook(tree, "return ring_core_mmap(file->private_data, vma);")
        assert found.id == "framework-calls-mmap"


class TestMacro:
    """The same of a macro that defines the table."""

    MACRO = (
        "#define RING_FOPS(name) \\\n\tstatic const struct file_operations name = { \\\n"
        "\t\t.mmap = ring_mmap, \\\n\t}\n"
    )

    def test_what_the_hook_calls_comes_first(self, tree: KernelTree) -> None:
        found = reason(tree, OWN.replace("BODY", "return vfs_mmap(lower, vma);") + self.MACRO)
        assert found.id == "stacked-file"
        assert "the macro RING_FOPS defines the table" in found.message

    def test_alone(self, tree: KernelTree) -> None:
        found = reason(tree, OWN.replace("BODY", "return 0;") + self.MACRO)
        assert found.id == "macro-table"


class TestOthersThatNameIt:
    """The same of other tables, and of code that is not seen."""

    def test_another_table(self, tree: KernelTree) -> None:
        other = "\nstatic const struct bell_ops bell_ops = {\n\t.mmap = ring_mmap,\n};\n"
        text = OWN.replace("BODY", "return remap_vmalloc_range(vma, ring, 0);") + TABLE + other
        put(tree, "drivers/gpu/ring/file.c", text)
        first, _ = convert_file(tree.open("drivers/gpu/ring/file.c"), tree, "7.3")
        assert first.reason is not None
        assert first.reason.id == "vmalloc-population"
        assert "a struct bell_ops names ring_mmap(), too" in first.reason.message

    def test_another_table_alone(self, tree: KernelTree) -> None:
        other = "\nstatic const struct bell_ops bell_ops = {\n\t.mmap = ring_mmap,\n};\n"
        put(tree, "drivers/gpu/ring/file.c", OWN.replace("BODY", "return 0;") + TABLE + other)
        first, _ = convert_file(tree.open("drivers/gpu/ring/file.c"), tree, "7.3")
        assert first.reason is not None
        assert first.reason.id == "second-table"

    def test_a_caller_of_the_helper(self, tree: KernelTree) -> None:
        put(tree, "lib/core.c", CORE.replace("BODY", "return ring->map(ring, vma);"))
        put(
            tree,
            "include/linux/core.h",
            "int ring_core_mmap(struct ring *, struct vm_area_struct *);",
        )
        put(tree, "lib/other.c", "int f(struct vm_fault *v)\n{\n\tring_core_mmap(r, v->vma);\n}\n")
        found = reason(
            tree, OWN.replace("BODY", "return ring_core_mmap(r, vma);") + TABLE, "lib/ring.c"
        )
        assert found.id == "member-call"


class TestUnknownHelper:
    """A helper that no idiom knows is said to be one only if a twin would do for it."""

    def test_that_hands_the_vma_on(self, tree: KernelTree) -> None:
        put(
            tree,
            "mm/reserve.c",
            "int mm_reserve(struct file *file, struct vm_area_struct *vma)\n{\n"
            "\tstruct map *map = kmalloc(8, GFP_KERNEL);\n\tmap->vma = vma;\n\treturn 0;\n}\n",
        )
        found = reason(tree, self.CALL)
        assert found.id == "vma-stored"
        assert found.message == "mm/reserve.c:4: `map->vma` keeps the VMA"

    CALL = OWN.replace("BODY", "return mm_reserve(file, vma);") + TABLE

    def test_that_allocates(self, tree: KernelTree) -> None:
        put(
            tree,
            "mm/reserve.c",
            "static struct map *map_alloc(void)\n{\n\treturn kmalloc(8, GFP_KERNEL);\n}\n\n"
            "int mm_reserve(struct file *file, struct vm_area_struct *vma)\n{\n"
            "\tvma->vm_private_data = map_alloc();\n\treturn 0;\n}\n",
        )
        found = reason(tree, self.CALL)
        assert found.id == "allocates"
        assert found.message.startswith(
            "mm/reserve.c:6: mm_reserve() calls map_alloc() calls kmalloc()"
        )

    def test_that_gives_it_to_a_macro_with_a_pointer(self, tree: KernelTree) -> None:
        macro = "#define call_map(r, ...) ((r)->ops->map((r), __VA_ARGS__))\n\n"
        text = (
            "int mm_reserve(struct file *file, struct vm_area_struct *vma)\n{\n"
            "\treturn call_map(ring, vma);\n}\n"
        )
        put(tree, "mm/reserve.c", macro + text)
        found = reason(tree, self.CALL)
        assert found.id == "member-call"

    def test_that_only_reads(self, tree: KernelTree) -> None:
        put(
            tree,
            "mm/reserve.c",
            "int mm_reserve(struct file *file, struct vm_area_struct *vma)\n{\n"
            "\treturn vma->vm_pgoff ? -EINVAL : 0;\n}\n",
        )
        assert reason(tree, self.CALL).id == "unknown-helper"


def test_of_several_helpers_the_first_is_said(tree: KernelTree) -> None:
    """As they are called: what undoes a failure comes last."""
    helper = "static int HOW(struct vm_area_struct *vma)\n{\n\treturn BODY;\n}\n\n"
    first = helper.replace("HOW", "ring_get").replace("BODY", "dma_mmap_coherent(dev, vma, a, b)")
    last = helper.replace("HOW", "ring_undo").replace("BODY", "vfs_mmap(lower, vma)")
    body = "if (ring_get(vma))\n\treturn ring_undo(vma);\nreturn 0;"
    for text in (first + last, last + first):
        assert reason(tree, text + OWN.replace("BODY", body) + TABLE).id == "dma-population"
