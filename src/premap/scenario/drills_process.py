# SPDX-License-Identifier: GPL-2.0-only
"""Drills with processes and files: forks that go on, and files of every kind."""

from __future__ import annotations

from premap.scenario.aim import Range
from premap.scenario.reader import Json
from premap.scenario.site import Site

FORKING = ("accounting", "vma_dup", "anon_vma", "anon_vma_clone", "page_table")


def generations(site: Site) -> None:
    """Go on in a child, and in its child; pages are written in between, parents may be gone."""
    where = site.clean(6)
    file = site.file("fx", 12) if site.chance(0.3) else None
    site.map(where, "rw", file=file)
    site.touch_some(where, 0.4, site.one_of("w", "w", "r"))
    for _ in range(site.pick.randint(3, 5)):
        then: Json = site.one_of({"then": "child"}, {"then": "orphan"}, {"then": "orphan"}, {})
        site.add("fork", **then, **({"entries": True} if site.devices else {}))
        kind = site.pick.randrange(9)
        part = site.part(where)
        if kind < 3:
            site.touch_some(part, 0.5, site.one_of("w", "w", "r"))
        elif kind == 3:
            site.mprotect(part, site.one_of("r", "rw"))
        elif kind == 4:
            site.advise(part, site.one_of("DONTNEED", "WIPEONFORK", "POPULATE_WRITE"))
        elif kind == 5:
            site.munmap(Range(part.first, 1))
            site.map(Range(part.first, 1), "rw", file=file, page=part.first - where.first)
        elif kind == 6:
            site.move(Range(part.first, 1), where.first - 1)
        elif kind == 7:
            site.on("mlock", part)
        site.ask("anon")
    site.touch_some(where)
    site.ask()


def separate_branches(site: Site) -> None:
    """Let parents go, and all of some mappings, split or not, so that their anon_vmas end."""
    where = site.clean(6)
    left, right = Range(where.first, 3), Range(where.first + 3, 3)
    site.map(where)
    for part in (left, right):
        site.touch(part.first + site.pick.randint(0, 2))
    if site.chance(0.5):  # two branches of one anon_vma, of which one ends, though it was split
        for part in (left, Range(left.first, 1)):
            site.add("fork", then="orphan")
            site.mprotect(part, "r" if part is left else "rw")
        site.munmap(left)
        site.ask("anon")
        site.add("fork", then="orphan")
        site.ask("anon")
        return
    if site.chance(0.7):
        site.advise(left, "RANDOM")
    for _ in range(site.pick.randint(2, 3)):
        site.add("fork", then=site.one_of("orphan", "orphan", "orphan", "child"))
        if site.chance(0.4):
            site.touch_some(site.one_of(left, right), 0.4)
        if site.chance(0.5):
            site.mprotect(Range(left.first + site.pick.randint(0, 2), 1), "r")
        kind = site.pick.randrange(4)
        if kind == 0:
            site.munmap(left)
        elif kind == 1:
            site.munmap(site.part(left))
        elif kind == 2:
            site.map(Range(left.first, 1))
            site.touch(left.first)
        site.ask("anon")
    site.munmap(left)
    site.add("fork", then="orphan")
    site.ask("anon")
    site.touch_some(right)
    site.ask("anon", "counts")


def only_children(site: Site) -> None:
    """Let every parent go at once, so that what it filed pages in may be taken over."""
    where = site.clean(3)
    site.map(where)
    site.touch(where.first)
    for _ in range(site.pick.randint(3, 6)):
        site.add("fork", then=site.one_of("orphan", "orphan", "orphan", "child"))
        if site.chance(0.4):
            site.touch(where.first + site.pick.randint(0, 2))
        site.ask("anon")
    site.touch_some(where)
    site.add("fork")
    site.ask()


def copied_pages(site: Site) -> None:
    """Write to what a child had, or a parent still has, where no page can be had for a copy."""
    where = site.clean(4)
    file = site.file("fx", 12) if site.chance(0.3) else None
    site.map(where, "rw", file=file)
    site.touch_some(where, 0.6)
    for _ in range(2):
        site.add(
            "fork", **site.one_of({}, {"then": "child"}, {"then": "child"}, {"then": "orphan"})
        )
        if site.chance(0.3):
            site.touch_some(where, 0.3)
        part = site.part(where)
        site.fail("page", site.one_of(0, 0, 1, 2))
        for _ in range(2):
            if site.chance(0.7):
                site.advise(part, "POPULATE_WRITE")
            else:
                site.on("mlock", part)
            site.ask("entries")
        site.calm("page")
        site.on("munlock", part)
    site.touch_some(where)
    for prot in ("r", "rw"):
        site.mprotect(where, prot)
    site.ask("entries", "anon")


