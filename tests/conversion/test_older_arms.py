# SPDX-License-Identifier: GPL-2.0-only
"""Drivers outside the tree that span releases: what of them the new hook is made of."""

from __future__ import annotations

import pytest

from premap.conversion import apply, convert_file
from premap.conversion.dual import by_release, dual
from premap.csource.source import SourceFile
from premap.records import Conversion
from premap.releases import KNOWN

TABLE = "\nstatic const struct file_operations ring_fops = {\n\t.mmap = ring_mmap,\n};\n"
HEAD = "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
FLAGS = """\
#if LINUX_VERSION_CODE < KERNEL_VERSION(3, 7, 0)
	vma->vm_flags |= VM_IO | VM_RESERVED; /* of old */
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	vma->vm_flags |= VM_IO | VM_DONTEXPAND;
#else
	vm_flags_set(vma, VM_IO | VM_DONTEXPAND);
#endif
"""
SET = "\tvma_desc_set_flags(desc, VMA_IO_BIT, VMA_DONTEXPAND_BIT);\n"


def converted(text: str) -> tuple[Conversion, SourceFile]:
    source = SourceFile("ring.c", text.encode())
    (conversion,) = convert_file(source, None, "7.3")
    return conversion, source


def body(old: str) -> str:
    conversion, source = converted(f"{HEAD}{old}}}\n{TABLE}")
    assert conversion.reason is None
    after = apply([conversion], source).decode()
    head = "static int ring_mmap_prepare(struct vm_area_desc *desc)\n{\n"
    assert after.startswith(head)
    return after[len(head) : after.index("\n}\n") + 1]


class TestArms:
    def test_of_older_kernels_go(self) -> None:
        assert body(f"{FLAGS}\treturn 0;\n") == f"{SET}\treturn 0;\n"

    def test_that_end_a_function_for_older_kernels(self) -> None:
        old = "#if LINUX_VERSION_CODE < KERNEL_VERSION(2, 6, 10)\n\treturn old(vma);\n#endif\n"
        assert body(f"\tprepare();\n\n{old}\n\treturn 0;\n") == "\tprepare();\n\n\treturn 0;\n"

    def test_that_no_parser_could_join(self) -> None:
        old = (
            "#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 19, 0) || RHEL(9)\n"
            "\tif (!file->f_mapping->a_ops->read_folio)\n#else\n"
            "\tif (!file->f_mapping->a_ops->readpage)\n#endif\n\t\treturn -ENOEXEC;\n"
            "\n\treturn 0;\n"
        )
        assert body(old) == (
            "\tif (!desc->file->f_mapping->a_ops->read_folio)\n\t\treturn -ENOEXEC;\n"
            "\n\treturn 0;\n"
        )

    def test_that_ask_for_something_else_become_the_first(self) -> None:
        old = (
            "#if LINUX_VERSION_CODE < KERNEL_VERSION(3, 7, 0)\n\told();\n"
            "#elif defined(RING_FAST)\n\tfast();\n#endif\n\treturn 0;\n"
        )
        assert body(old) == "#if defined(RING_FAST)\n\tfast();\n#endif\n\treturn 0;\n"

    def test_of_newer_kernels_stay(self) -> None:
        old = FLAGS.replace("6, 3, 0", "7, 2, 0").replace("VM_IO | VM_DONTEXPAND;", "VM_IO;")
        after = body(f"{old}\treturn 0;\n")
        assert after.count("#") == 3
        assert "\tvma_desc_set_flags(desc, VMA_IO_BIT);\n#else\n" in after

    def test_with_lines_of_windows(self) -> None:
        text = f"{HEAD}{FLAGS}\treturn 0;\n}}\n{TABLE}".replace("\n", "\r\n")
        conversion, source = converted(text)
        after = apply([conversion], source)
        assert b"#" not in after
        assert after.count(b"\n") == after.count(b"\r\n")

    def test_outside_of_the_function_stay(self) -> None:
        table = TABLE.replace(
            "\t.mmap",
            "#if LINUX_VERSION_CODE < KERNEL_VERSION(2, 6, 36)\n\t.ioctl = ring_ioctl,\n#endif\n"
            "\t.mmap",
        )
        conversion, source = converted(f"{HEAD}\treturn 0;\n}}\n{table}")
        assert (
            apply([conversion], source)
            .decode()
            .endswith(table[1:].replace(".mmap = ring_mmap", ".mmap_prepare = ring_mmap_prepare"))
        )

    def test_are_told_once(self) -> None:
        conversion, _ = converted(f"{HEAD}{FLAGS}{FLAGS}\treturn 0;\n}}\n{TABLE}")
        (note,) = [note for note in conversion.notes if note.id == "older-arms"]
        assert (note.line, note.look) == (3, False)
        assert "R5" in conversion.idioms

    def test_around_the_head_are_declined(self) -> None:
        text = (
            "#if LINUX_VERSION_CODE >= KERNEL_VERSION(2, 6, 0)\n"
            "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n#else\n"
            "static int ring_mmap(struct inode *inode, struct vm_area_struct *vma)\n#endif\n"
            "{\n\treturn 0;\n}\n"
        )
        conversion, _ = converted(text + TABLE)
        assert conversion.reason is not None
        assert (conversion.reason.id, conversion.reason.line) == ("arms-around-head", 1)
        assert conversion.edits == ()

    @pytest.mark.parametrize("around", ["{}", "{}\n#else\nint other;"])
    def test_around_the_whole_function_are_none_of_its_own(self, around: str) -> None:
        whole = around.format(f"{HEAD}\treturn 0;\n}}")
        text = f"#if LINUX_VERSION_CODE >= KERNEL_VERSION(2, 6, 0)\n{whole}\n#endif\n{TABLE}"
        conversion, source = converted(text)
        assert conversion.reason is None
        assert apply([conversion], source).decode().count("#") == text.count("#")


