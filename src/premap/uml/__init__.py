# SPDX-License-Identifier: GPL-2.0-only
"""A real kernel in a process: User Mode Linux, built from any tree from 7.1 on.

Needs Linux on x86-64, gcc, make, flex, bison and bc.
"""

from __future__ import annotations

from premap.uml.backend import UmlBackend
from premap.uml.build import Kernel, build
from premap.uml.errors import UmlError

__all__ = ["Kernel", "UmlBackend", "UmlError", "build"]
