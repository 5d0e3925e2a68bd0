# SPDX-License-Identifier: GPL-2.0-only
"""What each kernel release calls the things that an mmap_prepare hook is written with.

Sources: include/linux/mm.h, mm_types.h and fs.h of the release. What a release has no spelling for
is not in its `Release`; whoever needs it declines with `release-lacks-…`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

NEWEST: Final = "7.3"
"""The newest release that is known here, and the target where no tree says another."""

HIGHEST_PORTABLE_BIT: Final = 31
"""Flags above this bit do not exist in the bitmap of 32-bit kernels."""


class UnknownRelease(ValueError):
    """No such release is known, or it is too old to have `->mmap_prepare`."""


class Release(Struct, frozen=True):
    """What one release has, and what it calls it."""

    name: str
    """ "7.3"."""
    test_one: str = "vma_desc_test"
    """Is this one flag set?"""
    test_any: str = "vma_desc_test_any"
    test_all: str | None = "vma_desc_test_all"
    """None: the release has no such function."""
    set_flags: str = "vma_desc_set_flags"
    clear_flags: str = "vma_desc_clear_flags"
    actions: frozenset[str] = frozenset()
    """Names of its mmap_action_…() helpers."""
    error_override: bool = True
    """Has `struct mmap_action` the member `error_override`?"""
    mapped: bool = True
    """Has `struct vm_operations_struct` the member `mapped`?"""
    helpers: frozenset[str] = frozenset()
    """Names of functions that take a descriptor, or what hangs off it, in place of a VMA."""
    bits: Mapping[str, int] = field(default_factory=dict)
    """Flag bits by the name between VMA_ and _BIT; -1 where it is another's alias."""
    wide: frozenset[str] = frozenset()
    """Flags, named as `bits` has them, that are nothing in 32-bit kernels, and their bit in others:
    so the headers define `VM_…`."""
    reviewed: bool = False
    """Comes from this table alone: no tree of it was ever seen, so a person should look."""

    @property
    def number(self) -> tuple[int, int]:
        """Version and patch level, for comparison."""
        return number(self.name)

    @property
    def names(self) -> frozenset[str]:
        """What it has that not every release has."""
        tests = {self.test_one, self.test_any, self.test_all or self.test_any}
        members = {"error_override"} if self.error_override else set()
        members |= {"mapped"} if self.mapped else set()
        flags = {self.set_flags, self.clear_flags}
        return frozenset({*self.actions, *self.helpers, *tests, *flags, *members})

    def has(self, name: str) -> bool:
        """Tell whether the release has this helper or action."""
        return name in self.actions or name in self.helpers


def number(name: str) -> tuple[int, int]:
    """Return "7.3" as (7, 3). Raises UnknownRelease if it is no release's name."""
    found = re.fullmatch(r"v?(\d+)\.(\d+)(?:[.-].*)?", name)
    if found is None:
        raise UnknownRelease(f"{name!r} is no kernel release, such as {NEWEST}")
    return int(found[1]), int(found[2])


_NAMES: Final = (
    "READ WRITE EXEC SHARED MAYREAD MAYWRITE MAYEXEC MAYSHARE GROWSDOWN UFFD_MISSING PFNMAP "
    "MAYBE_GUARD UFFD_WP LOCKED IO SEQ_READ RAND_READ DONTCOPY DONTEXPAND LOCKONFAULT ACCOUNT "
    "NORESERVE HUGETLB SYNC ARCH_1 WIPEONFORK DONTDUMP SOFTDIRTY MIXEDMAP HUGEPAGE NOHUGEPAGE "
    "MERGEABLE"
)
_BITS: Final = {name: bit for bit, name in enumerate(_NAMES.split())}
_REMAPS: Final = frozenset(
    {
        "mmap_action_remap",
        "mmap_action_remap_full",
        "mmap_action_ioremap",
        "mmap_action_ioremap_full",
    }
)
_KERNEL_PAGES: Final = frozenset(
    {
        "mmap_action_simple_ioremap",
        "mmap_action_map_kernel_pages",
        "mmap_action_map_kernel_pages_full",
    }
)
_HELPERS_7_0: Final = frozenset(
    {
        "generic_file_mmap_prepare",
        "generic_file_readonly_mmap_prepare",
        "daxdev_mapping_supported",
        "vma_desc_size",
        "vma_desc_pages",
    }
)
_HELPERS_7_1: Final = _HELPERS_7_0 | {"compat_set_desc_from_vma", "__compat_vma_mmap"}
_HELPERS_7_2: Final = _HELPERS_7_1 | {
    "vma_desc_is_cow_mapping",
    "is_nommu_shared_vma_flags",
    "shmem_zero_setup_desc",
    "vma_desc_set_anonymous",
    "vma_flags_to_legacy",
    "file_is_dax",
}
_HELPERS_7_3: Final = _HELPERS_7_2 | {"vma_flags_to_page_prot"}

