# SPDX-License-Identifier: GPL-2.0-only
"""Types of declarations and members, as the interpreter sees them.

A few of the kernel's types are opaque to drivers, and are values of the model here; they are
listed once, in `OPAQUE`.
"""

from __future__ import annotations

import re
from collections.abc import Hashable

from msgspec import Struct

from premap.csource import enums
from premap.csource.ctypes import (
    ArrayType,
    CType,
    EnumType,
    FunctionType,
    IntType,
    PointerType,
    StructType,
    UnknownType,
    VoidType,
    basic_type,
)
from premap.csource.declarators import decayed
from premap.csource.heads import Parameter
from premap.csource.includes import of_kernel
from premap.csource.macros import compiled
from premap.csource.scope import Scope
from premap.csource.source import Function
from premap.csource.structs import Field, StructDef, overlap
from premap.interp.values import BOOL, INT, PGPROT, ULONG

VMA_FLAGS = IntType("vma_flags_t", 64, signed=False)
"""`vma_flags_t`: here the word of its bitmap, so that a copy is a copy, as in C."""
FILE = StructType("struct", "file")
VMA = StructType("struct", "vm_area_struct")
DESC = StructType("struct", "vm_area_desc")
ACTION = StructType("struct", "mmap_action")
MM = StructType("struct", "mm_struct")
VM_OPS = StructType("struct", "vm_operations_struct")

OPAQUE: dict[str, IntType] = {
    "pgprot_t": PGPROT,
    "struct pgprot": PGPROT,
    "vma_flags_t": VMA_FLAGS,
}

VA_LIST = ArrayType(StructType("struct", "__va_list_tag"), 1, "1")
"""`va_list`: an array, so that functions are given a pointer to it."""
_VA_LISTS = frozenset({"va_list", "__builtin_va_list", "__gnuc_va_list"})
_ANY = VoidType()
MEMBERS: dict[str | None, dict[str, CType]] = {
    "vm_area_struct": {
        "vm_start": ULONG,
        "vm_end": ULONG,
        "vm_pgoff": ULONG,
        "vm_flags": ULONG,
        "flags": VMA_FLAGS,
        "vm_page_prot": PGPROT,
        "vm_ops": PointerType(VM_OPS),
        "vm_private_data": PointerType(_ANY),
        "vm_file": PointerType(FILE),
        "vm_mm": PointerType(MM),
    },
    "vm_area_desc": {
        "mm": PointerType(MM),
        "file": PointerType(FILE),
        "start": ULONG,
        "end": ULONG,
        "pgoff": ULONG,
        "vm_file": PointerType(FILE),
        "vma_flags": VMA_FLAGS,
        "page_prot": PGPROT,
        "vm_ops": PointerType(VM_OPS),
        "private_data": PointerType(_ANY),
        "action": ACTION,
    },
    "mmap_action": {"error_override": INT, "hide_from_rmap_until_complete": BOOL},
}
"""Members of the structures that the model has itself; they are the same in every release."""


def named_type(scope: Scope, text: str) -> CType:
    """Return the type that a text names: a typedef, `struct x`, C's own words, with stars."""
    name = " ".join(text.replace("*", " * ").replace("const ", "").split())
    stars = name.count("*")
    name = name.replace("*", "").strip()
    kind, _, tag = name.partition(" ")
    if kind in ("struct", "union"):
        ctype: CType = StructType(kind, tag)
    elif kind == "enum":
        ctype = enums.named(scope, tag)
    else:
        ctype = OPAQUE.get(name) or basic_type(name) or scope.typedef(name) or UnknownType(name)
    ctype = settled(ctype)
    for _ in range(stars):
        ctype = PointerType(ctype)
    return ctype


def parameter_types(scope: Scope, function: Function) -> tuple[CType, ...]:
    """Return the types of a function's parameters; arrays and functions are pointers there."""

    def make() -> tuple[CType, ...]:
        return tuple(_parameter_type(scope, each) for each in function.parameters)

    return scope.once("parameters", function, make)


def _parameter_type(scope: Scope, parameter: Parameter) -> CType:
    return settled(decayed(settled(scope.type_of(parameter.node))))


def return_type(scope: Scope, function: Function) -> CType:
    """Return the type that a function returns."""

    def make() -> CType:
        ctype = scope.type_of(function.node)
        return settled(ctype.result) if isinstance(ctype, FunctionType) else UnknownType("?")

    return scope.once("returns", function, make)


def settled(ctype: CType) -> CType:
    """Return the type, with the kernel's opaque types as what the model makes of them."""
    if isinstance(ctype, StructType):
        return OPAQUE.get(ctype.typedef or "") or OPAQUE.get(f"struct {ctype.tag}") or ctype
    if isinstance(ctype, UnknownType):
        return VA_LIST if ctype.name in _VA_LISTS else OPAQUE.get(ctype.name, ctype)
    if isinstance(ctype, PointerType):
        return PointerType(settled(ctype.target))
    return ctype


class Member(Struct, frozen=True):
    """What is known of a structure's member."""

    type: CType
    """UnknownType where the structure can't be found."""
    sharing: dict[str, bool]
    """The members that share bytes with it (`sharing`)."""
    begins: bool
    """Whether it is at the address of its structure (`begins`)."""
    occupies: bool
    """Whether its size is not 0, in every configuration (`occupies`)."""


_PATH = re.compile(r"[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*")


def member_path(scope: Scope, ctype: CType, name: str) -> tuple[str, ...]:
    """Return which member of which member a name stands for: more than one, if it is a macro.

    (`#define sk_family __sk_common.skc_family`) Nothing, where a macro makes something else of it.
    """
    return scope.once(
        "member path", (_identity(ctype), name), lambda: _member_path(scope, ctype, name)
    )


