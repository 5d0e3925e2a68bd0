# SPDX-License-Identifier: GPL-2.0-only
"""Changes of the model that nothing can observe, each with the reason: see mutants.py.

The key is the file, the function, the changed statement as `ast.unparse()` writes it, and what
became of it.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from mutants_harmless import HARMLESS, HARMLESS_AFTER
from mutants_reasons import (
    BESIDE_AN_ERROR,
    CHUNK_SIZE,
    FAILED_VMA,
    FALLS_THROUGH,
    NONE_IS_ZERO,
    ONE_BY_ONE,
    SET_BEFORE,
    TWO_OFFSETS,
)
from mutants_shown import SHOWN

_BESIDE = re.compile(r"return \((err|-errno\.\w+), (?:[01]|None)(, [01])?\)")
"""Functions that return an error and something else: every caller looks at the error first, and
returns it or makes another of it without a look at the rest."""

EQUIVALENT: dict[tuple[str, str, str, str], str] = {
    (
        "remap.py",
        "_remap_move",
        "return (-errno.EFAULT, 0) if result is None else (0, result)",
        "return (-errno.EFAULT, 1) if result is None else (0, result)",
    ): BESIDE_AN_ERROR,
    (
        "merge.py",
        "needs_adjacent_anon_pgoff",
        "return vmg.file is not None and is_cow_mapping(vmg.vm_flags)",
        "return vmg.file is not None or is_cow_mapping(vmg.vm_flags)",
    ): TWO_OFFSETS,
    ("remap.py", "_check_params", "return 0", "pass"): NONE_IS_ZERO,
    ("region.py", "_setup", "return 0", "pass"): NONE_IS_ZERO,
    ("gup.py", "_populate_anonymous", "return 0", "pass"): (
        "its only caller says `err or pages`: None and 0 are the same to it"
    ),
    (
        "remap.py",
        "delta",
        "if self.old_len > self.new_len:",
        "if self.old_len >= self.new_len:",
    ): "of two equal lengths, either difference is 0",
    ("remap.py", "__init__", "self.charged = 0", "self.charged = 1"): (
        "it is read for accounted mappings only, after their charge was set"
    ),
    ("remap.py", "_mremap_to", "return (-errno.EFAULT, 0)", "pass"): (
        "the source was found before, and what was unmapped since does not overlap it"
    ),
    ("pagetable.py", "first_present", "return None", "pass"): FALLS_THROUGH,
    ("move.py", "_uncharge", "vrm.charged = 0", "pass"): (
        "the move has failed, and nobody asks for its charge again"
    ),
    (
        "madvise.py",
        "_set_name",
        "return (-errno.EAGAIN if err == -errno.ENOMEM else err, 0)",
        "return (-errno.EAGAIN if err == -errno.ENOMEM else err, 1)",
    ): BESIDE_AN_ERROR,
    ("tree.py", "search_from", "del length", "pass"): "the name is not used",
    (
        "tree.py",
        "__init__",
        "self._no_gap = (U64_MAX, 0, 0)",
        "self._no_gap = (U64_MAX, 1, 0)",
    ): "no search ends at 0, and whatever opens a gap makes it 0 again",
    ("region.py", "_new_file_vma", "vma.vm_file = None", "pass"): FAILED_VMA,
    ("region.py", "_new_file_vma", "vma.vm_ops = vma_dummy_vm_ops", "pass"): FAILED_VMA,
    ("region.py", "_new_vma", "return (vma, 0)", "return (vma, 1)"): (
        "the caller reads the error only where there is no VMA"
    ),
    ("region.py", "__init__", "self.position = 0", "self.position = 1"): SET_BEFORE,
    ("region.py", "_charge", "return 0", "pass"): (
        "what follows charges nothing where nothing is accountable; this saves a proof the terms"
    ),
    ("gup.py", "fault_in", "return err or pages", "pass"): ONE_BY_ONE,
    (
        "gup.py",
        "_is_anonymous_memory",
        "refused = vma.vm_flags & VM_SHARED != 0 or (write and vma.vm_flags & VM_MAYWRITE == 0)",
        "refused = vma.vm_flags | VM_SHARED != 0 or (write and vma.vm_flags & VM_MAYWRITE == 0)",
    ): ONE_BY_ONE,
    ("gup.py", "_populate_anonymous", "return 0", "return 1"): (
        "the callers take it for one page that is in, and go on with the next, which are in as well"
    ),
    (
        "gup.py",
        "_fill",
        "entry = PteRange(start, end, kind, source, 0, vma.vm_page_prot, write=write)",
        "entry = PteRange(start, end, kind, source, 1, vma.vm_page_prot, write=write)",
    ): "what the numbers of anonymous pages begin with means nothing",
    ("mm.py", "mmap", "if populate != 0:", "if populate != 1:"): (
        "lengths are multiples of a page, and populating none does nothing"
    ),
    (
        "chunks.py",
        "__getitem__",
        "if not (0 <= place < len(self._chunk) and index >= 0):",
        "if not (0 <= place < len(self._chunk) and index > 0):",
    ): "the search finds the same item; this only saves it",
    (
        "chunks.py",
        "__init__",
        "self._number = self._low = self._pending = 0",
        "self._number = self._low = self._pending = 1",
    ): SET_BEFORE,
    ("chunks.py", "__init__", "self._number = self._low = self._pending = 0", "pass"): SET_BEFORE,
    ("chunks.py", "insert", "if len(chunk) >= 2 * size:", "if len(chunk) > 2 * size:"): CHUNK_SIZE,
    (
        "chunks.py",
        "insert",
        "self._chunks[self._number:self._number + 1] = [chunk[:size], chunk[size:]]",
        "pass",
    ): CHUNK_SIZE,
    (
        "chunks.py",
        "insert",
        "place = self._seek(min(low, self._length - 1)) + (low == self._length)",
        "place = self._seek(min(low, self._length + 1)) + (low == self._length)",
    ): "at the end it is a place too far in the last chunk, where list.insert() appends",
    (
        "populate.py",
        "simple_ioremap_prep",
        "if add(pfn, pages) < pfn:",
        "if add(pfn, pages) <= pfn:",
    ): ("of no pages nothing can be mapped: -EINVAL comes two lines later"),
    ("anon.py", "anon_vma_fork", "child.anon_vma = None", "pass"): (
        "it is None where the parent has none, set below, or the copy is dropped after an error"
    ),
    ("anon.py", "_find_mergeable", "return None", "pass"): FALLS_THROUGH,
    (
        "remap.py",
        "_can_expand_in_place",
        "if end < vma.vm_end or not is_free(vrm.mm, vma.vm_end, vrm.delta):",
        "if end <= vma.vm_end or not is_free(vrm.mm, vma.vm_end, vrm.delta):",
    ): "the mapping grows: the two are never the same",
    ("remap.py", "_mremap_at", "return (-errno.EFAULT, 0)", "pass"): (
        "check_prep_vma() has refused it where there is no VMA"
    ),
    ("brk.py", "do_brk", "if brk <= mm.brk_end:", "if brk < mm.brk_end:"): (
        "where the two are the same, so are the pages, and that was returned before"
    ),
    ("area.py", "_topdown", "while end > low:", "while end >= low:"): (
        "below the lowest address there is no room: the search ends in its first step"
    ),
    ("shmem.py", "_unnamed_file", "return (0, file)", "return (1, file)"): (
        "the callers read the error only where there is no file"
    ),
    (
        "pagetable.py",
        "insert",
        "if position and _follows(entries[position - 1], entry):",
        "if position and _follows(entries[position - 2], entry):",
    ): "ranges of zeroes are joined less often, which changes no entry",
    ("pagetable.py", "let_go", "entries.clear()", "pass"): "the callers drop the mappings as well",
    ("tree.py", "searched", "if steps > self.long_search:", "if steps >= self.long_search:"): (
        "what a search remembers only makes the next one shorter"
    ),
    (
        "tree.py",
        "search_from",
        "if limit != high or length < known:",
        "if limit == high or length < known:",
    ): "what a search remembers is not used then, and only makes the next one shorter",
    (
        "mmap.py",
        "do_mmap",
        "if add(pgoff, length >> PAGE_SHIFT) < pgoff:",
        "if add(pgoff, length >> PAGE_SHIFT) <= pgoff:",
    ): "there is at least a page, and no sum of so few comes round to where it began",
    ("move.py", "_copy_vma", "self_merge = False", "self_merge = True"): (
        "a copy that keeps its offset does not continue its own source, on either side"
    ),
    ("remap.py", "__init__", "self.vma: None = None", "pass"): SET_BEFORE,
    (
        "fault.py",
        "_do_anonymous_page",
        "_set(mm, vma, address, pagetable.ZERO, None, 0, write=False)",
        "_set(mm, vma, address, pagetable.ZERO, None, 1, write=False)",
    ): "the page of zeroes has no number: PteRange.at() says 0 of it",
    ("region.py", "_new_file_vma", "state.vm_flags = vma.vm_flags", "pass"): (
        "nobody reads it any more: what follows asks the VMA"
    ),
    ("madvise.py", "_guard_remove", "return 0", "pass"): NONE_IS_ZERO,
    ("pagetable.py", "take", "return []", "pass"): FALLS_THROUGH,
    ("pagetable.py", "lookup", "return None", "pass"): FALLS_THROUGH,
    (
        "madvise.py",
        "_guard_install",
        "guard = PteRange(start, end, pagetable.GUARD, None, 0, vma.vm_page_prot)",
        "guard = PteRange(start, end, pagetable.GUARD, None, 1, vma.vm_page_prot)",
    ): "a guard has no number: PteRange.at() says 0 of it",
    (
        "chunks.py",
        "__getitem__",
        "if not (0 <= place < len(self._chunk) and index >= 0):",
        "if not (0 <= place < len(self._chunk) and index >= 1):",
    ): "the search finds the same item; this only saves it",
    (
        "chunks.py",
        "bisect_right",
        "if not here or (number and key(chunks[number - 1][-1]) > value):",
        "if not here or (number and key(chunks[number - 1][-1]) >= value):",
    ): "the search over all chunks finds the same place; this only saves it",
    ("tree.py", "", "long = 8192", "long = 8193"): (
        "a list and one in chunks hold the same; only their speed differs"
    ),
    ("move.py", "_give_up", "return 0", "return 1"): BESIDE_AN_ERROR,
    ("protect.py", "change_protection", "return", "pass"): "without entries, none is changed",
    (
        "madvise.py",
        "_advise",
        "return (-errno.EAGAIN if err == -errno.ENOMEM else err, 0)",
        "return (-errno.EAGAIN if err == -errno.ENOMEM else err, 1)",
    ): BESIDE_AN_ERROR,
}

NEIGHBOUR = "it is not reached: of the neighbours that can merge, one is there"

AFTER: dict[tuple[str, str, str, str, str], str] = {
    (
        "modify.py",
        "_merge_existing_range",
        "if target is None:",
        "return (None, False)",
        "return (None, True)",
    ): NEIGHBOUR,
    (
        "modify.py",
        "_merge_existing_range",
        "if target is None:",
        "return (None, False)",
        "pass",
    ): NEIGHBOUR,
}
"""The same, of a statement that is there more than once: with the line before it."""


@cache
def _unseen() -> dict[tuple[str, ...], str]:
    """Read mutants_unseen.toml: the same kind of table, by reason."""
    text = Path(__file__).with_name("mutants_unseen.toml").read_text(encoding="utf-8")
    groups = tomllib.loads(text)["same"]
    return {tuple(change): group["why"] for group in groups for change in group["changes"]}


def why_equivalent(file: str, function: str, before: str, after: str, context: str = "") -> str:
    """Return why a change can't be observed, if that has been shown."""
    there = file, function, context, before, after
    shown = AFTER.get(there) or HARMLESS_AFTER.get(there) or _unseen().get(there)
    if shown is not None:
        return shown
    old, new = _BESIDE.fullmatch(before), _BESIDE.fullmatch(after)
    if old and new and old[1] == new[1]:
        return BESIDE_AN_ERROR
    change = file, function, before, after
    return EQUIVALENT.get(change) or SHOWN.get(change) or HARMLESS.get(change, "")
