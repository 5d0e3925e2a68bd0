# SPDX-License-Identifier: GPL-2.0-only
"""Drills for corners that nothing else gets to. They leave little to chance.

Each is here because a mistake planted in the model was found by nothing before.
"""

from __future__ import annotations

from collections.abc import Callable

from premap.model.words import PAGE_SHIFT, PAGE_SIZE
from premap.scenario.aim import Range
from premap.scenario.site import Site

Plan = Callable[[Site], None]
NEARLY_ALL = (1 << 64) - PAGE_SIZE
"""A length (bytes) that brings every address to just below itself."""
MUCH = 1 << 47
"""A length (bytes) that no process has room for."""


def to_and_fro(site: Site) -> None:
    """Move pages by their own length, and back: what they continue then ends where they were."""
    where = site.fresh(6)
    file = site.one_of(None, None, site.file("fx", 12))
    site.map(Range(where.first, 3), "rw", file=file)
    for page in range(where.first, where.first + 3):
        site.touch(page)
    last, away = Range(where.first + 2, 1), Range(where.first + 3, 1)
    site.move(last, away.first)
    site.move(away, last.first)
    site.ask("entries", "anon")
    site.touch(last.first)


def onto_what_stays(site: Site) -> None:
    """Move over mappings that can't be unmapped; nothing has moved then."""
    where = site.fresh(9)
    source, over = Range(where.first, 2), Range(where.first + 3, 5)
    site.map(source, "rw")
    site.touch(source.first)
    site.map(over, site.one_of("r", "rw"), "SHARED")
    point = site.one_of("munmap_gather", "munmap_tree", "vma_dup", "vma_tree")
    if site.chance(0.7):
        site.fail(point)
    else:
        site.on("mseal", Range(over.first + 1, 1))
    more = site.one_of(0, 0, 1)  # of one length, all of a range moves; of two, one mapping
    site.move(source, over.first + 1, count=source.count + more)
    site.ask("counts", "entries")
    site.calm(point)


def beside_moved(site: Site) -> None:
    """Map beside pages that were moved, as the file goes on: pages written say where they were."""
    where = site.fresh(8)
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


def many_at_once(site: Site) -> None:
    """Move many mappings that stay, up to the limit of mappings: it is met on the way."""
    count = site.pick.randint(5, 7)
    site.empty()
    for page in range(count):
        flags = ("LOCKED",) if site.chance(0.3) else ()
        site.map(Range(page, 1), "r" if page % 2 else "rw", "PRIVATE", *flags)
    site.limit("MAPS", count + site.one_of(5, 5, 6, 6, 7))
    site.move(Range(0, count), 2 * count, "DONTUNMAP")
    site.ask("counts")
    site.no_limit("MAPS")


def moved_guards(site: Site) -> None:
    """Move memory that has guards away and back, to where it continues memory without."""
    where = site.fresh(8)
    low, high = Range(where.first, 2), Range(where.first + 2, 2)
    site.map(high, "rw")
    site.advise(Range(high.first, 1), "GUARD_INSTALL")
    site.move(high, where.first + 5)
    site.map(low, "rw")
    site.move(Range(where.first + 5, 2), high.first)
    site.ask("entries")
    site.mprotect(Range(where.first, 4), "r")


def filed_together(site: Site) -> None:
    """Write to neighbours that differ in little, or in much: whose pages are filed together."""
    where = site.fresh(6)
    low, high = Range(where.first, 2), Range(where.first + 2, 2)
    kind = site.pick.randrange(5)
    file = site.file("fx", 12) if kind in (1, 2, 3) else None
    page = site.one_of(3, 5) if kind == 2 else 2
    site.map(low, "rw", file=file)
    if kind == 4:
        high = Range(high.first + 1, 2)
    site.map(high, "rwx" if kind < 4 else "rw", file=None if kind == 3 else file, page=page)
    first, second = site.pick.sample((low, high), 2)
    site.touch(first.first)
    if site.chance(0.3):
        site.add("fork", then="child")
    if site.chance(0.3):
        site.mprotect(high, "rw")
        site.ask("anon")
    site.touch(second.first)
    site.ask("anon")
    site.mprotect(high, "rw")
    site.ask("anon")


