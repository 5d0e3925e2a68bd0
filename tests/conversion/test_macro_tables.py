# SPDX-License-Identifier: GPL-2.0-only
"""Macros that set a subsystem's member, and the tables that they are put into."""

from __future__ import annotations

from pathlib import Path

import pytest
import subsystem

from premap import releases
from premap.conversion import callback_named, convert_file, planned
from premap.csource.edit import apply_edits
from premap.csource.tree import KernelTree
from premap.equivalence import verify_conversion
from premap.records import Conversion

MACROS = """
int buf_io_mmap(struct buf *buf, struct vm_area_struct *vma);

#define __BUF_IO_MMAP	\\
	.map_it		= buf_io_mmap

#define BUF_IO_OPS			\\
	.open	= buf_io_open,		\\
	.count	= 4, __BUF_IO_MMAP
"""
HELPER = """\
#include <linux/buf.h>

int buf_io_mmap(struct buf *buf, struct vm_area_struct *vma)
{
	return vm_iomap_memory(vma, buf->phys, buf->size);
}
EXPORT_SYMBOL(buf_io_mmap);
"""
PLAIN = """\
#include <linux/buf.h>

static const struct buf_ops plain_buf_ops = {
	BUF_IO_OPS, /* all there is */
};
"""
BUF = subsystem.HEADER + MACROS


def write(root: Path, header: str = BUF, **drivers: str) -> None:
    subsystem.write(root, buf=header)
    for name, text in {"helper": HELPER, "plain": PLAIN, **drivers}.items():
        (root / f"drivers/buf/{name}.c").write_text(text)


def convert(root: Path, file: str = "include/linux/buf.h") -> tuple[Conversion, KernelTree]:
    tree = KernelTree(root)
    callback = planned(callback_named("struct buf_ops.map_it"), tree, releases.named("7.3"))
    assert callback.refusal is None
    [found] = convert_file(tree.open(file), tree, "7.3", callback=callback)
    return found, tree


def texts(root: Path) -> dict[str, str]:
    """Return the changed files, after a conversion that is equivalent."""
    found, tree = convert(root)
    assert found.reason is None
    source = tree.open("include/linux/buf.h")
    assert verify_conversion(found, source, tree).status == "equivalent"
    names = {edit.file for edit in found.edits}
    return {
        name: apply_edits(
            (root / name).read_bytes(), [edit for edit in found.edits if edit.file == name]
        ).decode()
        for name in names
    }


def declined(root: Path) -> str:
    found, _ = convert(root)
    assert found.reason is not None
    assert found.reason.id == "macro-table"
    return found.reason.message


class TestEntry:
    def test_names_the_twin(self, tmp_path: Path) -> None:
        write(tmp_path)
        assert "set-by-macro" in {note.id for note in convert(tmp_path)[0].notes}
        found = texts(tmp_path)
        assert "\n\t.mmap_prepare	= buf_io_mmap_prepare\n" in found["include/linux/buf.h"]
        assert "struct buf *buf, struct vm_area_desc *desc);" in found["include/linux/buf.h"]
        assert "EXPORT_SYMBOL(buf_io_mmap_prepare);" in found["drivers/buf/helper.c"]
        assert "drivers/buf/plain.c" not in found

    def test_backslash_behind_it_stays_where_it_is(self, tmp_path: Path) -> None:
        whole = "#define X_OPS(n)\t\t\t\\\n\t.map_it\t\t= buf_io_mmap,\t\t\\\n\t.count\t= n\n"
        write(tmp_path, BUF[: BUF.index("#define __BUF")] + whole, plain="")
        assert (
            "\n\t.mmap_prepare	= buf_io_mmap_prepare,\t\\\n\t.count"
            in (texts(tmp_path)["include/linux/buf.h"])
        )

    def test_of_a_table_that_the_macro_defines(self, tmp_path: Path) -> None:
        whole = (
            "#define DEFINE_BUF(n) \\\nstatic const struct buf_ops n = { \\\n"
            "\t.map_it = buf_io_mmap, \\\n}\n"
        )
        use = "#include <linux/buf.h>\n\nDEFINE_BUF(plain_buf_ops);\n"
        write(tmp_path, BUF[: BUF.index("#define __BUF")] + whole, plain=use)
        assert ".mmap_prepare = buf_io_mmap_prepare, \\\n" in texts(tmp_path)["include/linux/buf.h"]

    def test_beside_another_in_an_arm_of_its_own(self, tmp_path: Path) -> None:
        arms = "#ifdef CONFIG_OWN\n\t.map_it = own_mmap,\n#else\n\tBUF_IO_OPS,\n#endif\n"
        write(tmp_path, own=PLAIN.replace("\tBUF_IO_OPS, /* all there is */\n", arms))
        assert "drivers/buf/own.c" not in texts(tmp_path)


