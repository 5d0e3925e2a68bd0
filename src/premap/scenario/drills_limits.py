# SPDX-License-Identifier: GPL-2.0-only
"""Drills at limits: the data segment, stacks, and what may be mapped, locked, or committed."""

from __future__ import annotations

from collections.abc import Callable

from premap.model.words import PAGE_SHIFT, PAGE_SIZE
from premap.scenario.aim import STACK_GAP, Range
from premap.scenario.site import Site

Plan = Callable[[], None]
LOCKS = (["CURRENT"], ["CURRENT"], ["CURRENT", "FUTURE"], ["CURRENT", "ONFAULT"])


def heap(site: Site) -> None:
    """Move the end of the data segment, with a failure, a limit, or a neighbour in the way."""
    where = site.clean(12)
    start = where.first + 1
    if site.chance(0.4):
        site.map(Range(where.first, 1))
    site.add("heap", addr=site.address(start) + site.one_of(0, 0, 1))
    if site.chance(0.3):
        site.add("mlockall", flags=site.one_of(["FUTURE"], ["FUTURE", "ONFAULT"]))
        if site.chance(0.5):
            site.limit("MEMLOCK", site.pages("lo") + site.pick.randint(1, 4))
    beyond = start + site.pick.randint(4, 6)
    if site.chance(0.4):
        site.map(Range(beyond, 2), "rw", site.one_of("PRIVATE", "SHARED"))
    points = ("vma_alloc", "vma_tree", "vma_merge", "accounting", "munmap_gather", "munmap_tree")
    ends = [start + site.pick.randint(0, 6) for _ in range(6)] + [beyond, beyond - 1]
    site.pick.shuffle(ends)
    for place, end in enumerate(ends[:7]):
        if place in (0, 2) and site.chance(0.6):
            site.fail(site.pick.choice(points))
        if place == 3 and site.chance(0.4):
            pages = site.pages("wr", without=("sh", "gd"))
            site.limit("DATA", pages + site.pick.randint(1, 6))
        if place == 4 and site.chance(0.2):
            site.on("mseal", Range(start, 2))
        site.add("brk", addr=site.address(end) - site.one_of(0, 0, 0, 1, PAGE_SIZE))
        if site.chance(0.3):
            site.ask("counts")
    site.no_limit("DATA")
    site.no_limit("MEMLOCK")
    site.add("munlockall")
    site.ask("counts", "entries")


def heap_failing(site: Site) -> None:
    """Let the data segment grow, or shrink, where memory runs out; then do it."""
    where = site.clean(10)
    start = where.first + 1
    site.add("heap", addr=site.address(start))
    ends = [start + end for end in (*site.one_of((2,), (0,), (2,)), 4, 3, 6, site.one_of(1, 0, 5))]
    if site.chance(0.3):
        site.map(Range(where.first, 1))
    points = ("vma_merge", "vma_merge", "vma_alloc", "vma_tree", "accounting", "accounting")
    for end in ends:
        point = site.one_of(*points, "munmap_gather", "munmap_tree", "vma_dup")
        if site.chance(0.7):
            site.fail(point)
        site.add("brk", addr=site.address(end) - site.one_of(0, 0, 1))
        site.ask("counts")
        site.calm(point)
        site.add("brk", addr=site.address(end))
        if site.chance(0.3):
            site.touch(where.first + 2)
    site.ask("counts", "anon")


def heap_limit(site: Site) -> None:
    """Move the end of the data segment to just where a limit is."""
    where = site.clean(8)
    site.munmap(Range(0, site.layout.pages))  # other data counts
    site.add("heap", addr=site.address(where.first))
    pages = site.pick.randint(1, 3)
    site.limit("DATA", pages)
    for more in (0, 1, -1, 0):
        site.add("brk", addr=site.address(where.first + pages) + more)
    site.no_limit("DATA")
    for page in (2, 1, 1, 0):
        site.add("brk", addr=site.address(where.first + page) - site.one_of(0, 0, 1))
    site.ask("counts")


