# SPDX-License-Identifier: GPL-2.0-only
"""Drills within mappings: odd arguments, seals, advice, guards, names, and what is faulted in."""

from __future__ import annotations

from premap.model.words import PAGE_SIZE
from premap.scenario.aim import Range
from premap.scenario.reader import Json
from premap.scenario.site import Site
from premap.scenario.steps import ADVICE

FAR = (1 << 64) - PAGE_SIZE
ROUNDED = (1 << 64) - 1
BEYOND = 1 << 47
"""An address that no process has."""
SPLITTING = ("vma_dup", "vma_tree")
MAP_NUMBERS = (0x20, 0x100, 0x800, 0x1000, 0x2000, 0x4000, 0x8000, 0x10000, 0x80000, 0x100000)
"""MAP_ flags, of those that scenarios may use."""
ADVICE_NUMBERS = (1, 2, 4, 8, 10, 11, 16, 17, 18, 19, 20, 22, 23, 24, 102, 103)
"""MADV_ numbers, of those that scenarios may use."""
MAP_BITS = (6, 7, 9, 10, 17, *range(21, 33), 40, 63)
"""Bits of mmap()'s flags that mean nothing for a mapping at a fixed address."""
WALKS = tuple(advice for advice in ADVICE if not advice.startswith(("POPULATE", "GUARD")))
DISCARDS = ("DONTNEED", "DONTNEED_LOCKED", "FREE", "DONTFORK", "WIPEONFORK", "GUARD_INSTALL")


def odd_ranges(site: Site) -> None:
    """Give a call addresses and lengths that are refused, or rounded, one after the other."""
    where = site.clean(3)
    site.map(where, site.one_of("rw", "r"))
    start, length = site.numbers(where).values()
    whole = [(start + 1, length), (start, 0), (start, ROUNDED), (start, FAR), (BEYOND, PAGE_SIZE)]
    whole += [(start, (1 << 64) - start), (start, length - 1), (start + PAGE_SIZE, 1)]
    whole.append((start, (1 << 64) - start - PAGE_SIZE))
    calls: list[Json] = [
        {"op": "munmap"},
        {"op": "mprotect", "prot": "r"},
        {"op": "madvise", "advice": site.one_of("RANDOM", "DONTNEED", "DONTDUMP")},
        {"op": "madvise", "advice": site.one_of("POPULATE_READ", "POPULATE_WRITE")},
        {"op": "mlock"},
        {"op": "munlock"},
    ]
    if site.devices:
        calls += [{"op": "name", "name": "one"}]
    call = site.pick.choice(calls)
    site.pick.shuffle(whole)
    far = call["op"] in ("madvise", "name", "munlock")
    for addr, size in whole:
        if not (far and addr + size > BEYOND and addr + size < 1 << 64):
            site.add(**call, addr=addr, len=size)


def odd_bits(site: Site) -> None:
    """Give calls flags that nobody knows, or that mean nothing, bit by bit."""
    where = site.clean(4)
    file = site.one_of(site.file("fx", 12), site.device("mmap_prepare", 24))
    keys: Json = {"file": file, **site.numbers(where), "prot": "r", "offset": 0}
    for bit in site.pick.sample(MAP_BITS, 5):
        sharing = site.one_of("SHARED_VALIDATE", "SHARED_VALIDATE", "SHARED_VALIDATE", "SHARED")
        site.add("mmap", **keys, flags=[sharing, "FIXED"], bits=1 << bit)
    ways: list[Json] = [
        {"op": "mprotect", "prot": "r", "bits": site.one_of(0x8, 0x10, 1 << 30, 1 << 40)},
        {"op": "mprotect", "prot": "rw", "bits": 0x8},
        {"op": "mlock", "bits": site.one_of(1, 2, 3, 1 << 20)},
        {"op": "mlock", "onfault": True, "bits": site.one_of(2, 4)},
        {"op": "madvise", "advice": "NORMAL", "bits": site.one_of(5, 6, 7, 26, 64, 99, 104)},
    ]
    for way in site.pick.sample(ways, 3):
        site.on(**{"where": site.part(where), **way})
    site.add("mlockall", flags=site.one_of([], ["FUTURE"]), bits=site.one_of(8, 16, 1 << 20))
    moved: Json = {"new_len": 1 << 12, "new_addr": site.address(where.end)}
    site.on("mremap", Range(where.first, 1), flags=["MAYMOVE", "FIXED"], bits=8, **moved)