def failing_forks(site: Site) -> None:
    """Let a fork fail at each point, after some mappings were copied; and go on in the next."""
    if not site.devices:
        return
    where = site.clean(10)
    ops = site.one_of(["open", "close"], ["open"], ["close"], ["open", "close", "fault"])
    device = site.device("mmap_prepare", vm_ops=ops, private_data=3)
    kinds = (
        ("PRIVATE", None, None),
        ("SHARED", None, None),
        ("SHARED", device, None),
        ("PRIVATE", device, None),
        ("PRIVATE", None, "DONTFORK"),
        ("PRIVATE", None, "WIPEONFORK"),
    )
    for place, (sharing, file, advice) in enumerate(site.pick.sample(kinds, 4)):
        at = Range(where.first + 2 * place, 2)
        site.map(at, "rw", sharing, file=file)
        if advice is not None:
            site.advise(at, advice)
    site.touch_some(where, 0.5)
    for _ in range(2):
        point = site.pick.choice(FORKING)
        site.fail(point, site.one_of(0, 0, 1, 2, 3))
        site.add("fork", **site.one_of({}, {"then": "child"}, {"then": "orphan"}))
        site.ask("counts", "anon")
        site.calm(point)
    site.add("fork", then=site.one_of("child", "orphan"), entries=True)
    site.ask()
    site.munmap(where)
    site.ask("counts")


def inherited(site: Site) -> None:
    """Go on in a child, and see what it has of locks, names, advice, limits, the data segment."""
    where = site.clean(10)
    left = Range(where.first, 4)
    site.map(left, "rw", *site.one_of(("PRIVATE",), ("PRIVATE", "LOCKED"), ("SHARED",)))
    for _ in range(3):
        kind = site.pick.randrange(7)
        part = site.part(left)
        if kind == 0:
            site.on("mlock", part, **site.one_of({}, {"onfault": True}))
        elif kind == 1 and site.devices:
            site.on("name", part, name="one")
        elif kind == 2:
            site.advise(part, site.one_of("DONTFORK", "WIPEONFORK", "DONTDUMP", "RANDOM"))
        elif kind == 3:
            site.advise(part, "GUARD_INSTALL")
        elif kind == 4:
            site.on("mseal", Range(left.first, 1))
        elif kind == 5 and site.devices:
            site.add("heap", addr=site.address(where.first + 5))
            site.add("brk", addr=site.address(where.first + 7))
        else:
            site.add("mlockall", flags=["FUTURE"])
    limit = site.one_of("AS", "DATA", "MAPS", None)
    if limit is not None:
        used = len(site.layout.vmas) if limit == "MAPS" else site.pages()
        site.limit(limit, used + site.pick.randint(5, 10))
    site.touch_some(left, 0.4)
    site.add("fork", then=site.one_of("child", "orphan"))
    site.ask("counts")
    site.map(Range(where.first + 8, 2))
    if site.devices and site.chance(0.5):
        site.add("brk", addr=site.address(where.first + site.pick.randint(5, 8)))
    site.touch_some(left, 0.4)
    site.mprotect(site.part(left), site.one_of("rw", "r"))
    site.munmap(site.part(left))
    if limit is not None:
        site.no_limit(limit)
    site.ask()


def file_kinds(site: Site) -> None:
    """Map files of every kind, in ways that they permit or not, and to their ends."""
    where = site.clean(6)
    for _ in range(2):
        kind = site.one_of(None, "memfd", *(_KINDS if site.devices else ()))
        modes = ("rw", "r", "w") if site.devices else ("rw", "r")
        mode = "rw" if kind in ("fifo", "zero") else site.pick.choice(modes)
        if kind == "append":  # such a file may be shared by those who can't write to it
            mode = site.one_of("rw", "r", "r")
        file = site.file(f"f{(kind or 'p')[:2]}{mode}", site.pick.randint(1, 3), mode, kind)
        for _ in range(2):
            part = site.part(where)
            sharing = site.one_of("SHARED", "SHARED", "PRIVATE", "SHARED_VALIDATE", "DROPPABLE")
            flags = site.one_of((), (), ("SYNC",), ("GROWSDOWN",), ("LOCKED",), ("POPULATE",))
            prot = site.one_of("rw", "r", "r", "rx", "w", "")
            last = (1 << 51) - part.count
            page = site.one_of(0, 0, 0, 1, 2, last, last - 1, (1 << 52) - 2)
            site.map(part, prot, sharing, *flags, file=file, page=page)
            if site.chance(0.6):
                site.mprotect(part, site.one_of("rw", "r", "rx"))
            site.touch_some(part, 0.4, site.one_of("r", "w"))
    if site.chance(0.5):
        site.add("fork")
    site.ask("counts")


