# SPDX-License-Identifier: GPL-2.0-only
"""A subsystem's own member: its twin, its dispatchers, its implementations."""

from __future__ import annotations

from pathlib import Path

import pytest
import subsystem

from premap import releases
from premap.conversion import (
    BadCallback,
    Callback,
    apply,
    callback_named,
    convert_file,
    planned,
)
from premap.csource.edit import apply_edits
from premap.csource.nodes import misread
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.equivalence import verify_conversion
from premap.records import Conversion

NAME = "struct buf_ops.map_it"


def plan(root: Path, target: str = "7.3", name: str = NAME, **changed: str) -> Callback:
    subsystem.write(root, **changed)
    return planned(callback_named(name), KernelTree(root), releases.named(target))


def edited(root: Path, file: str, callback: Callback) -> str:
    """Return the text of a file after the groundwork."""
    assert callback.groundwork is not None
    edits = [edit for edit in callback.groundwork.edits if edit.file == file]
    text = apply_edits((root / file).read_bytes(), edits)
    assert not misread(SourceFile(file, text).root)
    return text.decode()


def convert(root: Path, file: str, callback: Callback) -> Conversion:
    tree = KernelTree(root)
    [found] = convert_file(tree.open(file), tree, "7.3", callback=callback)
    return found


class TestName:
    def test_is_a_structure_and_a_member(self) -> None:
        found = callback_named("struct  buf_ops . map_it")
        assert (found.ops, found.member, found.twin) == ("struct buf_ops", "map_it", "mmap_prepare")

    @pytest.mark.parametrize("text", ["", "buf_ops.map_it", "struct buf_ops", "struct a.b.c"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(BadCallback):
            callback_named(text)


class TestMember:
    def test_twin_stands_beside_it(self, tmp_path: Path) -> None:
        text = edited(tmp_path, "include/linux/buf.h", plan(tmp_path))
        old = "\tint (*map_it)(struct buf *buf, struct vm_area_struct *vma);\n"
        assert old + "\tint (*mmap_prepare)(struct buf *buf, struct vm_area_desc *desc);\n" in text

    def test_twin_of_another_member_than_mmap_says_so(self, tmp_path: Path) -> None:
        old = "\tint (*open)(struct buf *buf);\n"
        more = "\tint (*mmap)(struct buf *buf, struct vm_area_struct *vma, int how);\n"
        found = plan(tmp_path, buf=subsystem.HEADER.replace(old, old + more))
        text = edited(tmp_path, "include/linux/buf.h", found)
        assert "\tint (*map_it_prepare)(struct buf *buf, struct vm_area_desc *desc);\n" in text
        assert "(*mmap_prepare)" not in text
        core = edited(tmp_path, "drivers/buf/core.c", found)
        assert "\terr = buf_call_map_it(buf->ops, buf, vma);\n" in core
        io = convert(tmp_path, "drivers/buf/io.c", found)
        assert any(b".map_it_prepare = io_buf" in edit.new for edit in io.edits)

    def test_twin_is_in_the_kernel_doc(self, tmp_path: Path) -> None:
        text = edited(tmp_path, "include/linux/buf.h", plan(tmp_path))
        assert " *\tcalled with the buffer locked\n * @mmap_prepare: Like @map_it," in text

    def test_type_is_declared_where_the_header_does_not_see_it(self, tmp_path: Path) -> None:
        header = subsystem.HEADER.replace("#include <linux/mm_types.h>\n", "")
        text = edited(tmp_path, "include/linux/buf.h", plan(tmp_path, buf=header))
        assert text.index("struct vm_area_desc;\n") < text.index("/**")

    def test_there_is_none(self, tmp_path: Path) -> None:
        found = plan(tmp_path, name="struct buf_ops.mmap")
        assert found.refusal is not None
        assert found.refusal.id == "callback-unknown"

    def test_it_takes_no_vma(self, tmp_path: Path) -> None:
        found = plan(tmp_path, name="struct buf_ops.open")
        assert found.refusal is not None
        assert found.refusal.id == "callback-unknown"

    def test_twin_is_there_already(self, tmp_path: Path) -> None:
        old = "\tint (*open)(struct buf *buf);\n"
        header = subsystem.HEADER.replace(old, old + "\tint (*mmap_prepare)(struct buf *buf);\n")
        found = plan(tmp_path, buf=header)
        assert found.refusal is not None
        assert found.refusal.id == "callback-done"


class TestDispatcher:
    def test_calls_the_function_that_takes_either(self, tmp_path: Path) -> None:
        text = edited(tmp_path, "drivers/buf/core.c", plan(tmp_path))
        assert "\terr = buf_call_mmap(buf->ops, buf, vma);\n" in text

    def test_function_stands_above_the_comment_of_its_caller(self, tmp_path: Path) -> None:
        text = edited(tmp_path, "drivers/buf/core.c", plan(tmp_path))
        assert "\treturn err;\n}\n\n/*\n * Map a buffer.\n */\n" in text

    def test_private_data_of_the_dispatcher_stays(self, tmp_path: Path) -> None:
        text = edited(tmp_path, "drivers/buf/core.c", plan(tmp_path))
        filled = text.index("compat_set_desc_from_vma(&desc, vma->vm_file, vma);")
        kept = text.index("desc.private_data = vma->vm_private_data;")
        assert filled < kept < text.index("err = ops->mmap_prepare(buf, &desc);")

    def test_tests_ask_for_either(self, tmp_path: Path) -> None:
        text = edited(tmp_path, "drivers/buf/core.c", plan(tmp_path))
        assert "if (!buf->ops->map_it && !buf->ops->mmap_prepare)\n" in text
        assert "return buf->ops && (buf->ops->map_it || buf->ops->mmap_prepare);\n" in text

    KEPT = """
static int buf_open(struct buf *buf, const struct buf_ops *ops)
{
	bool maps, sees = ops->map_it;

	maps = ops->map_it;
	return sees ? maps : 0;
}
"""

    def test_whether_it_is_set_may_be_kept(self, tmp_path: Path) -> None:
        found = plan(tmp_path, core=subsystem.CORE + self.KEPT)
        text = edited(tmp_path, "drivers/buf/core.c", found)
        assert "\tbool maps, sees = ops->map_it || ops->mmap_prepare;\n" in text
        assert "\tmaps = ops->map_it || ops->mmap_prepare;\n" in text

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("bool maps, sees", "const void *maps, *sees"),
            ("bool maps, sees = ops->map_it", "bool sees = 0;\n\tconst void *maps"),
            ("bool maps", "bool *maps = ops->map_it, more"),
            ("maps = ops->map_it", "buf->maps = ops->map_it"),
            ("maps = ops->map_it", "maps |= ops->map_it"),
            ("bool maps, ", "bool "),
        ],
    )
    def test_the_member_may_not(self, old: str, new: str, tmp_path: Path) -> None:
        found = plan(tmp_path, core=subsystem.CORE + self.KEPT.replace(old, new, 1))
        assert found.refusal is not None
        assert found.refusal.id == "callback-use"

    def test_another_name_of_the_twin(self, tmp_path: Path) -> None:
        subsystem.write(tmp_path)
        asked = callback_named(NAME, "map_it_prepare")
        found = planned(asked, KernelTree(tmp_path), releases.named("7.3"))
        text = edited(tmp_path, "drivers/buf/core.c", found)
        assert "!buf->ops->map_it && !buf->ops->map_it_prepare" in text

    def test_macro_that_copies_members_copies_the_twin(self, tmp_path: Path) -> None:
        copying = (
            "#define SET_OP(ptr, name) \\\n\tdo { \\\n\t\tif (ops->name) \\\n"
            "\t\t\t(ptr)->name = ops->name; \\\n\t} while (0)\n\n"
            "static void buf_set(struct buf_ops *to, const struct buf_ops *ops)\n{\n"
            "\tSET_OP(to, open);\n\tSET_OP(to, map_it);\n}\n"
        )
        found = plan(tmp_path, core=subsystem.CORE + copying)
        text = edited(tmp_path, "drivers/buf/core.c", found)
        assert "\tSET_OP(to, map_it);\n\tSET_OP(to, mmap_prepare);\n" in text

    LOCAL = """
static int buf_map(struct buf *buf, struct vm_area_struct *vma)
{
	const auto map = buf->ops->map_it;

	if (map)
		return map(buf, vma);
	return -EIO;
}
"""

    def test_a_variable_that_holds_the_member_goes(self, tmp_path: Path) -> None:
        text = edited(
            tmp_path, "drivers/buf/core.c", plan(tmp_path, core=subsystem.CORE + self.LOCAL)
        )
        body = text[text.index("static int buf_map(") :]
        assert body.partition("{\n")[2] == (
            "\tif (buf->ops->map_it || buf->ops->mmap_prepare)\n"
            "\t\treturn buf_call_mmap(buf->ops, buf, vma);\n\treturn -EIO;\n}\n"
        )

    def test_a_variable_of_a_pointer_s_type_goes(self, tmp_path: Path) -> None:
        typed = "int (*map)(struct buf *, struct vm_area_struct *) ="
        local = self.LOCAL.replace("const auto map =", typed).replace(
            "if (map)", "if (!map) return 1;\n"
        )
        text = edited(tmp_path, "drivers/buf/core.c", plan(tmp_path, core=subsystem.CORE + local))
        assert "if (!buf->ops->map_it && !buf->ops->mmap_prepare) return 1;" in text
        assert typed not in text

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("return map(buf, vma)", "return hand(map)"),
            ("return map(buf, vma)", "map = buf_other"),
            ("return map(buf, vma)", "return map(vma)"),
            ("if (map)", "buf = next(buf);\n\tif (map)"),
            ("if (map)", "buf->ops = &other;\n\tif (map)"),
            ("= buf->ops->map_it", "= buf_ops(buf)->map_it"),
        ],
    )
    def test_a_variable_that_is_used_otherwise(self, old: str, new: str, tmp_path: Path) -> None:
        found = plan(tmp_path, core=subsystem.CORE + self.LOCAL.replace(old, new))
        assert found.refusal is not None
        assert found.refusal.id == "callback-use"

    @pytest.mark.parametrize(
        ("old", "new", "id_"),
        [
            ("err = buf->ops->map_it(buf, vma);", "err = hand(buf->ops->map_it);", "callback-use"),
            ("err = buf->ops->map_it(buf, vma);", "err = 0;", "callback-uncalled"),
            ("buf->ops->map_it(buf, vma)", "what(buf)->map_it(buf, vma)", "callback-use"),
            ("\tmutex_lock(", "\tbuf->own.map_it = NULL;\n\tmutex_lock(", "callback-use"),
            ("buf->ops->map_it(buf, vma)", "CALL(buf, map_it, vma)", "callback-in-macro"),
            ("map_it(buf, vma)", "map_it(buf, NULL)", "callback-use"),
            ("map_it(buf, vma)", "map_it(buf, fault->vma)", "callback-use"),
            (
                "\tmutex_lock(",
                "\tneed(offsetof(struct buf_ops, map_it));\n\tmutex_lock(",
                "callback-use",
            ),
            ("\tmutex_lock(", "\tneed(AT(map_it));\n\tmutex_lock(", "callback-use"),
        ],
    )
    def test_what_is_not_understood_leaves_all_as_it_is(
        self, old: str, new: str, id_: str, tmp_path: Path
    ) -> None:
        at = "#define AT(x) { offsetof(struct buf_ops, x), #x }\n"
        core = f"#define CALL(b, op, v) ((b)->ops->op(b, v))\n{at}" + subsystem.CORE.replace(
            old, new
        )
        found = plan(tmp_path, core=core)
        assert found.refusal is not None
        assert found.refusal.id == id_
        assert convert(tmp_path, "drivers/buf/io.c", found).edits == ()

    def test_older_releases_have_no_compat_helpers(self, tmp_path: Path) -> None:
        found = plan(tmp_path, target="7.0")
        assert found.refusal is not None
        assert found.refusal.id == "release-lacks-helper"


