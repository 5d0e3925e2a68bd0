# SPDX-License-Identifier: GPL-2.0-only
"""The steps of the scenario format: which there are, their keys, and the names they use."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from premap.model import bits, constants
from premap.model.inject import POINTS, injection
from premap.model.words import PAGE_SIZE
from premap.scenario.errors import ScenarioError
from premap.scenario.numbers import GROUPS

FORMAT = 1
DEVICE_PAGES = 16
"""Pages that a device has."""


def _names(module: Any, prefix: str, names: str) -> dict[str, int]:
    return {name: getattr(module, prefix + name) for name in names.split()}


MMAP_FLAGS = _names(
    constants,
    "MAP_",
    "SHARED PRIVATE SHARED_VALIDATE DROPPABLE FIXED FIXED_NOREPLACE LOCKED NORESERVE POPULATE "
    "NONBLOCK GROWSDOWN SYNC ANONYMOUS DENYWRITE EXECUTABLE",
)
MREMAP_FLAGS = _names(constants, "MREMAP_", "MAYMOVE FIXED DONTUNMAP")
ADVICE = _names(
    constants,
    "MADV_",
    "NORMAL RANDOM SEQUENTIAL DONTNEED COLD FREE DONTFORK DOFORK DONTDUMP DODUMP WIPEONFORK "
    "KEEPONFORK POPULATE_READ POPULATE_WRITE DONTNEED_LOCKED GUARD_INSTALL GUARD_REMOVE",
)
MCL_FLAGS = _names(constants, "MCL_", "CURRENT FUTURE ONFAULT")
SEALS = _names(constants, "F_SEAL_", "WRITE FUTURE_WRITE")
LIMITS = frozenset({"AS", "DATA", "MEMLOCK", "STACK", "MAPS", "COMMIT", "RAM", "RESERVE"})
GROWS = {"down": constants.PROT_GROWSDOWN, "up": constants.PROT_GROWSUP}
GROWS["both"] = GROWS["down"] | GROWS["up"]
PROT = {"r": constants.PROT_READ, "w": constants.PROT_WRITE, "x": constants.PROT_EXEC}
VMA_BITS = {name: bit for bit, name in bits.BIT_NAMES.items()}
MKWRITE = frozenset({"page_mkwrite", "pfn_mkwrite"})
"""Callbacks that are told of the first write to a page."""
CALLBACKS = MKWRITE | {"open", "close", "mapped", "fault", "may_split", "mremap", "mprotect"}
FAULTS = ("page", "pfn", "mixed")
"""What a `fault` callback does: gives the page, or vmf_insert_pfn(), or vmf_insert_mixed()."""
WAYS = ("mask", "bits", "mod", "init")
"""How a hook changes flags."""
GENERIC = ("any", "readonly")
"""The helpers that a hook may end with."""
MODES = ("rw", "r", "w")
FILE_KINDS = ("memfd", "noexec", "append", "zero", "ramfs", "fifo", "swap")
ANSWERS: dict[str, type] = {
    "size": int,
    "pages": int,
    "last": int,
    "first": bool,
    "any": bool,
    "all": bool,
    "same": bool,
    "single": bool,
    "count": int,
    "cow": bool,
    "anonymous": bool,
    "shared": bool,
}
"""What a hook asks the helpers for flags, and what they return; then come two lists of flags."""
ACTIONS = {
    "remap": ("start", "page", "size"),
    "ioremap": ("start", "page", "size"),
    "remap_full": ("page",),
    "ioremap_full": ("page",),
    "map_kernel_pages_full": ("page",),
    "simple_ioremap": ("page", "size"),
    "map_kernel_pages": ("start", "page", "pages"),
    "insert_page": ("start", "page"),
    "map_pages": ("page", "pages"),
    "map_pages_zero": ("page", "pages"),
}
"""The arguments of each kind of action."""
LEGACY_ACTIONS = frozenset({"insert_page", "map_pages", "map_pages_zero"})
"""Those that only an `mmap` hook has."""
OF_ACTIONS = {"simple_ioremap": ("within",)}
"""Arguments of actions that may be left out."""


_NAME = re.compile(r"[A-Za-z0-9_-]{1,79}")


class _Wrong(Exception):
    """What is wrong with a value."""


def _number(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _Wrong("is not a number")
    try:
        numeric = int(value, 0) if isinstance(value, str) else value
    except ValueError:
        raise _Wrong("is not a number") from None
    if not 0 <= numeric < 1 << 64:
        raise _Wrong("is not a number of 64 bits")


def _text(value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise _Wrong("is not a name")


def _file(value: Any) -> None:
    if value is not None:
        _text(value)


def _name(value: Any) -> None:
    if value is not None and (not isinstance(value, str) or not _NAME.fullmatch(value)):
        raise _Wrong("is not a name of letters, digits and dashes, at most 79")


def _one_of(allowed: Any) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        if not isinstance(value, str) or value not in allowed:
            raise _Wrong(f"is not one of {', '.join(sorted(allowed))}")

    return check


def _list_of(allowed: Any) -> Callable[[Any], None]:
    one = _one_of(allowed)

    def check(value: Any) -> None:
        if not isinstance(value, list):
            raise _Wrong("is not a list")
        for item in value:
            one(item)

    return check


def _prot(value: Any) -> None:
    if not isinstance(value, str) or set(value) - set(PROT):
        raise _Wrong('is not letters of "rwx"')


def _vm_ops(value: Any) -> None:
    if value is not None:
        _list_of(CALLBACKS)(value)


def _bool(value: Any) -> None:
    if not isinstance(value, bool):
        raise _Wrong("is not true or false")


def _errno(value: Any) -> None:
    import errno  # noqa: PLC0415 - read once, for scenarios with errors only

    if not isinstance(value, str) or not isinstance(getattr(errno, value, None), int):
        raise _Wrong("is not the name of an errno")


def _action(value: Any) -> None:
    if not isinstance(value, dict):
        raise _Wrong("is not an object")
    _one_of(ACTIONS)(value.get("kind"))
    for name in ACTIONS[value["kind"]]:
        if name not in value:
            raise _Wrong(f"has no {name!r}")
        _number(value[name])
    for name in OF_ACTIONS.get(value["kind"], ()):
        _number(value.get(name, 0))


def _error(value: Any) -> None:
    """Check an errno, or a number of 32 bits that need not be one."""
    if isinstance(value, str) and not value[:1].isdigit():
        _errno(value)
    else:
        _number(value)
        if int(str(value), 0) >= 1 << 32:
            raise _Wrong("is not a number of 32 bits")


def _failure(step: Any) -> None:
    import errno  # noqa: PLC0415 - read once, for scenarios with errors only

    number = getattr(errno, step.get("errno", "ENOMEM"))
    try:
        injection(step["point"], number, int(str(step.get("after", 0)), 0))
    except ValueError as problem:
        raise _Wrong(f"does not fit: {problem}") from None


def _part(value: Any) -> None:
    if not isinstance(value, dict) or value.keys() != {"start", "size"}:
        raise _Wrong("is not a start and a size")
    for numeric in value.values():
        _number(numeric)


Check = Callable[[Any], None]
_ADDRESS: dict[str, Check] = {"addr": _number}
_RANGE: dict[str, Check] = {"addr": _number, "len": _number}
REQUIRED: dict[str, dict[str, Check]] = {
    "device": {"name": _text, "hook": _one_of(("mmap_prepare", "mmap"))},
    "file": {"name": _text, "size": _number, "mode": _one_of(MODES)},
    "mmap": {
        "file": _file,
        **_RANGE,
        "prot": _prot,
        "flags": _list_of(MMAP_FLAGS),
        "offset": _number,
    },
    "munmap": _RANGE,
    "mprotect": {**_RANGE, "prot": _prot},
    "mremap": {
        **_RANGE,
        "new_len": _number,
        "flags": _list_of(MREMAP_FLAGS),
    },
    "madvise": {**_RANGE, "advice": _one_of(ADVICE)},
    "mlock": _RANGE,
    "munlock": _RANGE,
    "mlockall": {"flags": _list_of(MCL_FLAGS)},
    "munlockall": {},
    "mseal": _RANGE,
    "seal": {"file": _text, "seals": _list_of(SEALS)},
    "name": {**_RANGE, "name": _name},
    "heap": _ADDRESS,
    "brk": _ADDRESS,
    "limit": {"of": _one_of(LIMITS), "to": _number},
    "counts": {},
    "entries": {},
    "anon": {},
    "numbers": {"of": _one_of(GROUPS)},
    "touch": {**_ADDRESS, "access": _one_of(("r", "w"))},
    "peek": _ADDRESS,
    "fork": {},
    "fail": {"point": _one_of(POINTS)},
}
"""The kinds of step, and the keys that each must have."""

OPTIONAL: dict[str, dict[str, Check]] = {
    "device": {
        "ret": _errno,
        "set": _list_of(VMA_BITS),
        "clear": _list_of(VMA_BITS),
        "prot": _one_of(("writecombine", "noncached")),
        "pgoff": _number,
        "vm_ops": _vm_ops,
        "private_data": _number,
        "action": _action,
        "error_override": _error,
        "hide_from_rmap": _bool,
        "mapped_ret": _errno,
        "may_split_ret": _errno,
        "mremap_ret": _errno,
        "mprotect_ret": _errno,
        "fault": _one_of(FAULTS),
        "mkwrite": _one_of(("SIGBUS",)),
        "vm_file": _text,
        "lower": _text,
        "sync": _bool,
        "unsigned": _bool,
        "area": _bool,
        "test": _list_of(VMA_BITS),
        "by": _one_of(WAYS),
        "generic": _one_of(GENERIC),
        "filled": _bool,
        "cached": _bool,
        "twice": _bool,
        "zap": _part,
        "kept": _bool,
        "mapped_data": _number,
        "left": _bool,
        "accessed": _bool,
        "asked": _bool,
    },
    "file": dict.fromkeys(FILE_KINDS, _bool),
    "mmap": {"bits": _number},
    "mremap": {"new_addr": _number, "bits": _number},
    "mprotect": {"grows": _one_of(GROWS), "bits": _number},
    "mlock": {"onfault": _bool, "bits": _number},
    "mlockall": {"bits": _number},
    "madvise": {"bits": _number},
    "fail": {"after": _number, "errno": _errno, "never": _bool},
    "fork": {"entries": _bool, "then": _one_of(("child", "orphan"))},
}


def check_header(header: Any, path: str, line: int) -> None:
    """Raise ScenarioError unless this is the header of a scenario that premap can run."""
    if not isinstance(header, dict) or header.get("premap") != FORMAT:
        raise ScenarioError(f'not the header of a scenario ({{"premap": {FORMAT}, …}})', path, line)
    if header.get("page_size") != PAGE_SIZE:
        raise ScenarioError(f"page_size is not {PAGE_SIZE}", path, line)
    window = header.get("window")
    if not isinstance(window, list) or len(window) != 2:
        raise ScenarioError("window is not [low, high]", path, line)
    for bound in window:
        _check("window", bound, _number, path, line)


def check_step(step: Any, path: str, line: int) -> None:
    """Raise ScenarioError unless this is a step, with every key it needs."""
    op = step.get("op") if isinstance(step, dict) else None
    if not isinstance(op, str) or op not in REQUIRED:
        raise ScenarioError(f"no such step: op is {op!r}", path, line)
    for name, check in REQUIRED[op].items():
        if name not in step:
            raise ScenarioError(f"{op}: {name} is missing", path, line)
        _check(name, step[name], check, path, line)
    for name, check in OPTIONAL.get(op, {}).items():
        if name in step:
            _check(name, step[name], check, path, line)
    if op == "fail":
        _check("errno", step, _failure, path, line)
    if op == "device" and step["hook"] != "mmap":
        kind = step.get("action", {}).get("kind")
        if kind in LEGACY_ACTIONS:
            raise ScenarioError(f"device: only an mmap hook has the action {kind}", path, line)
        if step.get("twice"):
            raise ScenarioError("device: only an mmap hook acts twice", path, line)


def bits_of(step: Any) -> int:
    """Return the bits that a step has beside its named flags (`bits`)."""
    value = step.get("bits", 0)
    return int(value, 0) if isinstance(value, str) else int(value)


class Names:
    """The devices and files that a scenario has made so far."""

    def __init__(self) -> None:
        self.hooks: dict[str, str] = {}

    def check(self, step: Any, path: str, line: int) -> None:
        """Raise ScenarioError for a name that is not known, or taken by something else."""
        op = step["op"]
        if op in ("device", "file"):
            kind = step["hook"] if op == "device" else "file"
            if self.hooks.setdefault(step["name"], kind) != kind:
                raise ScenarioError(f"{op}: {step['name']} is of another kind", path, line)
        for key in ("file", "vm_file", "lower"):
            self._check_file(step, key, path, line)
        if op == "seal" and self.hooks[step["file"]] != "file":
            raise ScenarioError(f"seal: {step['file']} is a device", path, line)

    def _check_file(self, step: Any, key: str, path: str, line: int) -> None:
        name, op = step.get(key), step["op"]
        if name is None:
            return
        if name not in self.hooks:
            raise ScenarioError(f"{op}: there is no {name}", path, line)
        if op != "device":
            return
        if self.hooks[name] != "mmap_prepare" or name == step["name"]:
            raise ScenarioError(f"{op}: {key} is not another mmap_prepare device", path, line)
        if key == "lower" and step["hook"] != "mmap":
            raise ScenarioError(f"{op}: only an mmap hook has a lower one", path, line)


def _check(name: str, value: Any, check: Callable[[Any], None], path: str, line: int) -> None:
    try:
        check(value)
    except _Wrong as wrong:
        raise ScenarioError(f"{name} {wrong}", path, line) from None
