# SPDX-License-Identifier: GPL-2.0-only
"""Compiles what changes in a kernel tree with the tree's own kbuild, and leaves the tree alone.

That executes the tree's makefiles and scripts: it only happens where a user asks for it.
"""

from premap.kbuild.check import Built, Compiled
from premap.kbuild.make import Diagnostic, KbuildError

__all__ = ["Built", "Compiled", "Diagnostic", "KbuildError"]
