# SPDX-License-Identifier: GPL-2.0-only
"""What rules say of the files beside a hook's, in a small tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.rules import check_file

HOOK = """\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "include/linux").mkdir(parents=True)
    (tmp_path / "drivers/ring").mkdir(parents=True)
    (tmp_path / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 3\n")
    (tmp_path / "drivers/ring/ring.c").write_text(HOOK)
    return tmp_path


def _mentions(root: Path, before: SourceFile | None = None) -> list[tuple[str, int]]:
    tree = KernelTree(root)
    found = check_file(tree.open("drivers/ring/ring.c"), tree, "7.3", before).findings
    return [(each.file, each.line) for each in found if each.rule == "R27"]


class TestMentions:
    """R27."""

    def test_a_comment_of_a_header_beside(self, tree: Path) -> None:
        text = "/* vm_area_struct */\nint x; /* set by ring_mmap() */\n"
        (tree / "drivers/ring/ring.h").write_text(text)
        assert _mentions(tree) == [("drivers/ring/ring.h", 2)]

    def test_documentation_of_what_a_patch_renames(self, tree: Path) -> None:
        folder = tree / "Documentation/driver-api/ring"
        folder.mkdir(parents=True)
        (folder / "index.rst").write_text(
            "The ring\n========\n\nSee ring_mmap() (not ring_mmaps).\n"
        )
        before = SourceFile("drivers/ring/ring.c", HOOK.replace("_prepare", "").encode())
        assert _mentions(tree) == []
        assert _mentions(tree, before) == [("Documentation/driver-api/ring/index.rst", 4)]

    def test_documentation_of_a_name_that_was_gone_before(self, tree: Path) -> None:
        (tree / "Documentation").mkdir()
        (tree / "Documentation/ring.txt").write_text("ring_mmap()\n")
        before = SourceFile("drivers/ring/ring.c", HOOK.encode())
        assert _mentions(tree, before) == []

    def test_a_longer_name_is_another_one(self, tree: Path) -> None:
        (tree / "drivers/ring/ring.h").write_text("/* vm_area_struct, string_mmap_all() */\n")
        assert _mentions(tree) == []

    def test_a_function_of_that_name_beside(self, tree: Path) -> None:
        text = "/* as ring_mmap() */\nint ring_mmap(struct vm_area_struct *vma) { return 0; }\n"
        (tree / "drivers/ring/other.c").write_text(text)
        assert _mentions(tree) == []


COUNTING = """\
#include "ring.h"

void ring_open(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	ring->users++;
}

void ring_close(struct vm_area_struct *vma)
{
	struct ring *ring = vma->vm_private_data;

	ring->users--;
}
"""
TABLE = """\

const struct vm_operations_struct ring_vm_ops = {
	.open = ring_open,
	.close = ring_close,
};
"""
SHARED_HEADER = """\
struct ring { int users; };
extern const struct vm_operations_struct ring_vm_ops;
void ring_open(struct vm_area_struct *vma);
void ring_close(struct vm_area_struct *vma);
int ring_core_mmap_prepare(struct vm_area_desc *desc);
"""
SETTING = """\
	desc->private_data = desc->file->private_data;
	desc->vm_ops = &ring_vm_ops;
	return 0;
"""
NEVER_TAKEN = "->close gives back what nothing has taken: there is no ->mapped"


class TestCallbacks:
    """R14 and R15, of callbacks that lie in other files."""

    def found(self, root: Path, rule: str, **files: str) -> list[tuple[str, int, str]]:
        folder = root / "drivers/ring"
        (folder / "ring.h").write_text(SHARED_HEADER)
        for name, text in files.items():
            (folder / f"{name}.c").write_text(text)
        tree = KernelTree(root)
        checked = check_file(tree.open("drivers/ring/ring.c"), tree, "7.3")
        return [(f.file, f.line, f.message) for f in checked.findings if f.rule == rule]

    def hook(self, more: str = "", body: str = SETTING) -> str:
        return '#include "ring.h"\n' + more + HOOK.replace("\treturn 0;\n", body)

    def test_a_table_beside(self, tree: Path) -> None:
        found = self.found(tree, "R14", ring=self.hook(), core=COUNTING + TABLE)
        assert found == [
            ("drivers/ring/ring.c", 2, f"{NEVER_TAKEN} (ring_close(), drivers/ring/core.c:10)")
        ]

    def test_callbacks_beside(self, tree: Path) -> None:
        table = TABLE.replace("const", "static const", 1).replace("ring_vm_ops", "own_vm_ops")
        hook = self.hook(table, SETTING.replace("ring_vm_ops", "own_vm_ops"))
        found = self.found(tree, "R14", ring=hook, core=COUNTING)
        assert [message.partition(" (")[0] for _, _, message in found] == [NEVER_TAKEN]

    def test_a_helper_beside_sets_them(self, tree: Path) -> None:
        body = "\treturn ring_core_mmap_prepare(desc);\n"
        core = "int ring_core_mmap_prepare(struct vm_area_desc *desc)\n{\n" + SETTING + "}\n"
        found = self.found(tree, "R14", ring=self.hook(body=body), core=COUNTING + TABLE + core)
        assert [message.partition(" (")[0] for _, _, message in found] == [NEVER_TAKEN]

    def test_where_mapped_takes_it(self, tree: Path) -> None:
        mapped = (
            "int ring_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,\n"
            "\t\tconst struct file *file, void **vm_private_data)\n"
            "{\n\tstruct ring *ring = *vm_private_data;\n\n\tring->users++;\n\treturn 0;\n}\n"
        )
        table = TABLE.replace("\t.open", "\t.mapped = ring_mapped,\n\t.open")
        core = COUNTING + mapped + table
        assert self.found(tree, "R14", ring=self.hook(), core=core) == []
        assert self.found(tree, "R15", ring=self.hook(), core=core) == []

    def test_a_static_table_of_that_name_is_another_one(self, tree: Path) -> None:
        core = COUNTING + TABLE.replace("const", "static const", 1)
        assert self.found(tree, "R14", ring=self.hook(), core=core) == []

    def test_what_is_nowhere_is_not_told_of(self, tree: Path) -> None:
        assert self.found(tree, "R14", ring=self.hook()) == []

    def test_mapped_beside_that_gives_a_count(self, tree: Path) -> None:
        mapped = (
            "int ring_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,\n"
            "\t\tconst struct file *file, void **vm_private_data)\n{\n\treturn 1;\n}\n"
        )
        table = TABLE.replace("\t.open", "\t.mapped = ring_mapped,\n\t.open")
        found = self.found(tree, "R15", ring=self.hook(), core=mapped + COUNTING + table)
        assert [(file, line) for file, line, _ in found] == [("drivers/ring/ring.c", 2)]
        assert found[0][2].endswith("(ring_mapped(), drivers/ring/core.c:4)")


FRAMEWORK_HOOK = """\
#include "ring.h"
int ring_port_mmap(struct ring_port *port, struct vm_area_struct *vma)
{
	mutex_lock(&port->lock);
	if (vma->vm_pgoff)
		return -EINVAL;
	mutex_unlock(&port->lock);
	return 0;
}
"""
FRAMEWORK_HEADER = """\
struct vm_area_struct { unsigned long vm_pgoff; };
struct ring_port { struct mutex lock; };
struct ring_port_ops {
	int (*mmap)(struct ring_port *port, struct vm_area_struct *vma);
};
int ring_port_mmap(struct ring_port *port, struct vm_area_struct *vma);
"""
FRAMEWORK_TABLE = """\
#include "ring.h"
static const struct ring_port_ops ring_port_ops = {
	.mmap = ring_port_mmap,
};
"""


class TestTablesElsewhere:
    """Hooks of frameworks, whose type does not tell what they are, and whose table another has."""

    def found(self, root: Path, hook: str, table: str | None) -> list[tuple[str, int]]:
        folder = root / "drivers/ring"
        (folder / "ring.h").write_text(FRAMEWORK_HEADER)
        (folder / "ring.c").write_text(hook)
        if table is not None:
            (folder / "main.c").write_text(table)
        tree = KernelTree(root)
        checked = check_file(tree.open("drivers/ring/ring.c"), tree, "7.3")
        return [(f.file, f.line) for f in checked.findings if f.rule == "R02"]

    def test_are_checked_with_the_file_that_defines_them(self, tree: Path) -> None:
        found = self.found(tree, FRAMEWORK_HOOK, FRAMEWORK_TABLE)
        assert found == [("drivers/ring/ring.c", 6)]

    def test_without_a_table_it_may_be_any_function(self, tree: Path) -> None:
        assert self.found(tree, FRAMEWORK_HOOK, None) == []

    def test_a_static_function_is_not_what_another_file_names(self, tree: Path) -> None:
        hook = FRAMEWORK_HOOK.replace("int ring_port", "static int ring_port")
        assert self.found(tree, hook, FRAMEWORK_TABLE) == []

    def test_what_its_own_file_calls_is_a_helper(self, tree: Path) -> None:
        caller = (
            "int ring_all(struct ring_port *port, struct vm_area_struct *vma)\n"
            "{\n\treturn ring_port_mmap(port, vma);\n}\n"
        )
        assert self.found(tree, FRAMEWORK_HOOK + caller, FRAMEWORK_TABLE) == []

    def test_the_table_of_another_function(self, tree: Path) -> None:
        table = FRAMEWORK_TABLE.replace("ring_port_mmap", "ring_port_mmap_all")
        assert self.found(tree, FRAMEWORK_HOOK, table) == []

    def test_the_files_own_table_is_found_as_before(self, tree: Path) -> None:
        table = FRAMEWORK_TABLE.partition("\n")[2]
        assert self.found(tree, FRAMEWORK_HOOK + table, None) == [("drivers/ring/ring.c", 6)]


def rules_of_driver(tree: Path, text: str, depends: str) -> set[str]:
    """Return the rules that are loud about a driver, which Kconfig has depend on something."""
    (tree / "drivers/ring/ring.c").write_text(text)
    (tree / "drivers/Makefile").write_text("obj-y += ring/\n")
    (tree / "drivers/ring/Makefile").write_text("obj-$(CONFIG_RING) += ring.o\n")
    (tree / "Kconfig").write_text(f'config RING\n\tbool "Ring"\n\tdepends on {depends}\n')
    kernel = KernelTree(tree)
    found = check_file(kernel.open("drivers/ring/ring.c"), kernel, "7.2").findings
    return {each.rule for each in found if each.level != "note"}


class TestOnlyFor64Bits:
    """R25: of a driver that 32-bit kernels may not have."""

    HOOK = """\
static int ring_map(struct vm_area_desc *desc)
{
	vma_desc_set_flags(desc, VMA_ALLOW_ANY_UNCACHED_BIT);
	return 0;
}

static const struct file_operations ring_fops = { .mmap_prepare = ring_map };
"""

    @pytest.mark.parametrize(
        ("depends", "expected"), [("64BIT", set()), ("64BIT || COMPILE_TEST", {"R25"})]
    )
    def test_bits_above_31(self, tree: Path, depends: str, expected: set[str]) -> None:
        assert rules_of_driver(tree, self.HOOK, depends) == expected


class TestOnlyWithAnMmu:
    """R31: of a driver that kernels without an MMU may not have."""

    HOOK = """\
static int ring_map(struct vm_area_desc *desc)
{
	if (desc->pgoff || vma_desc_is_cow_mapping(desc))
		return -EINVAL;
	mmap_action_remap_full(desc, 0x1000);
	return 0;
}

static unsigned int ring_capabilities(struct file *file)
{
	return NOMMU_MAP_DIRECT;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_map,
	.mmap_capabilities = ring_capabilities,
};
"""

    @pytest.mark.parametrize(("depends", "found"), [("MMU", False), ("MMU || PCI", True)])
    def test_an_action(self, tree: Path, depends: str, found: bool) -> None:
        assert ("R31" in rules_of_driver(tree, self.HOOK, depends)) is found
