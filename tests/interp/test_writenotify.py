# SPDX-License-Identifier: GPL-2.0-only
"""Operations of which nothing is known: that they want to know of writes is a condition."""

from __future__ import annotations

import itertools

import pytest

from premap import symbolic
from premap.interp.bindings import Bindings
from premap.interp.handover import UnknownOperations
from premap.interp.hooks import callback
from premap.interp.inputs import RecordedInputs, SymbolicInputs
from premap.interp.machine import Machine
from premap.model import VM_PFNMAP, VM_SHARED, VM_WRITE, File, FileOperations, VmOperations
from premap.model.protection import vma_wants_writenotify

NAMES = ("page_mkwrite", "pfn_mkwrite")


class _Vma:
    """What the question is about of a VMA."""

    def __init__(self, flags: int, operations: object, file: File | None) -> None:
        self.vm_flags = flags
        self.vm_ops = operations
        self.vm_file = file


@pytest.mark.parametrize(
    "flags", [VM_SHARED | VM_WRITE, VM_WRITE, VM_SHARED | VM_WRITE | VM_PFNMAP]
)
@pytest.mark.parametrize("writeback", [False, True])
def test_it_is_what_known_operations_give(flags: int, *, writeback: bool) -> None:
    file = File(FileOperations())
    file.f_mapping.can_writeback = writeback
    machine = Machine(SymbolicInputs(), Bindings(None, {}, callback))
    unknown = UnknownOperations(machine, "lower:vm_ops", "lower")
    explorer = symbolic.Explorer()
    paths = list(explorer.explore(lambda: vma_wants_writenotify(_Vma(flags, unknown, file))))
    assert len(paths) == 1  # nothing is decided
    for has in itertools.product((0, 1), repeat=2):
        words = {f"lower:vm_ops->{name}": given for name, given in zip(NAMES, has, strict=True)}
        hooks = {name: lambda _: 0 for name, given in zip(NAMES, has, strict=True) if given}
        known = VmOperations(**hooks)
        expected = vma_wants_writenotify(_Vma(flags, known, file))
        found = paths[0].value
        assert symbolic.Model(words).eval(found) == expected
        plain = Machine(RecordedInputs(words), Bindings(None, {}, callback))
        concrete = UnknownOperations(plain, "lower:vm_ops", "lower")
        assert vma_wants_writenotify(_Vma(flags, concrete, file)) == expected
