# SPDX-License-Identifier: GPL-2.0-only
"""Entries of the reference: looked up by name, put together from docstrings and kernel.toml."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from types import FunctionType
from typing import Any, Literal

from msgspec import Struct

from premap import model
from premap.releases import HIGHEST_PORTABLE_BIT, KNOWN, Release

Kind = Literal["function", "flag", "mask", "field", "member"]

_NAMED = re.compile(r"\A\w+(?:\(\))?(?:(?: of [^:]*)?:|,) ", re.ASCII)
"""How a docstring of the model begins: with the name that it is the docstring of."""
_OF_THE_MODEL = frozenset(
    {
        *("IS_APPEND", "IS_DAX", "IS_SWAPFILE", "compat_vma_mmap_complete", "file_accessed"),
        *("file_inode", "filemap_fault", "filemap_page_mkwrite", "fput", "get_file"),
        *(
            "pgprot_device_np",
            "pgprot_noncached_wc",
            "pgprot_writable",
            "shmem_file",
            "vma_flags_count",
            "vma_size",
        ),
        "zap_special_vma_range",
    }
)
"""Functions of the model whose docstrings say what the model does, or are no kernel's."""
_MODELLED: Mapping[str, type] = {"vm_area_desc": model.VmAreaDesc, "mmap_action": model.MmapAction}


class Entry(Struct, frozen=True):
    """One name of the kernel's interface."""

    name: str
    kind: Kind
    head: str
    """How it is written: a call with its arguments, a declaration, or `VMA_IO_BIT = 14`."""
    text: str
    """One or more paragraphs."""
    since: str | None = None
    """The first release that has it; None: not known, or one of `releases`."""
    releases: tuple[str, ...] = ()
    """Releases that have it, of those that premap writes hooks for; empty: not known."""

    @property
    def availability(self) -> str:
        """Which releases have it, in words; "" where that is not known."""
        if self.since is not None:
            return f"since {self.since}"
        return f"in {', '.join(self.releases)}" if self.releases else ""


@cache
def lookup(name: str) -> Entry | None:
    """Return what is known of a function, a flag, a mask, or a member of an operation table."""
    table = _table()
    if name in table["functions"] or isinstance(_exported(name), FunctionType):
        return _function(name, table["functions"].get(name, {}))
    if name in table["members"]:
        return _member(name, table["members"][name])
    bit = re.fullmatch(r"VMA_(\w+)_BIT", name)
    if bit is not None and bit[1] in table["flags"]:
        return _flag(bit[1], table["flags"][bit[1]])
    mask = name.removeprefix("VM_")
    if mask != name and mask in table["flags"]:
        return _mask(mask, table["flags"][mask])
    return None


@cache
def field(struct: str, name: str) -> Entry | None:
    """Return what is known of a field of `struct vm_area_desc` or `struct mmap_action`."""
    known = _table()["fields"].get(struct, {}).get(name)
    if known is None:
        return None
    own = inspect.getdoc(getattr(_MODELLED[struct], name, None)) if "text" not in known else None
    return _entry(name, "field", f"{name} ({known['kind']}) of struct {struct}", known, own)


def names() -> Iterator[str]:
    """Yield every name that `lookup` knows."""
    table = _table()
    exported = {name for name in model.__all__ if isinstance(_exported(name), FunctionType)}
    yield from sorted(exported | table["functions"].keys())
    yield from table["members"]
    for flag in table["flags"]:
        yield f"VMA_{flag}_BIT"
        yield f"VM_{flag}"


@cache
def _table() -> dict[str, Any]:
    file = resources.files("premap.reference") / "kernel.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _exported(name: str) -> Any:
    """Return the function that the model exports under a kernel's name."""
    if name not in model.__all__ or name in _OF_THE_MODEL:
        return None
    return getattr(model, name)


def _function(name: str, known: Mapping[str, Any]) -> Entry:
    function = _exported(name)
    if function is None:
        return _entry(name, "function", known["call"], known, None)
    arguments = ", ".join(_argument(p) for p in inspect.signature(function).parameters.values())
    told = _NAMED.sub("", inspect.getdoc(function) or "", count=1)
    return _entry(name, "function", f"{name}({arguments})", known, _sentence(told))


def _sentence(told: str) -> str:
    """Begin a text with a capital letter, unless it begins with a name."""
    return told if re.match(r"\w+(?:_|\()", told) else told[:1].upper() + told[1:]


def _argument(parameter: inspect.Parameter) -> str:
    return "bit, …" if parameter.kind is parameter.VAR_POSITIONAL else parameter.name


def _member(name: str, known: Mapping[str, Any]) -> Entry:
    return _entry(name, "member", known["call"], known, None)


def _flag(flag: str, known: Mapping[str, Any]) -> Entry:
    name = f"VMA_{flag}_BIT"
    bit: int | None = getattr(model, name, None)
    head = name if bit is None else f"{name} = {bit}"
    more = f"The mask of `->mmap` hooks is `VM_{flag}`."
    if bit is not None and bit > HIGHEST_PORTABLE_BIT:
        more = f"32-bit kernels have no such bit: setting it there writes beyond the bitmap. {more}"
    return _entry(name, "flag", head, known, None, more)


def _mask(flag: str, known: Mapping[str, Any]) -> Entry:
    more = (
        f"A mask, for `vma->vm_flags` and `vm_flags_set()`. What takes a descriptor wants the "
        f"bit, `VMA_{flag}_BIT`; the compiler does not tell them apart."
    )
    return _entry(f"VM_{flag}", "mask", f"VM_{flag}", known, None, more)


def _entry(
    name: str, kind: Kind, head: str, known: Mapping[str, Any], own: str | None, more: str = ""
) -> Entry:
    parts = (known.get("text") or _in_c(own or ""), known.get("note", ""), more)
    text = "\n\n".join(part for part in parts if part)
    listed = tuple(known.get("releases", ())) or _releases(name)
    return Entry(name, kind, head, text, known.get("since"), listed if kind != "mask" else ())


def _in_c(told: str) -> str:
    """Return what a docstring of the model says, in the words of someone who writes C."""
    for python, c in (("desc.", "desc->"), ("None", "NULL"), (" (KernelBug)", "")):
        told = told.replace(python, c)
    return told


def _releases(name: str) -> tuple[str, ...]:
    return tuple(release.name for release in KNOWN.values() if has(release, name))


def has(release: Release, name: str) -> bool:
    """Tell whether a release has a function, a flag's bit, or a member, as far as is known."""
    spelled = {release.test_one, release.test_any, release.test_all}
    spelled |= {release.set_flags, release.clear_flags}
    flag = re.fullmatch(r"VMA_(\w+)_BIT", name)
    if flag is not None:
        return flag[1] in release.bits
    if name in {"error_override", "mapped"}:
        return bool(getattr(release, name))
    return name in spelled or release.has(name)
