# SPDX-License-Identifier: GPL-2.0-only
"""Random scenarios: what must hold after every step; both kinds of words give the same bytes."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from premap.model import VM_ACCOUNT, VM_LOCKED, AddressSpace
from premap.scenario import model_backend
from premap.scenario.model_backend import ModelBackend
from premap.scenario.steps import ACTIONS, ADVICE
from premap.symbolic import const

PAGE, PAGES, LOW = 4096, 32, 0x10000000
WINDOW = (LOW, LOW + PAGES * PAGE)
TABLES = [[], ["open", "close", "mapped"], ["fault"], ["fault", "close"], None]
HOOKS = {"d0": "mmap_prepare", "d1": "mmap"}
MORE: list[list[str]] = [[], [], ["NORESERVE"], ["POPULATE"], ["LOCKED"]]
Step = dict[str, Any]


def device(pick: random.Random, name: str) -> Step:
    """Return a device with a programme that does not reach beyond its mapping or its pages."""
    programme: Step = {"op": "device", "name": name, "hook": HOOKS[name]}
    choices: dict[str, Any] = {
        "ret": "EINVAL",
        "set": [pick.choice(["DONTEXPAND", "DONTDUMP", "DONTCOPY", "IO", "RAND_READ"])],
        "clear": [pick.choice(["MAYWRITE", "MAYEXEC"])],
        "pgoff": pick.randrange(8),
        "vm_ops": pick.choice(TABLES),
        "private_data": pick.randrange(99),
        "action": action(pick, legacy=HOOKS[name] == "mmap"),
        "error_override": "EAGAIN",
        "hide_from_rmap": True,
        "mapped_ret": "EBUSY",
    }
    chances = {"ret": 0.1, "vm_ops": 0.6, "action": 0.5, "mapped_ret": 0.1}
    programme.update(
        {key: value for key, value in choices.items() if pick.random() < chances.get(key, 0.3)}
    )
    return programme


def action(pick: random.Random, *, legacy: bool) -> Step:
    kind = pick.choice(list(ACTIONS))
    start = 0 if legacy else PAGE * pick.randrange(2)
    size = PAGE if legacy else PAGE * pick.randrange(1, 4)
    values = {"page": pick.randrange(6), "start": start, "size": size, "pages": size // PAGE}
    return {"kind": kind, **{name: values[name] for name in ACTIONS[kind]}}


def step(pick: random.Random) -> Step:
    """Return a random step in the window."""
    page = pick.randrange(PAGES - 1)
    where = {"addr": LOW + page * PAGE, "len": PAGE * min(pick.randrange(1, 6), PAGES - page)}
    op = pick.choice(
        ["mmap"] * 5
        + ["device", "munmap", "mprotect", "mremap", "mremap", "madvise", "mlock", "munlock"]
        + ["touch", "touch", "peek", "fork"]
    )
    moves = [["MAYMOVE", "FIXED"], ["MAYMOVE", "FIXED", "DONTUNMAP"], [], ["MAYMOVE"]]
    extra: dict[str, Step] = {
        "mmap": {
            "file": pick.choice([None, "f0", "d0", "d0", "d1", "d1"]),
            "prot": pick.choice(["rw", "rw", "r", ""]),
            "flags": ["FIXED", pick.choice(["SHARED", "PRIVATE"]), *pick.choice(MORE)],
            "offset": PAGE * pick.randrange(6),
        },
        "mprotect": {"prot": pick.choice(["rw", "r", ""])},
        "mremap": {
            "new_len": pick.choice([where["len"], PAGE * pick.randrange(1, 6)]),
            "flags": pick.choice(moves),
            "new_addr": LOW + PAGE * pick.randrange(PAGES - 6),
        },
        "madvise": {"advice": pick.choice(list(ADVICE))},
        "touch": {"access": pick.choice("rw")},
    }
    if op == "device":
        return device(pick, pick.choice(list(HOOKS)))
    return {"op": op, **where, **extra.get(op, {})}


def scenario(seed: int) -> list[Step]:
    pick = random.Random(seed)
    made = [{"op": "file", "name": "f0", "size": 12 * PAGE, "mode": "rw"}]
    made += [device(pick, name) for name in HOOKS]
    return made + [step(pick) for _ in range(40)]


def flagged_pages(mm: AddressSpace, mask: int) -> int:
    return sum((int(v.vm_end) - int(v.vm_start)) // PAGE for v in mm.vmas() if v.vm_flags & mask)


def paid_for(mm: AddressSpace) -> int:
    """Pages that shared anonymous memory was charged for."""
    files = {id(vma.vm_file): vma.vm_file for vma in mm.vmas() if vma.vm_file is not None}
    charged = [file.release.__self__ for file in files.values() if file.release is not None]
    return sum(each.pages for each in charged)


def file_pages(backend: ModelBackend) -> int:
    """Pages of the scenario's files."""
    return sum(-(-int(file.f_mapping.host.i_size) // PAGE) for file in backend.files.values())


def broken(backend: ModelBackend) -> list[str]:
    """Return what does not hold: order, counts, accounting, references, entries within mappings."""
    mm = backend.mm
    vmas = mm.vmas()
    files = [device.file for device in backend.devices.values()] + list(backend.files.values())
    users = Counter(id(vma.vm_file) for vma in vmas)
    holds = {
        "order": all(a.vm_end <= b.vm_start for a, b in pairwise(vmas)),
        "map_count": mm.map_count == len(vmas),
        "total_vm": mm.total_vm == flagged_pages(mm, 2**64 - 1),
        "locked_vm": mm.locked_vm == flagged_pages(mm, VM_LOCKED),
        "committed": mm.memory.committed_as
        == flagged_pages(mm, VM_ACCOUNT) + paid_for(mm) + file_pages(backend),
        "references": all(file.f_count == 1 + users[id(file)] for file in files),
        "rmap": all(len(file.f_mapping.i_mmap) == users[id(file)] for file in files),
        "entries": all(
            v.vm_start <= e.start and e.start < e.end and e.end <= v.vm_end
            for v in vmas
            for e in v.ptes
        ),
        "entries in order": all(a.end <= b.start for v in vmas for a, b in pairwise(v.ptes)),
    }
    return [name for name, fine in holds.items() if not fine]


@pytest.mark.parametrize("seed", range(60))
def test_invariants_hold_and_words_do_not_matter(seed: int) -> None:
    plain, symbolic = model_backend(), model_backend(const)
    plain.begin(WINDOW)
    symbolic.begin(WINDOW)
    for place, each in enumerate(scenario(seed)):
        result = plain.step(each)
        assert (place, each, broken(plain)) == (place, each, [])
        assert json.dumps(symbolic.step(each)) == json.dumps(result)
