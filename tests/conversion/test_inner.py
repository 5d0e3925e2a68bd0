# SPDX-License-Identifier: GPL-2.0-only
"""A member that a hook passes its VMA on through takes a descriptor, or the hook stays (H12)."""

from __future__ import annotations

from pathlib import Path

import pytest

from premap.conversion import apply, callback_named, convert_file, planned, target_release
from premap.csource.edit import apply_edits
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.records import Conversion

HEADER = """\
struct vm_area_struct;

/**
 * struct tx_ops - what a driver provides
 * @mmap: maps; called as @mmap of the file
 */
struct tx_ops {
	int (*open)(struct tx *tx);
	int (*mmap)(struct tx *tx, struct vm_area_struct *vma);
};

struct tx {
	const struct tx_ops *ops;
	struct tx_ops own;
	struct mutex lock;
	unsigned long pages;
	unsigned int count;
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

static int slow_mmap(struct tx *tx, struct vm_area_struct *vma)
{
	return vma_pages(vma) > tx->pages ? -EINVAL : 0;
}

static const struct tx_ops slow_ops = {
	.mmap = slow_mmap,
};
"""
OTHER = """\
#include <linux/tx.h>

int other(struct tx *tx, struct vm_area_struct *vma)
{
	%s
}
"""


def converted(root: Path, core: str = CORE, **more: str) -> Conversion:
    """Return what becomes of the handler; `driver` and `other` are files, a `header` its header."""
    files = {
        "Makefile": "VERSION = 6\nPATCHLEVEL = 12\n",
        "include/linux/tx.h": more.pop("header", HEADER),
        "drivers/tx/core.c": core,
        "drivers/tx/slow.c": more.pop("driver", DRIVER),
    } | {f"drivers/tx/{name}.c": text for name, text in more.items()}
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tree = KernelTree(root)
    [found] = convert_file(tree.open("drivers/tx/core.c"), tree, "7.3")
    return found


def after(found: Conversion, root: Path, name: str) -> str:
    assert found.reason is None, found.reason
    return apply([found], SourceFile(name, (root / name).read_bytes())).decode()


def said(found: Conversion) -> str:
    assert found.reason is not None
    assert not found.edits
    assert found.reason.id == "member-call"
    return found.reason.message


