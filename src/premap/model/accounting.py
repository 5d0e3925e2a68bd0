# SPDX-License-Identifier: GPL-2.0-only
"""Limits and overcommit: may_expand_vm(), security_vm_enough_memory_mm() (mm/mmap.c, mm/util.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from premap.model.bits import VM_EXEC, VM_SHADOW_STACK, VM_SHARED, VM_STACK, VM_WRITE
from premap.model.errors import NotModelled
from premap.model.words import PAGE_SHIFT, add, sub

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace
    from premap.model.vma import VmAreaStruct

OVERCOMMIT_GUESS = 0
OVERCOMMIT_ALWAYS = 1


class Memory:
    """The machine's memory, shared by a process and its children.

    `totalram_pages` is RAM and swap; None means that no single mapping is too large for it.
    `committed_as` (pages) is vm_committed_as. Overcommit mode 2 is not modelled.
    """

    __slots__ = ("committed_as", "overcommit", "totalram_pages")

    def __init__(self, totalram_pages: int | None = None, overcommit: int = 0) -> None:
        if overcommit not in (OVERCOMMIT_GUESS, OVERCOMMIT_ALWAYS):
            raise NotModelled("vm.overcommit_memory = 2")
        self.totalram_pages = totalram_pages
        self.overcommit = overcommit
        self.committed_as = 0

    def charge(self, pages: int) -> int:
        """__vm_enough_memory(): commit `pages`. 0, or -ENOMEM where one request exceeds all RAM."""
        limit = self.totalram_pages if self.overcommit == OVERCOMMIT_GUESS else None
        if limit is not None and pages > limit:
            return -errno.ENOMEM
        self.committed_as = add(self.committed_as, pages)
        return 0

    def uncharge(self, pages: int) -> None:
        """vm_unacct_memory(): give back `pages`."""
        self.committed_as = sub(self.committed_as, pages)


def is_data_mapping(vm_flags: int) -> bool:
    """is_data_mapping: private, writable, not a stack."""
    return (vm_flags & (VM_WRITE | VM_SHARED | VM_STACK)) == VM_WRITE


def is_exec_mapping(vm_flags: int) -> bool:
    """is_exec_mapping: executable, neither writable nor a stack."""
    return (vm_flags & (VM_EXEC | VM_WRITE | VM_STACK)) == VM_EXEC


def is_stack_mapping(vm_flags: int) -> bool:
    """is_stack_mapping: a stack, shadow stacks included."""
    return (vm_flags & (VM_STACK | VM_SHADOW_STACK)) != 0


def may_expand_vm(mm: AddressSpace, vm_flags: int, pages: int) -> bool:
    """may_expand_vm: RLIMIT_AS and RLIMIT_DATA admit `pages` more (mm/mmap.c)."""
    if mm.rlimits is None:
        return True
    limit = mm.rlimits.get("AS")
    if limit is not None and add(mm.total_vm, pages) > limit >> PAGE_SHIFT:
        return False
    limit = mm.rlimits.get("DATA")
    if limit is None or not is_data_mapping(vm_flags):
        return True
    return add(data_vm(mm), pages) <= limit >> PAGE_SHIFT


def mlock_future_ok(mm: AddressSpace, length: int, *, locked: bool) -> bool:
    """mlock_future_ok: RLIMIT_MEMLOCK admits `length` more bytes, or CAP_IPC_LOCK is there."""
    if mm.cap_ipc_lock or mm.rlimits is None or not locked:
        return True
    limit = mm.rlimits.get("MEMLOCK")
    if limit is None:
        return True
    return add(length >> PAGE_SHIFT, mm.locked_vm) <= limit >> PAGE_SHIFT


def _pages(vma: VmAreaStruct) -> int:
    return sub(vma.vm_end, vma.vm_start) >> PAGE_SHIFT


def exec_vm(mm: AddressSpace) -> int:
    """mm->exec_vm, in pages."""
    return sum(_pages(vma) for vma in mm.tree.vmas if is_exec_mapping(vma.vm_flags))


def stack_vm(mm: AddressSpace) -> int:
    """mm->stack_vm, in pages."""
    return sum(
        _pages(vma)
        for vma in mm.tree.vmas
        if not is_exec_mapping(vma.vm_flags) and is_stack_mapping(vma.vm_flags)
    )


def data_vm(mm: AddressSpace) -> int:
    """mm->data_vm, in pages. Counted when asked for: it follows from the mappings."""
    return sum(_pages(vma) for vma in mm.tree.vmas if is_data_mapping(vma.vm_flags))
