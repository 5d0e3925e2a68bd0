# SPDX-License-Identifier: GPL-2.0-only
"""The list of locks and the table of what kernel functions do are about the same functions."""

from __future__ import annotations

import pytest

from premap.csource.cleanups import locks, standard
from premap.interp.unknown import table


def test_what_takes_and_gives_back_a_lock_is_in_both_tables() -> None:
    known = table()
    pairs = {takes: gives for takes, gives in locks().items() if takes in known}
    assert locks().keys() - pairs.keys() == {"device_lock"}  # plain C in a header
    assert {"mutex_lock", "spin_lock_irq", "down_read", "write_lock"} < pairs.keys()
    assert {known[name].kind for name in pairs} == {"lock"}
    assert {known[name].kind for name in pairs.values()} == {"unlock"}
    assert {known[name].object for pair in pairs.items() for name in pair} == {0}


@pytest.mark.parametrize("name", ["kfree", "kvfree", "fput", "put_device"])
def test_what_frees_is_called_by_its_name(name: str) -> None:
    """DEFINE_FREE(): a type, and what is done with what is freed (include/linux/cleanup.h)."""
    found = standard("free", name)
    assert found is not None
    assert found.arguments[-1].endswith(f" {name}(_T)")


@pytest.mark.parametrize("name", ["mutex_lock", "read_lock", "write_lock", "device"])
def test_a_lock_is_nothing_that_is_freed(name: str) -> None:
    assert standard("free", name) is None
