# SPDX-License-Identifier: GPL-2.0-only
"""Drills: short plans for what random steps hardly ever do. Scenarios take turns with them.

Each is a function that plans its steps on a Site. Those of a turn are the next of a deck, which is
shuffled when it has been dealt: a run of some hundred scenarios has every drill several times.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import count

from premap.scenario import drills_corners as corners
from premap.scenario import drills_devices as devices
from premap.scenario import drills_hooks as hooks
from premap.scenario import drills_limits as limits
from premap.scenario import drills_memory as memory
from premap.scenario import drills_moves as moves
from premap.scenario import drills_process as process
from premap.scenario.site import Site

Drill = Callable[[Site], None]

ON_HOST: tuple[Drill, ...] = (
    memory.odd_ranges,
    memory.odd_seals,
    memory.sealed_memory,
    moves.move_nearby,
    moves.move_several,
    moves.moved_back,
    moves.locked_copy,
    moves.grow_in_place,
    moves.grow_refused,
    limits.stack,
    limits.stack_gap,
    moves.no_replace,
    moves.replaced,
    moves.unmapped,
    limits.lock_all,
    memory.advised,
    memory.populated,
    memory.read_first,
    memory.texts,
    moves.three_kinds,
    moves.boundary,
    moves.many,
    process.generations,
    process.only_children,
    process.separate_branches,
    process.copied_pages,
    process.inherited,
    process.file_kinds,
    process.sealed_file,
    process.sealed_at_last,
    process.shared_memory,
    *corners.ON_HOST,
)
"""Those that mean something without devices, failures and limits."""

DRILLS: tuple[Drill, ...] = (
    *ON_HOST,
    memory.odd_bits,
    memory.by_number,
    memory.unfiled,
    memory.guards,
    memory.first_pages,
    memory.populated_across,
    memory.sticky,
    moves.move_failing,
    limits.heap,
    limits.heap_limit,
    limits.heap_failing,
    moves.placed,
    limits.mapping_limit,
    limits.space_limit,
    limits.lock_limit,
    limits.commit,
    limits.charged,
    limits.memory_limit,
    limits.reserved,
    memory.named,
    process.failing_forks,
    devices.actions,
    devices.failing_actions,
    devices.merged_hooks,
    devices.told_twice,
    devices.refused,
    devices.moved_devices,
    devices.layered,
    devices.compat,
    devices.faults,
    devices.first_writes,
    devices.ends,
    devices.ranges,
    devices.without_operations,
    devices.inserted,
    devices.unreadable,
    devices.cached,
    devices.chosen,
    *(drill for drill in corners.DRILLS if drill not in corners.ON_HOST),
    *hooks.DRILLS,
)

PER_TURN = 2
"""Cards of the deck from one turn to the next."""


def deck(turn: int, drills: tuple[Drill, ...]) -> Iterator[Drill]:
    """Deal drills without end, from the place of a turn on."""
    for place in count(turn * PER_TURN):
        whole, card = divmod(place, len(drills))
        shuffled = list(drills)
        random.Random(f"deck:{whole}").shuffle(shuffled)  # noqa: S311 - no secret
        yield shuffled[card]