def by_number(site: Site) -> None:
    """Give flags, protections and advice as the kernel's numbers, which have names elsewhere."""
    where = Range(site.clean(9).first, 6)
    for _ in range(4):
        kind = site.one_of(1, 2, 2, 3, 8)
        more = site.pick.sample(MAP_NUMBERS, site.one_of(0, 1, 1, 2))
        file = site.file("fx", 12) if site.chance(0.4) else None
        keys: Json = {"file": file, "prot": site.one_of("rw", "r"), "flags": [], "offset": 0}
        site.on("mmap", site.part(where), **keys, bits=kind | 0x10 | sum(more))
    site.map(where, site.one_of("rw", "r"), "PRIVATE")
    site.touch_some(where, 0.4, "r")
    for number in site.pick.sample(ADVICE_NUMBERS, 4):
        site.on("madvise", site.part(where), advice="NORMAL", bits=number)
    for number in site.pick.sample((1, 2, 3, 4, 5, 7, 1 << 24, 1 << 25), 2):
        site.on("mprotect", site.part(where), prot="", bits=number)
    site.map(Range(where.first, 2))
    moved: Json = {"new_len": 2 << 12, "new_addr": site.address(where.end + 1)}
    site.on("mremap", Range(where.first, 2), flags=[], bits=site.one_of(3, 3, 2, 6, 7), **moved)
    site.add("mlockall", flags=[], bits=site.one_of(2, 4, 6))
    site.map(Range(where.first, 1))
    site.add("munlockall")
    site.ask("counts", "entries")


def odd_seals(site: Site) -> None:
    """Seal with addresses and lengths that are refused, or rounded to nothing; and over gaps."""
    where = site.clean(5)
    left, right = Range(where.first, 2), Range(where.first + 3, 2)
    site.map(left)
    site.map(right, "r")
    start, length = site.numbers(left).values()
    odd = [(start + 1, length), (start, 0), (start, ROUNDED), (start, FAR), (start, FAR - start)]
    odd += [(start, 3 * PAGE_SIZE), (start, 5 * PAGE_SIZE), (start - PAGE_SIZE, length)]
    odd += [(start, length - 1), (start + PAGE_SIZE, 1), (start, length)]
    for addr, size in site.pick.sample(odd, 6):
        site.add("mseal", addr=addr, len=size)
    site.fail(site.one_of("vma_merge", *SPLITTING))
    site.on("mseal", site.part(right))
    site.on("mseal", site.part(right))
    site.mprotect(site.part(right), "rw")


def sealed_memory(site: Site) -> None:
    """Try what a seal of memory forbids, on memory of all kinds."""
    where = site.clean(4)
    kind = site.pick.randrange(4)
    if kind == 0:
        site.map(where, "r", "PRIVATE", file=site.file("fx", 8))
    else:
        site.map(where, site.one_of("r", "r", "rw"), site.one_of("PRIVATE", "PRIVATE", "SHARED"))
    site.touch_some(where, 0.4, "r")
    sealed = site.part(where)
    site.on("mseal", sealed)
    for _ in range(5):
        part = site.part(where)
        step = site.pick.randrange(7)
        if step < 3:
            site.advise(site.part(sealed), site.pick.choice(DISCARDS))
        elif step == 3:
            site.mprotect(part, site.one_of("rw", "r", "rx"))
        elif step == 4:
            site.move(part, where.first - 1 if part.count == 1 else where.end)
        elif step == 5:
            site.munmap(part)
        else:
            site.map(part)
    site.ask("entries")


