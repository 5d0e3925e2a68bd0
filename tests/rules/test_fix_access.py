# SPDX-License-Identifier: GPL-2.0-only
"""The fix of R16: what it writes, that it mends and takes nothing away, and where there is none."""

from __future__ import annotations

import pytest

from premap.csource.edit import apply_edits
from premap.csource.source import SourceFile
from premap.equivalence import verify_functions
from premap.records import Finding
from premap.rules import check_file

_RING = """\
struct ring {
	bool locked;
	int mode;
	unsigned long pfn;
};

static int ring_map(%s)
{
	struct ring *ring = %s->private_data;

%s
	return 0;
}

static const struct file_operations ring_fops = {
	.%s = ring_map,
};
"""


def _legacy(body: str) -> str:
    given = "struct file *file, struct vm_area_struct *vma"
    return _RING % (given, "file", body, "mmap")


def _prepare(body: str) -> str:
    return _RING % ("struct vm_area_desc *desc", "desc->file", body, "mmap_prepare")


def _findings(text: str, target: str = "7.3") -> list[Finding]:
    found = check_file(SourceFile("ring.c", text.encode()), None, target).findings
    return [each for each in found if each.rule == "R16"]


def _mended(text: str, target: str = "7.3") -> str:
    """Return the text with the fix of the first finding."""
    fix = _findings(text, target)[0].fix
    assert fix is not None
    assert fix.safety == "review"
    return apply_edits(text.encode(), fix.edits).decode()


_WRITE = "\tif (vma->vm_flags & VM_WRITE)\n\t\treturn -EPERM;"
_SOUND = {
    "a mask": (_legacy(_WRITE), "\tvm_flags_clear(vma, VM_MAYWRITE);\n"),
    "two": (
        _legacy("\tif ((VM_EXEC | VM_WRITE) & vma->vm_flags)\n\t\treturn -EPERM;"),
        "\tvm_flags_clear(vma, VM_MAYEXEC | VM_MAYWRITE);\n",
    ),
    "what else fails": (
        _legacy("\tif (vma->vm_pgoff || (vma->vm_flags & VM_WRITE)) {\n\t\treturn -EPERM;\n\t}"),
        "\t}\n\tvm_flags_clear(vma, VM_MAYWRITE);\n",
    ),
    "only some rings": (
        _legacy("\tif (ring->locked && vma->vm_flags & VM_WRITE)\n\t\treturn -EPERM;"),
        "\tif (ring->locked)\n\t\tvm_flags_clear(vma, VM_MAYWRITE);\n",
    ),
    "rings of two kinds": (
        _legacy(
            "\tif ((ring->locked && (vma->vm_flags & VM_WRITE)) ||\n"
            "\t    (ring->mode == 3 && vma->vm_flags & VM_EXEC))\n\t\treturn -EPERM;"
        ),
        (
            "\tif (ring->locked)\n\t\tvm_flags_clear(vma, VM_MAYWRITE);\n"
            "\tif (ring->mode == 3)\n\t\tvm_flags_clear(vma, VM_MAYEXEC);\n"
        ),
    ),
    "a comment behind it": (
        _legacy(_WRITE + " /* clock */"),
        "return -EPERM; /* clock */\n\tvm_flags_clear(vma, VM_MAYWRITE);\n",
    ),
    "a jump": (
        _legacy(
            "\tint ret = -EPERM;\n\n\tif (vma->vm_flags & VM_WRITE)\n\t\tgoto out;\n"
            "\tret = 0;\nout:\n\treturn ret;"
        ),
        "\t\tgoto out;\n\tvm_flags_clear(vma, VM_MAYWRITE);\n\tret = 0;",
    ),
    "a descriptor": (
        _prepare("\tif (vma_desc_test_any(desc, VMA_READ_BIT, VMA_EXEC_BIT))\n\t\treturn -EPERM;"),
        "\tvma_desc_clear_flags(desc, VMA_MAYREAD_BIT, VMA_MAYEXEC_BIT);\n",
    ),
    "a descriptor of some rings": (
        _prepare("\tif (vma_desc_test(desc, VMA_WRITE_BIT) && !ring->mode)\n\t\treturn -EPERM;"),
        "\tif (!ring->mode)\n\t\tvma_desc_clear_flags(desc, VMA_MAYWRITE_BIT);\n",
    ),
}


@pytest.mark.parametrize(("text", "written"), _SOUND.values(), ids=_SOUND)
class TestFix:
    def test_writes_what_is_missing(self, text: str, written: str) -> None:
        assert written in _mended(text)

    def test_nothing_is_left_to_say(self, text: str, written: str) -> None:
        mended = SourceFile("ring.c", _mended(text).encode())
        assert written.encode() in mended.text
        assert not mended.root.has_error
        rules = {each.rule for each in check_file(mended, None, "7.3").findings}
        assert rules <= {"R30"}  # these hooks map nothing, so after 7.3 mm is to have its say

    def test_changes_nothing_but_what_may_be_added_later(self, text: str, written: str) -> None:
        """Verified: the old and the mended hook differ in flags, and in nothing else."""
        del written
        old, new = (SourceFile("ring.c", each.encode()) for each in (text, _mended(text)))
        verdict = verify_functions((old, None), (new, None))
        assert verdict.status == "different"
        assert {each.id for each in verdict.differences} == {"flags"}


class TestSpelling:
    def test_of_old_releases(self) -> None:
        text = _legacy("\tif (vma->vm_flags & (VM_WRITE | VM_EXEC))\n\t\treturn -EPERM;")
        assert "\tvma->vm_flags &= ~(VM_MAYWRITE | VM_MAYEXEC);\n" in _mended(text, "6.1")
        assert "\tvma->vm_flags &= ~VM_MAYWRITE;\n" in _mended(_legacy(_WRITE), "6.1")

    def test_lines_end_as_those_around_do(self) -> None:
        text = _legacy(_WRITE).replace("\n", "\r\n")
        assert "return -EPERM;\r\n\tvm_flags_clear(vma, VM_MAYWRITE);\r\n" in _mended(text)


class TestNoFix:
    """Where who goes on may have the access, or the text does not say what else decides."""

    @pytest.mark.parametrize(
        "body",
        [
            "\tif ((vma->vm_flags & VM_WRITE) && ring_locked(ring))\n\t\treturn -EPERM;",
            "\tif ((vma->vm_flags & VM_WRITE) && ring->mode++)\n\t\treturn -EPERM;",
            "\tif (vma->vm_flags & VM_WRITE)\n\t\treturn -EPERM;\n\telse\n\t\tring->mode = 1;",
            "\tif (ring->mode)\n\t\tif (vma->vm_flags & VM_WRITE)\n\t\t\treturn -EPERM;",
            "\tint bad = vma->vm_flags & VM_WRITE;\n\n\tif (bad)\n\t\treturn -EPERM;",
            "\tif (vma->vm_flags & VM_WRITE) return -EPERM; ring->mode = 1;",
            "\tif (!(vma->vm_flags & VM_WRITE))\n\t\treturn 0;\n\treturn -EPERM;",
        ],
    )
    def test_none(self, body: str) -> None:
        (found,) = _findings(_legacy(body))
        assert found.fix is None
