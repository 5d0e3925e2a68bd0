# SPDX-License-Identifier: GPL-2.0-only
"""Compares two versions of a hook given as C text, and runs both on plain numbers."""

from __future__ import annotations

import functools

from premap.csource.source import SourceFile
from premap.equivalence.api import side
from premap.equivalence.candidate import Candidate
from premap.equivalence.compare import compare
from premap.equivalence.comparison import verify
from premap.equivalence.outcome import Side, run
from premap.equivalence.setting import RandomCall, every_setting
from premap.interp.naming import Namer
from premap.records import Verdict

DRIVER = """
struct mutex { int owner; };
struct dev {
	unsigned long phys;
	unsigned long size;
	unsigned long count;
	unsigned int limit;
	int ro;
	struct mutex lock;
	unsigned long *shared;
	unsigned long table[8];
	struct page **pages;
	void *cookie;
};
static const struct vm_operations_struct ring_vm_ops = { .fault = ring_fault, };
static const struct vm_operations_struct other_vm_ops = { .fault = other_fault, };
"""
"""What every hook of these tests may use. Its own lines are not counted (see `source`)."""

OLD_HEAD = "static int ring_mmap(struct file *file, struct vm_area_struct *vma)\n{\n"
NEW_HEAD = "static int ring_mmap_prepare(struct vm_area_desc *desc)\n{\n"


def old_side(body: str, extra: str = "") -> Side:
    """Return a legacy hook with this body; `extra` is C before it."""
    text = f"{DRIVER}{extra}{OLD_HEAD}{body}\n}}\n"
    return side(SourceFile("ring.c", text.encode()), "ring_mmap", "mmap", None)


def new_side(body: str, extra: str = "") -> Side:
    """Return an ->mmap_prepare hook with this body; `extra` is C before it."""
    text = f"{DRIVER}{extra}{NEW_HEAD}{body}\n}}\n"
    return side(SourceFile("ring.c", text.encode()), "ring_mmap_prepare", "mmap_prepare", None)


@functools.cache
def judge(old: str, new: str, extra: str = "", new_extra: str | None = None) -> Verdict:
    """Compare two bodies."""
    given = extra if new_extra is None else new_extra
    return verify(old_side(old, extra), new_side(new, given), time_limit=15)


_SETTINGS = tuple(every_setting())


def run_both(old: Side, new: Side, seed: int) -> list[Candidate]:
    """Run both on plain numbers from a seed; return the differences that are not accepted."""
    setting = _SETTINGS[seed % len(_SETTINGS)]
    inputs, namer = RandomCall(seed), Namer()
    before, after = run(old, setting, inputs, namer), run(new, setting, inputs, namer)
    return [each for each in compare(before, after) if not each.accepted]