class TestDeclined:
    @pytest.mark.parametrize(
        "entries",
        [
            "BUF_IO_OPS, .map_it = own_mmap",
            "BUF_IO_OPS, .mmap_prepare = own_mmap",
            "BUF_IO_OPS, SOME_OPS",
            "BUF_IO_OPS, OWN_OPS(1)",
            "BUF_IO_OPS, NOBODY_KNOWS",
            "[0] = { 0 }, BUF_IO_OPS",
        ],
    )
    def test_what_may_set_the_member_beside_it(self, entries: str, tmp_path: Path) -> None:
        more = "#define SOME_OPS OWN_OPS(2)\n#define OWN_OPS(n) .count = n, .map_it = own_mmap\n"
        write(tmp_path, own=more + PLAIN.replace("BUF_IO_OPS,", entries + ","))
        assert declined(tmp_path).startswith("drivers/buf/own.c:")

    def test_tables_of_another_type(self, tmp_path: Path) -> None:
        write(tmp_path, own=PLAIN.replace("struct buf_ops", "struct other_ops"))
        assert "something else than a struct buf_ops" in declined(tmp_path)

    @pytest.mark.parametrize(
        "use", ["DEFINE(BUF_IO_OPS);", "#ifdef BUF_IO_OPS\n#endif", "#define M f(BUF_IO_OPS)"]
    )
    def test_uses_that_are_no_entries(self, use: str, tmp_path: Path) -> None:
        write(tmp_path, own=f"#include <linux/buf.h>\n\n{use}\n")
        assert "something else" in declined(tmp_path)

    def test_a_user_that_does_not_speak_of_mappings(self, tmp_path: Path) -> None:
        words = "#define BUF_OPS BUF_IO_OPS\n"
        (tmp_path / "include").mkdir()
        (tmp_path / "include/words.h").write_text(words)
        own = "#include <words.h>\n\nstatic const struct other_ops own_ops = { BUF_OPS };\n"
        write(tmp_path, own=own)
        assert "drivers/buf/own.c:3: the macro BUF_OPS" in declined(tmp_path)

    def test_a_function_that_the_user_names(self, tmp_path: Path) -> None:
        macro = "#define __BUF_IO_MMAP(f)\t.map_it = f\n"
        write(tmp_path, BUF[: BUF.index("#define __BUF")] + macro, plain="")
        assert "who uses the macro" in declined(tmp_path)


class TestSetAtRunTime:
    HEAD = PLAIN + "\nvoid own_init(struct buf *buf, struct buf_ops *ops)\n{\n"

    def own(self, statements: str) -> str:
        return f"{self.HEAD}{statements}\n}}\n"

    def test_twin_is_taken_away(self, tmp_path: Path) -> None:
        write(tmp_path, own=self.own("\tplain_buf_ops.map_it = own_mmap;\n\tbuf->x = 1;"))
        assert (
            "\tplain_buf_ops.map_it = own_mmap;\n\tplain_buf_ops.mmap_prepare = NULL;\n\tbuf->x"
        ) in texts(tmp_path)["drivers/buf/own.c"]

    def test_condition_gets_braces(self, tmp_path: Path) -> None:
        write(tmp_path, own=self.own("\tif (buf)\n\t\tplain_buf_ops.map_it = own_mmap;"))
        assert (
            "\tif (buf) {\n\t\tplain_buf_ops.map_it = own_mmap;\n"
            "\t\tplain_buf_ops.mmap_prepare = NULL;\n\t}\n"
        ) in texts(tmp_path)["drivers/buf/own.c"]

    @pytest.mark.parametrize(
        "statement",
        [
            "ops->map_it = own_mmap;",
            "buf->own.map_it = own_mmap;",
            "if (buf)\n\t\tplain_buf_ops.map_it = own_mmap;\n\telse\n\t\tbuf->x = 1;",
            "f(plain_buf_ops.map_it = own_mmap);",
        ],
    )
    def test_what_can_not_be_told_is_declined(self, statement: str, tmp_path: Path) -> None:
        write(tmp_path, own=self.own(f"\t{statement}"))
        assert declined(tmp_path).startswith("drivers/buf/own.c:")

    def test_what_is_set_there_does_not_convert(self, tmp_path: Path) -> None:
        hook = (
            "static int own_mmap(struct buf *buf, struct vm_area_struct *vma)\n{\n\treturn 0;\n}\n"
        )
        own = hook + self.own("\tplain_buf_ops.map_it = own_mmap;")
        write(tmp_path, own=own)
        found, _ = convert(tmp_path, "drivers/buf/own.c")
        assert found.reason is not None
        assert found.reason.id == "table-assigned"
        assert "from the macro BUF_IO_OPS" in found.reason.message
