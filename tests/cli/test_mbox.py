# SPDX-License-Identifier: GPL-2.0-only
"""`premap convert --mbox`: a series that git am takes, and that people can read."""

from __future__ import annotations

import email
import email.policy
import json
import shutil
import subprocess
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from tests.files import write_files

from .conftest import DRIVER, Premap

EPOCH = "1750000000"
DATE = "Sun, 15 Jun 2025 15:06:40 +0000"
MAINTAINERS = """\
RING DRIVER
M:	Jörg Ring <ring@example.org>
L:	rings@example.org
S:	Maintained
F:	drivers/misc/

BELL DRIVER
M:	Bell, A. G. <bell@example.org>
S:	Maintained
F:	drivers/char/bell.c

THE REST
L:	all@example.org
S:	Buried alive in reporters
F:	*
F:	*/
"""
SHARED = b"""\
#include <linux/mm.h>

int ring_map(struct vm_area_struct *vma);
"""
HELPER = b"""\
#include "ring.h"

int ring_map(struct vm_area_struct *vma)
{
	vma->vm_ops = &ring_vm_ops;
	return 0;
}
"""


def _using(name: str) -> bytes:
    text = DRIVER.replace(b"vma->vm_ops = &ring_vm_ops;\n\treturn 0;", b"return ring_map(vma);")
    return b'#include "ring.h"\n' + text.replace(b"ring_mmap", f"{name}_mmap".encode())


def _git(folder: Path, *arguments: str | Path) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    command = ["git", *identity, *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, timeout=60
    ).stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a small kernel tree in git, with three drivers."""
    files = {
        "Makefile": b"VERSION = 7\nPATCHLEVEL = 3\n",
        "MAINTAINERS": MAINTAINERS.encode(),
        "include/linux/mm_types.h": b"struct vm_area_desc;\n",
        "drivers/misc/ring.c": DRIVER,
        "drivers/char/bell.c": DRIVER.replace(b"\n", b"\r\n"),
        "drivers/gong/ring.h": SHARED,
        "drivers/gong/helper.c": HELPER,
        "drivers/gong/one.c": _using("one"),
        "drivers/gong/two.c": _using("two"),
    }
    write_files(tmp_path / "tree", files)
    _git(tmp_path / "tree", "init", "-q")
    _git(tmp_path / "tree", "config", "core.autocrlf", "false")
    _git(tmp_path / "tree", "add", ".")
    _git(tmp_path / "tree", "commit", "-qm", "a base")
    return tmp_path / "tree"


@pytest.fixture
def series(premap: Premap, tree: Path, tmp_path: Path) -> list[Path]:
    """Return the files of the tree's series, the cover letter first."""
    ran = premap("convert", "--mbox", "out", tree / "drivers", SOURCE_DATE_EPOCH=EPOCH)
    assert ran.code in {0, 1, 3}, ran.err
    files = sorted((tmp_path / "out").iterdir())
    assert ran.out.decode().splitlines() == [f"out/{path.name}" for path in files]
    return files


def _mail(path: Path) -> EmailMessage:
    text = path.read_bytes().partition(b"\n")[2]
    found = email.message_from_bytes(text, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


class TestSeries:
    def test_git_am_takes_it(self, series: list[Path], tree: Path, premap: Premap) -> None:
        diff = premap("convert", "--no-verify", tree / "drivers").out
        patches = [path for path in series if path.suffix == ".patch"]
        _git(tree, "am", *patches)
        assert int(_git(tree, "rev-list", "--count", "HEAD")) == 1 + len(patches)
        made = subprocess.run(
            ["git", "diff", "--no-renames", "HEAD~3"], cwd=tree, capture_output=True, check=True
        ).stdout
        assert _changed(made) == _changed(diff)
        assert premap("convert", "--no-verify", tree / "drivers").out == b""

    def test_has_one_driver_a_patch(self, series: list[Path], tree: Path) -> None:
        stats = []
        for path in series[1:]:
            _git(tree, "am", path)
            stats.append(_git(tree, "show", "--format=", "--name-only").split())
        assert stats == [
            ["drivers/char/bell.c"],
            [f"drivers/gong/{name}" for name in ("helper.c", "one.c", "ring.h", "two.c")],
            ["drivers/misc/ring.c"],
        ]

    def test_is_the_same_each_time(self, premap: Premap, tree: Path, tmp_path: Path) -> None:
        """Without a proof, which a busy machine may give up."""
        for name, seed in (("one", "1"), ("two", "2")):
            fixed = {"SOURCE_DATE_EPOCH": EPOCH, "PYTHONHASHSEED": seed}
            premap("convert", "--no-verify", "--mbox", name, tree / "drivers", **fixed)
        one, two = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
        assert len(one) == 4
        assert [path.name for path in one] == [path.name for path in two]
        assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]

    def test_leaves_nothing_else_behind(self, series: list[Path], tmp_path: Path) -> None:
        assert {path.name for path in tmp_path.iterdir()} == {"tree", "out"}