def advised(site: Site) -> None:
    """Give an advice on memory of several kinds, with gaps between them; something may fail."""
    where = site.clean(8)
    left = Range(where.first, 3)
    kind = site.pick.randrange(5)
    if kind == 0:
        site.map(left, "rw", site.one_of("PRIVATE", "SHARED"), file=site.file("fx", 12))
    elif kind == 1:
        site.map(left, "rw", "DROPPABLE")
    else:
        site.map(left, site.one_of("rw", "r"), site.one_of("PRIVATE", "PRIVATE", "SHARED"))
    if site.chance(0.2):
        site.on("mlock", site.part(left))
    site.map(Range(where.first + 4, 2), "rw", "PRIVATE")
    site.touch_some(where, 0.4)
    for _ in range(3):
        advice = site.pick.choice(WALKS)
        if site.chance(0.5):
            site.fail(site.one_of("vma_merge", "vma_dup", "vma_tree", "anon_vma_clone"))
        part = site.part(Range(where.first, site.one_of(3, 5, 6, 8)))
        site.advise(part, advice)
        site.advise(part, advice)
    site.ask("entries", "anon")


def guards(site: Site) -> None:
    """Guard what has pages, what has guards, and what may not; page tables may be missing."""
    where = site.clean(6)
    kind = site.pick.randrange(4)
    file = site.file("fx", 12) if kind == 0 else None
    if site.devices and site.chance(0.25):
        special = site.one_of(["IO"], ["PFNMAP"], ["DONTEXPAND"])
        device = site.device(site.one_of("mmap", "mmap_prepare"), 20, set=special, vm_ops=[])
        site.map(Range(where.first, 2), "rw", "SHARED", file=device)
        for advice in ("GUARD_REMOVE", "GUARD_INSTALL"):
            site.advise(Range(where.first, 1), advice)
    sharing = site.one_of("PRIVATE", "PRIVATE", "SHARED")
    site.map(where, site.one_of("rw", "rw", "r"), sharing, file=file)
    site.touch_some(where, 0.4, site.one_of("w", "w", "r"))
    if site.chance(0.2):
        site.on("mlock", Range(where.first, 1))
    for _ in range(3):
        part = site.part(where)
        point = site.one_of("page_table", "anon_vma")
        failing = site.chance(0.5)
        if failing:
            site.fail(point, site.one_of(0, 0, 1))
        site.advise(part, "GUARD_INSTALL")
        site.ask("entries")
        if failing:
            site.calm(point)
            site.advise(part, "GUARD_INSTALL")
        kind = site.pick.randrange(5)
        if kind == 0:
            site.touch(part.first)
        elif kind == 1:
            site.advise(site.part(where), "GUARD_REMOVE")
        elif kind == 2:
            site.advise(site.part(where), site.one_of("DONTNEED", "POPULATE_READ", "FREE"))
        elif kind == 3:
            site.add("fork", **({"entries": True} if site.devices else {}))
    site.touch_some(where, 0.5, "r")
    site.ask("entries", "anon")


def sticky(site: Site) -> None:
    """Guard one of three neighbours, which become one: what is known of it then is so of all."""
    where = site.clean(6)
    sharing = site.one_of("PRIVATE", "PRIVATE", "SHARED")
    middle = Range(where.first + 2, 2)
    site.map(where, "rw", sharing)
    kind = site.pick.randrange(3)
    if kind == 0:
        site.mprotect(middle, "r")
    elif kind == 1:
        site.munmap(middle)
    else:
        site.advise(middle, "DONTFORK")
    for first in site.pick.sample((0, 2, 4), site.pick.randint(1, 2)):
        site.advise(Range(where.first + first, 1), "GUARD_INSTALL")
    if kind == 0:
        site.mprotect(middle, "rw")
    elif kind == 1:
        site.map(middle, "rw", sharing, page=2)
    else:
        site.advise(middle, "DOFORK")
    if site.devices:  # who takes the name of a neighbour becomes one with it
        for part in site.pick.sample((Range(where.first, 2), middle, Range(middle.end, 2)), 2):
            site.on("name", part, name="one")
        site.on("name", site.part(where), name=site.one_of("one", None))
    site.ask("anon", "entries")


