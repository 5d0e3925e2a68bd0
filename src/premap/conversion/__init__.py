# SPDX-License-Identifier: GPL-2.0-only
"""From a `.mmap` handler to edits that make it an mmap_prepare hook, or to the reason why not."""

from premap.conversion.callback import BadCallback, Callback
from premap.conversion.callback import named as callback_named
from premap.conversion.callback_plan import planned
from premap.conversion.convert import (
    apply,
    convert_file,
    convert_handler,
    convert_named_elsewhere,
    target_release,
)
from premap.conversion.dual import dual
from premap.conversion.reasons import EXPLANATIONS

__all__ = [
    "EXPLANATIONS",
    "BadCallback",
    "Callback",
    "apply",
    "callback_named",
    "convert_file",
    "convert_handler",
    "convert_named_elsewhere",
    "dual",
    "planned",
    "target_release",
]
