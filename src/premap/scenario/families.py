# SPDX-License-Identifier: GPL-2.0-only
"""The families of random scenarios: what each does most."""

from __future__ import annotations

from msgspec import Struct, field

from premap.scenario.programmes import Taste
from premap.scenario.steps import ADVICE

COMMON = {
    "mmap": 10,
    "munmap": 3,
    "mprotect": 3,
    "mremap": 3,
    "madvise": 1,
    "mlock": 1,
    "munlock": 1,
    "touch": 2,
    "peek": 1,
    "fork": 1,
    "device": 3,
    "undo": 2,
    "counts": 1,
    "entries": 1,
    "anon": 1,
    "join": 1,
    "drill": 12,
}
WINDOW = (0x10000000, 0x10040000)
STACKS = (0x10000000, 0x101C0000)
"""A window with room for the gap below a stack."""
GUARDS = ("GUARD_INSTALL", "GUARD_REMOVE")
PLAIN = tuple(advice for advice in ADVICE if advice not in GUARDS)
FLAGS = ("LOCKED", *("NORESERVE",) * 2, *("POPULATE",) * 2, "ANONYMOUS", "DENYWRITE")


class Family(Struct, frozen=True):
    """How often each kind of step comes, and of what mappings are made.

    `devices` is how likely a scenario is to have any; `alike` how likely a new mapping is to be as
    its neighbour; `anonymous` has one None for every share of anonymous memory; `kinds` are those
    of files, None a plain one; `extra` is how likely a mapping is to have one of `flags`.
    """

    name: str
    weights: dict[str, int]
    hooks: tuple[str, ...] = ("mmap_prepare",)
    files: tuple[str, ...] = ()
    anonymous: tuple[None, ...] = ()
    sharing: tuple[str, ...] = ("SHARED", "PRIVATE")
    prots: tuple[str, ...] = ("rw", "rw", "rw", "r", "r", "", "rx", "rwx")
    protects: tuple[str, ...] = ("rw", "rw", "r", "", "rx", "rwx", "w")
    devices: float = 1.0
    alike: float = 0.6
    taste: Taste = field(default_factory=Taste)
    window: tuple[int, int] = WINDOW
    kinds: tuple[str | None, ...] = (None,)
    advice: tuple[str, ...] = PLAIN
    flags: tuple[str, ...] = FLAGS
    extra: float = 0.12