class TestTableAmongTheParameters:
    """The member takes the table that has it, as sysfs' attributes do."""

    HEADER = subsystem.HEADER.replace(
        "map_it)(struct buf *buf, ", "map_it)(const struct buf_ops *how, struct buf *buf, "
    )
    CALL = "err = buf->ops->map_it(buf->ops, buf, vma);"
    CORE = subsystem.CORE.replace("err = buf->ops->map_it(buf, vma);", CALL)

    def test_is_not_given_twice(self, tmp_path: Path) -> None:
        text = edited(
            tmp_path, "drivers/buf/core.c", plan(tmp_path, buf=self.HEADER, core=self.CORE)
        )
        assert "static int buf_call_mmap(const struct buf_ops *how, struct buf *buf,\n" in text
        assert "\terr = buf_call_mmap(buf->ops, buf, vma);\n" in text
        assert "\t\treturn how->map_it(how, buf, vma);\n" in text
        assert "\terr = how->mmap_prepare(how, buf, &desc);\n" in text

    def test_another_table_is_given(self, tmp_path: Path) -> None:
        core = self.CORE.replace("map_it(buf->ops, buf", "map_it(&buf->own, buf")
        text = edited(tmp_path, "drivers/buf/core.c", plan(tmp_path, buf=self.HEADER, core=core))
        assert "\terr = buf_call_mmap(buf->ops, &buf->own, buf, vma);\n" in text

    def test_one_call_gives_another(self, tmp_path: Path) -> None:
        again = "\terr = err ? err : buf->own.map_it(buf->ops, buf, vma);\n\treturn err;"
        core = self.CORE.replace("\treturn err;", again)
        text = edited(tmp_path, "drivers/buf/core.c", plan(tmp_path, buf=self.HEADER, core=core))
        assert "\terr = buf_call_mmap(buf->ops, buf->ops, buf, vma);\n" in text
        assert "buf_call_mmap(&buf->own, buf->ops, buf, vma);\n" in text


