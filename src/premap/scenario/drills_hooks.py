# SPDX-License-Identifier: GPL-2.0-only
"""Drills with devices for corners that nothing else gets to. They leave little to chance.

Each is here because a mistake planted in the model was found by nothing before.
"""

from __future__ import annotations

from collections.abc import Callable

from premap.model.words import PAGE_SIZE
from premap.scenario.aim import Range
from premap.scenario.numbers import GROUPS
from premap.scenario.site import Site


def overridden(site: Site) -> None:
    """Let an action, or `->mapped`, fail where the hook says what error that is to be."""
    where = site.fresh(3)
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


def single_page(site: Site) -> None:
    """Insert a page at the end of a mapping, behind it, where one is, or without memory."""
    where = site.fresh(3)
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


def lower_kinds(site: Site) -> None:
    """Call a lower hook that fails, or leaves the operations as they are."""
    where = site.fresh(3)
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


def asked_to_move(site: Site) -> None:
    """Grow a device's private mapping where it has no room, so that the device is asked."""
    where = site.fresh(5)
    file = site.device("mmap_prepare", 35, area=True, asked=True)
    sharing = site.one_of("PRIVATE", "PRIVATE", "SHARED")
    site.map(Range(where.first, 2), "r", sharing, file=file)
    site.map(Range(where.first + 2, 1), "r", "SHARED")
    site.resize(Range(where.first, 2), 3, "MAYMOVE")
    site.move(Range(where.first, 2), where.first + 3, fixed=True)


def numbers_end(site: Site) -> None:
    """Grow a mapping whose offsets are the last that there are."""
    where = site.fresh(6)
    pgoff = (1 << 64) - site.one_of(2, 3, 4, 5, 1 << 20, 1 << 20)
    file = site.device(site.one_of("mmap_prepare", "mmap"), 36, pgoff=pgoff)
    site.map(Range(where.first, 2), "r", site.one_of("SHARED", "PRIVATE"), file=file)
    for count in (3, 4):
        site.resize(Range(where.first, 2), count)


def told_in_a_child(site: Site) -> None:
    """Write to a device's pages, move them, and go on in a child: of which write one is told."""
    where = site.fresh(8)
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


def beyond_the_array(site: Site) -> None:
    """Map from a page array from its last page on, from its end, or further; or without memory."""
    where = site.fresh(3)
    keys = {"kind": "map_pages", "page": 1, "pages": 3}
    file = site.device("mmap", 38, action=keys)
    if site.chance(0.3):
        site.fail("page_table")
    for page in site.pick.sample((0, 1, 2, 3, 4, 5), 4):
        site.map(Range(where.first, 2), "r", "SHARED", file=file, page=page)
    site.ask("entries")
    site.calm("page_table")


def within_a_page(site: Site) -> None:
    """Map I/O memory that begins within a page: its last bytes take one page more."""
    where = site.fresh(3)
    size, within = PAGE_SIZE * site.one_of(1, 2), site.one_of(1, 100, PAGE_SIZE - 1)
    action = {"kind": "simple_ioremap", "page": 1, "size": size, "within": within}
    for hook in ("mmap_prepare", "mmap"):
        file = site.device(hook, 39, action=action, vm_ops=[])
        for count in site.pick.sample((1, 2, 3), 2):
            site.map(Range(where.first, count), "rw", "SHARED", file=file)
        site.ask("entries")


def written_once(site: Site) -> None:
    """Write to one page of several that were mapped together: one is told once of each."""
    where = site.fresh(3)
    if site.mixed:
        return
    action = {"kind": "remap_full", "page": 2}
    keys = {"action": action, "vm_ops": ["pfn_mkwrite"]}
    file = site.device(site.one_of("mmap_prepare", "mmap"), 40, **keys)
    site.map(where, "rw", "SHARED", file=file)
    for page in (0, 2, 1, 0):
        site.touch(where.first + page)
    site.ask("entries")


def not_to_be_written(site: Site) -> None:
    """Populate memory of a device's that may not be written, though it seems so."""
    where = site.fresh(2)
    file = site.device(site.one_of("mmap_prepare", "mmap"), 41, vm_ops=None, clear=["MAYWRITE"])
    site.map(where, "rw", "PRIVATE", file=file)
    site.on("mlock", where)
    site.advise(where, "POPULATE_WRITE")
    site.ask("entries")


def last_offsets(site: Site) -> None:
    """Map a device's last pages that an offset can say, where it has no sign, or may have one."""
    where = site.fresh(2)
    for place, unsigned in ((42, True), (43, False)):
        file = site.device(site.one_of("mmap_prepare", "mmap"), place, unsigned=unsigned)
        for left in (2, 3, 1):
            site.map(where, "r", "SHARED", file=file, page=(1 << 52) - left)


def numbers(site: Site) -> None:
    """Ask for what the kernel calls things by."""
    for group in GROUPS:
        site.add("numbers", of=group)


DRILLS: tuple[Callable[[Site], None], ...] = (
    overridden,
    single_page,
    lower_kinds,
    asked_to_move,
    numbers_end,
    told_in_a_child,
    beyond_the_array,
    within_a_page,
    written_once,
    not_to_be_written,
    last_offsets,
    numbers,
)
