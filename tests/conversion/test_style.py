# SPDX-License-Identifier: GPL-2.0-only
"""What converted code looks like, beyond the idioms' own examples."""

from __future__ import annotations

import pytest

from premap.conversion import apply, convert_file
from premap.csource.source import SourceFile
from premap.idioms import r1_table

TABLE = "\nstatic const struct file_operations ring_fops = {\n\t.mmap = ring_mmap,\n};\n"


def converted(text: str, target: str = "7.3") -> str:
    source = SourceFile("ring.c", text.encode("latin-1"))
    conversions = convert_file(source, None, target)
    assert [c.reason for c in conversions] == [None] * len(conversions)
    return apply(conversions, source).decode("latin-1")


def body(text: str, target: str = "7.3", parameters: str = "") -> str:
    """Convert the body of a hook and return the new one."""
    given = parameters or "struct file *file, struct vm_area_struct *vma"
    after = converted(f"static int ring_mmap({given})\n{{\n{text}}}\n{TABLE}", target)
    head = "static int ring_mmap_prepare(struct vm_area_desc *desc)\n{\n"
    assert after.startswith(head)
    return after[len(head) : after.index("\n}\n") + 1]


class TestName:
    def test_ends_in_prepare(self):
        assert r1_table.new_name("ring_mmap") == "ring_mmap_prepare"

    def test_that_begins_with_mmap(self):
        assert r1_table.new_name("mmap_ring") == "mmap_ring_prepare"

    def test_with_mmap_in_the_middle(self):
        assert r1_table.new_name("ring_mmap_buf") == "ring_mmap_prepare_buf"

    def test_without_mmap(self):
        assert r1_table.new_name("ring_map") == "ring_map_prepare"

    def test_of_a_helper(self):
        names = ("ring_do_mmap", "ring_mmap_buf", "check_mmap_buf", "ring_check")
        assert [r1_table.helper_name(name, ["ring_file_mmap"]) for name in names] == [
            "ring_do_mmap_prepare",
            "ring_mmap_prepare_buf",
            "check_mmap_buf",
            "ring_check",
        ]


class TestTable:
    def test_keeps_the_column_of_the_sign(self):
        assert r1_table.initializer(".mmap\t\t= x", 8, "y") == ".mmap_prepare\t= y"

    def test_keeps_a_column_of_spaces(self):
        assert r1_table.initializer(".mmap           = x", 8, "y") == ".mmap_prepare   = y"

    def test_has_one_space_where_the_column_is_too_near(self):
        assert r1_table.initializer(".mmap\t= x", 8, "y") == ".mmap_prepare = y"

    def test_without_a_column(self):
        assert r1_table.initializer(".mmap = x", 8, "y") == ".mmap_prepare = y"

    @pytest.mark.parametrize(
        ("line", "new"),
        [("\t.open = f,", ".mmap_prepare = y"), ("\t.open          = f,", ".mmap_prepare  = y")],
    )
    def test_a_single_space_is_a_column_where_a_line_nearby_has_it(self, line: str, new: str):
        assert r1_table.initializer(".hw_block_mmap = x", 8, "y", around=("", line)) == new

    def test_without_spaces(self):
        assert r1_table.initializer(".mmap=x", 8, "y") == ".mmap_prepare=y"

    def test_keeps_the_column_of_the_value(self):
        assert r1_table.initializer(".mmap =\t\tx", 8, "y") == ".mmap_prepare =\ty"

    def test_assignment(self):
        assert r1_table.initializer("ops->mmap = x", 8, "y") == "ops->mmap_prepare = y"


class TestOperations:
    """A table of operations that gets a ->mapped()."""

    OPEN = "static void o(struct vm_area_struct *vma)\n{\n\tring_get(ring);\n}\n\n"
    HOOK = (
        "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
        "\tvma->vm_ops = &v;\n\to(vma);\n\treturn 0;\n}\n"
    )

    def table(self, old: str) -> str:
        head = "const struct vm_operations_struct v = "
        new = converted(f"{self.OPEN}static {head}{old};\n\n{self.HOOK}{TABLE}")
        return new.partition(head)[2].partition(";")[0]

    def test_on_one_line_stays_there_if_it_fits(self):
        assert self.table("{ .open = o }") == "{ .mapped = o_mapped, .open = o }"

    def test_gets_a_line_for_each_where_it_is_too_long(self):
        old = "{ .fault = ring_page_fault, .open = o }"
        assert self.table(old) == (
            "{\n\t.fault = ring_page_fault,\n\t.mapped = o_mapped,\n\t.open = o,\n}"
        )


