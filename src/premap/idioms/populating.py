# SPDX-License-Identifier: GPL-2.0-only
"""Kernel functions that fill a mapping, by what they map: names, as data."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Populating(Struct, frozen=True):
    """The functions that map one kind of memory."""

    range: frozenset[str] = frozenset()
    """They map a range at once, given the VMA."""
    array: frozenset[str] = frozenset()
    """They map pages one by one, or of an array; an action maps an array, too."""
    page: frozenset[str] = frozenset()
    """They map pages one by one, or in a way that no action has."""
    vmalloc: frozenset[str] = frozenset()
    """They map an area of vmalloc(), which no action does."""
    protection: frozenset[str] = frozenset()
    """They map a range with a protection that they change themselves, which no action does."""
    action: frozenset[str] = frozenset()
    """They record an action, given the descriptor."""

    def all(self) -> frozenset[str]:
        """Return all of them."""
        return self.range | self.array | self.page | self.vmalloc | self.protection | self.action


def _named(*names: str) -> frozenset[str]:
    return frozenset(names)


POPULATING = {
    "page-frames": Populating(
        range=_named("remap_pfn_range", "remap_pfn_range_notrack"),
        page=_named(
            "vm_insert_pfn", "vmf_insert_pfn", "vmf_insert_pfn_prot", "vm_insert_mixed",
            "vmf_insert_mixed", "apply_to_page_range",
        ),
        protection=_named("remap_4k_pfn"),
        action=_named("mmap_action_remap", "mmap_action_remap_full"),
    ),
    "io-memory": Populating(
        range=_named("io_remap_pfn_range", "vm_iomap_memory"),
        action=_named(
            "mmap_action_ioremap", "mmap_action_ioremap_full", "mmap_action_simple_ioremap",
        ),
    ),
    "kernel-pages": Populating(
        array=_named("vm_insert_page", "vm_insert_pages", "vm_map_pages", "vm_map_pages_zero"),
        page=_named("vmf_insert_page"),
        vmalloc=_named("remap_vmalloc_range", "remap_vmalloc_range_partial"),
        action=_named("mmap_action_map_kernel_pages", "mmap_action_map_kernel_pages_full"),
    ),
    "dma-memory": Populating(
        page=_named(
            "dma_mmap_attrs", "dma_mmap_coherent", "dma_mmap_noncoherent", "dma_mmap_noncontiguous",
            "dma_mmap_pages", "dma_mmap_wc", "dma_mmap_writecombine", "dma_common_mmap",
        ),
    ),
}  # fmt: skip
"""By what is mapped, as surveys call it."""

DMA_POPULATIONS = POPULATING["dma-memory"].all()
PAGE_POPULATIONS = frozenset[str]().union(
    *(each.array | each.page for kind, each in POPULATING.items() if kind != "dma-memory")
)
"""Those that map page by page, of memory that is not for DMA."""
VMALLOC_POPULATIONS = frozenset[str]().union(*(each.vmalloc for each in POPULATING.values()))
OWN_PROTECTIONS = frozenset[str]().union(*(each.protection for each in POPULATING.values()))
WITHOUT_ACTION = frozenset[str]().union(
    *(each.page | each.vmalloc | each.protection for each in POPULATING.values())
)
"""Populations that no action stands for, whatever their arguments are."""


def functions_of(kinds: Iterable[str]) -> frozenset[str]:
    """Return the functions that map memory of these kinds."""
    return frozenset[str]().union(*(POPULATING[kind].all() for kind in kinds))
