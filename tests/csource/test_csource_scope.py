# SPDX-License-Identifier: GPL-2.0-only
"""Names across files: a small tree of our own, then a real one."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from premap.csource import ctypes
from premap.csource.includes import closure
from premap.csource.nodes import parse_expression, text_of
from premap.csource.scope import Scope
from premap.csource.source import SourceFile
from premap.csource.structs import StructDef, overlap
from premap.csource.tree import KernelTree, find_tree

FILES = {
    "Makefile": "# x\nVERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n",
    "include/linux/a.h": """
#ifndef _A_H
#define _A_H
#include <asm/b.h>
#include <linux/cycle.h>
#ifdef CONFIG_X
static inline int both(int a)
{
	return a;
}
#else
static inline int both(int a) { return 0; }
#endif
/* int commented(void) { } */
extern int declared(struct dev *d, unsigned long n) __must_check;
int *pointer_result(void);
#define OUTER(x) (INNER(x) + 1)
#define INNER(x) ((x) << 4)
#define HEX 0x10UL
#define LOOP LOOP2
#define LOOP2 LOOP
typedef struct { unsigned long prot; } prot_t;
typedef int (*hook_t)(struct dev *, void *);
typedef unsigned int __bitwise flags_t;
enum kind { KIND_A, KIND_B = 5, KIND_C, KIND_D = KIND_C * 2, KIND_E, KIND_X = UNKNOWN_THING };
extern struct dev *the_dev;
#endif
""",
    "include/linux/cycle.h": "#include <linux/a.h>\nstruct cyclic { struct cyclic *next; };\n",
    "arch/x86/include/asm/b.h": "#define ARCH 64\n",
    "include/asm-generic/b.h": "#define ARCH 0\n",
    "include/asm-generic/g.h": "#define GENERIC 1\n",
    "drivers/d/Makefile": "ccflags-y += -I$(src)/inc -I $(srctree)/drivers/shared\n",
    "drivers/d/inc/own.h": "#define OWN 1\n",
    "drivers/shared/shared.h": "#define SHARED 1\n",
    "drivers/d/local.h": "struct local { int x; };\n",
    "drivers/d/d.c": """