SHARE = """\
#include <linux/fs.h>
#include <linux/buf.h>

int buf_share(struct buf *buf, struct vm_area_struct *vma)
{
	return buf->ops->map_it(buf, vma);
}
"""


class TestSeveralDispatchers:
    """Two files call the member."""

    MADE = "\nint buf_call_mmap(const struct buf_ops *ops, struct buf *buf,\n"
    OWN = "static int buf_call_mmap(const struct buf_ops *ops,"
    DECLARED = (
        "\n};\n\nint buf_call_mmap(const struct buf_ops *ops, struct buf *buf,\n"
        "\t\t  struct vm_area_struct *vma);\n"
    )

    def plan(self, root: Path, makefile: str, **more: str) -> Callback:
        folder = root / "drivers/buf"
        folder.mkdir(parents=True)
        (folder / "Makefile").write_text(makefile)
        for name, text in {"share": SHARE, **more}.items():
            (folder / f"{name}.c").write_text(text)
        return plan(root)

    def texts(self, root: Path, callback: Callback) -> tuple[str, str, str]:
        names = ("drivers/buf/core.c", "drivers/buf/share.c", "include/linux/buf.h")
        core, share, header = (edited(root, name, callback) for name in names)
        return core, share, header

    @pytest.mark.parametrize(
        "makefile",
        ["buf-y := core.o \\\n\tshare.o\n", "buf-objs := core.o\nbuf-objs += share.o # both\n"],
    )
    def test_files_of_one_object_share_the_function(self, tmp_path: Path, makefile: str) -> None:
        core, share, header = self.texts(tmp_path, self.plan(tmp_path, makefile))
        assert self.MADE in core
        assert "{" not in share.replace("{\n\treturn buf_call_mmap(buf->ops, buf, vma);\n}", "")
        assert self.DECLARED in header

    @pytest.mark.parametrize(
        "makefile",
        [
            "",
            "buf-y := core.o\nother-y := share.o\n",
            "buf-y := core.o\nbuf-$(CONFIG_SHARE) += share.o\n",
            "buf-y := core.o # share.o\n",
        ],
    )
    def test_others_have_one_each(self, tmp_path: Path, makefile: str) -> None:
        core, share, header = self.texts(tmp_path, self.plan(tmp_path, makefile))
        assert self.OWN in core
        assert self.OWN in share
        assert "buf_call_mmap" not in header

    def test_a_name_that_another_file_has_is_not_shared(self, tmp_path: Path) -> None:
        other = "int buf_call_mmap(struct vm_area_struct *vma)\n{\n\treturn 0;\n}\n"
        found = self.plan(tmp_path, "buf-y := core.o share.o\n", other=other)
        core, share, _ = self.texts(tmp_path, found)
        assert self.OWN in core
        assert self.OWN in share


