# SPDX-License-Identifier: GPL-2.0-only
"""What the format does not allow in a scenario that is to be compared between machines.

The kernel does not check some of it, so a scenario that breaks these rules can bring one down; the
rest is where machines differ, or where an address is the kernel's own choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from premap.model.words import PAGE_SIZE
from premap.scenario.reader import Json, number
from premap.scenario.steps import DEVICE_PAGES, MKWRITE

FATAL = frozenset({"anon_vma", "page", "page_table"})
"""Points of injected failures that an access could meet."""
WRAPPING = (1 << 64) - PAGE_SIZE
"""Sizes (bytes) from which on a physical range wraps, wherever the device's pages lie."""
ASKING = frozenset({"fail", "counts", "entries", "anon"})
"""Steps that make no page."""
COMMITTING = frozenset({"COMMIT", "RAM"})
"""Limits that all pay for who commit memory, the rest of the process too."""
_REMAPS = ("remap", "ioremap", "remap_full", "ioremap_full", "simple_ioremap")


def comparable(vma: Json | None, access: str) -> bool:
    """Say whether every machine treats an access to a mapping alike."""
    if vma is None:
        return True
    flags = vma["flags"]
    if access == "w":
        return "wr" not in flags or "mw" in flags
    return "rd" in flags or not ("wr" in flags or "ex" in flags)


def broken_rule(
    steps: Sequence[Json], results: Sequence[Json], *, placed: bool = False
) -> str | None:
    """Return what a scenario does that is not allowed, or None.

    `results` are those of any backend: they say what was mapped, and which addresses were granted.
    `placed`: the kernel chooses addresses in the window, as the model does, so that it may.
    """
    programmes: dict[str, Json] = {}
    vmas: list[Json] = []
    armed: set[str] = set()
    process: set[str] = set()
    told: set[str] = set()
    seen: set[str] = set()
    for step, result in zip(steps, results, strict=False):
        op = step["op"]
        if op == "device":
            programmes[step["name"]] = step
            rule = _programme(step) or _told_of_writes(step, told)
        elif op == "mmap":
            granted = _granted(step, step["addr"], result, placed=placed)
            rule = _mmap(step, programmes) or granted
        elif op == "mremap":
            moved = "DONTUNMAP" in step["flags"] and "MAYMOVE" in step["flags"]
            wanted = step["new_addr"] if moved else step["addr"]
            rule = _granted(step, wanted, result, placed=placed)
        elif op in ("touch", "peek"):
            rule = _access(step, vmas) or _fatal(armed)
        else:
            rule = None
        if op == "fork" and half_shared(vmas):
            rule = "a mapping that a hook made private: the kernel asserts that no copy is written"
        rule = rule or _beyond(step, process) or _batched(step, armed, seen)
        if op == "fail":
            (armed.discard if step.get("never") else armed.add)(step["point"])
        if rule is not None:
            return f"{op}: {rule}"
        if op != "fork" or "then" in step:
            vmas = result["vmas"]
        if op == "fork":
            seen.add("fork")
        if has_locked(vmas):
            seen.add("lock")
    return None


def has_locked(vmas: Sequence[Json]) -> bool:
    """Say whether any mapping is locked."""
    return any("lo" in vma["flags"] for vma in vmas)


def half_shared(vmas: Sequence[Json]) -> bool:
    """Say whether a hook took SHARED from a mapping that is shared, and writing makes copies.

    After a fork, a write to a copy is handled as one to shared memory, and with CONFIG_DEBUG_VM
    the kernel stops in fault_dirty_shared_page() (mm/memory.c): the page is anonymous.
    """
    return any({"ms", "mw"} <= set(vma["flags"]) and "sh" not in vma["flags"] for vma in vmas)


def _batched(step: Json, armed: set[str], seen: set[str]) -> str | None:
    """Return a rule for pages that were locked: for a while, the kernel may hold them itself."""
    if step["op"] not in ASKING and "page" in armed and {"fork", "lock"} <= seen:
        return "whether a page that was locked is copied, or is one's own after a fork"
    return None


def _beyond(step: Json, process: set[str]) -> str | None:
    """Return a rule for what concerns more than the window; notes what was done to the process."""
    op = step["op"]
    if op == "heap":
        process.add(op)
    elif op == "brk" and "heap" not in process:
        return "the program's own data segment"
    elif op == "limit":
        process.add(step["of"])
    elif op == "mlockall" and "CURRENT" in step["flags"]:
        process.add(op)
    elif op in ("fork", "file") and not process.isdisjoint(COMMITTING):
        return "memory is committed for more than what lies in the window"
    if {"MEMLOCK", "mlockall"} <= process:
        return "more is locked than what lies in the window"
    return None