class TestFile:
    def test_is_inline_where_it_is_used_once(self):
        assert body("\tfile_accessed(file);\n\treturn 0;\n") == (
            "\tfile_accessed(desc->file);\n\treturn 0;\n"
        )

    def test_local_comes_first(self):
        old = "\tint ret;\n\n\tret = f(file);\n\treturn ret ? ret : g(file);\n"
        assert body(old).startswith("\tstruct file *file = desc->file;\n\tint ret;\n\n")

    def test_local_goes_where_the_lines_get_shorter(self):
        old = (
            "\tstruct ring_with_a_long_name *ring = ring_find(4711);\n\tint ret;\n\n"
            "\tret = f(file, ring);\n\treturn ret ? ret : g(file);\n"
        )
        assert body(old).startswith(
            "\tstruct ring_with_a_long_name *ring = ring_find(4711);\n"
            "\tstruct file *file = desc->file;\n\tint ret;\n\n"
        )

    def test_local_comes_before_what_needs_it(self):
        old = (
            "\tstruct ring_with_a_long_name *ring = ring_of(file);\n\tint ret;\n\n"
            "\tret = f(file, ring);\n\treturn ret ? ret : g(file);\n"
        )
        assert body(old).startswith("\tstruct file *file = desc->file;\n\tstruct ring_with")

    def test_local_keeps_the_name(self):
        new = body(
            "\tf(filp);\n\treturn g(filp);\n",
            parameters="struct file *filp, struct vm_area_struct *vma",
        )
        assert new == "\tstruct file *filp = desc->file;\n\n\tf(filp);\n\treturn g(filp);\n"

    def test_is_inline_where_only_arms_use_it(self):
        old = "#ifdef CONFIG_RING\n\tf(file);\n\tg(file);\n#endif\n\treturn 0;\n"
        assert body(old) == (
            "#ifdef CONFIG_RING\n\tf(desc->file);\n\tg(desc->file);\n#endif\n\treturn 0;\n"
        )

    def test_comes_through_the_vma_too(self):
        assert body("\treturn f(vma->vm_file->private_data);\n") == (
            "\treturn f(desc->file->private_data);\n"
        )


class TestLayout:
    def test_aligned_arguments_stay_aligned(self):
        old = "\treturn f(vma->vm_page_prot,\n\t\t vma->vm_pgoff);\n"
        assert body(old) == "\treturn f(desc->page_prot,\n\t\t desc->pgoff);\n"

    def test_arguments_follow_a_name_that_grows(self):
        old = (
            "static int ring_do_mmap(int a, struct vm_area_struct *vma,\n"
            "\t\t\tint b)\n{\n\treturn vma_pages(vma) > a + b;\n}\n\n"
            "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
            "\treturn ring_do_mmap(1, vma,\n\t\t\t    2);\n}\n"
        )
        assert converted(old + TABLE).startswith(
            "static int ring_do_mmap_prepare(int a, struct vm_area_desc *desc,\n"
            "\t\t\t\tint b)\n{\n\treturn vma_desc_pages(desc) > a + b;\n}\n\n"
            "static int ring_mmap_prepare(struct vm_area_desc *desc)\n{\n"
            "\treturn ring_do_mmap_prepare(1, desc,\n\t\t\t\t    2);\n}\n"
        )

    def test_other_continuation_lines_stay(self):
        old = "\treturn f(vma->vm_page_prot,\n\t\t\t\tvma->vm_pgoff);\n"
        assert body(old) == "\treturn f(desc->page_prot,\n\t\t\t\tdesc->pgoff);\n"

    def test_a_changed_line_has_no_spaces_for_tabs(self):
        spaces = " " * 20
        old = f"static int ring_mmap(struct file *file,\n{spaces}struct vm_area_struct *vma)\n{{\n"
        old += f"\tring_say(file,\n{spaces}1);\n\treturn ring_do(1,\n{spaces}vma->vm_pgoff);\n}}\n"
        new = converted(old + TABLE)
        assert f"\tring_say(desc->file,\n{spaces}1);\n" in new
        assert "\treturn ring_do(1,\n\t\t    desc->pgoff);\n" in new

    def test_long_lists_of_flags_are_broken(self):
        old = "\tvm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);\n\treturn 0;\n"
        assert body(old) == (
            "\tvma_desc_set_flags(desc, VMA_IO_BIT, VMA_PFNMAP_BIT, VMA_DONTEXPAND_BIT,\n"
            "\t\t\t   VMA_DONTDUMP_BIT);\n\treturn 0;\n"
        )

    def test_an_argument_that_fits_is_not_broken_where_more_follow(self):
        old = (
            "\tif (vma->vm_end - vma->vm_start > PAGE_SIZE)\n\t\treturn -EINVAL;\n\n"
            "\treturn remap_pfn_range(vma, vma->vm_start,\n"
            "\t\t\t       __pa(ring_area_of_inode(ring_inode)) >> PAGE_SHIFT,\n"
            "\t\t\t       PAGE_SIZE, vma->vm_page_prot);\n"
        )
        assert body(old).partition("EINVAL;\n\n")[2] == (
            "\tmmap_action_remap(desc, desc->start,\n"
            "\t\t\t  __pa(ring_area_of_inode(ring_inode)) >> PAGE_SHIFT,\n"
            "\t\t\t  PAGE_SIZE);\n\treturn 0;\n"
        )

    def test_no_line_of_others_is_broken(self):
        long = (
            "\tring_say_something_that_is_much_longer_than_eighty_columns(1, 2, 3, 4, 5, 6, 7);\n"
        )
        assert long in body(long + "\treturn vma->vm_pgoff ? -EIO : 0;\n")

    def test_braces_where_one_statement_becomes_two(self):
        old = "\tif (ring_on)\n\t\treturn vm_iomap_memory(vma, a, b);\n\n\treturn -ENODEV;\n"
        assert body(old) == (
            "\tif (ring_on) {\n\t\tmmap_action_simple_ioremap(desc, a, b);\n\t\treturn 0;\n\t}\n\n"
            "\treturn -ENODEV;\n"
        )

    def test_columns_of_the_parameters_and_locals_stay(self):
        old = (
            "#define STATIC static noinline\n\nSTATIC int\nring_mmap(\n"
            "\tstruct file\t\t*file,\n\tstruct vm_area_struct\t*vma)\n{\n"
            "\tstruct inode\t\t*inode = file_inode(file);\n\n"
            "\tvma->vm_ops = ring_ops(file);\n\treturn f(inode);\n}\n"
        )
        assert converted(old + TABLE).startswith(
            "#define STATIC static noinline\n\nSTATIC int\nring_mmap_prepare(\n"
            "\tstruct vm_area_desc\t*desc)\n{\n"
            "\tstruct file\t\t*file = desc->file;\n"
            "\tstruct inode\t\t*inode = file_inode(file);\n\n"
            "\tdesc->vm_ops = ring_ops(file);\n\treturn f(inode);\n}\n"
        )

    def test_blank_line_between_a_changed_declaration_and_a_changed_statement(self):
        old = "\tstruct ring *ring = file->private_data;\n\treturn f(ring, vma->vm_mm);\n"
        assert body(old) == (
            "\tstruct ring *ring = desc->file->private_data;\n\n\treturn f(ring, desc->mm);\n"
        )

    def test_no_blank_line_elsewhere(self):
        old = "\tstruct ring *ring = file->private_data;\n\tf(ring);\n\treturn 0;\n"
        assert "private_data;\n\tf(ring);" in body(old)


