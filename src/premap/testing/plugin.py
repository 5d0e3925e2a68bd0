# SPDX-License-Identifier: GPL-2.0-only
"""The pytest plugin: the fixture `surviving`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from premap.testing.surviving import Survivor


@pytest.fixture
def surviving() -> Callable[..., list[Survivor]]:
    """Run a hook with each later stage failing, or merging: `premap.testing.surviving()`."""
    from premap.testing.surviving import surviving as function  # noqa: PLC0415 - not in every run

    return function
