# SPDX-License-Identifier: GPL-2.0-only
"""C functions as hooks and callbacks that the model calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from premap.csource.ctypes import PointerType, VoidType
from premap.csource.source import Function, SourceFile
from premap.interp.calls import call_function, configured
from premap.interp.machine import Machine
from premap.interp.model_calls import MODEL
from premap.interp.redefined import agree_on_order
from premap.interp.scalars import word_of
from premap.interp.values import ULONG, Place, Pointer, Value, plain, to_signed
from premap.model.compat import compat_vma_mmap_complete, desc_from_vma
from premap.model.errors import NotModelled

ANY_ERRNO = 4095
"""Stands for a hook's error in the model; the word that C returned is in `Machine.returned`."""


def legacy_hook(machine: Machine, name: str, arms: Sequence[Function]) -> Callable[[Any, Any], int]:
    """Return a C function, with its definitions in `#if` arms, as `file_operations->mmap`.

    Without definitions it is the kernel's own hook of that name.
    """

    def mmap(file: Any, vma: Any) -> int:
        given = [machine.bindings.file_pointer(machine, file)]
        return _result(machine, _call(machine, name, arms, given, vma))

    return mmap


def prepare_hook(machine: Machine, name: str, arms: Sequence[Function]) -> Callable[[Any], int]:
    """Return a C function, with its definitions in `#if` arms, as `->mmap_prepare`."""

    def mmap_prepare(desc: Any) -> int:
        return _result(machine, _call(machine, name, arms, [], desc))

    return mmap_prepare


def compat_hook(machine: Machine, name: str, arms: Sequence[Function]) -> Callable[[Any, Any], int]:
    """Return an `->mmap_prepare` as a legacy hook that a dispatcher makes of it.

    That is compat_set_desc_from_vma(), with the private data, the hook, and __compat_vma_mmap(),
    whose error `action.error_override` replaces.
    """

    def mmap(file: Any, vma: Any) -> int:
        desc = desc_from_vma(file, vma)
        desc.k_private_data = vma.vm_private_data
        error = _result(machine, _call(machine, name, arms, [], desc))
        if error != 0:
            return error
        error = compat_vma_mmap_complete(desc, vma)
        return desc.action.error_override or error if error != 0 else 0

    return mmap


def _call(
    machine: Machine, name: str, arms: Sequence[Function], given: list[Value], bound: Any
) -> Value:
    if not arms:
        if name not in MODEL:
            raise NotModelled(f"{name}() is not defined in the file")
        pointer = machine.bindings.mapping(machine, bound)
        return MODEL[name](machine, None, None, [*given, pointer])
    agree_on_order(machine, machine.bindings.scope(arms[0].source), arms[0])
    function = configured(machine, arms)
    return call_function(machine, None, function, [*given, _mapping(machine, bound, function)])


def _mapping(machine: Machine, bound: Any, function: Function) -> Value:
    pointer = machine.bindings.mapping(machine, bound)
    pointer.data.place.object.source = function.source
    return pointer


def _result(machine: Machine, value: Value) -> int:
    """Return 0, or an errno for the model; the word itself is kept for the comparison.

    Whatever is not 0 is an error to the kernel, positive numbers included.
    """
    word = word_of(value)
    machine.hook_failed = bool(word != 0)
    known = plain(word)
    if known is not None:
        number = to_signed(known)
        if number == 0 or -ANY_ERRNO < number < 0:
            return number
    elif not machine.hook_failed:
        return 0
    machine.returned = word
    return -ANY_ERRNO


def callback(
    machine: Machine, source: SourceFile, member: str, name: str
) -> Callable[..., int | None]:
    """Return the C function `name` as the member of a `vm_operations_struct`."""
    found = source.functions.get(name)

    def run(*arguments: Any) -> int | None:
        if found is None or len(found) > 1:
            raise NotModelled(
                f"->{member} is {name}(), whose definition was not found", source.name
            )
        if member != "mapped":  # which an old handler has none of: what it does is compared
            machine.record("callback", member, (name,), source.name)
        if member in ("open", "close"):
            call_function(machine, None, found[0], [_mapping(machine, arguments[0], found[0])])
            return None
        if member == "mapped":
            return _mapped(machine, found[0], arguments)
        raise NotModelled(f"->{member} is called", source.name)

    return run


def _mapped(machine: Machine, function: Function, arguments: Sequence[Any]) -> int:
    """Call `->mapped(start, end, pgoff, file, &private_data)`."""
    start, end, pgoff, file, private_data = arguments
    anything = PointerType(VoidType())
    held = machine.new_local("vm_private_data", anything)
    before = private_data[0]
    held.object.store((), before if before is not None else Value(anything, Pointer(None, 0)))
    given = [
        Value(ULONG, start),
        Value(ULONG, end),
        Value(ULONG, pgoff),
        machine.bindings.file_pointer(machine, file),
        Value(PointerType(anything), Pointer(Place(held.object), held.object.address)),
    ]
    first = len(machine.events)
    error = _result(machine, call_function(machine, None, function, given))
    machine.late = first, len(machine.events)
    if error == 0:
        private_data[0] = held.object.cells[()]
    return error