def filed_above(site: Site) -> None:
    """Write to memory, and then to what is below it, which may be accessed in other ways."""
    where = site.fresh(5)
    low, high = Range(where.first, 2), Range(where.first + 2, 2)
    file = site.one_of(None, None, site.file("fx", 12))
    site.map(low, "rw", file=file)
    site.map(high, "rwx", file=site.one_of(file, file, None), page=2)
    site.touch(high.first)
    site.touch(low.first)
    site.ask("anon")


def nowhere_to_go(site: Site) -> None:
    """Copy memory to a place of the kernel's choice, where there is none."""
    if not site.devices:
        return
    pages = site.layout.pages
    site.empty()
    site.map(Range(0, 2), "rw")
    site.touch(0)
    site.map(Range(2, pages - 2), "r", "SHARED")
    site.move(Range(0, 2), 4, "DONTUNMAP", fixed=False)
    site.ask("counts")
    site.empty()


def bridged(site: Site) -> None:
    """Fill the gap between memory without pages and memory with some; it may fail to merge."""
    where = site.fresh(6)
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


def locked_beside(site: Site) -> None:
    """Grow locked memory up to a neighbour that is not: its pages are no business of that."""
    where = site.fresh(6)
    site.map(Range(where.first, 2), "rw", "PRIVATE", "LOCKED")
    site.map(Range(where.first + 3, 2), site.one_of("rw", "r"))
    site.resize(Range(where.first, 2), 3)
    site.ask("entries", "counts")


def split_for_nothing(site: Site) -> None:
    """Take writing from a part of memory that nobody touched, where it can't be split."""
    where = site.fresh(4)
    site.map(where, "rw")
    point = site.one_of("vma_dup", "vma_tree")
    site.fail(point)
    site.mprotect(Range(where.first + 1, 2), "r")
    site.ask("counts")
    site.calm(point)


def hole_in_heap(site: Site) -> None:
    """Shrink the data segment to where it has a hole, with a neighbour right at its end."""
    site.empty()
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
    site.munmap(Range(6, 2))
    site.limit("AS", site.one_of(3, 4, 5))
    site.add("brk", addr=site.address(8))
    site.no_limit("AS")
    site.ask("counts")


def across_the_end(site: Site) -> None:
    """Map across the end of the data segment, then move the end within its page."""
    site.empty()
    site.add("heap", addr=site.address(2))
    site.add("brk", addr=site.address(4) - 100)
    site.map(Range(3, 4), "r", "SHARED")
    site.add("brk", addr=site.address(4) - 50)
    site.add("brk", addr=site.address(4) - 200)


def number_of_mappings(site: Site) -> None:
    """Have just as many mappings as there may be, or one too many."""
    site.empty()
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


def wrapping(site: Site) -> None:
    """Give lengths of nothing, of more than there is, and to just below where they begin."""
    where = site.fresh(6)
    site.map(Range(where.first, 2), site.one_of("", "rw"))
    site.map(Range(where.first + 2, 2), "rw")
    addr = site.address(where.first + 1)
    site.add("mlock", addr=addr, len=0)
    site.add("munlock", addr=addr, len=0)
    for length in (NEARLY_ALL, (1 << 64) - 1):
        site.add("mprotect", addr=addr + PAGE_SIZE, len=length, prot="r")
        site.add("mprotect", addr=addr, len=length, prot="r")
    site.add("munmap", addr=addr, len=MUCH)
    site.add("munmap", addr=addr, len=NEARLY_ALL)
    site.add("madvise", addr=addr, len=NEARLY_ALL, advice="DONTFORK")
    keys = {"file": site.file("fx", 12), "addr": addr, "len": NEARLY_ALL, "prot": "r"}
    site.add("mmap", **keys, flags=["SHARED", "FIXED"], offset=1 << 40)


def below_a_stack(site: Site) -> None:
    """Protect, as part of a stack, what is right below it."""
    where = site.fresh(5, 3)
    site.map(Range(where.first + 2, 2), "rw", "PRIVATE", "GROWSDOWN")
    site.on("mprotect", Range(where.first + 1, 1), prot="r", grows="down")
    site.on("mprotect", Range(where.first + 1, 1), prot="r", grows="up")
    site.on("mprotect", Range(where.first + 1, 2), prot="r", grows="down")


def all_but_one(site: Site) -> None:
    """Lock everything, where the first mapping can't be faulted in."""
    site.empty()
    site.map(Range(2, 1), "")
    site.map(Range(4, 2), "rw")
    site.add("mlockall", flags=["CURRENT"])
    site.ask("entries", "counts")
    site.add("munlockall")