_KINDS = ("noexec", "append", "zero", "ramfs", "fifo", "swap", "swap")


def sealed_file(site: Site) -> None:
    """Seal a file that is mapped, in ways that the seal forbids; then map it anew."""
    where = site.clean(6)
    file = site.file(f"fs{site.pick.randint(0, 2)}", 6, "rw", "memfd")
    left, right = Range(where.first, 2), Range(where.first + 3, 2)
    site.map(left, site.one_of("rw", "r"), site.one_of("SHARED", "SHARED", "PRIVATE"), file=file)
    seals = site.one_of(["WRITE"], ["FUTURE_WRITE"], ["WRITE", "FUTURE_WRITE"])
    site.add("seal", file=file, seals=seals)
    site.mprotect(left, site.one_of("rw", "r"))
    site.map(right, site.one_of("rw", "r"), site.one_of("SHARED", "SHARED", "PRIVATE"), file=file)
    site.mprotect(right, "rw")
    if site.chance(0.5):
        site.munmap(left)
        site.add("seal", file=file, seals=seals)
        site.map(right, "r", "SHARED", file=file)
        site.mprotect(right, site.one_of("rw", "rx"))
    site.touch_some(right, 0.5, "r")
    site.ask("counts")


def sealed_at_last(site: Site) -> None:
    """Try to seal a file as long as it may be written; what merges, splits and moves counts."""
    where = site.clean(8)
    file = site.file(f"fl{site.pick.randint(0, 2)}", 8, "rw", "memfd")
    prot, sharing = site.one_of("rw", "rw", "r"), site.one_of("SHARED", "SHARED", "PRIVATE")
    first, second = Range(where.first, 2), Range(where.first + 2, 2)
    site.map(first, prot, "SHARED", file=file)
    site.map(second, prot, sharing, file=file, page=2)
    for _ in range(2):
        part = site.part(Range(where.first, 4))
        kind = site.pick.randrange(5)
        if kind == 0:
            site.mprotect(part, site.one_of("r", "rw"))
        elif kind == 1:
            site.move(part, where.first + 5)
        elif kind == 2:
            site.munmap(part)
        elif kind == 3:
            site.map(part, "rw", "SHARED", file=file, page=part.first - where.first)
        else:
            site.add("fork")
    if site.chance(0.3):
        site.add("seal", file=file, seals=["WRITE"])
    site.munmap(where)
    if site.chance(0.3):
        site.map(first, site.one_of("r", "rw"), sharing, file=file)
    site.add("seal", file=file, seals=["WRITE"])
    site.map(first, "r", "SHARED", file=file)
    site.map(second, "rw", "SHARED", file=file)


def shared_memory(site: Site) -> None:
    """Share memory without a file: it may not be had, is paid for by the page, and is doubled."""
    where = site.clean(8)
    part = Range(where.first, 3)
    if site.chance(0.4):
        site.fail(site.one_of("shmem", "vma_tree", "vma_alloc", "accounting"))
    flags = site.one_of((), ("NORESERVE",), ("NORESERVE",), ("POPULATE",))
    site.map(part, "rw", "SHARED", *flags)
    site.ask("counts")
    site.map(part, "rw", "SHARED", *flags)
    site.touch_some(part)
    kind = site.pick.randrange(4)
    if kind == 0:
        site.move(Range(part.first, 0), where.first + 4, count=3)
        site.touch_some(Range(where.first + 4, 3))
    elif kind == 1:
        site.advise(part, site.one_of("DONTNEED", "WIPEONFORK", "FREE"))
    elif kind == 2:
        site.add("fork", **site.one_of({}, {"then": "orphan"}))
    site.touch_some(part)
    site.ask("counts", "entries")
    site.munmap(site.part(part))
    site.ask("counts")
