# SPDX-License-Identifier: GPL-2.0-only
"""Drills with whole mappings: what moves, grows, is replaced, unmapped, and becomes one again."""

from __future__ import annotations

from collections.abc import Callable

from premap.model.words import PAGE_SHIFT
from premap.scenario.aim import Range
from premap.scenario.site import Site

Plan = Callable[[], None]
BEYOND = 1 << 47
"""An address that no process has."""
SPLITTING = ("vma_dup", "vma_tree", "anon_vma_clone")
GROWING = ("vma_merge", "accounting", "anon_vma_clone")


def move_nearby(site: Site) -> None:
    """Move parts of a mapping to places beside it, so that a copy may swallow its source."""
    where = site.clean(5, 8)
    prot, file = site.one_of("rw", "rw", "r"), site.one_of(None, None, "file")
    name = site.file("fx", 8) if file else None
    site.map(where, prot, file=name)
    site.touch_some(where, site.one_of(0.0, 0.0, 0.5))
    places = [where.first - 2, where.first - 1, where.end, where.end + 1, where.end + 5]
    for _ in range(4):
        part = site.part(where)
        more = site.one_of((), (), ("DONTUNMAP",))
        to = site.one_of(*places, where.first - part.count, where.first)
        shorter = part.count - 1 if part.count > 1 and not more and site.chance(0.3) else None
        site.move(part, to, *more, count=shorter)
        if site.chance(0.4):
            site.ask("anon", "counts")
        if site.chance(0.3):
            site.move(Range(to, part.count), part.first)
    site.ask("entries", "counts")


def move_failing(site: Site) -> None:
    """Let a move of part of a mapping fail, wherever it can; then do it."""
    where = site.clean(8, 2)
    source = Range(where.first, 4)
    sharing = site.one_of("PRIVATE", "PRIVATE", "SHARED")
    file = site.file("fx", 12) if site.chance(0.4) else None
    flags = ("LOCKED",) if site.chance(0.3) else ()
    site.map(source, "rw", sharing, *flags, file=file)
    if site.chance(0.3):
        site.map(Range(where.first + 5, 2), "rw", sharing, file=file, page=5)
    site.touch_some(source)
    points = ("page_table", "vma_dup", "vma_tree", "anon_vma_clone", "munmap_gather", "munmap_tree")
    point = site.one_of(*points, "vma_merge", "accounting")
    site.fail(point, site.one_of(0, 0, 1, 2))
    part, more = site.part(source), site.one_of((), (), ("DONTUNMAP",))
    count = part.count + site.one_of(0, 0, 0, 1)
    site.move(part, where.first + 5, *more, count=part.count if more else count)
    site.ask()
    site.calm(point)
    site.move(part, where.first + 5, *more, count=part.count if more else count)
    site.ask("counts", "entries")


def move_several(site: Site) -> None:
    """Move several mappings at once: with gaps, with one that is sealed, or to where some are."""
    where = site.clean(7, 8)
    more = site.one_of((), ("DONTUNMAP",), ("DONTUNMAP",))
    whole = site.chance(0.5)
    pieces = 0
    for page in range(where.first, where.end):
        if whole or site.chance(0.7):
            flags = ("LOCKED",) if site.chance(0.15) else ()
            prot = "rw" if page % 2 else site.one_of("r", "rx")
            site.map(Range(page, 1), prot, site.one_of("PRIVATE", "PRIVATE", "SHARED"), *flags)
            pieces += 1
    site.touch_some(where, 0.2)
    if site.chance(0.15):
        site.on("mseal", Range(where.first + 4, 1))
    if site.chance(0.5):
        site.limit("MAPS", len(site.layout.vmas) + pieces + site.one_of(3, 4, 5, 5, 6, 7))
    elif site.chance(0.4):
        site.map(Range(where.first - 8, 3), "r", "SHARED")
    part = where if site.chance(0.6) else site.part(where)
    site.move(part, where.first - 8, *more)
    site.ask("counts", "anon")
    site.no_limit("MAPS")
    site.move(Range(where.first - 8, 7), where.first)
    if site.chance(0.5):  # a range that ends in a gap, right behind which there is something
        for page in (0, 1, 2):
            site.map(Range(where.first + page, 1), "rw" if page else "r")
        site.munmap(Range(where.first + 1, 1))
        site.move(Range(where.first, 2), where.first - 8)
    site.ask("counts")