def _changed(diff: bytes) -> list[bytes]:
    lines = diff.split(b"\n")
    return [line for line in lines if line[:1] in b"+-" and line[:3] not in (b"+++", b"---")]


class TestMail:
    def test_subjects_have_the_subsystems_prefix(self, series: list[Path]) -> None:
        said = "replace deprecated mmap hook"
        assert [_mail(path)["Subject"] for path in series] == [
            "[PATCH 0/3] Replace deprecated mmap hooks with mmap_prepare",
            f"[PATCH 1/3] char: bell: {said} with mmap_prepare",
            f"[PATCH 2/3] gong: one: {said}s with mmap_prepare",
            f"[PATCH 3/3] misc: ring: {said} with mmap_prepare",
        ]

    def test_go_to_those_who_care(self, series: list[Path]) -> None:
        ring = _mail(series[3])
        assert ring["To"] == "Jörg Ring <ring@example.org>"
        assert ring["Cc"] == "rings@example.org, all@example.org"
        bell = _mail(series[1])
        assert [address.addr_spec for address in bell["To"].addresses] == ["bell@example.org"]
        cover = _mail(series[0])
        assert len(cover["To"].addresses) == 2

    def test_say_who_and_when(self, premap: Premap, tree: Path, tmp_path: Path) -> None:
        me = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org"}
        premap("convert", "--mbox", "out", tree / "drivers/misc", SOURCE_DATE_EPOCH=EPOCH, **me)
        for path in (tmp_path / "out").iterdir():
            assert _mail(path)["From"] == "Ada <ada@example.org>"
            assert _mail(path)["Date"] == DATE

    def test_nobody_signs_off(self, series: list[Path]) -> None:
        assert not any(b"Signed-off-by" in path.read_bytes() for path in series)

    def test_lines_are_short(self, series: list[Path]) -> None:
        for path in series:
            message = _mail(path).get_content().split("\ndiff --git")[0]
            assert max(map(len, message.splitlines())) <= 75

    def test_say_what_was_done(self, series: list[Path]) -> None:
        message = _mail(series[3]).get_content()
        assert "Convert ring_mmap() to ring_mmap_prepare()." in message
        assert "[F1]" in message
        assert "Verdict: equivalent. " in message
        table = _mail(series[0]).get_content()
        assert "3      ring_mmap()  equivalent" in table
        assert " 3. misc: ring: replace" in table
        assert " 6 files changed," in table


