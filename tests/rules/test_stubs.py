# SPDX-License-Identifier: GPL-2.0-only
"""R26: names of what is not there without some option."""

from __future__ import annotations

from premap.csource.source import SourceFile
from premap.rules import check_file

_TEXT = """\
#ifdef CONFIG_MMU
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	return 0;
}
#else
#define %s NULL
#endif

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
"""


def _loud(name: str) -> set[str]:
    findings = check_file(SourceFile("ring.c", (_TEXT % name).encode()), None, "7.3").findings
    return {each.rule for each in findings if each.level != "note"}


def test_one_that_kept_the_old_name() -> None:
    assert _loud("ring_mmap") == {"R26"}


def test_one_that_has_the_new_name() -> None:
    assert _loud("ring_mmap_prepare") == set()


def test_another_name() -> None:
    assert _loud("ring_poll") == set()


def test_one_that_another_table_names() -> None:
    table = "static const struct file_operations ring_old_fops = { .mmap = ring_mmap };\n"
    text = (_TEXT % "ring_mmap" + table).encode()
    findings = check_file(SourceFile("ring.c", text), None, "7.3").findings
    assert not any("is still NULL" in each.message for each in findings)
