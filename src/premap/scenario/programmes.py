# SPDX-License-Identifier: GPL-2.0-only
"""Random programmes for the hooks of devices, within what the format allows.

The kernel does not check that pages exist or, for `->mmap`, that a remap stays within its mapping:
a programme comes with the lengths of mapping it is good for.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct

from premap.model.words import PAGE_SIZE
from premap.scenario.reader import Json
from premap.scenario.steps import DEVICE_PAGES, GENERIC, WAYS

ERRNOS = ("EINVAL", "ENOMEM", "EAGAIN", "EBUSY", "ENXIO", "EIO", "ENODEV", "EPERM")
FLAGS = (
    *("DONTDUMP", "DONTEXPAND", "DONTCOPY", "IO", "SEQ_READ", "RAND_READ", "NORESERVE"),
    *("NOHUGEPAGE", "HUGEPAGE", "MERGEABLE", "SYNC", "WIPEONFORK", "ARCH_1"),
)
TABLES: tuple[list[str], ...] = (
    [],
    ["open"],
    ["open", "close"],
    ["close", "fault"],
    ["fault"],
    ["open", "fault"],
    ["mapped"],
    ["open", "mapped"],
    ["open", "close", "mapped"],
    ["open", "close", "mapped", "fault"],
)
TOLD: tuple[list[str], ...] = (
    ["fault", "page_mkwrite"],
    ["fault", "pfn_mkwrite"],
    ["open", "fault", "page_mkwrite", "pfn_mkwrite"],
)
"""Tables that are told of first writes."""
REFUSING = ("may_split", "mremap", "mprotect")
"""Callbacks that may refuse what is asked for."""
CLEARED = (["MAYWRITE"], ["MAYEXEC"], ["MAYWRITE", "MAYEXEC"], ["MAYREAD"])
OFFSETS = (0, 0, 1, 2, 3, 5, 13, 33, (1 << 52) - 3, (1 << 64) - 3)
TESTED = ("READ", "WRITE", "EXEC", "SHARED", "MAYWRITE", "MAYSHARE", "IO", "DONTDUMP", "PFNMAP")
"""Flags that a hook asks for."""
RANGES = ("remap", "ioremap")
WHOLE = ("remap_full", "ioremap_full", "map_kernel_pages_full")
LEGACY = ("insert_page", "map_pages", "map_pages_zero")
KERNEL_PAGES = ("map_kernel_pages", "map_kernel_pages_full", *LEGACY)
KINDS = (*RANGES, *WHOLE, "simple_ioremap", "map_kernel_pages")


class Programme(Struct, frozen=True):
    """A device step, and the lengths (pages) that may be mapped while it is in force."""

    step: Json
    least: int = 1
    most: int = 1 << 20

    ANY: ClassVar[tuple[int, int]] = (1, 1 << 20)


class Taste(Struct, frozen=True):
    """How likely the parts of a programme are."""

    action: float = 0.4
    fails: float = 0.08
    flags: float = 0.5
    operations: float = 0.6
    special: float = 0.15
    layers: float = 0.0
    refusals: float = 0.0
    told: float = 0.1


class Programmer:
    """Makes programmes at random."""

    def __init__(self, pick: random.Random, taste: Taste) -> None:
        self.pick = pick
        self.taste = taste
        self.mixed = pick.random() < 0.3
        """Whether vmf_insert_mixed() is used, or else callbacks are told of writes."""
        self.fixed: dict[str, Json] = {}

    def _of_the_file(self, name: str) -> Json:
        """Return what belongs to the device's file and does not change."""
        if name not in self.fixed:
            keys = [key for key in ("sync", "area", "cached") if self.pick.random() < 0.2]
            self.fixed[name] = dict.fromkeys(keys, True)
        return self.fixed[name]

    def programme(self, name: str, hook: str, others: Mapping[str, str]) -> Programme:
        """Return a new programme for a device; `others` are devices that have one, and hooks."""
        pick, taste = self.pick, self.taste
        step: Json = {"op": "device", "name": name, "hook": hook, **self._of_the_file(name)}
        step.update(self._result())
        step.update(self._layer(hook, others))
        plain = "lower" not in step and "vm_file" not in step
        action = self._action(hook) if plain and pick.random() < taste.action else None
        names = self._flag_names(action)
        if names:
            step["set"] = names
        if pick.random() < taste.flags / 4:
            step["clear"] = pick.choice(CLEARED)
        if pick.random() < 0.15:
            step["prot"] = pick.choice(("writecombine", "noncached"))
        if pick.random() < 0.1:
            step["pgoff"] = pick.choice(OFFSETS)
        if pick.random() < taste.operations:
            step["vm_ops"] = self._operations(step, action)
            step.update(self._faults(step))
        if pick.random() < 0.3:
            step["private_data"] = 256 * pick.randint(1, 9)
        step.update(self._helpers(hook, step))
        if action is None:
            return Programme(step)
        step["action"] = action
        return Programme(step, least_pages(action, hook), most_pages(action))

    def _helpers(self, hook: str, step: Json) -> Json:
        """Return which of the kernel's helpers the hook calls: for flags, and at its end."""
        pick = self.pick
        chosen: Json = {}
        if pick.random() < 0.25:
            chosen["test"] = pick.sample(TESTED, pick.choice((1, 2, 2, 3)))
        if pick.random() < 0.3:
            chosen["by"] = pick.choice(WAYS)
        if pick.random() < 0.03 and "lower" not in step:
            chosen |= {"generic": pick.choice(GENERIC), "accessed": True}
        if "lower" in step:
            if pick.random() < 0.4:
                chosen["filled"] = True
            if pick.random() < 0.25:
                chosen["kept"] = True
        elif hook == "mmap" and pick.random() < 0.12:
            start, pages = pick.choice((0, 0, 1, 2)), pick.choice((1, 1, 2, 3))
            chosen["zap"] = {"start": start * PAGE_SIZE, "size": pages * PAGE_SIZE}
        return chosen

    def _layer(self, hook: str, others: Mapping[str, str]) -> Json:
        """Return another file for the mapping, or a lower one whose hook is called in turn."""
        if not others or self.pick.random() >= self.taste.layers:
            return {}
        lower = [name for name, other in others.items() if other == "mmap_prepare"]
        if not lower:
            return {}
        key = "lower" if hook == "mmap" and self.pick.random() < 0.7 else "vm_file"
        return {key: self.pick.choice(lower)}

    def _result(self) -> Json:
        pick = self.pick
        chosen: Json = {}
        if pick.random() < self.taste.fails:
            chosen["ret"] = pick.choice(ERRNOS)
        if pick.random() < self.taste.fails:
            chosen["mapped_ret"] = pick.choice(ERRNOS)
        if pick.random() < self.taste.fails:
            chosen["error_override"] = pick.choice(ERRNOS)
        if pick.random() < 0.1:
            chosen["mapped_data"] = 3
        if pick.random() < 0.1:
            chosen["hide_from_rmap"] = True
        for call in REFUSING:
            if pick.random() < self.taste.refusals:
                chosen[f"{call}_ret"] = pick.choice(ERRNOS)
        return chosen

    def _flag_names(self, action: Json | None) -> list[str]:
        pick = self.pick
        names: list[str] = []
        if pick.random() < self.taste.flags:
            names += pick.sample(FLAGS, pick.choice((1, 1, 1, 2, 3)))
        if pick.random() < self.taste.special:
            kernel_pages = action is not None and action["kind"] in KERNEL_PAGES
            if action is None:
                names.append(pick.choice(("PFNMAP", "MIXEDMAP")))
            else:
                names.append("MIXEDMAP" if kernel_pages else "PFNMAP")
        return names

    def _operations(self, step: Json, action: Json | None) -> list[str] | None:
        special = {"PFNMAP", "MIXEDMAP"} & set(step.get("set", ()))
        if action is None and not special and self.pick.random() < 0.1:
            return None
        told = not self.mixed and self.pick.random() < self.taste.told
        table = self.pick.choice(TOLD if told else TABLES)
        if self.pick.random() < 3 * self.taste.refusals:
            return [*table, *self.pick.sample(REFUSING, self.pick.randint(1, len(REFUSING)))]
        return table

    def _faults(self, step: Json) -> Json:
        """Return how faults are served: by a page, or by an entry that fits the mapping."""
        chosen: Json = {}
        names = step.get("set", ())
        if self.pick.random() < 0.7:
            if "PFNMAP" in names:
                chosen["fault"] = "pfn"
            elif "MIXEDMAP" in names and self.mixed:
                chosen["fault"] = "mixed"
        if self.pick.random() < 0.05:
            chosen["mkwrite"] = "SIGBUS"
        return chosen

    def _action(self, hook: str) -> Json:
        pick = self.pick
        kind = pick.choice(KINDS if hook == "mmap_prepare" else (*KINDS, *LEGACY))
        page = pick.choice((0, 0, 1, 2, 3, 4, pick.randrange(DEVICE_PAGES)))
        room = DEVICE_PAGES - page
        pages = pick.randint(1, min(6, room))
        action: dict[str, Any] = {"kind": kind, "page": page}
        start = pick.choice((0, 0, 0, 1, 2)) * PAGE_SIZE
        if kind in RANGES:
            odd = kind == "remap" and hook == "mmap" and pick.random() < 0.1
            size = pages * PAGE_SIZE - (PAGE_SIZE // 2 if odd else 0)
            action = {"kind": kind, "start": start, "page": page, "size": size}
        elif kind == "simple_ioremap":
            size = pages * PAGE_SIZE - pick.choice((0, 0, 0, PAGE_SIZE // 2))
            action["size"] = size
        elif kind == "insert_page":
            action = {"kind": kind, "start": start, "page": page}
        elif kind in ("map_pages", "map_pages_zero"):
            action["pages"] = pages
        elif kind == "map_kernel_pages":
            pages = 0 if pick.random() < 0.05 else pages
            action = {"kind": kind, "start": start, "page": page, "pages": pages}
        return action


def least_pages(action: Json, hook: str) -> int:
    """Return the length (pages) that a legacy remap needs, which is not checked."""
    if hook != "mmap" or action["kind"] not in RANGES:
        return 1
    return -(-(int(action["start"]) + int(action["size"])) // PAGE_SIZE)


def most_pages(action: Json) -> int:
    """Return the length (pages) up to which an action has pages for the whole mapping."""
    return DEVICE_PAGES - int(action["page"]) if action["kind"] in WHOLE else 1 << 20
