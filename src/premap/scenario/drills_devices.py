# SPDX-License-Identifier: GPL-2.0-only
"""Drills with devices: actions at the edges of mappings, hooks and callbacks that refuse."""

from __future__ import annotations

from premap.model.words import PAGE_SIZE
from premap.scenario.aim import Range
from premap.scenario.programmes import ERRNOS, KERNEL_PAGES, LEGACY, RANGES, WHOLE
from premap.scenario.reader import Json
from premap.scenario.site import Site
from premap.scenario.steps import DEVICE_PAGES

OPS: tuple[list[str], ...] = (
    ["open", "close", "mapped"],
    ["open", "close"],
    ["close"],
    ["open"],
    [],
)
HOOKS = ("mmap_prepare", "mmap")
ODD_ERRORS = (1, 4096, (1 << 32) - 4095, (1 << 32) - 4096, 1 << 31)
"""What `error_override` may be set to, as 32 bits, though it need not be an error."""


def _action(site: Site, hook: str, count: int) -> Json:
    """Return an action at an edge of a mapping of so many pages, or of the device."""
    kind = site.pick.choice((*RANGES, *WHOLE, "simple_ioremap", "map_kernel_pages", *LEGACY))
    if hook == "mmap_prepare" and kind in LEGACY:
        kind = "map_kernel_pages"
    page = site.pick.choice((0, 0, 1, 3))
    action: Json = {"kind": kind, "page": page}
    if kind in RANGES:
        start = site.pick.choice((0, 0, count - 1, *((1, count) if hook != "mmap" else ())))
        most = count - start if hook == "mmap" else DEVICE_PAGES - page
        pages = min(max(1, count - start + site.one_of(-1, 0, 0, 1)), max(1, most))
        action |= {"start": start * PAGE_SIZE, "size": pages * PAGE_SIZE}
    elif kind == "simple_ioremap":
        pages = min(DEVICE_PAGES - page, max(1, count + site.one_of(-1, 0, 0, 1, 2)))
        action["size"] = pages * PAGE_SIZE - site.one_of(0, 0, PAGE_SIZE // 2, 1, PAGE_SIZE - 1)
    elif kind in ("map_pages", "map_pages_zero"):
        action["pages"] = max(1, count + site.one_of(-1, 0, 0, 1))
    elif kind in ("insert_page", "map_kernel_pages"):
        action["start"] = PAGE_SIZE * site.pick.choice((0, 0, 1, count - 1, count, count + 1))
        if kind == "map_kernel_pages":
            action["pages"] = max(0, count + site.one_of(-2, -1, 0, 0, 1))
    return action


def actions(site: Site) -> None:
    """Let a hook fill its mapping up to its edges, and beyond; with an error of its own, or not."""
    where = site.clean(6)
    for _ in range(2):
        hook, count = site.pick.choice(HOOKS), site.pick.randint(1, 4)
        action = _action(site, hook, count)
        more: Json = {"vm_ops": site.pick.choice(OPS)}
        if site.chance(0.3):
            more["error_override"] = site.pick.choice((*ERRNOS, *ODD_ERRORS))
        if site.chance(0.2):
            more["hide_from_rmap"] = True
        if hook == "mmap" and action["kind"] in KERNEL_PAGES and site.chance(0.4):
            more |= {"twice": True, "left": True}
        if hook == "mmap" and site.chance(0.6):
            start = site.pick.randint(0, count)
            more["zap"] = {"start": start * PAGE_SIZE, "size": site.pick.randint(1, 3) * PAGE_SIZE}
        if site.chance(0.2):
            more["pgoff"] = site.one_of(0, 1, 2, 17, (1 << 52) - 1, (1 << 64) - 1)
        file = site.device(hook, 1, action=action, **more)
        last = (1 << 52) - count
        page = site.one_of(0, 0, 0, 0, 1, 2, DEVICE_PAGES, last, last - 1)
        if action["kind"] == "map_pages" and site.chance(0.5):
            page = max(0, action["pages"] - count + site.one_of(-1, 0, 0, 1))
        part = Range(where.first, count)
        prot, sharing = site.one_of("rw", "r"), site.one_of("SHARED", "SHARED", "PRIVATE")
        site.map(part, prot, sharing, file=file, page=page)
        site.ask("entries", "counts")
        site.touch(part.first, "r")
    site.move(Range(where.first, 1), where.first + 4)
    site.munmap(site.part(where))
    site.ask("entries")


def failing_actions(site: Site) -> None:
    """Let what comes after the hook fail, with what it has taken until then."""
    where = site.clean(5)
    hook = site.pick.choice(HOOKS)
    whole = {"kind": site.one_of("remap_full", "map_kernel_pages_full"), "page": 2}
    keys: Json = {"vm_ops": site.pick.choice(OPS), "private_data": 5}
    acts = site.chance(0.75)
    if acts:
        keys["action"] = whole
    if site.chance(0.6):
        keys["error_override"] = site.pick.choice(ERRNOS)
    if site.chance(0.3):
        keys["mapped_ret"] = site.pick.choice(ERRNOS)
    if site.chance(0.4):
        keys["mapped_data"] = site.one_of(0, 6)
    if site.chance(0.2):
        keys["hide_from_rmap"] = True
    file = site.device(hook, 2, **keys)
    part = Range(where.first, 3)
    if site.chance(0.5):
        site.map(Range(part.first + 1, 3), "rw", "PRIVATE")
        site.touch(part.first + 1)
    after = ("action", "page_table", "mapped") if acts else ("mapped",)
    point = site.one_of("vma_alloc", "vma_tree", "mmap_hook", *after, *after)
    site.fail(point)
    flags = site.one_of((), (), ("POPULATE",), ("LOCKED",))
    sharing = site.one_of("SHARED", "PRIVATE")
    for _ in range(2):
        site.map(part, "rw", sharing, *flags, file=file)
        site.ask("counts", "entries")
    site.munmap(where)
    site.ask("counts")


def merged_hooks(site: Site) -> None:
    """Let a device's mapping merge: with neighbours of its own, or fail to where memory ends."""
    where = site.clean(6)
    hook = site.pick.choice(HOOKS)
    file = site.device(hook, 3, vm_ops=site.pick.choice(OPS), private_data=1)
    sharing = site.one_of("SHARED", "PRIVATE")
    site.map(Range(where.first, 2), "rw", sharing, file=file)
    if site.chance(0.5):
        site.map(Range(where.first + 4, 2), "rw", sharing, file=file, page=4)
    keys = site.one_of({}, {}, {"set": ["DONTDUMP"]}, {"pgoff": 2}, {"pgoff": 3})
    site.device(hook, 3, vm_ops=site.pick.choice(OPS), private_data=2, **keys)
    if site.chance(0.4):
        site.fail(site.one_of("vma_merge", "vma_alloc", "vma_tree"))
    if site.chance(0.3):
        site.touch(where.first)
    site.map(Range(where.first + 2, 2), "rw", sharing, file=file, page=2)
    site.ask("counts", "anon")
    site.mprotect(site.part(where), "r")
    site.munmap(site.part(where))
    site.ask("counts")


def told_twice(site: Site) -> None:
    """Change a mapping that could join the one before it, but for a ->close that would not come."""
    where = site.clean(6)
    table = ["mprotect", *site.one_of(["close"], ["close"], ["open", "close"], [])]
    hook = site.pick.choice(HOOKS)
    special = site.one_of((), (), (), (), ("PFNMAP",), ("IO",))
    keys: Json = {"vm_ops": table, **({"set": list(special)} if special else {})}
    file = site.device(hook, 4, **keys)
    sharing = site.one_of("SHARED", "SHARED", "SHARED", "PRIVATE")
    prots = site.one_of(("r", "rw", "r"), ("rw", "r", "rw"), ("r", "rw", "rw"))
    for place, prot in enumerate(prots):
        page = 2 * place if site.chance(0.9) else 2 * place + 1
        site.map(Range(where.first + 2 * place, 2), prot, sharing, file=file, page=page)
    middle = Range(where.first + 2, 2)
    if site.chance(0.5):  # the mapping before it grows over a part: it is told once
        site.mprotect(Range(middle.first, 1), prots[0])
    if site.chance(0.3):
        site.device(hook, 4, **keys, mprotect_ret=site.pick.choice(ERRNOS))
    first = site.one_of(Range(middle.first, 1), Range(middle.first + 1, 1), where, middle)
    for part in (first, middle):
        site.mprotect(part, site.one_of("r", "rw"))
        site.mprotect(part, prots[0])
    site.on("mlock", middle)
    site.on("munlock", site.part(middle))
    for advice in ("RANDOM", "NORMAL"):
        site.advise(site.one_of(middle, middle, where), advice)
    site.ask("counts")


def refused(site: Site) -> None:
    """Let callbacks refuse a split or a move; pages go back where they were."""
    where = site.clean(8)
    hook = site.pick.choice(HOOKS)
    keys: Json = {"vm_ops": ["fault", "may_split", "mremap", *site.one_of(["close"], [])]}
    if site.chance(0.3):
        keys["set"] = site.one_of(["MIXEDMAP"], ["DONTEXPAND"], ["DONTDUMP"])
    file = site.device(hook, 5, **keys)
    part = Range(where.first, 4)
    sharing = site.one_of("PRIVATE", "PRIVATE", "SHARED")
    site.map(part, "rw", sharing, *site.one_of((), (), ("LOCKED",)), file=file)
    site.touch_some(part, 0.6, site.one_of("r", "w"))
    refusals = site.one_of(("mremap",), ("mremap",), ("may_split",), ("mremap", "may_split"))
    refusing = {f"{call}_ret": site.pick.choice(ERRNOS) for call in refusals}
    site.device(hook, 5, **keys, **refusing)
    for _ in range(2):
        source, more = site.part(part), site.one_of((), (), ("DONTUNMAP",))
        count = source.count + site.one_of(0, 0 if more else 1)
        site.move(source, part.end, *more, count=count)
        site.ask("entries", "counts")
    split = Range(part.first + 1, site.one_of(1, 3))
    for op in site.pick.sample(("munmap", "mlock", "madvise", "mprotect", "munlock"), 2):
        keys_of = {"madvise": {"advice": "DONTFORK"}, "mprotect": {"prot": "r"}}
        site.on(op, split, **keys_of.get(op, {}))
    site.device(hook, 5, **keys)
    site.move(part, part.end, *site.one_of((), ("DONTUNMAP",)))
    site.ask()


def moved_devices(site: Site) -> None:
    """Let the move of a device's mapping fail after its copy was opened; and count who has it."""
    where = site.clean(8)
    hook = site.pick.choice(HOOKS)
    table = site.one_of(["open", "close"], ["open", "close", "mremap", "fault"], ["fault", "close"])
    file = site.device(hook, 17, vm_ops=table, private_data=site.pick.randint(1, 5))
    part = Range(where.first, 3)
    site.map(part, "rw", site.one_of("PRIVATE", "SHARED"), file=file)
    site.touch_some(part, 0.5, site.one_of("r", "w"))
    for _ in range(2):
        point = site.one_of("vma_tree", "vma_tree", "vma_dup", "page_table", "anon_vma_clone")
        site.fail(point)
        source = site.part(part)
        site.move(source, part.end + 1, *site.one_of((), (), ("DONTUNMAP",)))
        site.ask("counts", "entries")
        site.calm(point)
    site.move(part, part.end + 1)
    site.ask()


def layered(site: Site) -> None:
    """Replace a mapping's file, with something failing after that; count who holds the files."""
    where = site.clean(6)
    lower = site.device("mmap_prepare", 6, vm_ops=site.pick.choice(OPS))
    hook = site.pick.choice(HOOKS)
    keys: Json = {"vm_file": lower, "vm_ops": site.pick.choice(OPS)}
    if site.chance(0.3):
        keys["mapped_ret"] = site.pick.choice(ERRNOS)
    file = site.device(hook, 7, **keys)
    points = ("vma_alloc", "vma_tree", "mapped", "vma_merge", "mmap_hook", "vma_dup")
    for place in range(2):
        if site.chance(0.6):
            site.fail(site.pick.choice(points))
        part = Range(where.first + 2 * place, 2)
        site.map(part, "rw", site.one_of("SHARED", "PRIVATE"), file=file, page=2 * place)
        site.ask("counts")
    if site.chance(0.5):
        site.map(Range(where.first + 4, 2), "rw", "SHARED", file=lower, page=4)
    site.touch_some(where, 0.3)
    site.move(Range(where.first, 1), where.first + 5)
    site.munmap(site.part(where))
    site.ask("counts")


def compat(site: Site) -> None:
    """Call a lower hook from a legacy one, in both ways; it changes, fills, or refuses."""
    where = site.clean(6)
    for _ in range(2):
        count = site.pick.randint(1, 3)
        keys: Json = {"vm_ops": site.one_of(["open", "close", "mapped"], ["mapped"], ["fault"], [])}
        if site.chance(0.5):
            keys["action"] = _action(site, "mmap_prepare", count)
        choices: Json = {
            "set": site.one_of(["DONTDUMP"], ["DONTEXPAND"], ["DONTCOPY"]),
            "clear": ["MAYWRITE"],
            "pgoff": site.pick.randint(1, 9),
            "private_data": 7,
            "mapped_data": 8,
            "prot": "noncached",
            "mapped_ret": site.pick.choice(ERRNOS),
            "error_override": site.pick.choice(ERRNOS),
            "ret": site.pick.choice(ERRNOS),
        }
        rare = {"ret": 0.1, "mapped_ret": 0.25}
        for key, value in choices.items():
            if site.chance(rare.get(key, 0.35)):
                keys[key] = value
        filled = site.chance(0.5)
        if not filled and site.chance(0.2):
            keys["hide_from_rmap"] = True
        if site.chance(0.5) and "action" not in keys:
            keys["vm_file"] = site.device("mmap_prepare", 18, vm_ops=site.pick.choice(OPS))
        lower = site.device("mmap_prepare", 8 + filled, **keys)
        more: Json = {"vm_ops": site.pick.choice(OPS), **({"filled": True} if filled else {})}
        if site.chance(0.3):
            more["kept"] = True
        file = site.device("mmap", 8 + filled, lower=lower, **more)
        if site.chance(0.3):
            site.fail(site.one_of("page_table", "mapped", "vma_tree", "action"))
        part = Range(where.first, count)
        site.map(part, "rw", site.one_of("SHARED", "PRIVATE"), file=file)
        site.ask("entries", "counts")
        site.touch(part.first, "r")
        site.mprotect(part, site.one_of("r", "rw"))
    site.munmap(where)
    site.ask("counts")


def faults(site: Site) -> None:
    """Read and write pages that a device gives, in each way; it is told of writes, or refuses."""
    where = site.clean(5)
    hook = site.pick.choice(HOOKS)
    way = site.one_of("page", "page", "pfn", *(("mixed", "mixed") if site.mixed else ()))
    both = ["page_mkwrite", "pfn_mkwrite"]
    told = [] if site.mixed else site.one_of(both, both, ["pfn_mkwrite"], [])
    table = ["fault", *told]
    keys: Json = {"vm_ops": table, "fault": way}
    if way == "pfn":
        keys["set"] = ["PFNMAP", *site.one_of([], ["IO"])]
    elif way == "mixed" and site.chance(0.6):  # without, each access is SIGBUS
        keys["set"] = ["MIXEDMAP"]
    if site.chance(0.3):
        keys["clear"] = site.one_of(["MAYWRITE"], ["MAYREAD"], ["SHARED"], ["SHARED"])
    number = {"page": 10, "pfn": 11, "mixed": 19}[way]
    file = site.device(hook, number, **keys)
    sharing = site.one_of("SHARED", "SHARED", "PRIVATE")
    page = site.one_of(0, 0, 3, DEVICE_PAGES - 2)
    site.map(where, site.one_of("rw", "r", "rw"), sharing, file=file, page=page)
    site.touch_some(where, 0.7, site.one_of("r", "r", "w"))
    if site.chance(0.5):
        site.device(hook, number, **keys, mkwrite="SIGBUS")
    site.touch_some(where, 0.7)
    site.ask("entries")
    site.device(hook, number, **keys)
    site.touch_some(where, 0.5)
    for prot in ("r", "rw"):  # of what was written before, nobody is told again
        site.mprotect(where, prot)
    site.touch_some(where, 0.5)
    for _ in range(2):
        site.mprotect(site.part(where), site.one_of("rw", "r", ""))
        site.touch_some(where, 0.4, site.one_of("r", "w"))
    kind = site.pick.randrange(-1, 4)
    if kind <= 0:
        site.add("fork", entries=True, **site.one_of({}, {"then": "child"}, {"then": "orphan"}))
        site.touch_some(where, 0.3)
        for prot in ("r", "rw"):
            site.mprotect(where, prot)
        site.ask("entries")
        site.touch_some(where, 0.5)
    elif kind == 1:
        advice = site.one_of("DONTNEED", "POPULATE_READ", "POPULATE_WRITE")
        site.advise(where if site.chance(0.5) else site.part(where), advice)
    elif kind == 2:
        site.on("mlock", where)
    site.ask("entries", "anon")


def first_writes(site: Site) -> None:
    """Write what was read, or not; the device is told first, and refuses it at times."""
    if site.mixed:
        faults(site)
        return
    where = site.clean(5)
    hook = site.pick.choice(HOOKS)
    way = site.one_of("page", "page", "pfn")
    keys: Json = {"vm_ops": ["fault", "page_mkwrite", "pfn_mkwrite"], "fault": way}
    if way == "pfn":
        keys["set"] = ["PFNMAP"]
    elif site.chance(0.3):
        keys["clear"] = ["SHARED"]
    file = site.device(hook, 26 + (way == "pfn"), **keys)
    site.map(where, "rw", "SHARED", file=file, page=site.one_of(0, 2))
    if site.chance(0.7):
        site.touch_some(where, 0.6, "r")
    for _ in range(2):
        site.device(hook, 26 + (way == "pfn"), **keys, mkwrite="SIGBUS")
        site.touch_some(where, 0.5)
        part = site.part(where)
        site.on(
            **site.one_of(
                {"op": "mlock", "where": part},
                {"op": "madvise", "where": part, "advice": "POPULATE_WRITE"},
                {"op": "madvise", "where": part, "advice": "POPULATE_READ"},
            )
        )
        site.ask("entries")
        site.device(hook, 26 + (way == "pfn"), **keys)
        site.touch_some(where, 0.4)
        site.mprotect(site.part(where), "r")
        site.mprotect(where, "rw")
    site.touch_some(where)
    site.ask("entries")


def ranges(site: Site) -> None:
    """Map physical ranges and arrays of pages: just all of them, too much, or from their ends."""
    where = site.clean(4)
    for _ in range(3):
        hook, count = site.pick.choice(HOOKS), site.pick.randint(1, 3)
        of_array = hook == "mmap" and site.chance(0.4)
        offset, more = site.pick.randint(0, 3), site.one_of(-1, 0, 0, 1)
        pages = max(0, count + offset + more)
        action: Json = {"page": site.one_of(0, 2, DEVICE_PAGES - max(1, pages))}
        if of_array:
            action |= {"kind": site.one_of("map_pages", "map_pages", "map_pages_zero")}
            action["pages"] = pages
        else:
            within = site.one_of(0, 0, 1, PAGE_SIZE // 2, PAGE_SIZE - 1)
            size = max(0, pages * PAGE_SIZE - within - site.one_of(0, 0, 1, PAGE_SIZE - 1))
            if site.chance(0.25):
                size = (1 << 64) - site.one_of(1, PAGE_SIZE // 2, PAGE_SIZE, PAGE_SIZE)
                within = site.one_of(0, 0, within)
            action |= {"kind": "simple_ioremap", "size": size, "within": within}
        keys: Json = {"action": action, "vm_ops": site.one_of([], None, ["close"])}
        if site.chance(0.3):
            keys["pgoff"] = site.one_of(offset, offset + 1, pages + 1)
        file = site.device(hook, 21, **keys)
        part, sharing = Range(where.first, count), site.one_of("SHARED", "SHARED", "PRIVATE")
        if keys["vm_ops"] is None:
            sharing = "SHARED"
        site.map(part, site.one_of("rw", "r"), sharing, file=file, page=offset)
        site.ask("entries")
    endless: Json = {"kind": "simple_ioremap", "page": 1, "size": (1 << 64) - PAGE_SIZE}
    file = site.device(site.pick.choice(HOOKS), 21, action=endless)
    site.map(Range(where.first, 1), "rw", "SHARED", file=file)
    site.munmap(where)


def ends(site: Site) -> None:
    """Fault in what ends, or can't be given, after some pages: who asks asks again, or not."""
    where = site.clean(7)
    hook, count = site.pick.choice(HOOKS), site.pick.randint(2, 4)
    file = site.device(hook, 28, vm_ops=["fault"])
    if site.chance(0.3):
        file = site.file("fx", 12)
    last = DEVICE_PAGES if file != "fx" else 12
    sharing = site.one_of("SHARED", "PRIVATE")
    part = Range(where.first, count + 1)
    for _ in range(3):
        page = last - site.pick.randint(0, count)
        flags = site.one_of((), (), ("POPULATE",), ("LOCKED",))
        site.map(part, site.one_of("rw", "rw", "r"), sharing, *flags, file=file, page=page)
        if site.chance(0.5):
            site.map(Range(part.end, 1), "rw", "PRIVATE")
        whole = Range(where.first, count + site.one_of(1, 1, 2))
        if site.chance(0.6):
            site.advise(whole, site.one_of("POPULATE_READ", "POPULATE_WRITE"))
        else:
            site.on("mlock", whole)
        site.ask("entries")
    site.munmap(where)


def without_operations(site: Site) -> None:
    """Fill a mapping that has no operations at all; who may write changes, and so do entries."""
    where = site.clean(5)
    part = Range(where.first, 3)
    for sharing in site.pick.sample(("SHARED", "SHARED", "PRIVATE"), 2):
        hook = site.pick.choice(HOOKS)
        remaps = ("remap_full", "ioremap_full") if sharing == "SHARED" else ()
        kind = site.one_of(*remaps, "map_kernel_pages_full", None)
        keys: Json = {} if kind is None else {"action": {"kind": kind, "page": 1}}
        if site.chance(0.4):
            pages = kind is None or kind.startswith("map")
            keys["clear"] = site.one_of(["MAYWRITE"], *(([["SHARED"]] * 2) if pages else ()))
        file = site.device(hook, 22, vm_ops=None, **keys)
        prot = site.one_of("rw", "r")
        site.map(part, prot, sharing, *site.one_of((), (), ("LOCKED",), ("POPULATE",)), file=file)
        site.ask("entries")
        for change in ("r", "rw"):
            site.mprotect(site.part(part), change)
            site.touch_some(part, 0.5, site.one_of("r", "w"))
        site.ask("entries", "counts")
        kind = site.pick.randrange(4)
        if kind == 0:
            site.add("fork", entries=True)
        elif kind == 1:
            site.move(Range(part.first, 1), part.end + 1)
        elif kind == 2:
            site.advise(part, site.one_of("DONTNEED", "FREE", "WIPEONFORK", "POPULATE_WRITE"))
    site.munmap(where)
    site.ask("counts")


def inserted(site: Site) -> None:
    """Insert pages where some are already, or were; and say how many were not inserted."""
    where = site.clean(6)
    for _ in range(3):
        count = site.pick.randint(2, 4)
        kind = site.one_of("map_kernel_pages", "map_kernel_pages_full")
        action: Json = {"kind": kind, "page": site.one_of(0, 3)}
        if kind == "map_kernel_pages":
            action["start"] = PAGE_SIZE * site.one_of(0, 0, 1)
            action["pages"] = max(0, count + site.one_of(-2, -1, 0, 0, 1))
        first, pages = site.pick.randrange(count), site.pick.randint(1, 3)
        keys: Json = {"zap": {"start": first * PAGE_SIZE, "size": pages * PAGE_SIZE}}
        more: Json = {"left": True, "twice": site.chance(0.7), "vm_ops": site.pick.choice(OPS)}
        file = site.device("mmap", 23, action=action, **(keys if site.chance(0.7) else {}), **more)
        if site.chance(0.2):
            site.fail("page_table", site.one_of(0, 1))
        site.map(Range(where.first, count), "rw", site.one_of("SHARED", "PRIVATE"), file=file)
        site.ask("entries")
        site.calm("page_table")


def unreadable(site: Site) -> None:
    """Populate what a hook made of a mapping: not to be read, or nobody's to fault in."""
    where = site.clean(4)
    kinds: tuple[tuple[list[str] | None, str, list[str]], ...] = (
        (["fault"], "SHARED", ["MAYREAD"]),
        (["fault"], "PRIVATE", ["MAYREAD", "MAYWRITE"]),
        ([], "SHARED", ["MAYWRITE"]),
        (None, "PRIVATE", ["MAYWRITE"]),
        (None, "PRIVATE", ["MAYREAD"]),
    )
    for ops, sharing, clear in site.pick.sample(kinds, 2):
        file = site.device(site.pick.choice(HOOKS), 12, clear=clear, vm_ops=ops)
        flags = site.one_of((), ("POPULATE",), ("LOCKED",))
        site.map(where, site.one_of("w", "w", "rw", "r", "x", ""), sharing, *flags, file=file)
        for _ in range(2):
            part, kind = site.part(where), site.pick.randrange(5)
            if kind < 2:
                site.on("mlock", part)
            elif kind == 2:
                site.advise(part, site.one_of("POPULATE_READ", "POPULATE_WRITE"))
            elif kind == 3:
                site.mprotect(part, site.one_of("rw", "r", ""))
            else:
                site.touch(part.first, site.one_of("r", "w"))
        site.ask("entries", "anon")


def cached(site: Site) -> None:
    """End a hook with the kernel's own for files, on a file with a page cache or without one."""
    where = site.clean(4)
    has = site.chance(0.7)
    keys: Json = {
        "generic": site.one_of("any", "any", "readonly"),
        "accessed": True,
        **({"cached": True} if has else {}),
    }
    hook = site.pick.choice(HOOKS)
    if site.chance(0.3):
        of_lower = {"cached": True} if site.chance(0.7) else {}
        lower = site.device("mmap_prepare", 13, accessed=True, **of_lower)
        table = site.one_of([], ["open", "close"])
        file = site.device(hook, 14, vm_file=lower, generic=keys["generic"], vm_ops=table)
    else:
        keys |= site.one_of({}, {"vm_ops": ["open", "close"]})
        file = site.device(hook, 15, **keys)
    for _ in range(2):
        prot, sharing = site.one_of("rw", "r"), site.one_of("SHARED", "PRIVATE")
        site.map(where, prot, sharing, file=file)
        site.touch(where.first, site.one_of("r", "w"))
        site.mprotect(where, site.one_of("rw", "r"))
    site.ask("counts", "entries")


def chosen(site: Site) -> None:
    """Map devices that are asked where they go; move several mappings, of which one is theirs."""
    where = site.clean(8)
    sync = site.chance(0.6)
    asked: Json = {"area": True, "asked": True} if site.chance(0.7) else {}
    file = site.device(site.pick.choice(HOOKS), 16, sync=sync, **asked)
    for flags in (("SYNC",), site.one_of((), ("SYNC", "LOCKED"), ("SYNC", "DENYWRITE"))):
        sharing = site.one_of("SHARED_VALIDATE", "SHARED_VALIDATE", "SHARED", "PRIVATE")
        site.map(Range(where.first, 1), "r", sharing, *flags, file=file)
    parts = [Range(where.first, 2), Range(where.first + 2, 1), Range(where.first + 4, 1)]
    site.pick.shuffle(parts)
    for place, part in enumerate(parts):
        if place:
            site.map(part, "rw", "SHARED")
        else:
            site.map(part, "rw", "SHARED", file=file)
    site.move(Range(where.first, site.one_of(2, 3, 5)), where.first - 1 if site.chance(0.2) else 0)
    if site.devices:
        addr = site.one_of(0, site.address(where.first + 6), site.address(where.first))
        keys = {"file": file, "addr": addr, "len": 2 * PAGE_SIZE, "prot": "r", "offset": 0}
        site.add("mmap", **keys, flags=["SHARED"])
        site.add("mmap", **(keys | {"len": site.layout.pages * PAGE_SIZE}), flags=["SHARED"])
        site.resize(parts[0], 4, "MAYMOVE")
    site.ask("counts")
