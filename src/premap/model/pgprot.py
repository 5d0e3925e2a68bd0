# SPDX-License-Identifier: GPL-2.0-only
"""Page protections (`pgprot_t`) as one word, so that a symbolic one passes through.

Bits 0-3 are the index into protection_map[] (READ, WRITE, EXEC, SHARED, as in the VMA's flags);
above them lies what the kernel keeps when flags change: bits 4-7 the cache mode, bit 8 "not
encrypted" (pgprot_decrypted()), bit 9 "never executable" (pgprot_nx()). Setting a cache mode
replaces the one before, as on arm64; x86-64 would combine their bits. Where an architecture has no
such mode the kernel's own fallback is the same word for both versions of a hook.
"""

from __future__ import annotations

from premap.model.words import U64_MAX

ACCESS_MASK = 0xF
CACHE_SHIFT = 4
CACHE_MASK = 0xF0
PGPROT_DECRYPTED = 1 << 8
PGPROT_NX = 1 << 9
SHARED_WRITE = 0b1010

CACHE_MODES = (
    "writeback",
    "writecombine",
    "noncached",
    "device",
    "dmacoherent",
    "writethrough",
    "device_np",
    "noncached_wc",
)
"""Name of each value of the cache mode."""

_KEEP = U64_MAX & ~ACCESS_MASK
_NOT_CACHE = U64_MAX & ~CACHE_MASK
_NOT_SHARED = U64_MAX & ~0x8


def vm_get_page_prot(vm_flags: int) -> int:
    """vm_get_page_prot: the protection for a word of VM_ flags (mm/pgprot.c and arch)."""
    return vm_flags & ACCESS_MASK


def pgprot_modify(oldprot: int, newprot: int) -> int:
    """pgprot_modify: `newprot` with the cache mode and the encryption of `oldprot`."""
    return (oldprot & _KEEP) | (newprot & ACCESS_MASK)


def without_shared(prot: int) -> int:
    """Return the protection with the index of a private mapping: written pages fault first."""
    return prot & _NOT_SHARED


def _with_cache(prot: int, mode: str) -> int:
    return (prot & _NOT_CACHE) | (CACHE_MODES.index(mode) << CACHE_SHIFT)


def pgprot_noncached(prot: int) -> int:
    """pgprot_noncached: no caching."""
    return _with_cache(prot, "noncached")


def pgprot_writecombine(prot: int) -> int:
    """pgprot_writecombine: no caching, but writes may be combined."""
    return _with_cache(prot, "writecombine")


def pgprot_device(prot: int) -> int:
    """pgprot_device: device memory; noncached where there is no such mode."""
    return _with_cache(prot, "device")


def pgprot_dmacoherent(prot: int) -> int:
    """pgprot_dmacoherent: for coherent DMA memory; noncached where there is no such mode."""
    return _with_cache(prot, "dmacoherent")


def pgprot_writethrough(prot: int) -> int:
    """pgprot_writethrough: cached, and written through (x86-64, s390 …)."""
    return _with_cache(prot, "writethrough")


def pgprot_device_np(prot: int) -> int:
    """pgprot_device_np: device memory with non-posted writes (arm64: pgprot_device_nGnRnE)."""
    return _with_cache(prot, "device_np")


def pgprot_noncached_wc(prot: int) -> int:
    """pgprot_noncached_wc (powerpc): no caching, unguarded."""
    return _with_cache(prot, "noncached_wc")


def pgprot_cached(prot: int) -> int:
    """pgprot_cached: ordinary memory."""
    return _with_cache(prot, "writeback")


def pgprot_decrypted(prot: int) -> int:
    """pgprot_decrypted: shared with the hypervisor or device; I/O remaps set it."""
    return prot | PGPROT_DECRYPTED


def pgprot_encrypted(prot: int) -> int:
    """pgprot_encrypted: undoes pgprot_decrypted()."""
    return prot & (U64_MAX ^ PGPROT_DECRYPTED)


def pgprot_nx(prot: int) -> int:
    """pgprot_nx: never executable."""
    return prot | PGPROT_NX


def pgprot_writable(prot: int) -> bool:
    """Entries with this protection are writable: only a shared mapping's are (protection_map[])."""
    return (prot & SHARED_WRITE) == SHARED_WRITE


def cache_mode(prot: int) -> str:
    """Name of the cache mode of a concrete protection."""
    return CACHE_MODES[(prot & CACHE_MASK) >> CACHE_SHIFT]
