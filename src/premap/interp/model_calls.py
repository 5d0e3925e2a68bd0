# SPDX-License-Identifier: GPL-2.0-only
"""Functions of the kernel that the model has: what C calls them with, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tree_sitter import Node

from premap import model
from premap.csource.ctypes import VoidType
from premap.interp.bindings import MappingObject, PageArray
from premap.interp.dispatch import PURE_NAMES
from premap.interp.machine import Frame, Machine
from premap.interp.replaced import other_file
from premap.interp.scalars import of_truth, word_of
from premap.interp.types import VMA_FLAGS
from premap.interp.values import BOOL, INT, PGPROT, ULONG, Place, Pointer, Truth, Value, int_type
from premap.model import legacy, pagetable
from premap.model.errors import NotModelled
from premap.model.flags import is_cow_mapping
from premap.model.pgprot import CACHE_MASK, CACHE_SHIFT
from premap.model.words import U64_MAX, add, lnot, select, shl

ModelCall = Callable[[Machine, Frame | None, Node | None, Sequence[Value]], Value]
MODEL: dict[str, ModelCall] = {}
_VOID = Value(VoidType(), 0)
_MAYOVERLAY = 1 << 9
"""VM_MAYOVERLAY, a flag of kernels without an MMU (include/linux/mm.h)."""

_POPULATION = {
    "remap_pfn_range": "vwwwp",
    "io_remap_pfn_range": "vwwwp",
    "vm_iomap_memory": "vww",
    "vm_insert_page": "vwP",
    "vm_insert_pages": "vwAc",
    "vm_map_pages": "vAw",
    "vm_map_pages_zero": "vAw",
}
"""Legacy population: v VMA, w word, p protection, P page, A array of pages, c count by pointer."""

_ACTIONS = {
    "mmap_action_remap": "dwww",
    "mmap_action_remap_full": "dw",
    "mmap_action_ioremap": "dwww",
    "mmap_action_ioremap_full": "dw",
    "mmap_action_simple_ioremap": "dww",
    "mmap_action_map_kernel_pages": "dwAw",
    "mmap_action_map_kernel_pages_full": "dA",
}
_FLAG_WORDS = ("vm_flags_init", "vm_flags_reset", "vm_flags_set", "vm_flags_clear", "vm_flags_mod")
_DESC_TESTS = ("vma_desc_test", "vma_desc_test_flags", "vma_desc_test_any", "vma_desc_test_all")
_DESC_CHANGES = ("vma_desc_set_flags", "vma_desc_clear_flags")
_SIZES = {
    "vma_pages": "v",
    "vma_start_pgoff": "v",
    "vma_end_pgoff": "v",
    "vma_last_pgoff": "v",
    "vma_desc_size": "d",
    "vma_desc_pages": "d",
}
_PREDICATES = {
    "vma_is_anonymous": "v",
    "vma_is_shared_maywrite": "v",
    "vma_is_cow_mapping": "v",
    "vma_desc_is_cow_mapping": "d",
}
_PROTECTIONS = (
    "pgprot_noncached",
    "pgprot_writecombine",
    "pgprot_device",
    "pgprot_dmacoherent",
    "pgprot_writethrough",
    "pgprot_device_np",
    "pgprot_noncached_wc",
    "pgprot_cached",
    "pgprot_decrypted",
    "pgprot_encrypted",
    "pgprot_nx",
)
_OF_FLAGS = ("vm_get_page_prot", "vma_flags_to_page_prot", "vma_get_page_prot")
FILE_HOOKS = {
    "generic_file_mmap": "fv",
    "generic_file_readonly_mmap": "fv",
    "generic_file_mmap_prepare": "d",
    "generic_file_readonly_mmap_prepare": "d",
}
"""Hooks of mm/filemap.c that the model has, with their parameters."""
PURE_NAMES.update({*_SIZES, *_PREDICATES, *_DESC_TESTS, *_PROTECTIONS, *_OF_FLAGS})


def _plain(machine: Machine, kind: str, value: Value) -> Any:
    """Return a C argument as the model wants it."""
    if kind in _KINDS:
        return _bound(kind, value)
    if kind == "f":
        return machine.bindings.file
    if kind == "A":
        return PageArray(machine, value)
    if kind == "c":
        return [word_of(_counter(value).load(ULONG))]
    return word_of(value)


def _counter(value: Value) -> Place:
    """Return the variable that a pointer to a count points to."""
    place = value.data.place if isinstance(value.data, Pointer) else None
    if place is None or not place.object.local or place.path:
        raise NotModelled("a count by pointer that is no variable of the caller's")
    return place


_KINDS = {"v": model.VmAreaStruct, "d": model.VmAreaDesc}


def _bound(kind: str, value: Value) -> Any:
    """Return the VMA ("v") or descriptor ("d") that a C pointer points to."""
    bound = bound_of(value)
    if not isinstance(bound, _KINDS[kind]):
        raise NotModelled("a VMA where a descriptor is wanted, or the other way round")
    return bound


def bound_of(value: Value) -> Any:
    """Return the VMA or descriptor of the model that a C pointer points to."""
    return mapping_of(value).bound


def mapping_of(value: Value) -> MappingObject:
    """Return the C object of the VMA or descriptor that a pointer points to."""
    place = value.data.place if isinstance(value.data, Pointer) else None
    if place is None or place.path or not isinstance(place.object, MappingObject):
        raise NotModelled("a pointer to another mapping than the one that is made")
    return place.object


def _arguments(machine: Machine, kinds: str, given: Sequence[Value]) -> list[Any]:
    if len(kinds) != len(given):
        raise NotModelled(f"{len(given)} arguments where the kernel's function has {len(kinds)}")
    return [_plain(machine, kind, value) for kind, value in zip(kinds, given, strict=True)]


def _errno(result: Any) -> Value:
    return Value(INT, result & U64_MAX)


def _where(frame: Frame | None, node: Node | None) -> str:
    """Return file and line of a call; "" where the kernel itself calls."""
    if frame is None or node is None:
        return ""
    return f"{frame.function.source.name}:{frame.line(node)}"


def _population(name: str, kinds: str) -> ModelCall:
    function = getattr(legacy, name)

    def call(
        machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
    ) -> Value:
        arguments = _arguments(machine, kinds, given)
        error = function(*arguments)
        if kinds.endswith("c"):
            _counter(given[-1]).store(Value(ULONG, arguments[-1][0]))
        machine.populated(_where(frame, node), error)
        return _errno(0 if machine.unheeding else error)

    return call


def _zap(name: str, function: Callable[[Any, int, int], None]) -> ModelCall:
    def call(
        machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
    ) -> Value:
        vma, start, size = _arguments(machine, "vww", given)
        function(vma, start, size)
        machine.record("event", name, (start, size), _where(frame, node))
        return _VOID

    return call


def _zap_range(vma: model.VmAreaStruct, start: int, size: int) -> None:
    pagetable.zap(vma.vm_mm, vma, start, add(start, size))


def _action(name: str, kinds: str) -> ModelCall:
    function = getattr(model, name)

    def call(
        machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
    ) -> Value:
        for kind, value in zip(kinds, given, strict=False):
            place = value.data.place if isinstance(value.data, Pointer) else None
            if kind == "A" and place is not None and place.object.local:
                where = _where(frame, node).rpartition(":")
                line = int(where[2]) if where[2].isdigit() else None
                text = f"{name}() maps from {place}, which is gone when the action is performed"
                raise NotModelled(text, where[0] or None, line)
        function(*_arguments(machine, kinds, given))
        return _VOID

    return call


def _number(name: str, kinds: str) -> ModelCall:
    function = getattr(model, name, None) or getattr(legacy, name)

    def call(
        machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
    ) -> Value:
        del frame, node
        return Value(ULONG, function(*_arguments(machine, kinds, given)))

    return call


def _predicate(name: str, kinds: str) -> ModelCall:
    function = getattr(model, name, None) or getattr(legacy, name)

    def call(
        machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
    ) -> Value:
        del frame, node
        return Value(BOOL, Truth(function(*_arguments(machine, kinds, given))))

    return call


def _flag_words(name: str) -> ModelCall:
    function = getattr(legacy, name)

    def call(
        machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
    ) -> Value:
        del machine, frame, node
        function(_bound("v", given[0]), *(word_of(value) for value in given[1:]))
        return _VOID

    return call


def _bits(given: Sequence[Value]) -> list[int]:
    bits = [word_of(value) for value in given]
    if not all(isinstance(bit, int) for bit in bits):
        raise NotModelled("flag bits that are not constant")
    if any(bit > 63 for bit in bits):
        raise NotModelled("a flag bit above 63: a VM_ mask is no bit number")
    return bits


def _desc_test(name: str) -> ModelCall:
    function = getattr(model, name)

    def call(
        machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
    ) -> Value:
        del machine, frame, node
        if name == "vma_desc_test" and len(given) != 2:
            raise NotModelled("vma_desc_test() takes one flag")
        return of_truth(function(_bound("d", given[0]), *_bits(given[1:])))

    return call


def _desc_change(name: str) -> ModelCall:
    function = getattr(model, name)

    def call(
        machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
    ) -> Value:
        del machine, frame, node
        function(_bound("d", given[0]), *_bits(given[1:]))
        return _VOID

    return call


def _protection(name: str) -> ModelCall:
    function = getattr(model, name)

    def call(
        machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
    ) -> Value:
        del machine, frame, node
        before = word_of(given[0])
        return Value(PGPROT, _over_another(before, function(before)))

    return call


def _over_another(before: int, after: int) -> int:
    """Return a protection with a mark for each cache mode that another was put over.

    x86-64 combines their bits (arch/x86/include/asm/pgtable.h), other architectures do not.
    """
    mode = before & CACHE_MASK
    over = (mode != 0) & (mode != after & CACHE_MASK)
    return after | select(over, shl(_FIRST_OVER, mode >> CACHE_SHIFT), 0)


_FIRST_OVER = 1 << 16


def _file_hook(name: str, kinds: str) -> ModelCall:
    function = getattr(legacy, name)

    def call(
        machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
    ) -> Value:
        machine.load_mapping_facts()
        before = machine.bindings.file.accessed
        result = _errno(function(*_arguments(machine, kinds, given)))
        if machine.bindings.file.accessed != before:
            address = machine.bindings.file_pointer(machine, machine.bindings.file)
            machine.record("event", "file_accessed", (word_of(address),), _where(frame, node))
        return result

    return call


def _is_cow_mapping(
    machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
) -> Value:
    del machine, frame, node
    return of_truth(is_cow_mapping(word_of(given[0])))


def _vm_get_page_prot(
    machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
) -> Value:
    del machine, frame, node
    return Value(PGPROT, model.vm_get_page_prot(word_of(given[0])))


def _vma_get_page_prot(
    machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
) -> Value:
    """Take the flags of a VMA, or (in 7.2) the flags that are given, as the function above."""
    of_vma = isinstance(given[0].data, Pointer)
    flags = [Value(ULONG, mapping_of(given[0]).flags)] if of_vma else given
    return _vm_get_page_prot(machine, frame, node, flags)


def _flags_by_pointer(name: str) -> ModelCall:
    """Return a test of a `vma_flags_t` that C passes by its address."""
    function = getattr(model, name)

    def call(
        machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
    ) -> Value:
        del machine, frame, node
        place = given[0].data.place if isinstance(given[0].data, Pointer) else None
        if place is None:
            raise NotModelled("flags at a computed address")
        flags = model.VmaFlags(word_of(place.load(VMA_FLAGS)))
        return of_truth(function(flags, *_bits(given[1:])))

    return call


def _is_nommu_shared(
    machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
) -> Value:
    """Test flags given as a word of VM_ masks, or (since 7.x) by the address of a vma_flags_t."""
    del machine, frame, node
    place = given[0].data.place if isinstance(given[0].data, Pointer) else None
    flags = word_of(given[0]) if place is None else word_of(place.load(VMA_FLAGS))
    return of_truth((flags & (model.VM_MAYSHARE | _MAYOVERLAY)) != 0)


def _mk_vma_flags(
    machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
) -> Value:
    del machine, frame, node
    return Value(VMA_FLAGS, model.mk_vma_flags(*_bits(given)).bits)


def _daxdev_mapping_supported(
    machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
) -> Value:
    """Test a VMA, or (from 7.x on, where the inode is given, too) a descriptor, in the same way."""
    del frame, node
    synchronous = (mapping_of(given[0]).flags & model.VM_SYNC) != 0
    answer = machine.inputs.apply("daxdev_mapping_supported", word_of(given[-1]))
    return Value(BOOL, Truth(lnot(synchronous) | ((answer & 1) != 0)))


def _mlock_future_ok(
    machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
) -> Value:
    """Test a word of VM_ masks, or (from 7.x on) whether VM_LOCKED is among them, alike."""
    del frame, node
    wide = int_type(given[1].type).width == 64
    mask = model.VM_LOCKED if wide else U64_MAX
    locked = of_truth((word_of(given[1]) & mask) != 0)
    words = (word_of(locked), word_of(given[2]))
    return Value(BOOL, Truth((machine.inputs.apply("mlock_future_ok", *words) & 1) != 0))


def _is_dax(
    machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
) -> Value:
    """vma_is_dax() of a mapping, and file_is_dax() of its file, are the same."""
    del frame, node
    file = given[0]
    place = file.data.place if isinstance(file.data, Pointer) else None
    if place is not None and isinstance(place.object, MappingObject) and not place.path:
        file = machine.bindings.file_pointer(machine, place.object.get("vm_file"))
    return of_truth((machine.inputs.apply("file_is_dax", word_of(file)) & 1) != 0)


def _vma_set_file(
    machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
) -> Value:
    """Give a VMA another file: takes a reference of that, puts the one of the old file."""
    del frame, node
    legacy.vma_set_file(_bound("v", given[0]), other_file(machine, given[1]))
    return _VOID


def _shmem_zero_setup(
    machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
) -> Value:
    """Give a VMA a file of memory; shmem_zero_setup_desc() does the same to a descriptor."""
    del machine, frame, node
    bound = bound_of(given[0])
    if isinstance(bound, model.VmAreaDesc):
        return _errno(model.shmem_zero_setup_desc(bound))
    return _errno(model.shmem_zero_setup(bound.vm_mm, bound))


def _set_anonymous(
    machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
) -> Value:
    """Take the operations off a VMA, or (vma_desc_set_anonymous()) off a descriptor."""
    del machine, frame, node
    mapping_of(given[0]).set("vm_ops", None)
    return _VOID


def _vma_flags_to_legacy(
    machine: Machine, frame: Frame | None, node: Node | None, given: Sequence[Value]
) -> Value:
    del machine, frame, node
    return Value(ULONG, word_of(given[0]))


def _fill() -> None:
    for name, kinds in _POPULATION.items():
        MODEL[name] = _population(name, kinds)
    MODEL["zap_vma_range"] = _zap("zap_vma_range", _zap_range)
    MODEL["zap_special_vma_range"] = _zap("zap_special_vma_range", legacy.zap_special_vma_range)
    for name, kinds in _ACTIONS.items():
        MODEL[name] = _action(name, kinds)
    for name, kinds in _SIZES.items():
        MODEL[name] = _number(name, kinds)
    for name, kinds in _PREDICATES.items():
        MODEL[name] = _predicate(name, kinds)
    for name, kinds in FILE_HOOKS.items():
        MODEL[name] = _file_hook(name, kinds)
    MODEL.update({name: _flag_words(name) for name in _FLAG_WORDS})
    MODEL.update({name: _desc_test(name) for name in _DESC_TESTS})
    MODEL.update({name: _desc_change(name) for name in _DESC_CHANGES})
    MODEL.update({name: _protection(name) for name in _PROTECTIONS})
    MODEL["daxdev_mapping_supported"] = _daxdev_mapping_supported
    for name in ("vma_flags_test", "vma_flags_test_any", "vma_flags_test_all"):
        MODEL[name] = _flags_by_pointer(name)
    MODEL["is_nommu_shared_mapping"] = _is_nommu_shared
    MODEL["is_nommu_shared_vma_flags"] = _is_nommu_shared
    MODEL["is_cow_mapping"] = _is_cow_mapping
    MODEL["vm_get_page_prot"] = MODEL["vma_flags_to_page_prot"] = _vm_get_page_prot
    MODEL["vma_get_page_prot"] = _vma_get_page_prot
    MODEL["mk_vma_flags"] = _mk_vma_flags
    MODEL["vma_is_dax"] = MODEL["file_is_dax"] = _is_dax
    MODEL["mlock_future_ok"] = _mlock_future_ok
    MODEL["vma_flags_to_legacy"] = _vma_flags_to_legacy
    MODEL["vma_set_file"] = _vma_set_file
    MODEL["shmem_zero_setup"] = MODEL["shmem_zero_setup_desc"] = _shmem_zero_setup
    MODEL["vma_set_anonymous"] = MODEL["vma_desc_set_anonymous"] = _set_anonymous


_fill()
