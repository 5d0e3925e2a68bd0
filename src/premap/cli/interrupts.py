# SPDX-License-Identifier: GPL-2.0-only
"""Ctrl-C where Python does not let it through: it may come at any moment, while modules load, too.

What runs then may be something that nothing can be raised out of (a callback of the import
machinery or of a C library, a finalizer): Python prints a traceback, and goes on. Or it is a hook
of a class that is being made, whose failure Python calls a RuntimeError.
"""

from __future__ import annotations

import _thread
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sys import UnraisableHookArgs

AGAIN = 0.02
"""Seconds after which a Ctrl-C that was lost comes again: whatever swallowed it is over by then."""


def never_lose() -> None:
    """Have each Ctrl-C that nothing could be raised for come again, rather than be printed."""
    sys.unraisablehook = _unraisable


def _unraisable(lost: UnraisableHookArgs) -> None:
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    again = threading.Timer(AGAIN, _thread.interrupt_main)
    again.daemon = True
    again.start()


def came_of_one(problem: BaseException | None) -> bool:
    """Return whether a problem is what became of a KeyboardInterrupt."""
    while problem is not None:
        if isinstance(problem, KeyboardInterrupt):
            return True
        problem = problem.__cause__ or problem.__context__
    return False
