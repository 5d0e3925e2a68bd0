# SPDX-License-Identifier: GPL-2.0-only
"""`premap convert --build`: what does not compile is taken back, and the tree stays as it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.files import write_files

from premap.kbuild.places import Places

from .conftest import Premap

MAKEFILE = """\
VERSION = 7
PATCHLEVEL = 3

allmodconfig olddefconfig prepare:
	@touch ran
	@mkdir -p $(O) && touch $(O)/.config

%.o: %.c
	@mkdir -p $(O)/$(dir $@)
	@cd $(O) && gcc -c -Wall -Werror=implicit -I../source/include -o $@ ../source/$<
	@if test "$(C)" = 2; then cd $(O) && $(CURDIR)/check ../source/$<; fi
"""
"""What kbuild is to premap: three targets, and objects in another folder."""
CHECK = """\
#!/bin/sh
if grep -q vm_area_desc $1; then echo "$1:3:1: warning: sparse has something to say"; fi
"""
HEADER = """\
#define PAGE_SIZE 4096UL
#define VM_WRITE 2UL
#define EINVAL 22
#define EPERM 1
#define VMA_WRITE_BIT 1
struct file { void *private_data; };
struct vm_operations_struct { int none; };
struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_flags;
	const struct vm_operations_struct *vm_ops;
};
struct vm_area_desc {
	struct file *file;
	const struct vm_operations_struct *vm_ops;
};
struct file_operations {
	int (*mmap)(struct file *file, struct vm_area_struct *vma);
	int (*mmap_prepare)(struct vm_area_desc *desc);
};
__attribute__((deprecated)) int vma_desc_test(struct vm_area_desc *desc, int bit);
"""
"""A kernel that has no vma_desc_size(), and where vma_desc_test() is deprecated."""
DRIVER = """\
#include <linux/mm_types.h>

static const struct vm_operations_struct {name}_vm_ops = {{ 0 }};

static int {name}_mmap(struct file *file, struct vm_area_struct *vma)
{{
	{check}
	vma->vm_ops = &{name}_vm_ops;
	return 0;
}}

const struct file_operations {name}_fops = {{
	.mmap = {name}_mmap,
}};
"""
PLAIN = ""
SIZED = "if (vma->vm_end - vma->vm_start != PAGE_SIZE)\n\t\treturn -EINVAL;\n"
TESTED = "if (vma->vm_flags & VM_WRITE)\n\t\treturn -EPERM;\n"


def _driver(name: str, check: str) -> str:
    return DRIVER.format(name=name, check=check).replace("\t\n", "")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a tree with a driver that will do, one that won't compile, and one with a warning."""
    files = {
        "Makefile": MAKEFILE,
        "check": CHECK,
        "include/linux/mm_types.h": HEADER,
        "drivers/plain.c": _driver("plain", PLAIN),
        "drivers/sized.c": _driver("sized", SIZED),
        "drivers/tested.c": _driver("tested", TESTED),
        "drivers/broken.c": _driver("broken", "frobnicate;").replace("frobnicate;", "#error odd"),
    }
    for name, text in files.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_text(text)
    (tmp_path / "tree/check").chmod(0o755)
    return tmp_path / "tree"


def _results(document: bytes) -> dict[str, dict[str, Any]]:
    return {result["handler"]: result for result in json.loads(document)["results"]}


@pytest.fixture
def build(premap: Premap, tree: Path) -> Callable[..., dict[str, dict[str, Any]]]:
    """Return a callable that builds what was converted, and returns the results by handler."""

    def run(*names: str, **environment: str) -> dict[str, dict[str, Any]]:
        paths = [tree / "drivers" / name for name in names]
        options = ["--no-verify", "--format=json", "--build", "out"]
        return _results(premap("convert", *options, *paths, **environment).out)

    return run


Build = Callable[..., dict[str, dict[str, Any]]]


