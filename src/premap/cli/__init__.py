# SPDX-License-Identifier: GPL-2.0-only
"""The command line. Modules here import what is heavy where it is needed, so that help is quick."""

from __future__ import annotations

from premap.cli.main import main

__all__ = ["main"]
