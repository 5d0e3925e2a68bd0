# SPDX-License-Identifier: GPL-2.0-only
"""Steps as the commands that sources/init.c reads, and its answers as results.

Numbers are hexadecimal on the console. Linux on x86-64 only, for the numbers of the system calls.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from typing import Any

from premap.model.constants import MAP_ANONYMOUS, MLOCK_ONFAULT
from premap.model.errors import errno_name
from premap.model.words import PAGE_SHIFT, U64_MAX
from premap.scenario.backend import MissingStep
from premap.scenario.reader import Json, number
from premap.scenario.steps import (
    ADVICE,
    ANSWERS,
    DEVICE_PAGES,
    GROWS,
    MCL_FLAGS,
    MMAP_FLAGS,
    MREMAP_FLAGS,
    PROT,
    SEALS,
    bits_of,
)
from premap.uml.errors import UmlError

SLOTS = 16
"""Devices, and files, that one scenario can have."""
_MPROTECT, _MUNMAP, _BRK, _MREMAP, _MADVISE, _MLOCK, _MUNLOCK = 10, 11, 12, 25, 28, 149, 150
_MLOCKALL, _MUNLOCKALL, _MLOCK2, _MSEAL = 151, 152, 325, 462
_CALLBACKS = {
    "o": "open",
    "c": "close",
    "n": "mapped",
    "s": "may_split",
    "g": "mremap",
    "t": "mprotect",
}
_FAULTS = {"f": "fault", "a": "page_mkwrite", "b": "pfn_mkwrite"}
_PAGES = frozenset({"anon", "zero", "guard"})
_HOOKS = {"p": "mmap_prepare", "m": "mmap"}


def _mask(names: Iterable[str], table: dict[str, int]) -> int:
    total = 0
    for name in names:
        total |= table[name]
    return total


def _errno(name: str) -> int:
    return int(getattr(errno, name))


def _error(value: str | int) -> int:
    """Return what the driver negates: an errno, or a number as it is to be."""
    if isinstance(value, str) and not value[0].isdigit():
        return _errno(value)
    return -number(value) & U64_MAX


def _vm_ops(callbacks: list[str] | None) -> str:
    return "null" if callbacks is None else ",".join(callbacks)


_PROGRAMME: dict[str, Callable[[Any], object]] = {
    "ret": _errno,
    "set": ",".join,
    "clear": ",".join,
    "prot": str,
    "pgoff": number,
    "vm_ops": _vm_ops,
    "private_data": number,
    "error_override": _error,
    "hide_from_rmap": int,
    "mapped_ret": _errno,
    "may_split_ret": _errno,
    "mremap_ret": _errno,
    "mprotect_ret": _errno,
    "mkwrite": lambda _: 1,
    "fault": str,
    "sync": int,
    "unsigned": int,
    "area": int,
    "cached": int,
    "twice": int,
    "test": ",".join,
    "by": str,
    "generic": str,
    "filled": int,
    "kept": int,
    "mapped_data": number,
    "left": int,
    "accessed": int,
    "asked": int,
}
"""The keys of a programme, and how the driver reads their values."""


def _programme(step: Json) -> list[str]:
    words = [
        f"{key}={write(step[key])}"
        for key, write in _PROGRAMME.items()
        if key in step and step[key] != []
    ]
    if step.get("vm_ops") == []:
        words.append("vm_ops=")
    if "zap" in step:
        words += [f"zap={number(step['zap']['start'])}", f"zap_size={number(step['zap']['size'])}"]
    action = dict(step.get("action", ()))
    if action:
        words.append(f"action={action.pop('kind')}")
        if "pages" in action:
            action["size"] = action.pop("pages")
        words += [f"{key}={number(value)}" for key, value in action.items()]
    return words


class Conversation:
    """One scenario's commands and answers: knows which slot of the machine has which name.

    `first_pfns` are the first page frames of the devices' memory, by slot.
    """

    def __init__(self, window: tuple[int, int], first_pfns: list[int]) -> None:
        self.window = window
        self.first_pfns = first_pfns
        self.devices: list[str] = []
        self.files: list[str] = []

    def begin(self) -> str:
        """Return the command that starts the scenario."""
        return "b {:x} {:x}\n".format(*self.window)

    def command(self, step: Json) -> str:
        """Return a step as a command. Raises MissingStep."""
        write = _COMMANDS.get(step["op"])
        if write is None:
            raise MissingStep(step["op"])
        return write(self, step) + "\n"

    def _slot(self, names: list[str], name: str) -> int:
        if name not in names:
            if len(names) == SLOTS:
                raise UmlError(f"{name}: the kernel has {SLOTS} devices and {SLOTS} files")
            names.append(name)
        return names.index(name)

    def device(self, step: Json) -> str:
        """Write a programme: `d SLOT KEY=VALUE ...`."""
        slot = self._slot(self.devices, step["name"])
        words = [f"name={step['name']}", f"hook={step['hook']}", *_programme(step)]
        words += [f"{k}={self.devices.index(step[k])}" for k in ("vm_file", "lower") if k in step]
        return f"d {slot:x} {' '.join(words)}"

    def file(self, step: Json) -> str:
        """Make a file: `f SLOT SIZE KINDS NAME`."""
        slot = self._slot(self.files, step["name"])
        kinds = _MODES[step["mode"]]
        kinds += "".join(letter for key, letter in _KINDS.items() if step.get(key))
        return f"f {slot:x} {number(step['size']):x} {kinds} {step['name']}"

    def seal(self, step: Json) -> str:
        """Seal a file: `a SLOT SEALS`."""
        return f"a {self.files.index(step['file']):x} {_mask(step['seals'], SEALS):x}"

    def counts(self, step: Json) -> str:
        """Count, of every file and device too: `c FILE...`."""
        del step
        names = [*self.devices, *self.files]
        return " ".join(["c", *map(self._file, names)])

    def _file(self, name: str) -> str:
        if name in self.devices:
            return f"d{self.devices.index(name):x}"
        return f"f{self.files.index(name):x}"

    def mmap(self, step: Json) -> str:
        """Map a device, a file or nothing: `m FILE ADDR LEN PROT FLAGS OFFSET`."""
        flags, name = _mask(step["flags"], MMAP_FLAGS), step["file"]
        flags |= bits_of(step)
        if name is None:
            file, flags = "-", flags | MAP_ANONYMOUS
        else:
            file = self._file(name)
        values = (step["addr"], step["len"], _mask(step["prot"], PROT), flags, step["offset"])
        return f"m {file} {_words(values)}"

    def result(self, step: Json, lines: list[str]) -> Json:
        """Return what the answer to a step says. Raises MissingStep, UmlError."""
        events: list[Json] = []
        vmas: list[Json] = []
        counts: Json | None = None
        entries: list[Json] = []
        numbers: Json = {}
        anon = _Anon()
        for line in lines:
            kind, *fields = line.split()
            if kind == "v":
                vmas.append(self._vma(fields))
            elif kind == "k":
                counts = self._counts(fields)
            elif kind == "y":
                entries.append(self._entry(fields))
            elif kind == "z":
                anon.add(fields)
            elif kind == "j":
                numbers[fields[0]] = int(fields[1], 16)
            elif kind != "r":
                events.append(self._event(kind, fields))
        ret = _ret(lines[-1].partition(" ")[2])
        if step["op"] in _MUST_SUCCEED and ret != 0:
            raise _refused(step, ret)
        if step["op"] == "numbers":
            return {"ret": numbers, "events": events, "vmas": vmas}
        if step["op"] == "anon":
            return {"ret": anon.found, "events": events, "vmas": vmas}
        if step["op"] == "entries" or (step.get("entries") and ret == 0):
            return {"ret": entries, "events": events, "vmas": vmas}
        return {"ret": ret if counts is None else counts, "events": events, "vmas": vmas}

    def _entry(self, fields: list[str]) -> Json:
        addr, what, write = fields
        page = what if what in _PAGES else self._pgoff(int(what, 16))
        return {"addr": int(addr, 16), "page": page, "write": write == "w"}

    def _counts(self, fields: list[str]) -> Json:
        names = [*self.devices, *self.files]
        own, held = fields[: len(_COUNTS)], fields[len(_COUNTS) :]
        counts: Json = {name: int(value) for name, value in zip(_COUNTS, own, strict=True)}
        return {**counts, "files": {n: int(v, 16) for n, v in zip(names, held, strict=True)}}

    def _vma(self, fields: list[str]) -> Json:
        start, end, offset, file, *flags = fields
        names = self.devices if file[0] == "d" else self.files
        return {
            "start": int(start, 16),
            "end": int(end, 16),
            "flags": [flag for flag in flags if flag != "sd"],
            "pgoff": self._pgoff(int(offset, 16) >> PAGE_SHIFT),
            "file": None if file == "-" else names[int(file[1:])],
        }

    def _event(self, kind: str, fields: list[str]) -> Json:
        if kind == "l":
            raise UmlError("the driver's log was too small for what one step caused")
        name = self.devices[int(fields[0], 16)]
        if kind == "x":
            raise UmlError(f"{name}: an action beyond the device's {DEVICE_PAGES} pages")
        if kind == "h":
            return {"call": "accessed", "file": name}
        if kind == "u":
            addr, length, pgoff, flags = (int(field, 16) for field in fields[1:])
            where = {"addr": addr, "len": length, "pgoff": self._pgoff(pgoff), "flags": flags}
            return {"call": "area", "file": name, **where}
        if kind == "w":
            return {"call": "left", "file": name, "pages": int(fields[1], 16)}
        if kind == "q":
            answers = _answers(fields[1:])
            return {"call": "test", "file": name, **answers, "last": self._pgoff(answers["last"])}
        if kind in _FAULTS:
            pgoff, write = (int(field, 16) for field in fields[1:])
            return {
                "call": _FAULTS[kind],
                "file": name,
                "pgoff": self._pgoff(pgoff),
                "write": bool(write),
            }
        start, end, pgoff = (int(field, 16) for field in fields[1:4])
        event: Json = {
            "call": _HOOKS.get(kind) or _CALLBACKS[kind],
            "file": name,
            "start": start,
            "end": end,
            "pgoff": self._pgoff(pgoff),
        }
        if kind in _HOOKS:
            return event | {"flags": _letters(fields[4])}
        return event | {"private_data": int(fields[4], 16)}

    def _pgoff(self, pgoff: int) -> int | str:
        """Write a page offset; the page frame number of a device's page as that page's name."""
        for name, first in zip(self.devices, self.first_pfns, strict=False):
            if first <= pgoff < first + DEVICE_PAGES:
                return f"{name}:{pgoff - first}"
        return pgoff


def _letters(word: str) -> list[str]:
    return [flag for flag in word.split(",") if flag not in ("", "-")]


def _answers(fields: list[str]) -> Json:
    """Return what a hook asked for, see ANSWERS."""
    values = [int(field, 16) for field in fields[:-2]]
    found: Json = {
        name: kind(value) for (name, kind), value in zip(ANSWERS.items(), values, strict=True)
    }
    return {**found, "common": _letters(fields[-2]), "differing": _letters(fields[-1])}


class _Anon:
    """What a step says of anon_vmas: they get numbers in the order in which they are met."""

    def __init__(self) -> None:
        self.found: list[Json] = []
        self.numbers: dict[str, int] = {}

    def add(self, fields: list[str]) -> None:
        start, name, *counts = fields
        number = self.numbers.setdefault(name, len(self.numbers))
        values = (int(start, 16), number, *(int(count, 16) for count in counts))
        self.found.append(dict(zip(_ANON, values, strict=True)))


_ANON = ("start", "anon_vma", "chain", "active", "children")
_MODES = {"rw": "w", "r": "r", "w": "o"}
_GOES_ON = {"child": "c", "orphan": "o"}
_KINDS = {
    "noexec": "n",
    "memfd": "m",
    "append": "a",
    "zero": "z",
    "ramfs": "c",
    "fifo": "p",
    "swap": "s",
}
"""Keys of a file that are letters of its kind."""
_COUNTS = ("total_vm", "locked_vm", "data_vm", "exec_vm", "stack_vm", "map_count", "committed_as")
_MUST_SUCCEED = frozenset(
    {"device", "file", "fail", "limit", "heap", "counts", "entries", "anon", "numbers"}
)


def _words(values: Iterable[int | str]) -> str:
    return " ".join(f"{number(value):x}" for value in values)


def _call(which: int, *arguments: int | str) -> str:
    return f"s {which:x} {_words(arguments)}"


def _range_call(which: int) -> Callable[[Conversation, Json], str]:
    return lambda _, step: _call(which, step["addr"], step["len"])


def _failure(step: Json) -> int:
    return 0 if step.get("never") else _errno(step.get("errno", "ENOMEM"))


def _fork(step: Json) -> str:
    return ("e" if step.get("entries") else "") + _GOES_ON.get(step.get("then", ""), "")


def _mprotect(_: Conversation, step: Json) -> str:
    prot = _mask(step["prot"], PROT) | GROWS.get(step.get("grows", ""), 0) | bits_of(step)
    return _call(_MPROTECT, step["addr"], step["len"], prot)


def _mlock(_: Conversation, step: Json) -> str:
    if step.get("onfault") or "bits" in step:
        flags = (MLOCK_ONFAULT if step.get("onfault") else 0) | bits_of(step)
        return _call(_MLOCK2, step["addr"], step["len"], flags)
    return _call(_MLOCK, step["addr"], step["len"])


def _mremap(_: Conversation, step: Json) -> str:
    flags = _mask(step["flags"], MREMAP_FLAGS) | bits_of(step)
    place = step.get("new_addr", 0)
    return _call(_MREMAP, step["addr"], step["len"], step["new_len"], flags, place)


def _madvise(_: Conversation, step: Json) -> str:
    advice = ADVICE[step["advice"]] | bits_of(step)
    return _call(_MADVISE, step["addr"], step["len"], advice)


def _name(_: Conversation, step: Json) -> str:
    where = _words((step["addr"], step["len"]))
    return f"n {where}" if step["name"] is None else f"n {where} {step['name']}"


_COMMANDS: dict[str, Callable[[Conversation, Json], str]] = {
    "device": Conversation.device,
    "file": Conversation.file,
    "mmap": Conversation.mmap,
    "munmap": _range_call(_MUNMAP),
    "mprotect": _mprotect,
    "mremap": _mremap,
    "madvise": _madvise,
    "mlock": _mlock,
    "munlock": _range_call(_MUNLOCK),
    "mlockall": lambda _, step: _call(_MLOCKALL, _mask(step["flags"], MCL_FLAGS) | bits_of(step)),
    "munlockall": lambda _, __: _call(_MUNLOCKALL),
    "mseal": _range_call(_MSEAL),
    "seal": Conversation.seal,
    "name": _name,
    "heap": lambda _, step: f"x heap {number(step['addr'])}",
    "brk": lambda _, step: _call(_BRK, step["addr"]),
    "limit": lambda _, step: f"x limit {step['of']} {number(step['to'])}",
    "counts": Conversation.counts,
    "entries": lambda _, __: "x entries",
    "anon": lambda _, __: "x anon",
    "numbers": lambda _, step: f"x numbers {step['of']}",
    "touch": lambda _, step: f"t {number(step['addr']):x} {step['access']}",
    "peek": lambda _, step: f"p {number(step['addr']):x}",
    "fork": lambda _, step: f"k {_fork(step)}".rstrip(),
    "fail": lambda _, step: f"i {step['point']} {number(step.get('after', 0))} {_failure(step)}",
}


def _ret(text: str) -> int | str:
    if text[0] == "-":
        return errno_name(int(text[1:], 16))
    if text[0] == "=":
        return text[1:]
    return text if text in ("ok", "zero", "SIGSEGV", "SIGBUS") else int(text, 16)


def _refused(step: Json, ret: int | str) -> Exception:
    if ret in ("EOPNOTSUPP", "ENOTSUP"):
        return MissingStep(step["op"])
    return UmlError(f"{step['op']} {step.get('name', '')}: {ret}")
