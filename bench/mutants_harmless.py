# SPDX-License-Identifier: GPL-2.0-only
"""Yet more changes of the model that nothing can observe: see mutants_equivalent.py."""

from __future__ import annotations

from mutants_reasons import NONE_IS_ZERO, ONE_BY_ONE

CHUNKED = (
    "a long list is then held in chunks from another call on, with the same results; what is "
    "refused is a system call within a hook, and those of scenarios make none"
)
RENUMBERED = "only the model gives this number and asks for it; no other that it is told from is it"
GONE = "whose it was is gone, and nobody has it any more"
AGAIN = "the access is repeated, finds a page that is its own, and may write it then"
NOT_A_FILE = "the file of shared memory has no descriptor: nobody opens, maps or seals it again"
NEVER = "it is not reached: the number of pages of a range that does not wrap is below 1 << 52"
NOT_ASKED = "it is a legacy hook's: an error has returned before, and nobody reads it after that"
SAVED = "the search over all chunks finds the same place; this only saves it"
IN_THE_MASK = "the mask has both bits of MAP_SHARED_VALIDATE in any case: they are added to it"
UNSIGNED = "signed_lt() alone reads it, which nothing that runs a scenario calls"
UNCUT = "nothing is cut where a range begins, and the page keeps its place"
NOBODY = "nothing that runs a scenario calls it, or reads it"
ELSEWHERE = "a bit that only other machines have: no kernel lets a scenario set it"
SYMBOLIC = "a scenario's conditions are True or False, and were returned before; this is a proof's"

_OTHER_MACHINES = (
    *(("VMA_UFFD_WP_BIT", number) for number in (12,)),
    *((f"VMA_HIGH_ARCH_{place}_BIT", 32 + place) for place in range(7)),
    ("VMA_ALLOW_ANY_UNCACHED_BIT", 39),
)
_MASK = (
    "MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_GROWSDOWN | MAP_LOCKED | "
    "MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_32BIT | "
    "MAP_ABOVE4G | 21 << 26 | 30 << 26"
)

