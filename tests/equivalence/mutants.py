# SPDX-License-Identifier: GPL-2.0-only
"""Changes the new hooks of `pairs` in small ways; none that differs may be called equivalent.

`python -m tests.equivalence.mutants [COUNT] [SEED]` tries more than the tests do.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.equivalence.kit import judge
from tests.equivalence.pairs import PAIRS

from premap.records import Verdict

SWAPS = (
    (">", ">="), (">", "<"), (">", "!="), (">=", ">"), ("<=", "<"), ("<", "<="), ("==", "!="),
    ("!=", "=="), ("||", "&&"), ("&&", "||"), ("+", "-"), ("-", "+"), (">>", "<<"), ("<<", ">>"),
    ("&", "|"), ("0", "1"), ("1", "0"), ("1", "2"), ("--", "++"),
    ("-EINVAL", "-ENODEV"), ("-EPERM", "-EINVAL"), ("-EACCES", "0"), ("-ENXIO", "-EINVAL"),
    ("-EAGAIN", "-EIO"), ("-ENODEV", "0"), ("return ret", "return 0"),
    ("-EROFS", "-EPERM"), ("-ENOSPC", "0"), ("-EOPNOTSUPP", "-EINVAL"),
    ("VMA_WRITE_BIT", "VMA_READ_BIT"), ("VMA_WRITE_BIT", "VMA_SHARED_BIT"),
    ("VMA_EXEC_BIT", "VMA_READ_BIT"), ("VMA_SHARED_BIT", "VMA_MAYSHARE_BIT"),
    ("VMA_MAYWRITE_BIT", "VMA_WRITE_BIT"), ("VMA_IO_BIT", "VMA_PFNMAP_BIT"),
    ("VMA_MAYEXEC_BIT", "VMA_MAYREAD_BIT"), ("VMA_PFNMAP_BIT", "VMA_MIXEDMAP_BIT"),
    ("VMA_DONTEXPAND_BIT", "VMA_DONTCOPY_BIT"), ("VMA_DONTDUMP_BIT", "VMA_DONTCOPY_BIT"),
    ("VMA_MAYSHARE_BIT", "VMA_SHARED_BIT"), ("VMA_DONTCOPY_BIT", "VMA_DONTDUMP_BIT"),
    ("VMA_MIXEDMAP_BIT", "VMA_IO_BIT"), ("VMA_DONTEXPAND_BIT", "VMA_IO_BIT"),
    ("vma_desc_set_flags", "vma_desc_clear_flags"), ("vma_desc_clear_flags", "vma_desc_set_flags"),
    ("vma_desc_test_any", "vma_desc_test_all"), ("vma_desc_test_all", "vma_desc_test_any"),
    ("pgprot_noncached", "pgprot_writecombine"), ("pgprot_writecombine", "pgprot_device"),
    ("vma_desc_size", "vma_desc_pages"), ("vma_desc_pages", "vma_desc_size"),
    ("desc->pgoff", "desc->start"), ("desc->pgoff", "0"), ("desc->start", "desc->end"),
    ("dev->size", "dev->count"), ("dev->phys", "dev->size"), ("dev->count", "dev->phys"),
    ("dev->ro", "dev->limit"), ("dev->cookie", "dev"),
    ("dev->limit", "dev->count"), ("dev->table[i]", "dev->table[0]"),
    ("dev->pages", "(dev->pages + 1)"),
    ("0x10000", "0x10001"), ("3", "2"), ("i++", "i += 2"), ("PAGE_SHIFT", "1"),
    ("PAGE_MASK", "PAGE_SIZE"),
    ("mmap_action_remap_full", "mmap_action_ioremap_full"), ("min(", "max("),
    ("mmap_action_ioremap_full", "mmap_action_remap_full"), ("ring_vm_ops", "other_vm_ops"),
    ("other_vm_ops", "ring_vm_ops"), ("mutex_lock", "mutex_unlock"), ("break;", ";"),
    ("unsigned long size", "unsigned int size"), ("unsigned long size", "long size"),
    ("unsigned long pages", "unsigned int pages"), ("unsigned long pages", "int pages"),
    ("unsigned long pfn", "unsigned int pfn"), ("int ret", "unsigned char ret"),
)  # fmt: skip
"""What is written, and what a mistaken hand might write in its place."""

_BELOW = "a mapping is smaller than 2**47 bytes; compared with unsigned long, it is converted back"
_ACTION = "recording an action leaves its error_override as it is"
_PREPARED = "this action reads the protection when it is prepared, after the hook"
_COUNT = "with pgoff == count the second half is pages > 0, which holds for every mapping"
_SETS = "the preparation of this action sets VMA_MIXEDMAP_BIT itself, if nobody did"
_SHARED = (
    "VM_SHARED goes from a MAP_SHARED mapping only together with VM_MAYWRITE, if the file is not"
    " writable; with PROT_WRITE that mmap() has failed before"
)
SAME: dict[tuple[str, str], str] = {
    ("simple-ioremap", "long size = vma_desc_size(desc);"): _BELOW,
    ("remap-full", "long size = vma_desc_size(desc);"): _BELOW,
    ("helper", "long size = vma_desc_size(desc);"): _BELOW,
    ("first-pages", "long size = min(vma_desc_size(desc), dev->size & PAGE_MASK);"): _BELOW,
    (
        "remap-full",
        (
            "desc->action.error_override = -EAGAIN;"
            " mmap_action_remap_full(desc, dev->phys >> PAGE_SHIFT);"
        ),
    ): _ACTION,
    (
        "simple-ioremap",
        (
            "mmap_action_simple_ioremap(desc, dev->phys, dev->size);"
            " desc->page_prot = pgprot_noncached(desc->page_prot);"
        ),
    ): _PREPARED,
    (
        "locked-read",
        "without goto out;",
    ): "what is set in the descriptor counts for nothing where the hook then fails",
    (
        "flags-all",
        "if (vma_desc_test_all(desc, VMA_MAYSHARE_BIT, VMA_WRITE_BIT))",
    ): _SHARED,
    (
        "pages-bound",
        "if (desc->pgoff > dev->count || pages > dev->count - desc->pgoff)",
    ): _COUNT,
    (
        "table-search",
        (
            "mmap_action_simple_ioremap(desc, dev->phys, dev->table[i]);"
            " desc->page_prot = pgprot_writecombine(desc->page_prot);"
        ),
    ): _PREPARED,
    (
        "remap-or-ioremap",
        "desc->action.error_override = -EAGAIN; mmap_action_remap_full(desc, dev->limit);",
    ): _ACTION,
    (
        "size-exactly",
        (
            "mmap_action_remap_full(desc, PHYS_PFN(dev->phys));"
            " vma_desc_set_flags(desc, VMA_DONTCOPY_BIT);"
        ),
    ): "recording an action copies the protection, which does not hang on this flag",
    (
        "page-array",
        (
            "mmap_action_map_kernel_pages_full(desc, dev->pages + desc->pgoff);"
            " vma_desc_set_flags(desc, VMA_MIXEDMAP_BIT);"
        ),
    ): _SETS,
    ("page-array", "vma_desc_clear_flags(desc, VMA_MIXEDMAP_BIT);"): _SETS,
    ("page-array", "without vma_desc_set_flags(desc, VMA_MIXEDMAP_BIT);"): _SETS,
    (
        "page-array",
        "if (desc->pgoff > dev->count || vma_desc_pages(desc) > dev->count - desc->pgoff)",
    ): _COUNT,
    (
        "private-copies",
        "if (!vma_desc_test(desc, VMA_SHARED_BIT) && vma_desc_test(desc, VMA_MAYWRITE_BIT))",
    ): _SHARED,
    ("ranges-by-offset", "long size = vma_desc_size(desc);"): _BELOW,
    ("size-exactly", "long size = vma_desc_size(desc);"): _BELOW,
    (
        "ranges-by-offset",
        "if (offset + size > 0x10001)",
    ): "offset and size are whole pages, and no multiple of a page is 0x10001",
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
_DECLARATION = re.compile(r"\t+(unsigned|int|struct|vm_flags_t) ")


def _rearranged(name: str, lines: list[str]) -> Iterator[Mutant]:
    """Yield mutants without a statement, and those with two neighbours exchanged."""
    for index, line in enumerate(lines):
        if not _STATEMENT.match(line) or line.lstrip().startswith("}") or _DECLARATION.match(line):
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


_STORE = re.compile(r"desc->(\w+) = ([^;]*);|vma_desc_(?:set|clear)_flags\(desc, ([A-Z_, ]*)\);")


def apart(change: str) -> bool:
    """Return whether two stores were exchanged, to different things that neither of them reads.

    That is two members of the descriptor, or two sets of flags without a common one.
    """
    stores = list(_STORE.finditer(change))
    if len(stores) != 2 or "".join(each[0] for each in stores) != change.replace("; ", ";"):
        return False
    if any("desc" in (each[2] or "") for each in stores):
        return False
    one, other = ({each[1]} if each[1] else set(each[3].split(", ")) for each in stores)
    return one.isdisjoint(other)


UNDECIDED = {("mode-switch", "} while (1);"): "a loop that never ends is not followed"}
"""Mutants that are neither shown to differ nor called equivalent, and why."""


def known(mutant: Mutant) -> bool:
    """Return whether a mutant is proven, beside it, to do the same."""
    return (mutant.pair, mutant.change) in SAME or apart(mutant.change)


def verdict_on(mutant: Mutant) -> Verdict:
    """Compare a mutant with the old hook of its pair."""
    pair = PAIRS[mutant.pair]
    return judge(pair.old, mutant.new, pair.extra)


def main() -> int:
    """Try mutants, print those that are not told from the original; return how many of them."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    drawn = chosen(count, seed)
    counts: Counter[str] = Counter()
    for mutant in drawn:
        status = "proven to be the same" if known(mutant) else verdict_on(mutant).status
        counts[status] += 1
        if status not in ("different", "proven to be the same"):
            print(f"{status}: {mutant.pair}: {mutant.change}")
    print(f"{len(PAIRS)} pairs, {len(drawn)} mutants:", dict(counts))
    return sum(counts[status] for status in ("equivalent", "equivalent-except"))


if __name__ == "__main__":
    sys.exit(min(main(), 1))