class TestBuild:
    def test_what_compiles_is_converted(self, build: Build) -> None:
        plain = build("plain.c")["plain_mmap"]
        assert (plain["status"], plain["notes"]) == ("converted", [])

    def test_what_does_not_is_taken_back(self, premap: Premap, tree: Path) -> None:
        ran = premap("convert", "--no-verify", "--build", "out", tree / "drivers")
        assert ran.code == 1
        assert b"plain_mmap_prepare" in ran.out
        assert b"sized_mmap_prepare" not in ran.out
        (told,) = [line for line in ran.lines if "sized_mmap" in line]
        assert "[does-not-compile]" in told
        assert "vma_desc_size" in told

    def test_an_error_has_its_place(self, build: Build, premap: Premap, tree: Path) -> None:
        reason = build("sized.c")["sized_mmap"]["reason"]
        diff = premap("convert", "--no-verify", tree / "drivers/sized.c").out.splitlines()
        line = next(n for n, text in enumerate(diff, 1) if b"+" in text and b"_size(" in text)
        assert f"drivers/sized.c:7 (line {line} of the diff): " in reason["message"]
        assert reason["id"] == "does-not-compile"

    def test_a_new_warning_is_noted(self, build: Build) -> None:
        tested = build("tested.c")["tested_mmap"]
        assert (tested["status"], tested["safety"]) == ("converted", "review")
        (note,) = tested["notes"]
        assert note["id"] == "new-warning"
        assert "deprecated" in note["message"]

    def test_what_is_not_built_is_noted(self, build: Build) -> None:
        (note,) = build("broken.c")["broken_mmap"]["notes"]
        assert note["id"] == "not-built"

    def test_the_tree_stays_as_it_is(self, build: Build, tree: Path) -> None:
        before = {path: (path.read_bytes(), path.stat().st_mtime) for path in _files(tree)}
        build("plain.c", "sized.c")
        assert {path: (path.read_bytes(), path.stat().st_mtime) for path in _files(tree)} == before

    def test_a_folder_serves_again(self, build: Build, tree: Path) -> None:
        once = build("plain.c", "tested.c")
        (tree / "drivers/zoo.c").write_text(_driver("zoo", PLAIN))
        (tree / "drivers/sized.c").unlink()
        again = build("plain.c", "tested.c", "zoo.c")
        assert {name: again[name] for name in once} == once
        assert again["zoo_mmap"]["status"] == "converted"

    def test_the_configuration_is_the_users(self, build: Build, tmp_path: Path) -> None:
        (tmp_path / "out/build").mkdir(parents=True)
        (tmp_path / "out/build/.config").write_text("CONFIG_RING=y\n")
        build("plain.c")
        assert (tmp_path / "out/build/.config").read_text() == "CONFIG_RING=y\n"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


class TestSparse:
    @pytest.mark.parametrize(
        ("says", "asked"),
        [
            ("echo \"$1:4:3: error: undefined identifier '__typeof_unqual__'\" >&2", False),
            ("exit 127", False),
            ("grep -q __typeof_unqual__ $1", True),
        ],
    )
    def test_is_asked_where_it_is_new_enough(
        self, build: Build, tmp_path: Path, says: str, asked: bool
    ) -> None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/sparse").write_text(f"#!/bin/sh\n{says}\n")
        (tmp_path / "bin/sparse").chmod(0o755)
        plain = build("plain.c", PATH=f"{tmp_path}/bin:{os.environ['PATH']}")["plain_mmap"]
        said = [note["message"] for note in plain["notes"]]
        assert any("sparse has something" in message for message in said) is asked


