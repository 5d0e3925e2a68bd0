# SPDX-License-Identifier: GPL-2.0-only
"""One version of a hook, run on the model through a whole mmap(), and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, field

from premap.csource.scope import Scope
from premap.csource.source import Function, SourceFile
from premap.csource.tree import KernelTree
from premap.equivalence.setting import BESIDE, LEFT, RIGHT, Call, Setting, failure, left_start
from premap.interp.bindings import Bindings
from premap.interp.hooks import ANY_ERRNO, callback, compat_hook, legacy_hook, prepare_hook
from premap.interp.inputs import Inputs
from premap.interp.machine import Machine
from premap.interp.naming import Namer
from premap.model import (
    FMODE_READ,
    FMODE_WRITE,
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_PRIVATE,
    PROT_READ,
    PROT_WRITE,
    AddressSpace,
    File,
    FileOperations,
    ListTree,
)
from premap.model.inject import Injection
from premap.model.trace import Log
from premap.model.words import PAGE_SHIFT, U64_MAX, add, shl, sub

Member = Literal["mmap", "mmap_prepare", "compat"]
"""Which hook of a file calls it; "compat": a legacy one, through the compat helpers."""


class Side(Struct, frozen=True):
    """One version of a hook: a function, with its definitions in `#if` arms, of this kind.

    Without definitions, `name` is one of the kernel's own hooks that the model has.
    """

    name: str
    functions: Sequence[Function]
    member: Member
    tree: KernelTree | None = None
    scopes: dict[int, Scope] = field(default_factory=dict)
    tables: Sequence[SourceFile] = ()
    """Files that may hold the table, where it is not known to be in the functions' own."""

    @property
    def event(self) -> Literal["mmap", "mmap_prepare"]:
        """What the model calls its call by the mmap path."""
        return "mmap_prepare" if self.member == "mmap_prepare" else "mmap"

    @property
    def unsigned_offset(self) -> bool:
        """Whether the file may have offsets of all 64 bits: some table in it says so."""
        files = (*self.tables, *(each.source for each in self.functions))
        return any(b"_UNSIGNED_OFFSET" in file.text for file in files)


class Outcome(Struct):
    """What a call of mmap() left behind. Words may be symbolic."""

    returned: int
    """The system call's result: the address, or -errno as a word."""
    failed: bool
    """Whether mmap() failed. A hook may return a positive number, which looks like an address."""
    hook_failed: bool
    """Whether that was because the hook said so."""
    hook_ran: bool
    """Whether the hook was called for the mapping itself (not only for the one before it)."""
    merged: bool
    vmas: list[Any]
    entry: Any
    """The page table entry at the compared page; None where there is none."""
    counts: dict[str, int]
    machine: Machine
    file: Any
    log: list[Any]
    split: int = 0
    """How many of the machine's events belong to the mapping before it."""
    beside: int = 0
    """How many mappings the layout has beside it: fewer than it should, if the hook refused one."""
    retried: bool = False
    """Whether this is what a call did that was made again after it had failed."""
    fails: str | None = None
    """What the setting has fail."""
    neighbours: bool = False
    """Whether the layout has another mapping of the file beside it."""
    unheeding: Callable[[], Outcome] | None = None
    """Makes the same call, of which the hook is not told that page tables could not be filled."""

    @property
    def created(self) -> bool:
        """Whether a mapping of its own came to be, if only for a while."""
        return any(event.kind == "new_vma" for event in self.log)

    @property
    def prepared(self) -> bool:
        """Whether an ->mmap_prepare hook made a mapping of its own."""
        kinds = {event.kind for event in self.log}
        return {"mmap_prepare", "new_vma"} <= kinds

    @property
    def hidden(self) -> bool:
        """Whether the reverse map was kept from seeing the mapping for a while."""
        return any(event.kind == "rmap_lock" for event in self.log)

    @property
    def injected(self) -> bool:
        """Whether what the setting has fail was got to."""
        return any(event.kind == "inject" for event in self.log)

    @property
    def action(self) -> bool:
        """Whether an action was performed or attempted."""
        return any(event.kind == "action" for event in self.log)


Watch = Callable[[Machine, Log], None]