#include <linux/a.h>
#include "local.h"
#include "own.h"
#include <shared.h>
#include <asm/g.h>
#include <linux/not-there.h>
static const int limit = 4;
static struct local table[2] = { { 1 } };
extern int elsewhere;
int in_file(prot_t p) { return 0; }
""",
}


@pytest.fixture
def scope(tmp_path: Path) -> Scope:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    tree = KernelTree(tmp_path)
    return Scope(tree.open("drivers/d/d.c"), tree)


def alone(text: str) -> Scope:
    return Scope(SourceFile("x.c", text.encode("latin-1")))


def struct(text: str) -> StructDef:
    found = alone(text).struct("struct", "s")
    assert found is not None
    return found


class TestTree:
    def test_release(self, scope: Scope) -> None:
        assert scope.tree is not None
        assert scope.tree.release == "7.3"

    def test_it_is_found_from_below(self, scope: Scope) -> None:
        assert scope.tree is not None
        found = find_tree(scope.tree.root / "drivers/d/d.c")
        assert found is not None
        assert found.root == scope.tree.root

    def test_none_elsewhere(self, tmp_path: Path) -> None:
        (tmp_path / "Makefile").write_text("VERSION = 1\nPATCHLEVEL = 2\n")
        assert find_tree(tmp_path / "x.c") is None

    def test_files_are_read_once(self, scope: Scope) -> None:
        assert scope.tree is not None
        assert scope.tree.open("drivers/d/d.c") is scope.source

    def test_names_are_relative(self, scope: Scope) -> None:
        assert scope.tree is not None
        root = scope.tree.root
        assert scope.tree.relative(root / "drivers/../drivers/d/d.c") == "drivers/d/d.c"

    def test_a_link_keeps_its_name(self, scope: Scope) -> None:
        assert scope.tree is not None
        link = scope.tree.root / "link.c"
        link.symlink_to("drivers/d/d.c")
        assert scope.tree.relative(link) == "link.c"

    def test_a_tree_of_links_has_its_own_names(self, scope: Scope, tmp_path: Path) -> None:
        assert scope.tree is not None
        links = tmp_path / "links"
        links.mkdir()
        for name in ("Makefile", "include", "drivers"):
            (links / name).symlink_to(scope.tree.root / name)
        assert KernelTree(links).relative(links / "drivers/d/d.c") == "drivers/d/d.c"

    def test_a_file_of_another_place_includes_what_the_tree_has(self, scope: Scope) -> None:
        text = b"#include <linux/cycle.h>\n"
        names = [file.name for file in closure(SourceFile("/else/x.c", text), scope.tree)]
        assert names[:3] == ["/else/x.c", "include/linux/cycle.h", "include/linux/a.h"]

    def test_files_outside_are_not_in_it(self, scope: Scope) -> None:
        assert scope.tree is not None
        assert not scope.tree.exists("../../etc/passwd")
        assert not scope.tree.exists("/etc/passwd")


class TestIncludes:
    def test_all_that_can_be_found(self, scope: Scope) -> None:
        assert {file.name for file in closure(scope.source, scope.tree)} == {
            "drivers/d/d.c",
            "drivers/d/local.h",
            "drivers/d/inc/own.h",
            "drivers/shared/shared.h",
            "include/linux/a.h",
            "include/linux/cycle.h",
            "arch/x86/include/asm/b.h",
            "include/asm-generic/g.h",
        }

    def test_no_more_is_read_than_is_looked_at(self, scope: Scope) -> None:
        tree = scope.tree
        assert tree is not None
        for file in scope.files:
            if file.name == "drivers/d/local.h":
                break
        tree.renew({"include/linux/cycle.h": b"", "arch/x86/include/asm/b.h": b"changed"})
        texts = {file.name: file.text for file in scope.files}
        assert texts["arch/x86/include/asm/b.h"] == b"changed"
        assert list(texts) == [file.name for file in closure(scope.source, tree)]

    def test_without_a_tree_only_the_file(self) -> None:
        assert [file.name for file in alone("#include <linux/a.h>\n").files] == ["x.c"]


class TestFunctions:
    def test_in_the_file(self, scope: Scope) -> None:
        assert [f.source.name for f in scope.function("in_file")] == ["drivers/d/d.c"]

    def test_both_arms_of_a_header(self, scope: Scope) -> None:
        found = scope.function("both")
        assert [f.arms for f in found] == [("defined(CONFIG_X)",), ("!defined(CONFIG_X)",)]

    def test_offsets_are_those_of_the_header(self, scope: Scope) -> None:
        found = scope.function("both")[0]
        text = found.source.text_of(found.node)
        assert text.startswith(b"static inline int both(int a)\n{")
        assert (
            found.line
            == FILES["include/linux/a.h"].splitlines().index("static inline int both(int a)") + 1
        )

    @pytest.mark.parametrize("name", ["declared", "commented", "OUTER", "nowhere", "return", ""])
    def test_what_is_no_definition(self, scope: Scope, name: str) -> None:
        assert scope.function(name) == []

    def test_type_of_a_prototype(self, scope: Scope) -> None:
        found = scope.function_type("declared")
        dev = ctypes.PointerType(ctypes.StructType("struct", "dev"))
        assert found == ctypes.FunctionType(ctypes.INT, (dev, ctypes.UNSIGNED_LONG))

    def test_a_result_that_is_a_pointer(self, scope: Scope) -> None:
        found = scope.function_type("pointer_result")
        assert found == ctypes.FunctionType(ctypes.PointerType(ctypes.INT), ())


class TestMacros:
    def test_the_architecture_goes_before_the_generic(self, scope: Scope) -> None:
        assert [m.body for m in scope.macro("ARCH")] == ["64"]

    @pytest.mark.parametrize("name", ["OWN", "SHARED", "GENERIC"])
    def test_include_paths(self, scope: Scope, name: str) -> None:
        assert [m.body for m in scope.macro(name)] == ["1"]


class TestOwnVariables:
    HEADER = "#define level 7\n#define most(a) (a)\nenum { first };\n"

    def scope(self, tmp_path: Path, text: str) -> Scope:
        (tmp_path / "h.h").write_text(self.HEADER)
        (tmp_path / "x.c").write_text(f'#include "h.h"\n{text}')
        tree = KernelTree(tmp_path)
        return Scope(tree.open("x.c"), tree)

    def bodies(self, tmp_path: Path, text: str, name: str) -> list[str]:
        return [macro.body for macro in self.scope(tmp_path, text).plain_macro(name)]

    def test_a_macro_of_a_header(self, tmp_path: Path) -> None:
        assert self.bodies(tmp_path, "", "level") == ["7"]

    @pytest.mark.parametrize("text", ["extern int level;", "int level;", "int f(void);"])
    def test_what_is_only_declared_may_be_a_macro(self, tmp_path: Path, text: str) -> None:
        assert self.bodies(tmp_path, text, "level") == ["7"]

    @pytest.mark.parametrize("text", ["static int level;", "int level = 1;"])
    def test_an_own_variable_is_none(self, tmp_path: Path, text: str) -> None:
        assert self.bodies(tmp_path, text, "level") == []

    def test_a_variable_of_one_arm_is_none_there_alone(self, tmp_path: Path) -> None:
        text = "#ifdef CONFIG_X\nstatic int level;\n#endif\n"
        assert self.bodies(tmp_path, text, "level") == ["7"]

    def test_own_macros_count(self, tmp_path: Path) -> None:
        text = "static int level;\n#define level 8\n"
        assert self.bodies(tmp_path, text, "level") == ["8"]

    def test_a_macro_with_parameters_may_have_the_name_of_a_variable(self, tmp_path: Path) -> None:
        scope = self.scope(tmp_path, "static int most;\n")
        assert [macro.body for macro in scope.macro("most")] == ["(a)"]
        assert scope.plain_macro("most") == []

    def test_an_own_variable_is_no_enumerator(self, tmp_path: Path) -> None:
        assert self.scope(tmp_path, "").enum_constant("first") == 0
        assert self.scope(tmp_path, "static int first = 4;").enum_constant("first") is None


class TestOwnMacros:
    """Those of a file and its own headers: few are looked for in the text, more in an index."""

    def test_few_and_many_are_found_alike(self, tmp_path: Path) -> None:
        driver = tmp_path / "drivers/ring"
        driver.mkdir(parents=True)
        (tmp_path / "Makefile").write_text(FILES["Makefile"])
        lines = [f"#define REG_{n}(x) {n}\n" for n in range(64)]
        (driver / "regs.h").write_text("".join(lines) + "# define /* far */ REG_LAST \\\n\t64\n")
        text = '#include "regs.h"\n#define REG_7 first\nint f(void) { return REG_8; }\n'
        (driver / "ring.c").write_text(text)
        tree = KernelTree(tmp_path)
        expected = {f"REG_{n}": [str(n)] for n in range(64)}
        expected |= {"REG_7": ["first", "7"], "REG_LAST": ["64"], "REG_": [], "REG_64": []}
        for names in (list(expected), list(reversed(expected))):
            scope = Scope(tree.open("drivers/ring/ring.c"), tree)
            found = {name: [macro.body for macro in scope.own_macro(name)] for name in names}
            assert found == expected


class TestOwnOfAHeader:
    """A header that is looked into is not parsed for what it defines itself."""

    def of(self, tmp_path: Path, text: str) -> Scope:
        for name, given in (("Makefile", FILES["Makefile"]), ("include/linux/h.h", text)):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(given)
        (tmp_path / "include/linux/m.h").write_text("#define own 1\n")
        tree = KernelTree(tmp_path)
        return Scope(tree.open("include/linux/h.h"), tree)

    @pytest.mark.parametrize(
        "text",
        [
            "static int own;",
            "static const int\n\town[] = { 1, 2 };",
            "int f(void);\n#define A 1\nstatic int a, own = 3;",
        ],
    )
    def test_a_variable_is_no_macro(self, tmp_path: Path, text: str) -> None:
        scope = self.of(tmp_path, f"#include <linux/m.h>\n{text}\n")
        assert scope.plain_macro("own") == []

    @pytest.mark.parametrize(
        "text",
        [
            "static inline int f(void) { return own; }",
            "static int other = own;",
            "/* static int own; */",
            "extern int own;",
        ],
    )
    def test_what_is_none_may_be_one(self, tmp_path: Path, text: str) -> None:
        scope = self.of(tmp_path, f"#include <linux/m.h>\n{text}\n")
        assert [macro.body for macro in scope.plain_macro("own")] == ["1"]

    def test_functions_of_both_arms(self, tmp_path: Path) -> None:
        text = "#ifdef A\nint f(void) { return 1; }\n#else\nint f(void);\n#endif\nint g(void);\n"
        scope = self.of(tmp_path, text)
        assert [found.arms for found in scope.own_functions("f")] == [("defined(A)",)]
        assert scope.own_functions("own") == []


class TestConstants:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("KIND_A", 0),
            ("KIND_C", 6),
            ("KIND_E", 13),
            ("KIND_X", None),
            ("OUTER(2)", 33),
            ("HEX | 1", 17),
            ("LOOP", None),
            ("nowhere", None),
            ("nowhere(1)", None),
            ("-1 < 0u", 0),
            ("-1 < 0", 1),
            ("~0UL >> 63", 1),
            ("1 << 31", -(1 << 31)),
            ("1u << 31", 1 << 31),
            ("-7 / 2", -3),
            ("-7 % 2", -1),
            ("1 / 0", None),
            ("1 << 32", None),
            ("0x80000000 + 0", 1 << 31),
            ("010", 8),
            ("'a'", 97),
            ("1 ? 2 : nowhere", 2),
            ("4294967295u + 1", 0),
            ("4294967295 + 1", 1 << 32),
            ("!5", 0),
            ("(unsigned char)300", 44),
            ("(signed char)200", -56),
            ("(unsigned char)255 + 1", 256),
            ("(unsigned int)-1", (1 << 32) - 1),
            ("(unsigned long)-1", (1 << 64) - 1),
            ("(long)-1 < 0", 1),
            ("(bool)8", 1),
            ("(u16)0x12345 << 1", 0x2345 << 1),
            ("(no_such_t)1", None),
            ("(void *)1", None),
            ("(float)1", None),
        ],
    )
    def test_value(self, scope: Scope, text: str, value: int | None) -> None:
        assert scope.constant(parse_expression(text)) == value

    def test_an_enumerator_keeps_its_expression(self, scope: Scope) -> None:
        found = scope.enumerator("KIND_E")
        assert found is not None
        assert (text_of(found.expression), found.offset, found.tag) == ("KIND_C * 2", 1, "kind")


class TestTypes:
    def test_a_typedef_of_an_anonymous_struct(self, scope: Scope) -> None:
        found = scope.typedef("prot_t")
        assert isinstance(found, ctypes.StructType)
        assert (str(found), found.tag) == ("prot_t", None)
        field = scope.field(found, "prot")
        assert field is not None
        assert field.type == ctypes.UNSIGNED_LONG

    def test_a_typedef_of_a_function_pointer(self, scope: Scope) -> None:
        assert str(scope.typedef("hook_t")) == "int (struct dev *, void *) *"

    def test_an_annotated_typedef(self, scope: Scope) -> None:
        assert scope.typedef("flags_t") == ctypes.UNSIGNED_INT

    def test_the_kernels_integers_need_no_header(self) -> None:
        assert alone("").typedef("loff_t") == ctypes.IntType("loff_t", 64, signed=True)

    def test_a_typedef_of_itself_ends(self) -> None:
        found = alone("typedef a_t b_t; typedef b_t a_t;").typedef("a_t")
        assert isinstance(found, ctypes.UnknownType)

    @pytest.mark.parametrize(
        ("declaration", "spelled"),
        [
            ("unsigned long long v;", "unsigned long long"),
            ("const volatile char *const v;", "char *"),
            ("int (*v[3])(void);", "int () *[3]"),
            ("int *v[2][3];", "int *[3][2]"),
            ("struct a (*v)[4];", "struct a[4] *"),
            ("signed char v;", "signed char"),
            ("long unsigned int v;", "unsigned long"),
            ("u8 v;", "u8"),
            ("enum e v;", "enum e"),
            ("unknown_t v;", "unknown_t"),
        ],
    )
    def test_declarations(self, declaration: str, spelled: str) -> None:
        found = alone(declaration).variable("v")
        assert found is not None
        assert str(found.type) == spelled


class TestVariables:
    def test_static_const(self, scope: Scope) -> None:
        found = scope.variable("limit")
        assert found is not None
        assert (found.static, found.const, text_of(found.initializer)) == (True, True, "4")

    def test_an_array_of_structs(self, scope: Scope) -> None:
        found = scope.variable("table")
        assert found is not None
        local = ctypes.StructType("struct", "local")
        assert found.type == ctypes.ArrayType(local, 2, "2")

    def test_extern_of_a_header(self, scope: Scope) -> None:
        found = scope.variable("the_dev")
        assert found is not None
        assert (str(found.type), found.initializer) == ("struct dev *", None)

    def test_none(self, scope: Scope) -> None:
        assert scope.variable("in_file") is None


class TestStructs:
    @pytest.mark.parametrize(
        "text",
        [
            "struct s /* why { */ { int x; };",
            "struct s // why {\n{ int x; };",
            "struct __attribute__((packed)) s\n{ int x; };",
            "struct ss { int y; }; struct s\t{ int x; };",
        ],
    )
    def test_what_stands_before_the_brace(self, text: str) -> None:
        assert struct(text).field("x") is not None

    def test_of_a_header(self, scope: Scope) -> None:
        found = scope.struct("struct", "local")
        assert found is not None
        assert (found.source.name, [f.name for f in found.fields]) == ("drivers/d/local.h", ["x"])

    def test_a_use_is_no_definition(self) -> None:
        assert alone("struct s; struct s *p; void f(struct s x) { }").struct("struct", "s") is None

    def test_anonymous_members_are_flattened(self) -> None:
        found = struct("struct s { union { struct { int a, b; }; long c; }; int d; };")
        assert [f.name for f in found.fields] == ["a", "b", "c", "d"]

    @pytest.mark.parametrize(
        ("one", "other", "shared"),
        [("a", "b", False), ("a", "c", True), ("a", "d", False), ("c", "d", False)],
    )
    def test_members_of_a_union_overlap(self, one: str, other: str, shared: bool) -> None:
        found = struct("struct s { union { struct { int a, b; }; long c; }; int d; };")
        first, second = found.field(one), found.field(other)
        assert first is not None
        assert second is not None
        assert overlap(first, second) is overlap(second, first) is shared

    def test_bit_fields(self) -> None:
        found = struct("struct s { unsigned a:3, b : 2 + 2; int :5; u8 c; };")
        assert [(f.name, f.bits) for f in found.fields] == [("a", 3), ("b", 4), ("c", None)]

    def test_arms(self) -> None:
        found = struct("struct s {\n#ifdef A\nint a;\n#else\nlong a;\n#endif\n};")
        assert [(f.arms, str(f.type)) for f in found.fields] == [
            (("defined(A)",), "int"),
            (("!defined(A)",), "long"),
        ]

    @pytest.mark.parametrize(
        ("member", "name", "spelled"),
        [
            ("DECLARE_BITMAP(m, 64);", "m", "unsigned long[BITS_TO_LONGS(64)]"),
            ("DECLARE_FLEX_ARRAY(struct x, m);", "m", "struct x[]"),
            ("struct_group(g, int m; int n;);", "m", "int"),
            ("struct_group_tagged(t, g, int m; int n;);", "m", "int"),
            ("int (*m)(struct file *, struct vma *);", "m", "int (struct file *, struct vma *) *"),
            ("struct page __rcu **m __guarded_by(&lock);", "m", "struct page **"),
            ("struct { int a; } m[2];", "m", "struct <anonymous>[2]"),
            ("int m __attribute__((aligned(8)));", "m", "int"),
            ("u8 m[] __counted_by(n);", "m", "u8[]"),
        ],
    )
    def test_members_as_kernels_write_them(self, member: str, name: str, spelled: str) -> None:
        field = struct(f"struct s {{ int first; {member} int last; }};").field(name)
        assert field is not None
        assert str(field.type) == spelled

    def test_an_odd_member_harms_no_other(self) -> None:
        found = struct("struct s { int a; SOMETHING(odd) int b; WEIRD_THING(1, 2); int c; };")
        assert {"a", "c"} <= {f.name for f in found.fields}


class TestCompilerAgrees:
    """The compiler of this machine is the truth about widths and signs."""

    BASIC = (
        "char",
        "signed char",
        "short",
        "unsigned short int",
        "int",
        "unsigned",
        "long",
        "unsigned long int",
        "long long",
        "long unsigned int",
    )

    def test_basic_types(self, tmp_path: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("needs a C compiler")
        checks = [f"_Static_assert({self.expected(name)}, {name!r});" for name in self.BASIC]
        file = tmp_path / "t.c"
        file.write_text("\n".join(checks).replace("'", '"'))
        subprocess.run(
            [compiler, "-funsigned-char", "-fsyntax-only", str(file)], check=True, timeout=60
        )

    def expected(self, name: str) -> str:
        found = ctypes.basic_type(name)
        assert isinstance(found, ctypes.IntType)
        sign = "<" if found.signed else ">"
        return f"sizeof({name}) * 8 == {found.width} && (({name})-1 {sign} 0)"


class TestRealTree:
    @pytest.mark.tree("7.3")
    def test_a_driver_is_resolved_quickly(self, kernel_tree: Callable[[str], Path]) -> None:
        tree = KernelTree(kernel_tree("7.3"))
        start = time.process_time()
        scope = Scope(tree.open("drivers/char/mem.c"), tree)
        for name in ("vm_area_desc", "file", "inode", "vm_area_struct", "device", "page"):
            assert scope.struct("struct", name) is not None
        for name in ("vma_desc_size", "vma_pages", "dev_get_drvdata", "vm_flags_set"):
            assert scope.function(name)
        for name in ("remap_pfn_range", "no_such_function", "generic_file_mmap_prepare"):
            assert scope.function(name) == []
        for name in ("pgprot_t", "spinlock_t", "irqreturn_t", "no_such_t"):
            scope.typedef(name)
        assert scope.constant(parse_expression("PAGE_MASK")) == (1 << 64) - 4096
        assert time.process_time() - start < 2.0

    @pytest.mark.tree("7.3")
    def test_the_descriptor_is_what_the_document_says(
        self, kernel_tree: Callable[[str], Path]
    ) -> None:
        tree = KernelTree(kernel_tree("7.3"))
        found = Scope(tree.open("include/linux/mm.h"), tree).struct("struct", "vm_area_desc")
        assert found is not None
        assert [f.name for f in found.fields][:10] == [
            "mm",
            "file",
            "start",
            "end",
            "pgoff",
            "vm_file",
            "vma_flags",
            "page_prot",
            "vm_ops",
            "private_data",
        ]