class TestLocals:
    REMAP = "remap_pfn_range(vma, vma->vm_start, 1, size, vma->vm_page_prot)"

    def test_without_a_use_go_with_their_blank_line(self):
        old = f"\tsize_t size = vma->vm_end - vma->vm_start;\n\n\treturn {self.REMAP};\n"
        assert body(old) == "\tmmap_action_remap_full(desc, 1);\n\treturn 0;\n"

    def test_of_one_declaration_go_alone(self):
        old = (
            "\tunsigned long pfn = 1, size = vma->vm_end - vma->vm_start;\n\n"
            "\tf(pfn);\n"
            f"\treturn {self.REMAP};\n"
        )
        assert body(old).startswith("\tunsigned long pfn = 1;\n\n\tf(pfn);\n")

    def test_that_held_the_result_go(self):
        old = (
            "\tsize_t size = vma->vm_end - vma->vm_start;\n\tint ret;\n\n"
            f"\tret = {self.REMAP};\n\tif (ret)\n\t\treturn ret;\n\n\treturn 0;\n"
        )
        assert body(old) == "\tmmap_action_remap_full(desc, 1);\n\n\treturn 0;\n"

    def test_that_are_set_apart_go_with_what_sets_them(self):
        old = (
            "\tunsigned long pfn, size;\n\n\tpfn = 1;\n"
            "\tsize = vma->vm_end - vma->vm_start;\n\tf(pfn);\n"
            f"\treturn {self.REMAP};\n"
        )
        assert body(old).startswith("\tunsigned long pfn;\n\n\tpfn = 1;\n\tf(pfn);\n")

    def test_of_one_declaration_keep_what_the_idioms_make_of_the_others(self):
        old = (
            "\tunsigned long pfn = vma->vm_pgoff, size = vma->vm_end - vma->vm_start;\n\n"
            "\tif (pfn > 4)\n\t\treturn -EINVAL;\n"
            f"\treturn {self.REMAP};\n"
        )
        assert body(old).startswith("\tunsigned long pfn = desc->pgoff;\n\n\tif (pfn > 4)\n")

    def test_go_when_those_go_that_used_them(self):
        old = (
            "\tunsigned long start = vma->vm_start, end = vma->vm_end, size;\n\n"
            "\tsize = end - start;\n"
            f"\treturn {self.REMAP};\n"
        )
        assert body(old) == "\tmmap_action_remap_full(desc, 1);\n\treturn 0;\n"

    def test_that_the_body_of_a_condition_sets_stay(self):
        old = (
            "\tunsigned long size, part = 0;\n\n\tsize = vma->vm_end - vma->vm_start;\n"
            "\tif (x)\n\t\tpart = 1;\n\tf(part);\n"
            f"\treturn {self.REMAP};\n"
        )
        assert "\tif (x)\n\t\tpart = 1;\n\tf(part);\n" in body(old)

    def test_that_were_only_set_before_stay(self):
        old = "\tint set;\n\n\tset = 1;\n\treturn vma->vm_pgoff ? -EIO : 0;\n"
        assert "\tset = 1;\n" in body(old)

    def test_that_nobody_used_before_stay(self):
        old = "\tint unused;\n\n\treturn vma->vm_pgoff ? -EIO : 0;\n"
        assert "int unused;" in body(old)