_R7_3: Final = Release(
    "7.3",
    actions=_REMAPS | _KERNEL_PAGES,
    helpers=_HELPERS_7_3,
    bits=_BITS,
    wide=frozenset({"ALLOW_ANY_UNCACHED", "SEALED"}),
)
_R7_2: Final = replace(_R7_3, name="7.2", helpers=_HELPERS_7_2)
_R7_1: Final = replace(
    _R7_3,
    name="7.1",
    error_override=False,
    helpers=_HELPERS_7_1,
    wide=frozenset(),
    reviewed=True,
)
_R7_0: Final = replace(
    _R7_1,
    name="7.0",
    test_one="vma_desc_test_flags",
    test_any="vma_desc_test_flags",
    test_all=None,
    actions=_REMAPS,
    mapped=False,
    helpers=_HELPERS_7_0,
)
KNOWN: Final[Mapping[str, Release]] = {r.name: r for r in (_R7_0, _R7_1, _R7_2, _R7_3)}
"""Releases whose hooks premap can write, oldest first."""


def named(name: str) -> Release:
    """Return the release "7.3"; one newer than all known is written as the newest.

    Raises UnknownRelease before 7.0, whose descriptors hold their flags in a plain word, and for
    what is no release's name.
    """
    wanted = number(name)
    if wanted > number(NEWEST):
        return replace(KNOWN[NEWEST], name="{}.{}".format(*wanted), reviewed=True)
    found = KNOWN.get("{}.{}".format(*wanted))
    if found is None:
        raise UnknownRelease(
            f"{name}: hooks can be written for {', '.join(KNOWN)} and newer; "
            "older releases have no vma_flags_t in their descriptors"
        )
    return found


_UNDATED: Final = re.compile(r"vma_flags_(?!t\b)\w+")
"""Functions on flags, of which it is not known in which release each came."""


def since(words: Collection[str]) -> Release:
    """Return the first release of which it is known that it and all later ones have these words.

    Words that no release knows do not count, but for functions on flags: those are taken to be as
    old as the oldest release of which a tree was seen. Raises UnknownRelease where a later release
    lacks some.
    """
    known = list(KNOWN.values())
    needed = frozenset(words) & frozenset(name for each in known for name in each.names)
    undated = any(_UNDATED.fullmatch(word) and word not in needed for word in words)
    lacking = [each for each in known if not needed <= each.names or (undated and each.reviewed)]
    if not lacking:
        return known[0]
    after = known[known.index(lacking[-1]) + 1 :]
    if not after:
        gone = ", ".join(sorted(needed - lacking[-1].names))
        raise UnknownRelease(f"{lacking[-1].name} has no {gone}; choose a newer --target")
    return after[0]


_BIT: Final = re.compile(r"DECLARE_VMA_BIT\((\w+),\s*(\d+)\)")
_ALIAS: Final = re.compile(r"DECLARE_VMA_BIT_ALIAS\((\w+),\s*(\w+)\)")


_WIDE: Final = re.compile(
    r"^#ifdef CONFIG_64BIT\n((?:#define VM_\w+\s+\w+\(\w+\)\n)+)#else\n"
    r"((?:#define VM_\w+\s+VM_NONE\n)+)#endif",
    re.MULTILINE,
)
"""What headers say of flags that only 64-bit kernels have."""
_DEFINED: Final = re.compile(r"#define VM_(\w+)\s+(?:INIT_VM_FLAG\((\w+)\)|VM_NONE)")


def _wide(text: str) -> frozenset[str]:
    """Return the flags that are their own bit in 64-bit kernels, and nothing in others."""
    found: set[str] = set()
    for match in _WIDE.finditer(text):
        there = {name for name, bit in _DEFINED.findall(match[1]) if name == bit}
        found |= there & {name for name, _ in _DEFINED.findall(match[2])}
    return frozenset(name for name in found if len(re.findall(rf"#define VM_{name}\b", text)) == 2)


_LETTER: Final = re.compile(r"\w")


def _says(text: str, word: str) -> bool:
    """Whether a text has a word; to collect all of its words takes ten times as long."""
    at = text.find(word)
    while at >= 0:
        after = at + len(word)
        if not _LETTER.match(text[max(0, at - 1) : at]) and not _LETTER.match(text, after):
            return True
        at = text.find(word, after)
    return False


def from_headers(name: str, header: Callable[[str], str]) -> Release:
    """Return the release of a tree: the table's, less what the tree's headers do not have.

    `header` gives the text of a file under the tree's root, "" where there is none. Raises
    UnknownRelease as `named` does.
    """
    known = named(name)
    texts = "\n".join(
        header(f"include/linux/{file}.h") for file in ("mm", "mm_types", "fs", "dax", "shmem_fs")
    )
    asked = known.actions | known.helpers | {known.test_all, "error_override", "vm_area_desc"}
    words = {word for word in asked if word is not None and _says(texts, word)}
    bits = {bit: int(at) for bit, at in _BIT.findall(texts)}
    bits |= {alias: -1 for alias, _ in _ALIAS.findall(texts)}
    if "vm_area_desc" not in words:
        raise UnknownRelease(f"{name}: the tree's headers have no struct vm_area_desc")
    return replace(
        known,
        test_all=known.test_all if known.test_all in words else None,
        actions=known.actions & words,
        error_override=known.error_override and "error_override" in words,
        mapped=known.mapped and "(*mapped)(" in texts,
        helpers=known.helpers & words,
        bits=bits or known.bits,
        wide=_wide(texts),
        reviewed=False,
    )
