# SPDX-License-Identifier: GPL-2.0-only
"""Another file than the one that mmap() was called on: a hook gives it to the mapping.

That is `desc->vm_file = get_file(other)`, or vma_set_file(vma, other). Whatever the kernel then
takes and gives back of the other file is an event, as if C had called get_file() and fput().
Allowed only where one hook is run: two are not compared by what happens to a file that only one
of them may know of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from premap.csource.ctypes import PointerType, StructType, VoidType
from premap.interp.scalars import word_of
from premap.interp.types import FILE
from premap.interp.values import Place, Pointer, Value
from premap.model import File
from premap.model.errors import NotModelled

if TYPE_CHECKING:
    from premap.interp.machine import Machine


class OtherFile(File):
    """`struct file` that a pointer of C code leads to."""

    __slots__ = ("_count", "machine", "pointer")

    def __init__(self, machine: Machine, place: Place) -> None:
        self.machine = machine
        self.pointer = Value(PointerType(FILE), Pointer(place, place.object.address))
        self._count = 0
        super().__init__(_Operations(machine, place), name=str(place))

    @property
    def f_count(self) -> int:
        """References, as far as the kernel took them: those that C takes are its own events."""
        return self._count

    @f_count.setter
    def f_count(self, count: int) -> None:
        taken = count > self._count
        made = self._count != 0
        self._count = count
        if made:
            kind, name = ("get", "get_file") if taken else ("put", "fput")
            self.machine.record(kind, name, (word_of(self.pointer),), given=(self.pointer,))


class _Operations:
    """`file_operations` of the other file: what C memory says of them."""

    mmap_prepare = None
    get_unmapped_area = None
    fop_flags = 0

    def __init__(self, machine: Machine, place: Place) -> None:
        self._machine = machine
        self._place = place

    @property
    def mmap(self) -> Any:
        """NULL; a legacy hook of its own would be called next (__mmap_new_file_vma(), mm/vma.c)."""
        table = PointerType(StructType("struct", "file_operations"))
        f_op = self._place.field("f_op").load(table)
        hook = f_op.data.place.field("mmap").load(PointerType(VoidType()))
        if bool(word_of(hook) != 0):
            raise NotModelled(f"{self._place}, which is now mapped, has an ->mmap that is called")
        return None


def other_file(machine: Machine, value: Value) -> Any:
    """Return the model's file for a C pointer: the one that is mapped, or another.

    Raises NotModelled where it points to no file, or no other file is allowed.
    """
    data = value.data
    place = data.place if isinstance(data, Pointer) else None
    if place is None or place.path:
        raise NotModelled("the mapping is given a file that is NULL, or computed")
    bindings = machine.bindings
    if place.object is machine.memory.objects.get("file"):
        return bindings.file
    if not machine.replacing:
        raise NotModelled("the mapping is given another file")
    if place.object.local:
        raise NotModelled("the mapping is given a file that is a variable")
    found = bindings.others.get(place.object.key)
    if found is None:
        found = bindings.others[place.object.key] = OtherFile(machine, place)
    return found
