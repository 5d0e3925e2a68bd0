# SPDX-License-Identifier: GPL-2.0-only
"""A driver's own wrappers of vm_flags_set() and vm_flags_clear() are seen through (G11)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.files import write_files

from premap.conversion import apply, convert_file
from premap.csource.driver import DriverTree
from premap.csource.source import SourceFile
from premap.equivalence import verify_conversion
from premap.records import Conversion

HEAD = "static inline void ring_flags(struct vm_area_struct *vma, unsigned long flags)"
ARMS = "{\n#ifdef NEW\n\tvm_flags_set(vma, flags);\n#else\n\tvma->vm_flags |= flags;\n#endif\n}\n"
HOOK = """
static unsigned long ring_pfn;

static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
%s
}

static const struct file_operations ring_fops = {
	.mmap = ring_mmap,
};
"""
SETS = "\tring_flags(vma, VM_DONTEXPAND | VM_DONTCOPY);\n\treturn 0;"
REMAP = (
    "\tint ret = remap_pfn_range(vma, vma->vm_start, ring_pfn, vma->vm_end - vma->vm_start,"
    " vma->vm_page_prot);\n\n\tif (ret)\n\t\treturn ret;\n"
)


def convert(wrapper: str, body: str = SETS) -> tuple[Conversion, SourceFile]:
    source = SourceFile("ring.c", f"{wrapper}{HOOK % body}".encode())
    [found] = convert_file(source, None, "7.3")
    return found, source


def text_of(wrapper: str, body: str = SETS) -> str:
    """Return the converted file, which keeps its wrapper and does what the old one did."""
    found, source = convert(wrapper, body)
    assert found.reason is None, found.reason
    assert "G11" in found.idioms
    assert verify_conversion(found, source, None).status == "equivalent"
    text = apply([found], source).decode()
    assert text.startswith(wrapper)
    return text


@pytest.mark.parametrize(
    "wrapper",
    [
        f"{HEAD}\n{ARMS}",
        f"{HEAD}\n{{\n\t/* of 6.3 */\n\tvm_flags_set((vma), (flags));\n}}\n",
        "#define ring_flags(v, f) vm_flags_set(v, f)\n",
        "#define ring_flags(v, f) ((v)->vm_flags |= (f))\n",
    ],
)
def test_what_sets_flags(wrapper: str) -> None:
    assert "\tvma_desc_set_flags(desc, VMA_DONTEXPAND_BIT, VMA_DONTCOPY_BIT);\n" in text_of(wrapper)


@pytest.mark.parametrize("does", ["vm_flags_clear(vma, flags)", "vma->vm_flags &= ~flags"])
def test_what_clears_flags(does: str) -> None:
    text = text_of(f"{HEAD}\n{{\n\t{does};\n}}\n", SETS.replace("EXPAND | VM_DONTCOPY", "COPY"))
    assert "\tvma_desc_clear_flags(desc, VMA_DONTCOPY_BIT);\n" in text


def test_after_the_population() -> None:
    """What moves before the action as vm_flags_set() does."""
    text = text_of(f"{HEAD}\n{ARMS}", f"{REMAP}{SETS}")
    assert text.index("vma_desc_set_flags") < text.index("mmap_action_remap_full")


def test_in_a_header_of_the_driver(tmp_path: Path) -> None:
    source = f'#include "compat.h"\n{HOOK % SETS}'
    write_files(tmp_path, {"ring.c": source, "compat.h": f"{HEAD}\n{ARMS}"})
    tree = DriverTree(tmp_path, None)
    name = next(each for each in tree.search.mentioning("ring_mmap", "") if each.endswith("ring.c"))
    [found] = convert_file(tree.open(name), tree, "7.3")
    assert found.reason is None, found.reason
    assert {edit.file for edit in found.edits} == {name}


@pytest.mark.parametrize(
    "wrapper",
    [
        f"{HEAD}\n{{\n\tvm_flags_set(vma, flags | VM_IO);\n}}\n",
        f"{HEAD}\n{{\n\tvm_flags_set(vma, flags);\n\tring_pfn++;\n}}\n",
        f"{HEAD}\n{{\n\tif (flags & VM_IO)\n\t\tvm_flags_set(vma, flags);\n}}\n",
        f"{HEAD}\n{{\n\tvma->vm_flags = flags;\n}}\n",
        f"{HEAD}\n{{\n\tvma->vm_flags &= flags;\n}}\n",
        f"{HEAD}\n{ARMS.replace('|=', '=')}",
        f"{HEAD}\n{ARMS.replace('|= flags', '&= ~flags')}",
        f"{HEAD}\n{{\n#ifdef NEW\n\tvm_flags_set(vma, flags);\n#endif\n}}\n",
        f"{HEAD}\n{{\n\tvm_flags_reset(vma, flags);\n}}\n",
        f"{HEAD.replace('unsigned long', 'unsigned short')}\n{ARMS}",
        f"{HEAD.replace(' inline', '')}\n{ARMS}",
        f"{HEAD.replace('void', 'int')}\n{{\n\treturn vm_flags_set(vma, flags);\n}}\n",
        "#define ring_flags(v, f) vm_flags_set(f, v)\n",
        "#define ring_flags(v, f) vm_flags_set(v, f | VM_IO)\n",
        "#define ring_flags(v, f) ((v)->vm_flags |= (f) << 1)\n",
        f"#ifdef OLD\n{HEAD}\n{ARMS}#else\n{HEAD}\n{{\n\tvm_flags_clear(vma, flags);\n}}\n#endif\n",
        f"#ifdef OLD\n#define ring_flags(v, f) do {{ }} while (0)\n#else\n{HEAD}\n{ARMS}#endif\n",
    ],
)
def test_what_does_something_else(wrapper: str) -> None:
    found, _ = convert(wrapper)
    assert "G11" not in found.idioms
    assert found.reason is not None


def test_a_mask_that_is_no_list_of_flags() -> None:
    found, _ = convert(f"{HEAD}\n{ARMS}", "\tring_flags(vma, ring_pfn);\n\treturn 0;")
    assert found.reason is not None
    assert found.reason.id == "flags-not-constant"