FAMILIES = {
    family.name: family
    for family in (
        Family("shared", COMMON, sharing=("SHARED",)),
        Family("private", COMMON | {"touch": 4}, sharing=("PRIVATE",)),
        Family(
            "legacy",
            COMMON | {"device": 5},
            hooks=("mmap_prepare", "mmap"),
            taste=Taste(action=0.5),
        ),
        Family(
            "anonymous",
            COMMON | {"touch": 4, "fork": 2, "join": 3},
            files=("f0", "f1"),
            anonymous=(None,) * 3,
            devices=0.0,
            kinds=(None, None, "zero", "ramfs"),
        ),
        Family(
            "merge",
            COMMON
            | {
                "mmap": 14,
                "join": 4,
                "drill": 1,
                "mprotect": 6,
                "touch": 3,
                "munmap": 4,
                "madvise": 2,
                "undo": 5,
            },
            files=("f0",),
            anonymous=(None,),
            devices=0.6,
            alike=0.85,
            prots=("rw", "rw", "r", "rwx"),
            protects=("rw", "rw", "r", "r", "rwx", ""),
            taste=Taste(action=0.05, flags=0.3, operations=0.5, special=0.02),
        ),
        Family(
            "fault",
            COMMON | {"touch": 8, "peek": 5, "madvise": 3, "mlock": 3, "mprotect": 4},
            hooks=("mmap_prepare", "mmap"),
            files=("f0",),
            anonymous=(None,),
            prots=("rw", "rw", "r", "", "", "rx", "w"),
            devices=0.7,
            kinds=(None, "ramfs"),
            taste=Taste(action=0.3, operations=0.9),
        ),
        Family(
            "served",
            COMMON | {"touch": 14, "entries": 4, "mprotect": 6, "mremap": 4, "device": 4},
            hooks=("mmap_prepare", "mmap"),
            sharing=("SHARED", "SHARED", "SHARED", "PRIVATE"),
            prots=("rw", "rw", "rw", "r", ""),
            protects=("rw", "rw", "r", ""),
            taste=Taste(action=0.1, fails=0.02, operations=1.0, special=0.4, told=0.7),
        ),
        Family(
            "moved",
            COMMON | {"join": 4, "mremap": 9, "touch": 6, "munmap": 3, "mprotect": 3, "device": 1},
            hooks=("mmap_prepare", "mmap"),
            files=("f0",),
            anonymous=(None,),
            sharing=("PRIVATE", "PRIVATE", "PRIVATE", "SHARED"),
            prots=("rw", "rw", "rw", "r"),
            devices=0.4,
            alike=0.8,
            taste=Taste(action=0.05, flags=0.1, operations=0.9, special=0.02),
        ),
        Family(
            "failing",
            COMMON
            | {
                "join": 3,
                "fail": 10,
                "munmap": 4,
                "mprotect": 4,
                "mremap": 4,
                "madvise": 2,
                "fork": 2,
            },
            hooks=("mmap_prepare", "mmap"),
            files=("f0",),
            anonymous=(None,),
            alike=0.7,
            taste=Taste(action=0.3, fails=0.03, special=0.05),
        ),
        Family(
            "limited",
            COMMON
            | {"join": 2, "limit": 3, "counts": 3, "heap": 1, "brk": 4, "mlock": 3, "mlockall": 1}
            | {"munlockall": 1, "mprotect": 5, "grow": 2, "touch": 3},
            hooks=("mmap_prepare", "mmap"),
            files=("f0",),
            anonymous=(None,) * 2,
            devices=0.5,
            kinds=(None, None, "zero"),
            taste=Taste(action=0.2, special=0.05),
            flags=(*FLAGS, "LOCKED", "GROWSDOWN"),
            extra=0.25,
        ),
        Family(
            "locked",
            COMMON
            | {"mlock": 4, "munlock": 2, "mlockall": 3, "munlockall": 1, "heap": 1, "brk": 5}
            | {"name": 3, "mprotect": 5, "touch": 3},
            sharing=("SHARED", "SHARED", "PRIVATE", "PRIVATE", "DROPPABLE"),
            hooks=("mmap_prepare", "mmap"),
            files=("f0",),
            anonymous=(None,) * 2,
            devices=0.5,
            taste=Taste(action=0.2, operations=0.8),
            flags=(*FLAGS, "LOCKED", "NONBLOCK"),
            extra=0.2,
        ),
        Family(
            "heaps",
            COMMON
            | {"heap": 2, "brk": 14, "mlockall": 1, "munlockall": 1, "limit": 2, "fail": 3}
            | {"touch": 3, "mprotect": 2, "mlock": 2, "munmap": 4, "counts": 2},
            anonymous=(None,) * 2,
            sharing=("PRIVATE",),
            devices=0.2,
            prots=("rw", "rw", "rw", "r"),
        ),
        Family(
            "sealed",
            COMMON | {"seal": 3, "mseal": 4, "madvise": 3, "mprotect": 5, "touch": 3},
            hooks=("mmap_prepare", "mmap"),
            files=("f0", "f1", "f2"),
            anonymous=(None,),
            devices=0.3,
            kinds=("memfd", "memfd", "memfd", "noexec", "append", None),
            flags=(*FLAGS, "SYNC", "SYNC", "DROPPABLE"),
            extra=0.25,
        ),
        Family(
            "guarded",
            COMMON | {"madvise": 9, "name": 4, "touch": 6, "peek": 3, "mlock": 2, "fork": 2},
            files=("f0",),
            anonymous=(None,) * 3,
            sharing=("SHARED", *("PRIVATE",) * 3, "DROPPABLE"),
            devices=0.3,
            kinds=(None, "memfd"),
            prots=("rw", "rw", "rw", "r"),
            advice=(*PLAIN, *GUARDS * 5),
            alike=0.8,
        ),
        Family(
            "stacks",
            COMMON | {"grow": 9, "mmap": 8, "mlock": 2, "limit": 2, "fail": 1, "gap": 2},
            files=("f0",),
            anonymous=(None,) * 4,
            sharing=("PRIVATE", "PRIVATE", "PRIVATE", "SHARED"),
            devices=0.2,
            window=STACKS,
            flags=("GROWSDOWN",) * 8 + FLAGS,
            extra=0.55,
        ),
        Family(
            "layered",
            COMMON | {"device": 6, "counts": 3, "mremap": 5, "mprotect": 5, "munmap": 5},
            hooks=("mmap_prepare", "mmap", "mmap_prepare"),
            taste=Taste(action=0.25, layers=0.4, refusals=0.2, operations=0.9),
        ),
    )
}
"""By name."""

WITHOUT_DEVICES = ("anonymous", "merge", "fault", "moved", "locked", "sealed", "stacks")
"""The families that mean something without devices."""
