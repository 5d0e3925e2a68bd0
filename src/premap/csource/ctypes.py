# SPDX-License-Identifier: GPL-2.0-only
"""C types as premap knows them: a 64-bit kernel's (LP64, `-funsigned-char`).

Qualifiers are dropped: what is const matters to a compiler, not to what code does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from premap.csource.structs import StructDef


@dataclass(frozen=True, slots=True)
class IntType:
    """An integer type; `width` is in bits. `bool` has 8, and holds 0 or 1."""

    name: str = field(compare=False)
    width: int
    signed: bool

    def __str__(self) -> str:
        return self.name


class FloatType(Struct, frozen=True):
    """float or double; kernels hardly use them."""

    name: str

    def __str__(self) -> str:
        return self.name


class VoidType(Struct, frozen=True):
    """void."""

    def __str__(self) -> str:
        return "void"


class PointerType(Struct, frozen=True):
    """A pointer; 64 bits."""

    target: CType

    def __str__(self) -> str:
        inner = str(self.target)
        return f"{inner}*" if inner.endswith("*") else f"{inner} *"


class ArrayType(Struct, frozen=True):
    """An array; `length` is None where it is absent or no integer that can be computed."""

    element: CType
    length: int | None
    length_text: str = ""

    def __str__(self) -> str:
        return f"{self.element}[{self.length_text}]"


@dataclass(frozen=True, slots=True)
class StructType:
    """A struct or union. One without a tag is told by where it is defined."""

    kind: str
    """"struct" or "union"."""
    tag: str | None
    origin: str = ""
    """"file:offset" of the definition of one without a tag, else ""."""
    typedef: str | None = field(default=None, compare=False)
    """The typedef that named it, such as "pgprot_t"."""
    definition: StructDef | None = field(default=None, compare=False, repr=False)
    """For one without a tag; those with a tag are found by `Scope.struct()`."""

    def __str__(self) -> str:
        return self.typedef or f"{self.kind} {self.tag or '<anonymous>'}"


@dataclass(frozen=True, slots=True)
class EnumType:
    """An enum: as wide as `int`, unsigned unless a constant of it is negative."""

    tag: str | None
    signed: bool = field(default=False, compare=False)
    width: int = 32

    def __str__(self) -> str:
        return f"enum {self.tag or '<anonymous>'}"


class FunctionType(Struct, frozen=True):
    """A function; `parameters` leaves out the variable ones."""

    result: CType
    parameters: tuple[CType, ...]
    variadic: bool = False

    def __str__(self) -> str:
        listed = ", ".join(str(parameter) for parameter in self.parameters)
        return f"{self.result} ({listed})"


class UnknownType(Struct, frozen=True):
    """A type that can't be told from the sources at hand."""

    name: str

    def __str__(self) -> str:
        return self.name


CType: TypeAlias = (
    IntType
    | FloatType
    | VoidType
    | PointerType
    | ArrayType
    | StructType
    | EnumType
    | FunctionType
    | UnknownType
)

INT = IntType("int", 32, signed=True)
UNSIGNED_INT = IntType("unsigned int", 32, signed=False)
LONG = IntType("long", 64, signed=True)
UNSIGNED_LONG = IntType("unsigned long", 64, signed=False)
CHAR = IntType("char", 8, signed=False)
BOOL = IntType("bool", 8, signed=False)
VOID = VoidType()

_UNSIGNED = {
    8: "u8 __u8 uint8_t u_int8_t u_char unchar bool _Bool",
    16: """u16 __u16 uint16_t u_int16_t u_short ushort __le16 __be16 __sum16 umode_t
        __virtio16""",
    32: """u32 __u32 uint32_t u_int32_t u_int uint __le32 __be32 __wsum __virtio32 gfp_t fmode_t
        vm_fault_t dev_t __kernel_dev_t __poll_t slab_flags_t blk_opf_t uid_t gid_t
        __kernel_uid32_t __kernel_gid32_t nlink_t projid_t""",
    64: """u64 __u64 uint64_t u_int64_t ulong u_long __le64 __be64 __virtio64 size_t
        __kernel_size_t __kernel_ulong_t pgoff_t phys_addr_t resource_size_t dma_addr_t
        vm_flags_t sector_t blkcnt_t ino_t uintptr_t pteval_t pmdval_t pudval_t p4dval_t
        pgdval_t pgprotval_t cycles_t async_cookie_t""",
}
_SIGNED = {
    8: "s8 __s8 int8_t",
    16: "s16 __s16 int16_t",
    32: "s32 __s32 int32_t pid_t __kernel_pid_t key_serial_t clockid_t",
    64: """s64 __s64 int64_t ssize_t __kernel_ssize_t loff_t __kernel_loff_t off_t __kernel_off_t
        ptrdiff_t intptr_t __kernel_long_t time64_t ktime_t __kernel_time64_t clock_t""",
}
KERNEL_INTEGERS: dict[str, IntType] = {
    name: IntType(name, width, signed)
    for table, signed in ((_UNSIGNED, False), (_SIGNED, True))
    for width, names in table.items()
    for name in names.split()
}
"""The kernel's integer typedefs, as an x86-64 kernel has them."""

_BASIC = {
    "char": CHAR,
    "short": IntType("short", 16, signed=True),
    "int": INT,
    "long": LONG,
    "long long": IntType("long long", 64, signed=True),
}


def basic_type(text: str) -> CType | None:
    """Return the type that C's own words name, such as "unsigned long int"; None if they don't."""
    words = [word for word in text.split() if word not in _QUALIFIERS]
    text = " ".join(words)
    if words == ["void"]:
        return VOID
    if text in KERNEL_INTEGERS:
        return KERNEL_INTEGERS[text]
    if words and words[-1] in {"float", "double"}:
        return FloatType(" ".join(words))
    if not words or not set(words) <= _WORDS:
        return None
    size = [word for word in words if word in {"char", "short", "long"}] or ["int"]
    base = _BASIC.get(" ".join(size))
    if base is None or ("unsigned" in words and "signed" in words):
        return None
    signed = "unsigned" not in words and (base is not CHAR or bool(_SIGNED_WORDS & set(words)))
    return base if signed == base.signed else IntType(_spelled(size, signed), base.width, signed)


_QUALIFIERS = {"const", "volatile", "restrict", "register", "static", "extern", "inline"}
_SIGNED_WORDS = {"signed", "__signed__", "__signed"}
_WORDS = {"char", "short", "int", "long", "unsigned", *_SIGNED_WORDS}


def _spelled(size: list[str], signed: bool) -> str:  # noqa: FBT001 - part of the name
    return ("signed " if signed else "unsigned ") + " ".join(size)
