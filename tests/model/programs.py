# SPDX-License-Identifier: GPL-2.0-only
"""Random programs of system calls, in which allocations and hooks fail at random: what must hold.

    python -m tests.model.programs [--steps 50000] [--seed 0]

runs them for as long as one likes. After each step every address space is looked at: see `broken`.
"""

from __future__ import annotations

import argparse
import errno
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from premap.model import (
    MADV_DODUMP,
    MADV_DOFORK,
    MADV_DONTDUMP,
    MADV_DONTFORK,
    MADV_DONTNEED,
    MADV_KEEPONFORK,
    MADV_NORMAL,
    MADV_POPULATE_READ,
    MADV_POPULATE_WRITE,
    MADV_RANDOM,
    MADV_WIPEONFORK,
    MAP_FIXED,
    MAP_LOCKED,
    MAP_NORESERVE,
    MAP_POPULATE,
    MAP_PRIVATE,
    MAP_SHARED,
    MCL_CURRENT,
    MCL_FUTURE,
    MREMAP_DONTUNMAP,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    VM_ACCOUNT,
    VM_LOCKED,
    VM_MIXEDMAP,
    VM_PFNMAP,
    VM_WRITE,
    AddressSpace,
    CachePage,
    File,
    FileOperations,
    Page,
    PageFaultError,
    VmAreaStruct,
    VmOperations,
    get_file,
    mmap_action_map_kernel_pages_full,
    mmap_action_remap_full,
    mmap_action_simple_ioremap,
    remap_pfn_range,
    shmem_file,
    vm_flags_set,
    vm_insert_pages,
    vma_size,
    zero_fops,
)
from premap.model.pagetable import ANON, PFN, PteRange

PAGE, PAGES, LOW = 4096, 48, 0x10000000
HEAP = LOW + PAGES * PAGE
TASK = HEAP + 16 * PAGE
PROTS = (PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, 0, PROT_READ | PROT_EXEC)
ADVICE = (
    MADV_NORMAL,
    MADV_RANDOM,
    MADV_DONTNEED,
    MADV_DONTFORK,
    MADV_DOFORK,
    MADV_DONTDUMP,
    MADV_DODUMP,
    MADV_WIPEONFORK,
    MADV_KEEPONFORK,
    MADV_POPULATE_READ,
    MADV_POPULATE_WRITE,
)
MORE = (0, 0, 0, MAP_NORESERVE, MAP_LOCKED, MAP_POPULATE)
MOVES = (
    0,
    MREMAP_MAYMOVE,
    MREMAP_MAYMOVE | MREMAP_FIXED,
    MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
    MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
)
MERGING = ("vma_merge", "vma_dup", "vma_tree", "anon_vma_clone", "accounting", "munmap_gather")
POINTS = {
    "munmap": ("munmap_gather", "munmap_tree", "vma_dup", "vma_tree", "anon_vma_clone"),
    "mprotect": MERGING,
    "mremap": (*MERGING, "munmap_tree", "page_table"),
    "madvise": MERGING,
    "mlock": MERGING,
    "munlock": MERGING,
    "touch": ("anon_vma", "page_table", "page"),
    "fork": ("vma_dup", "accounting", "anon_vma", "anon_vma_clone", "page_table"),
    "brk": ("vma_merge", "vma_alloc", "vma_tree", "accounting", "munmap_tree"),
}
"""Points that a call can come to; mmap() can come to most of them."""
ANY_ERRNO = ("mmap_hook", "action", "mapped")


