# SPDX-License-Identifier: GPL-2.0-only
"""Connects C memory with the model: the VMA, the descriptor, files, operation tables, pages."""

from __future__ import annotations

import abc
import pathlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct

from premap.csource.ctypes import CType, PointerType, StructType, VoidType
from premap.csource.definitions import defining
from premap.csource.errors import SourceError
from premap.csource.nodes import find_all, parse
from premap.csource.scope import Scope, Variable
from premap.csource.source import SourceFile, read_source
from premap.csource.text import without_directives
from premap.csource.tree import KernelTree
from premap.interp.conditions import compiled
from premap.interp.objects import Object
from premap.interp.operators import accessed, convert
from premap.interp.replaced import other_file
from premap.interp.scalars import word_of
from premap.interp.syntax import part, text_of
from premap.interp.types import DESC, FILE, MEMBERS, MM, VM_OPS, VMA
from premap.interp.values import Path, Place, Pointer, Value, plain, to_signed, unit_of
from premap.model import VmAreaDesc, VmAreaStruct
from premap.model.errors import NotModelled
from premap.model.words import U64_MAX

if TYPE_CHECKING:
    from premap.interp.machine import Machine

CALLBACKS = (
    "access",
    "close",
    "fault",
    "huge_fault",
    "map_pages",
    "mapped",
    "may_split",
    "mprotect",
    "mremap",
    "name",
    "open",
    "page_mkwrite",
    "pagesize",
    "pfn_mkwrite",
)


CallbackMaker = Callable[["Machine", SourceFile, str, str], Callable[..., Any]]
"""Makes a C function a callback of the model: machine, its file, the member, its name."""


class Bindings:
    """What C code of one run shares with the model."""

    def __init__(
        self, tree: KernelTree | None, scopes: dict[int, Scope], callback: CallbackMaker
    ) -> None:
        self.tree = tree
        self.callback = callback
        self.root: SourceFile | None = None
        """The file of the hook, in which headers are read."""
        self._scopes = scopes
        self._tables: dict[str, VmOperationsTable] = {}
        self._mappings: dict[int, MappingObject] = {}
        self.file: Any = None
        """The model's file; its C object is called "file"."""
        self.others: dict[str, Any] = {}
        """Other files that a hook gave to a mapping, by the name of what points to them."""

    def scope(self, source: SourceFile) -> Scope:
        """Return the scope of a source file; looked up once for all runs that share `scopes`."""
        found = self._scopes.get(id(source))
        if found is None:
            header = source.name.endswith(".h") and source is not self.root
            includer = self.root if header else None
            found = self._scopes[id(source)] = Scope(source, self.tree, includer)
        return found

    def scopes(self) -> tuple[Scope, ...]:
        """Return the scopes of all files that were looked into."""
        return tuple(self._scopes.values())

    def defining(self, name: str, seen_from: SourceFile) -> list[SourceFile]:
        """Return the files of the tree that define a function which gets the mapping."""
        return [] if self.tree is None else defining(name, seen_from, self.tree)

    def is_mapping(self, candidate: Object) -> bool:
        """Return whether an object is a VMA or a descriptor."""
        return isinstance(candidate, MappingObject)

    def outlasts(self, key: str) -> bool:
        """Return whether what memory knows by a key is more than a VMA or a descriptor."""
        return all(each.key != key for each in self._mappings.values())

    def mapping(self, machine: Machine, bound: VmAreaStruct | VmAreaDesc) -> Value:
        """Return the C pointer to a VMA or descriptor of the model."""
        made = self._mappings.get(id(bound))
        if made is None:
            if isinstance(bound, VmAreaDesc):
                made = DescObject(machine, bound)
            else:
                made = VmaObject(machine, bound)
            self._mappings[id(bound)] = made
        return Value(PointerType(made.type), Pointer(Place(made), made.address))

    def file_pointer(self, machine: Machine, file: Any) -> Value:
        """Return the C pointer to a file of the model."""
        if file is None:
            return Value(PointerType(FILE), Pointer(None, 0))
        if file is not self.file:
            if file not in self.others.values():
                raise NotModelled("another file than the one that is mapped")
            pointer: Value = file.pointer
            return pointer
        made = machine.memory.objects.get("file")
        if made is None:
            address = machine.memory.object("file", FILE, nonnull=True).address
            made = FileObject(machine, file, address)
            machine.memory.objects["file"] = made
        return Value(PointerType(FILE), Pointer(Place(made), made.address))

    def operations(self, machine: Machine, value: Value, source: SourceFile) -> Any:
        """Return the model's view of a C pointer to a `vm_operations_struct`; None for NULL."""
        data = value.data
        if not isinstance(data, Pointer):
            raise NotModelled("vm_ops is no pointer")
        if data.place is None:
            if isinstance(data.address, int) and data.address == 0:
                return None
            raise NotModelled("vm_ops is computed")
        name = str(data.place)
        if name not in self._tables:
            self._tables[name] = VmOperationsTable(machine, value, name, source)
        return self._tables[name]