def stack(site: Site) -> None:
    """Let a stack grow: with a limit, a failure, or something below it."""
    where = site.clean(14)
    top = Range(where.end - 2, 2)
    kind = site.pick.randrange(4)
    if site.chance(0.6):  # what can be accessed within the gap below would keep it from growing
        site.munmap(Range(0, where.first))
    if kind == 0:
        site.map(Range(where.first, 1), site.one_of("", "rw"), "PRIVATE")
    elif kind == 1:
        site.map(Range(where.first, 2), "rw", "PRIVATE", "GROWSDOWN")
    site.map(top, "rw", "PRIVATE", "GROWSDOWN")
    if site.chance(0.5):
        site.touch(top.first)
    if site.chance(0.3):
        site.on("mlock", top)
    page = top.first
    for _ in range(3):
        limit = _stack_limit(site, top, page)
        page -= site.pick.randint(1, 3)
        site.touch(page, site.one_of("w", "w", "r"))
        site.ask("counts")
        if limit is not None:
            site.no_limit(limit)
            site.touch(page)
    site.ask("anon", "entries")
    if site.chance(0.5):  # what lies below it, and ends where the stack begins, is not the stack
        site.map(top, "rw", "PRIVATE", "GROWSDOWN")
        for part in (Range(top.first - 1, 1), Range(top.first - 2, 3), Range(top.end, 1)):
            site.on("mprotect", part, prot="r", grows="down")
    if site.chance(0.5):
        site.on("mprotect", Range(top.first, 1), prot="r", grows=site.one_of("down", "both", "up"))


def _stack_limit(site: Site, top: Range, page: int) -> str | None:
    """Set a limit, or let something fail, just before a stack grows."""
    kind = site.pick.randrange(6)
    size, more = top.end - page, site.pick.randint(0, 3)
    if kind == 0:
        site.limit("STACK", size + more)
        return "STACK"
    if kind == 1:
        site.limit("AS", site.pages() + 4 + more)
        return "AS"
    if kind == 2:
        site.limit("MEMLOCK", site.pages("lo") + site.one_of(0, 2 + more))
        return "MEMLOCK"
    if kind == 3:
        site.fail(site.one_of("accounting", "vma_merge"))
    return None


def stack_gap(site: Site) -> None:
    """Map, and grow, just at the gap below a stack; where the window has room for one."""
    if site.layout.pages < STACK_GAP + 40:
        stack(site)
        return
    where = Range(4, 20)
    site.munmap(Range(0, STACK_GAP + 40))
    top = where.end + STACK_GAP + 4
    site.map(Range(top, 2), "rw", "PRIVATE", "GROWSDOWN")
    edge = top - STACK_GAP
    low = Range(edge + site.one_of(-3, -2, -1, 0, 1) - 2, 2)
    site.map(low, site.one_of("rw", "r", ""), site.one_of("PRIVATE", "SHARED"))
    for distance in site.pick.sample((1, 2, 3, 4, 5), 3):
        site.touch(top - distance)
    if site.devices:
        for count in (1, 3):
            keys = {"file": None, "len": count << PAGE_SHIFT, "prot": "rw", "offset": 0}
            addr = site.address(edge - 1) if site.chance(0.5) else 0
            site.add("mmap", **keys, addr=addr, flags=["PRIVATE"])
        if site.chance(0.5):  # what lies below it is no gap of the stack's any more
            site.map(Range(top - site.pick.randint(1, 9), 1), "r", "SHARED")
        keys = {"file": None, "len": 2 << PAGE_SHIFT, "prot": "r", "offset": 0}
        site.add("mmap", **keys, addr=0, flags=["SHARED"])
        site.add("heap", addr=site.address(low.end))
        site.add("brk", addr=site.address(edge + site.one_of(-1, 0, 1)))
    site.ask("counts")


def mapping_limit(site: Site) -> None:
    """Do what makes more mappings, just below the limit of them, at it, and above it."""
    where = site.clean(14)
    whole = Range(where.first, 6)
    ways: list[Callable[[Range], None]] = [
        site.munmap,
        lambda at: site.mprotect(at, "r"),
        lambda at: site.advise(at, "DONTFORK"),
        lambda at: site.on("mlock", at),
        lambda at: site.move(at, where.end - 3),
        lambda at: site.move(at, where.end - 3, "DONTUNMAP"),
        lambda at: site.map(at, "r", "SHARED"),
        lambda at: site.map(Range(where.end - at.count, at.count), "r", "SHARED"),
    ]
    for way in site.pick.sample(ways, 3):
        site.munmap(where)
        site.map(whole, "rw", "PRIVATE", *site.one_of((), (), ("LOCKED",)))
        if site.chance(0.3):
            site.touch(whole.first)
        site.limit("MAPS", len(site.layout.vmas) + 1 + site.pick.choice((0, 1, 2, 3, 4, 5)))
        count = site.pick.randint(1, 2)
        first = site.one_of(whole.first, whole.first + 2, whole.first + 2, whole.end - count)
        way(Range(first, count))
        site.ask("counts")
        site.no_limit("MAPS")