def populated(site: Site) -> None:
    """Fault in what has some pages, a gap, a guard, or what may not be accessed."""
    where = site.clean(8)
    prots = ("rw", "rw", "r", "", "w", "rx")
    file = site.file("fx", 3) if site.chance(0.3) else None
    site.map(Range(where.first, 4), site.pick.choice(prots), site.one_of("PRIVATE", "SHARED"))
    site.map(Range(where.first + 4, 2), site.pick.choice(prots), file=file)
    if site.chance(0.7):
        site.map(Range(where.first + 7, 1))
    site.touch_some(where, 0.3, site.one_of("r", "w"))
    if site.chance(0.3):
        site.advise(Range(where.first + site.pick.randint(0, 3), 1), "GUARD_INSTALL")
    if site.chance(0.3):
        site.add("fork")
    for _ in range(3):
        point = site.one_of("page", "page_table", "anon_vma")
        failing = site.chance(0.3)
        if failing:
            site.fail(point, site.pick.randint(0, 3))
        part = site.part(Range(where.first, site.one_of(4, 6, 7, 8)))
        kind = site.pick.randrange(4)
        if kind == 0:
            site.on("mlock", part)
        elif kind == 1:
            site.map(Range(where.first, 3), "rw", "PRIVATE", site.one_of("POPULATE", "LOCKED"))
        else:
            site.advise(part, site.one_of("POPULATE_READ", "POPULATE_WRITE"))
        site.ask("entries")
        if failing:
            site.calm(point)
    site.ask("entries", "counts", "anon")


def read_first(site: Site) -> None:
    """Write where only zeroes were read: page by page, or all of it; guards and moves between."""
    where = site.clean(6)
    if site.chance(0.4):  # locked memory gets its pages as soon as it may be written
        site.map(where, "r", site.one_of("PRIVATE", "PRIVATE", "SHARED"), "LOCKED")
        site.mprotect(site.part(where), "rw")
        site.ask("entries")
    site.map(where)
    if site.chance(0.7):
        site.advise(where, "POPULATE_READ")
    else:
        site.touch_some(where, 0.7, "r")
    for _ in range(3):
        part, kind = site.part(where), site.pick.randrange(6)
        if kind < 2:
            inside = Range(where.first + site.pick.randint(1, 4), site.one_of(1, 2))
            site.advise(inside, "POPULATE_WRITE")
        elif kind == 2:
            site.on("mlock", part)
            site.on("munlock", part)
        elif kind == 3:
            site.advise(Range(part.first, 1), "GUARD_INSTALL")
        elif kind == 4:
            site.touch(part.first)
            site.mprotect(where, "r")
            site.move(part, where.first - 1 if part.count == 1 else where.end + 1)
            site.mprotect(where, "rw")
        else:
            site.touch(part.first)
        site.ask("entries")


def texts(site: Site) -> None:
    """Read what pages say, of files and devices: copied or not, moved, unmapped, inherited."""
    where = site.clean(9)
    part = Range(where.first, 4)
    file = site.file("fx", 12)
    if site.devices and site.chance(0.4):
        hook = site.one_of("mmap", "mmap_prepare")
        action: Json = {"action": {"kind": "remap_full", "page": 3}} if site.chance(0.4) else {}
        file = site.device(hook, 25, vm_ops=["fault"], **action)
    sharing, page = site.one_of("PRIVATE", "PRIVATE", "SHARED"), site.pick.randint(0, 3)
    site.map(part, "rw", sharing, file=file, page=page)
    for access in site.one_of("rw", "w", "wr"):
        site.touch_some(part, 0.5, access)
    for _ in range(2):
        kind = site.pick.randrange(6)
        some = site.part(part)
        if kind == 0:
            site.move(some, part.end + 1, *site.one_of((), (), ("DONTUNMAP",)))
            site.peek(Range(part.end + 1, some.count))
        elif kind == 1:
            site.advise(some, "DONTNEED")
        elif kind == 2:
            site.add("fork", then=site.one_of("child", "orphan"))
            site.touch_some(some, 0.5)
        elif kind == 3:
            site.munmap(Range(part.first, 1))
        elif kind == 4:
            site.map(some, "r", sharing, file=file, page=page + 1)
        else:
            site.mprotect(some, site.one_of("r", "rw"))
        site.peek(part)


