# SPDX-License-Identifier: GPL-2.0-only
"""What a name means, in code that is whole and in code that is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lsp.client import Editor

HOOK = """\
static int dev_mmap_prepare(struct vm_area_desc *desc)
{
\tstruct mmap_action *act = &desc->action;
\tstruct range *range = desc->file->private_data;
\tint mapped = 0;

\tif (!vma_desc_test(desc, VMA_SHARED_BIT) || range->start > desc->start)
\t\treturn -EINVAL;
\tvma_desc_set_flags(desc, VMA_IO_BIT, VMA_SEALED_BIT);
\tdesc->page_prot = pgprot_noncached(desc->page_prot);
\tmmap_action_remap(desc, desc->start, range->pfn + desc->pgoff, mapped);
\tdesc->action.error_override = -EAGAIN;
\tact->hide_from_rmap_until_complete = true;
\treturn vma->vm_flags & VM_IO;
}

static const struct vm_operations_struct dev_vm_ops = { .mapped = dev_mapped };
"""


class TestNames:
    @pytest.mark.parametrize(
        ("name", "told", "releases"),
        [
            ("mmap_action_remap", "mmap_action_remap(desc, start, start_pfn, size)", "since 6.19"),
            ("vma_desc_test", "exactly one flag", "in 7.1, 7.2, 7.3"),
            ("vma_desc_set_flags", "Takes bits", "in 7.0, 7.1, 7.2, 7.3"),
            ("VMA_IO_BIT", "VMA_IO_BIT = 14", "in 7.0, 7.1, 7.2, 7.3"),
            ("VMA_SEALED_BIT", "32-bit kernels", "in 7.2, 7.3"),
            ("VM_IO", "`VMA_IO_BIT`", ""),
            ("pgprot_noncached", "No caching", ""),
        ],
    )
    def test_are_told_with_their_releases(
        self, editor: Editor, name: str, told: str, releases: str
    ) -> None:
        buffer = editor.open(HOOK)
        shown = editor.hover(buffer, name)
        assert shown is not None
        assert told in shown
        assert releases in shown

    def test_that_nobody_knows_are_not(self, editor: Editor) -> None:
        buffer = editor.open(HOOK)
        assert editor.hover(buffer, "dev_mmap_prepare") is None
        assert editor.hover(buffer, "EINVAL") is None


class TestFields:
    @pytest.mark.parametrize(
        ("before", "name", "told"),
        [
            ("desc->", "file", "immutable"),
            ("> desc->", "start", "immutable"),
            ("+ desc->", "pgoff", "in pages"),
            ("desc->", "page_prot", "pgprot_noncached"),
            ("desc->action.", "error_override", "negative errno"),
            ("act->", "hide_from_rmap_until_complete", "reverse map"),
        ],
    )
    def test_of_descriptors_are_told(
        self, editor: Editor, before: str, name: str, told: str
    ) -> None:
        assert told in (self._hover(editor, before, name) or "")

    @pytest.mark.parametrize(("before", "name"), [("range->", "start"), ("int ", "mapped")])
    def test_of_other_structures_are_not(self, editor: Editor, before: str, name: str) -> None:
        assert self._hover(editor, before, name) is None

    def test_of_operations_are_told(self, editor: Editor) -> None:
        assert "did not merge" in (self._hover(editor, "{ .", "mapped") or "")

    @staticmethod
    def _hover(editor: Editor, before: str, name: str) -> str | None:
        buffer = editor.open(HOOK)
        nth = HOOK[: HOOK.index(before + name) + len(before)].count(name)
        return editor.hover(buffer, name, nth)


class TestHalfWritten:
    def test_code_is_no_obstacle(self, editor: Editor) -> None:
        buffer = editor.open("int f(struct vm_area_desc *desc\n{ if (desc->pgoff")
        assert "in pages" in (editor.hover(buffer, "pgoff") or "")

    def test_columns_count_utf16(self, editor: Editor) -> None:
        buffer = editor.open("/* \U0001f427\U0001f427 */ VMA_IO_BIT")
        assert editor.hover(buffer, "VMA_IO_BIT")

    def test_long_lines_are_no_burden(self, editor: Editor) -> None:
        buffer = editor.open("a" * 200_000 + "->" + "b" * 200_000 + " VMA_IO_BIT")
        assert editor.hover(buffer, "VMA_IO_BIT")


class TestTrees:
    def test_say_what_they_do_not_have(self, editor: Editor, tree: Path) -> None:
        path = tree / "drivers/char/new.c"
        buffer = editor.open("vma_desc_test(); mmap_action_remap(); VMA_IO_BIT", path.as_uri())
        assert "not in this tree (7.3)" in (editor.hover(buffer, "vma_desc_test") or "")
        assert "not in this tree (7.3)" in (editor.hover(buffer, "VMA_IO_BIT") or "")
        assert "not in this tree" not in (editor.hover(buffer, "mmap_action_remap") or "")

    def test_that_change_are_read_again(self, editor: Editor, tree: Path) -> None:
        buffer = editor.open("VMA_IO_BIT", (tree / "drivers/char/new.c").as_uri())
        assert "not in this tree" in (editor.hover(buffer, "VMA_IO_BIT") or "")
        header = tree / "include/linux/mm.h"
        header.write_text(header.read_text() + "DECLARE_VMA_BIT(IO, 14)\n")
        assert "not in this tree" not in (editor.hover(buffer, "VMA_IO_BIT") or "")
