# SPDX-License-Identifier: GPL-2.0-only
"""The fixes of R18 and R23: what they write, what changes, and where there is none."""

from __future__ import annotations

import pytest

from premap.csource.edit import apply_edits
from premap.csource.source import SourceFile
from premap.equivalence import verify_functions
from premap.records import Finding
from premap.rules import check_file

_RING = """\
struct ring {
	struct device *dev;
	int users;
	unsigned long pfn;
};

static int ring_map(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;

%s
}

static const struct file_operations ring_fops = {
	.mmap = ring_map,
};
"""
_MAP = "remap_pfn_range(vma, vma->vm_start, ring->pfn, PAGE_SIZE, vma->vm_page_prot)"
_FIRST = "\tif (vma->vm_pgoff || vma->vm_end - vma->vm_start != PAGE_SIZE)\n\t\treturn -EINVAL;\n"


def _found(body: str, rule: str) -> list[Finding]:
    checked = check_file(SourceFile("ring.c", (_RING % body).encode()), None, "7.3")
    return [each for each in checked.findings if each.rule == rule]


def _mended(body: str, rule: str) -> str:
    (finding,) = _found(body, rule)
    assert finding.fix is not None
    assert finding.fix.safety == "review"
    return apply_edits((_RING % body).encode(), finding.fix.edits).decode()


def _changes(body: str, mended: str) -> set[str]:
    """Return in what the two versions differ, by premap verify."""
    sides = (SourceFile("ring.c", text.encode()) for text in (_RING % body, mended))
    old, new = ((side, None) for side in sides)
    return {each.id for each in verify_functions(old, new).differences}


class TestResult:
    @pytest.mark.parametrize("cast", ["", "(void)"])
    def test_is_returned(self, cast: str) -> None:
        body = f"{_FIRST}\t{cast}{_MAP};\n\treturn 0;"
        mended = _mended(body, "R18")
        assert mended == _RING % f"{_FIRST}\treturn {_MAP};"
        assert check_file(SourceFile("ring.c", mended.encode()), None, "7.3").findings == ()

    def test_no_mmap_that_succeeds_changes(self) -> None:
        """Only where there is no memory for page tables, or a private mapping cannot be."""
        body = f"{_FIRST}\t{_MAP};\n\treturn 0;"
        assert _changes(body, _mended(body, "R18")) == {"return-value"}

    @pytest.mark.parametrize(
        "body",
        [
            f"{_FIRST}\tget_device(ring->dev);\n\t{_MAP};\n\treturn 0;",
            f"{_FIRST}\tring->users++;\n\t{_MAP};\n\treturn 0;",
            f"{_FIRST}\tring->users += 1;\n\t{_MAP};\n\treturn 0;",
            f"{_FIRST}\t{_MAP};\n\tring->pfn = 0;\n\treturn 0;",
            f"{_FIRST}\t{_MAP};\n\t/* who cares */\n\treturn 0;",
            f"{_FIRST}\tint ret = {_MAP};\n\treturn 0;",
            f"{_FIRST}\tring->pfn = {_MAP};\n\treturn 0;".replace("ring->pfn = ", "int r;\n\tr = "),
            f"{_FIRST}\tif (ring->pfn)\n\t\t{_MAP};\n\treturn 0;",
        ],
    )
    def test_none_where_something_is_to_be_given_back_or_done(self, body: str) -> None:
        (finding,) = _found(body, "R18")
        assert finding.fix is None


class TestSharing:
    def test_is_asked_for(self) -> None:
        body = "\tif (!(vma->vm_flags & VM_SHARED))\n\t\treturn -EINVAL;\n\treturn 0;"
        mended = _mended(body, "R23")
        assert mended == _RING % body.replace("VM_SHARED", "VM_MAYSHARE")
        assert check_file(SourceFile("ring.c", mended.encode()), None, "7.3").findings == ()

    def test_none_where_a_decision_does_not_name_it(self) -> None:
        body = "\tbool is_SHARED = vma->vm_flags & VM_SHARED;\n\n"
        body += "\tif (!is_SHARED)\n\t\treturn -EINVAL;\n\treturn 0;"
        (finding,) = _found(body, "R23")
        assert finding.fix is None