def whole_window(site: Site) -> None:
    """Fill what is free to the last page, and one page more."""
    if not site.devices:
        return
    pages = site.layout.pages
    for count in site.pick.sample((pages, pages, pages + 1), 2):
        site.empty()
        keys = {"file": None, "addr": 0, "len": count << PAGE_SHIFT, "prot": "r", "offset": 0}
        site.add("mmap", **keys, flags=["SHARED"])
    site.empty()


def little_reserved(site: Site) -> None:
    """Commit to the limit in a process so large that a page is reserved, or just not."""
    file = site.file("fx", 12)
    site.empty()
    large = site.one_of(31, 32, 32, 33)
    site.map(Range(0, large), "r", "SHARED", file=file)
    if site.chance(0.6):
        site.limit("RESERVE", site.one_of(1, 2))
    left = site.pick.randint(2, 3)
    site.limit("COMMIT", left + 12)
    for page in range(left + 1):
        site.map(Range(large + 1 + 2 * page, 1), "rw")
    site.ask("counts")
    site.no_limit("COMMIT")
    site.limit("RESERVE", 0)


def unreadable_advised(site: Site) -> None:
    """Advise on memory that may not be accessed, or only written, to and fro."""
    where = site.fresh(3)
    only_executed = "x" if site.devices else ""  # which some hosts lock, and others do not
    site.map(where, site.one_of("", "", "w", only_executed))
    pairs = (("DONTFORK", "DOFORK"), ("DONTDUMP", "DODUMP"), ("WIPEONFORK", "KEEPONFORK"))
    for pair in pairs:
        for advice in pair:
            site.advise(site.one_of(where, Range(where.first, 1)), advice)
    for advice in site.pick.sample(("RANDOM", "SEQUENTIAL", "NORMAL"), 3):
        site.advise(where, advice)


def guarded(site: Site) -> None:
    """Install guards where memory runs out, populate over them, and merge what has some."""
    where = site.fresh(6)
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


def own_again(site: Site) -> None:
    """Write to pages that a fork shared and nobody else has any more: no page is needed."""
    where = site.fresh(3, 2)
    site.map(where, "rw")
    site.touch(where.first)
    site.touch(where.first + 1)
    if site.chance(0.4):  # a fork that fails has shared what it came to
        site.map(Range(where.end, 1), "rwx")
        site.fail(site.one_of("vma_dup", "accounting", "anon_vma_clone"), 1)
    for _ in range(site.pick.randint(1, 2)):
        site.add("fork", **site.one_of({}, {}, {"then": "orphan"}))
    for point in ("vma_dup", "accounting", "anon_vma_clone"):
        site.calm(point)
    site.fail("page")
    site.advise(where, "POPULATE_WRITE")
    site.ask("entries")
    site.calm("page")


def appended(site: Site) -> None:
    """Share a file that may only be appended to, with who can write and who can't; or executed."""
    where = site.fresh(4)
    if not site.devices:
        return
    mode = site.one_of("r", "r", "rw")
    file = site.file(f"fa{mode}", 4, mode, "append")
    site.map(where, "r", "SHARED", file=file)
    other = site.file("fn", 4, "rw", "noexec")
    for prot in ("rx", "r"):
        site.map(where, prot, site.one_of("SHARED", "PRIVATE"), file=other)
    site.mprotect(where, "rx")


def unsealed(site: Site) -> None:
    """Seal a file when nobody maps it to write any more: who merged, moved, forked is gone."""
    where = site.fresh(6)
    file = site.file(f"fu{site.pick.randint(0, 2)}", 8, "rw", "memfd")
    if site.chance(0.3):
        site.add("seal", file=file, seals=[])
    first, second, third = (Range(where.first + place, 1) for place in range(3))
    for part in site.pick.sample((first, second, third), 3):
        site.map(part, "rw", "SHARED", file=file, page=part.first - where.first)
    kind = site.pick.randrange(5)
    if kind == 0:
        site.add("fork", then="orphan")
        site.add("seal", file=file, seals=["WRITE"])
    elif kind == 3:
        site.move(second, where.first + 4)
        site.munmap(Range(where.first, 3))
        site.add("seal", file=file, seals=["WRITE"])
    elif kind == 1:
        site.mprotect(second, "r")
        site.mprotect(second, "rw")
    elif kind == 2:
        site.move(second, where.first + 4)
        site.move(Range(where.first + 4, 1), second.first)
    site.munmap(where)
    site.add("seal", file=file, seals=["WRITE"])


