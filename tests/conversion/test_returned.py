# SPDX-License-Identifier: GPL-2.0-only
"""`return result;` behind populations in branches: 0 where every path that comes there is one."""

from __future__ import annotations

import pytest

from premap.conversion import apply, convert_file
from premap.csource.source import SourceFile
from premap.equivalence import verify_conversion

SIZE = "vma->vm_end - vma->vm_start, vma->vm_page_prot"
FIRST = f"ret = remap_pfn_range(vma, vma->vm_start, ring_pfn, {SIZE});"
SECOND = f"ret = io_remap_pfn_range(vma, vma->vm_start, ring_pfn + 8, {SIZE});"
FILE = """
static unsigned long ring_pfn;
static int ring_mode;
static const struct vm_operations_struct ring_vm_ops = {{
	.fault = ring_fault,
}};

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{{
{body}
}}

static const struct file_operations ring_fops = {{
	.mmap = ring_mmap,
}};
"""


def source(body: str) -> SourceFile:
    return SourceFile("ring.c", FILE.format(body=body).encode())


def converted(body: str) -> str:
    """Return the converted file; it does what the old one did."""
    old = source(body)
    [found] = convert_file(old, None, "7.3")
    assert found.reason is None
    assert verify_conversion(found, old, None).status in {"equivalent", "equivalent-except"}
    return apply([found], old).decode()


BOTH = f"\tif (ring_mode) {{\n\t\t{FIRST}\n\t}} else {{\n\t\t{SECOND}\n\t}}\n"


class TestZero:
    def test_where_every_branch_maps(self) -> None:
        text = converted(f"\tint ret;\n\n{BOTH}\n\treturn ret;")
        assert "\treturn 0;\n}" in text
        assert "ret;" not in text

    def test_where_branches_are_nested(self) -> None:
        inner = f"\tif (ring_mode > 1) {{\n{BOTH}\t}} else {{\n\t\t{FIRST}\n\t}}\n"
        assert "\treturn 0;\n}" in converted(f"\tint ret;\n\n{inner}\treturn ret;")

    def test_where_a_branch_leaves(self) -> None:
        left = BOTH.replace(SECOND, "return -EINVAL;")
        text = converted(f"\tint ret;\n\n{left}\treturn ret;")
        assert "\t\treturn -EINVAL;\n\t}\n\treturn 0;\n" in text

    def test_where_operations_are_set_behind_it(self) -> None:
        text = converted(f"\tint ret;\n\n{BOTH}\tvma->vm_ops = &ring_vm_ops;\n\treturn ret;")
        assert "\tdesc->vm_ops = &ring_vm_ops;\n\treturn 0;\n" in text

    def test_where_nothing_else_gives_it_a_value(self) -> None:
        text = converted(f"\tint ret = 0;\n\n\tif (ring_mode) {{\n\t\t{FIRST}\n\t}}\n\treturn ret;")
        assert "\t}\n\treturn 0;\n" in text


INNER = BOTH.replace(SECOND, "if (ring_pfn) " + SECOND)
SWITCH = f"\tswitch (ring_mode) {{\n\tcase 1:\n\t\t{FIRST}\n\t\tbreak;\n\t}}\n"
ONE = f"\tif (ring_mode) {{\n\t\t{FIRST}\n\t}}\n"


@pytest.mark.parametrize(
    "statements",
    [
        f"int ret = -EINVAL;\n{ONE}",
        f"int ret;\n{BOTH.replace(SECOND, 'ret = -EINVAL;')}",
        f"int ret = -EIO;\n{INNER}",
        f"int ret = -EIO;\nif (!ring_pfn)\ngoto out;\n{BOTH}out:\n",
        f"int ret = 0;\nring_check(&ret);\n{ONE}",
        f"int ret = 0;\nif (ring_pfn)\nret -= ENOSPC;\n{ONE}",
        f"int ret = -EIO;\n{SWITCH}",
    ],
    ids=["begins", "other-branch", "inner-if", "label", "address", "changed", "switch"],
)
def test_not_where_another_path_has_a_value(statements: str) -> None:
    [found] = convert_file(source(statements + "return ret;"), None, "7.3")
    assert found.reason is not None
    assert found.reason.id == "code-after-population"