class TestUse:
    def test_a_driver_outside_a_tree(self, premap: Premap, driver: Path, tmp_path: Path) -> None:
        _git(tmp_path, "init", "-q")
        _git(tmp_path, "add", ".")
        _git(tmp_path, "commit", "-qm", "a base")
        assert premap("convert", "--mbox", "out", driver).code == 0
        _git(tmp_path, "am", *sorted((tmp_path / "out").glob("*.patch")))
        assert b"mmap_prepare" in driver.read_bytes()

    def test_an_empty_folder_stays_the_one_it_is(
        self, premap: Premap, driver: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "out").mkdir(mode=0o700)
        before = (tmp_path / "out").stat().st_ino
        assert premap("convert", "--no-verify", "--mbox", "out", "ring.c").code == 0
        assert (tmp_path / "out").stat().st_ino == before
        assert len(list((tmp_path / "out").iterdir())) == 2

    def test_json_goes_with_it(self, premap: Premap, driver: Path, tmp_path: Path) -> None:
        ran = premap("convert", "--no-verify", "--format", "json", "--mbox", "out", "ring.c")
        assert json.loads(ran.out)["diff"]
        assert len(list((tmp_path / "out").iterdir())) == 2

    def test_nothing_converted_is_an_empty_folder(self, premap: Premap, tmp_path: Path) -> None:
        (tmp_path / "none.c").write_bytes(b"int main;\n")
        assert premap("convert", "--mbox", "out", "none.c").code == 0
        assert list((tmp_path / "out").iterdir()) == []

    @pytest.mark.parametrize("what", ["file", "folder", "missing/parent"])
    def test_a_folder_that_can_not_be_made(
        self, premap: Premap, driver: Path, tmp_path: Path, what: str
    ) -> None:
        (tmp_path / "file").write_text("")
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder/0001-old.patch").write_text("")
        ran = premap("convert", "--mbox", what, "ring.c")
        assert (ran.code, len(ran.lines)) == (2, 1), ran.err

    def test_not_with_in_place(self, premap: Premap, driver: Path) -> None:
        assert premap("convert", "--mbox", "out", "--in-place", "ring.c").code == 2

    def test_files_of_several_trees_are_several_series(
        self, premap: Premap, tree: Path, driver: Path
    ) -> None:
        assert premap("convert", "--mbox", "out", tree / "drivers", driver).code == 2


class TestScript:
    SCRIPT = r"""
open(F, '>ran');
@patch = <STDIN>;
print "Ada <ada\@example.org> (maintainer:RING)\nlist\@example.org (open list)\n"
    if grep(/ring_mmap_prepare/, @patch);
"""

    @pytest.fixture(autouse=True)
    def _script(self, tree: Path) -> None:
        (tree / "scripts").mkdir()
        (tree / "scripts/get_maintainer.pl").write_text(self.SCRIPT)

    def test_is_not_run_unasked(self, series: list[Path], tree: Path) -> None:
        assert not (tree / "ran").exists()

    @pytest.mark.skipif(shutil.which("perl") is None, reason="needs perl")
    def test_says_who_gets_a_patch(self, premap: Premap, tree: Path, tmp_path: Path) -> None:
        premap("convert", "--mbox", "out", "--get-maintainer", tree / "drivers/misc")
        mail = _mail(max((tmp_path / "out").iterdir()))
        assert (mail["To"], mail["Cc"]) == ("Ada <ada@example.org>", "list@example.org")

    def test_without_perl_maintainers_is_read(
        self, premap: Premap, tree: Path, tmp_path: Path
    ) -> None:
        only_git = tmp_path / "bin"
        only_git.mkdir()
        (only_git / "git").symlink_to(shutil.which("git") or "")
        where = str(only_git)
        ran = premap(
            "convert", "--mbox", "out", "--get-maintainer", tree / "drivers/misc", PATH=where
        )
        assert "MAINTAINERS is read instead" in ran.err
        mail = _mail(max((tmp_path / "out").iterdir()))
        assert mail["To"] == "Jörg Ring <ring@example.org>"


@pytest.mark.tree("7.3")
@pytest.mark.skipif(shutil.which("perl") is None, reason="needs perl")
def test_real_drivers(kernel_tree: Callable[[str], Path], premap: Premap, tmp_path: Path) -> None:
    """The tree's checkpatch.pl has nothing against them, and git am takes them."""
    root = kernel_tree("7.3")
    premap("convert", "--no-verify", "--mbox", "out", root / "drivers/char", root / "drivers/xen")
    patches = sorted((tmp_path / "out").glob("*.patch"))
    assert patches
    for path in patches:
        checked = subprocess.run(
            ["perl", "scripts/checkpatch.pl", "--no-tree", "--no-signoff", path],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "total: 0 errors" in checked.stdout, checked.stdout
    files = {
        line[6:]
        for path in patches
        for line in path.read_text().splitlines()
        if line.startswith("--- a/")
    }
    for name in files:
        (tmp_path / "repository" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, tmp_path / "repository" / name)
    _git(tmp_path / "repository", "init", "-q")
    _git(tmp_path / "repository", "add", ".")
    _git(tmp_path / "repository", "commit", "-qm", "a base")
    _git(tmp_path / "repository", "am", *patches)
