# SPDX-License-Identifier: GPL-2.0-only
"""What can go wrong with a kernel in a process."""

from __future__ import annotations

from premap.scenario.backend import BackendError


class UmlError(BackendError):
    """A kernel that can't be built or started, or that is gone; `str()` is one line."""