class TestFlagsAsNumber:
    @pytest.mark.parametrize(
        "old",
        [
            "\tvm_flags_t flags = {};\n\n\treturn flags & VM_EXEC ? -EPERM : 0;\n",
            "\tunsigned int flags;\n\n\tflags = ({});\n\treturn flags & VM_EXEC ? -EPERM : 0;\n",
        ],
    )
    def test_a_variable_keeps_them(self, old: str):
        new = old.format("vma_flags_to_legacy(desc->vma_flags)")
        assert body(old.format("vma->vm_flags")) == new


class TestPopulation:
    REMAP = "remap_pfn_range(vma, vma->vm_start, 1, vma->vm_end - vma->vm_start, vma->vm_page_prot)"

    def test_result_returned_later(self):
        old = f"\tint ret;\n\n\tret = {self.REMAP};\n\treturn ret;\n"
        assert body(old) == "\tmmap_action_remap_full(desc, 1);\n\treturn 0;\n"

    def test_result_that_an_else_returns(self):
        old = f"\tif ({self.REMAP})\n\t\treturn -EIO;\n\telse\n\t\treturn 0;\n"
        assert body(old) == (
            "\tmmap_action_remap_full(desc, 1);\n"
            "\tdesc->action.error_override = -EIO;\n\treturn 0;\n"
        )

    @pytest.mark.parametrize(
        "old",
        [
            "\treturn {} ? -EIO : 0;\n",
            "\treturn ({}) < 0 ? -EIO : 0;\n",
            "\tint ret = {};\n\n\treturn ret ? -EIO : 0;\n",
            "\tint ret;\n\n\tret = {};\n\treturn ret < 0 ? -EIO : 0;\n",
        ],
    )
    def test_result_that_is_chosen_by(self, old: str):
        assert body(old.format(self.REMAP)).replace("\n\n", "\n") == (
            "\tmmap_action_remap_full(desc, 1);\n"
            "\tdesc->action.error_override = -EIO;\n\treturn 0;\n"
        )

    @pytest.mark.parametrize(
        "rounded", ["PAGE_ALIGN({})", "ALIGN({}, PAGE_SIZE)", "round_up({}, PAGE_SIZE)"]
    )
    def test_size_that_is_rounded_up(self, rounded: str):
        size = "vma->vm_end - vma->vm_start"
        old = f"\treturn {self.REMAP.replace(size, rounded.format(size))};\n"
        assert body(old) == "\tmmap_action_remap_full(desc, 1);\n\treturn 0;\n"

    @pytest.mark.parametrize("check", ["", "if (ret)\n\t\treturn ret;\n\t"])
    def test_result_that_a_declaration_keeps(self, check: str):
        old = f"\tstruct ring *r = ring_of(x);\n\tint ret = {self.REMAP};\n\n\t{check}return ret;\n"
        new = body(old)
        assert new.startswith(
            "\tstruct ring *r = ring_of(x);\n\n\tmmap_action_remap_full(desc, 1);\n"
        )
        assert new.endswith("return 0;\n")
        assert "ret" not in new.replace("return", "")

    def test_check_that_was_made_before_is_not_made_again(self):
        check = "\tif (vma_pages(vma) > ring->count)\n\t\treturn -EINVAL;\n\n"
        maps = "\treturn vm_map_pages_zero(vma, ring->pages, ring->count);\n"
        assert body(check + maps).count("if (") == 1
        other = check.replace("count", "other")
        assert body(other + maps).count("if (") == 2
        assert body(f"{check}\tring_grow(ring);\n{maps}").count("if (") == 2
        told = check.replace("return -EINVAL", "ring_tell(ring)")
        assert body(told + maps).count("if (") == 2

    def test_result_passed_on_through_a_label(self):
        old = (
            f"\tint ret = -EINVAL;\n\n\tif (!x)\n\t\tgoto out;\n\tret = {self.REMAP};\n"
            "\tif (ret)\n\t\tgoto out;\n\treturn 0;\nout:\n\treturn ret;\n"
        )
        assert body(old) == (
            "\tint ret = -EINVAL;\n\n\tif (!x)\n\t\tgoto out;\n"
            "\tmmap_action_remap_full(desc, 1);\n\treturn 0;\nout:\n\treturn ret;\n"
        )

    def test_size_that_was_checked(self):
        remap = self.REMAP.replace("vma->vm_end - vma->vm_start", "PAGE_SIZE")
        old = (
            "\tif (x || vma->vm_end - vma->vm_start != PAGE_SIZE)\n\t\treturn -EINVAL;\n\n"
            f"\treturn {remap};\n"
        )
        assert "mmap_action_remap_full(desc, 1);" in body(old)

    def test_operations_set_after_it_come_before(self):
        old = (
            f"\tif ({self.REMAP})\n\t\treturn -EAGAIN;\n\n\tvma->vm_ops = &ring_vm_ops;\n\n"
            "\treturn 0;\n"
        )
        assert body(old) == (
            "\tdesc->vm_ops = &ring_vm_ops;\n\tmmap_action_remap_full(desc, 1);\n"
            "\tdesc->action.error_override = -EAGAIN;\n\n\treturn 0;\n"
        )

    def test_commented_statements_stay_where_they_are(self):
        old = (
            f"\tif ({self.REMAP})\n\t\treturn -EAGAIN;\n\n\t/* for gdb */\n"
            "\tvma->vm_ops = &ring_vm_ops;\n\treturn 0;\n"
        )
        assert body(old).endswith(
            "-EAGAIN;\n\n\t/* for gdb */\n\tdesc->vm_ops = &ring_vm_ops;\n\treturn 0;\n"
        )

    def test_helper_that_populates(self):
        old = (
            f"static int ring_remap(struct vm_area_struct *vma)\n{{\n\treturn {self.REMAP};\n}}\n\n"
            "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
            "\treturn ring_remap(vma);\n}\n"
        )
        assert converted(old + TABLE).startswith(
            "static int ring_remap(struct vm_area_desc *desc)\n{\n"
            "\tmmap_action_remap_full(desc, 1);\n\treturn 0;\n}\n\n"
            "static int ring_mmap_prepare(struct vm_area_desc *desc)\n{\n"
            "\treturn ring_remap(desc);\n}\n"
        )


