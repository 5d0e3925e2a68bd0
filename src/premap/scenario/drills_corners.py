# SPDX-License-Identifier: GPL-2.0-only
"""Drills for corners that nothing else gets to: each draws plans, which leave little to chance.

A plan exists because a mistake planted in the model was found by nothing before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from premap.model.words import PAGE_SHIFT, PAGE_SIZE
from premap.scenario.aim import Range
from premap.scenario.site import Site

Plan = Callable[[Site], None]
NEARLY_ALL = (1 << 64) - PAGE_SIZE
"""A length (bytes) that brings every address to just below itself."""
MUCH = 1 << 47
"""A length (bytes) that no process has room for."""


def _draw(site: Site, plans: Sequence[Plan], count: int) -> None:
    """Carry out so many of the plans."""
    for plan in site.pick.sample(plans, count):
        plan(site)


def _ground(site: Site, count: int, beside: int = 1) -> Range:
    """Choose so many pages, and unmap what the plans before have left there, and beside them."""
    where = site.clean(count, beside)
    site.munmap(Range(where.first - beside, count + 2 * beside))
    return where


def _alone(site: Site) -> None:
    """Unmap the window, so that what is counted is the plan's own."""
    site.munmap(Range(0, site.layout.pages))


# Moves.


def _to_and_fro(site: Site) -> None:
    """Move pages by their own length, and back: what they continue then ends where they were."""
    where = _ground(site, 6)
    file = site.one_of(None, None, site.file("fx", 12))
    site.map(Range(where.first, 3), "rw", file=file)
    for page in range(where.first, where.first + 3):
        site.touch(page)
    last, away = Range(where.first + 2, 1), Range(where.first + 3, 1)
    site.move(last, away.first)
    site.move(away, last.first)
    site.ask("entries", "anon")
    site.touch(last.first)


def _onto_what_stays(site: Site) -> None:
    """Move over mappings that can't be unmapped; nothing has moved then."""
    where = _ground(site, 9)
    source, over = Range(where.first, 2), Range(where.first + 3, 5)
    site.map(source, "rw")
    site.touch(source.first)
    site.map(over, site.one_of("r", "rw"), "SHARED")
    point = site.one_of("munmap_gather", "munmap_tree", "vma_dup", "vma_tree")
    if site.chance(0.7):
        site.fail(point)
    else:
        site.on("mseal", Range(over.first + 1, 1))
    site.move(source, over.first + 1)
    site.ask("counts", "entries")
    site.calm(point)


def _beside_moved(site: Site) -> None:
    """Map beside pages that were moved, as the file goes on: pages written say where they were."""
    where = _ground(site, 8)
    file, sharing = site.file("fx", 12), site.one_of("PRIVATE", "PRIVATE", "SHARED")
    away = where.first + 3
    site.map(Range(where.first, 2), "rw", sharing, file=file, page=4)
    for page in site.one_of((0, 1), (0,), ()):
        site.touch(where.first + page)
    site.move(Range(where.first, 2), away)
    before = (Range(away - 2, 2), 2)
    after = (Range(away + 2, 2), 6)
    for side, page in site.pick.sample((before, after), 2):
        site.map(side, "rw", sharing, file=file, page=page)
    site.ask("anon")


def _many_at_once(site: Site) -> None:
    """Move many mappings that stay, up to the limit of mappings: it is met on the way."""
    count = site.pick.randint(5, 7)
    _alone(site)
    for page in range(count):
        flags = ("LOCKED",) if site.chance(0.3) else ()
        site.map(Range(page, 1), "r" if page % 2 else "rw", "PRIVATE", *flags)
    site.limit("MAPS", count + site.one_of(5, 5, 6, 6, 7))
    site.move(Range(0, count), 2 * count, "DONTUNMAP")
    site.ask("counts")
    site.no_limit("MAPS")


