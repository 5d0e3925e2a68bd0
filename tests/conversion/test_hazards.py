# SPDX-License-Identifier: GPL-2.0-only
"""Handlers whose every line has a translation, and which must not be converted all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from premap.conversion import convert_file
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.records import Conversion

BODY = "vma->vm_ops = &ring_vm_ops; return 0;"
HOOK = """
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{{
	{body}
}}
static const struct file_operations ring_fops = {{
	.mmap = ring_mmap,{members}
}};
"""


def converted(body: str = BODY, members: str = "", more: str = "") -> Conversion:
    """Return what becomes of a handler with this body, in a table with more members."""
    text = HOOK.format(body=body, members=members) + more
    (found, *_) = convert_file(SourceFile("ring.c", text.encode()), None, "7.3")
    return found


def test_nothing_is_wrong_with_the_handler_itself() -> None:
    assert converted().reason is None


@pytest.mark.parametrize(
    ("body", "id_"),
    [
        ("vma->vm_ops = NULL; return 0;", "anonymous"),
        ("vma->vm_ops = ring_ro(vma->vm_file) ? (&ring_vm_ops) : NULL; return 0;", "anonymous"),
        ("vm_flags_set(vma, VM_NONE); return 0;", "flag-without-bit"),
        ("vm_flags_set(vma, VM_SOFTDIRTY); return 0;", "flag-without-bit"),
        ("if (vma->vm_file != file) return -EINVAL; return 0;", "vm-file-compared"),
    ],
)
def test_what_a_descriptor_can_not_mean(body: str, id_: str) -> None:
    reason = converted(body).reason
    assert reason is not None
    assert reason.id == id_


@pytest.mark.parametrize(
    ("more", "id_"),
    [
        (
            "static int other(void *f, void *v)\n{ return ring_fops.mmap(f, v); }\n",
            "member-used",
        ),
        (
            "static int test(struct file *f)\n{ return f->f_op->mmap == ring_any; }\n",
            "member-used",
        ),
        (
            "static void keep(struct file *f)\n{ ring_old = f->f_op->mmap; }\n",
            "member-used",
        ),
        ("static void stop(void)\n{ ring_fops.mmap = NULL; }\n", "table-assigned"),
        ("int where = offsetof(struct file_operations, mmap);\n", "member-used"),
        ('int bell_mmap() __attribute__((alias("ring_mmap")));\n', "second-caller"),
        ('static struct kprobe kp = { .symbol_name = "ring_mmap" };\n', "second-caller"),
        ('void f(void)\n{ asm volatile("call ring_mmap"); }\n', "second-caller"),
        ("#define C(a, b) a##b\nvoid *p = C(ring_, mmap);\n", "second-caller"),
        ("#define C(a, b) a##_##b\nvoid *p = C(ring, mmap);\n", "second-caller"),
        ("#define C(a) ri##a##ap\nvoid *p = C(ng_mm);\n", "second-caller"),
        (
            "#define C_(a, b) a##b\n#define C(a, b) C_(a, b)\nvoid *p = C(r, ing_mmap);\n",
            "second-caller",
        ),
    ],
)
def test_code_that_needs_the_member(more: str, id_: str) -> None:
    reason = converted(more=more).reason
    assert reason is not None
    assert reason.id == id_


@pytest.mark.parametrize(
    "more",
    [
        "int where = offsetof(struct vm_operations_struct, mmap);\n",
        '#include <asm/io.h>\nstatic const char name[] = "ring_mmap";\n',
        'static struct kprobe kp = { .symbol_name = "ring_mmap_other" };\n',
        "#define C(a, b) a##_##b\nvoid *p = C(ring, open), *q = C(bell, mmap);\n",
    ],
)
def test_code_that_does_not_need_it(more: str) -> None:
    found = converted(more=more)
    assert found.reason is None, found.reason


OWN = [
    ("#define vm_flags_set(v, f) vm_flags_clear(v, f)", "vm_flags_set(vma, VM_IO); return 0;"),
    ("#define vm_iomap_memory(v, a, s) bell(v, s)", "return vm_iomap_memory(vma, 0, 4096);"),
    ("#define vma_pages(v) 5", "return vma_pages(vma) > 5 ? -EINVAL : 0;"),
    ("#define is_cow_mapping(f) 0", "return is_cow_mapping(vma->vm_flags) ? -EINVAL : 0;"),
    ("#define generic_file_mmap(f, v) bell(f, v)", "return generic_file_mmap(file, vma);"),
    ("#define vm_pgoff vm_start", "return vma->vm_pgoff ? -EINVAL : 0;"),
    ("#define vma area", "return vma->vm_pgoff ? -EINVAL : 0;"),
]


@pytest.mark.parametrize(("macro", "body"), OWN)
def test_a_name_of_the_kernels_that_is_a_macro_of_the_files_own(macro: str, body: str) -> None:
    for head, taken in ((macro, True), ("#define bell 5", False)):
        text = f"{head}\n{HOOK.format(body=body, members='')}"
        (found,) = convert_file(SourceFile("ring.c", text.encode()), None, "7.3")
        assert (found.reason is not None) == taken, found.reason
        if found.reason is not None:
            assert found.reason.id == "name-taken"


def test_what_only_older_kernels_define_is_no_such_macro() -> None:
    arm = "#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)\n{}\n#endif\n"
    macro, body = OWN[0]
    text = arm.format(macro) + HOOK.format(body=body, members="")
    (found,) = convert_file(SourceFile("ring.c", text.encode()), None, "7.3")
    assert found.reason is None, found.reason


@pytest.mark.parametrize("second", ["NULL", "bell_mmap"])
def test_a_member_that_is_set_twice(second: str) -> None:
    """What comes last is meant; of two members, both would be set."""
    reason = converted(members=f"\n\t.mmap = {second},").reason
    assert reason is not None
    assert reason.id == "member-twice"
    in_arm = converted(members=f"\n#ifdef BELL\n\t.mmap = {second},\n#endif").reason
    assert in_arm is not None
    assert in_arm.id == "member-twice"


def test_members_of_two_tables_of_one_variable() -> None:
    text = HOOK.format(body=BODY, members="").partition("static const")[0]
    text += "static const struct file_operations both[] = {\n%s};\n"
    for entries in (
        "\t{ .mmap = ring_mmap },\n\t{ .mmap = NULL },\n",
        "\t[0] = { .mmap = ring_mmap },\n\t[1] = { .mmap = NULL },\n",
    ):
        source = SourceFile("ring.c", (text % entries).encode())
        (found, *_) = convert_file(source, None, "7.3")
        assert found.reason is None, found.reason


@pytest.mark.parametrize("const", ["", "const "])
@pytest.mark.parametrize("what", ["struct file_operations *p", "struct bell *p"])
def test_the_member_is_set_by_a_pointer(const: str, what: str) -> None:
    """It may lead to the table, unless that is constant."""
    member = "p->mmap" if "operations" in what else "p->fops.mmap"
    head = "struct bell { struct file_operations fops; };\n"
    text = HOOK.format(body=BODY, members="").replace("const ", const)
    text = f"{head}{text}void stop({what})\n{{\n\t{member} = NULL;\n}}\n"
    (found, *_) = convert_file(SourceFile("ring.c", text.encode()), None, "7.3")
    assert (found.reason is None) == bool(const), found.reason
    if found.reason is not None:
        assert found.reason.id == "table-assigned"


def test_a_table_that_has_the_new_member() -> None:
    reason = converted(members="\n\t.mmap_prepare = NULL,").reason
    assert reason is not None
    assert reason.id == "both-members"


PREPARE, OLD = "\t.mmap_prepare = other,\n", "\t.mmap = ring_mmap,\n"


@pytest.mark.parametrize(
    ("members", "id_"),
    [
        (f"#ifdef NEW\n{PREPARE}#endif\n{OLD}", "both-members"),
        (f"#ifdef NEW\n{PREPARE}#else\n{OLD}#endif\n", "arms-already"),
        (f"#ifndef NEW\n{OLD}#else\n{PREPARE}#endif\n", "arms-already"),
        (f"#ifdef NEW\n{PREPARE}#else\n{OLD}#endif\n{PREPARE}", "both-members"),
        (f"#ifdef NEW\n{PREPARE}#endif\n#ifdef OTHER\n{OLD}#endif\n", "both-members"),
    ],
)
def test_arms_of_which_no_build_has_both(members: str, id_: str) -> None:
    """Nothing is to be done where each hook has an arm of its own; else both would be set."""
    text = HOOK.format(body=BODY, members="").replace(OLD, members)
    (found,) = convert_file(SourceFile("ring.c", text.encode()), None, "7.3")
    assert found.reason is not None
    assert found.reason.id == id_


def test_a_table_that_open_files_get_is_for_a_person() -> None:
    found = converted(more="static void gone(struct file *f)\n{ f->f_op = &ring_fops; }\n")
    assert found.reason is None
    assert [(note.id, note.look) for note in found.notes] == [("operations-swapped", True)]


OVERRIDES = {
    "copied": "bell->fops = ring_fops;",
    "copied by memcpy()": "memcpy(&bell->fops, &ring_fops, sizeof(ring_fops));",
    "copied by kmemdup()": "bell->own = kmemdup(&ring_fops, sizeof(ring_fops), GFP_KERNEL);",
}


@pytest.mark.parametrize("what", OVERRIDES)
@pytest.mark.parametrize("value", ["bell_mmap", "NULL"])
def test_a_copy_of_the_table_that_gets_another_hook(what: str, value: str) -> None:
    text = f"void bell(struct bell *bell)\n{{\n\t{OVERRIDES[what]}\n\t%s\n}}\n"
    reason = converted(more=text % f"bell->fops.mmap = {value};").reason
    assert reason is not None
    assert reason.id == "table-assigned"
    assert converted(more=text % "bell->fops.open = bell_open;").reason is None


COPYING = """
void bell(struct bell *bell)
{
	bell->fops = ring_fops;
	bell->fops.mmap = bell_mmap;
}
"""
DECLARES = "extern const struct file_operations ring_fops;\n"


@pytest.mark.parametrize(
    ("header", "copying", "found"),
    [
        ("drivers/ring/ring.h", "drivers/ring/bell.c", True),
        ("drivers/ring/ring.h", "drivers/ring/deep/bell.c", True),
        ("drivers/ring/ring.h", "arch/arm/bell.c", False),  # which does not see the table
        ("include/linux/ring.h", "arch/arm/bell.c", True),
        (None, "arch/arm/bell.c", True),
    ],
)
def test_a_copy_in_another_file(
    tmp_path: Path, header: str | None, copying: str, *, found: bool
) -> None:
    text = HOOK.format(body=BODY, members="").replace("static const", "const")
    includes = {"drivers/ring/ring.h": '"ring.h"', "include/linux/ring.h": "<linux/ring.h>"}
    own = "" if header is None else f"#include {includes[header]}\n"
    files = {
        "Makefile": "VERSION = 6\nPATCHLEVEL = 12\n",
        "include/linux/mm.h": "",
        "drivers/ring/ring.c": own + text,
        copying: DECLARES + COPYING if header is None else COPYING,
    }
    if header is not None:
        files[header] = DECLARES
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    tree = KernelTree(tmp_path)
    (conversion, *_) = convert_file(tree.open("drivers/ring/ring.c"), tree, "7.3")
    reason = conversion.reason
    assert (reason is not None and reason.id == "table-assigned") == found, reason


@pytest.mark.parametrize(
    "macro",
    [
        "#define CHECK(d) ((d)->ro && desc)\n",
        "#define CHECK(d) (strange(vma) || (d)->ro)\n",
        "#define CHECK(d) INNER(d)\n#define INNER(d) ((vma)->vm_pgoff)\n",
        "#define CHECK(vma) ((vma)->ro && (file)->f_pos)\n",
    ],
)
def test_a_macro_that_sees_the_variables_of_the_hook(macro: str) -> None:
    reason = converted(f"if (CHECK(ring)) return -EINVAL; {BODY}", more=macro).reason
    assert reason is not None
    assert reason.id == "vma-in-macro"


def test_a_macro_that_only_names_types_members_and_parameters() -> None:
    macro = '#define CHECK(file) (((struct file *)file)->desc == bell.vma && log("vma"))\n'
    assert converted(f"if (CHECK(ring)) return -EINVAL; {BODY}", more=macro).reason is None


@pytest.mark.parametrize(
    ("macro", "declined"),
    [
        ("#define pgoff offset", True),
        ("#define mmap_prepare mmap", True),
        ("#define desc description", True),
        ("#define pages(x) (x)", False),
        ("#ifdef OLD\n#define pgoff offset\n#endif", False),
    ],
)
def test_a_new_word_that_is_a_macro_of_the_file(macro: str, *, declined: bool) -> None:
    text = (
        f"{macro}\n"
        "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
        "\treturn vma->vm_pgoff ? -EINVAL : 0;\n}\n\n"
        "static const struct file_operations ring_fops = {\n\t.mmap = ring_mmap,\n};\n"
    )
    [found] = convert_file(SourceFile("ring.c", text.encode()), None, "7.3")
    assert (found.reason.id if found.reason else None) == ("name-taken" if declined else None)