class TestBytes:
    OLD = (
        "/* Gr\xfc\xdfe */\n"
        "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
        "\tvma->vm_ops = &a;\n\treturn f(file) + g(file);\n}\n" + TABLE
    )

    def test_latin1_stays(self):
        assert converted(self.OLD).startswith("/* Gr\xfc\xdfe */\nstatic int ring_mmap_prepare(")

    def test_crlf_stays(self):
        new = converted(self.OLD.replace("\n", "\r\n"))
        assert new == converted(self.OLD).replace("\n", "\r\n")

    def test_only_changed_lines_change(self):
        lines = set(converted(self.OLD).splitlines()) - set(self.OLD.splitlines())
        assert lines == {
            "static int ring_mmap_prepare(struct vm_area_desc *desc)",
            "\tstruct file *file = desc->file;",
            "\tdesc->vm_ops = &a;",
            "\t.mmap_prepare = ring_mmap_prepare,",
        }


class TestShared:
    TEXT = (
        "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
        "\tvma->vm_ops = &a;\n\treturn 0;\n}\n" + TABLE + TABLE.replace("ring_fops", "slow_fops")
    )

    def test_function_is_converted_once(self):
        assert converted(self.TEXT).count("ring_mmap_prepare(struct") == 1

    def test_each_table_has_its_record(self):
        found = convert_file(SourceFile("ring.c", self.TEXT.encode()), None, "7.3")
        assert [c.new_name for c in found] == ["ring_mmap_prepare"] * 2

    def test_either_record_is_whole(self):
        source = SourceFile("ring.c", self.TEXT.encode())
        first, second = convert_file(source, None, "7.3")
        assert apply([first], source) == apply([second], source) == apply([first, second], source)

    def test_helper_of_two_hooks(self):
        helper = (
            "static int ring_check(struct vm_area_struct *vma)\n{\n\treturn vma_pages(vma);\n}\n\n"
        )
        hooks = "".join(
            f"static int {name}_mmap(struct file *file, struct vm_area_struct *vma)\n{{\n"
            f"\treturn ring_check(vma);\n}}\n"
            f"static const struct file_operations {name}_fops = {{\n\t.mmap = {name}_mmap,\n}};\n"
            for name in ("ring", "slow")
        )
        new = converted(helper + hooks)
        assert new.count("ring_check(desc)") == 2
        assert "vma->" not in new

    def test_only_the_handler_asked_for(self):
        text = self.TEXT + self.TEXT.replace("ring_mmap", "fast_mmap").replace("_fops", "_f")
        found = convert_file(SourceFile("ring.c", text.encode()), None, "7.3", "fast_mmap")
        assert {c.handler.name for c in found} == {"fast_mmap"}


