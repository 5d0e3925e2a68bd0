# SPDX-License-Identifier: GPL-2.0-only
"""Limits and overcommit: may_expand_vm(), security_vm_enough_memory_mm() (mm/mmap.c, mm/util.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from premap.model.bits import VM_EXEC, VM_SHADOW_STACK, VM_SHARED, VM_STACK, VM_WRITE
from premap.model.words import PAGE_SHIFT, U64_MAX, add, sub, umin

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace
    from premap.model.vma import VmAreaStruct

OVERCOMMIT_GUESS = 0
OVERCOMMIT_ALWAYS = 1
OVERCOMMIT_NEVER = 2


class Memory:
    """The machine's memory, shared by a process and its children. Everything is in pages.

    `totalram_pages` is RAM and swap; None means that no single mapping is too large for it.
    `committed_as` is vm_committed_as. `overcommit` is vm.overcommit_memory; where that is 2,
    `commit_limit` is vm_commit_limit(), and a process can't have the last `user_reserve`, or a 32nd
    of what it has mapped if that is less (vm.user_reserve_kbytes).
    """

    __slots__ = ("commit_limit", "committed_as", "overcommit", "totalram_pages", "user_reserve")

    def __init__(
        self,
        totalram_pages: int | None = None,
        overcommit: int = OVERCOMMIT_GUESS,
        commit_limit: int = 0,
        user_reserve: int = 0,
    ) -> None:
        self.totalram_pages = totalram_pages
        self.overcommit = overcommit
        self.commit_limit = commit_limit
        self.user_reserve = user_reserve
        self.committed_as = 0

    def charge(self, pages: int, total_vm: int = 0) -> int:
        """__vm_enough_memory(): commit `pages`, for a process that has `total_vm`. 0 or -ENOMEM.

        Mode 0 refuses one request for more than all RAM, mode 2 whatever reaches the limit, of
        which a reserve may leave less than nothing.
        """
        limit = self.totalram_pages
        if self.overcommit == OVERCOMMIT_GUESS and limit is not None and pages > limit:
            return -errno.ENOMEM
        committed = add(self.committed_as, pages)
        if self.overcommit == OVERCOMMIT_NEVER:
            reserve = umin(total_vm // 32, self.user_reserve)
            if add(committed, reserve) >= self.commit_limit:
                return -errno.ENOMEM
        self.committed_as = committed
        return 0

    def account(self, pages: int) -> None:
        """vm_acct_memory(): commit `pages`, whatever the limit is."""
        self.committed_as = add(self.committed_as, pages)

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
    limit = mm.rlimits.get("MEMLOCK", U64_MAX)
    return add(length >> PAGE_SHIFT, mm.locked_vm) <= limit >> PAGE_SHIFT


def can_do_mlock(mm: AddressSpace) -> bool:
    """can_do_mlock: RLIMIT_MEMLOCK is not 0, or CAP_IPC_LOCK is there (mm/mlock.c)."""
    if mm.cap_ipc_lock or mm.rlimits is None:
        return True
    return mm.rlimits.get("MEMLOCK") != 0


def check_data_rlimit(mm: AddressSpace, brk: int) -> bool:
    """check_data_rlimit: RLIMIT_DATA admits a data segment up to `brk` (include/linux/mm.h)."""
    limit = None if mm.rlimits is None else mm.rlimits.get("DATA")
    return limit is None or sub(brk, mm.start_brk) <= limit


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
