# SPDX-License-Identifier: GPL-2.0-only
"""/proc/PID/maps of an address space (fs/proc/task_mmu.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from premap.model.bits import VM_EXEC, VM_MAYSHARE, VM_READ, VM_WRITE
from premap.model.vma import VmAreaStruct
from premap.model.words import PAGE_SHIFT

if TYPE_CHECKING:
    from premap.model.mm import AddressSpace

_NAME_COLUMN = 73


def maps(mm: AddressSpace) -> str:
    """One line a mapping; device and inode numbers, which the model has not, are zeroes."""
    return "".join(maps_line(vma) + "\n" for vma in mm.tree.vmas)


def maps_line(vma: VmAreaStruct) -> str:
    """show_map_vma(): one line, without its newline (needs concrete words)."""
    flags = vma.vm_flags
    letters = "".join(
        letter if flags & mask else "-"
        for letter, mask in (("r", VM_READ), ("w", VM_WRITE), ("x", VM_EXEC))
    )
    letters += "s" if flags & VM_MAYSHARE else "p"
    file = vma.vm_file
    offset = 0 if file is None else vma.vm_pgoff << PAGE_SHIFT
    line = f"{vma.vm_start:08x}-{vma.vm_end:08x} {letters} {offset:08x} 00:00 0 "
    name = _name(vma)
    return line.ljust(_NAME_COLUMN) + name if name else line


def _name(vma: VmAreaStruct) -> str:
    if vma.vm_file is not None:
        return str(vma.vm_file.name)
    if vma.anon_name is not None:
        return f"[anon:{vma.anon_name}]"
    return ""