def space_limit(site: Site) -> None:
    """Take pages up to a limit of what is mapped, of data, or of both, and one more."""
    where = site.clean(14)
    pages, first = site.pick.randint(1, 3), where.first
    data = Range(first, 2)
    ways: list[Plan] = [
        lambda: site.map(Range(first + 3, pages), "rw"),
        lambda: site.map(Range(first + 3, pages), "rw", "SHARED"),
        lambda: site.map(Range(first + 1, pages + 1), "rw"),
        lambda: site.mprotect(data, "rw"),
        lambda: _more_data(site, data),
        lambda: site.resize(data, 2 + pages),
        lambda: site.move(data, first + 8, "DONTUNMAP"),
        lambda: site.move(data, first + 7, count=2 + pages),
    ]
    for way in site.pick.sample(ways, 3):
        site.munmap(where)
        site.map(data, site.one_of("r", "rw", "rw"), "PRIVATE")
        which = site.one_of("AS", "DATA")
        used = site.pages() if which == "AS" else site.pages("wr", without=("sh", "gd"))
        site.limit(which, used + site.one_of(2, 2, 0) + pages + site.one_of(-1, 0, 0))
        way()
        site.ask("counts")
        site.no_limit(which)


def _more_data(site: Site, where: Range) -> None:
    """Make what is read data, where there may be as much, or less."""
    used = site.pages("wr", without=("sh", "gd"))
    site.map(where, "r")
    site.limit("DATA", used + site.pick.randint(0, where.count))
    site.mprotect(where, "rw")
    site.ask("counts")
    site.no_limit("DATA")


def lock_limit(site: Site) -> None:
    """Lock up to a limit, what is locked partly already, and one page more."""
    where = site.clean(10)
    whole, first = Range(where.first, 8), where.first
    locked = Range(first + 2, 3)
    for _ in range(2):
        site.munmap(where)
        site.map(whole, "rw", site.one_of("PRIVATE", "SHARED"))
        site.on("mlock", locked)
        pages = site.pick.randint(0, 1)
        site.limit("MEMLOCK", site.pages("lo") + 3 + pages if site.chance(0.85) else 0)
        kind = site.pick.randrange(8)
        more = site.one_of(max(1, pages), pages + 1)
        part = Range(locked.first - more, more + site.pick.randint(0, 3))
        if kind < 4:
            site.on("mlock", part, **({"onfault": True} if site.chance(0.3) else {}))
        elif kind == 4:
            count = pages + site.pick.randint(0, 1)
            site.map(Range(whole.first, max(1, count)), "rw", "PRIVATE", "LOCKED")
        elif kind == 5:
            site.munmap(Range(locked.end, 3))
            site.resize(Range(locked.first, 3), 3 + pages + site.pick.randint(0, 1))
        else:
            if site.chance(0.7):
                site.add("mlockall", flags=["FUTURE"])
            site.map(Range(first, pages + site.pick.randint(1, 2)))
            site.add("heap", addr=site.address(first))
            site.munmap(whole)
            site.add("brk", addr=site.address(first + pages + site.pick.randint(2, 6)))
            site.add("munlockall")
        site.ask("counts")
        site.no_limit("MEMLOCK")


def charged(site: Site) -> None:
    """Let memory not be had for what is charged: a page, several, or none at all."""
    where = site.clean(12)
    first, count = where.first, site.one_of(1, 1, 2, 3)
    data, free = Range(first, count), Range(first + 4, count)
    ways: list[Plan] = [
        lambda: site.map(free, "rw"),
        lambda: site.map(data, "rw"),
        lambda: site.map(Range(first, count + 1), "rw"),
        lambda: site.mprotect(data, "rw"),
        lambda: site.mprotect(Range(first, 1), "rw"),
        lambda: site.resize(data, count + 1),
        lambda: site.move(data, first + 6),
        lambda: site.move(data, first + 6, "DONTUNMAP"),
        lambda: site.move(data, first + 6, count=count + 1),
        lambda: site.add("fork"),
        lambda: _grow_heap(site, first + 6, count),
    ]
    for way in site.pick.sample(ways, 3):
        site.munmap(where)
        site.map(data, site.one_of("r", "rw"))
        site.fail("accounting")
        for _ in range(2):
            way()
            site.ask("counts")
        site.calm("accounting")


def _grow_heap(site: Site, first: int, count: int) -> None:
    """Make a data segment of so many pages."""
    site.add("heap", addr=site.address(first))
    site.add("brk", addr=site.address(first + count))


