# SPDX-License-Identifier: GPL-2.0-only
"""Hands a VMA to code that is not followed: what that leaves in it is made up.

Two legacy hooks that call the same function with the same mapping get the same mapping back. So
this says something where both versions of a comparison are legacy hooks, and is allowed only there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from premap.csource.ctypes import PointerType, VoidType
from premap.interp.bindings import CALLBACKS, MappingObject, VmaObject
from premap.interp.machine import Machine
from premap.interp.scalars import word_of
from premap.interp.values import Pointer, Value
from premap.model import VM_LOCKED, VM_MAYSHARE, VM_NORESERVE, VM_SHARED
from premap.model.errors import NotModelled
from premap.model.trace import Log
from premap.model.words import invert

KEPT = VM_SHARED | VM_MAYSHARE | VM_LOCKED | VM_NORESERVE
"""Flags that mmap() has accounted for when it calls a hook, so that no hook may change them."""


def allow(machine: Machine, log: Log) -> None:
    """Let hooks of this run hand their VMA to code that is not followed."""
    machine.handing_over = log.events


def mapping_in(value: Value) -> MappingObject | None:
    """Return the VMA or descriptor that an argument points to."""
    place = value.data.place if isinstance(value.data, Pointer) else None
    if place is None or place.path or not isinstance(place.object, MappingObject):
        return None
    return place.object


def shown(machine: Machine, mapping: MappingObject, name: str) -> tuple[Any, ...]:
    """Return all that the called code may find in the mapping. Raises NotModelled if not allowed.

    What is in its page tables follows from the population so far.
    """
    if machine.handing_over is None or not isinstance(mapping, VmaObject):
        raise NotModelled(f"{name}() gets the mapping, and what it does with it is not known")
    vma = mapping.vma
    private = vma.vm_private_data
    populated = [
        word
        for event in machine.handing_over
        if event.kind == "populate"
        for word in (event.start, event.end, event.first)
    ]
    return (
        "mapping",
        vma.vm_start,
        vma.vm_end,
        vma.vm_pgoff,
        vma.vm_flags,
        vma.vm_page_prot,
        "NULL" if vma.vm_ops is None else str(vma.vm_ops.label),
        0 if private is None else word_of(private),
        *populated,
    )


def come_back(machine: Machine, mapping: MappingObject, name: str, key: str) -> None:
    """Make up what the called code left in the mapping; `key` names the call and its past."""
    if not isinstance(mapping, VmaObject):
        raise TypeError(f"{mapping.name} is no VMA")
    machine.assume(
        f"{name}(), which gets the mapping and is not followed, does the same to the same mapping, "
        "leaves its range, file and sharing, and gives it some operations"
    )
    word, vma = machine.inputs.word, mapping.vma
    vma.vm_flags = (vma.vm_flags & KEPT) | (word(f"{key}:vm_flags") & invert(KEPT))
    vma.vm_page_prot = word(f"{key}:vm_page_prot")
    vma.vm_pgoff = word(f"{key}:vm_pgoff") & ((1 << 52) - 1)
    data = machine.memory.named(f"{key}:vm_private_data", PointerType(VoidType()))
    vma.vm_private_data = data
    vma.vm_ops = UnknownOperations(machine, f"{key}:vm_ops", name)
    mapping.lent = name


class UnknownOperations:
    """The operations that code which was not followed gave to a mapping: any."""

    def __init__(self, machine: Machine, label: str, giver: str) -> None:
        self._machine = machine
        self._giver = giver
        self.label = label

    @property
    def needs_writenotify(self) -> bool:
        """Whether there is a `->page_mkwrite` or a `->pfn_mkwrite`, as a condition."""
        return self._has("page_mkwrite") | self._has("pfn_mkwrite")

    def _has(self, name: str) -> bool:
        return self._machine.inputs.word(f"{self.label}->{name}") & 1 != 0

    def __getattr__(self, name: str) -> Callable[..., Any] | None:
        if name not in CALLBACKS:
            raise AttributeError(name)
        if not bool(self._has(name)):
            return None

        def run(*_arguments: Any) -> Any:
            raise NotModelled(f"->{name} that {self._giver}() gave to the mapping is called")

        return run