class Driver:
    """A device with either kind of hook, whose next call does what it is told at random."""

    def __init__(self, pick: random.Random, *, legacy: bool) -> None:
        self.pick = pick
        self.pages = [Page(0x9000 + i) for i in range(64)]
        self.other: File | None = None
        self.leaks: Counter[int] = Counter()
        self.lent = self.refused = False
        hook = {"mmap": self.mmap} if legacy else {"mmap_prepare": self.mmap_prepare}
        self.file = File(FileOperations(**hook), name="legacy" if legacy else "prepared")
        names = ("open", "close", "mapped", "fault", "mremap", "mprotect", "may_split")
        self.tables = [
            VmOperations(**{name: getattr(self, f"_{name}") for name in names if pick.random() < p})
            for p in (0, 0.3, 0.6, 1)
        ]

    def mmap_prepare(self, desc: Any) -> int:
        """Do some of what hooks do."""
        pick = self.pick
        if pick.random() < 0.1:
            return -errno.EINVAL
        desc.vm_ops = pick.choice(self.tables)
        desc.private_data = pick.random()
        self.lent = self.other is not None and pick.random() < 0.2
        if self.lent:
            desc.vm_file = get_file(self.other)
        choice = pick.randrange(8)
        if choice == 0:
            mmap_action_remap_full(desc, 0x9000)
        elif choice == 1:
            mmap_action_map_kernel_pages_full(desc, self.pages)
        elif choice == 2:
            mmap_action_simple_ioremap(desc, 0x9000 * PAGE, 8 * PAGE)
        if pick.random() < 0.2:
            desc.action.error_override = pick.choice([-errno.EAGAIN, errno.EAGAIN])
        if pick.random() < 0.2:
            desc.action.hide_from_rmap_until_complete = True
        return 0

    def mmap(self, file: File, vma: VmAreaStruct) -> int:
        """Do the same as a legacy hook."""
        pick = self.pick
        if pick.random() < 0.1:
            return -errno.EINVAL
        vma.vm_ops = pick.choice(self.tables)
        choice = pick.randrange(8)
        if choice == 0:
            return remap_pfn_range(vma, vma.vm_start, 0x9000, vma_size(vma), vma.vm_page_prot)
        if choice == 1:
            vm_flags_set(vma, VM_MIXEDMAP)
            return vm_insert_pages(vma, vma.vm_start, self.pages, [vma_size(vma) // PAGE])
        return -errno.EIO if pick.random() < 0.1 else 0

    def _open(self, vma: VmAreaStruct) -> None: ...

    def _close(self, vma: VmAreaStruct) -> None: ...

    def _mapped(self, start: int, end: int, pgoff: int, file: File, data: list[Any]) -> int:
        data[0] = "mapped"
        return -errno.EBUSY if self.pick.random() < 0.2 else 0

    def _fault(self, vmf: Any) -> int:
        vmf.page = CachePage(self.file.f_mapping, vmf.pgoff)
        return 2 if self.pick.random() < 0.1 else 0  # SIGBUS

    def _mremap(self, vma: VmAreaStruct) -> int:
        return -errno.EINVAL if self.pick.random() < 0.2 else 0

    def _mprotect(self, vma: VmAreaStruct, start: int, end: int, newflags: int) -> int:
        return -errno.EACCES if self.pick.random() < 0.2 else 0

    def _may_split(self, vma: VmAreaStruct, address: int) -> int:
        self.refused = self.pick.random() < 0.2
        return -errno.EINVAL if self.refused else 0


class Program:
    """One random program: an address space, its children, some files, and what has leaked."""

    def __init__(self, seed: int) -> None:
        self.pick = pick = random.Random(seed)
        limits = {"AS": 90 * PAGE, "DATA": 40 * PAGE, "MEMLOCK": 20 * PAGE}
        self.mm = AddressSpace(
            window=(LOW, LOW + PAGES * PAGE),
            max_map_count=pick.choice([9, 20, 65530]),
            rlimits=limits if pick.random() < 0.3 else None,
            cap_ipc_lock=pick.random() < 0.5,
        )
        self.mm.start_brk = self.mm.brk_end = HEAP
        self.children: list[AddressSpace] = []
        self.drivers = [Driver(pick, legacy=legacy) for legacy in (False, True)]
        regular = shmem_file(12 * PAGE, "regular")
        self.drivers[0].other = regular
        zero = File(zero_fops, name="zero")
        self.files = [regular, zero, *(driver.file for driver in self.drivers)]
        self.leaked_files: Counter[int] = Counter()
        self.leaked_charge = 0
        self.injected = self.failed = 0

    def place(self) -> tuple[int, int]:
        """Return an address in the window, and a length."""
        page = self.pick.randrange(PAGES)
        return LOW + page * PAGE, PAGE * self.pick.randrange(1, min(9, PAGES - page + 1))

    def inside(self) -> tuple[int, int]:
        """Return a range within a mapping, often up to an end of it; seldom any range."""
        pick, vmas = self.pick, self.mm.vmas()
        if not vmas or pick.random() < 0.2:
            return self.place()
        vma = pick.choice(vmas)
        pages = (vma.vm_end - vma.vm_start) // PAGE
        low = pick.choice([0, pick.randrange(pages)])
        high = pick.choice([pages, pick.randrange(low, pages) + 1])
        return vma.vm_start + low * PAGE, (high - low) * PAGE

    def step(self) -> str:
        """Make one call, perhaps with a failure on its way; return what it was."""
        pick = self.pick
        name, call = self.choose()
        self.mm.injections.clear()
        if pick.random() < 0.85:
            point = pick.choice(POINTS.get(name, self.mm.points()))
            number = pick.choice([errno.ENOMEM, errno.EPERM] if point in ANY_ERRNO else [12])
            self.mm.inject(point, number, after=pick.choice([0, 0, 0, 1, 2]))
        before = self.mm.vmas()
        sizes = {vma: (vma.vm_end - vma.vm_start) // PAGE for vma in before}
        gap = self.uncharged()
        for driver in self.drivers:
            driver.lent = driver.refused = False
        failed = False
        with self.mm.trace() as events:
            try:
                call()
            except (OSError, PageFaultError):
                failed = True
                self.failed += 1
        kinds = [event.kind for event in events]
        self.injected += "inject" in kinds
        self.note_leaks(name, kinds, failed=failed)
        if name == "mremap":
            unsplit = "inject" in kinds or any(driver.refused for driver in self.drivers)
            self.note_charge(sizes, self.uncharged() - gap, unsplit=unsplit)
        return name

    def choose(self) -> tuple[str, Callable[[], Any]]:
        """Return a random call, and its name."""
        pick, mm = self.pick, self.mm
        at, size = self.place()
        addr, length = self.inside()
        more = [self.fork, self.exit_child, self.brk]
        calls: list[tuple[str, int, Callable[[], Any]]] = [
            ("mmap", 30, lambda: self.mmap(at, size)),
            ("munmap", 8, lambda: mm.munmap(addr, length)),
            ("mprotect", 12, lambda: mm.mprotect(addr, length, pick.choice(PROTS))),
            ("mremap", 14, lambda: self.mremap(addr, length)),
            ("madvise", 8, lambda: mm.madvise(addr, length, pick.choice(ADVICE))),
            ("mlock", 4, lambda: mm.mlock(addr, length)),
            ("munlock", 4, lambda: mm.munlock(addr, length)),
            ("mlockall", 1, lambda: mm.mlockall(pick.choice([MCL_CURRENT, MCL_FUTURE, 7]))),
            ("munlockall", 1, mm.munlockall),
            ("touch", 14, lambda: mm.touch(addr, write=pick.random() < 0.6)),
            *((function.__name__, 2, function) for function in more),
        ]
        (chosen,) = pick.choices(calls, [weight for _, weight, _ in calls])
        return chosen[0], chosen[2]

    def mmap(self, addr: int, length: int) -> None:
        """Map memory or a file, mostly where it is told."""
        pick = self.pick
        flags = pick.choice([MAP_SHARED, MAP_PRIVATE]) | pick.choice(MORE)
        flags |= MAP_FIXED if pick.random() < 0.8 else 0
        file = pick.choice([None, None, *self.files])
        self.mm.mmap(addr, length, pick.choice(PROTS), flags, file, PAGE * pick.randrange(4))

    def mremap(self, addr: int, length: int) -> None:
        """Resize or move."""
        pick = self.pick
        to, new_length = self.place()
        if pick.random() < 0.5:
            new_length = length
        self.mm.mremap(addr, length, new_length, pick.choice(MOVES), to)

    def brk(self) -> None:
        """Set the end of the heap."""
        self.mm.brk(HEAP + PAGE * self.pick.randrange(16))

    def fork(self) -> None:
        """Have another child, unless there are three."""
        if len(self.children) < 3:
            self.children.append(self.mm.fork())

    def exit_child(self) -> None:
        """Let a child end."""
        if self.children:
            self.children.pop(self.pick.randrange(len(self.children))).exit()

    def note_leaks(self, name: str, kinds: list[str], *, failed: bool) -> None:
        """A file that a hook lent leaks where its mapping merges, or its action is not prepared.

        A mapping that merged has no VMA of its own; of a failure, the log tells
        whether it was before one was made.
        """
        driver = self.drivers[0]
        if name != "mmap" or not driver.lent or driver.other is None:
            return
        merged = not failed and "new_vma" not in kinds
        unprepared = failed and "new_vma" not in kinds and "inject" not in kinds
        if merged or unprepared:
            self.leaked_files[id(driver.other)] += 1

    def note_charge(self, sizes: dict[VmAreaStruct, int], leaked: int, *, unsplit: bool) -> None:
        """A move that can't split and unmap its source leaves it charged, and not marked as such.

        If the source was not accounted at all, its length is charged nevertheless: the kernel does.
        The same if the move failed, and the new place is what can't be unmapped. The source may
        have merged with the new place first, and be larger than it was.
        """
        now = [(vma.vm_end - vma.vm_start) // PAGE for vma in self.mm.vmas()]
        if unsplit and (leaked in (*sizes.values(), *now) or 0 < leaked < 9):
            self.leaked_charge += leaked

    def uncharged(self) -> int:
        """Pages that are committed without a mapping that says so."""
        said = sum(flagged(mm, VM_ACCOUNT) for mm in self.spaces())
        said += sum(paid_for(file) for file in self.files_of_memory())
        return self.mm.memory.committed_as - said

    def files_of_memory(self) -> list[File]:
        """Files without a name, which are paid for: those behind shared memory."""
        mapped = [vma.vm_file for mm in self.spaces() for vma in mm.vmas()]
        return list({id(file): file for file in mapped if file is not None}.values())

    def spaces(self) -> list[AddressSpace]:
        """The process and its children."""
        return [self.mm, *self.children]


def paid_for(file: File) -> int:
    """Pages that a file of memory has been charged for: all of it, or those that were made."""
    if file.release is None:
        return 0
    account = file.release.__self__  # type: ignore[attr-defined]
    whole = -(-file.f_mapping.host.i_size // PAGE)
    assert account.pages == (len(account.made) if file.f_mapping.account else whole)
    return int(account.pages)


def flagged(mm: AddressSpace, mask: int) -> int:
    """Pages of the mappings that have one of some flags."""
    return sum((v.vm_end - v.vm_start) // PAGE for v in mm.vmas() if v.vm_flags & mask)


def broken(program: Program) -> list[str]:
    """Return what does not hold, of everything that must."""
    found = [
        f"{what} of {'the process' if mm is program.mm else 'a child'}"
        for mm in program.spaces()
        for what, fine in of_space(mm)
        if not fine
    ]
    everywhere = [vma for mm in program.spaces() for vma in mm.vmas()]
    if program.uncharged() != program.leaked_charge:
        found.append(f"committed memory: {program.uncharged() - program.leaked_charge:+}")
    found += [f"references of {file.name}" for file in program.files if not held(program, file)]
    found += [f"rmap of {file.name}" for file in program.files if not filed(everywhere, file)]
    if not anonymous(everywhere):
        found.append("anon_vmas")
    return found


def of_space(mm: AddressSpace) -> Iterator[tuple[str, bool]]:
    """What must hold of one address space."""
    vmas = mm.vmas()
    yield "order", all(a.vm_end <= b.vm_start for a, b in pairwise(vmas))
    yield "sizes", all(v.vm_start < v.vm_end and not (v.vm_start | v.vm_end) % PAGE for v in vmas)
    yield "owner", all(v.vm_mm is mm for v in vmas)
    yield "map_count", mm.map_count == len(vmas)
    yield "total_vm", mm.total_vm == flagged(mm, 2**64 - 1)
    yield "locked_vm", mm.locked_vm == flagged(mm, VM_LOCKED)
    yield "lookup", all(mm.find_vma(v.vm_end - 1) is v for v in vmas)
    yield "entries", all(entries(v) for v in vmas)
    yield "idle", not mm.busy


def entries(vma: VmAreaStruct) -> bool:
    """Page table entries lie in the mapping, in order, and are such as it can have."""
    ranges = vma.ptes
    inside = all(vma.vm_start <= e.start < e.end <= vma.vm_end for e in ranges)
    ordered = all(a.end <= b.start for a, b in pairwise(ranges))
    return inside and ordered and all(possible(vma, entry) for entry in ranges)


def possible(vma: VmAreaStruct, entry: PteRange) -> bool:
    """Anonymous pages need an anon_vma, page frames a flag, and no page is writable against it."""
    if entry.kind == ANON and vma.anon_vma is None:
        return False
    if entry.kind == PFN and not vma.vm_flags & (VM_PFNMAP | VM_MIXEDMAP):
        return False
    return not entry.write or bool(vma.vm_flags & VM_WRITE)


def held(program: Program, file: File) -> bool:
    """Whoever opened the file holds it, each mapping does, and what leaked."""
    users = sum(vma.vm_file is file for mm in program.spaces() for vma in mm.vmas())
    return file.f_count == 1 + users + program.leaked_files[id(file)]


def filed(everywhere: list[VmAreaStruct], file: File) -> bool:
    """The reverse map has exactly the mappings of the file, and is not hidden."""
    users = {vma for vma in everywhere if vma.vm_file is file}
    return set(file.f_mapping.i_mmap) == users and not file.f_mapping.rmap_hidden


def anonymous(everywhere: list[VmAreaStruct]) -> bool:
    """An anon_vma knows how many mappings hold it, and how many file pages in it."""
    links = Counter(anon_vma for vma in everywhere for anon_vma in vma.anon_chain)
    active = Counter(vma.anon_vma for vma in everywhere if vma.anon_vma is not None)
    return all(
        anon_vma.links == count and anon_vma.num_active_vmas == active[anon_vma]
        for anon_vma, count in links.items()
    ) and all(vma.anon_vma in vma.anon_chain for vma in everywhere if vma.anon_vma is not None)


def run(seed: int, steps: int) -> tuple[Program, list[str]]:
    """Run one program; return it, and what broke first with the calls that led there."""
    program = Program(seed)
    done: list[str] = []
    for _ in range(steps):
        done.append(program.step())
        wrong = broken(program)
        if wrong:
            return program, [f"seed {seed}, step {len(done)}, {done[-1]}: {', '.join(wrong)}"]
    for child in program.children:
        child.exit()
    program.children.clear()
    program.mm.exit()
    wrong = broken(program)
    return program, [f"seed {seed}, at exit: {', '.join(wrong)}"] if wrong else []


def main() -> int:
    """Run programs of 100 steps each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    injected = failed = 0
    wrong: list[str] = []
    for seed in range(given.seed, given.seed + given.steps // 100):
        program, found = run(seed, 100)
        injected += program.injected
        failed += program.failed
        wrong += found
    print(f"{given.steps:,} steps, {failed:,} of them failed, {injected:,} by an injected failure")
    print("\n".join(wrong) or "everything holds after each")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