def _member_path(scope: Scope, ctype: CType, name: str) -> tuple[str, ...]:
    own = MEMBERS.get(ctype.tag) if isinstance(ctype, StructType) else None
    declared = (own is not None and name in own) or bool(_fields(scope, ctype, name))
    macros = scope.source.macros_of(name)
    if not macros and not declared:
        macros = scope.macro(name) if scope.definitions(ctype) else scope.own_macro(name)
    macros = [each for each in macros if each.parameters is None and each.body.strip() != name]
    if not macros:
        return (name,)
    [body, *others] = {each.body.strip() for each in macros}
    parts = tuple(part.strip() for part in body.split("."))
    plain = _PATH.fullmatch(body) and not any(scope.source.macros_of(part) for part in parts)
    if plain and not others and not declared and not any(each.arms for each in macros):
        return parts
    return (name,) if all(of_kernel(each.source.name) for each in macros) else ()


def member(scope: Scope, ctype: CType, name: str) -> Member:
    """Return what is known of a member."""

    def look() -> Member:
        declared = member_type(scope, ctype, name)
        first, solid = begins(scope, ctype, name), occupies(scope, declared)
        return Member(declared, sharing(scope, ctype, name), first, solid)

    return scope.once("all of member", (_identity(ctype), name), look)


def member_type(scope: Scope, ctype: CType, name: str) -> CType:
    """Return the type of a member; UnknownType where the structure can't be found."""
    return scope.once("member", (_identity(ctype), name), lambda: _member_type(scope, ctype, name))


def _member_type(scope: Scope, ctype: CType, name: str) -> CType:
    path = member_path(scope, ctype, name)
    if path != (name,):
        for step in path:
            ctype = member_type(scope, ctype, step)
        return ctype if path else UnknownType(f"{ctype}.{name}")
    own = MEMBERS.get(ctype.tag) if isinstance(ctype, StructType) else None
    if own is not None and name in own:
        return own[name]
    fields = _fields(scope, ctype, name)
    found = fields[0] if fields else None
    if found is None or any(_read_otherwise(found, each) for each in fields[1:]):
        return UnknownType(f"{ctype}.{name}")
    if found.bits is not None and isinstance(found.type, IntType | EnumType):
        return IntType(str(found.type), found.bits, found.type.signed)
    return settled(found.type)


def _identity(ctype: CType) -> Hashable:
    """Return what tells types apart: of structures without a tag, two may compare equal."""
    known = ctype.definition if isinstance(ctype, StructType) else None
    return ctype if known is None else known


def _fields(scope: Scope, ctype: CType, name: str) -> list[Field]:
    """Return what a member may be: `#if` arms may have one each."""
    found = [each for known in scope.definitions(ctype) for each in known.fields]
    named = [each for each in found if each.name == name]
    return [each for each in named if compiled(each.arms)] or named


def _only_definition(scope: Scope, ctype: CType) -> StructDef | None:
    """Return the definition of a structure, if it has one alone."""
    found = scope.definitions(ctype)
    return found[0] if len(found) == 1 else None


def _read_otherwise(one: Field, other: Field) -> bool:
    return one.bits != other.bits or settled(one.type) != settled(other.type)


def sharing(scope: Scope, ctype: CType, name: str) -> dict[str, bool]:
    """Return the members that share their bytes with a member, as those of a union do.

    The value says whether both begin at the same byte, for certain.
    """
    return scope.once("sharing", (_identity(ctype), name), lambda: _sharing_any(scope, ctype, name))


def _sharing_any(scope: Scope, ctype: CType, name: str) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for each in scope.definitions(ctype):
        shared = _sharing(each, name)
        found |= {other: same and found.get(other, True) for other, same in shared.items()}
    return found


def _sharing(definition: StructDef, name: str) -> dict[str, bool]:
    found = definition.field(name)
    if found is None:
        return {}
    return {
        each.name: each.path[:-1] == found.path[:-1] and each.bits is found.bits is None
        for each in definition.fields
        if each.name != name and overlap(found, each)
    }


def begins(scope: Scope, ctype: CType, name: str) -> bool:
    """Return whether a member is at the address of its structure, in every configuration."""
    return scope.once("begins", (_identity(ctype), name), lambda: _begins(scope, ctype, name))


def _begins(scope: Scope, ctype: CType, name: str) -> bool:
    definition = _only_definition(scope, ctype)
    found = None if definition is None else definition.field(name)
    if definition is None or found is None or found.bits is not None:
        return False
    if found.arms != definition.arms or _is_shuffled(definition):
        return False
    return definition.fields[0] is found or (definition.kind == "union" and len(found.path) == 1)


def occupies(scope: Scope, ctype: CType, depth: int = 0) -> bool:
    """Return whether a type has a size that is not 0, in every configuration."""
    if isinstance(ctype, IntType | EnumType | PointerType):
        return True
    if isinstance(ctype, ArrayType):
        return bool(ctype.length) and occupies(scope, ctype.element, depth + 1)
    definition = _only_definition(scope, ctype)
    if definition is None or depth > 3:
        return False
    always = (each for each in definition.fields if each.arms == definition.arms)
    return any(occupies(scope, settled(each.type), depth + 1) for each in always)


def _is_shuffled(definition: StructDef) -> bool:
    """Return whether a compiler may be told to put the members in any order."""
    after = definition.source.text[definition.end : definition.end + 200]
    return b"randomize_layout" in after.partition(b";")[0]
