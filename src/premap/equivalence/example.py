# SPDX-License-Identifier: GPL-2.0-only
"""The mmap() call that shows a difference, as plain data, and as a sentence."""

from __future__ import annotations

import errno
from typing import Any

from premap import symbolic
from premap.equivalence.outcome import Outcome
from premap.equivalence.setting import Call, Setting
from premap.interp.inputs import CALL, SymbolicInputs
from premap.interp.values import plain, to_signed
from premap.model.flags import flag_names
from premap.model.words import PAGE_SIZE

_CALL = ("pages", "pgoff", "prot", "f_mode_write", "left_pages", "page", "start_page")


def preferences() -> list[symbolic.Word]:
    """Return the words that should be small in an example, the most important first."""
    inputs = SymbolicInputs()
    return [symbolic.as_word(inputs.word(f"{CALL}{name}")) for name in _CALL]


def build(
    setting: Setting, model: symbolic.Model | None, old: Outcome, new: Outcome, what: str
) -> dict[str, Any]:
    """Return the example: the call, the driver state that matters, what old and new do."""
    call = Call.of(old.machine.inputs)
    return {
        "setting": str(setting),
        "call": {
            "addr": _number(call.start),
            "length": _number(call.length),
            "prot": _letters(_number(call.prot)),
            "flags": ["SHARED" if setting.shared else "PRIVATE", "FIXED"],
            "offset": _number(call.pgoff) * PAGE_SIZE,
            "opened_for_writing": bool(_number(call.f_mode_write)),
            "page": _number(call.page),
        },
        "state": _state(model),
        "differs": what,
        "old": describe(old),
        "new": describe(new),
    }


def _state(model: symbolic.Model | None) -> dict[str, int]:
    """Return the made-up values that are not 0, by name."""
    if model is None:
        return {}
    state = {
        name: value
        for name, value in sorted(model.variables.items())
        if not name.startswith(("call.", "&")) and value
    }
    for (name, arguments), value in sorted(model.functions.items()):
        if value and not name.startswith("&"):
            state[f"{name}({', '.join(map(hex, arguments))})"] = value
    return state


def describe(outcome: Outcome) -> dict[str, Any]:
    """Return what one version did, as plain data."""
    return {
        "returns": result_text(outcome.returned),
        "mappings": [_mapping(vma) for vma in outcome.vmas],
        "entry": _entry(outcome.entry),
        "calls": [event.name for event in outcome.machine.events],
    }


def result_text(word: int) -> str:
    """Return the result of mmap(): an address, or the name of an errno."""
    number = to_signed(_number(word))
    if -4095 <= number < 0:
        return f"-{errno.errorcode.get(-number, str(-number))}"
    return hex(number)


def _mapping(vma: Any) -> dict[str, Any]:
    return {
        "start": _number(vma.vm_start),
        "end": _number(vma.vm_end),
        "pgoff": _number(vma.vm_pgoff),
        "flags": flag_names(_number(vma.vm_flags)),
        "page_prot": _number(vma.vm_page_prot),
        "vm_ops": "NULL" if vma.vm_ops is None else vma.vm_ops.label,
    }


def _entry(entry: Any) -> dict[str, Any] | None:
    if entry is None:
        return None
    return {
        "kind": entry.kind,
        "index": _number(entry.index),
        "pgprot": _number(entry.pgprot),
        "writable": bool(entry.writable),
    }


def _letters(prot: int) -> str:
    return "".join(letter for bit, letter in ((1, "r"), (2, "w"), (4, "x")) if prot & bit)


def _number(word: int) -> int:
    known = plain(word)
    if known is None:
        raise AssertionError(f"{word} is symbolic in a concrete run")
    return known
