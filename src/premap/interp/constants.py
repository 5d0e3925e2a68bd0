# SPDX-License-Identifier: GPL-2.0-only
"""Constants of the kernel that the model knows, and made-up ones that nobody defined."""

from __future__ import annotations

import errno
import functools
import re
from collections.abc import Iterable

from premap import model
from premap.interp.machine import Machine
from premap.interp.operators import UNKNOWN
from premap.interp.values import INT, PGPROT, ULONG, Pointer, Value, normalise
from premap.model import words

_CONSTANT = re.compile(r"[A-Z_][A-Z0-9_]*\Z")
_MAPPING = re.compile(r"(VM|VMA|PROT|MAP|FMODE|S_IF|S)_[A-Za-z0-9_]+\Z")
_PROTECTION = re.compile(
    r"PAGE_(NONE|(SHARED|COPY|READONLY)(_EXEC|_NOEXEC|_X)?|KERNEL(_[A-Z]+)*|AGP)\Z"
)
"""Constants of the type `pgprot_t`; every architecture has its own."""
_ENTRY_BIT = re.compile(r"_PAGE_[A-Z0-9_]+\Z")
"""Bits of page table entries, likewise."""
_CONFIGURED = frozenset({"HZ", "NR_CPUS"})
"""Numbers of type `int` that the configuration chooses."""
_LIMITS = {
    "PAGE_SIZE": words.PAGE_SIZE,
    "PAGE_MASK": words.PAGE_MASK,
    "ULONG_MAX": words.U64_MAX,
    "U64_MAX": words.U64_MAX,
    "SIZE_MAX": words.U64_MAX,
    "LONG_MAX": words.U64_MAX >> 1,
}
_INTEGERS = {
    "PAGE_SHIFT": words.PAGE_SHIFT,
    "INT_MAX": (1 << 31) - 1,
    "MAX_ERRNO": 4095,
    "BITS_PER_LONG": 64,
    "THIS_MODULE": None,
}
_KERNEL_ERRNOS = {"ENOTSUPP": 524, "ERESTARTSYS": 512, "EPROBE_DEFER": 517, "ENOIOCTLCMD": 515}


@functools.cache
def kernel_constant(name: str) -> Value | None:
    """Return the constant of that name that the model or C knows, else None."""
    if name in _LIMITS:
        return Value(ULONG, _LIMITS[name])
    number = _INTEGERS.get(name)
    if number is not None:
        return Value(INT, number)
    if name in _KERNEL_ERRNOS:
        return Value(INT, _KERNEL_ERRNOS[name])
    if name[0] == "E" and isinstance(getattr(errno, name, None), int):
        return Value(INT, getattr(errno, name))
    if _MAPPING.match(name):
        known = getattr(model, name, None)
        if isinstance(known, int):
            return Value(INT if name.startswith("VMA_") else ULONG, known)
    return None


def of_architecture(machine: Machine, name: str) -> Value | None:
    """Return a made-up value for what architecture or configuration choose, else None."""
    if _PROTECTION.match(name):
        return Value(PGPROT, machine.inputs.word(f"constant {name}"))
    if _ENTRY_BIT.match(name):
        return Value(ULONG, machine.inputs.word(f"constant {name}"))
    if name in _CONFIGURED:
        return Value(INT, normalise(machine.inputs.word(f"constant {name}"), INT))
    return None


def looks_constant(name: str) -> bool:
    """Return whether a name that nobody declares is written as constants are."""
    return _CONSTANT.match(name) is not None


def made_up_constant(machine: Machine, name: str, bodies: Iterable[str] = ()) -> Value:
    """Return a constant whose value depends on the configuration or could not be found.

    `bodies` are its definitions, where it has several.
    """
    text = f"{name} is defined differently in the two versions"
    machine.memory.namer.agree(("constant", name), frozenset(bodies), text)
    return Value(UNKNOWN, Pointer(None, machine.inputs.word(f"constant {name}")))
