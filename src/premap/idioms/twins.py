# SPDX-License-Identifier: GPL-2.0-only
"""Kernel functions on a VMA that have a twin on its descriptor: names and arguments, as data."""

from __future__ import annotations

from msgspec import Struct
from tree_sitter import Node

from premap.csource.nodes import arguments, callee
from premap.idioms.idiom import DESC, FILE, Hook, Piece, Pieces

VMA = "vma"
FLAGS = "vma->vm_flags"
FILE_ARGUMENT = "file"
ANY = "*"
"""An argument that is passed on."""
REST = "..."
"""Any number of arguments that are passed on."""


class Twin(Struct, frozen=True):
    """How one call is written with a descriptor."""

    idiom: str
    takes: tuple[str, ...]
    name: str
    gets: tuple[str, ...]
    """Arguments of the twin; ANY and REST stand for those passed on, in order."""
    needed: bool = True
    """Is it missing from some releases?"""


TWINS: dict[str, Twin] = {
    "generic_file_mmap": Twin("H1", (FILE_ARGUMENT, VMA), "generic_file_mmap_prepare", (DESC,)),
    "generic_file_readonly_mmap": Twin(
        "H1", (FILE_ARGUMENT, VMA), "generic_file_readonly_mmap_prepare", (DESC,)
    ),
    "daxdev_mapping_supported": Twin(
        "H5", (VMA, ANY), "daxdev_mapping_supported", (DESC, f"file_inode({FILE})", ANY)
    ),
    "shmem_zero_setup": Twin("H3", (VMA,), "shmem_zero_setup_desc", (DESC,)),
    "vma_set_anonymous": Twin("H3", (VMA,), "vma_desc_set_anonymous", (DESC,)),
    "vma_get_page_prot": Twin("H5", (VMA,), "vma_flags_to_page_prot", (f"{DESC}->vma_flags",)),
    "vm_get_page_prot": Twin("H5", (FLAGS,), "vma_flags_to_page_prot", (f"{DESC}->vma_flags",)),
    "vma_is_dax": Twin("H5", (VMA,), "file_is_dax", (FILE,)),
    "is_cow_mapping": Twin("G9", (FLAGS,), "vma_desc_is_cow_mapping", (DESC,)),
    "vma_is_cow_mapping": Twin("G9", (VMA,), "vma_desc_is_cow_mapping", (DESC,)),
    "is_nommu_shared_mapping": Twin(
        "G9", (FLAGS,), "is_nommu_shared_vma_flags", (f"&{DESC}->vma_flags",)
    ),
    "vma_set_flags": Twin("G1", (VMA, REST), "vma_desc_set_flags", (DESC, REST), needed=False),
    "vma_clear_flags": Twin("G2", (VMA, REST), "vma_desc_clear_flags", (DESC, REST), needed=False),
    "vma_test_any": Twin("G7", (VMA, REST), "vma_desc_test_any", (DESC, REST), needed=False),
}
"""By the name of the function on the VMA."""


def is_hook_twin(twin: Twin | None) -> bool:
    """Tell whether it is the twin of a function that tables name (`.mmap = generic_…`)."""
    return twin is not None and twin.takes == (FILE_ARGUMENT, VMA)


def rewrite(idiom: str, node: Node, hook: Hook) -> Pieces | None:
    """Return the call of the twin, if `node` is a call that this idiom knows."""
    twin = TWINS.get(callee(node) or "")
    if twin is None or twin.idiom != idiom:
        return None
    passed = _match(twin, arguments(node), hook)
    if passed is None:
        return None
    if twin.needed:
        hook.needs(twin.name, node)
    pieces: list[Piece] = [f"{twin.name}("]
    for index, wanted in enumerate(_expanded(twin.gets, len(passed))):
        pieces += [", " if index else "", passed.pop(0) if wanted == ANY else wanted]
    return (*pieces, ")")


def _match(twin: Twin, given: list[Node], hook: Hook) -> list[Node] | None:
    """Return the arguments that are passed on; None if the call is of another shape."""
    passed: list[Node] = []
    takes = list(twin.takes)
    while takes and takes[0] != REST:
        wanted = takes.pop(0)
        if not given:
            return None
        node, *given = given
        if wanted == ANY:
            passed.append(node)
        elif not _is(wanted, node, hook):
            return None
    return [*passed, *given] if takes or not given else None


def _is(wanted: str, node: Node, hook: Hook) -> bool:
    if wanted == VMA:
        return hook.is_vma(node)
    if wanted == FILE_ARGUMENT:
        return hook.is_file(node)
    return hook.member(node) == "vm_flags"


def _expanded(gets: tuple[str, ...], count: int) -> list[str]:
    """Arguments of the twin, with as many ANY for REST as there are arguments left."""
    fixed = sum(part == ANY for part in gets)
    found: list[str] = []
    for part in gets:
        found += [ANY] * (count - fixed) if part == REST else [part]
    return found