def populated_across(site: Site) -> None:
    """Fault several mappings in by one call, of which a page can't be had at first."""
    if not site.devices:
        return
    where = site.clean(6)
    file = site.file("fx", 12) if site.chance(0.3) else None
    site.map(where, "rw", file=file)
    for page in site.pick.sample(range(where.first + 1, where.end), 2):
        site.advise(Range(page, 1), site.one_of("DONTFORK", "RANDOM", "DONTDUMP"))
    if site.chance(0.3):
        site.mprotect(Range(where.end - 1, 1), site.one_of("r", ""))
    for _ in range(3):
        point = site.one_of("page", "page", "page_table")
        site.fail(point, site.pick.randint(0, 4))
        part = site.part(where)
        if site.chance(0.75):
            site.advise(part, site.one_of("POPULATE_READ", "POPULATE_WRITE", "POPULATE_WRITE"))
        else:
            site.on("mlock", part)
        site.ask("entries")
        site.calm(point)
        site.on("munlock", part)
        site.advise(where, "DONTNEED")


def first_pages(site: Site) -> None:
    """Let the first page of a mapping be the one that can't be had, whatever asks for it."""
    where = site.clean(6)
    part = Range(where.first, site.pick.randint(1, 3))
    if site.chance(0.4):
        site.map(Range(part.end, 2))
        site.touch(part.end)
    file = site.file("fx", 12) if site.chance(0.4) else None
    prot = site.one_of("rw", "rw", "r")
    site.map(part, prot, site.one_of("PRIVATE", "PRIVATE", "SHARED"), file=file)
    if site.chance(0.3):
        site.touch(part.first, "r")
    ways = ("mlock", "POPULATE_WRITE", "POPULATE_WRITE", "POPULATE_READ", "GUARD_INSTALL")
    for way in site.pick.sample(ways, 2):
        point = site.one_of("anon_vma", "anon_vma", "page", "page_table")
        site.fail(point, site.one_of(0, 0, 0, 1))
        for _ in range(2):
            if way == "mlock":
                site.on("mlock", part)
            else:
                site.advise(part, way)
            site.ask("entries", "anon")
        site.calm(point)
        site.on("munlock", part)
        site.advise(part, site.one_of("GUARD_REMOVE", "DONTNEED"))
    site.touch_some(part)
    site.ask("anon")


def unfiled(site: Site) -> None:
    """Let pages have nowhere to be filed (an anon_vma), whatever asks for the first of them."""
    where = site.clean(8)
    for _ in range(3):
        count = site.pick.randint(1, 3)
        part, file = Range(where.first, count), site.file("fx", 12) if site.chance(0.2) else None
        site.map(part, "rw", file=file)
        if site.chance(0.3):
            site.map(Range(part.end, 1), "rw", file=file, page=count)
            site.touch(part.end)
        point = site.one_of("anon_vma", "anon_vma", "page", "page_table")
        site.fail(point, site.one_of(0, 0, 0, 1))
        way = site.pick.randrange(6)
        for _ in range(2):
            if way < 2:
                site.advise(part, "GUARD_INSTALL")
            elif way == 2:
                site.advise(part, "POPULATE_WRITE")
            elif way == 3:
                site.on("mlock", part)
            elif way == 4:
                site.map(part, "rw", "PRIVATE", site.one_of("LOCKED", "POPULATE"), file=file)
            else:
                site.add("fork")
            site.ask("anon", "entries")
        site.calm(point)
        site.munmap(where)


def named(site: Site) -> None:
    """Name parts of memory, so that neighbours differ in it or not; it may fail."""
    if not site.devices:
        return
    where = site.clean(6)
    sharing = site.one_of("PRIVATE", "PRIVATE", "SHARED")
    file = site.file("fx", 12) if site.chance(0.15) else None
    site.map(where, "rw", sharing, file=file)
    site.touch_some(where, 0.3)
    for _ in range(5):
        if site.chance(0.4):
            site.fail(site.one_of("vma_merge", "vma_dup", "vma_tree", "anon_vma_clone"))
        part = site.part(where)
        site.on("name", part, name=site.one_of("one", "one", "two", None))
        kind = site.pick.randrange(5)
        if kind == 0:
            site.advise(part, site.one_of("DONTFORK", "DOFORK"))
        elif kind == 1:
            site.map(site.part(part), "rw", sharing, file=file)
        elif kind == 2:
            site.advise(part, "GUARD_INSTALL")
    site.ask("counts", "anon")
