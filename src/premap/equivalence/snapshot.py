# SPDX-License-Identifier: GPL-2.0-only
"""A mapping at one moment, as text: fields of its descriptor or VMA, and the address space."""

from __future__ import annotations

import re
from typing import Any

from premap.interp.scalars import word_of
from premap.interp.values import FunctionName, Pointer, Value, plain, to_signed
from premap.model import VmAreaDesc
from premap.model.flags import flag_names

LOCAL = re.compile(r"#\d+\b")
"""What tells local variables of the same name apart."""


def fields_of(mapping: Any, opened: Any) -> dict[str, str]:
    """Return the fields of a descriptor, or of a VMA, by their names in C.

    `opened` is the file that mmap() was called on.
    """
    if isinstance(mapping, VmAreaDesc):
        return _of_desc(mapping)
    return _of_vma(mapping, opened)


def _of_desc(desc: VmAreaDesc) -> dict[str, str]:
    action = desc.k_action
    return {
        "start": _hex(desc.k_start),
        "end": _hex(desc.k_end),
        "pgoff": _number(desc.pgoff),
        "vm_file": _file(desc.vm_file, desc.k_file),
        "vma_flags": _flags(desc.k_flags),
        "page_prot": _hex(desc.page_prot),
        "vm_ops": _operations(desc.k_vm_ops),
        "private_data": _anything(desc.k_private_data),
        "action": "nothing" if action is None else _action(action),
    }


def _of_vma(vma: Any, opened: Any) -> dict[str, str]:
    return {
        "vm_start": _hex(vma.vm_start),
        "vm_end": _hex(vma.vm_end),
        "vm_pgoff": _number(vma.vm_pgoff),
        "vm_file": _file(vma.vm_file, opened),
        "vm_flags": _flags(vma.vm_flags),
        "vm_page_prot": _hex(vma.vm_page_prot),
        "vm_ops": _operations(vma.vm_ops),
        "vm_private_data": _anything(vma.vm_private_data),
    }


def space_of(mapping: Any) -> list[dict[str, Any]]:
    """Return what is mapped at this moment, by address.

    A VMA in a legacy hook's hands is not among it yet, though page table entries may be.
    """
    mm = mapping.k_mm if isinstance(mapping, VmAreaDesc) else mapping.vm_mm
    vmas = mm.vmas()
    space = [_mapped(vma) for vma in vmas]
    if not isinstance(mapping, VmAreaDesc) and mapping.ptes and mapping not in vmas:
        space.append({**_mapped(mapping), "what": "not linked yet"})
    return space


def _mapped(vma: Any) -> dict[str, Any]:
    return {
        "start": plain(vma.vm_start),
        "end": plain(vma.vm_end),
        "what": _flags(vma.vm_flags),
        "entries": [
            {"start": plain(e.start), "end": plain(e.end), "kind": e.kind} for e in vma.ptes
        ],
    }


def _action(action: Any) -> str:
    from premap.model.actions import ACTION_NAMES  # noqa: PLC0415

    arguments = ", ".join(_hex(each) for each in action.arguments)
    return f"{ACTION_NAMES[action.type]}({arguments})"


def _file(file: Any, opened: Any) -> str:
    if file is None:
        return "NULL"
    return "the file that was opened" if file is opened else "another file"


def _operations(operations: Any) -> str:
    return "NULL" if operations is None else operations.label


def _anything(value: Any) -> str:
    return value_text(value) if isinstance(value, Value) else _number(value)


def _flags(word: Any) -> str:
    known = plain(word)
    return "?" if known is None else str(flag_names(known))


def _number(word: Any) -> str:
    known = 0 if word is None else plain(word)
    return "?" if known is None else number_text(known)


def _hex(word: Any) -> str:
    known = plain(word)
    return "?" if known is None else hex(known)


def number_text(word: int) -> str:
    """Return a number as people write it: what is negative, if it is small; else as an address."""
    number = to_signed(word)
    return str(number) if abs(number) <= 4096 else hex(word)


def value_text(value: Value) -> str:
    """Return a C value as people write it."""
    if isinstance(value.data, FunctionName):
        return value.data.name
    if isinstance(value.data, Pointer) and value.data.place is not None:
        return (
            f"&{LOCAL.sub('', str(value.data.place))}" if plain(value.data.address) != 0 else "NULL"
        )
    known = plain(word_of(value))
    return "?" if known is None else number_text(known)
