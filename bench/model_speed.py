# SPDX-License-Identifier: GPL-2.0-only
"""How fast the model maps and unmaps, with a hook in Python, recording off.

    python bench/model_speed.py [--pairs N] [--many N]

Three questions: how many pairs of mmap() and munmap() a second; what a pair costs among a million
mappings and among a thousand, at random places that are known and at one that is searched for;
what a hundred mappings of a gigabyte cost, and a hundred of a page. Two peers run in the same
process: the host's system calls, called from Python, and a sortedcontainers.SortedDict of as many
intervals. Each number is the best of several runs. The exit status is 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import ctypes
import mmap
import random
import sys
import time
from collections.abc import Callable

from sortedcontainers import SortedDict

from premap.model import (
    MAP_FIXED,
    MAP_SHARED,
    PROT_READ,
    VMA_DONTDUMP_BIT,
    AddressSpace,
    File,
    FileOperations,
    VmAreaDesc,
    VmOperations,
    mmap_action_remap_full,
    vma_desc_pages,
    vma_desc_set_flags,
)

PAGE = 4096
GIGABYTE = 1 << 30
LOW = 0x10000000
WANTED_PAIRS, WANTED_RATIO, WANTED_SIZES = 40_000, 3.0, 1.1
OPS = VmOperations(label="bench")


def hook(desc: VmAreaDesc) -> int:
    """Check the range, set a flag and the operations: what most hooks do."""
    if desc.pgoff + vma_desc_pages(desc) > 1 << 40:
        return -22
    vma_desc_set_flags(desc, VMA_DONTDUMP_BIT)
    desc.vm_ops = OPS
    return 0


def remapping_hook(desc: VmAreaDesc) -> int:
    """Remap all of it: page tables, too."""
    mmap_action_remap_full(desc, 0x100000)
    return 0


FILE = File(FileOperations(mmap_prepare=hook))
REMAPPED = File(FileOperations(mmap_prepare=remapping_hook))


def best(run: Callable[[], None], count: int, rounds: int = 5) -> float:
    """Return the seconds that one of `count` operations takes in the fastest of some runs."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times) / count


def filled(mappings: int) -> AddressSpace:
    """Return an address space with a page mapped, and one free, so many times."""
    mm = AddressSpace(max_map_count=1 << 30)
    for i in range(mappings):
        mm.mmap(LOW + 2 * i * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, FILE)
    return mm


def searched_pairs(mm: AddressSpace, pairs: int) -> Callable[[], None]:
    """Map a page wherever there is room, and unmap it."""

    def run() -> None:
        for _ in range(pairs):
            address = mm.mmap(0, PAGE, PROT_READ, MAP_SHARED, FILE)
            mm.munmap(address, PAGE)

    return run


def fixed_pairs(mm: AddressSpace, mappings: int, pairs: int) -> Callable[[], None]:
    """Map and unmap pages at random free places between the mappings."""
    pick = random.Random(7)
    places = [LOW + (2 * pick.randrange(mappings) + 1) * PAGE for _ in range(pairs)]

    def run() -> None:
        for address in places:
            mm.mmap(address, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, FILE)
            mm.munmap(address, PAGE)

    return run


def sized(length: int, count: int = 100) -> Callable[[], None]:
    """Map `length` bytes a hundred times, page tables filled, and unmap all of it."""

    def run() -> None:
        mm = AddressSpace()
        for i in range(count):
            mm.mmap(LOW + i * GIGABYTE, length, PROT_READ, MAP_SHARED | MAP_FIXED, REMAPPED)
        mm.munmap(LOW, count * GIGABYTE)

    return run


def host_pairs(pairs: int) -> Callable[[], None]:
    """The host's mmap() and munmap() of a page, through ctypes."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS

    def run() -> None:
        for _ in range(pairs):
            libc.munmap(libc.mmap(None, PAGE, mmap.PROT_READ, flags, -1, 0), PAGE)

    return run


def container_pairs(intervals: int, pairs: int) -> Callable[[], None]:
    """Find a place in a SortedDict of intervals, insert one, delete it: no checks, no hook."""
    table = SortedDict({LOW + 2 * i * PAGE: PAGE for i in range(intervals)})
    pick = random.Random(7)
    places = [LOW + (2 * pick.randrange(intervals) + 1) * PAGE for _ in range(pairs)]

    def run() -> None:
        for address in places:
            table.bisect_right(address)
            table[address] = PAGE
            del table[address]

    return run


def line(what: str, value: str, bound: str = "", *, fine: bool = True) -> bool:
    """Print one result; return whether it is within its bound."""
    verdict = "" if not bound else f"{bound}: {'yes' if fine else 'NO'}"
    print(f"{what:<58}{value:>16}  {verdict}")
    return fine


def main() -> int:
    """Measure, print, and say whether the bounds hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    given = parser.parse_args()
    pairs, fine = given.pairs, []

    host = best(host_pairs(pairs), pairs)
    alone = best(searched_pairs(AddressSpace(), pairs), pairs)
    rate = f"{1 / alone:,.0f}/s"
    bound = f">= {WANTED_PAIRS:,}/s"
    fine.append(line("pairs, nothing else mapped", rate, bound, fine=1 / alone >= WANTED_PAIRS))
    line("  the host's system calls, from Python", f"{1 / host:,.0f}/s")
    line("  model : host, time", f"{alone / host:.1f} x")

    costs = {}
    for count in (1000, given.many):
        mm = filled(count)
        costs[count] = {
            "at random places": best(fixed_pairs(mm, count, pairs), pairs),
            "wherever there is room": best(searched_pairs(mm, pairs), pairs),
            "SortedDict": best(container_pairs(count, pairs), pairs),
        }
        del mm
    for what, few in costs[1000].items():
        many = costs[given.many][what]
        value = f"{few * 1e6:.1f}, {many * 1e6:.1f} us"
        line(f"pair {what}, among 1,000 and {given.many:,}", value)
        if what == "SortedDict":
            line("  ratio", f"{many / few:.2f} x")
            continue
        bound = f"<= {WANTED_RATIO} x"
        fine.append(line("  ratio", f"{many / few:.2f} x", bound, fine=many / few <= WANTED_RATIO))

    page, giant = best(sized(PAGE), 100, 50), best(sized(GIGABYTE), 100, 50)
    line(
        "mapping of a page, of a gigabyte, entries filled",
        f"{page * 1e6:.1f}, {giant * 1e6:.1f} us",
    )
    ratio = giant / page
    bound = f"<= {WANTED_SIZES} x"
    fine.append(line("  ratio", f"{ratio:.2f} x", bound, fine=ratio <= WANTED_SIZES))
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