HARMLESS: dict[tuple[str, str, str, str], str] = {
    (
        "chunks.py",
        "__getitem__",
        "if not (0 <= place < len(self._chunk) and index >= 0):",
        "if not (0 < place < len(self._chunk) and index >= 0):",
    ): SAVED,
    (
        "brk.py",
        "_has_room",
        "err, _ = get_unmapped_area(mm, None, old, length, 0, MAP_FIXED)",
        "err, _ = get_unmapped_area(mm, None, old, length, 1, MAP_FIXED)",
    ): "the offset is told to the file's own ->get_unmapped_area, and there is no file",
    ("actions.py", "_perform", "return -errno.EINVAL", "pass"): (
        "the preparation turns every such action into another: the line is never reached"
    ),
    (
        "gup.py",
        "populate_vma_page_range",
        "pages = sub(end, start) >> PAGE_SHIFT",
        "pages = sub(end, start) << PAGE_SHIFT",
    ): "its caller goes on at the end of the mapping, however far beyond that it is told to be",
    (
        "gup.py",
        "_is_anonymous_memory",
        "refused = vma.vm_flags & VM_SHARED != 0 or (write and vma.vm_flags & VM_MAYWRITE == 0)",
        "refused = vma.vm_flags & VM_SHARED != 0 or (write or vma.vm_flags & VM_MAYWRITE == 0)",
    ): ONE_BY_ONE,
    ("gup.py", "mm_populate", "if done < 0:", "if done < 1:"): (
        "of a range that is not empty, at least a page is in, or there is an error"
    ),
    ("gup.py", "mm_populate", "if done < 0:", "if done <= 0:"): (
        "of a range that is not empty, at least a page is in, or there is an error"
    ),
    ("anon.py", "__init__", "self.links = 0", "self.links = 1"): (
        "it is of a root, as that of others is set right after: when no chain holds it any more, "
        "no chain holds a child of it either, and nobody asks how many there are"
    ),
    ("region.py", "_new_file_vma", "state.file = vma.vm_file", "pass"): NOT_ASKED,
    (
        "accounting.py",
        "charge",
        "def charge(self, pages, total_vm=0):",
        "def charge(self, pages, total_vm=1):",
    ): "a 32nd of one page is none, too",
    ("fork.py", "_tear_down", "child.tree.vmas.clear()", "pass"): GONE,
    ("fork.py", "_tear_down", "child.map_count = child.total_vm = 0", "pass"): GONE,
    (
        "fork.py",
        "_tear_down",
        "child.map_count = child.total_vm = 0",
        "child.map_count = child.total_vm = 1",
    ): GONE,
    (
        "fault.py",
        "_do_anonymous_page",
        "_set(mm, vma, address, pagetable.ANON, AnonPages(), 0, write=True)",
        "_set(mm, vma, address, pagetable.ANON, AnonPages(), 0, write=False)",
    ): AGAIN,
    ("unmap.py", "do_munmap", "if start > TASK_SIZE:", "if start >= TASK_SIZE:"): (
        "from the end on nothing can be unmapped: any length is too long, and none is refused"
    ),
    (
        "chunks.py",
        "_seek",
        "if not 0 <= index - self._low < len(self._chunk):",
        "if not 0 < index - self._low < len(self._chunk):",
    ): SAVED,
    (
        "flags.py",
        "__iter__",
        "return (bit for bit in range(64) if word >> bit & 1)",
        "return (bit for bit in range(65) if word >> bit & 1)",
    ): "a word has 64 bits",
    ("populate.py", "simple_ioremap_prep", "if pgoff > pages:", "if pgoff >= pages:"): (
        "where the two are the same, no page is left, and the next line refuses any length"
    ),
    ("unmap.py", "vms_complete_munmap_vmas", "vms_clear_ptes(mm, vms)", "pass"): (
        "the mappings are in no tree any more, and nobody looks at their entries"
    ),
    (
        "fault.py",
        "_one_page",
        "if add(start, PAGE_SIZE) < single.end:",
        "if sub(start, PAGE_SIZE) < single.end:",
    ): UNCUT,
    (
        "fault.py",
        "_one_page",
        "if add(start, PAGE_SIZE) < single.end:",
        "if add(start, PAGE_SIZE) <= single.end:",
    ): UNCUT,
    (
        "gup.py",
        "mm_populate",
        "if position == len(vmas) or not vmas[position].vm_start < end:",
        "if position == len(vmas) or not vmas[position].vm_start <= end:",
    ): "what is populated has no gap at its end: it was mapped, or locked, as a whole, or is all",
    (
        "move.py",
        "_uncharge",
        "if vma.vm_flags & VM_ACCOUNT != 0:",
        "if vma.vm_flags & VM_ACCOUNT != 1:",
    ): ("nothing was charged for what is not accounted, and nothing is given back"),
    ("modify.py", "_merge_existing_range", "return (target, False)", "return (target, True)"): (
        "whether memory ran out is read only where nothing merged"
    ),
    (
        "modify.py",
        "_modify",
        "return (0, merged, vm_flags | merged.vm_flags & VM_STICKY)",
        "return (1, merged, vm_flags | merged.vm_flags & VM_STICKY)",
    ): "the callers read the error only where there is no VMA",
    ("modify.py", "_modify", "return (0, vma, vm_flags)", "return (1, vma, vm_flags)"): (
        "the callers read the error only where there is no VMA"
    ),
    (
        "brk.py",
        "_has_room",
        "beyond = following.vm_start >= add(end, mm.stack_guard_gap)",
        "beyond = following.vm_start > add(end, mm.stack_guard_gap)",
    ): "where the two are the same, the page ends where the gap begins, as the last line says, too",
    (
        "protect.py",
        "_charge",
        "if untouched and oldflags & VM_ACCOUNT != 0:",
        "if untouched and oldflags & VM_ACCOUNT != 1:",
    ): "from new flags that have no VM_ACCOUNT, as the old ones had none, it is cleared in vain",
    **{
        (
            "area.py",
            "_topdown",
            f"tree.searched(length, high, {place}, begin - position)",
            f"tree.searched(length, high, {place}, begin + position)",
        ): "how long a search took only decides whether it is remembered"
        for place in ("end", "low")
    },
    ("move.py", "_uncharge", "vrm.charged = 0", "vrm.charged = 1"): (
        "the move has failed, and nobody asks for its charge again"
    ),
    ("gup.py", "_is_anonymous_memory", "return not refused", "pass"): ONE_BY_ONE,
    ("accounting.py", "charge", "return 0", "pass"): NONE_IS_ZERO,
}

_ALONE = "without neighbours neither side can merge, and None is returned some lines later"
_EMPTY = "an empty range of entries is inserted, which nobody finds"

HARMLESS_AFTER: dict[tuple[str, str, str, str, str], str] = {
    (
        "merge.py",
        "vma_merge_new_range",
        "if vmg.prev is None and vmg.next is None:",
        "return None",
        "pass",
    ): _ALONE,
    ("fault.py", "_do_wp_page", "if _writable(entry):", "return 0", "pass"): (
        "it is not reached: who asks has seen that the page is not writable"
    ),
    ("populate.py", "insert_pages", "if count == 0:", "return (0, 0)", "pass"): _EMPTY,
    (
        "populate.py",
        "simple_ioremap_prep",
        "if add(pfn, pages) < pfn:",
        "return (-errno.EINVAL, 0)",
        "pass",
    ): NEVER,
    (
        "populate.py",
        "simple_ioremap_prep",
        "if add(pfn, pages) < pfn:",
        "return (-errno.EINVAL, 0)",
        "return (-errno.EINVAL, 1)",
    ): NEVER,
}
"""The same, of a statement that is there more than once: with the line before it."""
