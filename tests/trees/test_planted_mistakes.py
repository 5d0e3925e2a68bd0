# SPDX-License-Identifier: GPL-2.0-only
"""Mistakes planted in conversions of real handlers are found, and shown by a call that replays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from premap.conversion import apply, convert_file
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.equivalence import hook, verify
from premap.records import Verdict

# File and handler; what the mistake is; the text of the conversion that it replaces, and by what.
HPET = ("drivers/char/hpet.c", "hpet_mmap")
DICE = ("drivers/misc/open-dice.c", "open_dice_mmap")
MEM = ("drivers/char/mem.c", "mmap_mem")
ZONEFS = ("fs/zonefs/file.c", "zonefs_file_mmap")
AIO = ("fs/aio.c", "aio_ring_mmap")
REMAP = "\tmmap_action_remap_full(desc, desc->pgoff);\n"
LATE = "\tdesc->page_prot = pgprot_writecombine(desc->page_prot);\n"

MISTAKES = [
    (*HPET, "errno", "return -EACCES", "return -EPERM"),
    (*HPET, "dropped check", "if (addr & (PAGE_SIZE - 1))", "if (0)"),
    (*HPET, "larger size", "addr, PAGE_SIZE)", "addr, 2 * PAGE_SIZE)"),
    (*HPET, "no protection", "pgprot_noncached(desc->page_prot)", "desc->page_prot"),
    (*DICE, "other flag", "VMA_WRITE_BIT", "VMA_READ_BIT"),
    (*DICE, "lost flag", "VMA_DONTCOPY_BIT, ", ""),
    (*DICE, "protection", "writecombine", "noncached"),
    (*MEM, "shifted PFN", REMAP, REMAP.replace("pgoff", "pgoff + 1")),
    (*MEM, "lost errno", "\tdesc->action.error_override = -EAGAIN;\n", ""),
    (*MEM, "off-by-one bound", "(phys_addr_t)size - 1 < offset", "(phys_addr_t)size < offset"),
    (*MEM, "late protection", REMAP, REMAP + LATE),
    (*ZONEFS, "any for all", "vma_desc_test_all", "vma_desc_test_any"),
    (*ZONEFS, "wrong errno", "return -EINVAL", "return -EACCES"),
    (*ZONEFS, "lost call", "\tfile_accessed(file);\n", ""),
    (*ZONEFS, "lost operations", "\tdesc->vm_ops = &zonefs_file_vm_ops;\n", ""),
    (*AIO, "lost flag", "vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT);", ";"),
    (*AIO, "other flag", "VMA_DONTEXPAND_BIT", "VMA_DONTDUMP_BIT"),
    (*AIO, "errno for success", "return 0;", "return -EINVAL;"),
]


def planted(tree: KernelTree, file: str, handler: str, old: str, new: str) -> Verdict:
    """Return the verdict on a conversion in whose function `old` was replaced by `new`."""
    source = tree.open(file)
    (conversion,) = convert_file(source, tree, "7.3", only=handler)
    assert conversion.new_name is not None
    text = apply([conversion], source).decode("latin-1")
    name = conversion.new_name
    begin = text.index(f"{name}(struct vm_area_desc *desc)")
    end = text.index("\n}", begin)
    function = text[begin:end]
    assert function.count(old) == 1, f"the conversion has changed: {function}"
    changed = text[:begin] + function.replace(old, new) + text[end:]
    wrong = SourceFile(source.name, changed.encode("latin-1"), source.path)
    return verify(hook(source, handler, tree), hook(wrong, name, tree), time_limit=60)


@pytest.mark.parametrize(
    ("file", "handler", "mistake", "old", "new"),
    MISTAKES,
    ids=[f"{handler}: {mistake}" for _, handler, mistake, _, _ in MISTAKES],
)
def test_planted_mistake_is_shown_by_a_call(
    kernel_tree: Callable[[str], Path], file: str, handler: str, mistake: str, old: str, new: str
) -> None:
    tree = KernelTree(kernel_tree("6.12"))

    verdict = planted(tree, file, handler, old, new)

    assert verdict.status == "different", (mistake, verdict)
    for difference in verdict.differences:
        # The example was made by running both versions on the concrete model.
        assert difference.example is not None
        assert difference.example["old"] != difference.example["new"]