class TestDual:
    def test_keeps_them_in_the_old_hook(self) -> None:
        text = f"#include <linux/fs.h>\n\n{HEAD}{FLAGS}\treturn 0;\n}}\n{TABLE}"
        conversion, source = converted(text)
        after = apply(dual([conversion], lambda _: source, None), source).decode()
        new, old = after.split("#else\n", 1)
        assert SET in new
        assert FLAGS in old
        assert "VM_RESERVED" not in new

    def test_a_file_that_asks_for_the_version_needs_no_include(self) -> None:
        asks = (
            "#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)\n#include <linux/splice.h>\n#endif\n"
        )
        text = f"#include <linux/fs.h>\n{asks}\n{HEAD}{FLAGS}\treturn 0;\n}}\n{TABLE}"
        conversion, source = converted(text)
        after = apply(dual([conversion], lambda _: source, None), source).decode()
        assert by_release(KNOWN["7.2"]).directive in after or "KERNEL_VERSION(7" in after
        assert "linux/version.h" not in after

    def test_of_it_has_nothing_left_to_convert(self) -> None:
        conversion, source = converted(f"{HEAD}\treturn 0;\n}}\n{TABLE}")
        after = apply(dual([conversion], lambda _: source, None), source)
        assert b"KERNEL_VERSION(7, 0, 0)" in after
        assert convert_file(SourceFile("ring.c", after), None, "7.3") == []


