# SPDX-License-Identifier: GPL-2.0-only
"""`premap check --patch`: patches as git, diff and mailers write them."""

from __future__ import annotations

import difflib
import html
import quopri
import subprocess
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Premap
from tests.cli.test_check import CLEAN, _json, _rules


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a small tree with a clean driver."""
    root = tmp_path / "linux"
    (root / "include/linux").mkdir(parents=True)
    (root / "include/linux/mm_types.h").write_text("struct vm_area_desc;\n")
    (root / "drivers").mkdir()
    (root / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 3\n")
    (root / "drivers/ring.c").write_text(CLEAN)
    return root


def _diff(old: str, new: str) -> str:
    lines = difflib.unified_diff(
        old.splitlines(keepends=True),
        new.splitlines(keepends=True),
        "a/drivers/ring.c",
        "b/drivers/ring.c",
    )
    return "".join(lines)


MAIL = """\
From 0123456789abcdef Mon Sep 17 00:00:00 2001
From: A Driver Author <author@example.org>
Date: Mon, 2 Nov 2026 10:00:00 +0000
Subject: [PATCH] ring: say less

---
 drivers/ring.c | 1 -
 1 file changed, 1 deletion(-)

diff --git a/drivers/ring.c b/drivers/ring.c
{diff}--
2.53.0
"""


class TestPatch:
    """--patch: what a patch or a mail changes."""

    WORSE = CLEAN.replace("	vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT);\n", "")

    def _check(self, premap: Premap, tree: Path, patch: str) -> dict[str, Any]:
        (tree / "mail").write_text(patch)
        return _json(premap, "--tree", tree, "--patch", tree / "mail")

    def test_mail(self, premap: Premap, tree: Path) -> None:
        mail = MAIL.format(diff=_diff(CLEAN, self.WORSE))
        document = self._check(premap, tree, mail)
        assert _rules(document) == ["R16"]
        assert document["findings"][0]["file"] == "drivers/ring.c"

    def test_tree_that_has_it_already(self, premap: Premap, tree: Path) -> None:
        (tree / "drivers/ring.c").write_text(self.WORSE)
        assert _rules(self._check(premap, tree, _diff(CLEAN, self.WORSE))) == ["R16"]

    def test_what_was_there_before_is_not_said(self, premap: Premap, tree: Path) -> None:
        (tree / "drivers/ring.c").write_text(self.WORSE)
        more = self.WORSE.replace("	return 0;", "	desc->vm_ops = NULL;\n	return 0;")
        assert _rules(self._check(premap, tree, _diff(self.WORSE, more))) == ["R28"]

    def test_quoted_printable(self, premap: Premap, tree: Path) -> None:
        diff = quopri.encodestring(_diff(CLEAN, self.WORSE).encode()).decode()
        head = "From: A <a@example.org>\nContent-Type: text/plain; charset=utf-8\n"
        mail = f"{head}Content-Transfer-Encoding: quoted-printable\n\n{diff}"
        assert _rules(self._check(premap, tree, mail)) == ["R16"]

    def _git(self, tree: Path, *arguments: str) -> str:
        """Return what git says of the tree, as a repository of one commit."""
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.autocrlf=false")
        command = ["git", "-C", str(tree), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout.decode()

    def _committed(self, tree: Path) -> None:
        self._git(tree, "init", "-q", "-b", "main")
        self._git(tree, "add", ".")
        self._git(tree, "commit", "-qm", "as it was")

    def _taken_back(self, tree: Path) -> None:
        self._git(tree, "reset", "-q", "--hard", "HEAD")

    def test_renamed_and_worse(self, premap: Premap, tree: Path) -> None:
        self._committed(tree)
        self._git(tree, "mv", "drivers/ring.c", "drivers/hoop.c")
        (tree / "drivers/hoop.c").write_text(self.WORSE)
        self._git(tree, "add", ".")
        patch = self._git(tree, "diff", "--cached", "-M10")
        assert "rename to drivers/hoop.c" in patch
        self._taken_back(tree)
        document = self._check(premap, tree, patch)
        assert [(each["rule"], each["file"]) for each in document["findings"]] == [
            ("R16", "drivers/hoop.c")
        ]

    def test_renamed_only(self, premap: Premap, tree: Path) -> None:
        (tree / "drivers/ring.c").write_text(self.WORSE)
        self._committed(tree)
        self._git(tree, "mv", "drivers/ring.c", "drivers/hoop.c")
        patch = self._git(tree, "diff", "--cached", "-M")
        assert "@@" not in patch
        self._taken_back(tree)
        assert _rules(self._check(premap, tree, patch)) == []

    def test_series_that_renames_then_changes(self, premap: Premap, tree: Path) -> None:
        self._committed(tree)
        self._git(tree, "mv", "drivers/ring.c", "drivers/hoop.c")
        self._git(tree, "commit", "-qm", "move it")
        (tree / "drivers/hoop.c").write_text(self.WORSE)
        self._git(tree, "commit", "-qam", "worse")
        series = self._git(tree, "format-patch", "--stdout", "-M", "-2")
        self._git(tree, "reset", "-q", "--hard", "HEAD~2")
        assert _rules(self._check(premap, tree, series)) == ["R16"]

    def test_copied(self, premap: Premap, tree: Path) -> None:
        (tree / "drivers/ring.c").write_text(self.WORSE)
        self._committed(tree)
        more = self.WORSE.replace("	return 0;", "	desc->vm_ops = NULL;\n	return 0;")
        (tree / "drivers/hoop.c").write_text(more)
        self._git(tree, "add", ".")
        patch = self._git(tree, "diff", "--cached", "-C10", "--find-copies-harder")
        assert "copy to drivers/hoop.c" in patch
        self._taken_back(tree)
        assert _rules(self._check(premap, tree, patch)) == ["R28"]

    def test_new_file(self, premap: Premap, tree: Path) -> None:
        (tree / "drivers/ring.c").unlink()
        self._committed(tree)
        (tree / "drivers/ring.c").write_text(self.WORSE)
        self._git(tree, "add", ".")
        patch = self._git(tree, "diff", "--cached")
        assert "R16" in _rules(self._check(premap, tree, patch))  # a tree that has it
        self._taken_back(tree)
        assert "R16" in _rules(self._check(premap, tree, patch))

    def test_binary_and_modes_say_nothing(self, premap: Premap, tree: Path) -> None:
        (tree / "logo.bin").write_bytes(bytes(range(256)))
        self._committed(tree)
        (tree / "logo.bin").write_bytes(bytes(range(255, -1, -1)))
        (tree / "drivers/ring.c").chmod(0o755)
        patch = self._git(tree, "diff", "--binary")
        assert "GIT binary patch" in patch
        assert "new mode 100755" in patch
        self._taken_back(tree)
        assert _rules(self._check(premap, tree, patch)) == []

    def test_name_that_git_quotes(self, premap: Premap, tree: Path) -> None:
        (tree / "drivers/ring.c").rename(tree / "drivers/r\u00efng\t.c")
        self._committed(tree)
        (tree / "drivers/r\u00efng\t.c").write_text(self.WORSE)
        patch = self._git(tree, "diff")
        assert '"b/drivers/' in patch
        self._taken_back(tree)
        assert _rules(self._check(premap, tree, patch)) == ["R16"]

    @pytest.mark.parametrize("old", ["linux-7.3/drivers/ring.c", "drivers/ring.c.orig"])
    def test_names_that_diff_gives(self, premap: Premap, tree: Path, old: str) -> None:
        new = "linux/drivers/ring.c" if old.startswith("linux") else "drivers/ring.c"
        diff = _diff(CLEAN, self.WORSE).replace("a/drivers/ring.c", f"{old}\t2026-11-02 10:00:00")
        assert _rules(self._check(premap, tree, diff.replace("b/drivers/ring.c", new))) == ["R16"]

    def test_prefixes_of_git(self, premap: Premap, tree: Path) -> None:
        diff = _diff(CLEAN, self.WORSE).replace("a/drivers", "i/drivers")
        diff = diff.replace("b/drivers", "w/drivers")
        assert _rules(self._check(premap, tree, diff)) == ["R16"]

    def test_no_newline_at_the_end(self, premap: Premap, tree: Path) -> None:
        (tree / "drivers/ring.c").write_text(CLEAN.rstrip("\n"))
        self._committed(tree)
        (tree / "drivers/ring.c").write_text(self.WORSE)
        patch = self._git(tree, "diff", "-U100")
        assert "\\ No newline" in patch
        self._taken_back(tree)
        assert _rules(self._check(premap, tree, patch)) == ["R16"]
        (tree / "drivers/ring.c").write_text(self.WORSE)
        assert _rules(self._check(premap, tree, patch)) == ["R16"]

    def test_no_context(self, premap: Premap, tree: Path) -> None:
        self._committed(tree)
        marked = self.WORSE.replace("	return 0;\n", "	/* here */\n	return 0;\n")
        (tree / "drivers/ring.c").write_text(marked)
        patch = self._git(tree, "diff", "-U0")
        self._taken_back(tree)
        finding = self._check(premap, tree, patch)["findings"][0]
        (tree / "drivers/ring.c").write_text(marked)
        expected = _json(premap, "--tree", tree, tree / "drivers/ring.c")["findings"][0]
        assert (finding["rule"], finding["line"]) == (expected["rule"], expected["line"])

    def test_lines_that_a_mail_ended_otherwise(self, premap: Premap, tree: Path) -> None:
        mail = MAIL.format(diff=_diff(CLEAN, self.WORSE)).replace("\n", "\r\n")
        (tree / "mail").write_bytes(mail.encode())
        document = _json(premap, "--tree", tree, "--patch", tree / "mail")
        assert _rules(document) == ["R16"]

    def test_file_with_crlf(self, premap: Premap, tree: Path) -> None:
        (tree / "drivers/ring.c").write_bytes(CLEAN.replace("\n", "\r\n").encode())
        self._committed(tree)
        (tree / "drivers/ring.c").write_bytes(self.WORSE.replace("\n", "\r\n").encode())
        patch = self._git(tree, "diff")
        self._taken_back(tree)
        (tree / "mail").write_bytes(patch.encode())
        document = _json(premap, "--tree", tree, "--patch", tree / "mail")
        assert _rules(document) == ["R16"]

    @pytest.mark.parametrize("how", ["base64", "html", "attached", "crlf"])
    def test_mails(self, premap: Premap, tree: Path, how: str) -> None:
        message = EmailMessage()
        message["From"], message["Subject"] = "A <a@example.org>", "[PATCH] ring: say less"
        diff = _diff(CLEAN, self.WORSE)
        if how == "attached":
            message.set_content("Please take this. \u2014 A")
            message.add_attachment(
                diff.encode(), maintype="application", subtype="octet-stream", filename="r.patch"
            )
        else:
            message.set_content(diff, cte="base64")
        if how == "html":
            message.add_alternative(f"<pre>{html.escape(diff)}</pre>", subtype="html")
        first = MAIL.format(diff=_diff(self.WORSE, self.WORSE.replace("ring_pfn", "hoop_pfn")))
        start = "From 0123456789abcdef Mon Sep 17 00:00:00 2001\n"
        mbox = f"{start}{message.as_string()}\n{first}"
        end = "\r\n" if how == "crlf" else "\n"
        (tree / "mail").write_bytes(mbox.replace("\n", end).encode())
        document = _json(premap, "--tree", tree, "--patch", tree / "mail")
        assert "R16" in _rules(document)
        assert {each["file"] for each in document["findings"]} == {"drivers/ring.c"}

    def test_sentence_that_begins_like_an_mbox(self, premap: Premap, tree: Path) -> None:
        said = (
            f"Subject: [PATCH] ring\n\nFrom 2.6 until 2024\nit was so.\n{_diff(CLEAN, self.WORSE)}"
        )
        body = quopri.encodestring(said.encode()).decode()
        head = "From: A <a@example.org>\nContent-Transfer-Encoding: quoted-printable\n\n"
        assert "=\n" in body
        assert _rules(self._check(premap, tree, head + body)) == ["R16"]

    def test_merge(self, premap: Premap, tree: Path) -> None:
        diff = _diff(CLEAN, self.WORSE).replace("@@ -", "@@@ -1,2 -")
        (tree / "mail").write_text(diff)
        ran = premap("check", "--tree", tree, "--patch", tree / "mail")
        assert (ran.code, len(ran.lines)) == (2, 1)
        assert "merge" in ran.err

    def test_cut_off(self, premap: Premap, tree: Path) -> None:
        (tree / "mail").write_text(_diff(CLEAN, self.WORSE)[:-30])
        ran = premap("check", "--tree", tree, "--patch", tree / "mail")
        assert (ran.code, len(ran.lines)) == (2, 1)

    def test_no_such_patch(self, premap: Premap, tree: Path) -> None:
        ran = premap("check", "--tree", tree, "--patch", tree / "nothing")
        assert (ran.code, len(ran.lines)) == (2, 1)
        assert "nothing" in ran.err

    def test_does_not_apply(self, premap: Premap, tree: Path) -> None:
        (tree / "mail").write_text(_diff(CLEAN.replace("EINVAL", "EPERM"), self.WORSE))
        ran = premap("check", "--tree", tree, "--patch", tree / "mail")
        assert (ran.code, len(ran.lines)) == (2, 1)
        assert "does not apply" in ran.err

    def test_no_diff(self, premap: Premap, tree: Path) -> None:
        (tree / "mail").write_text("hello\n")
        assert premap("check", "--tree", tree, "--patch", tree / "mail").code == 2