_KERNEL_TABLES = {
    "generic_file_vm_ops": (
        ("fault", "filemap_fault"),
        ("map_pages", "filemap_map_pages"),
        ("page_mkwrite", "filemap_page_mkwrite"),
    ),
}
"""Operations that the kernel exports (mm/filemap.c)."""


class FileObject(Object):
    """`struct file`: what the model knows of it is the model's, the rest is made up."""

    __slots__ = ("file", "machine")

    def __init__(self, machine: Machine, file: Any, address: int) -> None:
        super().__init__(machine.memory, "file", FILE, address, local=False)
        self.machine = machine
        self.file = file

    def load(self, path: Path, ctype: CType) -> Value:
        """Read a member."""
        if path == ("f_mode",):
            return Value(ctype, self.file.f_mode)
        return super().load(path, ctype)

    def store(self, path: Path, value: Value) -> None:
        """Write a member; the model's own are not for hooks to change."""
        if path == ("f_mode",):
            raise NotModelled("a hook changes f_mode")
        super().store(path, value)


class MappingObject(Object):
    """A VMA or a descriptor: its members are the model's."""

    __slots__ = ("machine", "source")

    known: ClassVar[dict[str, CType]]
    """The members that the model has."""
    settable: ClassVar[frozenset[str]]

    def __init__(self, machine: Machine, name: str, ctype: CType) -> None:
        address = machine.inputs.word(f"&{name}") | (1 << 63)
        super().__init__(machine.memory, name, ctype, address, local=True)
        self.machine = machine
        self.source: SourceFile | None = None

    @property
    @abc.abstractmethod
    def bound(self) -> Any:
        """The VMA or descriptor of the model."""

    @property
    @abc.abstractmethod
    def flags(self) -> int:
        """Its word of flags."""

    @abc.abstractmethod
    def get(self, name: str) -> Any:
        """Return a member as the model has it."""

    @abc.abstractmethod
    def set(self, name: str, data: Any) -> None:
        """Set a member as the model wants it."""

    def load(self, path: Path, ctype: CType) -> Value:
        """Read a member, by the kernel's name."""
        name = self._member(path)
        return self._outward(name, ctype, self.get(name))

    def store(self, path: Path, value: Value) -> None:
        """Write a member, by the kernel's name."""
        name = self._member(path)
        if name not in self.settable:
            raise NotModelled(f"{self.name}->{name} is assigned")
        self.set(name, self._inward(name, value))

    def _member(self, path: Path) -> str:
        name = ".".join(str(step) for step in path)
        if name not in self.known:
            raise NotModelled(f"{self.name}->{name} is not known")
        return name

    def _outward(self, name: str, ctype: CType, data: Any) -> Value:
        """Return a member's value as C sees it."""
        machine = self.machine
        if name in ("vm_file", "file"):
            return machine.bindings.file_pointer(machine, data)
        if name in ("vm_mm", "mm"):
            made = machine.memory.object("mm", MM, nonnull=True)
            return Value(PointerType(MM), Pointer(Place(made), made.address))
        if name == "vm_ops":
            return operations_pointer(machine, data)
        if name in ("vm_private_data", "private_data"):
            return data if data is not None else Value(PointerType(VoidType()), Pointer(None, 0))
        return Value(ctype, data)

    def _inward(self, name: str, value: Value) -> Any:
        """Return what the model keeps of a C value."""
        if name == "vm_file":
            return other_file(self.machine, value)
        if name == "vm_ops":
            if self.source is None:
                raise NotModelled("vm_ops is assigned outside of a hook")
            return self.machine.bindings.operations(self.machine, value, self.source)
        if name in ("vm_private_data", "private_data"):
            return convert(self.machine.inputs, value, PointerType(VoidType()))
        return word_of(value)