def _moved_guards(site: Site) -> None:
    """Move memory that has guards away and back, to where it continues memory without."""
    where = _ground(site, 8)
    low, high = Range(where.first, 2), Range(where.first + 2, 2)
    site.map(high, "rw")
    site.advise(Range(high.first, 1), "GUARD_INSTALL")
    site.move(high, where.first + 5)
    site.map(low, "rw")
    site.move(Range(where.first + 5, 2), high.first)
    site.ask("entries")
    site.mprotect(Range(where.first, 4), "r")


def _filed_together(site: Site) -> None:
    """Write to neighbours that differ in little, or in much: whose pages are filed together."""
    where = _ground(site, 6)
    low, high = Range(where.first, 2), Range(where.first + 2, 2)
    kind = site.pick.randrange(5)
    file = site.file("fx", 12) if kind in (1, 2, 3) else None
    page = site.one_of(3, 5) if kind == 2 else 2
    site.map(low, "rw", file=file)
    if kind == 4:
        high = Range(high.first + 1, 2)
    site.map(high, "rwx" if kind < 4 else "rw", file=None if kind == 3 else file, page=page)
    for part in site.pick.sample((low, high), 2):
        site.touch(part.first)
    site.ask("anon")
    site.mprotect(high, "rw")
    site.ask("anon")


def _bridged(site: Site) -> None:
    """Fill the gap between memory without pages and memory with some; it may fail to merge."""
    where = _ground(site, 6)
    gap, right = Range(where.first + 2, 2), Range(where.first + 4, 2)
    site.map(Range(where.first, 2), "rw")
    site.map(right, "rw")
    site.touch(right.first)
    if site.chance(0.6):
        site.fail(site.one_of("vma_merge", "vma_merge", "anon_vma_clone"))
    for _ in range(2):
        site.map(gap, "rw")
        site.ask("anon")
        site.munmap(gap)


MOVES: tuple[Plan, ...] = (
    _to_and_fro,
    _onto_what_stays,
    _beside_moved,
    _moved_guards,
    _filed_together,
    _bridged,
)


def moves(site: Site) -> None:
    """Move mappings, and make them one, at corners."""
    _draw(site, MOVES, 2)
    if site.chance(0.5):
        _many_at_once(site)


# Ranges and limits.


def _hole_in_heap(site: Site) -> None:
    """Shrink the data segment to where it has a hole, with a neighbour right at its end."""
    _alone(site)
    site.add("heap", addr=site.address(2))
    site.add("brk", addr=site.address(6))
    site.munmap(Range(4, 2))
    if site.chance(0.6):
        site.map(Range(6, 1), "r", "SHARED")
    site.add("brk", addr=site.address(5))
    site.ask("counts")
    site.add("brk", addr=site.address(3))
    site.add("brk", addr=site.address(6))
    site.ask("counts")


def _across_the_end(site: Site) -> None:
    """Map across the end of the data segment, then move the end within its page."""
    _alone(site)
    site.add("heap", addr=site.address(2))
    site.add("brk", addr=site.address(4) - 100)
    site.map(Range(3, 4), "r", "SHARED")
    site.add("brk", addr=site.address(4) - 50)
    site.add("brk", addr=site.address(4) - 200)


def _number_of_mappings(site: Site) -> None:
    """Have just as many mappings as there may be, or one too many."""
    _alone(site)
    site.map(Range(2, 3), "rw")
    site.map(Range(8, 3), "r", "SHARED")
    site.limit("MAPS", site.one_of(1, 2, 2, 2, 3))
    ways: list[Callable[[], None]] = [
        lambda: site.munmap(Range(4, 1)),
        lambda: site.munmap(Range(3, 4)),
        lambda: site.munmap(Range(2, 1)),
        lambda: site.munmap(Range(9, 1)),
        lambda: site.map(Range(12, 1), "rwx"),
        lambda: site.mprotect(Range(3, 1), "r"),
        lambda: site.add("heap", addr=site.address(20)),
    ]
    for way in site.pick.sample(ways, 3):
        way()
        site.ask("counts")
    site.add("heap", addr=site.address(20))
    site.add("brk", addr=site.address(21))
    site.ask("counts")
    site.no_limit("MAPS")


