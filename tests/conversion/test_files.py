# SPDX-License-Identifier: GPL-2.0-only
"""Conversions that change several files of a tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from premap.conversion import apply, convert_file, convert_named_elsewhere
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.equivalence.api import verify_conversion
from premap.records import Conversion

HANDLER = """\
#include "ring.h"

int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &ring_vm_ops;
	return 0;
}
EXPORT_SYMBOL_GPL(ring_mmap);
"""
TABLE = """\
#include "ring.h"

const struct file_operations ring_fops = {
	.open = ring_open,
	.mmap = ring_mmap,
};
"""
HEADER = "int ring_mmap(struct file *file, struct vm_area_struct *vma);\n"
CALL = """\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	return ring_core_mmap(file->private_data, vma);
}

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
"""
CORE = """\
int ring_core_mmap(struct ring *ring, struct vm_area_struct *vma)
{
	return vma_pages(vma) > ring->pages ? -EINVAL : 0;
}
"""
CORE_HEADER = "int ring_core_mmap(struct ring *ring, struct vm_area_struct *vma);\n"


@pytest.fixture
def tree(tmp_path: Path) -> KernelTree:
    (tmp_path / "include/linux").mkdir(parents=True)
    (tmp_path / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 12\n")
    return KernelTree(tmp_path)


def put(tree: KernelTree, **files: str) -> None:
    """Write files: `drivers__ring__ring_c` is drivers/ring/ring.c."""
    for name, text in files.items():
        path = tree.root / (name.replace("__", "/")[:-2] + "." + name[-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def convert(tree: KernelTree, name: str) -> Conversion:
    [found] = convert_file(tree.open(name), tree, "7.3")
    return found


def after(found: Conversion, tree: KernelTree, name: str) -> str:
    assert found.reason is None, found.reason
    return apply([found], tree.open(name)).decode()


def reason(found: Conversion) -> str:
    assert found.reason is not None
    assert not found.edits
    return found.reason.id


class TestHandlerElsewhere:
    @pytest.fixture(autouse=True)
    def files(self, tree: KernelTree) -> None:
        put(tree, fs__ring__file_c=HANDLER, fs__ring__super_c=TABLE, fs__ring__ring_h=HEADER)

    def test_definition_and_export_change(self, tree: KernelTree) -> None:
        assert after(convert(tree, "fs/ring/super.c"), tree, "fs/ring/file.c") == (
            '#include "ring.h"\n\n'
            "int ring_mmap_prepare(struct vm_area_desc *desc)\n{\n"
            "\tdesc->vm_ops = &ring_vm_ops;\n\treturn 0;\n}\n"
            "EXPORT_SYMBOL_GPL(ring_mmap_prepare);\n"
        )

    def test_prototype_changes(self, tree: KernelTree) -> None:
        found = convert(tree, "fs/ring/super.c")
        assert after(found, tree, "fs/ring/ring.h") == (
            "int ring_mmap_prepare(struct vm_area_desc *desc);\n"
        )

    def test_table_changes(self, tree: KernelTree) -> None:
        found = convert(tree, "fs/ring/super.c")
        assert "\t.mmap_prepare = ring_mmap_prepare,\n" in after(found, tree, "fs/ring/super.c")

    @pytest.mark.parametrize("where", ["rust/kernel/ring.rs", "fs/ring/table.rs"])
    def test_code_in_rust_that_names_it(self, tree: KernelTree, where: str) -> None:
        file = tree.root / where
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("fops.mmap = Some(bindings::ring_mmap_all);\n")
        assert convert(tree, "fs/ring/super.c").reason is None
        file.write_text("fops.mmap = Some(bindings::ring_mmap);\n")
        found = convert(KernelTree(tree.root), "fs/ring/super.c")
        assert reason(found) == "second-caller"
        assert found.reason is not None
        assert where in found.reason.message

    def test_another_table_changes_along(self, tree: KernelTree) -> None:
        put(tree, fs__ring__old_c=TABLE.replace("ring_fops", "old_fops"))
        found = convert(tree, "fs/ring/super.c")
        assert "\t.mmap_prepare = ring_mmap_prepare,\n" in after(found, tree, "fs/ring/old.c")
        assert found.edits == convert(tree, "fs/ring/old.c").edits

    def test_comment_elsewhere_follows(self, tree: KernelTree) -> None:
        put(tree, fs__ring__old_c="/* vma: see ring_mmap() */\n")
        found = convert(tree, "fs/ring/super.c")
        assert after(found, tree, "fs/ring/old.c") == "/* vma: see ring_mmap_prepare() */\n"

    def test_stub_of_a_header_is_an_arm(self, tree: KernelTree) -> None:
        stub = (
            "static inline int ring_mmap(struct file *file, struct vm_area_struct *vma)\n"
            "{\n\treturn -ENODEV;\n}\n"
        )
        put(tree, fs__ring__ring_h=f"#ifdef CONFIG_RING\n{HEADER}#else\n{stub}#endif\n")
        found = convert(tree, "fs/ring/super.c")
        assert after(found, tree, "fs/ring/ring.h") == (
            "#ifdef CONFIG_RING\nint ring_mmap_prepare(struct vm_area_desc *desc);\n#else\n"
            "static inline int ring_mmap_prepare(struct vm_area_desc *desc)\n"
            "{\n\treturn -ENODEV;\n}\n#endif\n"
        )

    def test_forward_declaration_follows(self, tree: KernelTree) -> None:
        put(tree, fs__ring__ring_h="struct vm_area_struct;\n\n" + HEADER)
        found = convert(tree, "fs/ring/super.c")
        assert after(found, tree, "fs/ring/ring.h").startswith("struct vm_area_desc;\n\nint")

    def test_forward_declaration_that_others_need_stays(self, tree: KernelTree) -> None:
        other = "int ring_fault(struct vm_area_struct *vma);\n"
        put(tree, fs__ring__ring_h="struct vm_area_struct;\n\n" + HEADER + other)
        found = convert(tree, "fs/ring/super.c")
        assert after(found, tree, "fs/ring/ring.h").startswith(
            "struct vm_area_desc;\nstruct vm_area_struct;\n\nint"
        )

    def test_the_file_of_the_handler_may_be_given(self, tree: KernelTree) -> None:
        [found] = convert_named_elsewhere(tree.open("fs/ring/file.c"), tree, "7.3")
        assert found == convert(tree, "fs/ring/super.c")

    def test_verdict_sees_the_definition(self, tree: KernelTree) -> None:
        operations = "static const struct vm_operations_struct ring_vm_ops = {};\n"
        put(tree, fs__ring__file_c=operations + HANDLER)
        found = convert(tree, "fs/ring/super.c")
        verdict = verify_conversion(found, tree.open("fs/ring/super.c"), tree)
        assert verdict.status == "equivalent", verdict.reason

    def test_callers_are_a_reason(self, tree: KernelTree) -> None:
        put(tree, fs__ring__old_c="int f(void)\n{\n\treturn ring_mmap(file, vma);\n}\n")
        found = convert(tree, "fs/ring/super.c")
        assert reason(found) == "second-caller"
        assert found.reason is not None
        assert "fs/ring/old.c:3" in found.reason.message

    def test_tables_of_other_types_are_a_reason(self, tree: KernelTree) -> None:
        put(tree, fs__ring__old_c=TABLE.replace("file_operations", "ring_operations"))
        assert reason(convert(tree, "fs/ring/super.c")) == "second-table"

    def test_another_table_that_can_not_change_is_a_reason(self, tree: KernelTree) -> None:
        both = TABLE.replace("\t.open = ring_open,\n", "\t.mmap_prepare = other_prepare,\n")
        put(tree, fs__ring__old_c=both.replace("ring_fops", "old_fops"))
        found = convert(tree, "fs/ring/super.c")
        assert reason(found) == reason(convert(tree, "fs/ring/old.c"))

    def test_two_definitions_are_a_reason(self, tree: KernelTree) -> None:
        put(tree, fs__ring__other_c=HANDLER)
        assert reason(convert(tree, "fs/ring/super.c")) == "defined-twice"

    def test_static_functions_of_that_name_are_others(self, tree: KernelTree) -> None:
        put(tree, fs__ring__other_c="static " + HANDLER.partition("\n\n")[2].replace("EXP", "//"))
        found = convert(tree, "fs/ring/super.c")
        assert found.reason is None
        assert "fs/ring/other.c" not in {edit.file for edit in found.edits}

    def test_no_definition_is_a_reason(self, tree: KernelTree) -> None:
        (tree.root / "fs/ring/file.c").unlink()
        assert reason(convert(tree, "fs/ring/super.c")) == "handler-elsewhere"


class TestPrototypeInInclude:
    def test_users_in_the_whole_tree_are_found(self, tree: KernelTree) -> None:
        put(tree, fs__ring__file_c=HANDLER + TABLE, include__linux__ring_h=HEADER)
        put(tree, drivers__ring__ring_c="int f(void)\n{\n\treturn ring_mmap(file, vma);\n}\n")
        assert reason(convert(tree, "fs/ring/file.c")) == "second-caller"


class TestHelperElsewhere:
    @pytest.fixture(autouse=True)
    def files(self, tree: KernelTree) -> None:
        put(tree, fs__ring__file_c=CALL, fs__ring__core_c=CORE, fs__ring__ring_h=CORE_HEADER)

    def test_it_is_converted(self, tree: KernelTree) -> None:
        found = convert(tree, "fs/ring/file.c")
        assert after(found, tree, "fs/ring/core.c") == (
            "int ring_core_mmap_prepare(struct ring *ring, struct vm_area_desc *desc)\n{\n"
            "\treturn vma_desc_pages(desc) > ring->pages ? -EINVAL : 0;\n}\n"
        )
        assert "ring_core_mmap_prepare(desc->file->private_data, desc)" in after(
            found, tree, "fs/ring/file.c"
        )

    def test_its_prototype_is_laid_out(self, tree: KernelTree) -> None:
        old = "int ring_core_mmap(struct ring_of_tens *ring, struct vm_area_struct *vma);\n"
        put(tree, fs__ring__ring_h=old)
        assert after(convert(tree, "fs/ring/file.c"), tree, "fs/ring/ring.h") == (
            "int ring_core_mmap_prepare(struct ring_of_tens *ring,\n"
            "\t\t\t   struct vm_area_desc *desc);\n"
        )

    def test_a_reason_names_its_file(self, tree: KernelTree) -> None:
        put(tree, fs__ring__core_c=CORE.replace("vma_pages(vma)", "vma->vm_lock"))
        found = convert(tree, "fs/ring/file.c")
        assert found.reason is not None
        assert found.reason.message.startswith("fs/ring/core.c:3: ")

    def test_other_callers_are_a_reason(self, tree: KernelTree) -> None:
        put(
            tree,
            fs__ring__fault_c="int f(struct vm_fault *v)\n{\n\tring_core_mmap(r, v->vma);\n}\n",
        )
        assert reason(convert(tree, "fs/ring/file.c")) == "second-caller"

    def test_hooks_of_other_files_that_call_it_change_along(self, tree: KernelTree) -> None:
        put(tree, fs__ring__old_c=CALL.replace("ring_fops", "old_fops"))
        found = convert(tree, "fs/ring/file.c")
        assert reason(found) == "defined-twice"
        put(
            tree,
            fs__ring__old_c=CALL.replace("ring_fops", "old_fops").replace("ring_mmap", "o_mmap"),
        )
        fresh = KernelTree(tree.root)
        assert "o_mmap_prepare" in after(convert(fresh, "fs/ring/file.c"), fresh, "fs/ring/old.c")

    def test_without_a_tree_it_is_unknown(self) -> None:
        [found] = convert_file(SourceFile("file.c", CALL.encode()), None, "7.3")
        assert reason(found) == "unknown-helper"


class TestSharedHelper:
    """Two hooks that pass their VMA to one helper: each has the reason that is its own."""

    OTHER = CALL.replace("ring_mmap", "other_mmap").replace("ring_fops", "other_fops")

    def convert(
        self, tree: KernelTree, other: str, own: str = CALL, core: str = CORE
    ) -> Conversion:
        put(tree, fs__ring__file_c=own, fs__ring__core_c=core, fs__ring__ring_h=CORE_HEADER)
        put(tree, fs__ring__other_c=other)
        return convert(tree, "fs/ring/file.c")

    @staticmethod
    def with_statement(text: str, statement: str) -> str:
        return text.replace("\treturn", f"\t{statement}\n\treturn")

    def test_the_other_is_named_where_it_stands_in_the_way(self, tree: KernelTree) -> None:
        found = self.convert(tree, self.with_statement(self.OTHER, "dma_mmap_coherent(vma);"))
        assert reason(found) == "shared-helper"
        assert found.reason is not None
        said = found.reason.message
        assert "ring_core_mmap()" in said
        assert "other_mmap() (fs/ring/other.c:1)" in said
        assert "fs/ring/other.c:3: dma_mmap_coherent() has no action" in said
        assert said.endswith("[dma-population]")

    def test_a_helper_of_the_other_is_named_too(self, tree: KernelTree) -> None:
        helper = "static int a_help(struct vm_area_struct *vma)\n{\n\tcount++;\n\treturn 0;\n}\n\n"
        other = helper + self.with_statement(self.OTHER, "a_help(vma);")
        found = self.convert(tree, other)
        assert reason(found) == "shared-helper"
        assert found.reason is not None
        assert "fs/ring/other.c:3: `count++` counts the mapping" in found.reason.message

    def test_the_other_has_its_own_reason(self, tree: KernelTree) -> None:
        self.convert(tree, self.with_statement(self.OTHER, "dma_mmap_coherent(vma);"))
        assert reason(convert(tree, "fs/ring/other.c")) == "dma-population"

    @pytest.mark.parametrize(
        ("statement", "id_"),
        [
            ("other->map_it(vma);", "member-call"),
            ("atomic_inc(&count);", "keeps-state"),
            ("stored = vma;", "vma-stored"),
        ],
    )
    def test_a_reason_of_its_own_comes_first(
        self, tree: KernelTree, statement: str, id_: str
    ) -> None:
        other = self.with_statement(self.OTHER, "dma_mmap_coherent(vma);")
        assert reason(self.convert(tree, other, self.with_statement(CALL, statement))) == id_

    def test_a_reason_of_the_helper_is_no_other_hooks(self, tree: KernelTree) -> None:
        other = self.with_statement(self.OTHER, "dma_mmap_coherent(vma);")
        core = self.with_statement(CORE, "atomic_inc(&ring->count);")
        assert reason(self.convert(tree, other, core=core)) == "keeps-state"

    def test_a_table_of_the_other_may_stand_in_the_way(self, tree: KernelTree) -> None:
        other = self.OTHER + "struct odd_ops odd = { .mmap = other_mmap };\n"
        found = self.convert(tree, other)
        assert reason(found) == "shared-helper"
        assert found.reason is not None
        assert "fs/ring/other.c:9: a struct odd_ops names other_mmap()" in found.reason.message

    def test_both_change_where_both_can(self, tree: KernelTree) -> None:
        found = self.convert(tree, self.OTHER)
        assert "other_mmap_prepare" in after(found, tree, "fs/ring/other.c")


class TestNeedsAnMmu:
    """That actions need an MMU is worth saying where a kernel may have the driver and none."""

    DRIVER = CALL.replace("ring_core_mmap(file->private_data, vma)", "vm_iomap_memory(vma, 1, 2)")

    def notes(self, tree: KernelTree, depends: str, driver: str = DRIVER) -> list[str]:
        put(tree, drivers__ring__ring_c=driver)
        (tree.root / "drivers/Makefile").write_text("obj-y += ring/\n")
        (tree.root / "drivers/ring/Makefile").write_text("obj-$(CONFIG_RING) += ring.o\n")
        (tree.root / "Kconfig").write_text(f'config RING\n\tbool "Ring"\n{depends}')
        return [note.id for note in convert(tree, "drivers/ring/ring.c").notes]

    def test_is_not_said_where_the_option_depends_on_one(self, tree: KernelTree) -> None:
        assert self.notes(tree, "\tdepends on MMU\n") == []

    def test_is_said_where_it_does_not(self, tree: KernelTree) -> None:
        assert self.notes(tree, "\tdepends on HAS_IOMEM\n") == ["needs-mmu"]

    def test_is_said_once_a_function(self, tree: KernelTree) -> None:
        two = self.DRIVER.replace("return", "if (vma->vm_pgoff)\n\t\treturn -EINVAL;\n\treturn")
        two = two.replace("return -EINVAL", "return vm_iomap_memory(vma, 3, 4)")
        assert self.notes(tree, "", two) == ["needs-mmu"]

    def test_is_not_said_in_an_arm_for_kernels_with_one(self, tree: KernelTree) -> None:
        assert self.notes(tree, "", f"#ifdef CONFIG_MMU\n{self.DRIVER}#endif\n") == []

    def test_is_said_without_a_tree(self) -> None:
        [found] = convert_file(SourceFile("ring.c", self.DRIVER.encode()), None, "7.3")
        assert [note.id for note in found.notes] == ["needs-mmu"]


class TestOnlyFor64Bits:
    """A flag that 32-bit kernels have no bit for, in a driver that they may not have, either."""

    DRIVER = CALL.replace("return ring_core_mmap(file->private_data, vma)", "{};\n\treturn 0")
    SETS = "vm_flags_set(vma, VM_SEALED | VM_DONTDUMP)"
    TESTS = "if (vma->vm_flags & VM_SEALED)\n\t\treturn -EPERM"

    def convert(self, tree: KernelTree, depends: str, statement: str = SETS) -> Conversion:
        put(tree, drivers__ring__ring_c=self.DRIVER.replace("{}", statement, 1))
        (tree.root / "drivers/Makefile").write_text("obj-y += ring/\n")
        (tree.root / "drivers/ring/Makefile").write_text("obj-$(CONFIG_RING) += ring.o\n")
        (tree.root / "Kconfig").write_text(f'config RING\n\tbool "Ring"\n{depends}')
        (tree.root / "arch/wide").mkdir(parents=True)
        arch = "config WIDE\n\tdef_bool y\n\nconfig 64BIT\n\tdef_bool y\n"
        (tree.root / "arch/wide/Kconfig").write_text(arch)
        return convert(tree, "drivers/ring/ring.c")

    @pytest.mark.parametrize("depends", ["64BIT", "WIDE || (COMPILE_TEST && 64BIT)"])
    def test_it_is_set_like_any(self, tree: KernelTree, depends: str) -> None:
        found = self.convert(tree, f"\tdepends on {depends}\n")
        text = after(found, tree, "drivers/ring/ring.c")
        assert "\tvma_desc_set_flags(desc, VMA_SEALED_BIT, VMA_DONTDUMP_BIT);\n" in text

    @pytest.mark.parametrize("depends", ["", "\tdepends on WIDE || COMPILE_TEST\n"])
    def test_others_ask_for_64_bits(self, tree: KernelTree, depends: str) -> None:
        text = after(self.convert(tree, depends), tree, "drivers/ring/ring.c")
        assert "\tif (IS_ENABLED(CONFIG_64BIT))\n" in text

    def test_it_is_tested_like_any(self, tree: KernelTree) -> None:
        found = self.convert(tree, "\tdepends on 64BIT\n", self.TESTS)
        text = after(found, tree, "drivers/ring/ring.c")
        assert "if (vma_desc_test(desc, VMA_SEALED_BIT))" in text

    def test_others_do_not_test_it(self, tree: KernelTree) -> None:
        assert reason(self.convert(tree, "", self.TESTS)) is not None


class TestOutsideTheTree:
    """A driver that the tree is only given for."""

    def outside(self, tree: KernelTree, text: str) -> Conversion:
        (found,) = convert_file(SourceFile("ring.c", text.encode()), tree, "7.3")
        return found

    def test_what_its_calls_mean_is_not_converted_in_the_tree(self, tree: KernelTree) -> None:
        put(
            tree,
            include__linux__mm_h="static inline void vm_flags_set(struct vm_area_struct *vma, "
            "vm_flags_t flags)\n{\n\tvma_start_write(vma);\n}\n",
            mm__mlock_c="void f(struct vm_area_struct *v)\n{\n\tvm_flags_set(v, VM_IO);\n}\n",
        )
        found = self.outside(
            tree,
            "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
            "\tvm_flags_set(vma, VM_DONTCOPY);\n\treturn 0;\n}\n" + TABLE,
        )
        assert found.reason is None
        assert any(b"vma_desc_set_flags(desc, VMA_DONTCOPY_BIT)" in e.new for e in found.edits)

    def test_a_function_of_the_tree_is_none_of_its_own(self, tree: KernelTree) -> None:
        put(tree, drivers__ring__core_c=CORE, include__linux__ring_h=CORE_HEADER)
        assert reason(self.outside(tree, CALL)) == "unknown-helper"

    def test_its_other_files_can_not_be_searched(self, tree: KernelTree) -> None:
        put(tree, fs__ring__file_c=HANDLER.replace("ring_vm_ops", "other_vm_ops"))
        assert reason(self.outside(tree, HANDLER + TABLE)) == "exported-handler"


class TestStateElsewhere:
    """A function of another file of the driver that takes something: a person has to look."""

    HOOK = CALL.replace("return ring_core_mmap(file->private_data, vma);", "return ring_add(file);")

    def notes(self, tree: KernelTree, other: str) -> list[str]:
        put(tree, drivers__ring__ring_c=self.HOOK, drivers__ring__core_c=f"/* mmap */\n{other}")
        found = convert(tree, "drivers/ring/ring.c")
        return [note.message for note in found.notes if note.id == "taken-elsewhere"]

    def test_is_noted(self, tree: KernelTree) -> None:
        inner = "static int grow(struct file *f)\n{\n\treturn kmalloc(8, 0) ? 0 : -1;\n}\n"
        outer = "int ring_add(struct file *f)\n{\n\treturn grow(f);\n}\n"
        [message] = self.notes(tree, inner + outer)
        assert "ring_add() calls grow() calls kmalloc() (drivers/ring/core.c)" in message

    def test_that_takes_nothing_is_not(self, tree: KernelTree) -> None:
        assert self.notes(tree, "int ring_add(struct file *f)\n{\n\treturn 0;\n}\n") == []

    def test_function_that_only_its_file_knows_is_another(self, tree: KernelTree) -> None:
        other = "static int ring_add(struct file *f)\n{\n\tkmalloc(8, 0);\n\treturn 0;\n}\n"
        assert self.notes(tree, other) == []


class TestUsedElsewhere:
    """Other files that name a table, or a function by a macro, or have the new name."""

    OTHER = "int other(struct file *f, struct vm_area_struct *v)\n{\n\treturn %s;\n}\n"
    EXTERN = "extern const struct file_operations ring_fops;\n"
    OWN = HANDLER + TABLE.replace("static ", "")

    def converted(self, tree: KernelTree, header: str, other: str, text: str = OWN) -> Conversion:
        put(tree, fs__ring__file_c=text, fs__ring__ring_h=HEADER + header)
        put(tree, fs__ring__other_c=f'#include "ring.h"\n{other}')
        return convert(tree, "fs/ring/file.c")

    @pytest.mark.parametrize(
        "call", ["ring_fops.mmap(f, v)", "(&ring_fops)->mmap(f, v)", "ring_fops . mmap != NULL"]
    )
    def test_what_calls_the_member_of_the_table(self, tree: KernelTree, call: str) -> None:
        assert reason(self.converted(tree, self.EXTERN, self.OTHER % call)) == "member-used"

    def test_a_pointer_to_the_table(self, tree: KernelTree) -> None:
        other = "const struct file_operations *ops = &ring_fops;\n"
        other += self.OTHER % "ops->mmap(f, v)"
        assert reason(self.converted(tree, self.EXTERN, other)) == "member-used"

    @pytest.mark.parametrize("call", ["ring_fops.open(0, f)", "f->f_op == &ring_fops"])
    def test_what_uses_another_member_does_not_matter(self, tree: KernelTree, call: str) -> None:
        found = self.converted(tree, self.EXTERN, self.OTHER % call)
        assert found.reason is None, found.reason

    def test_another_table_of_the_name(self, tree: KernelTree) -> None:
        other = "static const struct file_operations ring_fops;\n"
        other += self.OTHER % "ring_fops.mmap(f, v)"
        found = self.converted(tree, "", other, HANDLER + TABLE)
        assert found.reason is None, found.reason

    @pytest.mark.parametrize("static", ["", "static "])
    def test_a_function_of_the_new_name(self, tree: KernelTree, static: str) -> None:
        other = static + "int ring_mmap_prepare(void)\n{\n\treturn 0;\n}\n"
        found = self.converted(tree, "", other)
        if static:
            assert found.reason is None, found.reason
        else:
            assert reason(found) == "name-taken"

    @pytest.mark.parametrize(
        "line", ["int ring_mmap_prepare(void);\n", "#define ring_mmap_prepare 1\n"]
    )
    def test_the_new_name_in_a_header_that_the_file_includes(
        self, tree: KernelTree, line: str
    ) -> None:
        own = HANDLER.replace("int ring", "static int ring").partition("EXPORT")[0] + TABLE
        assert reason(self.converted(tree, line, "", own)) == "name-taken"
        other = KernelTree(tree.root)
        found = self.converted(other, f"/* {line.strip()} */\n", "", own)
        assert found.reason is None, found.reason

    PASTES = "#define RING_CALL(x, f, v) x##_mmap(f, v)\n"

    def test_a_macro_that_makes_up_the_name(self, tree: KernelTree) -> None:
        other = self.OTHER % "RING_CALL(ring, f, v)"
        assert reason(self.converted(tree, self.PASTES, other)) == "second-caller"

    def test_a_macro_that_makes_up_another(self, tree: KernelTree) -> None:
        found = self.converted(tree, self.PASTES, self.OTHER % "RING_CALL(bell, f, v)")
        assert found.reason is None, found.reason

    def test_a_macro_of_the_file_itself(self, tree: KernelTree) -> None:
        text = HANDLER.replace("int ring", "static int ring").partition("EXPORT")[0] + TABLE
        text += "#define CALL(x, f, v) ring_##x(f, v)\n" + self.OTHER % "CALL(mmap, f, v)"
        assert reason(self.converted(tree, "", "", text)) == "second-caller"