class TestObjectOfAnotherFolder:
    """drivers/core/Makefile lists a file of drivers/outer, and knows where its header is."""

    LISTS = (
        "core-y := ../outer/plain.o\n",
        "OUTER = ../outer\ncore-y := a.o \\\n\t$(OUTER)/plain.o\n",
        "OUTER ?= ../outer\ninclude $(srctree)/drivers/outer/Makefile.core\n",
    )

    @pytest.fixture
    def outer(self, tree: Path) -> Path:
        text = (tree / "Makefile").read_text()
        flags = "-I../source/include -I../source/$(firstword $(subst /../, ,$@))"
        (tree / "Makefile").write_text(text.replace("-I../source/include", flags))
        for name in ("core", "outer"):
            (tree / "drivers" / name).mkdir()
        (tree / "drivers/core/core.h").write_text("")
        (tree / "drivers/outer/Makefile.core").write_text("core-y := $(OUTER)/plain.o\n")
        (tree / "drivers/outer/plain.c").write_text(f'#include "core.h"\n{_driver("plain", PLAIN)}')
        return tree / "drivers/outer"

    @pytest.mark.parametrize("listed", LISTS)
    def test_is_built_by_the_one_that_lists_it(
        self, build: Build, outer: Path, listed: str
    ) -> None:
        (outer.parent / "core/Makefile").write_text(listed)
        assert build("outer/plain.c")["plain_mmap"]["notes"] == []

    def test_its_own_list_comes_first(self, build: Build, outer: Path) -> None:
        (outer.parent / "core/Makefile").write_text(self.LISTS[0])
        (outer / "Makefile").write_text("obj-m += plain.o\n")
        (note,) = build("outer/plain.c")["plain_mmap"]["notes"]
        assert note["id"] == "not-built"

    def test_of_another_architecture_is_not_asked(self, build: Build, outer: Path) -> None:
        folder = outer.parents[1] / "arch/alpha/core"
        folder.mkdir(parents=True)
        (folder / "core.h").write_text("")
        (folder / "Makefile").write_text("core-y := ../../../drivers/outer/plain.o\n")
        (note,) = build("outer/plain.c")["plain_mmap"]["notes"]
        assert note["id"] == "not-built"


class TestPlaces:
    """Which object make is asked for."""

    def target(self, tmp_path: Path, name: str, own: str) -> str:
        files = {
            "drivers/core/Makefile": "core-y := ../lib/ring.o\nobj-m += core.o\n",
            "drivers/lib/Makefile": own,
        }
        write_files(tmp_path, files)
        return Places(tmp_path, tmp_path / ".config").target(name)

    def test_a_remark_lists_nothing(self, tmp_path: Path) -> None:
        own = "obj-m += other.o\t# not ring.o\n# ring.o is built in ../core\n"
        found = self.target(tmp_path, "drivers/lib/ring.c", own)
        assert found == "drivers/core/../lib/ring.o"

    def test_in_no_folder(self, tmp_path: Path) -> None:
        assert self.target(tmp_path, "ring.c", "") == "ring.o"


class TestUse:
    def test_nothing_is_run_unasked(self, premap: Premap, tree: Path) -> None:
        premap("convert", "--no-verify", tree / "drivers")
        assert not (tree / "ran").exists()

    def test_files_outside_a_tree_are_refused(self, premap: Premap, driver: Path) -> None:
        ran = premap("convert", "--build", "out", "ring.c")
        assert (ran.code, len(ran.lines)) == (2, 1)

    def test_a_folder_in_the_tree_is_refused(self, premap: Premap, tree: Path) -> None:
        ran = premap("convert", "--no-verify", "--build", tree / "out", tree / "drivers/plain.c")
        assert ran.code == 2
        assert "lies in the tree" in ran.err

    def test_a_tree_that_was_built_in_is_refused(self, premap: Premap, tree: Path) -> None:
        (tree / ".config").write_text("")
        ran = premap("convert", "--no-verify", "--build", "out", tree / "drivers/plain.c")
        assert ran.code == 2
        assert "mrproper" in ran.err

    def test_a_tree_that_can_not_be_built(self, premap: Premap, tree: Path) -> None:
        broken = MAKEFILE.replace("@touch ran", "@echo 'error: no flex'; exit 1")
        (tree / "Makefile").write_text(broken)
        ran = premap("convert", "--no-verify", "--build", "out", tree / "drivers/plain.c")
        assert ran.code == 2
        assert "make allmodconfig failed: error: no flex" in ran.err
