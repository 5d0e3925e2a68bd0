# SPDX-License-Identifier: GPL-2.0-only
"""`--dual`: each arm is a driver of its own, to the compiler and to the byte."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from premap.conversion import apply, convert_file
from premap.conversion.dual import Condition, arm, by_macro, by_release, dual
from premap.csource.source import SourceFile
from premap.idioms import IDIOMS
from premap.idioms.idiom import Idiom
from premap.records import Conversion, Edit
from premap.releases import KNOWN, UnknownRelease, since

STUBS = Path(__file__).parent / "stubs"
DRIVER = """\
// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/mm.h>

static unsigned long ring_pfn;
static atomic_t ring_users;

static void ring_open(struct vm_area_struct *vma)
{
	atomic_inc(&ring_users);
}

static void ring_close(struct vm_area_struct *vma)
{
	atomic_dec(&ring_users);
}

static const struct vm_operations_struct ring_vm_ops = {
	.open	= ring_open,
	.close	= ring_close,
};

static int ring_check(struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_WRITE)
		return -EPERM;

	vm_flags_clear(vma, VM_MAYWRITE);
	return 0;
}

/**
 * ring_mmap - counts its mappings
 * @file: the device
 * @vma: where to
 */
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	int err = ring_check(vma);

	if (err)
		return err;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &ring_vm_ops;
	vma->vm_private_data = file->private_data;
	ring_open(vma);
	return 0;
}

/* As ring_mmap(), but with pages. */
static int bell_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long size = vma->vm_end - vma->vm_start;

	if (vma->vm_pgoff || size != PAGE_SIZE)
		return -EINVAL;

	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	if (remap_pfn_range(vma, vma->vm_start, ring_pfn, size, vma->vm_page_prot))
		return -EAGAIN;
	return 0;
}

const struct file_operations ring_fops = {
	.mmap	= ring_mmap,
};