def memory_limit(site: Site) -> None:
    """Ask for just as much as the machine has, or a page more, at once or bit by bit."""
    where = site.clean(12)
    first, pages = where.first, site.pick.randint(1, 4)
    more = pages + site.one_of(0, 1, 1)
    data = Range(first, more)
    ways: list[Plan] = [
        lambda: site.map(data, "rw", "PRIVATE", *site.one_of((), (), ("NORESERVE",))),
        lambda: site.map(data, "rw", "SHARED", *site.one_of((), (), ("NORESERVE",))),
        lambda: site.mprotect(data, "rw"),
        lambda: site.resize(Range(first, 1), 1 + more),
        lambda: site.move(data, first + 6),
        lambda: site.move(data, first + 6, "DONTUNMAP"),
        lambda: _grow_heap(site, first + 7, more),
    ]
    site.map(Range(first, 6), "r")
    for way in site.pick.sample(ways, 3):
        site.limit("RAM", pages)
        way()
        site.ask("counts")
        site.no_limit("RAM")
        site.munmap(where)
        site.map(Range(first, site.one_of(1, 6)), site.one_of("r", "rw"))


def reserved(site: Site) -> None:
    """Commit memory up to what is reserved for others, of which a large process gets less."""
    if not site.devices:
        return
    site.munmap(Range(0, site.layout.pages))
    large = site.pick.choice((10, 31, 32, 33, 50))
    site.map(Range(0, large), "r", site.one_of("SHARED", "PRIVATE"), file=site.file("fx", 12))
    reserve, left = site.pick.randint(0, 2), site.pick.randint(1, 4)
    steps = [("RESERVE", reserve), ("COMMIT", 3 + left)]
    site.pick.shuffle(steps)
    for which, pages in steps:
        site.limit(which, pages)
    for place, count in enumerate(site.pick.sample((1, 1, 2, 3, 4), 4)):
        page = large + 1 + 2 * place
        site.map(Range(page, min(count, 2)), "rw", site.one_of("PRIVATE", "PRIVATE", "SHARED"))
    site.ask("counts")
    site.no_limit("COMMIT")
    site.limit("RESERVE", 0)


def lock_all(site: Site) -> None:
    """Lock everything, or what is to come; something fails while it is changed."""
    where = site.clean(8)
    site.map(Range(where.first, 2), site.one_of("rw", "r", ""))
    site.map(Range(where.first + 2, 2), "r", "SHARED")
    site.on("mlock", Range(where.first + 1, 2), **site.one_of({}, {"onfault": True}))
    site.fail(site.one_of("vma_merge", "anon_vma_clone", "vma_dup"))
    flags = site.one_of(["FUTURE"], ["FUTURE", "ONFAULT"], ["ONFAULT"], [], *LOCKS)
    site.add("mlockall", flags=flags)
    site.ask("entries")
    site.map(Range(where.first + 5, 2), "rw", site.one_of("PRIVATE", "DROPPABLE"))
    site.ask("counts", "entries")
    site.add("munlockall")
    site.ask("counts")


def commit(site: Site) -> None:
    """Do what commits memory, with little left; from here on, there is a limit."""
    if not site.devices:
        return
    where = site.clean(14)
    first, committed = where.first, sum(each.count for each in site.layout.ranges)
    private, left = Range(first, 3), site.pick.randint(0, 3)
    free = Range(first + 4, site.pick.randint(1, 4))
    ways: list[Plan] = [
        lambda: site.map(free, "rw", "PRIVATE", *site.one_of((), ("NORESERVE",))),
        lambda: site.map(free, "rw", "SHARED", *site.one_of((), ("NORESERVE",))),
        lambda: site.map(private, "rw"),
        lambda: site.map(Range(first, 4), "rw"),
        lambda: site.mprotect(private, "rw"),
        lambda: site.mprotect(private, "r"),
        lambda: site.resize(private, 4),
        lambda: site.move(private, first + 8),
        lambda: site.move(private, first + 8, "DONTUNMAP"),
        lambda: site.move(private, first + 8, count=4),
        lambda: _grow_heap(site, first + 4, free.count),
    ]
    for way in site.pick.sample(ways, 4):
        site.munmap(where)
        site.map(private, site.one_of("rw", "rw", "r"))
        # what is committed is at most what is mapped: the limit is met at once, or after some pages
        site.limit("COMMIT", site.pages("ac") + 3 + left if site.chance(0.7) else committed + left)
        way()
        site.touch_some(free, 0.4)
        site.ask("counts")
        site.no_limit("COMMIT")
