# SPDX-License-Identifier: GPL-2.0-only
"""What C leaves undefined."""

from __future__ import annotations

from premap.model.errors import NotModelled


class Undefined(NotModelled):
    """C leaves undefined what happens here: division by zero, a shift by too much …."""