const struct file_operations bell_fops = { .mmap = bell_mmap };
"""

SIMPLE = """\
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap	= ring_mmap,
};
"""


def _source(text: str, name: str = "ring.c") -> SourceFile:
    return SourceFile(name, text.encode())


def _dual(source: SourceFile, macro: str | None = None, target: str = "7.3") -> list[Conversion]:
    converted = [c for c in convert_file(source, None, target) if c.reason is None]
    return dual(converted, lambda _: source, macro)


def _text(source: SourceFile, macro: str | None = None) -> str:
    made = _dual(source, macro)
    assert made
    assert not [each.reason for each in made if each.reason]
    return apply(made, source).decode()


def _compile(text: str, folder: Path, *options: str) -> None:
    (folder / "ring.c").write_text(text)
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-fsyntax-only"]
    command = ["gcc", *flags, "-I", STUBS, *options, folder / "ring.c"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + text


class TestArms:
    @pytest.mark.parametrize("options", [("-DSTUB_NEW",), ()], ids=["new", "old"])
    def test_compile_on_their_own(self, tmp_path: Path, options: tuple[str, ...]) -> None:
        _compile(_text(_source(DRIVER)), tmp_path, *options)

    @pytest.mark.parametrize("options", [("-DSTUB_NEW", "-DHAVE_PREPARE"), ()], ids=["new", "old"])
    def test_compile_by_a_macro(self, tmp_path: Path, options: tuple[str, ...]) -> None:
        text = _text(_source(DRIVER), "HAVE_PREPARE")
        assert "LINUX_VERSION_CODE" not in text
        assert "version.h" not in text
        _compile(text, tmp_path, *options)

    def test_the_plain_conversion_does_not_build_for_the_old_kernel(self, tmp_path: Path) -> None:
        """The stubs are no good if they take anything."""
        source = _source(DRIVER)
        plain = apply(convert_file(source, None, "7.3"), source).decode()
        _compile(plain, tmp_path, "-DSTUB_NEW")
        with pytest.raises(AssertionError, match="vm_area_desc"):
            _compile(plain, tmp_path)

    @pytest.mark.parametrize(
        "idiom", [each for each in IDIOMS if not each.in_tree], ids=lambda idiom: idiom.id
    )
    def test_are_the_old_and_the_converted_file(self, idiom: Idiom) -> None:
        source = _source(idiom.before)
        text = _text(source, "HAVE_PREPARE").encode()
        condition = by_macro("HAVE_PREPARE")
        old, new = (_without_blanks(arm(text, condition, new=each)) for each in (False, True))
        assert old == _without_blanks(source.text)
        plain = [c for c in convert_file(source, None, "7.3") if c.reason is None]
        converted = _without_blanks(apply(plain, source))
        assert _code(b"\n".join(new)) == _code(b"\n".join(converted))

    def test_a_comment_follows_its_function(self) -> None:
        text = _text(_source(DRIVER))
        assert text.count(" * ring_mmap - counts") == 1
        assert text.count(" * ring_mmap_prepare - counts") == 1
        assert "/* As ring_mmap(), but with pages. */" in text

    def test_crlf_stays(self) -> None:
        text = _text(_source(DRIVER.replace("\n", "\r\n")))
        assert text.count("\n") == text.count("\r\n")


def _without_blanks(text: bytes) -> list[bytes]:
    return [line for line in text.split(b"\n") if line.strip()]


def _code(text: bytes) -> list[bytes]:
    """Words of the code alone: comments elsewhere keep the old name."""
    return SourceFile("x.c", text).code.split()


class TestCondition:
    @pytest.mark.parametrize(
        ("words", "release"),
        [
            ({"vma_desc_set_flags", "foo"}, "7.0"),
            ({"vma_desc_test_any"}, "7.1"),
            ({"mmap_action_simple_ioremap"}, "7.1"),
            ({"mapped"}, "7.1"),
            ({"error_override"}, "7.2"),
            ({"vma_flags_test"}, "7.2"),
            ({"vma_flags_t"}, "7.0"),
        ],
    )
    def test_is_the_release_that_has_all_names(self, words: set[str], release: str) -> None:
        assert since(words).name == release

    def test_names_that_are_gone_have_none(self) -> None:
        with pytest.raises(UnknownRelease, match="vma_desc_test_flags"):
            since({"vma_desc_test_flags"})
        (made,) = _dual(_source(SIMPLE), target="7.0")
        assert made.reason is not None
        assert made.reason.id == "dual-names"
        assert made.edits == ()

    def test_is_the_same_for_all_of_a_file(self) -> None:
        text = _text(_source(DRIVER))
        directives = {line for line in text.splitlines() if line.startswith("#if")}
        assert directives == {"#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)"}

    def test_is_written_as_drivers_do(self) -> None:
        assert by_release(KNOWN["7.1"]).directive == (
            "#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0)"
        )

    def test_is_told_and_for_review_where_no_tree_was_seen(self) -> None:
        (made,) = _dual(_source(SIMPLE))
        (note,) = [note for note in made.notes if note.id == "dual-arms"]
        assert "7.1 and newer" in note.message
        assert note.look


class TestInclude:
    def test_stands_in_order(self) -> None:
        more = "<linux/mm.h>\n#include <linux/wait.h>\n"
        text = _text(_source(DRIVER.replace("<linux/mm.h>\n", more)))
        assert "<linux/mm.h>\n#include <linux/version.h>\n#include <linux/wait.h>\n" in text

    def test_is_last_where_there_is_no_order(self) -> None:
        text = _text(_source(DRIVER.replace("<linux/fs.h>\n", "<linux/xattr.h>\n")))
        assert "<linux/mm.h>\n#include <linux/version.h>\n" in text

    def test_is_not_put_twice(self) -> None:
        text = _text(
            _source(DRIVER.replace("<linux/mm.h>\n", "<linux/mm.h>\n#include <linux/version.h>\n"))
        )
        assert text.count("linux/version.h") == 1

    def test_is_not_put_into_an_arm(self) -> None:
        only = "#ifdef CONFIG_RING\n#include <linux/mm.h>\n#endif\n"
        text = _text(_source(DRIVER.replace("#include <linux/mm.h>\n", only)))
        assert "<linux/fs.h>\n#include <linux/version.h>\n#ifdef CONFIG_RING\n" in text


class TestDeclined:
    def test_in_a_macro(self) -> None:
        source = _source("#define RING_USERS \\\n\tint ring_mmap_users\n\n" + SIMPLE)
        (plain,) = convert_file(source, None, "7.3")
        inside = Edit("ring.c", 24, 27, b"new")
        (made,) = dual([replace(plain, edits=(inside, *plain.edits))], lambda _: source, None)
        assert made.reason is not None
        assert (made.reason.id, made.reason.line) == ("dual-in-macro", 2)

    def test_a_second_run_changes_nothing(self) -> None:
        again = _source(_text(_source(DRIVER)))
        assert [c.reason.id for c in convert_file(again, None, "7.3") if c.reason] == [
            "arms-already",
            "arms-already",
        ]


class TestArm:
    def test_nested_conditions_are_told_apart(self) -> None:
        text = b"#ifdef X\n#if A\na\n#else\nb\n#endif\n#else\n#ifdef Y\nc\n#endif\n#endif\nd\n"
        condition = Condition("#ifdef X")
        assert arm(text, condition, new=True) == b"#if A\na\n#else\nb\n#endif\nd\n"
        assert arm(text, condition, new=False) == b"#ifdef Y\nc\n#endif\nd\n"


class TestComment:
    def test_of_the_hook_stands_in_its_arms_with_all_its_changes(self) -> None:
        doc = "/**\n * ring_mmap - maps\n * @file: file\n * @vma: VMA to map into\n */\n"
        hook = "int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n\treturn 0;\n}\n"
        table = "\nstatic const struct file_operations ring_fops = {\n\t.mmap = ring_mmap,\n};\n"
        source = SourceFile("ring.c", (f"{doc}static {hook}" + table).encode())
        made = dual(convert_file(source, None, "7.3"), lambda _: source, "NEW")
        text = apply(made, source)
        assert arm(text, by_macro("NEW"), new=False) == source.text
        assert b" * @desc: VMA descriptor to map into\n" in arm(text, by_macro("NEW"), new=True)
