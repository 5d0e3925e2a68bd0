# SPDX-License-Identifier: GPL-2.0-only
"""Changes the new hooks of `pairs` in small ways; none that differs may be called equivalent.

`python -m tests.equivalence.mutants [COUNT] [SEED]` tries more than the tests do.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tests.equivalence.kit import judge
from tests.equivalence.pairs import PAIRS

SWAPS = (
    (">", ">="), (">", "<"), (">", "!="), (">=", ">"), ("<=", "<"), ("<", "<="), ("==", "!="),
    ("!=", "=="), ("||", "&&"), ("&&", "||"), ("+", "-"), ("-", "+"), (">>", "<<"), ("<<", ">>"),
    ("&", "|"), ("0", "1"), ("1", "0"), ("1", "2"), ("--", "++"),
    ("-EINVAL", "-ENODEV"), ("-EPERM", "-EINVAL"), ("-EACCES", "0"), ("-ENXIO", "-EINVAL"),
    ("-EAGAIN", "-EIO"), ("-ENODEV", "0"), ("ret", "0"),
    ("VMA_WRITE_BIT", "VMA_READ_BIT"), ("VMA_WRITE_BIT", "VMA_SHARED_BIT"),
    ("VMA_EXEC_BIT", "VMA_READ_BIT"), ("VMA_SHARED_BIT", "VMA_MAYSHARE_BIT"),
    ("VMA_MAYWRITE_BIT", "VMA_WRITE_BIT"), ("VMA_IO_BIT", "VMA_PFNMAP_BIT"),
    ("VMA_MAYEXEC_BIT", "VMA_MAYREAD_BIT"), ("VMA_PFNMAP_BIT", "VMA_MIXEDMAP_BIT"),
    ("VMA_DONTEXPAND_BIT", "VMA_DONTCOPY_BIT"), ("VMA_DONTDUMP_BIT", "VMA_DONTCOPY_BIT"),
    ("vma_desc_set_flags", "vma_desc_clear_flags"), ("vma_desc_clear_flags", "vma_desc_set_flags"),
    ("vma_desc_test_any", "vma_desc_test_all"), ("vma_desc_test_all", "vma_desc_test_any"),
    ("pgprot_noncached", "pgprot_writecombine"), ("pgprot_writecombine", "pgprot_device"),
    ("vma_desc_size", "vma_desc_pages"), ("vma_desc_pages", "vma_desc_size"),
    ("desc->pgoff", "desc->start"), ("desc->pgoff", "0"), ("desc->start", "desc->end"),
    ("dev->size", "dev->count"), ("dev->phys", "dev->size"), ("dev->count", "dev->phys"),
    ("dev->ro", "dev->limit"), ("dev->cookie", "dev"), ("PAGE_SHIFT", "1"),
    ("PAGE_MASK", "PAGE_SIZE"),
    ("mmap_action_remap_full", "mmap_action_ioremap_full"), ("min(", "max("),
    ("mmap_action_ioremap_full", "mmap_action_remap_full"), ("ring_vm_ops", "other_vm_ops"),
    ("mutex_lock", "mutex_unlock"), ("break;", ";"),
    ("unsigned long size", "unsigned int size"), ("unsigned long size", "long size"),
    ("unsigned long pages", "unsigned int pages"), ("unsigned long pages", "int pages"),
    ("unsigned long pfn", "unsigned int pfn"), ("int ret", "unsigned char ret"),
)  # fmt: skip
"""What is written, and what a mistaken hand might write in its place."""

_BELOW = "a mapping is smaller than 2**47 bytes; compared with unsigned long, it is converted back"
_APART = "stores to two members of the descriptor that neither reads"
SAME: dict[tuple[str, str], str] = {
    ("simple-ioremap", "long size = vma_desc_size(desc);"): _BELOW,
    ("remap-full", "long size = vma_desc_size(desc);"): _BELOW,
    ("helper", "long size = vma_desc_size(desc);"): _BELOW,
    ("first-pages", "long size = min(vma_desc_size(desc), dev->size & PAGE_MASK);"): _BELOW,
    (
        "fault-backed",
        (
            "desc->vm_ops = &ring_vm_ops;"
            " vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT, VMA_DONTDUMP_BIT);"
        ),
    ): _APART,
    ("fault-backed", "desc->private_data = dev; desc->vm_ops = &ring_vm_ops;"): _APART,
    (
        "checked-call",
        "desc->vm_ops = &ring_vm_ops; vma_desc_set_flags(desc, VMA_IO_BIT, VMA_DONTEXPAND_BIT);",
    ): _APART,
    ("checked-call", "desc->private_data = dev->cookie; desc->vm_ops = &ring_vm_ops;"): _APART,
    (
        "pages-bound",
        "desc->vm_ops = &ring_vm_ops; vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT, VMA_IO_BIT);",
    ): _APART,
    (
        "locked-read",
        "desc->vm_ops = &ring_vm_ops; vma_desc_set_flags(desc, VMA_IO_BIT);",
    ): _APART,
    (
        "flags-all",
        "desc->vm_ops = &ring_vm_ops; vma_desc_set_flags(desc, VMA_PFNMAP_BIT);",
    ): _APART,
    (
        "flags-any",
        (
            "desc->vm_ops = &ring_vm_ops;"
            " vma_desc_clear_flags(desc, VMA_MAYWRITE_BIT, VMA_MAYEXEC_BIT);"
        ),
    ): _APART,
    (
        "remap-full",
        (
            "desc->action.error_override = -EAGAIN;"
            " mmap_action_remap_full(desc, dev->phys >> PAGE_SHIFT);"
        ),
    ): "recording an action leaves its error_override as it is",
    (
        "simple-ioremap",
        (
            "mmap_action_simple_ioremap(desc, dev->phys, dev->size);"
            " desc->page_prot = pgprot_noncached(desc->page_prot);"
        ),
    ): "this action reads the protection when it is prepared, after the hook",
    (
        "locked-read",
        "without goto out;",
    ): "what is set in the descriptor counts for nothing where the hook then fails",
    (
        "flags-all",
        "if (vma_desc_test_all(desc, VMA_MAYSHARE_BIT, VMA_WRITE_BIT))",
    ): "VM_SHARED goes from a MAP_SHARED mapping only if the file is not writable; with PROT_WRITE"
    " that mmap() has failed before",
    (
        "pages-bound",
        "if (desc->pgoff > dev->count || pages > dev->count - desc->pgoff)",
    ): "with pgoff == count the second half is pages > 0, which holds for every mapping",
}
"""Mutants that do the same as the original, by pair and changed line, each with its proof."""


@dataclass(frozen=True)
class Mutant:
    """A new hook with one change."""

    pair: str
    change: str
    """The changed line, or both lines that were exchanged."""
    new: str


def mutants(name: str) -> Iterator[Mutant]:
    """Yield every mutant of a pair's new hook."""
    text = PAIRS[name].new
    yield from _swapped(name, text)
    yield from _rearranged(name, text.split("\n"))