class TestOtherNames:
    def test_tags_and_members_of_the_same_name_stay(self):
        text = TestBytes.OLD + "\nstruct ring_mmap x;\nint y = sizeof(x.ring_mmap);\n"
        assert converted(text).endswith("\nstruct ring_mmap x;\nint y = sizeof(x.ring_mmap);\n")


class TestNotes:
    def notes(self, text: str) -> set[str]:
        source = SourceFile(
            "ring.c",
            f"static int ring_mmap(struct file *f, struct vm_area_struct *vma)\n{{\n{text}}}\n"
            f"{TABLE}".encode(),
        )
        [conversion] = convert_file(source, None, "7.3")
        assert conversion.reason is None
        return {note.id for note in conversion.notes}

    def test_ignored_failure(self):
        text = "\tvm_iomap_memory(vma, a, b);\n\treturn 0;\n"
        assert "failure-now-fails" in self.notes(text)

    def test_dropped_message(self):
        text = (
            f'\tif ({TestPopulation.REMAP}) {{\n\t\tpr_err("no\\n");\n\t\treturn -EAGAIN;\n\t}}\n'
            "\treturn 0;\n"
        )
        assert "message-dropped" in self.notes(text)

    @pytest.mark.parametrize("message", ['pr_err("no\\n");', 'DRM_ERROR("no\\n");'])
    def test_a_failure_that_is_only_told_of_is_passed_on(self, message: str):
        text = f"\tint r = {TestPopulation.REMAP};\n\n\tif (r < 0)\n\t\t{message}\n\treturn r;\n"
        assert self.notes(text) == {"message-dropped", "needs-mmu"}

    @pytest.mark.parametrize("test", ["if (r)", "if (r < 0)"])
    def test_a_failure_that_is_only_told_of_may_be_ignored(self, test: str):
        check = f'{test}\n\t\tpr_err("no\\n");'
        text = f"\tint r = {TestPopulation.REMAP};\n\n\t{check}\n\treturn 0;\n"
        assert {"failure-now-fails", "message-dropped"} <= self.notes(text)

    def test_state(self):
        assert self.notes("\tring->mm = vma->vm_mm;\n\treturn 0;\n") == {"state-in-hook"}

    def test_offset(self):
        assert self.notes("\tvma->vm_pgoff = 0;\n\treturn 0;\n") == {"pgoff-rewritten"}

    def test_none(self):
        assert self.notes("\tvma->vm_ops = &a;\n\treturn 0;\n") == set()


