# SPDX-License-Identifier: GPL-2.0-only
"""The mmap() call that shows a difference, as plain data, and as a sentence."""

from __future__ import annotations

import errno
import shlex
from collections.abc import Iterable
from typing import Any, cast

from premap import symbolic
from premap.equivalence.outcome import Outcome
from premap.equivalence.setting import LEFT, MORE_FLAGS, NOEXEC, RIGHT, START_PAGE, Call, Setting
from premap.interp import operators
from premap.interp.conditions import OPTION
from premap.interp.inputs import CALL, SymbolicInputs, applied
from premap.interp.machine import Machine
from premap.interp.naming import MOMENT
from premap.interp.scalars import is_scalar, word_of
from premap.interp.values import Value, plain, to_signed
from premap.model.flags import flag_names
from premap.model.words import PAGE_SHIFT, PAGE_SIZE
from premap.symbolic.slices import nodes

_CALL = (
    *("extra", "pages", "pgoff", "prot", "f_mode_write", "left_pages", "right_pages"),
    *("page", "start_page"),
)


_MANY = 24
"""State variables of an example beyond which they are left as the solver found them."""


def preferences(model: symbolic.Model) -> list[symbolic.Word]:
    """Return the words that should be small in an example, the most important first."""
    inputs = SymbolicInputs()
    state = [name for name in sorted(model.variables) if not name.startswith(CALL)]
    names = [f"{CALL}{name}" for name in _CALL]
    names += state if len(state) <= _MANY else []
    return [symbolic.as_word(inputs.word(name)) for name in names]


_ARITHMETIC = frozenset({"+", "-", "*", "&", "|", "^"})


def meant(conditions: Iterable[symbolic.Condition]) -> list[symbolic.Condition]:
    """Return that computations of unknown type come to what they do with unsigned numbers.

    They may come to anything; plain numbers that are the same in every type are compared as such.
    """
    found: list[symbolic.Condition] = []
    for node in nodes(each for each in conditions if isinstance(each, symbolic.Bool)):
        operator = node.data[0][1:] if node.op == "apply" and node.data[0][0] == "?" else ""
        if len(node.args) != 2:
            continue
        word, (left, right) = cast("symbolic.Word", node), node.args
        if operator in operators.COMPARISONS:
            answer = operators.compare(operator, left, right, signed=False)
            found.append((word != 0) == answer)
        elif operator in _ARITHMETIC:
            found.append(word == operators.arithmetic(operator, left, right, signed=False))
    return found


def build(
    setting: Setting, model: symbolic.Model, old: Outcome, new: Outcome, what: str
) -> dict[str, Any]:
    """Return the example: the call, the driver state that matters, what old and new do.

    "run" has, for either version, the options with which `premap run FILE:FUNCTION` shows it in
    this call.
    """
    example = _example(setting, model, old, describe(new), what)
    example["run"]["new"] = _command(setting, model, new.machine)
    return example


def broken(setting: Setting, model: symbolic.Model, old: Outcome, error: str) -> dict[str, Any]:
    """Return the example of a call in which only the new version meets what C leaves undefined."""
    new: dict[str, Any] = {
        "returns": f"nothing defined ({error})",
        "mappings": [],
        "entry": None,
        "calls": [],
    }
    return _example(setting, model, old, new, error)


def _example(
    setting: Setting, model: symbolic.Model, old: Outcome, new: dict[str, Any], what: str
) -> dict[str, Any]:
    call = Call.of(old.machine.inputs)
    command = _command(setting, model, old.machine)
    return {
        "setting": str(setting),
        "call": {
            "addr": _number(call.start),
            "length": _number(call.length),
            "prot": _letters(_number(call.prot)),
            "flags": _flags(setting, call),
            "offset": _number(call.pgoff) * PAGE_SIZE,
            "opened_for_writing": bool(_number(call.writable(setting))),
            "noexec": bool(_number(call.extra) & NOEXEC),
            "page": _number(call.page),
        },
        "state": _values(model),
        "differs": what,
        "old": describe(old),
        "new": new,
        "run": {"old": command, "new": command},
    }


def _flags(setting: Setting, call: Call) -> list[str]:
    extra = [name for name, bit in MORE_FLAGS.items() if _number(call.extra) & bit]
    return ["SHARED" if setting.shared else "PRIVATE", "FIXED", *extra]


def _command(setting: Setting, model: symbolic.Model, machine: Machine) -> str:
    """Return the options of `premap run` that make this call for the version that ran there."""
    call = Call.of(machine.inputs)
    start = _number(call.start)
    words = [] if start == START_PAGE << PAGE_SHIFT else ["--addr", hex(start)]
    words += ["--pages", str(_number(call.pages)), "--pgoff", str(_number(call.pgoff))]
    words.append(f"--prot={_letters(_number(call.prot))}")
    words += [] if setting.shared else ["--private"]
    words += [] if _number(call.writable(setting)) else ["--read-only"]
    words += [f"--flags={','.join(_flags(setting, call)[2:])}"] if _number(call.extra) else []
    words += ["--noexec"] if _number(call.extra) & NOEXEC else []
    words += [] if setting.layout == "alone" else ["--layout", setting.layout]
    words += ["--left-pages", str(_number(call.left_pages))] if setting.layout in LEFT else []
    words += ["--right-pages", str(_number(call.right_pages))] if setting.layout in RIGHT else []
    values = _values(model)
    for name, value in (values | _zeros(model, values)).items():
        known = machine.memory.by_moment(name)
        if "@?" not in known:
            words += ["--set", f"{known}={value:#x}"]
    words += ["--inject", setting.fails] if setting.fails else []
    words += ["--again"] if setting.retried else []
    return shlex.join(words)


def _values(model: symbolic.Model) -> dict[str, int]:
    """Return the made-up values that are not 0, by name."""
    state = {
        name: value
        for name, value in sorted(model.variables.items())
        if not name.startswith((CALL, "&")) and value
    }
    for (name, arguments), value in sorted(model.functions.items()):
        if value and not name.startswith("&"):
            state[applied(name, arguments)] = value
    return state


def _zeros(model: symbolic.Model, values: dict[str, int]) -> dict[str, int]:
    """Return what has to be said to be 0: options, and state that was something else before."""
    names = [*model.variables, *(applied(*key) for key in model.functions)]
    return {
        name: 0
        for name in sorted(names)
        if name not in values and (name.startswith(OPTION) or MOMENT.sub("", name) in values)
    }


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
        "private_data": _private_data(vma.vm_private_data),
    }


def _private_data(data: Any) -> int | str:
    """Return the address that a hook of C stored, or how a Python object shows itself."""
    if isinstance(data, Value):
        return _number(word_of(data)) if is_scalar(data) else "?"
    return 0 if data is None else repr(data)


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