def no_shared_memory(site: Site) -> None:
    """Share /dev/zero, or memory, where there is none for it."""
    where = site.fresh(3)
    file = site.file("fz", 4, "rw", "zero") if site.devices else None
    site.fail("shmem")
    for _ in range(2):
        site.map(where, "rw", "SHARED", file=file)
        site.ask("counts")
    site.calm("shmem")


def guards_beside(site: Site) -> None:
    """Make memory one with what is before it, beside guards that it does not become one with."""
    where = site.fresh(6)
    low, middle, high = (Range(where.first + 2 * place, 2) for place in range(3))
    site.map(low, "rw")
    site.map(middle, "r")
    site.map(high, site.one_of("rwx", "rwx", "rw"))
    site.advise(Range(high.first, 1), "GUARD_INSTALL")
    site.mprotect(middle, "rw")
    site.mprotect(high, "r")


def stacks(site: Site) -> None:
    """Let the kernel choose addresses where a stack, and what is mapped below it, is in the way."""
    if not site.devices:
        return
    pages = site.layout.pages
    site.empty()
    top = pages - site.pick.randint(2, 6)
    site.map(Range(top, 1), "rw", "PRIVATE", "GROWSDOWN")
    if site.chance(0.6):
        site.map(Range(top - site.pick.randint(4, 20), 2), "r", "SHARED")
    for count in (1, site.pick.randint(2, 12), 3):
        keys = {"file": None, "len": count << PAGE_SHIFT, "prot": "r", "offset": 0}
        site.add("mmap", **keys, addr=0, flags=["SHARED"])
        site.map(Range(top - site.pick.randint(1, 9), 2), "r", "SHARED")
    site.ask("counts")


def shrunk_on_the_way(site: Site) -> None:
    """Move memory and shrink it, where what is given up can't be unmapped."""
    where = site.fresh(8)
    source = Range(where.first, 3)
    site.map(source, "rw")
    site.touch(source.first)
    point = site.one_of("munmap_gather", "munmap_tree", "vma_dup", "vma_tree")
    site.fail(point)
    for _ in range(2):
        site.move(source, where.first + 4, count=2)
        site.ask("counts", "entries")
        site.calm(point)


def across_what_was_found(site: Site) -> None:
    """Map across the place where the last search ended, and let the kernel search again."""
    if not site.devices:
        return
    pages = site.layout.pages
    count, top = site.pick.randint(4, 8), pages - site.pick.randint(12, 20)
    keys = {"file": None, "addr": 0, "len": count << PAGE_SHIFT, "prot": "r", "offset": 0}
    site.empty()
    site.map(Range(top, pages - top), "r", "SHARED")
    site.add("mmap", **keys, flags=["SHARED"])
    site.munmap(Range(top - count, count))
    site.map(Range(top - site.pick.randint(1, 3), 5), "rx", "SHARED")
    site.add("mmap", **keys, flags=["SHARED"])
    site.empty()


def apart_in_a_child(site: Site) -> None:
    """Change, in a child, what it has from its parent, beside memory of its own."""
    where = site.fresh(6, 2)
    old, new = Range(where.first, 2), Range(where.first + 2, 2)
    site.map(old, "rw")
    site.touch(old.first)
    site.add("fork", then=site.one_of("child", "orphan"))
    site.map(new, "rw")
    for prot in ("r", "rw"):
        site.mprotect(old, prot)
    site.move(new, where.first + 4)
    site.move(old, new.first)
    site.map(old, "rw")
    site.move(new, where.end)
    site.ask("anon")


ON_HOST: tuple[Plan, ...] = (
    to_and_fro,
    beside_moved,
    moved_guards,
    filed_together,
    filed_above,
    bridged,
    locked_beside,
    wrapping,
    below_a_stack,
    all_but_one,
    unreadable_advised,
    own_again,
    unsealed,
    apart_in_a_child,
    guards_beside,
)
"""Those that mean something without devices, failures and limits."""

DRILLS: tuple[Plan, ...] = (
    *ON_HOST,
    onto_what_stays,
    many_at_once,
    nowhere_to_go,
    split_for_nothing,
    hole_in_heap,
    across_the_end,
    number_of_mappings,
    whole_window,
    little_reserved,
    guarded,
    appended,
    no_shared_memory,
    stacks,
    shrunk_on_the_way,
    across_what_was_found,
)