class TestLines:
    def test_that_continue_a_condition_keep_their_indent(self):
        old = (
            "\tif ((vma->vm_flags & VM_READ) || (vma->vm_flags & VM_EXEC) ||\n"
            "\t\t!(vma->vm_flags & VM_WRITE))\n\t\treturn -EINVAL;\n\treturn 0;\n"
        )
        assert body(old) == (
            "\tif (vma_desc_test_any(desc, VMA_READ_BIT, VMA_EXEC_BIT) ||\n"
            "\t\t!vma_desc_test(desc, VMA_WRITE_BIT))\n\t\treturn -EINVAL;\n\treturn 0;\n"
        )

    def test_of_arguments_are_joined_where_they_fit(self):
        old = (
            '\tpr_debug("%lx %lx %lx %p\\n",\n\t\t vma->vm_end, vma->vm_start,\n'
            "\t\t (vma->vm_end - vma->vm_start), ring);\n\treturn 0;\n"
        )
        assert body(old) == (
            '\tpr_debug("%lx %lx %lx %p\\n",\n'
            "\t\t desc->end, desc->start, vma_desc_size(desc), ring);\n\treturn 0;\n"
        )

    def test_of_a_head_that_is_broken_are_aligned(self):
        helper = (
            "static int ring_and_its_window_mmap(struct ring *a, struct process *process,\n"
            "\t\t       struct vm_area_struct *vma)\n{\n\treturn vma_pages(vma) > 1;\n}\n"
        )
        assert converted(
            helper + "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
            "\treturn ring_and_its_window_mmap(file->private_data, 0, vma);\n}\n" + TABLE
        ).startswith(
            "static int ring_and_its_window_mmap_prepare(struct ring *a,\n"
            "\t\t\t\t\t    struct process *process,\n"
            "\t\t\t\t\t    struct vm_area_desc *desc)\n"
        )

    def test_break_before_an_operand_only_where_its_argument_is_too_long(self):
        long = "ring_of(desc->file)->window.first"
        old = "\treturn remap_pfn_range(vma, vma->vm_start,\n\t\t\t       {} >> PAGE_SHIFT,\n"
        old += "\t\t\t       vma->vm_end - vma->vm_start, vma->vm_page_prot);\n"
        short = body(old.format(long.replace("desc->file", "file")))
        assert f"full(desc,\n\t\t\t       {long} >> PAGE_SHIFT);\n" in short
        longer = body(old.format(f"{long.replace('desc->file', 'file')}_bus"))
        assert f"full(desc, {long}_bus >>\n\t\t\t       PAGE_SHIFT);\n" in longer

    def test_astray_among_aligned_ones_are_aligned_if_they_change(self):
        head = "static int ring_check(struct ring *ring,\n\t\t      int a, int b,\n"
        rest = "\tstruct vm_area_struct *vma)\n{\n\treturn ring_ok(vma->vm_start,\n"
        rest += "\t\t       1,\n\t     2);\n}\n\n"
        hook = "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
        new = converted(f"{head}{rest}{hook}\treturn ring_check(x, 1, 2, vma);\n}}\n{TABLE}")
        assert "\n\t\t      struct vm_area_desc *desc)\n" in new
        assert "\n\t     2);\n" in new

    def test_of_a_head_and_its_list_are_joined_too(self):
        old = (
            "\tvma->vm_page_prot = ring_prot(file, vma->vm_pgoff,\n"
            "\t\t\t\t      ring_size(ring),\n\t\t\t\t      vma->vm_page_prot);\n\treturn 0;\n"
        )
        assert "ring_prot(desc->file, desc->pgoff, ring_size(ring),\n" in body(old)

    def test_of_one_argument_each_stay(self):
        old = "\treturn f(a,\n\t\t vma->vm_start,\n\t\t vma->vm_end,\n\t\t b);\n"
        assert body(old) == "\treturn f(a,\n\t\t desc->start,\n\t\t desc->end,\n\t\t b);\n"

    def test_of_arguments_that_do_not_change_stay(self):
        old = "\tf(a,\n\t  b, c,\n\t  d);\n\treturn vma->vm_pgoff ? -EINVAL : 0;\n"
        assert "\tf(a,\n\t  b, c,\n\t  d);\n" in body(old)

    def test_braces_go_where_condition_and_statement_are_a_line_each_now(self):
        old = (
            "\tif ((vma->vm_flags & (VM_SHARED | VM_MAYSHARE)) !=\n"
            "\t    (VM_SHARED | VM_MAYSHARE)) {\n\t\treturn -EINVAL;\n\t}\n\n\treturn 0;\n"
        )
        assert body(old) == (
            "\tif (!vma_desc_test_all(desc, VMA_SHARED_BIT, VMA_MAYSHARE_BIT))\n"
            "\t\treturn -EINVAL;\n\n\treturn 0;\n"
        )

    def test_braces_that_the_author_put_stay(self):
        old = "\tif (vma->vm_pgoff) {\n\t\treturn -EINVAL;\n\t}\n\treturn 0;\n"
        assert body(old) == "\tif (desc->pgoff) {\n\t\treturn -EINVAL;\n\t}\n\treturn 0;\n"


RELEASES = """\
#ifdef HAVE_VM_FLAGS_SET
	vm_flags_set(vma, VM_IO | VM_DONTEXPAND);
#else
	vma->vm_flags |= VM_IO | VM_DONTEXPAND;
#endif
"""


class TestSpaces:
    """Functions that are indented with spaces stay so."""

    def test_in_lines_that_are_broken(self):
        old = (
            "    if ((vma->vm_flags & VM_WRITE) && !(vma->vm_flags & VM_SHARED)\n"
            "        && ring_is_special(vma->vm_end - vma->vm_start)) {\n"
            "        return -EINVAL;\n    }\n"
            "    vma->vm_flags |= VM_IO | VM_DONTEXPAND | VM_DONTDUMP | VM_LOCKED;\n    return 0;\n"
        )
        after = body(old)
        assert "\t" not in after
        assert "\n                       VMA_LOCKED_BIT);\n" in after

    def test_but_not_where_tabs_are_mixed_in(self):
        old = "    vma->vm_flags |= VM_IO | VM_DONTEXPAND | VM_DONTDUMP | VM_LOCKED;\n\treturn 0;\n"
        assert "\n\t\t       VMA_LOCKED_BIT);\n" in body(old)