class TestTablesByPosition:
    """The twin is put behind the member: what comes after it would move."""

    @pytest.mark.parametrize(
        ("table", "refused"),
        [
            ("const struct buf_ops t = { t_open, t_mmap };", True),
            ("const struct buf_ops t[2] = { { t_open, t_mmap }, };", True),
            ("void f(void) { struct buf_ops t = { &t_open }; g(&t); }", True),
            ("const struct buf_ops t = { .open = t_open, };", False),
            ("const struct buf_ops t[] = { [1] = { .open = t_open }, };", False),
            ("struct buf_ops t = { 0 }; struct buf_ops u = { };", False),
            ("#define T_OPS .open = t_open\nconst struct buf_ops t = { T_OPS };", False),
        ],
    )
    def test_are_a_reason(self, table: str, *, refused: bool, tmp_path: Path) -> None:
        subsystem.write(tmp_path)
        text = f"#include <linux/buf.h>\n\nint t_mmap(struct vm_area_struct *vma);\n\n{table}\n"
        (tmp_path / "drivers/buf/table.c").write_text(text)
        found = planned(callback_named(NAME), KernelTree(tmp_path), releases.named("7.3"))
        assert (found.refusal.id if found.refusal else None) == (
            "positional-table" if refused else None
        )


class TestAgain:
    """A tree that has the twin already."""

    def write(self, root: Path) -> None:
        callback = plan(root)
        changed = {
            name: edited(root, name, callback)
            for name in ("include/linux/buf.h", "drivers/buf/core.c")
        }
        for name, text in changed.items():
            (root / name).write_text(text)

    def plan(self, root: Path) -> Callback:
        return planned(callback_named(NAME), KernelTree(root), releases.named("7.3"))

    def test_drivers_that_are_left_convert(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        found = self.plan(tmp_path)
        assert found.refusal is None
        assert found.groundwork is None
        made = convert(tmp_path, "drivers/buf/io.c", found)
        assert {edit.file for edit in made.edits} == {"drivers/buf/io.c"}

    def test_error_that_its_dispatcher_would_lose(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        assert convert(tmp_path, "drivers/buf/old.c", self.plan(tmp_path)).reason is None
        core = tmp_path / "drivers/buf/core.c"
        core.write_text(core.read_text().replace("error_override", "type"))
        found = convert(tmp_path, "drivers/buf/old.c", self.plan(tmp_path))
        assert found.reason is not None
        assert found.reason.id == "errno-in-compat"

    def test_twin_that_may_be_of_another_member(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        header = tmp_path / "include/linux/buf.h"
        old = "\tint (*map_it)(struct buf *buf, struct vm_area_struct *vma);\n"
        assert old in header.read_text()
        header.write_text(header.read_text().replace(old, old + old.replace("map_it", "map_io")))
        found = self.plan(tmp_path)
        assert found.refusal is not None
        assert found.refusal.id == "callback-done"
        assert "map_io" in found.refusal.message

    def test_code_that_knows_only_the_old_member(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        (tmp_path / "drivers/buf/other.c").write_text(
            "#include <linux/buf.h>\n\nint other_mmap(struct buf *buf, struct vm_area_struct *vma)"
            "\n{\n\treturn buf->ops->map_it(buf, vma);\n}\n"
        )
        found = self.plan(tmp_path)
        assert found.refusal is not None
        assert found.refusal.id == "callback-done"
        assert "drivers/buf/other.c:5" in found.refusal.message


class TestImplementation:
    def test_keeps_its_other_parameters(self, tmp_path: Path) -> None:
        found = convert(tmp_path, "drivers/buf/page.c", plan(tmp_path))
        source = KernelTree(tmp_path).open("drivers/buf/page.c")
        text = apply([found], source).decode()
        assert "page_buf_mmap_prepare(struct buf *buf, struct vm_area_desc *desc)" in text
        assert "\t.mmap_prepare = page_buf_mmap_prepare,\n" in text
        assert "vma" not in text.replace("vma_desc", "")

    def test_comes_with_the_groundwork(self, tmp_path: Path) -> None:
        callback = plan(tmp_path)
        found = convert(tmp_path, "drivers/buf/io.c", callback)
        assert found.groundwork == callback.groundwork
        assert callback.groundwork is not None
        assert set(callback.groundwork.edits) < set(found.edits)

    def test_table_with_both_members_is_refused(self, tmp_path: Path) -> None:
        both = subsystem.IO.replace(".open	= io_buf_open", ".mmap_prepare = io_buf_prepare")
        found = convert(tmp_path, "drivers/buf/io.c", plan(tmp_path, io=both))
        assert found.reason is not None
        assert found.reason.id == "both-members"

    def test_error_of_its_own_is_returned_by_the_dispatcher(self, tmp_path: Path) -> None:
        callback = plan(tmp_path)
        found = convert(tmp_path, "drivers/buf/old.c", callback)
        text = apply([found], KernelTree(tmp_path).open("drivers/buf/old.c")).decode()
        assert "\tdesc->action.error_override = -EAGAIN;\n" in text
        core = edited(tmp_path, "drivers/buf/core.c", callback)
        assert "\t\treturn desc.action.error_override;\n" in core

    def test_release_without_such_errors(self, tmp_path: Path) -> None:
        core = edited(tmp_path, "drivers/buf/core.c", plan(tmp_path, target="7.1"))
        assert "\treturn __compat_vma_mmap(&desc, vma);\n" in core

    def test_own_hooks_of_files_are_left_alone(self, tmp_path: Path) -> None:
        callback = plan(tmp_path)
        tree = KernelTree(tmp_path)
        source = tree.open("drivers/buf/core.c")
        assert convert_file(source, tree, "7.3", callback=callback) == []


class TestVerdict:
    """Old and new, each called as the dispatcher calls it."""

    def verdict(self, root: Path, file: str, **changed: str) -> tuple[str, tuple[str, ...]]:
        callback = plan(root, **changed)
        found = convert(root, file, callback)
        assert found.reason is None, found.reason
        tree = KernelTree(root)
        verdict = verify_conversion(found, tree.open(file), tree)
        assert any("legacy dispatcher" in bound for bound in verdict.bounds)
        return verdict.status, tuple(each.id for each in verdict.differences)

    @pytest.mark.parametrize(
        "file", ["drivers/buf/io.c", "drivers/buf/page.c", "drivers/buf/old.c"]
    )
    def test_same(self, file: str, tmp_path: Path) -> None:
        assert self.verdict(tmp_path, file) == ("equivalent", ())

    def test_forgotten_flag_is_seen(self, tmp_path: Path) -> None:
        callback = plan(tmp_path)
        found = convert(tmp_path, "drivers/buf/page.c", callback)
        tree = KernelTree(tmp_path)
        [edit] = [e for e in found.edits if b"vma_desc_set_flags" in e.new]
        wrong = edit.new.replace(b", VMA_DONTDUMP_BIT", b"")
        assert wrong != edit.new
        edits = tuple(
            type(e)(e.file, e.start, e.end, wrong if e is edit else e.new) for e in found.edits
        )
        broken = Conversion(found.handler, found.new_name, edits, groundwork=found.groundwork)
        verdict = verify_conversion(broken, tree.open("drivers/buf/page.c"), tree)
        assert verdict.status == "different"

    def test_offset_that_is_applied_twice_is_seen(self, tmp_path: Path) -> None:
        callback = plan(tmp_path)
        found = convert(tmp_path, "drivers/buf/io.c", callback)
        tree = KernelTree(tmp_path)
        edits = tuple(
            type(e)(
                e.file,
                e.start,
                e.end,
                e.new.replace(b"buf->phys,", b"buf->phys + (desc->pgoff << PAGE_SHIFT),"),
            )
            for e in found.edits
        )
        assert edits != found.edits
        broken = Conversion(found.handler, found.new_name, edits, groundwork=found.groundwork)
        verdict = verify_conversion(broken, tree.open("drivers/buf/io.c"), tree)
        assert verdict.status == "different"


class TestSetAtRunTime:
    PROBE = (
        "\nint io_buf_probe(struct buf *buf, struct buf_ops *ops)\n"
        "{\n\tops->map_it = io_buf_mmap;\n\treturn 0;\n}\n"
    )

    def converted(self, root: Path, more: str = "") -> Conversion:
        table = subsystem.IO.index("static const struct buf_ops")
        return convert(
            root, "drivers/buf/io.c", plan(root, io=subsystem.IO[:table] + self.PROBE + more)
        )

    def test_assignment_names_the_twin(self, tmp_path: Path) -> None:
        found = self.converted(tmp_path)
        text = apply([found], KernelTree(tmp_path).open("drivers/buf/io.c")).decode()
        assert "\tops->mmap_prepare = io_buf_mmap_prepare;\n" in text
        assert "set-at-run-time" in {note.id for note in found.notes}

    def test_another_assignment_may_be_of_the_same_object(self, tmp_path: Path) -> None:
        other = (
            "\nint io_other_mmap(struct buf *buf, struct vm_area_struct *vma)\n"
            "{\n\treturn vm_insert_page(vma, vma->vm_start, buf->page);\n}\n\n"
            "void io_buf_other(struct buf_ops *ops)\n{\n\tops->map_it = io_other_mmap;\n}\n"
        )
        table = subsystem.IO.index("static const struct buf_ops")
        callback = plan(tmp_path, io=subsystem.IO[:table] + self.PROBE + other)
        tree = KernelTree(tmp_path)
        found = convert_file(tree.open("drivers/buf/io.c"), tree, "7.3", callback=callback)
        assert [each.reason and each.reason.id for each in found] == ["table-assigned"] * 2

    @pytest.mark.parametrize(
        ("copy", "declined"),
        [
            ("b->own = *b->ops;", True),
            ("memcpy(&b->own, b->ops, sizeof(b->own));", True),
            ("b->other = kmemdup(b->ops, sizeof(*b->ops), GFP_KERNEL);", True),
            ("b->own.open = b->ops->open;", False),
            ("memcpy(&b->size, &b->phys, sizeof(b->size));", False),
            ("b->size = sizeof(*b->ops) + sizeof *b->ops; b->phys = *b->count;", False),
            ("b->other = kzalloc_obj(*b->ops); b->phys = *b->count;", False),
            ("b->own = (*b->ops);", True),
            ("b->own = sizeof(*b->ops) > 8 ? *b->ops : *b->other;", True),
        ],
    )
    def test_a_copy_by_a_pointer(self, copy: str, *, declined: bool, tmp_path: Path) -> None:
        core = f"\nvoid buf_copy(struct buf *b)\n{{\n\t{copy}\n\tb->own.map_it = own_map;\n}}\n"
        found = convert(tmp_path, "drivers/buf/io.c", plan(tmp_path, core=subsystem.CORE + core))
        if declined:
            assert found.reason is not None
            assert found.reason.id == "table-assigned"
        else:
            assert found.reason is None, found.reason

    @pytest.mark.parametrize("file", ["drivers/buf/io.c", "drivers/buf/other.c"])
    def test_a_copy_of_the_table_that_gets_another_member(self, file: str, tmp_path: Path) -> None:
        copying = (
            "#include <linux/buf.h>\n\nextern const struct buf_ops io_buf_ops;\n\n"
            "void other_probe(struct buf *buf)\n{\n\tbuf->own = io_buf_ops;\n"
            "\tbuf->own.map_it = other_mmap;\n}\n"
        )
        io = subsystem.IO.replace("static const struct", "const struct")
        inside = file.endswith("io.c")
        callback = plan(tmp_path, io=io + copying if inside else io)
        if not inside:
            (tmp_path / file).write_text(copying)
        tree = KernelTree(tmp_path)
        source = tree.open("drivers/buf/io.c")
        found = convert_file(source, tree, "7.3", callback=callback)[0]
        assert found.reason is not None
        assert found.reason.id == "table-assigned"


class TestCallingOneAnother:
    def test_hooks_convert_together(self, tmp_path: Path) -> None:
        page = subsystem.FAULTING.replace(
            "static int page_buf_mmap(struct buf *buf, struct vm_area_struct *vma)",
            "int page_buf_mmap(struct buf *buf, struct vm_area_struct *vma)",
        )
        wrapper = (
            "#include <linux/buf.h>\n\n"
            "int page_buf_mmap(struct buf *buf, struct vm_area_struct *vma);\n\n"
            "static int io_buf_mmap(struct buf *buf, struct vm_area_struct *vma)\n"
            "{\n\tif (vma->vm_pgoff)\n\t\treturn -EINVAL;\n\n"
            "\treturn page_buf_mmap(buf, vma);\n}\n\n"
            "static const struct buf_ops io_buf_ops = {\n\t.map_it	= io_buf_mmap,\n};\n"
        )
        found = convert(tmp_path, "drivers/buf/page.c", plan(tmp_path, page=page, io=wrapper))
        assert found.reason is None
        text = apply([found], KernelTree(tmp_path).open("drivers/buf/io.c")).decode()
        assert "\treturn page_buf_mmap_prepare(buf, desc);\n" in text
        assert "int page_buf_mmap_prepare(struct buf *buf, struct vm_area_desc *desc);\n" in text


class TestPageProtection:
    """What is computed from the flags of a VMA, is from those of the descriptor."""

    def test_protection_of_the_flags(self, tmp_path: Path) -> None:
        old = "pgprot_noncached(vma->vm_page_prot)"
        io = subsystem.IO.replace(old, "pgprot_noncached(vma_get_page_prot(vma))")
        found = convert(tmp_path, "drivers/buf/io.c", plan(tmp_path, io=io))
        tree = KernelTree(tmp_path)
        text = apply([found], tree.open("drivers/buf/io.c")).decode()
        assert "pgprot_noncached(vma_flags_to_page_prot(desc->vma_flags))" in text
        verdict = verify_conversion(found, tree.open("drivers/buf/io.c"), tree)
        assert verdict.status == "equivalent"


class TestReasons:
    def test_what_hinders_the_function_comes_before_who_else_calls_it(self, tmp_path: Path) -> None:
        old = "\treturn vm_iomap_memory(vma, buf->phys, buf->size);\n"
        io = subsystem.IO.replace(old, "\treturn vm_insert_page(vma, vma->vm_start, buf->page);\n")
        other = (
            "\nint io_buf_fault(struct vm_fault *vmf)\n{\n\treturn io_buf_mmap(0, vmf->vma);\n}\n"
        )
        found = convert(tmp_path, "drivers/buf/io.c", plan(tmp_path, io=io + other))
        assert found.reason is not None
        assert found.reason.id == "page-population"

    def test_who_else_calls_it(self, tmp_path: Path) -> None:
        other = (
            "\nint io_buf_fault(struct vm_fault *vmf)\n{\n\treturn io_buf_mmap(0, vmf->vma);\n}\n"
        )
        found = convert(tmp_path, "drivers/buf/io.c", plan(tmp_path, io=subsystem.IO + other))
        assert found.reason is not None
        assert found.reason.id == "second-caller"


class TestStyle:
    """Members that their header aligns, and parameters written in another way."""

    def test_parameters_stay_in_their_column(self, tmp_path: Path) -> None:
        old = "\tint (*map_it)(struct buf *buf, struct vm_area_struct *vma);\n"
        new = "\tint		(*map_it)	     (struct buf *buf, struct vm_area_struct * vma);\n"
        callback = plan(tmp_path, buf=subsystem.HEADER.replace(old, new))
        text = edited(tmp_path, "include/linux/buf.h", callback)
        wanted = "\tint		(*mmap_prepare)      (struct buf *buf,\n"
        assert wanted.expandtabs(8) in text.expandtabs(8)
        core = edited(tmp_path, "drivers/buf/core.c", callback)
        assert "struct vm_area_struct *vma)\n{\n\tstruct vm_area_desc desc;\n" in core

    def test_unnamed_parameters_are_called_what_they_are_given(self, tmp_path: Path) -> None:
        old = "\tint (*map_it)(struct buf *buf, struct vm_area_struct *vma);\n"
        new = "\tint (*map_it)(struct buf *, struct vm_area_struct *, void *, size_t);\n"
        core = subsystem.CORE.replace(
            "buf->ops->map_it(buf, vma)", "buf->ops->map_it(buf, vma, file->where, 4096)"
        )
        callback = plan(tmp_path, buf=subsystem.HEADER.replace(old, new), core=core)
        text = edited(tmp_path, "drivers/buf/core.c", callback)
        words = " ".join(text.split())
        assert "struct vm_area_struct *vma, void *where, size_t arg3) {" in words
        assert "return ops->map_it(buf, vma, where, arg3);" in text

    def test_returned_test_needs_no_parentheses(self, tmp_path: Path) -> None:
        core = subsystem.CORE.replace("buf->ops && buf->ops->map_it;", "buf->ops->map_it != NULL;")
        text = edited(tmp_path, "drivers/buf/core.c", plan(tmp_path, core=core))
        assert "\treturn buf->ops->map_it || buf->ops->mmap_prepare;\n" in text


class TestMacroThatCalls:
    def test_it_hands_the_vma_to_a_pointer(self, tmp_path: Path) -> None:
        macro = "#define buf_op(b, op, v) ((b)->more->op ? (b)->more->op(b, v) : 0)\n\n"
        old = "\treturn vm_iomap_memory(vma, buf->phys, buf->size);\n"
        io = macro + subsystem.IO.replace(old, "\treturn buf_op(buf, map_more, vma);\n")
        found = convert(tmp_path, "drivers/buf/io.c", plan(tmp_path, io=io))
        assert found.reason is not None
        assert found.reason.id == "member-call"


class TestVerdictOfErrors:
    def test_forgotten_error_is_seen(self, tmp_path: Path) -> None:
        callback = plan(tmp_path)
        found = convert(tmp_path, "drivers/buf/old.c", callback)
        tree = KernelTree(tmp_path)
        line = b"\tdesc->action.error_override = -EAGAIN;\n"
        assert any(line in edit.new for edit in found.edits)
        edits = tuple(
            type(e)(e.file, e.start, e.end, e.new.replace(line, b"")) for e in found.edits
        )
        broken = Conversion(found.handler, found.new_name, edits, groundwork=found.groundwork)
        verdict = verify_conversion(broken, tree.open("drivers/buf/old.c"), tree)
        assert verdict.status == "different"


class TestKernelDoc:
    @pytest.mark.parametrize("said", ["VMA", "the VMA", "the vma"])
    def test_parameter_is_a_descriptor(self, said: str, tmp_path: Path) -> None:
        old = "static int io_buf_mmap("
        doc = f"/**\n * io_buf_mmap - map it\n * @buf: what\n * @vma: {said}\n */\n"
        io = subsystem.IO.replace(old, doc + old)
        found = convert(tmp_path, "drivers/buf/io.c", plan(tmp_path, io=io))
        text = apply([found], KernelTree(tmp_path).open("drivers/buf/io.c")).decode()
        wanted = said[:-3] + "descriptor of the mapping"
        assert f" * io_buf_mmap_prepare - map it\n * @buf: what\n * @desc: {wanted}\n" in text


class TestClose:
    """After a failed action the compat path calls no ->close, as none was after the old hook."""

    CLOSING = (
        "static const struct vm_operations_struct io_buf_vm_ops = {\n"
        "\t.close = io_buf_close,\n};\n\n"
    )

    def test_populating_hook_with_close_converts(self, tmp_path: Path) -> None:
        head, hook = subsystem.IO.split("static int io_buf_mmap", 1)
        close = (
            "static void io_buf_close(struct vm_area_struct *vma)\n{\n"
            "\tstruct buf *buf = vma->vm_private_data;\n\n\tbuf->count--;\n}\n\n"
        )
        sets = "\tvma->vm_ops = &io_buf_vm_ops;\n\treturn vm_iomap_memory("
        hook = hook.replace("\treturn vm_iomap_memory(", sets)
        io = f"{head}{close}{self.CLOSING}static int io_buf_mmap{hook}"
        found = convert(tmp_path, "drivers/buf/io.c", plan(tmp_path, io=io))
        assert found.reason is None, found.reason
        tree = KernelTree(tmp_path)
        verdict = verify_conversion(found, tree.open("drivers/buf/io.c"), tree)
        assert verdict.status == "equivalent"


class TestHelperOfManyTables:
    def test_each_table_has_the_reason(self, tmp_path: Path) -> None:
        helper = subsystem.IO[: subsystem.IO.index("static const struct buf_ops")].replace(
            "static int io_buf_mmap", "int io_buf_mmap"
        )
        helper = helper.replace("return vm_iomap_memory(", "return dma_mmap_wc(buf->dev, ")
        table = (
            "#include <linux/buf.h>\n\n"
            "const struct buf_ops {} = {{\n\t.map_it = io_buf_mmap,\n}};\n"
        )
        callback = plan(
            tmp_path, io=helper, page=table.format("page_ops"), old=table.format("old_ops")
        )
        tree = KernelTree(tmp_path)
        found = [
            each
            for name in ("drivers/buf/page.c", "drivers/buf/old.c")
            for each in convert_file(tree.open(name), tree, "7.3", callback=callback)
        ]
        assert [each.reason and each.reason.id for each in found] == ["dma-population"] * 2
        assert {each.reason and each.reason.message for each in found} == {
            "drivers/buf/io.c:6: dma_mmap_wc() has no action that does the same"
        }
        assert [each.reason and each.reason.line for each in found] == [4, 4]
