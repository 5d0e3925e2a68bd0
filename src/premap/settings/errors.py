# SPDX-License-Identifier: GPL-2.0-only
"""What can be wrong with settings. It is told to whoever wrote them."""

from __future__ import annotations


class BadSettings(Exception):
    """A file of settings, or a baseline, is none. `str()` is one line that names the file."""
