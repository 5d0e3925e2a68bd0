# SPDX-License-Identifier: GPL-2.0-only
"""What a hook takes by way of functions that other files of its driver define."""

from __future__ import annotations

from premap.conversion.effects import taken_by
from premap.conversion.program import Program
from premap.csource.definitions import defining_near
from premap.csource.nodes import callee, calls_in
from premap.idioms.idiom import Hook


def note(hook: Hook, program: Program) -> None:
    """Note the calls of functions from beside the file, or a folder up, that take something.

    Whether that may stay where the mapping then fails is not seen here: a person has to look. Files
    that do not speak of mappings at all are not searched.
    """
    source = hook.function.source
    if program.tree is None or program.alone:
        return
    names = {callee(call) or "": call for call in calls_in(hook.function.body)}
    for name, call in names.items():
        if not name or name in source.functions or name in hook.helpers:
            continue
        for file in defining_near(name, source, program.tree):
            if path := taken_by(name, file):
                how = " calls ".join(f"{step}()" for step in path)
                message = f"{how} ({file.name}): see that it may stay if the mapping fails"
                hook.note("taken-elsewhere", message, call)
                break
