# SPDX-License-Identifier: GPL-2.0-only
"""Tests of hooks in Python: what survives of a mapping that is not there.

`surviving()` is the function; the pytest fixture of the same name is in `premap.testing.plugin`.
"""

from __future__ import annotations

from premap.testing.surviving import Survivor, surviving

__all__ = ["Survivor", "surviving"]
