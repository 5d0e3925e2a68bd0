# SPDX-License-Identifier: GPL-2.0-only
"""A tree that lives on: buffers stand for files, and what changes on disk is read again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from premap.csource import errors
from premap.csource.scope import Scope
from premap.csource.tree import KernelTree

HEADER = "include/linux/ring.h"
SOURCE = "drivers/char/ring.c"


@pytest.fixture
def tree(tmp_path: Path) -> KernelTree:
    for name, text in {
        "Makefile": "VERSION = 7\nPATCHLEVEL = 3\n",
        HEADER: "struct ring { int length; };\n",
        SOURCE: "#include <linux/ring.h>\nstatic int ring_mmap(void);\n",
        "drivers/char/other.c": "int other; /* speaks of no such thing */\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return KernelTree(tmp_path)


def _rewrite(tree: KernelTree, name: str, text: str) -> None:
    path = tree.root / name
    before = path.stat() if path.exists() else None
    path.write_text(text)
    if before is not None:  # a later time, however coarse the file system's clock
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))


def _length(tree: KernelTree) -> str:
    struct = Scope(tree.open(SOURCE), tree).struct("struct", "ring")
    assert struct is not None
    return " ".join(field.name for field in struct.fields)


class TestIncludedText:
    """What a file includes is read once for all its versions; what it says is that of now."""

    PART = "drivers/char/part.c"
    USES = b'#include "part.c"\n#include <linux/ring.h>\nstatic int ring_mmap(void);\n'

    def _limit(self, tree: KernelTree) -> list[str]:
        scope = Scope(tree.open(SOURCE), tree)
        return [macro.body for macro in scope.macro("LIMIT")]

    def test_of_a_c_file_that_changes(self, tree: KernelTree) -> None:
        _rewrite(tree, self.PART, "#define LIMIT 1\n")
        tree.renew({SOURCE: self.USES}, [self.PART])
        assert self._limit(tree) == ["1"]
        tree.renew({SOURCE: self.USES + b"int x;\n", self.PART: b"#define LIMIT 2\n"})
        assert self._limit(tree) == ["2"]

    def test_of_a_c_file_that_goes(self, tree: KernelTree) -> None:
        _rewrite(tree, self.PART, "#define LIMIT 1\n")
        tree.renew({SOURCE: self.USES}, [self.PART])
        assert self._limit(tree) == ["1"]
        (tree.root / self.PART).unlink()
        tree.renew({SOURCE: self.USES})
        assert self._limit(tree) == []

    def test_of_a_header_that_changes(self, tree: KernelTree) -> None:
        assert self._limit(tree) == []
        _rewrite(tree, HEADER, "#define LIMIT 3\n")
        tree.renew({SOURCE: tree.open(SOURCE).text + b"int x;\n"})
        assert self._limit(tree) == ["3"]

    def test_another_include_is_another_list(self, tree: KernelTree) -> None:
        _rewrite(tree, "include/linux/more.h", "#define LIMIT 4\n")
        assert self._limit(tree) == []
        tree.renew({SOURCE: b"#include <linux/more.h>\n" + tree.open(SOURCE).text})
        assert self._limit(tree) == ["4"]

    def test_a_header_is_not_its_own_include(self, tree: KernelTree) -> None:
        _rewrite(tree, "include/linux/back.h", "#include <linux/front.h>\n")
        _rewrite(tree, "include/linux/front.h", "#include <linux/back.h>\n#define LIMIT 5\n")
        header = tree.open("include/linux/front.h")
        scope = Scope(header, tree)
        assert [file.name for file in scope.files] == [header.name, "include/linux/back.h"]


class TestBuffers:
    def test_stand_for_the_file(self, tree: KernelTree) -> None:
        assert tree.open(SOURCE).text.startswith(b"#include")
        tree.renew({SOURCE: b"int x;"})
        assert tree.open(SOURCE).text == b"int x;"

    def test_go_back_to_the_file_once_closed(self, tree: KernelTree) -> None:
        tree.renew({SOURCE: b"int x;"})
        tree.open(SOURCE)
        tree.renew({})
        assert tree.open(SOURCE).text.startswith(b"#include")

    def test_of_headers_change_what_names_mean(self, tree: KernelTree) -> None:
        assert _length(tree) == "length"
        tree.renew({HEADER: b"struct ring { int pages; };\n"})
        assert _length(tree) == "pages"

    def test_exist_without_a_file(self, tree: KernelTree) -> None:
        assert not tree.exists("drivers/char/new.c")
        tree.renew({"drivers/char/new.c": b"int x;"})
        assert tree.exists("drivers/char/new.c")

    def test_are_refused_as_files_are(self, tree: KernelTree) -> None:
        tree.renew({SOURCE: b"int x;\0"})
        with pytest.raises(errors.BinarySource):
            tree.open(SOURCE)

    def test_that_did_not_change_are_parsed_once(self, tree: KernelTree) -> None:
        tree.renew({SOURCE: b"int x;"})
        before = tree.open(SOURCE)
        tree.renew({SOURCE: b"int x;"})
        assert tree.open(SOURCE) is before


class TestDisk:
    def test_is_read_again_where_it_changed(self, tree: KernelTree) -> None:
        assert _length(tree) == "length"
        _rewrite(tree, HEADER, "struct ring { int order; };\n")
        tree.renew({})
        assert _length(tree) == "order"

    def test_is_not_read_again_where_it_did_not(self, tree: KernelTree) -> None:
        before = tree.open(HEADER)
        tree.renew({SOURCE: b"int x;"})
        assert tree.open(HEADER) is before

    def test_may_become_another_release(self, tree: KernelTree) -> None:
        assert tree.release == "7.3"
        _rewrite(tree, "Makefile", "VERSION = 7\nPATCHLEVEL = 2\n")
        tree.renew({})
        assert tree.release == "7.2"

    def test_a_new_header_is_found(self, tree: KernelTree) -> None:
        (tree.root / HEADER).unlink()
        assert Scope(tree.open(SOURCE), tree).struct("struct", "ring") is None
        _rewrite(tree, HEADER, "struct ring { int order; };\n")
        tree.renew({}, [HEADER])
        assert _length(tree) == "order"


class TestFactsOfAllFiles:
    KEY = ("how many", "cards")

    def test_are_found_out_once(self, tree: KernelTree) -> None:
        assert tree.once_of_all(self.KEY, lambda: 1) == 1
        tree.renew({})
        assert tree.once_of_all(self.KEY, lambda: 2) == 1

    def test_any_file_makes_them_new(self, tree: KernelTree) -> None:
        tree.once_of_all(self.KEY, lambda: 1)
        tree.renew({"drivers/other.c": b"int x;\n"})
        assert tree.once_of_all(self.KEY, lambda: 2) == 2


class TestSearch:
    def test_finds_what_a_buffer_says(self, tree: KernelTree) -> None:
        assert tree.search.mentioning("ring_mmap", "") == [SOURCE]
        tree.renew({"drivers/char/other.c": b"int x = ring_mmap();"})
        assert tree.search.mentioning("ring_mmap", "") == ["drivers/char/other.c", SOURCE]

    def test_does_not_find_what_a_buffer_no_longer_says(self, tree: KernelTree) -> None:
        assert tree.search.mentioning("ring_mmap", "drivers") == [SOURCE]
        tree.renew({SOURCE: b"int x;"})
        assert tree.search.mentioning("ring_mmap", "drivers") == []

    def test_finds_a_new_file(self, tree: KernelTree) -> None:
        assert tree.search.mentioning("ring_mmap", "") == [SOURCE]
        _rewrite(tree, "drivers/char/late.c", "int y = ring_mmap();")
        tree.renew({}, ["drivers/char/late.c"])
        assert tree.search.mentioning("ring_mmap", "") == ["drivers/char/late.c", SOURCE]

    def test_leaves_user_space_out(self, tree: KernelTree) -> None:
        tree.renew({"tools/vma/test.c": b"int x = ring_mmap();"})
        assert tree.search.mentioning("ring_mmap", "") == [SOURCE]
