# SPDX-License-Identifier: GPL-2.0-only
"""Messages about pages that can't be mapped: the range is checked by the new hook itself (A8)."""

from __future__ import annotations

import pytest

from premap.conversion import apply, convert_file
from premap.csource.source import SourceFile
from premap.equivalence import verify_conversion

FILE = """\
struct ring {
	struct device *dev;
	struct page **pages;
	unsigned long count;
};

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;
	int ret;

BODY
}

static const struct file_operations ring_fops = {
	.mmap	= ring_mmap,
};
"""
CALL = "vm_map_pages(vma, ring->pages, ring->count)"
REFUSED = """\
	if (desc->pgoff >= ring->count ||
	    vma_desc_pages(desc) > ring->count - desc->pgoff) {
		MESSAGE
		return ERRNO;
	}

	mmap_action_map_kernel_pages_full(desc, ring->pages + desc->pgoff);
"""  # noqa: E101  as the kernel aligns


def hook(body: str) -> str:
    """Convert; return the new hook, which is shown to do what the old handler did."""
    old = SourceFile("ring.c", FILE.replace("BODY", body).encode())
    [found] = convert_file(old, None, "7.3")
    assert found.reason is None, found.reason
    verdict = verify_conversion(found, old, None)
    assert verdict.status == "equivalent-except"
    assert {each.id for each in verdict.differences} <= {"message-on-failure", "pte-writable"}
    text = apply([found], old).decode()
    return text[text.index("static int ring_mmap_prepare(") :]


@pytest.mark.parametrize(
    ("failure", "errno"),
    [
        ("\tif (ret) {\n\t\tMESSAGE\n\t\treturn ret;\n\t}\n\treturn 0;", "-ENXIO"),
        ("\tif (ret)\n\t\tMESSAGE\n\treturn ret;", "-ENXIO"),
        ("\tif (ret < 0) {\n\t\tMESSAGE\n\t\treturn -EAGAIN;\n\t}\n\treturn 0;", "-EAGAIN"),
    ],
)
def test_it_tells_of_a_range_that_is_refused(failure: str, errno: str) -> None:
    told = 'dev_err(ring->dev, "mapping failed: %d\\n", NUMBER);'
    body = f"\tret = {CALL};\n{failure.replace('MESSAGE', told.replace('NUMBER', 'ret'))}"
    new = REFUSED.replace("MESSAGE", told.replace("NUMBER", "-ENXIO")).replace("ERRNO", errno)
    assert new in hook(body)


def test_all_that_is_told() -> None:
    told = '\t\tpr_err("ret %d of %lu, ret", ret, vma->vm_pgoff);\n\t\tdev_err(ring->dev, "no");\n'
    new = hook(f"\tret = {CALL};\n\tif (ret) {{\n{told}\t\treturn ret;\n\t}}\n\treturn 0;")
    assert (
        '\t\tpr_err("ret %d of %lu, ret", -ENXIO, desc->pgoff);\n'
        '\t\tdev_err(ring->dev, "no");\n\t\treturn -ENXIO;\n\t}\n'
    ) in new


def test_without_the_result() -> None:
    new = hook(f'\tif ({CALL}) {{\n\t\tpr_err("no");\n\t\treturn -EIO;\n\t}}\n\treturn 0;')
    assert '{\n\t\tpr_err("no");\n\t\treturn -EIO;\n\t}\n' in new


def test_of_pages_from_the_first_on() -> None:
    call = CALL.replace("pages(", "pages_zero(")
    new = hook(f'\tret = {call};\n\tif (ret)\n\t\tpr_err("%d", ret);\n\treturn ret;')
    assert (
        "\tif (vma_desc_pages(desc) > ring->count) {\n"
        '\t\tpr_err("%d", -ENXIO);\n\t\treturn -ENXIO;\n\t}\n'
    ) in new


def test_nothing_is_told_where_nothing_was() -> None:
    old = SourceFile("ring.c", FILE.replace("BODY", f"\tret = {CALL};\n\treturn ret;").encode())
    [found] = convert_file(old, None, "7.3")
    assert "- desc->pgoff)\n\t\treturn -ENXIO;\n" in apply([found], old).decode()