class TestFollows:
    def test_the_hook_that_calls_it(self, tmp_path: Path) -> None:
        assert after(converted(tmp_path), tmp_path, "drivers/tx/core.c") == (
            "#include <linux/tx.h>\n\n"
            "static int tx_file_mmap_prepare(struct vm_area_desc *desc)\n{\n"
            "\tstruct tx *tx = desc->file->private_data;\n\n"
            "\tif (!tx->ops->mmap_prepare)\n\t\treturn -ENODEV;\n"
            "\treturn tx->ops->mmap_prepare(tx, desc);\n}\n\n"
            "static const struct file_operations tx_fops = {\n"
            "\t.mmap_prepare = tx_file_mmap_prepare,\n};\n"
        )

    def test_what_it_is_set_to(self, tmp_path: Path) -> None:
        text = after(converted(tmp_path), tmp_path, "drivers/tx/slow.c")
        assert "slow_mmap_prepare(struct tx *tx, struct vm_area_desc *desc)" in text
        assert "\t.mmap_prepare = slow_mmap_prepare,\n" in text
        assert "vma" not in text.replace("vma_desc_pages", "")

    def test_an_assignment(self, tmp_path: Path) -> None:
        driver = DRIVER.split("static const", maxsplit=1)[0] + (
            "void add(struct tx *tx)\n{\n\ttx->own.mmap = slow_mmap;\n}\n"
        )
        text = after(converted(tmp_path, driver=driver), tmp_path, "drivers/tx/slow.c")
        assert "\ttx->own.mmap_prepare = slow_mmap_prepare;\n" in text

    def test_its_declaration_and_documentation(self, tmp_path: Path) -> None:
        text = after(converted(tmp_path), tmp_path, "include/linux/tx.h")
        assert "\tint (*mmap_prepare)(struct tx *tx, struct vm_area_desc *desc);\n" in text
        assert " * @mmap_prepare: maps; called as @mmap_prepare of the file\n" in text
        assert "struct vm_area_desc;\n" in text
        assert "(*mmap)" not in text

    def test_what_asks_for_it_elsewhere(self, tmp_path: Path) -> None:
        other = OTHER % "return tx->ops && tx->ops->mmap ? 1 : 0;"
        text = after(converted(tmp_path, other=other), tmp_path, "drivers/tx/other.c")
        assert "return tx->ops && tx->ops->mmap_prepare ? 1 : 0;" in text

    def test_a_member_that_nothing_sets(self, tmp_path: Path) -> None:
        found = converted(tmp_path, driver="")
        assert "tx->ops->mmap_prepare(tx, desc)" in after(found, tmp_path, "drivers/tx/core.c")
        [note] = [each for each in found.notes if each.id == "member-retyped"]
        assert "which nothing in the tree sets" in note.message
        assert note.look

    def test_members_of_other_structures_stay(self, tmp_path: Path) -> None:
        other = (
            "struct odd_ops { int (*mmap)(struct vm_area_struct *vma); };\n"
            "static struct odd_ops odd = { .mmap = odd_mmap };\n"
            "int odd(struct odd_ops *ops, struct vm_area_struct *v)\n"
            "{\n\treturn ops->mmap(v);\n}\n"
        )
        found = converted(tmp_path, other=other)
        assert {edit.file for edit in found.edits} == {
            "drivers/tx/core.c",
            "drivers/tx/slow.c",
            "include/linux/tx.h",
        }


