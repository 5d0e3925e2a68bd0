# SPDX-License-Identifier: GPL-2.0-only
"""Ctrl-C where Python does not let it through: it may come at any moment, while modules load, too.

What runs then may be something that nothing can be raised out of (a callback of the import
machinery or of a C library, a finalizer): Python prints a traceback, and goes on. C code that asks
whether something has an attribute forgets it. Or it is a hook of a class that is being made, whose
failure Python calls a RuntimeError.
"""

from __future__ import annotations

import _thread
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sys import UnraisableHookArgs
    from types import FrameType

AGAIN = 3.0
"""Seconds after which a Ctrl-C comes again, if premap has not come to its end by then."""
SOON = 0.02
"""Seconds after which one comes again that nothing could be raised for."""


def never_lose() -> None:
    """Have each Ctrl-C that is lost come again, and none be printed."""
    sys.unraisablehook = _unraisable
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    _thread.start_new_thread(_come_again, (AGAIN,))
    raise KeyboardInterrupt


def _come_again(seconds: float) -> None:
    """Interrupt the main thread later, unless that ignores Ctrl-C then: it ends."""
    time.sleep(seconds)
    _thread.interrupt_main()


def _unraisable(lost: UnraisableHookArgs) -> None:
    if issubclass(lost.exc_type, KeyboardInterrupt):
        _thread.start_new_thread(_come_again, (SOON,))
    else:
        sys.__unraisablehook__(lost)


def came_of_one(problem: BaseException | None) -> bool:
    """Return whether a problem is what became of a KeyboardInterrupt."""
    while problem is not None:
        if isinstance(problem, KeyboardInterrupt):
            return True
        problem = problem.__cause__ or problem.__context__
    return False