def _wrapping(site: Site) -> None:
    """Give lengths of nothing, of more than there is, and to just below where they begin."""
    where = _ground(site, 6)
    site.map(Range(where.first, 2), site.one_of("", "rw"))
    site.map(Range(where.first + 2, 2), "rw")
    addr = site.address(where.first + 1)
    site.add("mlock", addr=addr, len=0)
    site.add("munlock", addr=addr, len=0)
    site.add("mprotect", addr=addr + PAGE_SIZE, len=NEARLY_ALL, prot="r")
    site.add("munmap", addr=addr, len=MUCH)
    site.add("munmap", addr=addr, len=NEARLY_ALL)
    site.add("madvise", addr=addr, len=NEARLY_ALL, advice="DONTFORK")


def _below_a_stack(site: Site) -> None:
    """Protect, as part of a stack, what is right below it."""
    where = _ground(site, 5, 3)
    site.map(Range(where.first + 2, 2), "rw", "PRIVATE", "GROWSDOWN")
    site.on("mprotect", Range(where.first + 1, 1), prot="r", grows="down")
    site.on("mprotect", Range(where.first + 1, 2), prot="r", grows="down")


def _little_reserved(site: Site) -> None:
    """Commit to the limit in a process so large that a page is reserved, or just not."""
    if not site.devices or site.committed:
        return
    _alone(site)
    large = site.one_of(31, 32, 32, 33)
    site.map(Range(0, large), "r", "SHARED", file=site.file("fx", 12))
    if site.chance(0.6):
        site.limit("RESERVE", site.one_of(1, 2))
    left = site.pick.randint(2, 3)
    site.limit("COMMIT", left + 12)
    for page in range(left + 1):
        site.map(Range(large + 1 + 2 * page, 1), "rw")
    site.ask("counts")
    site.no_limit("COMMIT")
    site.limit("RESERVE", 0)


LIMITS: tuple[Plan, ...] = (
    _hole_in_heap,
    _across_the_end,
    _number_of_mappings,
    _little_reserved,
)
RANGES: tuple[Plan, ...] = (_wrapping, _below_a_stack)


def limits(site: Site) -> None:
    """Meet limits, and the end of the data segment, at corners."""
    _draw(site, LIMITS, 2)
    _draw(site, RANGES, 1)


# Memory and files.


def _unreadable_advised(site: Site) -> None:
    """Advise on memory that may not be accessed, or only written, to and fro."""
    where = _ground(site, 3)
    only_executed = "x" if site.devices else ""  # which some hosts lock, and others do not
    site.map(where, site.one_of("", "", "w", only_executed))
    pairs = (("DONTFORK", "DOFORK"), ("DONTDUMP", "DODUMP"), ("WIPEONFORK", "KEEPONFORK"))
    for pair in pairs:
        for advice in pair:
            site.advise(site.one_of(where, Range(where.first, 1)), advice)
    for advice in site.pick.sample(("RANDOM", "SEQUENTIAL", "NORMAL"), 3):
        site.advise(where, advice)


def _guarded(site: Site) -> None:
    """Install guards where memory runs out, populate over them, and merge what has some."""
    where = _ground(site, 6)
    site.map(where, "rw")
    site.mprotect(Range(where.first + 2, 2), "r")
    point = site.one_of("anon_vma", "anon_vma", "page_table")
    site.fail(point)
    site.advise(Range(where.first + 4, 1), "GUARD_INSTALL")
    site.ask("entries", "anon")
    site.calm(point)
    site.advise(Range(where.first + 4, 1), "GUARD_INSTALL")
    for advice in ("POPULATE_READ", "POPULATE_WRITE"):
        site.advise(site.one_of(where, Range(where.first + 4, 2)), advice)
    if site.chance(0.5):
        site.mprotect(Range(where.first + 2, 2), "rw")
    else:
        site.map(Range(where.first + 2, 2), "rw")
    site.ask("entries")