def moved_back(site: Site) -> None:
    """Move memory away, map beside where it was, and move it back: it continues its neighbours."""
    where = site.clean(6, 8)
    left, middle, right = (Range(where.first + 2 * place, 2) for place in range(3))
    file = site.file("fx", 12) if site.chance(0.4) else None
    site.map(middle, "rw", file=file, page=2)
    site.touch_some(middle, 0.7)
    more = ("DONTUNMAP",) if site.chance(0.3) else ()
    away = where.first - 7
    site.move(middle, away, *more)
    if site.chance(0.3):
        site.move(Range(away, 2), away + 3, "DONTUNMAP")
        site.map(Range(away + 2, 1), "rw", file=file, page=2)
        site.ask("anon")
        away += 3 * site.pick.randint(0, 1)
    for side, page in site.pick.sample(((left, 0), (right, 4)), site.pick.randint(1, 2)):
        site.map(side, "rw", file=file, page=page)
        site.touch_some(side, 0.2)
    point = site.one_of("anon_vma_clone", "vma_merge", "vma_dup")
    if site.chance(0.4):
        site.fail(point)
    for _ in range(2):
        site.move(Range(away, 2), middle.first)
        site.ask("anon")
    site.calm(point)
    site.ask("counts", "entries")


def locked_copy(site: Site) -> None:
    """Move part of locked memory and leave it where it was: the source is split first."""
    where = site.clean(8)
    source = Range(where.first, 4)
    site.map(source, "rw", "PRIVATE", "LOCKED")
    point = site.pick.choice(SPLITTING)
    site.fail(point, site.one_of(0, 0, 1, 1, 2))
    part = site.part(Range(source.first, 3))
    site.move(part, source.end + 1, "DONTUNMAP")
    site.ask("counts", "anon")
    site.calm(point)
    site.move(part, source.end + 1, "DONTUNMAP")
    site.ask("counts", "anon", "entries")


def grow_in_place(site: Site) -> None:
    """Grow a mapping into what is free behind it, up to what follows, or further."""
    where = site.clean(9)
    first, hole = Range(where.first, 3), site.pick.randint(1, 3)
    prot = site.one_of("rw", "rw", "r")
    file = site.file("fx", 12) if site.chance(0.4) else None
    sharing = site.one_of("PRIVATE", "PRIVATE", "SHARED")
    flags = ("LOCKED",) if site.chance(0.25) else ()
    after = Range(first.end + hole, 2)
    site.map(first, prot, sharing, *flags, file=file)
    page = after.first - first.first if site.chance(0.8) else 1
    site.map(after, prot, sharing, *flags, file=file, page=page)
    site.touch_some(first, 0.4)
    site.touch_some(after, 0.3)
    point = site.pick.choice(GROWING)
    if site.chance(0.5):
        site.fail(point)
    end = Range(first.first + site.one_of(0, 0, 1), 3)
    end = Range(end.first, first.end - end.first)
    grown = end.count + hole
    more = site.one_of((), (), ("MAYMOVE",))
    for count in site.pick.sample((grown, grown, grown + 1, grown - 1), 3):
        site.resize(end, max(count, 1), *more)
        if site.chance(0.4):
            site.ask("counts")
    site.calm(point)
    site.ask("counts", "anon")


def grow_refused(site: Site) -> None:
    """Ask mremap() for what it refuses: too much, nothing there, what can't be numbered."""
    where = site.clean(6)
    file = site.file("fx", 12)
    kind = site.pick.randrange(5)
    if kind == 0:
        site.map(Range(where.first, 2), "r", "SHARED", file=file, page=(1 << 51) - 3)
    elif kind == 1:
        site.map(Range(where.first, 2), "rw", site.one_of("SHARED", "PRIVATE"))
    else:
        site.map(Range(where.first, 2), "rw", "PRIVATE", file=site.one_of(file, None))
    mapped, more = Range(where.first, 2), site.one_of((), ("MAYMOVE",))
    tries: list[Plan] = [
        lambda: site.resize(Range(where.first, 1), 2, *more),
        lambda: site.resize(Range(where.first, 3), 4, *more),
        lambda: site.resize(Range(where.first + 3, 1), 2, *more),
        lambda: site.resize(Range(where.first + 3, 2), 1, *more),
        lambda: site.resize(Range(where.first, 0), 2, "MAYMOVE"),
        lambda: site.resize(Range(where.first, 0), 2),
        lambda: site.move(Range(where.first, 0), where.first + 3, count=2),
        lambda: site.move(Range(where.first + 1, 2), where.first + 3, count=3),
        lambda: site.move(Range(where.first, 3), where.first + 3, count=1),
        lambda: site.move(mapped, where.first + 1),
        lambda: site.move(mapped, where.first + 3, "DONTUNMAP", count=1),
        lambda: site.move(mapped, (BEYOND - site.address(0) >> PAGE_SHIFT) - site.one_of(1, 2)),
        lambda: site.move(mapped, (BEYOND - site.address(0) >> PAGE_SHIFT) + site.one_of(0, 1, 9)),
        lambda: site.resize(mapped, 0),
    ]
    for attempt in site.pick.sample(tries, 6):
        attempt()
    site.ask("counts")


