# SPDX-License-Identifier: GPL-2.0-only
"""How often garbage is looked for while hooks are compared.

Every run of a hook makes a machine, its memory and an address space that refer to each other, and
terms that are kept. Python looks through what is new at each 700 objects, and now and then through
all that a process holds, syntax trees of headers included: a quarter of a comparison's time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS = 50_000
"""Objects that may be made before garbage is looked for: some ten runs, a few MiB."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for garbage less often inside; leave a process that looks even less often alone."""
    before = gc.get_threshold()
    if 0 < before[0] < OBJECTS:
        gc.set_threshold(OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