class VmaObject(MappingObject):
    """`struct vm_area_struct`."""

    __slots__ = ("lent", "vma")
    known = MEMBERS["vm_area_struct"]
    settable = frozenset(
        {"vm_flags", "vm_pgoff", "vm_page_prot", "vm_ops", "vm_private_data", "vm_start", "vm_end"}
    )

    def __init__(self, machine: Machine, vma: VmAreaStruct) -> None:
        super().__init__(machine, "vma", VMA)
        self.vma = vma
        self.lent: str | None = None
        """The last function that got the VMA and was not followed."""

    @property
    def bound(self) -> VmAreaStruct:
        """The VMA."""
        return self.vma

    @property
    def flags(self) -> int:
        """Its word of flags."""
        return self.vma.vm_flags

    def get(self, name: str) -> Any:
        """Return a member; `flags` as a word."""
        if name == "vm_file" and self.lent is not None:
            raise NotModelled(f"vma->vm_file is read after {self.lent}() had the mapping")
        return self.vma.vm_flags if name == "flags" else getattr(self.vma, name)

    def set(self, name: str, data: Any) -> None:
        """Set a member."""
        setattr(self.vma, name, data)


class DescObject(MappingObject):
    """`struct vm_area_desc`; of its action, what a hook may set itself."""

    __slots__ = ("desc",)
    known: ClassVar[dict[str, CType]] = {
        **MEMBERS["vm_area_desc"],
        **{f"action.{name}": ctype for name, ctype in MEMBERS["mmap_action"].items()},
    }
    settable = frozenset(
        {
            "pgoff",
            "vm_file",
            "vma_flags",
            "page_prot",
            "vm_ops",
            "private_data",
            "action.error_override",
            "action.hide_from_rmap_until_complete",
        }
    )

    def __init__(self, machine: Machine, desc: VmAreaDesc) -> None:
        super().__init__(machine, "desc", DESC)
        self.desc = desc

    @property
    def bound(self) -> VmAreaDesc:
        """The descriptor."""
        return self.desc

    @property
    def flags(self) -> int:
        """Its word of flags."""
        word: int = self.desc.raw("vma_flags")
        return word

    def get(self, name: str) -> Any:
        """Return a member; flags as a word."""
        if name == "action.error_override":
            return self.desc.action.error_override & U64_MAX
        if name == "action.hide_from_rmap_until_complete":
            return int(self.desc.action.hide_from_rmap_until_complete)
        return self.desc.raw(name)

    def set(self, name: str, data: Any) -> None:
        """Set a member; flags as a word."""
        if name == "action.error_override":
            known = plain(data)
            if known is None:
                raise NotModelled("error_override is not constant")
            self.desc.action.error_override = to_signed(known)
        elif name == "action.hide_from_rmap_until_complete":
            self.desc.action.hide_from_rmap_until_complete = bool(data)
        else:
            self.desc.set_raw(name, data)


def operations_pointer(machine: Machine, table: Any) -> Value:
    """Return the C pointer to a table of VMA operations."""
    if table is None:
        return Value(PointerType(VM_OPS), Pointer(None, 0))
    if isinstance(table, VmOperationsTable):
        return table.pointer
    made = machine.memory.object(table.label or "vm_ops", VM_OPS, nonnull=True)
    return Value(PointerType(VM_OPS), Pointer(Place(made), made.address))


class PageArray:
    """`struct page **`: the pages are the words of their addresses."""

    def __init__(self, machine: Machine, pointer: Value) -> None:
        self._machine = machine
        self.pointer = pointer

    def __getitem__(self, index: int) -> int:
        """Return the address of a `struct page`."""
        place = self.pointer.data.place
        if place is None:
            raise NotModelled("an array of pages at a computed address")
        page = PointerType(StructType("struct", "page"))
        element = accessed(place.element(index, unit_of(page)), page)
        return word_of(element.object.load(element.path, page))