class TestArms:
    def test_that_become_the_same_are_one(self):
        assert body(RELEASES + "\treturn 0;\n") == (
            "\tvma_desc_set_flags(desc, VMA_IO_BIT, VMA_DONTEXPAND_BIT);\n\treturn 0;\n"
        )

    def test_comments_on_the_directives_go_with_them(self):
        old = RELEASES.replace("#else", "#else /* without */").replace(
            "#endif", "#endif // HAVE_VM_FLAGS_SET"
        )
        assert body(old + "\treturn 0;\n").startswith("\tvma_desc_set_flags(")

    def test_with_lines_of_windows(self):
        old = (RELEASES + "\treturn 0;\n").replace("\n", "\r\n")
        assert "#" not in body(old)

    @pytest.mark.parametrize(
        "old",
        [
            RELEASES.replace("vma->vm_flags |= VM_IO | VM_DONTEXPAND", "vma->vm_flags |= VM_IO"),
            RELEASES.replace("\tvma->vm_flags |=", "\t/* older */\n\tvma->vm_flags |="),
            RELEASES.replace("#else", "#elif defined(OLD)\n\tvma->vm_flags |= VM_IO;\n#else"),
            RELEASES.replace("#else", "#ifdef MORE\n\tmore();\n#endif\n#else"),
            "#ifdef A\n\tsame();\n#else\n\tsame();\n#endif\n\tvm_flags_set(vma, VM_IO);\n",
        ],
        ids=["other flags", "a comment", "three arms", "arms in arms", "untouched"],
    )
    def test_others_stay(self, old: str):
        assert body(old + "\treturn 0;\n").count("#") == old.count("#")

    def test_what_is_used_in_one_arm_alone(self):
        old = "\tunsigned long flags = VM_IO;\n\n" + RELEASES
        assert "flags = VM_IO" in body(old + "\treturn flags ? 0 : 1;\n")


class TestComments:
    def test_name_members_of_the_descriptor(self):
        old = "\t/* vma->vm_pgoff selects */\n\treturn vma->vm_pgoff;\n"
        assert body(old) == "\t/* desc->pgoff selects */\n\treturn desc->pgoff;\n"

    @pytest.mark.parametrize(
        ("text", "id_"),
        [
            (
                "\treturn vm_iomap_memory(vma, /* here */ base, bytes);\n",
                "comment-dropped",
            ),
            ("\t/* the vma is whole */\n\treturn vma->vm_pgoff;\n", "comment-names-vma"),
            ("\t/* vm->vm_pgoff selects */\n\treturn vma->vm_pgoff;\n", "comment-names-vma"),
            ("\t/* Set vm_flags now. */\n\treturn vma->vm_pgoff;\n", "comment-names-vma"),
        ],
    )
    def test_that_are_lost_or_stale_are_noted(self, text: str, id_: str):
        head = "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
        [found] = convert_file(
            SourceFile("ring.c", f"{head}{text}}}\n{TABLE}".encode()), None, "7.3"
        )
        assert id_ in [note.id for note in found.notes]

    OLD = (
        "/*\n * Calls remap_pfn_range().\n */\n"
        "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
        "\t/* remap_pfn_range() maps all */\n"
        "\treturn remap_pfn_range(vma, vma->vm_start, ring_pfn, vma->vm_end - vma->vm_start,\n"
        "\t\t\t       vma->vm_page_prot);\n}\n"
    )

    def test_follow_what_became_an_action(self):
        new = converted(self.OLD + TABLE)
        assert "remap_pfn_range" not in new
        assert " * Calls mmap_action_remap_full().\n" in new
        assert "\t/* mmap_action_remap_full() maps all */\n" in new

    def test_follow_the_member(self):
        new = converted(f"/*\n * ring - file_operations::mmap\n */\n{self.OLD}{TABLE}")
        assert "file_operations::mmap\n" in new  # not right before the function
        new = converted(self.OLD.replace("Calls", "file_operations::mmap calls") + TABLE)
        assert " * file_operations::mmap_prepare calls" in new

    def test_that_are_of_another_function_stay(self):
        before = "/* not remap_pfn_range() */\nstatic int ring_pfn;\n\n"
        assert before in converted(before + self.OLD + TABLE)

    def test_parameter_is_a_descriptor(self):
        doc = (
            "/**\n * ring_mmap - maps\n * @file: the file\n * @vma: VMA to map into\n"
            " *\n * Returns 0.\n */\n"
        )
        new = converted(doc + self.OLD.partition("*/\n")[2] + TABLE)
        assert " * @desc: VMA descriptor to map into\n" in new