def _programme(step: Json) -> str | None:
    action = step.get("action")
    if action is None:
        return None
    kind, page, flags = action["kind"], number(action["page"]), step.get("set", ())
    if kind in _REMAPS and "MIXEDMAP" in flags:
        return "MIXEDMAP for a remap"
    if kind in _REMAPS and step.get("twice"):
        return "a remap where there is one"
    if kind not in _REMAPS and "PFNMAP" in flags:
        return "PFNMAP for kernel pages"
    size = number(action.get("size", 0)) + number(action.get("pages", 0)) * PAGE_SIZE
    size += number(action.get("within", 0))
    if kind == "simple_ioremap" and number(action["size"]) >= WRAPPING:
        size = 0  # whatever there is, the kernel refuses a range that wraps
    if page >= DEVICE_PAGES or page * PAGE_SIZE + size > DEVICE_PAGES * PAGE_SIZE:
        return "pages that the device has not"
    if kind in ("remap", "ioremap") and size == 0:
        return "a remap of nothing"
    return None


def _mmap(step: Json, programmes: dict[str, Json]) -> str | None:
    wrong = misled(step["file"], programmes)
    if wrong is not None:
        return wrong
    rules = (_populated(step, each) for each in reached(step["file"], programmes))
    return next((rule for rule in rules if rule is not None), None)


def misled(name: str | None, programmes: Mapping[str, Json]) -> str | None:
    """Return what the programmes that run for a mapping of a device do wrong together, or None."""
    steps = reached(name, programmes)
    if any(step.get("filled") for step in steps) and any(
        step.get("hide_from_rmap") for step in steps[1:]
    ):
        return "hide_from_rmap with __compat_vma_mmap(), which unlocks what is not locked"
    remapped = any(step.get("action", {}).get("kind") in _REMAPS for step in steps)
    if remapped and any("MIXEDMAP" in step.get("set", ()) for step in steps):
        return "MIXEDMAP for a remap"
    return None


def reached(name: str | None, programmes: Mapping[str, Json]) -> list[Json]:
    """Return the programmes that run for a mapping of a device: its own, and a lower one."""
    first = programmes.get(name or "")
    if first is None:
        return []
    lower = programmes.get(first.get("lower", ""))
    return [first] if lower is None else [first, lower]


def _populated(step: Json, programme: Json) -> str | None:
    action = programme.get("action")
    length = -(-number(step["len"]) // PAGE_SIZE) * PAGE_SIZE
    if action is None or length >= 1 << 47:
        return None
    bare = "vm_ops" in programme and programme["vm_ops"] is None
    private = "PRIVATE" in step["flags"] or "SHARED" in programme.get("clear", ())
    if bare and private and action["kind"] in _REMAPS:
        return "a private remap without operations, which is taken for memory when it moves"
    if action["kind"].endswith("_full"):
        beyond = number(action["page"]) * PAGE_SIZE + length > DEVICE_PAGES * PAGE_SIZE
        return "pages that the device has not" if beyond else None
    if programme["hook"] == "mmap" and action["kind"] in ("remap", "ioremap"):
        beyond = number(action["start"]) + number(action["size"]) > length
        return "a remap beyond the mapping" if beyond and length else None
    return None


def _told_of_writes(step: Json, told: set[str]) -> str | None:
    """Return a rule for what is told of first writes: machines differ in mixed mappings."""
    told |= MKWRITE & set(step.get("vm_ops") or ())
    if step.get("fault") == "mixed":
        told.add("mixed")
    mixed = "mixed" in told and bool(told & MKWRITE)
    return "first writes to what vmf_insert_mixed() maps" if mixed else None


def _granted(step: Json, wanted: int | str, result: Json, *, placed: bool) -> str | None:
    ret = result.get("ret")
    if "FIXED" in step["flags"] or not isinstance(ret, int):
        return None
    if placed and any(vma["start"] <= ret < vma["end"] for vma in result["vmas"]):
        return None
    page = number(wanted) & -PAGE_SIZE
    return None if ret == page else "an address of the kernel's choice"


def _access(step: Json, vmas: list[Json]) -> str | None:
    address = number(step["addr"])
    vma = next((each for each in vmas if address < each["end"]), None)
    if vma is not None and address < vma["start"] and "gd" not in vma["flags"]:
        vma = None
    if comparable(vma, step.get("access", "r")):
        return None
    return "an access that machines treat differently"


def _fatal(armed: set[str]) -> str | None:
    """Return a rule for accesses: a process that can't be given a page is killed."""
    return "an access that might meet an injected failure" if armed & FATAL else None
