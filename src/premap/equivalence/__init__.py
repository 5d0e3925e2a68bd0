# SPDX-License-Identifier: GPL-2.0-only
"""Runs two versions of a hook on one model, and compares what came of it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from premap.equivalence.catalogue import ACCEPTED, EXPLANATIONS

if TYPE_CHECKING:
    from premap.equivalence.api import NoSuchHook, hook, verify_conversion, verify_functions
    from premap.equivalence.comparison import verify
    from premap.equivalence.setting import NOEXEC, Setting
    from premap.equivalence.stepping import Stepped, step_through

_LAZY = {
    "FAILURES": "premap.equivalence.setting",
    "NOEXEC": "premap.equivalence.setting",
    "NoSuchHook": "premap.equivalence.api",
    "Setting": "premap.equivalence.setting",
    "Stepped": "premap.equivalence.stepping",
    "hook": "premap.equivalence.api",
    "step_through": "premap.equivalence.stepping",
    "verify": "premap.equivalence.comparison",
    "verify_conversion": "premap.equivalence.api",
    "verify_functions": "premap.equivalence.api",
}


def __getattr__(name: str) -> Any:
    """Import what compares only when it is asked for: explanations need none of it."""
    if name not in _LAZY:
        raise AttributeError(name)
    return getattr(importlib.import_module(_LAZY[name]), name)


__all__ = [
    "ACCEPTED",
    "EXPLANATIONS",
    "FAILURES",
    "NOEXEC",
    "NoSuchHook",
    "Setting",
    "Stepped",
    "hook",
    "step_through",
    "verify",
    "verify_conversion",
    "verify_functions",
]