def _own_again(site: Site) -> None:
    """Write to pages that a fork shared and nobody else has any more: no page is needed."""
    where = _ground(site, 3)
    site.map(where, "rw")
    site.touch_some(where, 0.8)
    for _ in range(site.pick.randint(1, 2)):
        site.add("fork", **site.one_of({}, {}, {"then": "orphan"}))
    site.fail("page")
    site.advise(where, "POPULATE_WRITE")
    site.ask("entries")
    site.calm("page")


def _appended(site: Site) -> None:
    """Share a file that may only be appended to, with who can write and who can't; or executed."""
    where = _ground(site, 4)
    if not site.devices:
        return
    mode = site.one_of("r", "r", "rw")
    file = site.file(f"fa{mode}", 4, mode, "append")
    site.map(where, "r", "SHARED", file=file)
    other = site.file("fn", 4, "rw", "noexec")
    for prot in ("rx", "r"):
        site.map(where, prot, site.one_of("SHARED", "PRIVATE"), file=other)
    site.mprotect(where, "rx")


def _unsealed(site: Site) -> None:
    """Seal a file when nobody maps it to write any more: who merged, moved, forked is gone."""
    where = _ground(site, 6)
    file = site.file(f"fu{site.pick.randint(0, 2)}", 8, "rw", "memfd")
    if site.chance(0.3):
        site.add("seal", file=file, seals=[])
    first, second, third = (Range(where.first + place, 1) for place in range(3))
    for part in site.pick.sample((first, second, third), 3):
        site.map(part, "rw", "SHARED", file=file, page=part.first - where.first)
    kind = site.pick.randrange(4)
    if kind == 0:
        site.add("fork", then="orphan")
        site.add("seal", file=file, seals=["WRITE"])
    elif kind == 1:
        site.mprotect(second, "r")
        site.mprotect(second, "rw")
    elif kind == 2:
        site.move(second, where.first + 4)
        site.move(Range(where.first + 4, 1), second.first)
    site.munmap(where)
    site.add("seal", file=file, seals=["WRITE"])


MEMORY: tuple[Plan, ...] = (_unreadable_advised, _guarded, _own_again, _appended, _unsealed)


def memory(site: Site) -> None:
    """Advise on memory, populate it, and seal files, at corners."""
    _draw(site, MEMORY, 3)


# Devices.


def _overridden(site: Site) -> None:
    """Let an action, or `->mapped`, fail where the hook says what error that is to be."""
    where = _ground(site, 3)
    errors = (4095, 4096, 4094, 1)
    override = site.one_of("EIO", *((1 << 32) - error for error in errors))
    keys = {"vm_ops": ["mapped", "close"], "error_override": override}
    point = site.one_of("action", "mapped", "page_table")
    if point != "mapped" or site.chance(0.5):
        keys["action"] = {"kind": "remap_full", "page": 1}
    file = site.device("mmap_prepare", 31, **keys)
    site.fail(point)
    for _ in range(2):
        site.map(where, "rw", "SHARED", file=file)
    site.calm(point)
    site.ask("counts")


def _single_page(site: Site) -> None:
    """Insert a page at the end of a mapping, behind it, where one is, or without memory."""
    where = _ground(site, 3)
    start = PAGE_SIZE * site.one_of(0, 2, 3, 3)
    action = {"kind": "insert_page", "page": 2, "start": start}
    kind = site.pick.randrange(3)
    more = {"twice": True} if kind == 0 else {}
    file = site.device("mmap", 32, action=action, **more)
    if kind == 1:
        site.fail("page_table")
    site.map(where, "rw", "SHARED", file=file)
    site.ask("entries")
    site.calm("page_table")


