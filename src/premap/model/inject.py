# SPDX-License-Identifier: GPL-2.0-only
"""Where failures can be injected, and which fail next."""

from __future__ import annotations

import errno

POINTS: dict[str, str] = {
    "accounting": "there is not enough memory to commit (security_vm_enough_memory_mm())",
    "munmap_gather": "collecting a mapping that goes (vms_gather_munmap_vmas())",
    "munmap_tree": "clearing the tree in munmap() (vma_iter_clear_gfp())",
    "vma_merge": "the tree's memory for a VMA that grows, by a merge (mmap() then makes a new one) "
    "or as a stack",
    "vma_alloc": "a new VMA (vm_area_alloc())",
    "vma_dup": "the second VMA of a split, a move, or a fork (vm_area_dup())",
    "vma_tree": "the tree's memory for a VMA (vma_iter_prealloc())",
    "anon_vma": "an anon_vma for the first anonymous page",
    "anon_vma_clone": "sharing an anon_vma (anon_vma_clone())",
    "shmem": "the file behind shared anonymous memory (shmem_zero_setup())",
    "mmap_hook": "the legacy ->mmap, which is not called",
    "action": "the action on the new VMA, before it does anything",
    "mapped": "->mapped, which is not called",
    "page_table": "a page table: for a remap, inserted pages, anonymous memory, a move, a fork",
    "page": "a page of memory in a fault",
}
"""Every injection point, and what fails there."""

_ANY_ERRNO = frozenset({"mmap_hook", "action", "mapped"})


class Injection:
    """One failure to come: `remaining` times the point still succeeds. It happens once."""

    __slots__ = ("err", "remaining")

    def __init__(self, err: int, remaining: int) -> None:
        self.err = err
        self.remaining = remaining


def injection(point: str, number: int, after: int) -> Injection:
    """Check the arguments of AddressSpace.inject(); raises ValueError."""
    if point not in POINTS:
        raise ValueError(f"no injection point {point!r}; there are: {', '.join(POINTS)}")
    if point not in _ANY_ERRNO and number != errno.ENOMEM:
        raise ValueError(f"{point} is an allocation: it fails with ENOMEM only")
    if not 0 < number < 4096 or after < 0:
        raise ValueError("an errno is between 1 and 4095, and `after` is not negative")
    return Injection(-number, after)