def replaced(site: Site) -> None:
    """Map over several mappings, of which parts stick out; something fails, or nothing."""
    where = site.clean(9)
    for first, count in ((0, 3), (3, 2), (6, 3)):
        flags = ("LOCKED",) if site.chance(0.3) else ()
        part = Range(where.first + first, count)
        site.map(part, site.one_of("rw", "r"), site.one_of("PRIVATE", "SHARED"), *flags)
    site.touch_some(where, 0.4)
    points = ("vma_alloc", "vma_tree", "vma_dup", "munmap_gather", "accounting", "vma_merge")
    point = site.one_of(*points, "shmem", "anon_vma_clone")
    if site.chance(0.7):
        site.fail(point, site.one_of(0, 0, 1))
    over = Range(where.first + site.pick.randint(0, 3), site.pick.randint(3, 6))
    if site.chance(0.15):
        site.on("mseal", Range(where.first + 3, 1))
    sharing = site.one_of("PRIVATE", "PRIVATE", "SHARED")
    site.map(over, site.one_of("rw", "r"), sharing, file=site.one_of(None, site.file("fx", 12)))
    site.ask("counts", "entries")
    site.calm(point)
    site.map(over, "rw", sharing)
    site.ask("counts")


def unmapped(site: Site) -> None:
    """Unmap across several mappings, with a failure, a seal, or the limit of mappings."""
    where = site.clean(9)
    for first, count in ((0, 3), (3, 2), (6, 3)):
        flags = ("LOCKED",) if site.chance(0.3) else ()
        part = Range(where.first + first, count)
        site.map(part, site.one_of("rw", "r", "rwx"), site.one_of("PRIVATE", "SHARED"), *flags)
    site.touch_some(where, 0.4)
    point = site.one_of("vma_dup", "vma_tree", "munmap_gather", "munmap_tree", "anon_vma_clone")
    kind = site.pick.randrange(4)
    if kind < 2:
        site.fail(point, site.one_of(0, 0, 1, 2))
    elif kind == 2:
        site.limit("MAPS", len(site.layout.vmas) + site.pick.randint(0, 5))
    else:
        site.on("mseal", Range(where.first + site.one_of(0, 3, 6), 1))
    parts = [Range(where.first + 1, 1), Range(where.first + 1, 6), Range(where.first, 8)]
    parts.append(Range(where.first - 1, 1))  # nothing is there, and right behind it there is
    for part in site.pick.sample(parts, 3):
        site.munmap(part)
        site.ask("counts")
    site.no_limit("MAPS")
    site.calm(point)
    site.munmap(site.part(where))
    site.ask("counts", "anon")


def no_replace(site: Site) -> None:
    """Map what must not replace anything: over mappings, beside them, in a hole exactly."""
    where = site.clean(8)
    site.map(Range(where.first + 2, 2), "rw")
    site.map(Range(where.first + 5, 2), "rw")
    for first, count in site.pick.sample(
        ((0, 2), (0, 3), (4, 1), (4, 2), (3, 2), (2, 5), (7, 1), (6, 2), (0, 8)), 6
    ):
        at = Range(where.first + first, count)
        flags = ["PRIVATE", "FIXED_NOREPLACE"]
        site.on("mmap", at, file=None, prot="rw", flags=flags, offset=0)


def placed(site: Site) -> None:
    """Let the kernel choose addresses, with holes that fit exactly, not at all, and come anew."""
    if not site.devices:
        return
    pages = site.layout.pages
    site.munmap(Range(0, pages))
    begin, count = site.pick.randint(0, 2), site.pick.randint(1, 3)
    at = pages - site.pick.randint(0, 2)
    while at - count - 8 > begin:
        where = Range(at - count, count)
        site.map(where, "r", site.one_of("SHARED", "PRIVATE"))
        at -= count + site.pick.randint(1, 12)
    site.map(Range(begin, max(1, at - begin - site.one_of(0, 0, 2))))
    file = site.file("fr", 4, "rw", site.one_of("ramfs", "zero")) if site.chance(0.4) else None
    for _ in range(6):
        length = site.pick.choice((1, 2, 3, 5, 8, 12, 12, pages, pages + 1))
        last = max(0, pages - length)
        hint = site.pick.choice((0, 0, site.pick.randrange(last + 1), at - 1, last))
        inside = hint > 0 and hint + length <= pages  # no hint may lead out of the window
        addr = site.address(hint) + site.one_of(0, 0, 1) if inside else 0
        keys = {"file": file, "addr": addr, "len": length << PAGE_SHIFT, "prot": "r", "offset": 0}
        site.add("mmap", **keys, flags=[site.one_of("PRIVATE", "SHARED")])
        part = Range(site.pick.randrange(pages - 6), site.pick.randint(1, 5))
        kind = site.pick.randrange(6)
        if kind == 0:
            site.munmap(part)
        elif kind == 4:
            site.munmap(Range(pages - part.count, part.count))
        elif kind == 5:
            site.munmap(Range(0, pages))
        elif kind == 1:
            site.map(part, "r", "SHARED")
        if site.chance(0.4):
            site.resize(Range(at + site.pick.randint(0, 3), 1), length, "MAYMOVE")