def _lower_kinds(site: Site) -> None:
    """Call a lower hook that fails, or leaves the operations as they are."""
    where = _ground(site, 3)
    keys = site.one_of({"ret": "EINVAL"}, {}, {"set": ["DONTDUMP"]})
    lower = site.device("mmap_prepare", 33, **keys)
    more = {"filled": True} if site.chance(0.3) else {}
    ops = site.one_of(["open", "close"], ["fault", "close"], None)
    kept = site.one_of({}, {"kept": True})
    file = site.device("mmap", 34, lower=lower, vm_ops=ops, **more, **kept)
    sharing = "SHARED" if ops is None else site.one_of("SHARED", "PRIVATE")
    site.map(where, "rw", sharing, file=file)
    site.munmap(Range(where.first, 1))
    site.ask("counts")


def _asked_to_move(site: Site) -> None:
    """Grow a device's private mapping where it has no room, so that the device is asked."""
    where = _ground(site, 5)
    file = site.device("mmap_prepare", 35, area=True, asked=True)
    sharing = site.one_of("PRIVATE", "PRIVATE", "SHARED")
    site.map(Range(where.first, 2), "r", sharing, file=file)
    site.map(Range(where.first + 2, 1), "r", "SHARED")
    site.resize(Range(where.first, 2), 3, "MAYMOVE")
    site.move(Range(where.first, 2), where.first + 3, fixed=True)


def _numbers_end(site: Site) -> None:
    """Grow a mapping whose offsets are the last that there are."""
    where = _ground(site, 6)
    pgoff = (1 << 64) - site.one_of(2, 3, 4, 5)
    file = site.device(site.one_of("mmap_prepare", "mmap"), 36, pgoff=pgoff)
    site.map(Range(where.first, 2), "r", site.one_of("SHARED", "PRIVATE"), file=file)
    for count in (3, 4):
        site.resize(Range(where.first, 2), count)


def _told_in_a_child(site: Site) -> None:
    """Write to a device's pages, move them, and go on in a child: of which write one is told."""
    where = _ground(site, 8)
    keys = {"vm_ops": ["fault", "pfn_mkwrite"], "fault": "pfn", "set": ["PFNMAP"]}
    if site.mixed:
        return
    file = site.device(site.one_of("mmap_prepare", "mmap"), 37, **keys)
    part = Range(where.first, 3)
    site.map(part, "rw", "SHARED", file=file)
    site.touch(part.first)
    site.touch(part.first + 1, "r")
    if site.chance(0.6):
        site.mprotect(part, "r")
        site.move(part, where.first + 4)
        part = Range(where.first + 4, 3)
        site.mprotect(part, "rw")
        site.touch(part.first)
    if site.chance(0.7):
        site.add("fork", then=site.one_of("child", "orphan"), entries=True)
        if site.chance(0.5):
            site.touch(part.first)
        for prot in ("r", "rw"):
            site.mprotect(part, prot)
        for page in range(part.first, part.first + 2):
            site.touch(page)
    site.ask("entries")


DEVICES: tuple[Plan, ...] = (
    _overridden,
    _single_page,
    _lower_kinds,
    _asked_to_move,
    _numbers_end,
    _told_in_a_child,
)


def devices(site: Site) -> None:
    """Map devices at corners."""
    _draw(site, DEVICES, 3)


def stacks(site: Site) -> None:
    """Let the kernel choose addresses where a stack, and what is mapped below it, is in the way."""
    if not site.devices:
        return
    pages = site.layout.pages
    _alone(site)
    top = pages - site.pick.randint(2, 6)
    site.map(Range(top, 1), "rw", "PRIVATE", "GROWSDOWN")
    if site.chance(0.6):
        site.map(Range(top - site.pick.randint(4, 20), 2), "r", "SHARED")
    for count in (1, site.pick.randint(2, 12), 3):
        keys = {"file": None, "len": count << PAGE_SHIFT, "prot": "r", "offset": 0}
        site.add("mmap", **keys, addr=0, flags=["SHARED"])
        site.map(Range(top - site.pick.randint(1, 9), 2), "r", "SHARED")
    site.ask("counts")
