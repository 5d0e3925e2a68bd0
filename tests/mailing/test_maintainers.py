# SPDX-License-Identifier: GPL-2.0-only
"""MAINTAINERS, held against scripts/get_maintainer.pl of the tree."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from premap.csource.tree import KernelTree
from premap.mailing.get_maintainer import parsed
from premap.mailing.maintainers import Maintainers, Pattern, Recipients, address_of

TEXT = """\
List of maintainers
===================

	M: *Mail* patches to: FullName <address@domain>

RING DRIVER
M:	Röntgen, "Ada" <ada@example.org>
M:	bare@example.org
R:	Reviewer <rev@example.org> (rings only)
L:	rings@example.org (moderated for non-subscribers)
L:	secret@example.org (subscribers-only)
S:	Maintained
F:	drivers/char/ring*.[ch]
X:	drivers/char/ringworm.c
N:	ri+ng
N:	[^a-z]bell

CHAR DRIVERS
M:	Charles <char@example.org>
R:	Ada <ADA@example.org>
S:	Supported
F:	drivers/char/

THE REST
M:	Chief <chief@example.org>
L:	all@example.org
S:	Buried alive in reporters
F:	*
F:	*/
"""


class TestPattern:
    @pytest.mark.parametrize(
        ("pattern", "file", "matches"),
        [
            ("drivers/net/", "drivers/net/a/b.c", True),
            ("drivers/net/", "drivers/network.c", False),
            ("drivers/net/*", "drivers/net/a.c", True),
            ("drivers/net/*", "drivers/net/a/b.c", False),
            ("*/net/*", "drivers/net/a.c", True),
            ("*/net/*", "drivers/net/a/b.c", False),
            ("fs/**/*foo*.c", "fs/a/b/xfoo1.c", True),
            ("fs/**/*foo*.c", "fs/a/b/bar.c", False),
            ("a/b?.c", "a/b1.c", True),
            ("a/b?.c", "a/b.c", False),
            ("a/b.c", "a/bxc", False),
            ("a/b.[ch]", "a/b.h", True),
            ("a/b.[ch]", "a/b.S", False),
            ("a/b[0-9].c", "a/b7.c", True),
            ("*", "Makefile", True),
            ("*/", "drivers/a.c", True),
        ],
    )
    def test_matches(self, pattern: str, file: str, matches: bool) -> None:
        assert Pattern(pattern).matches(file) is matches

    def test_a_folder_needs_no_slash(self) -> None:
        assert Pattern("drivers/net", is_folder=True).matches("drivers/net/a.c")
        assert not Pattern("drivers/net").matches("drivers/net/a.c")

    def test_many_stars_take_no_time(self) -> None:
        assert not Pattern("a" + "*a" * 5000 + "b").matches("a" * 5000)


class TestRecipients:
    def test_are_those_of_the_closest_section_first(self) -> None:
        told = Maintainers(TEXT).recipients("drivers/char/ring.c")
        assert told.to == (
            'Röntgen, "Ada" <ada@example.org>',
            "bare@example.org",
            "Charles <char@example.org>",
        )
        assert told.cc == ("Reviewer <rev@example.org>", "rings@example.org", "all@example.org")

    def test_an_excluded_file_is_not_theirs(self) -> None:
        told = Maintainers(TEXT).recipients("drivers/char/ringworm.c")
        assert told.to == ("Charles <char@example.org>",)

    def test_a_name_is_searched_for(self) -> None:
        assert "bare@example.org" in Maintainers(TEXT).recipients("sound/x-bell.c").to
        assert "bare@example.org" not in Maintainers(TEXT).recipients("sound/abell.c").to

    def test_odd_expressions_are_passed_over(self) -> None:
        assert len(Maintainers(TEXT.replace("ri+ng", "(a*)*(")).sections) == 3

    def test_folders_are_those_that_have_an_entry(self) -> None:
        assert Maintainers(TEXT).folders("drivers/char/ring.c") == ["drivers/char"]


class TestScript:
    SAID = """\
Ada Lovelace <ada@example.org> (maintainer:RING DRIVER)
"Ring, B." <b@example.org> (reviewer:RING DRIVER)
rings@example.org (moderated list:RING DRIVER)
"""

    def test_what_it_says_is_understood(self) -> None:
        assert parsed(self.SAID) == Recipients(
            ("Ada Lovelace <ada@example.org>",),
            ("Ring, B. <b@example.org>", "rings@example.org"),
        )

    @pytest.mark.tree("7.3")
    @pytest.mark.skipif(shutil.which("perl") is None, reason="needs perl")
    def test_says_the_same(self, kernel_tree: Callable[[str], Path]) -> None:
        root = kernel_tree("7.3")
        tree = KernelTree(root)
        text = (root / "MAINTAINERS").read_text()
        maintainers = Maintainers(text, lambda name: (root / name).is_dir())
        drivers = sorted(tree.relative(path) for path in root.glob("drivers/*/*.c"))
        files = [*drivers[::250], "fs/aio.c", "mm/secretmem.c", "fs/ext4/file.c"]
        for file in files:
            ours = maintainers.recipients(file)
            theirs = _script(root, file)
            assert _addresses(ours.to) == _addresses(theirs.to), file
            assert _addresses(ours.cc) == _addresses(theirs.cc), file


def _script(root: Path, file: str) -> Recipients:
    """Return what the tree's script says, without its look at history."""
    options = ["--no-git", "--no-git-fallback", "--rolestats", "--no-substatus", "-f", file]
    command = ["perl", "scripts/get_maintainer.pl", *options]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return parsed(done.stdout)


def _addresses(recipients: tuple[str, ...]) -> set[str]:
    return set(map(address_of, recipients))
