# SPDX-License-Identifier: GPL-2.0-only
"""Which of the kernel's numbers a scenario may ask for: what their names are, by group.

A mask of one flag (VM_) is asked for as its bit's: where an architecture lacks the flag, the kernel
has 0 for its mask. What depends on the configuration (S_DAX, VMA_SHADOW_STACK_BIT), or is newer
than 7.2 (VMA_UFFD_RWP_BIT), is not here.
"""

from __future__ import annotations

from premap.model import accounting, actions, bits, constants, fault

_FLAGS = (
    "READ WRITE EXEC SHARED MAYREAD MAYWRITE MAYEXEC MAYSHARE GROWSDOWN UFFD_MISSING PFNMAP "
    "MAYBE_GUARD UFFD_WP LOCKED IO SEQ_READ RAND_READ DONTCOPY DONTEXPAND LOCKONFAULT ACCOUNT "
    "NORESERVE HUGETLB SYNC ARCH_1 WIPEONFORK DONTDUMP MIXEDMAP HUGEPAGE NOHUGEPAGE MERGEABLE "
    "ALLOW_ANY_UNCACHED DROPPABLE UFFD_MINOR SEALED PKEY_BIT0 PKEY_BIT1 PKEY_BIT2 PKEY_BIT3 STACK "
)
_ONLY_BITS = (
    "SOFTDIRTY HIGH_ARCH_0 HIGH_ARCH_1 HIGH_ARCH_2 HIGH_ARCH_3 HIGH_ARCH_4 HIGH_ARCH_5 HIGH_ARCH_6 "
    "PKEY_BIT4 SAO GROWSUP SPARC_ADI ARM64_BTI ARCH_CLEAR MAPPED_COPY MTE MTE_ALLOWED"
)


def _prefixed(prefix: str, names: str, suffix: str = "") -> list[str]:
    return [prefix + name + suffix for name in names.split()]


GROUPS: dict[str, tuple[str, ...]] = {
    "bits": tuple(_prefixed("VMA_", _FLAGS + _ONLY_BITS, "_BIT")),
    "masks": (
        *_prefixed("VM_", _FLAGS),
        *_prefixed("VM_", "ACCESS_FLAGS SPECIAL LOCKED_MASK NO_KHUGEPAGED"),
    ),
    "calls": (
        *_prefixed("PROT_", "NONE READ WRITE EXEC SEM GROWSDOWN GROWSUP"),
        *_prefixed(
            "MAP_",
            "SHARED PRIVATE SHARED_VALIDATE DROPPABLE TYPE FIXED ANONYMOUS 32BIT ABOVE4G GROWSDOWN "
            "DENYWRITE EXECUTABLE LOCKED NORESERVE POPULATE NONBLOCK STACK HUGETLB SYNC "
            "FIXED_NOREPLACE",
        ),
        *_prefixed("MREMAP_", "MAYMOVE FIXED DONTUNMAP"),
        *_prefixed("MCL_", "CURRENT FUTURE ONFAULT"),
        "LEGACY_MAP_MASK",
        "MLOCK_ONFAULT",
    ),
    "advice": tuple(
        _prefixed(
            "MADV_",
            "NORMAL RANDOM SEQUENTIAL WILLNEED DONTNEED FREE REMOVE DONTFORK DOFORK HWPOISON "
            "SOFT_OFFLINE MERGEABLE UNMERGEABLE HUGEPAGE NOHUGEPAGE DONTDUMP DODUMP WIPEONFORK "
            "KEEPONFORK COLD PAGEOUT POPULATE_READ POPULATE_WRITE DONTNEED_LOCKED COLLAPSE "
            "GUARD_INSTALL GUARD_REMOVE",
        )
    ),
    "files": (
        *_prefixed("FMODE_", "READ WRITE"),
        *_prefixed("FOP_", "MMAP_SYNC UNSIGNED_OFFSET"),
        *_prefixed("F_SEAL_", "WRITE FUTURE_WRITE"),
        *_prefixed("S_", "APPEND SWAPFILE IFMT IFSOCK IFREG IFBLK IFCHR"),
        *_prefixed("OVERCOMMIT_", "GUESS ALWAYS NEVER"),
        *_prefixed("MMAP_", "NOTHING REMAP_PFN IO_REMAP_PFN SIMPLE_IO_REMAP MAP_KERNEL_PAGES"),
        "DEFAULT_MAX_MAP_COUNT",
        "MAX_ERRNO",
    ),
    "faults": (
        *_prefixed("VM_FAULT_", "OOM SIGBUS MAJOR HWPOISON SIGSEGV NOPAGE LOCKED RETRY"),
        "FAULT_FLAG_WRITE",
    ),
}
"""The names of each group, in the order of the answer."""

_MODULES = (bits, constants, fault, actions, accounting)


def numbers_of(group: str) -> dict[str, int]:
    """Return what the model says of the names of a group."""
    return {name: _number(name) for name in GROUPS[group]}


def _number(name: str) -> int:
    return next(int(getattr(module, name)) for module in _MODULES if hasattr(module, name))
