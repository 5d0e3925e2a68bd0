# SPDX-License-Identifier: GPL-2.0-only
"""`premap verify`: two versions in, a verdict out."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from .conftest import DRIVER, Premap

OLD = b"""\
#include <linux/mm.h>

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_end - vma->vm_start > 4 * PAGE_SIZE)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
"""
NEW = b"""\
#include <linux/mm.h>

static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	if (vma_desc_size(desc) > 4 * PAGE_SIZE)
		return -EINVAL;
	vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
"""
WRONG = NEW.replace(b"> 4", b">= 4")


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    """Write the three versions."""
    for name, text in {"old.c": OLD, "new.c": NEW, "wrong.c": WRONG}.items():
        (tmp_path / name).write_bytes(text)
    return tmp_path


def _git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


class TestVerdict:
    def test_of_what_does_the_same(self, premap: Premap, versions: Path) -> None:
        ran = premap("verify", "old.c", "new.c")
        assert ran.code == 0, ran.out
        assert ran.out.startswith(b"equivalent")

    def test_of_a_mistake(self, premap: Premap, versions: Path) -> None:
        ran = premap("verify", "old.c:ring_mmap", "wrong.c:ring_mmap_prepare")
        assert ran.code == 1
        assert ran.out.startswith(b"different")

    def test_shows_the_call_that_differs(self, premap: Premap, versions: Path) -> None:
        document = json.loads(premap("verify", "--format=json", "old.c", "wrong.c").out)
        (difference, *_) = document["differences"]
        assert difference["example"]["call"]["length"] == 4 * 4096

    def test_has_all_keys(self, premap: Premap, versions: Path) -> None:
        document = json.loads(premap("verify", "--format=json", "old.c", "new.c").out)
        assert list(document) == ["status", "differences", "reason", "bounds"]
        assert document["bounds"]

    def test_of_what_is_not_understood(self, premap: Premap, versions: Path) -> None:
        (versions / "odd.c").write_bytes(NEW.replace(b"return 0;", b'asm("nop");\n\treturn 0;'))
        ran = premap("verify", "old.c", "odd.c")
        assert ran.code == 3
        assert b"odd.c:8" in ran.out

    def test_gives_up_a_proof_that_takes_too_long(self, premap: Premap, versions: Path) -> None:
        tests = b"".join(b"\tn += !!(file->f_flags & %d);\n" % (1 << bit) for bit in range(14))
        branches = tests.replace(b"n += !!", b"if ").replace(b";", b"\n\t\tn++;")
        body = b"\tunsigned int n = 0;\n\n" + branches + b"\tif (n > 9)\n\t\treturn -EPERM;\n"
        (versions / "long.c").write_bytes(OLD.replace(b"{\n\tif", b"{\n" + body + b"\tif"))
        ran = premap("verify", "--time-limit", "1", "long.c", "long.c")
        assert ran.code == 3
        assert b"more than 0.3 seconds of work" in ran.out, ran.out


class TestWrongUse:
    def test_a_function_that_is_not_there(self, premap: Premap, versions: Path) -> None:
        ran = premap("verify", "old.c:other", "new.c")
        assert (ran.code, len(ran.lines)) == (2, 1)
        assert "other" in ran.err

    def test_a_file_without_a_hook(self, premap: Premap, versions: Path) -> None:
        (versions / "none.c").write_bytes(b"int mmap;\n")
        ran = premap("verify", "old.c", "none.c")
        assert (ran.code, len(ran.lines)) == (2, 1)

    def test_a_file_with_two_hooks(self, premap: Premap, versions: Path) -> None:
        (versions / "two.c").write_bytes(OLD + DRIVER.replace(b"ring_mmap", b"other_mmap"))
        ran = premap("verify", "two.c", "new.c")
        assert (ran.code, len(ran.lines)) == (2, 1)
        assert "other_mmap, ring_mmap" in ran.err


class TestGit:
    @pytest.fixture
    def repository(self, tmp_path: Path) -> Path:
        """Make a repository whose last commit converts the handler."""
        folder = tmp_path / "repository"
        (folder / "drivers").mkdir(parents=True)
        _git(folder, "init", "-q")
        for text in (OLD, NEW):
            (folder / "drivers/ring.c").write_bytes(text)
            _git(folder, "add", ".")
            _git(folder, "commit", "-q", "-m", "ring")
        return folder

    def test_compares_two_revisions(self, premap: Premap, repository: Path) -> None:
        ran = premap("verify", "--git", "HEAD~1..HEAD", repository / "drivers/ring.c")
        assert ran.code == 0, ran.out + ran.err.encode()

    def test_leaves_the_repository_alone(self, premap: Premap, repository: Path) -> None:
        (repository / "drivers/ring.c").write_bytes(WRONG)
        premap("verify", "--git", "HEAD~1..HEAD", repository / "drivers/ring.c")
        assert (repository / "drivers/ring.c").read_bytes() == WRONG

    @pytest.mark.parametrize("revisions", ["HEAD~5..HEAD", "nothing..HEAD", "--output=x..HEAD"])
    def test_an_unknown_revision(self, premap: Premap, repository: Path, revisions: str) -> None:
        ran = premap("verify", f"--git={revisions}", repository / "drivers/ring.c")
        assert (ran.code, len(ran.lines)) == (2, 1)

    def test_a_file_that_was_not_there(self, premap: Premap, repository: Path) -> None:
        ran = premap("verify", "--git", "HEAD~1..HEAD", repository / "drivers/other.c")
        assert (ran.code, len(ran.lines)) == (2, 1)

    def test_no_repository(self, premap: Premap, versions: Path) -> None:
        ran = premap("verify", "--git", "HEAD~1..HEAD", "old.c")
        assert (ran.code, len(ran.lines)) == (2, 1)