class TestTablesOfOld:
    """`mmap: f`, as GNU C had it before C99."""

    OLD = TABLE.replace("\t.mmap = ring_mmap", "\topen:\t\tring_open,\n\tmmap:\t\tring_mmap")

    def test_keep_their_form_and_columns(self) -> None:
        conversion, source = converted(f"{HEAD}\treturn 0;\n}}\n{self.OLD}")
        assert conversion.reason is None
        assert "\tmmap_prepare:\tring_mmap_prepare,\n" in apply([conversion], source).decode()

    def test_both_members_are_found(self) -> None:
        table = self.OLD.replace("\topen:", "\tmmap_prepare: other,\n\topen:")
        conversion, _ = converted(f"{HEAD}\treturn 0;\n}}\n{table}")
        assert conversion.reason is not None
        assert conversion.reason.id == "both-members"

    @pytest.mark.parametrize("form", ["\t.{} = {},\n", "\t{}: {},\n"])
    def test_operations_are_read(self, form: str) -> None:
        entries = form.format("open", "ring_open") + form.format("close", "ring_close")
        text = (
            "static void ring_open(struct vm_area_struct *vma)\n{\n\tring_get(1);\n}\n"
            "static void ring_close(struct vm_area_struct *vma)\n{\n\tring_put(1);\n}\n"
            "static void ring_get(int a)\n{\n\tring_users += a;\n}\n"
            f"static struct vm_operations_struct ring_vm_ops = {{\n{entries}}};\n"
            f"{HEAD}\tring_get(1);\n\tvma->vm_ops = &ring_vm_ops;\n\treturn 0;\n}}\n{TABLE}"
        )
        conversion, _ = converted(text)
        assert conversion.reason is not None
        assert (conversion.reason.id, "ring_get() is called here" in conversion.reason.message) == (
            "keeps-state",
            True,
        )


class TestFlagsOfOld:
    """VM_RESERVED, which kernels had until 3.7."""

    RESERVED = (
        "#include <linux/mm.h>\n"
        "#ifndef VM_RESERVED\n#define VM_RESERVED (VM_DONTEXPAND | VM_DONTDUMP)\n#endif\n"
    )
    ARMS = (
        "#ifndef VM_RESERVED\n\tvma->vm_flags |= VM_IO | VM_DONTDUMP;\n"
        "#else\n\tvma->vm_flags |= VM_IO | VM_RESERVED;\n#endif\n"
    )

    def hook(self, before: str, body: str) -> tuple[Conversion, str]:
        conversion, source = converted(f"{before}{HEAD}{body}\treturn 0;\n}}\n{TABLE}")
        return conversion, apply([conversion], source).decode()

    def notes(self, conversion: Conversion) -> list[tuple[str, bool]]:
        return [(note.id, note.look) for note in conversion.notes]

    def test_that_the_file_defines_where_it_is_missing(self) -> None:
        conversion, after = self.hook(self.RESERVED, "\tvm_flags_set(vma, VM_IO | VM_RESERVED);\n")
        assert "(desc, VMA_IO_BIT, VMA_DONTEXPAND_BIT,\n\t\t\t   VMA_DONTDUMP_BIT);" in after
        assert self.notes(conversion) == [("flags-by-macro", True)]

    def test_that_arms_ask_for(self) -> None:
        conversion, after = self.hook("", self.ARMS)
        assert "{\n\tvma_desc_set_flags(desc, VMA_IO_BIT, VMA_DONTDUMP_BIT);\n\treturn" in after
        assert self.notes(conversion) == [("older-arms", True), ("older-arms", False)]

    def test_that_a_header_of_the_drivers_own_may_define(self) -> None:
        conversion, _ = self.hook('#include "compat.h"\n', self.ARMS)
        assert conversion.reason is not None
        assert conversion.reason.id == "release-lacks-flag"

    def test_that_arms_ask_for_though_the_file_has_it(self) -> None:
        _, after = self.hook(self.RESERVED, self.ARMS)
        assert after.count("#") == (self.RESERVED + self.ARMS).count("#")

    def test_that_have_no_arm_are_declined(self) -> None:
        conversion, _ = self.hook("", "\tvma->vm_flags |= VM_RESERVED;\n")
        assert conversion.reason is not None
        assert conversion.reason.id == "release-lacks-flag"

    def test_of_the_drivers_own_list(self) -> None:
        before = "#define RING_FLAGS (VM_IO | VM_DONTCOPY)\n"
        conversion, after = self.hook(before, "\tvm_flags_set(vma, RING_FLAGS | VM_IO);\n")
        assert "\tvma_desc_set_flags(desc, VMA_IO_BIT, VMA_DONTCOPY_BIT);\n" in after
        assert self.notes(conversion) == []
