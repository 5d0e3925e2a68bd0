# SPDX-License-Identifier: GPL-2.0-only
"""`struct mm_struct`: an address space, its state, and the system calls on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from premap.model import area, fault, gup, inject, pagetable, unmap
from premap.model.accounting import Memory, data_vm, exec_vm, stack_vm
from premap.model.anon import unlink_anon_vmas
from premap.model.bits import VM_ACCOUNT
from premap.model.constants import (
    DEFAULT_MAX_MAP_COUNT,
    MAP_ANONYMOUS,
    MMAP_MIN_ADDR,
    STACK_GUARD_GAP,
    TASK_SIZE,
)
from premap.model.errors import NotModelled, os_error
from premap.model.maps import maps
from premap.model.mmap import do_mmap
from premap.model.pagetable import Pte
from premap.model.region import mmap_region
from premap.model.trace import Event, Log
from premap.model.tree import SortedTree, VmaTree
from premap.model.vma import VmAreaStruct, remove_vma, vma_pages
from premap.model.words import PAGE_SHIFT, offset_in_page

EINVAL = -22


class AddressSpace:
    """`struct mm_struct`, as the process that owns it uses it.

    `window`: where addresses are chosen (bytes, [low, high)); `max_map_count`: vm.max_map_count;
    `rlimits`: RLIMIT_ values in bytes by name ("AS", "DATA", "MEMLOCK", "STACK"), None for no
    limits; `stack_guard_gap`: what stays free below a stack (bytes);
    `tree`: the kind of tree that holds the mappings; `cap_ipc_lock`: no limit on locked memory;
    `memory`: the machine's memory. Failures of system calls raise OSError.
    """

    __slots__ = (
        "brk_end",
        "busy",
        "cap_ipc_lock",
        "def_flags",
        "injections",
        "locked_vm",
        "log",
        "map_count",
        "max_map_count",
        "memory",
        "rlimits",
        "stack_guard_gap",
        "start_brk",
        "total_vm",
        "tree",
        "window",
    )

    def __init__(
        self,
        *,
        window: tuple[int, int] = (MMAP_MIN_ADDR, TASK_SIZE),
        max_map_count: int = DEFAULT_MAX_MAP_COUNT,
        rlimits: dict[str, int] | None = None,
        tree: type[VmaTree] = SortedTree,
        cap_ipc_lock: bool = True,
        memory: Memory | None = None,
        stack_guard_gap: int = STACK_GUARD_GAP,
    ) -> None:
        self.window = window
        self.max_map_count = max_map_count
        self.rlimits = rlimits
        self.tree = tree()
        self.cap_ipc_lock = cap_ipc_lock
        self.memory = memory or Memory()
        self.stack_guard_gap = stack_guard_gap
        self.map_count = 0
        self.total_vm = 0
        self.locked_vm = 0
        self.def_flags = 0
        self.start_brk = 0
        self.brk_end = 0
        self.busy = False
        self.log: Log | None = None
        self.injections: dict[str, inject.Injection] = {}

    # System calls.

    def mmap(
        self, addr: int, length: int, prot: int, flags: int, file: Any = None, offset: int = 0
    ) -> int:
        """mmap: returns the address; MAP_ANONYMOUS is implied without a file. Bytes throughout.

        A positive number that a hook returned is returned as if it were the address, as the kernel
        does.
        """
        if offset_in_page(offset) != 0:
            raise os_error(EINVAL)
        if file is not None and (flags & MAP_ANONYMOUS) != 0:
            file = None
        self._enter()
        try:
            err, addr, populate = do_mmap(
                self, file, addr, length, prot, flags, offset >> PAGE_SHIFT
            )
        finally:
            self.busy = False
        if err != 0:
            if err < 0:
                raise os_error(err)
            return err
        if populate != 0:
            gup.mm_populate(self, addr, populate)
        return addr

    def munmap(self, addr: int, length: int) -> None:
        """munmap: `length` bytes from `addr` on."""
        self._enter()
        try:
            err = unmap.do_munmap(self, addr, length)
        finally:
            self.busy = False
        if err != 0:
            raise os_error(err)

    def mprotect(self, addr: int, length: int, prot: int) -> None:
        """mprotect: change the access to `length` bytes from `addr` on."""
        from premap.model.protect import do_mprotect  # noqa: PLC0415 - loaded when used

        self._run(do_mprotect, addr, length, prot)

    def mremap(
        self, addr: int, old_length: int, new_length: int, flags: int = 0, new_addr: int = 0
    ) -> int:
        """mremap: resize or move a mapping; returns its address."""
        from premap.model.remap import do_mremap  # noqa: PLC0415 - loaded when used

        self._enter()
        try:
            err, address = do_mremap(self, addr, old_length, new_length, flags, new_addr)
        finally:
            self.busy = False
        if err != 0:
            raise os_error(err)
        return address

    def madvise(self, addr: int, length: int, advice: int) -> None:
        """madvise: advise on `length` bytes from `addr` on (MADV_)."""
        from premap.model.madvise import do_madvise  # noqa: PLC0415 - loaded when used

        self._run(do_madvise, addr, length, advice)

    def mlock(self, addr: int, length: int) -> None:
        """mlock: lock pages, and fault them in."""
        from premap.model.mlock import do_mlock  # noqa: PLC0415 - loaded when used

        self._run(do_mlock, addr, length)

    def mlock2(self, addr: int, length: int, flags: int) -> None:
        """mlock2: the same; with MLOCK_ONFAULT, pages are locked as they are faulted in."""
        from premap.model.mlock import do_mlock2  # noqa: PLC0415 - loaded when used

        self._run(do_mlock2, addr, length, flags)

    def munlock(self, addr: int, length: int) -> None:
        """munlock: unlock pages."""
        from premap.model.mlock import do_munlock  # noqa: PLC0415 - loaded when used

        self._run(do_munlock, addr, length)

    def mlockall(self, flags: int) -> None:
        """mlockall: lock everything (MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT)."""
        from premap.model.mlock import do_mlockall  # noqa: PLC0415 - loaded when used

        self._run(do_mlockall, flags)

    def munlockall(self) -> None:
        """munlockall: unlock everything."""
        from premap.model.mlock import do_munlockall  # noqa: PLC0415 - loaded when used

        self._run(do_munlockall)

    def mseal(self, addr: int, length: int) -> None:
        """mseal: mappings of `length` bytes from `addr` on can't be changed any more."""
        from premap.model.mseal import do_mseal  # noqa: PLC0415 - loaded when used

        self._run(do_mseal, addr, length)

    def set_anon_vma_name(self, addr: int, length: int, name: str | None) -> None:
        """prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME): name anonymous memory; None takes it away."""
        from premap.model.madvise import madvise_set_anon_name  # noqa: PLC0415 - loaded when used

        self._enter()
        try:
            err = madvise_set_anon_name(self, addr, length, name)
        finally:
            self.busy = False
        if err != 0:
            raise os_error(err)

    def brk(self, addr: int) -> int:
        """brk: set the end of the data segment; returns the end, old or new (bytes).

        `start_brk` and `brk_end` say where it lies; a new address space has none.
        """
        from premap.model.brk import do_brk  # noqa: PLC0415 - loaded when used

        self._enter()
        try:
            return do_brk(self, addr)
        finally:
            self.busy = False

    def fork(self) -> AddressSpace:
        """fork: returns the child's address space; the log and the machine's memory are shared."""
        from premap.model.fork import dup_mmap  # noqa: PLC0415 - loaded when used

        child = AddressSpace(
            window=self.window,
            max_map_count=self.max_map_count,
            rlimits=self.rlimits,
            tree=type(self.tree),
            cap_ipc_lock=self.cap_ipc_lock,
            memory=self.memory,
            stack_guard_gap=self.stack_guard_gap,
        )
        child.start_brk, child.brk_end = self.start_brk, self.brk_end
        child.log = self.log
        self._enter()
        try:
            err = dup_mmap(child, self)
        finally:
            self.busy = False
        if err != 0:
            raise os_error(err)
        return child

    def exit(self) -> None:
        """exit_mmap(): close every mapping, lowest first; the address space is empty then."""
        vmas = self.vmas()
        for vma in vmas:
            pagetable.let_go(self, vma.ptes)
        for vma in vmas:
            if (vma.vm_flags & VM_ACCOUNT) != 0:
                self.memory.uncharge(vma_pages(vma))
            remove_vma(vma)
            unlink_anon_vmas(vma)
        self.tree.vmas.clear()
        self.map_count = self.total_vm = self.locked_vm = 0

    # Accesses.

    def touch(self, addr: int, write: bool = False) -> None:  # noqa: FBT001, FBT002 - as in C
        """One access to the byte at `addr`: faults until it works; raises Sigsegv or Sigbus."""
        fault.touch(self, addr, write=write)

    def page_at(self, addr: int) -> Pte | None:
        """Return the page table entry for `addr` (bytes), None where there is none."""
        vma = self.find_vma(addr)
        if vma is None:
            return None
        entry = pagetable.lookup(self, vma, addr)
        return None if entry is None else Pte(entry, addr)

    # What there is.

    def find_vma(self, addr: int) -> VmAreaStruct | None:
        """vma_lookup(): the mapping that holds `addr` (bytes)."""
        vmas = self.tree.vmas
        position = self.tree.locate(addr)
        if position < len(vmas) and vmas[position].vm_start <= addr:
            return vmas[position]
        return None

    def vmas(self) -> list[VmAreaStruct]:
        """Return the mappings, lowest first."""
        return list(self.tree.vmas)

    def maps(self) -> str:
        """Return the mappings as /proc/PID/maps prints them."""
        return maps(self)

    @property
    def data_vm(self) -> int:
        """Pages of private writable mappings."""
        return data_vm(self)

    @property
    def exec_vm(self) -> int:
        """Pages of executable mappings that can't be written."""
        return exec_vm(self)

    @property
    def stack_vm(self) -> int:
        """Pages of stacks."""
        return stack_vm(self)

    # Failures and the log.

    def points(self) -> tuple[str, ...]:
        """Return the names of the points at which failures can be injected."""
        return tuple(inject.POINTS)

    def inject(self, point: str, errno: int, after: int = 0) -> None:
        """Make a point fail once with `errno`, after it has succeeded `after` times.

        Points of allocation fail with ENOMEM only; anything else raises ValueError.
        """
        self.injections[point] = inject.injection(point, errno, after)

    def failing(self, point: str) -> int:
        """Ask a point whether it fails now: 0 or the negative errno."""
        if not self.injections:
            return 0
        pending = self.injections.get(point)
        if pending is None:
            return 0
        if pending.remaining:
            pending.remaining -= 1
            return 0
        del self.injections[point]
        if self.log is not None:
            self.log.event("inject", point=point, err=pending.err)
        return pending.err

    @contextmanager
    def trace(self) -> Iterator[list[Event]]:
        """Collect events (premap.model.trace.Event) while the block runs."""
        outer, self.log = self.log, Log()
        try:
            yield self.log.events
        finally:
            self.log = outer

    def warn(self, text: str, *, condition: bool = True) -> None:
        """WARN_ON_ONCE(): logged, unless the condition is known to be false; never a split."""
        if self.log is not None and condition is not False:
            self.log.event("warn", text=text, condition=condition)

    # What the rest of the model asks.

    def call(self, hook: Any, *arguments: Any) -> int:
        """Call a hook: None is 0, and an OSError the negative of its errno."""
        try:
            result = hook(*arguments)
        except OSError as error:
            if error.errno is None:
                raise
            return -error.errno
        number: int = 0 if result is None else result
        return number

    def mmap_region(self, file: Any, addr: int, length: int, vm_flags: int, pgoff: int) -> int:
        """mmap_region: see premap.model.region; returns 0 or what went wrong."""
        return mmap_region(self, file, addr, length, vm_flags, pgoff)

    def do_munmap(self, addr: int, length: int) -> int:
        """do_munmap: 0 or a negative errno."""
        return unmap.do_munmap(self, addr, length)

    def is_free(self, addr: int, length: int) -> bool:
        """Say whether no mapping lies in `length` bytes from `addr` on."""
        return area.is_free(self, addr, length)

    def vm_enough_memory(self, pages: int) -> int:
        """security_vm_enough_memory_mm(): commit `pages`, unless there are none. 0 or -ENOMEM."""
        if "accounting" in self.injections and pages != 0:
            err = self.failing("accounting")
            if err:
                return err
        return self.memory.charge(pages, self.total_vm)

    def _run(self, call: Callable[..., int], *arguments: int) -> None:
        """Run a system call that returns 0 or a negative errno."""
        self._enter()
        try:
            err = call(self, *arguments)
        finally:
            self.busy = False
        if err != 0:
            raise os_error(err)

    def _enter(self) -> None:
        if self.busy:
            raise NotModelled("a system call inside a hook: the kernel would wait for its own lock")
        self.busy = True
        self.tree.settle()