class TestStays:
    """Where something can't follow, nothing changes."""

    @pytest.mark.parametrize(
        "statement",
        [
            "return tx->ops->mmap(tx, vma);",
            "int (*map)(struct tx *, struct vm_area_struct *) = tx->ops->mmap;",
            "give(tx->ops->mmap);",
            "tx->own.mmap = NULL;",
            "return tx->ops->mmap == fast_mmap;",
            "tx->own.mmap = tx->ops->mmap;",
            "return offsetof(struct tx_ops, mmap);",
        ],
    )
    def test_code_uses_it_otherwise(self, tmp_path: Path, statement: str) -> None:
        said(converted(tmp_path, other=OTHER % statement))

    @pytest.mark.parametrize(
        "statement",
        [
            "dma_mmap_coherent(tx, vma);",
            "remap_vmalloc_range(vma, tx, 0);",
            "atomic_inc(&tx->count);",
            "stored = vma;",
            "tx->next->mmap(vma);",
            "vfs_mmap(tx->file, vma);",
        ],
    )
    def test_what_it_is_set_to_can_not(self, tmp_path: Path, statement: str) -> None:
        driver = DRIVER.replace("\treturn", f"\t{statement}\n\treturn")
        said(converted(tmp_path, driver=driver))

    def test_and_that_is_told(self, tmp_path: Path) -> None:
        driver = DRIVER.replace("\treturn", "\tatomic_inc(&tx->count);\n\treturn")
        text = said(converted(tmp_path, driver=driver))
        assert "struct tx_ops.mmap" in text
        assert "slow_mmap(), which is set as that at drivers/tx/slow.c:10" in text
        assert "drivers/tx/slow.c:5: atomic_inc()" in text

    @pytest.mark.parametrize(
        "table",
        [
            "static struct odd_ops odd = { .mmap = slow_mmap };",
            "static const struct tx_ops fast_ops = { .mmap = fast_mmap };",
            "static const struct tx_ops fast_ops = { .mmap = NULL };",
            "#define FAST(x) struct tx_ops x = { .mmap = x ## _mmap }",
            "int f(struct tx *tx, struct vm_area_struct *vma)\n{\n\treturn slow_mmap(tx, vma);\n}",
        ],
    )
    def test_other_tables_and_callers(self, tmp_path: Path, table: str) -> None:
        assert converted(tmp_path, driver=f"{DRIVER}\n{table}\n").reason is not None

    @pytest.mark.parametrize(
        "statements",
        [
            "int err = tx->ops->mmap(tx, vma);\n\n\ttx->count++;\n\treturn err;",
            "tx->ops->mmap(tx, vma);\n\treturn 0;",
            (
                "mutex_lock(&tx->lock);\n\terr = tx->ops->mmap(tx, vma);\n"
                "\tmutex_unlock(&tx->lock);\n\treturn err;"
            ),
            "guard(mutex)(&tx->lock);\n\treturn tx->ops->mmap(tx, vma);",
            "return tx->ops->mmap(tx, vma) ? -EAGAIN : 0;",
            "if (!tx)\n\t\treturn tx->ops->mmap(tx, NULL);\n\treturn tx->ops->mmap(tx, vma);",
        ],
    )
    def test_the_hook_does_more_with_the_result(self, tmp_path: Path, statements: str) -> None:
        core = CORE.replace("return tx->ops->mmap(tx, vma);", statements)
        assert converted(tmp_path, core).reason is not None

    def test_the_structure_has_the_new_member(self, tmp_path: Path) -> None:
        member = (
            "\tint (*mmap_prepare)(struct tx *tx, struct vm_area_desc *desc);\n};\n\nstruct tx {"
        )
        said(converted(tmp_path, header=HEADER.replace("};\n\nstruct tx {", member)))

    def test_the_structure_is_the_kernels(self, tmp_path: Path) -> None:
        core = CORE.replace("tx->ops->mmap(tx, vma)", "vma->vm_ops->mprotect(vma, 0, 0, 0)")
        assert converted(tmp_path, core).reason is not None

    def test_the_structure_is_not_known(self, tmp_path: Path) -> None:
        said(converted(tmp_path, header=HEADER.replace("struct tx_ops {", "struct ty_ops {")))

    def test_there_is_no_tree(self) -> None:
        [found] = convert_file(SourceFile("core.c", CORE.encode()), None, "7.3")
        assert found.reason is not None


class TestBelowASubsystem:
    """A hook of a subsystem's own member may pass its VMA on through another one."""

    NAME = "struct bus_ops.mmap"
    BUS = (
        "struct bus_ops {\n\tint (*mmap)(struct tx *tx, struct vm_area_struct *vma);\n};\n"
        "struct bus {\n\tconst struct bus_ops *ops;\n\tstruct tx *tx;\n};\n"
    )
    CALLS = (
        "#include <linux/fs.h>\n#include <linux/tx.h>\n\n"
        "static int bus_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
        "\tstruct bus *bus = file->private_data;\n\n\treturn bus->ops->mmap(bus->tx, vma);\n}\n"
    )

    def test_it_changes_along(self, tmp_path: Path) -> None:
        core = CORE.replace("struct file *file, ", "struct tx *tx, ")
        core = core.replace("\tstruct tx *tx = file->private_data;\n\n", "")
        core = core.replace("file_operations", "bus_ops")
        converted(tmp_path, core, header=HEADER + self.BUS, bus=self.CALLS)
        (tmp_path / "include/linux/fs.h").write_text("void compat_set_desc_from_vma(void);\n")
        tree = KernelTree(tmp_path)
        callback = planned(callback_named(self.NAME), tree, target_release("7.3", None))
        assert callback.refusal is None
        found = convert_file(tree.open("drivers/tx/core.c"), tree, "7.3", callback=callback)
        [conversion] = found
        assert "H12" in conversion.idioms
        edits = [edit for edit in conversion.edits if edit.file == "drivers/tx/core.c"]
        text = apply_edits(core.encode(), edits).decode()
        assert "return tx->ops->mmap_prepare(tx, desc);" in text
