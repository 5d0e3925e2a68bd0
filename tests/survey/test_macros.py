# SPDX-License-Identifier: GPL-2.0-only
"""Members that macros set: of which table, as their users tell; and by their arguments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.survey.test_survey import surveyed

Write = Callable[..., None]

HEADER = """\
struct chest_ops {
	int (*mmap)(struct file *, struct vm_area_struct *);
	int (*count)(struct file *);
};
#define CHEST_MMAP .mmap = room_common_mmap
#define CHEST_DEFAULTS(n) \\
	.open = n ## _open, \\
	CHEST_MMAP
"""
USER = '#include "chest.h"\nstatic const struct {} c = {{ CHEST_MMAP, }};\n'


def of_macro(root: Path, name: str, *, deep: bool = False) -> list[dict[str, Any]]:
    """Survey a tree; return the sites that a macro sets."""
    sites = surveyed(root, deep=deep)["handlers"]
    return [site for site in sites if site["in_macro"] == name]


@pytest.fixture
def write(small_tree: Path) -> Write:
    """Write files of drivers/room by their names; "a_h" is a.h."""

    def all_of(**files: str) -> None:
        for name, text in files.items():
            path = small_tree / "drivers/room" / name.replace("_", ".")
            path.write_text("#include <linux/room.h>\n#include <linux/fs.h>\n" + text)

    return all_of


class TestTables:
    """`#define OPS .mmap = f` says no type: what it is put into does."""

    def types(self, root: Path, store: Path | None = None) -> list[str]:
        document = surveyed(root, store)
        assert document["errors"] == []
        return [s["ops"] for s in document["handlers"] if s["in_macro"] == "CHEST_MMAP"]

    def test_nobody_uses_it(self, small_tree: Path, write: Write) -> None:
        write(chest_h=HEADER)
        assert self.types(small_tree) == ["?"]

    def test_a_user_elsewhere_that_says_nothing_of_mmap(
        self, small_tree: Path, write: Write
    ) -> None:
        user = '#include "chest.h"\nstatic struct file_operations c = { CHEST_DEFAULTS(x), };\n'
        write(chest_h=HEADER, user_c=user)
        assert self.types(small_tree) == ["struct file_operations"]

    def test_a_site_for_each_type(self, small_tree: Path, write: Write) -> None:
        one, two = USER.format("chest_ops"), USER.format("file_operations")
        write(chest_h=HEADER, a_c=one, b_c=two, c_c=two)
        assert self.types(small_tree) == ["struct chest_ops", "struct file_operations"]
        waits = {site["ops"]: site["waits_for"] for site in of_macro(small_tree, "CHEST_MMAP")}
        assert "struct chest_ops.mmap" in waits["struct chest_ops"]
        assert "struct chest_ops.mmap" not in waits["struct file_operations"]

    def test_a_table_without_such_a_member_is_none(self, small_tree: Path, write: Write) -> None:
        write(chest_h=HEADER, user_c=USER.format("room_ops"))
        assert self.types(small_tree) == ["?"]

    def test_another_macro_of_that_name_is_not_meant(self, small_tree: Path, write: Write) -> None:
        other = "#define CHEST_MMAP .open = NULL\nstatic struct file_operations c = { CHEST_MMAP };"
        write(chest_h=HEADER, user_c=other)
        assert self.types(small_tree) == ["?"]

    def test_users_that_come_and_go_are_seen(
        self, small_tree: Path, write: Write, tmp_path: Path
    ) -> None:
        store = tmp_path / "store"
        write(chest_h=HEADER)
        assert self.types(small_tree, store) == ["?"]
        write(user_c=USER.format("chest_ops"))
        assert self.types(small_tree, store) == ["struct chest_ops"]
        assert self.types(small_tree, store) == ["struct chest_ops"]
        write(user_c=USER.format("file_operations"))
        assert self.types(small_tree, store) == ["struct file_operations"]
        (small_tree / "drivers/room/user.c").unlink()
        assert self.types(small_tree, store) == ["?"]

    def test_the_only_structure_with_the_member(self, small_tree: Path, write: Write) -> None:
        """No user is needed: nothing else has a `room_mmap`."""
        default = "int cupboard_mmap(struct room *room, struct vm_area_struct *vma);\n"
        write(ops_h=default + "#define ROOM_OPS .room_mmap = cupboard_mmap\n")
        (site,) = of_macro(small_tree, "ROOM_OPS")
        assert site["ops"] == "struct room_ops"
        assert "struct room_ops.room_mmap" in site["waits_for"]

    def test_not_if_what_it_is_set_to_may_get_no_vma(self, small_tree: Path, write: Write) -> None:
        """A member of that name may be of a structure that has nothing to do with mappings."""
        write(ops_h="#define ROOM_OPS .room_mmap = who_knows\n")
        assert [site["ops"] for site in of_macro(small_tree, "ROOM_OPS")] == ["?"]

    def test_a_folder_without_the_kernels_headers(self, tmp_path: Path) -> None:
        (tmp_path / "ops.h").write_text("#define DEFAULTS .open = o, .mmap = bar_mmap\n")
        (tmp_path / "bar.c").write_text(
            '#include "ops.h"\n'
            "int bar_mmap(struct file *file, struct vm_area_struct *vma)\n{\n\treturn 0;\n}\n"
            "static const struct file_operations bar_fops = { DEFAULTS };\n"
        )
        sites = surveyed(tmp_path)["handlers"]
        assert [(site["file"], site["ops"]) for site in sites] == [
            ("ops.h", "struct file_operations")
        ]

    def test_a_table_without_a_twin_says_so(self, small_tree: Path, write: Write) -> None:
        write(chest_h=HEADER, user_c=USER.format("chest_ops"))
        (site,) = of_macro(small_tree, "CHEST_MMAP", deep=True)
        assert site["reason"]["id"] == "not-file-operations"


class TestArguments:
    """`SET(ops, mmap, f)`: the member is named where the macro is used."""

    SET = "#define SET(ops, member, f) do { (ops)->member = (f); } while (0)\n"
    USE = "void use(struct {} *o)\n{{\n\t{};\n}}\n"

    def sites(self, root: Path) -> list[tuple[str, str, str, str | None]]:
        document = surveyed(root)
        assert document["errors"] == []
        return [
            (site["handler"], site["ops"], site["class"], site["in_macro"])
            for site in document["handlers"]
            if site["file"] == "drivers/room/a.c"
        ]

    def test_an_assignment(self, small_tree: Path, write: Write) -> None:
        use = self.USE.format("file_operations", "SET(o, mmap, room_common_mmap)")
        write(a_c=self.SET + use)
        assert self.sites(small_tree) == [
            ("room_common_mmap", "struct file_operations", "member", "SET")
        ]

    def test_a_macro_of_a_header_that_uses_another(self, small_tree: Path, write: Write) -> None:
        header = self.SET + "#define OUTER(name, ops) SET(ops, name, room_common_mmap)\n"
        use = self.USE.format("file_operations", "OUTER(mmap, o)")
        write(set_h=header, a_c='#include "set.h"\n' + use)
        assert self.sites(small_tree) == [
            ("room_common_mmap", "struct file_operations", "member", "OUTER")
        ]

    def test_an_entry(self, small_tree: Path, write: Write) -> None:
        macro = "#define OP(member, f) .member = f\n"
        table = "static struct file_operations x = { OP(open, g), OP(mmap, room_common_mmap), };\n"
        write(a_c=macro + table)
        assert self.sites(small_tree) == [
            ("room_common_mmap", "struct file_operations", "member", "OP")
        ]

    def test_a_copy_of_another_table(self, small_tree: Path, write: Write) -> None:
        macro = "#define PATCH(name) if (!o->name) o->name = other.name\n"
        other = "static struct file_operations other;\n"
        use = self.USE.format("file_operations", "PATCH(open);\n\tPATCH(mmap)")
        write(a_c=macro + other + use)
        assert self.sites(small_tree) == [
            ("other.mmap", "struct file_operations", "copies", "PATCH")
        ]

    def test_what_only_reads_the_member_sets_none(self, small_tree: Path, write: Write) -> None:
        macro = "#define CALL(o, op) ((o)->op ? (o)->op(file, vma) : 0)\n"
        compares = "#define SAME(o, op) ((o)->op == (o)->open)\n"
        use = self.USE.format("file_operations", "CALL(o, mmap); SAME(o, mmap)")
        write(a_c=macro + compares + use)
        assert self.sites(small_tree) == []

    def test_a_member_that_gets_no_vma_is_explained(self, small_tree: Path, write: Write) -> None:
        other = "struct lamp { int (*mmap)(int); };\nint lit(int on);\n"
        use = self.USE.format("lamp", "SET(o, mmap, lit)")
        write(a_c=other + self.SET + use)
        assert self.sites(small_tree) == []
        told = [(e["file"], e["rule"]) for e in surveyed(small_tree)["explained"]]
        assert ("drivers/room/a.c", "no-vma") in told

    def test_what_the_body_names_itself_is_listed_once(
        self, small_tree: Path, write: Write
    ) -> None:
        macro = "#define SET_TO(o, f) (o)->mmap = f\n"
        use = self.USE.format("file_operations", "SET_TO(o, mmap)")
        write(a_c=macro + use)
        assert [(handler, macro) for handler, _, _, macro in self.sites(small_tree)] == [
            ("f", "SET_TO")
        ]

    def test_it_is_declined_for_that(self, small_tree: Path, write: Write) -> None:
        write(a_c=self.SET + self.USE.format("file_operations", "SET(o, mmap, room_common_mmap)"))
        (site,) = of_macro(small_tree, "SET", deep=True)
        assert (site["status"], site["reason"]["id"]) == ("declined", "macro-table")