def three_kinds(site: Site) -> None:
    """Make three neighbours one and several again, where some have pages, or a parent's."""
    where = site.clean(6)
    file = site.file("fx", 12) if site.chance(0.4) else None
    parts = [Range(where.first + 2 * place, 2) for place in range(3)]
    for place, part in enumerate(parts):
        page = 2 * place + site.one_of(0, 0, 0, 0, 1)
        site.map(part, "r" if place == 1 else "rw", file=file, page=page)
    if site.chance(0.3):
        site.mprotect(parts[1], "rw")
        site.mprotect(parts[1], "r")
    touched = site.pick.sample(parts, site.pick.randint(0, 3))
    for part in touched:
        site.mprotect(part, "rw")
        site.touch(part.first)
        if part is parts[1]:
            site.mprotect(part, "r")
        if site.chance(0.3):
            site.add("fork", **site.one_of({}, {"then": "child"}, {"then": "orphan"}))
    site.ask("anon")
    if site.chance(0.5):
        site.fail(site.one_of("vma_merge", "anon_vma_clone"))
    kind = site.pick.randrange(4)
    for _ in range(2):
        if kind == 0:
            site.map(parts[1], "rw", file=file, page=2)
        elif kind == 1:
            site.mprotect(Range(parts[1].first, site.one_of(1, 2)), "rw")
        elif kind == 2:
            site.mprotect(Range(parts[1].first + 1, 1), "rw")
        else:
            site.mprotect(where, site.one_of("rw", "r"))
        site.ask("anon", "entries")
    site.munmap(parts[1])
    site.map(parts[1], "rw", file=file, page=2)
    site.ask("anon", "counts", "entries")


def boundary(site: Site) -> None:
    """Shift the boundary of two neighbours to and fro: pages change hands, with their entries."""
    where = site.clean(8)
    left, right = Range(where.first, 4), Range(where.first + 4, 4)
    file = site.file("fx", 12) if site.chance(0.3) else None
    sharing = site.one_of("PRIVATE", "PRIVATE", "SHARED")
    there, back = site.one_of(
        (lambda at: site.mprotect(at, "r"), lambda at: site.mprotect(at, "rw")),
        (lambda at: site.advise(at, "DONTFORK"), lambda at: site.advise(at, "DOFORK")),
        (lambda at: site.advise(at, "RANDOM"), lambda at: site.advise(at, "NORMAL")),
        (lambda at: site.on("mlock", at), lambda at: site.on("munlock", at)),
    )
    site.map(where, "rw", sharing, file=file)
    site.touch_some(right, 0.7)
    if site.chance(0.5):
        site.touch_some(left, 0.5)
    there(right)
    if site.chance(0.2):
        site.fail(site.one_of("vma_merge", "anon_vma_clone"))
    edge = right.first
    for _ in range(3):
        to = site.pick.randint(where.first + 1, where.end - 1)
        change = back if to > edge else there
        change(Range(min(edge, to), max(1, abs(to - edge))))
        edge = to
        site.ask("entries", *site.one_of((), ("anon",)))
    back(right)
    site.ask("counts")


def many(site: Site) -> None:
    """Make so many mappings that a list of them has many parts; change several at once."""
    where = site.clean(14)
    if site.chance(0.5):
        where = Range(site.layout.pages - 14, 14)
        site.munmap(where)
    for page in range(where.first, where.end):
        if site.chance(0.7) or page > where.end - 4:
            site.map(Range(page, 1), "r" if page % 2 else "rw", site.one_of("SHARED", "PRIVATE"))
    for _ in range(2):
        site.munmap(Range(where.end - site.pick.randint(1, 2), 1))
        site.touch(where.first, "r")
        last = site.pick.randint(1, 4)
        site.map(Range(where.end - last, last), "rx", "SHARED")
    for _ in range(4):
        first = site.pick.randrange(where.first, where.end - 1)
        part = Range(first, site.pick.randint(1, where.end - first))
        kind = site.pick.randrange(5)
        if kind == 0:
            site.munmap(part)
        elif kind == 1:
            site.mprotect(part, site.one_of("rw", "r"))
        elif kind == 2:
            site.map(part, site.one_of("rw", "r"))
        elif kind == 3:
            site.on("mlock", part)
        else:
            site.advise(part, site.one_of("DONTFORK", "DOFORK"))
    site.ask("counts")