def run(
    side: Side,
    setting: Setting,
    inputs: Inputs,
    namer: Namer,
    watch: Watch | None = None,
    watched: Mapping[str, Injection] | None = None,
    *,
    unheeding: bool = False,
) -> Outcome:
    """Make the call on an address space of its own; `watch` may observe machine and log.

    `watched` are failures that never come, at points of the model: they see what is got to. Without
    heeding anything, a hook takes page tables for filled.
    """
    machine = Machine(inputs, Bindings(side.tree, side.scopes, callback), namer)
    machine.bindings.root = side.functions[0].source if side.functions else None
    call = Call.of(inputs)
    machine.alone = setting.alone
    machine.unheeding = unheeding
    file = _file(side, machine, setting, call)
    mm = AddressSpace(tree=ListTree)
    with mm.trace() as log:
        if watch is not None and mm.log is not None:
            watch(machine, mm.log)
        _lay_out(mm, setting, call, file, machine)
        split, beside = len(machine.events), mm.map_count
        before = len(log)
        machine.hook_failed = False
        if watched is not None:
            mm.injections.update(watched)
        if setting.fails is not None:
            fails = failure(setting.fails)
            mm.injections[fails.point] = Injection(-fails.error, fails.after)
        if setting.retried:
            _mmap(mm, setting, call, file, machine)
        returned, failed = _mmap(mm, setting, call, file, machine)
        after = log[before:]
    kinds = {event.kind for event in after}
    return Outcome(
        returned,
        failed,
        machine.hook_failed,
        side.event in kinds,
        "merge" in kinds,
        list(mm.vmas()),
        None if failed else mm.page_at(add(call.start, shl(call.page, PAGE_SHIFT))),
        _counts(mm, file),
        machine,
        file,
        after,
        split,
        beside,
        setting.retried,
        setting.fails,
        setting.layout in BESIDE,
        lambda: run(side, setting, inputs, namer, watch, unheeding=True),
    )


def _file(side: Side, machine: Machine, setting: Setting, call: Call) -> File:
    """Make the file."""
    if side.member == "mmap":
        f_op = FileOperations(mmap=legacy_hook(machine, side.name, side.functions))
    elif side.member == "compat":
        f_op = FileOperations(mmap=compat_hook(machine, side.name, side.functions))
    else:
        f_op = FileOperations(mmap_prepare=prepare_hook(machine, side.name, side.functions))
    f_mode = FMODE_READ | shl(call.writable(setting), FMODE_WRITE.bit_length() - 1)
    file = File(f_op, f_mode=f_mode)
    machine.bindings.file = file
    return file


def _lay_out(mm: AddressSpace, setting: Setting, call: Call, file: File, machine: Machine) -> None:
    """Map what the layout wants to be there before, and let others run before the call itself."""
    if setting.layout == "replaces":
        flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
        mm.mmap(call.start, call.length, PROT_READ | PROT_WRITE, flags)
    fits = setting.layout in (*LEFT, *RIGHT) and call.fits(setting)
    if fits and setting.layout in LEFT:
        length = shl(call.left_pages, PAGE_SHIFT)
        pgoff = sub(call.pgoff, call.left_pages)
        mm.mmap_region(file, left_start(call), length, call.vm_flags(setting), pgoff)
    if fits and setting.layout in RIGHT:
        length = shl(call.right_pages, PAGE_SHIFT)
        pgoff = add(call.pgoff, call.pages)
        mm.mmap_region(file, add(call.start, call.length), length, call.vm_flags(setting), pgoff)
    machine.returned = None
    if fits and not machine.alone:
        machine.memory.between_calls()


def _mmap(
    mm: AddressSpace, setting: Setting, call: Call, file: File, machine: Machine
) -> tuple[int, bool]:
    """Map the range; return what mmap() does, as a word, and whether it failed.

    The part of do_mmap() that comes before is the same for both versions: it is in the flags and
    in the conditions of a valid call.
    """
    flags = call.vm_flags(setting)
    error = mm.mmap_region(file, call.start, call.length, flags, call.pgoff)
    if error == 0:
        return call.start, False
    if error == -ANY_ERRNO and machine.returned is not None:
        return machine.returned, True
    return error & U64_MAX, True


def _counts(mm: AddressSpace, file: File) -> dict[str, int]:
    return {
        "map_count": mm.map_count,
        "total_vm": mm.total_vm,
        "locked_vm": mm.locked_vm,
        "committed memory": mm.memory.committed_as,
        "references of the file": file.f_count,
    }
