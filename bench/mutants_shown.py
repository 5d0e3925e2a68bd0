# SPDX-License-Identifier: GPL-2.0-only
"""More changes of the model that nothing can observe: see mutants_equivalent.py."""

from __future__ import annotations

from mutants_reasons import (
    NONE_IS_ZERO,
    ONE_BY_ONE,
    SET_BEFORE,
    TWO_OFFSETS,
)

REFUSAL = "nothing but a refusal reads it, of what no kernel is asked"
RENUMBERED = "only the model gives this number and asks for it; no other that it is told from is 2"
SEARCH = "what a search remembers only makes the next one shorter"
SAVED = "the search over all chunks finds the same place; this only saves it"
NOT_CHOSEN = "that it is not so was asked in the line before; only a proof has a term for both"
EMPTY = (
    "an empty range of entries is inserted, which nobody finds: whoever looks asks for one that "
    "ends after an address"
)
NO_PAGES = "one that ends where the other begins has no pages in common with it: 0 are taken off"
REFUSED_LATER = "a handler that never makes an entry is refused, after one try more"
ANON_NUMBER = "what the numbers of anonymous pages begin with means nothing"

SHOWN: dict[tuple[str, str, str, str], str] = {
    (
        "gup.py",
        "_is_anonymous_memory",
        "refused = vma.vm_flags & VM_SHARED != 0 or (write and vma.vm_flags & VM_MAYWRITE == 0)",
        "refused = vma.vm_flags & VM_SHARED != 1 or (write and vma.vm_flags & VM_MAYWRITE == 0)",
    ): ONE_BY_ONE,
    ("pagetable.py", "part", "part.dirty = self.dirty", "pass"): (
        "it is asked of shared mappings only, where what is written has a range for each page: "
        "those are never parted"
    ),
    (
        "tree.py",
        "opened",
        "self._no_gap = (length, min(end, limit), limit)",
        "self._no_gap = (length, max(end, limit), limit)",
    ): SEARCH,
    (
        "gup.py",
        "_populate_anonymous",
        "if address < gap_end:",
        "if address <= gap_end:",
    ): EMPTY,
    (
        "protect.py",
        "change_protection",
        "notify = bool(vma_wants_writenotify(vma)) if shared else False",
        "notify = bool(vma_wants_writenotify(vma)) if shared else True",
    ): "it is only read where the mapping is shared",
    (
        "mlock.py",
        "_within_limit",
        "if vma.vm_flags & VM_LOCKED != 0 and vma.vm_start < end and (start < vma.vm_end):",
        "if vma.vm_flags & VM_LOCKED != 0 and vma.vm_start < end and (start <= vma.vm_end):",
    ): NO_PAGES,
    (
        "mlock.py",
        "_within_limit",
        "if vma.vm_flags & VM_LOCKED != 0 and vma.vm_start < end and (start < vma.vm_end):",
        "if vma.vm_flags & VM_LOCKED != 0 and vma.vm_start <= end and (start < vma.vm_end):",
    ): NO_PAGES,
    ("vma.py", "__init__", "self.anon_chain: None = ()", "pass"): (
        "it is read only where there is an anon_vma, which comes with it"
    ),
    ("merge.py", "_can_merge_after", "return True", "pass"): TWO_OFFSETS,
    ("merge.py", "_can_merge_before", "return True", "pass"): TWO_OFFSETS,
    ("unmap.py", "vms_clear_ptes", "return", "pass"): "what has been cleared is empty",
    ("unmap.py", "vms_clear_ptes", "vma.ptes = []", "pass"): (
        "the mapping leaves the tree in any case, and nobody looks at its entries before that"
    ),
    ("gup.py", "_fault_page", "for _ in range(3):", "for _ in range(4):"): REFUSED_LATER,
    ("fault.py", "touch", "for _ in range(3):", "for _ in range(4):"): REFUSED_LATER,
    ("tree.py", "opened", "if end > top:", "if end >= top:"): (
        "of two equal addresses it remembers the one or the other"
    ),
    ("mmap.py", "_file_mmap_ok", "return False", "pass"): (
        "a length above 1 << 63 was refused before: no process has so many addresses"
    ),
    (
        "populate.py",
        "simple_ioremap_prep",
        "if add(start_phys, size) < start_phys:",
        "if add(start_phys, size) <= start_phys:",
    ): "of no bytes nothing can be mapped: -EINVAL comes some lines later",
    (
        "pagetable.py",
        "_follows",
        (
            "return entry.kind is ZERO and before.kind is ZERO and (before.end == entry.start) and "
            "(before.pgprot == entry.pgprot) and (before.write == entry.write)"
        ),
        (
            "return entry.kind is ZERO and before.kind is ZERO and (before.end == entry.start) and "
            "(before.pgprot == entry.pgprot) and (before.write != entry.write)"
        ),
    ): "ranges of zeroes are joined less often, which changes no entry",
    ("mm.py", "mmap", "if err < 0:", "if err < 1:"): "it is not 0: that was asked before",
    ("mm.py", "mmap", "if err < 0:", "if err <= 0:"): "it is not 0: that was asked before",
    ("area.py", "_search", "hint = page_align(hint)", "pass"): (
        "mmap() has rounded its hint before, and mremap() refuses one that is no whole page"
    ),
    (
        "modify.py",
        "_merge_existing_range",
        "if left_side and position:",
        "if left_side or position:",
    ): (
        "the mapping before is looked at only if the range begins its own, and a mapping that is "
        "not before it does not end where it begins"
    ),
    (
        "unmap.py",
        "vms_abort_munmap_vmas",
        "if not vms.vmas or vms.clear_ptes:",
        "if not vms.vmas and vms.clear_ptes:",
    ): "after _setup() neither is so: a state has mappings, and their entries are cleared",
    (
        "chunks.py",
        "__getitem__",
        "if not (0 <= place < len(self._chunk) and index >= 0):",
        "if not (1 <= place < len(self._chunk) and index >= 0):",
    ): SAVED,
    (
        "chunks.py",
        "bisect_right",
        "if not here or (number and key(chunks[number - 1][-1]) > value):",
        "if not here or (number or key(chunks[number - 1][-1]) > value):",
    ): SAVED,
    ("area.py", "_topdown", "remembered = False", "remembered = True"): SEARCH,
    ("area.py", "_topdown", "tree.searched(length, high, low, begin - position)", "pass"): SEARCH,
    ("area.py", "_topdown", "tree.searched(length, high, end, begin - position)", "pass"): SEARCH,
    ("tree.py", "searched", "self._no_gap = (length, top, high)", "pass"): SEARCH,
    (
        "area.py",
        "_topdown",
        "if below is not None and below.vm_start >= end:",
        "if below is not None and below.vm_start > end:",
    ): "one that begins at the end has no gap before it: the last branch passes it over as well",
    (
        "area.py",
        "_topdown",
        "if bottom < end and sub(end, bottom) >= length:",
        "if bottom <= end and sub(end, bottom) >= length:",
    ): "no length is 0: in a gap of 0 bytes there is no room",
    ("area.py", "_topdown", "position -= 1", "pass"): (
        "the mapping then begins at the end, and is passed over in the next step"
    ),
    (
        "area.py",
        "vm_start_gap",
        "return 0 if vma.vm_start < gap else sub(vma.vm_start, gap)",
        "return 0 if vma.vm_start <= gap else sub(vma.vm_start, gap)",
    ): "of two equal numbers the difference is 0",
    ("chunks.py", "__init__", "self._starts: None = []", "pass"): SET_BEFORE,
    ("chunks.py", "__init__", "self._chunk: None = []", "pass"): SET_BEFORE,
    ("chunks.py", "_delete", "high -= end - begin", "high -= end + begin"): (
        "the two differ only in the chunk where the range begins, and that is the last one"
    ),
    (
        "fault.py",
        "_do_anonymous_page",
        "_set(mm, vma, address, pagetable.ANON, AnonPages(), 0, write=True)",
        "_set(mm, vma, address, pagetable.ANON, AnonPages(), 1, write=True)",
    ): ANON_NUMBER,
    (
        "fault.py",
        "_do_wp_page",
        "single.kind, single.source, single.first = (pagetable.ANON, AnonPages(copied), 0)",
        "single.kind, single.source, single.first = (pagetable.ANON, AnonPages(copied), 1)",
    ): ANON_NUMBER,
    (
        "fault.py",
        "_do_cow_fault",
        "original = PteRange(start, add(start, PAGE_SIZE), kind, source, index, vma.vm_page_prot)",
        "original = PteRange(start, sub(start, PAGE_SIZE), kind, source, index, vma.vm_page_prot)",
    ): "nothing but its first page is looked at",
    (
        "legacy.py",
        "_vm_map_pages",
        "if offset >= num:",
        "if offset > num:",
    ): "from the end of the array on no page is left, and a mapping has one: the next line refuses",
    (
        "gup.py",
        "populate_vma_page_range",
        "pages = sub(end, start) >> PAGE_SHIFT",
        "pages = add(end, start) >> PAGE_SHIFT",
    ): "its caller goes on at the end of the mapping, however far beyond that it is told to be",
    ("gup.py", "_populate_anonymous", "return err", "pass"): (
        "where no failure is injected a page of memory can be had: the error is 0"
    ),
    (
        "populate.py",
        "insert_pages",
        "if busy is None or start < stop:",
        "if busy is not None or start < stop:",
    ): EMPTY,
    (
        "madvise.py",
        "_populate",
        "first = done < 0 or start < umin(end, vma.vm_end)",
        "first = done < 1 or start < umin(end, vma.vm_end)",
    ): "of a range that is not empty, at least a page is in, or there is an error",
    (
        "madvise.py",
        "_populate",
        "first = done < 0 or start < umin(end, vma.vm_end)",
        "first = done <= 0 or start < umin(end, vma.vm_end)",
    ): "of a range that is not empty, at least a page is in, or there is an error",
    ("madvise.py", "_guard_install", "return 0", "pass"): NONE_IS_ZERO,
    ("madvise.py", "_dontneed_free", "return 0", "pass"): NONE_IS_ZERO,
    ("split.py", "split_vma", "return 0", "pass"): (
        "its callers say `if err`, or `err or` what follows, to which None and 0 are the same"
    ),
    ("shmem.py", "memfd_add_seals", "return 0", "pass"): NONE_IS_ZERO,
    (
        "mseal.py",
        "_has_gap",
        "while position < len(vmas) and vmas[position].vm_start < end:",
        "while position < len(vmas) and vmas[position].vm_start <= end:",
    ): "one that begins at the end is behind a gap if there is one, which the last line says too",
    (
        "modify.py",
        "_merge_existing_range",
        "sticky = vm_flags | (vmg.next.vm_flags if right and vmg.next is not None else 0)",
        "sticky = vm_flags | (vmg.next.vm_flags if right and vmg.next is not None else 1)",
    ): "of these flags only VM_STICKY counts, and VM_READ is not in it",
    ("modify.py", "_grow_next", "return", "pass"): "it is not reached: the middle is always there",
    (
        "move.py",
        "_copy_vma",
        "swallowed = merged.vm_start < old_start < merged.vm_end",
        "swallowed = merged.vm_start <= old_start < merged.vm_end",
    ): "what begins where the source does is the source itself: both say the same VMA",
    ("unmap.py", "vms_abort_munmap_vmas", "return", "pass"): (
        "after _setup() the entries are cleared, and where there is a state there are mappings"
    ),
    (
        "mmap.py",
        "",
        "_MAX_LFS_FILESIZE = (1 << 63) - 1",
        "_MAX_LFS_FILESIZE = (1 << 63) - 2",
    ): "lengths are whole pages, and of the difference only whole pages count",
}
