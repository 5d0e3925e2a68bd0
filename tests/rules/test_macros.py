# SPDX-License-Identifier: GPL-2.0-only
"""What a macro of the driver does is found where the macro is used."""

from __future__ import annotations

import pytest

from premap.csource.source import SourceFile
from premap.rules import check_file

_TEXT = """\
struct ring {
	struct mutex lock;
	phys_addr_t phys;
	size_t bytes;
	int users;
};
%s

static int ring_map(struct vm_area_desc *desc)
{
	struct ring *ring = desc->file->private_data;
	int ret = 0;

%s
	return ret;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_map,
};
"""


def _found(macro: str, body: str) -> list[tuple[str, str]]:
    """Return the rules that report an error or a warning, and the line that each shows."""
    text = _TEXT % (macro, body)
    findings = check_file(SourceFile("ring.c", text.encode()), None, "7.3").findings
    lines = text.splitlines()
    return [(f.rule, lines[f.line - 1].strip()) for f in findings if f.level != "note"]


class TestWhere:
    """The place of a finding in what a macro stands for is the macro's use."""

    @pytest.mark.parametrize(
        ("rule", "macro", "use"),
        [
            ("R01", "COUNT(r) ((r)->users++)", "COUNT(ring);"),
            ("R16", "DENY(d) do { if (vma_desc_test(d, VMA_WRITE_BIT)) ret = -1; } while (0)",
             "DENY(desc);"),
            ("R17", "MAP(d, pfn) mmap_action_remap_full(d, pfn)",
             "MAP(desc, PHYS_PFN(ring->phys) + desc->pgoff);"),
            ("R22", "FIRST(d) ((d)->pgoff = 0)", "FIRST(desc);"),
        ],
    )  # fmt: skip
    def test_is_its_use(self, rule: str, macro: str, use: str) -> None:
        assert _found(f"#define {macro}", f"\t{use}") == [(rule, use)]

    def test_no_edit_goes_where_the_macros_text_would_lie(self) -> None:
        macro = (
            "#define PRIVATE(d) do { if (!vma_desc_test(d, VMA_SHARED_BIT)) ret = -1; } while (0)"
        )
        text = _TEXT % (macro, "\tPRIVATE(desc);")
        findings = check_file(SourceFile("ring.c", text.encode()), None, "7.3").findings
        assert [(each.rule, each.fix) for each in findings] == [("R23", None)]


class TestReturns:
    """R02: a macro that returns, with a lock held."""

    CHECK = "#define CHECK(cond) do { if (!(cond)) return -EINVAL; } while (0)"

    def test_with_the_lock_held(self) -> None:
        body = "\tmutex_lock(&ring->lock);\n\tCHECK(ring->bytes);\n\tmutex_unlock(&ring->lock);"
        assert _found(self.CHECK, body) == [("R02", "CHECK(ring->bytes);")]

    def test_before_it_is_taken(self) -> None:
        body = "\tCHECK(ring->bytes);\n\tmutex_lock(&ring->lock);\n\tmutex_unlock(&ring->lock);"
        assert _found(self.CHECK, body) == []