class VmOperationsTable:
    """A `vm_operations_struct` of the C source; its callbacks are executed when the model asks."""

    def __init__(self, machine: Machine, pointer: Value, name: str, source: SourceFile) -> None:
        self.machine = machine
        self.pointer = pointer
        self.label = name
        self.source = source
        self._members: Mapping[str, Member] | None = None

    def members(self) -> Mapping[str, Member]:
        """Return which callbacks the table names."""
        if self._members is None:
            self._members = self._find()
        return self._members

    def __getattr__(self, name: str) -> Callable[..., Any] | None:
        if name not in CALLBACKS:
            raise AttributeError(name)
        member = self.members().get(name)
        if member is None:
            return None
        if not compiled(self.machine, self.source, member.arms):
            return None
        return self.machine.bindings.callback(self.machine, self.source, name, member.function)

    def _find(self) -> Mapping[str, Member]:
        if self.label in _KERNEL_TABLES:
            return {name: Member(function, ()) for name, function in _KERNEL_TABLES[self.label]}
        found = _variable(self.machine.bindings.scope(self.source), self.label)
        if found is None and self.source.linked:
            found = self._in_linked()
        if found is None and self.source.path is not None:
            found = self._in_siblings(self.source.path)
        if found is None:
            raise NotModelled(
                f"the operations {self.label} are defined in a file that was not found"
            )
        self.source = found.source
        members = _designated(found)
        macro = next((name for name in members if found.source.macros_of(name)), None)
        if macro is not None:
            raise NotModelled(f"->{macro} of the operations {self.label}, which is a macro")
        return members

    def _in_linked(self) -> Variable | None:
        """Look in the files whose functions the file calls; None if several have the table."""
        linked = {
            each.source.name: each.source
            for found in self.source.functions.values()
            for each in found
            if each.source is not self.source
        }
        tables = [
            _variable(self.machine.bindings.scope(file), self.label) for file in linked.values()
        ]
        known = [table for table in tables if table is not None]
        return known[0] if len({table.source.name for table in known}) == 1 else None

    def _in_siblings(self, own: pathlib.Path) -> Variable | None:
        """Look in the other files of the folder: a driver is often more than one file."""
        pattern = re.compile(rb"vm_operations_struct\s+" + re.escape(self.label.encode()) + rb"\b")
        for path in sorted(own.parent.glob("*.c")):
            try:
                if path == own or not pattern.search(path.read_bytes()):
                    continue
                other = read_source(path, path.name)
            except (OSError, SourceError):
                continue
            found = _variable(self.machine.bindings.scope(other), self.label)
            if found is not None:
                return found
        return None


def _variable(scope: Scope, name: str) -> Variable | None:
    variable = scope.variable(name) if name.isidentifier() else None
    return variable if variable is not None and variable.initializer is not None else None


class Member(Struct, frozen=True):
    """A callback of a table, and the `#if` arms that it is in."""

    function: str
    arms: tuple[str, ...]


_HEAD = b"int table = "


@lru_cache(maxsize=32)
def _designated(variable: Variable) -> Mapping[str, Member]:
    """Read an initializer without its directives, which would confuse the parser."""
    if variable.initializer is None:
        raise NotModelled(f"the operations {variable.name} have no initializer")
    source, start = variable.source, variable.initializer.start_byte
    text = without_directives(source.code[start : _closing(source.code, start)])
    outer = len(source.arms_at(start))
    members: dict[str, Member] = {}
    for node in find_all(parse(_HEAD + text + b";"), "initializer_pair", "ERROR"):
        designator = part(node, "designator")
        value = part(node, "value")
        if designator is None or value is None:
            raise NotModelled("the initializer of the operations could not be parsed")
        name, function = text_of(designator).lstrip("."), text_of(value).lstrip("&")
        if name in members:
            raise NotModelled(f"->{name} is named twice in the operations")
        if function != "NULL":
            arms = source.arms_at(start + node.start_byte - len(_HEAD))[outer:]
            members[name] = Member(function, arms)
    return members


def _closing(code: bytes, start: int) -> int:
    """Return the offset after the brace that closes the one at `start`."""
    depth = 0
    for match in re.finditer(rb"[{}]", code[start:]):
        depth += 1 if match[0] == b"{" else -1
        if depth == 0:
            return start + match.end()
    return len(code)