def _swapped(name: str, text: str) -> Iterator[Mutant]:
    for before, after in SWAPS:
        pattern = re.escape(before)
        if before[0].isalnum():
            pattern = rf"(?<![\w>.]){pattern}" + (r"(?!\w)" if before[-1].isalnum() else "")
        elif before[0] != "-" or len(before) == 1:
            pattern = rf"(?<=[\s(]){pattern}(?=[\s(])"
        for match in re.finditer(pattern, text):
            changed = text[: match.start()] + after + text[match.end() :]
            line = changed[: match.start()].count("\n")
            yield Mutant(name, changed.split("\n")[line].strip(), changed)


_STATEMENT = re.compile(r"\t.*;$")


def _rearranged(name: str, lines: list[str]) -> Iterator[Mutant]:
    """Yield mutants without a statement, and those with two neighbours exchanged."""
    for index, line in enumerate(lines):
        if not _STATEMENT.match(line) or line.startswith("\tstruct dev") or "unsigned" in line:
            continue
        rest = [*lines[:index], "\t;", *lines[index + 1 :]]
        yield Mutant(name, f"without {line.strip()}", "\n".join(rest))
        after = lines[index + 1] if index + 1 < len(lines) else ""
        same_depth = len(line) - len(line.lstrip()) == len(after) - len(after.lstrip())
        if _STATEMENT.match(after) and same_depth and "return" not in line + after:
            swapped = [*lines[:index], after, line, *lines[index + 2 :]]
            yield Mutant(name, f"{after.strip()} {line.strip()}", "\n".join(swapped))


def chosen(count: int, seed: int) -> list[Mutant]:
    """Return that many mutants of all pairs, drawn with a seed."""
    every = [mutant for name in PAIRS for mutant in mutants(name)]
    drawn = random.Random(seed).sample(every, min(count, len(every)))
    return [each for each in drawn if each.new != PAIRS[each.pair].new]


def survives(mutant: Mutant) -> bool:
    """Return whether a mutant is called equivalent, and is not known to be."""
    if (mutant.pair, mutant.change) in SAME:
        return False
    pair = PAIRS[mutant.pair]
    verdict = judge(pair.old, mutant.new, pair.extra)
    return verdict.status.startswith("equivalent")


def main() -> int:
    """Try mutants, print those that survive; return how many."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    tried = chosen(count, seed)
    found = [mutant for mutant in tried if survives(mutant)]
    for mutant in found:
        print(f"{mutant.pair}: {mutant.change}")
    print(f"{len(tried)} mutants, {len(found)} called equivalent that are not known to be")
    return len(found)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
