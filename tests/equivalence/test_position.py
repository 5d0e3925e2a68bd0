# SPDX-License-Identifier: GPL-2.0-only
"""What of a hook hangs on where its mapping lies: also what it writes within a structure."""

from __future__ import annotations

import pytest

from premap import symbolic
from premap.csource.source import SourceFile
from premap.equivalence.api import side
from premap.equivalence.outcome import run
from premap.equivalence.position import positional
from premap.equivalence.setting import Call, Setting
from premap.interp.inputs import SymbolicInputs
from premap.interp.naming import Namer

C = """
struct last { unsigned long offset; unsigned long count; };
struct ring { struct last last; unsigned long offset; };
static int ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ring *ring = file->private_data;
	%s
	return 0;
}
"""


@pytest.mark.parametrize(
    ("statement", "hangs"),
    [
        ("ring->offset = vma->vm_pgoff;", True),
        ("ring->last = (struct last){ .offset = vma->vm_pgoff };", True),
        ("ring->last = (struct last){ .offset = 5 };", False),
        ("ring->offset = ring->last.count;", False),
    ],
)
def test_what_is_written_hangs_on_the_position(statement: str, hangs: bool) -> None:
    hook = side(SourceFile("ring.c", (C % statement).encode()), "ring_mmap", "mmap", None)
    inputs = SymbolicInputs()
    explorer = symbolic.Explorer(Call.of(inputs).valid(unsigned_offset=False))
    paths = explorer.explore(lambda: run(hook, Setting(shared=True), inputs, Namer(), None))
    found = [positional(path.value, ()) for path in paths if path.value is not None]
    assert found
    assert any(found) == hangs
