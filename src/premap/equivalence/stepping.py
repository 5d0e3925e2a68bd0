# SPDX-License-Identifier: GPL-2.0-only
"""One call of one hook, step by step: what it read, decided, wrote and called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from tree_sitter import Node

from premap.csource.nodes import text_of, unwrapped
from premap.equivalence.example import describe, result_text
from premap.equivalence.outcome import Side, run
from premap.equivalence.setting import BESIDE, START_PAGE, Setting
from premap.equivalence.snapshot import LOCAL, fields_of, number_text, space_of, value_text
from premap.interp.conditions import OPTION
from premap.interp.inputs import CALL, applied
from premap.interp.machine import Event, Frame, Machine
from premap.interp.naming import MOMENT, Namer
from premap.interp.unknown import table
from premap.interp.values import NONNULL_BIT, Value, plain
from premap.model.errors import KernelBug, NotModelled
from premap.model.flags import flag_names
from premap.model.merge import MergeState
from premap.model.obstacles import merging
from premap.model.pagetable import PAGE
from premap.model.trace import Log
from premap.model.words import PAGE_SHIFT, U64_MAX

DEFAULT_CALL = {
    "start_page": START_PAGE,
    "pages": 1,
    "pgoff": 0,
    "prot": 3,
    "f_mode_write": 1,
    "left_pages": 1,
    "right_pages": 1,
    "page": 0,
    "extra": 0,
}
"""The words of `setting.Call` where nobody says otherwise: one page, read and write."""

MOST_PAGES = 64
"""Pages of one range of page table entries whose addresses are shown."""

_HOOKS = ("mmap", "mmap_prepare")
_CALLBACKS = ("mapped", "open", "close")


class Step(Struct, frozen=True):
    """One thing that happened; `file` and `line` are those of the C code, if it did it."""

    kind: str
    """"read", "decision", "write", "call", "helper" (which changed a field), "neighbours" (whether
    the new range merges, and why), or what the model's event is called."""
    text: str
    file: str | None = None
    line: int | None = None
    fields: dict[str, str] | None = None
    """Fields of the descriptor (of a legacy hook: of the VMA) after it, if any changed; as text."""
    space: list[dict[str, Any]] | None = None
    """What is mapped after it, if that changed: start, end (bytes), flags, page tables."""


class Stepped(Struct):
    """A call that was stepped through, as plain data."""

    result: str
    steps: list[Step]
    vmas: list[dict[str, Any]]
    ptes: list[dict[str, Any]]
    outcome: Any


def step_through(
    side: Side,
    setting: Setting,
    call: Mapping[str, int] | None = None,
    state: Mapping[str, int] | None = None,
    otherwise: int = 0,
) -> Stepped:
    """Run a hook once on the concrete model, and write down what happens.

    `call` overrides words of DEFAULT_CALL (addresses and lengths in pages); `state` gives made-up
    driver state its values, by the names that reports print; options of the configuration are set,
    memory and references are had, the rest is `otherwise`. Beside another mapping, nobody changes
    what its hook left, unless `state` has values at a moment (`name@2`). Raises NotModelled.
    """
    words = {f"{CALL}{name}": value for name, value in {**DEFAULT_CALL, **(call or {})}.items()}
    watcher = _Watcher()
    words = {**(state or {}), **words}
    inputs = _Given(words, otherwise)

    def watch(machine: Machine, log: Log) -> None:
        inputs.by_moment = machine.memory.by_moment
        machine.replacing = True
        machine.alone |= setting.layout in BESIDE and not any("@" in name for name in words)
        watcher.watch(machine, log)

    outcome = run(side, setting, inputs, Namer(), watch)
    watcher.catch_up()
    shown = describe(outcome)
    return Stepped(
        result_text(outcome.returned),
        watcher.steps,
        shown["mappings"],
        [pte for vma in outcome.vmas for pte in _entries(vma)],
        outcome,
    )


class _Given:
    """What the caller gave; options of the configuration are set where nobody says otherwise."""

    def __init__(self, words: Mapping[str, int], otherwise: int) -> None:
        self._words = words
        self._otherwise = otherwise
        self._allocated: dict[str, int] = {}
        self.by_moment: Callable[[str], str] = str

    def word(self, name: str) -> int:
        """Return the given word, 1 for an option, else what all others are.

        State that calls may have changed is what it was, if nobody gives it another value.
        """
        otherwise = 1 if name.startswith(OPTION) else self._otherwise
        if "@" in name:
            otherwise = self._had(name, otherwise)
        return self._given(self.by_moment(name), 0 if name.startswith(CALL) else otherwise)

    def apply(self, function: str, *arguments: int) -> int:
        """Return the given value of that function for these plain words, or 0."""
        otherwise = self._had(function, 0)
        return self._given(self.by_moment(applied(function, arguments)), otherwise)

    def _had(self, name: str, otherwise: int) -> int:
        """Return the result of a call that gets memory or a reference: it is had; else that."""
        function, _, moment = name.partition("@")
        entry = table().get(function) if moment.isdigit() else None
        if entry is not None and entry.kind == "alloc":
            number = self._allocated.setdefault(name, len(self._allocated) + 1)
            return NONNULL_BIT | number << PAGE_SHIFT
        return (
            1 if entry is not None and (entry.kind, entry.returns) == ("get", "bool") else otherwise
        )

    def _given(self, name: str, otherwise: int) -> int:
        found = self._words.get(name)
        return self._words.get(MOMENT.sub("", name), otherwise) if found is None else found


class _Watcher:
    """Collects steps of the C code and events of the model, in order."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._events: list[Any] = []
        self._called = 0
        self._name: Callable[[str], str] = str
        self._mapping: Any = None
        self._opened: Any = None
        self._last: tuple[Any, Any] = (None, None)
        self._at: tuple[str | None, int | None] = (None, None)
        """The file and the line of what is being evaluated."""

    def watch(self, machine: Machine, log: Log) -> None:
        """Begin to watch a run."""
        log.watcher = self
        self._events = machine.events
        self._name = machine.memory.by_moment
        machine.observer = self._observe
        machine.evaluating = self._evaluating
        machine.memory.reader = self._read

    def happened(self, event: Any) -> None:
        """Take an event of the model."""
        self.catch_up()
        if event.kind in _HOOKS:
            self._mapping = event.fields.get("desc", event.fields.get("vma"))
            self._opened = event.file
        self._add(event.kind, _event_text(event))

    def may_merge(self, vmg: MergeState) -> None:
        """Take what the model decides about the neighbours of the new range."""
        self.catch_up()
        self._add("neighbours", "; ".join(merging(vmg)))

    def catch_up(self) -> None:
        """Take over what the C code called since the last step."""
        for event in self._events[self._called :]:
            file, _, line = event.where.rpartition(":")
            number = int(line) if line.isdigit() else None
            self._add("call", _call_text(event), file or None, number)
        self._called = len(self._events)

    def _read(self, name: str, value: Value) -> None:
        self.catch_up()
        self._add("read", f"{self._name(name)} is {value_text(value)}", *self._at)

    def _evaluating(self, frame: Frame, node: Node) -> None:
        self._at = frame.function.source.name, frame.line(node)

    def _observe(self, kind: str, frame: Frame, node: Node, what: Any) -> None:
        if kind in ("call", "return"):  # which events and result tell
            return
        self.catch_up()
        source = " ".join(text_of(unwrapped(node)).split())
        if kind == "called":
            if self._mapping is None or self._fields() == self._last[0]:
                return
            kind, text = "helper", source
        elif kind == "decision":
            decided, _condition = what
            text = f"{source} is {'true' if decided else 'false'}"
        else:
            place, value = what
            text = f"{LOCAL.sub('', str(place))} = {value_text(value)}"
        self._add(kind, text, frame.function.source.name, frame.line(node))

    def _fields(self) -> dict[str, str]:
        return fields_of(self._mapping, self._opened)

    def _add(self, kind: str, text: str, file: str | None = None, line: int | None = None) -> None:
        mapping = self._mapping
        fields = None if mapping is None else self._fields()
        space = None if mapping is None else space_of(mapping)
        before, self._last = self._last, (fields, space)
        if fields == before[0]:
            fields = None
        if space == before[1]:
            space = None
        self.steps.append(Step(kind, text, file, line, fields, space))


def counted(number: int, one: str, more: str) -> str:
    """Return a number with its word: "1 page", "2 pages"."""
    return f"{number} {one if number == 1 else more}"


def _call_text(event: Event) -> str:
    """Return a call as people write it."""
    given = map(value_text, event.given) if event.given else map(_argument_text, event.arguments)
    return f"{event.name}({', '.join(given)})"


def _argument_text(argument: Any) -> str:
    if isinstance(argument, str):
        return argument
    known = None if isinstance(argument, tuple) else plain(argument)
    return "?" if known is None else number_text(known)


def _event_text(event: Any) -> str:
    if event.kind in _HOOKS:
        size = counted((event.end - event.start) >> PAGE_SHIFT, "page", "pages")
        flags = flag_names(event.flags)
        return f"->{event.kind} for {size} at {event.start:#x}, pgoff {event.pgoff}, {flags}"
    if event.kind == "populate":
        one, more = f"{event.type} entry", f"{event.type} entries"
        size = counted((event.end - event.start) >> PAGE_SHIFT, one, more)
        return f"{size} at {event.start:#x}, from {event.first:#x} on"
    if event.kind == "action":
        return f"the action {event.type} is performed"
    if event.kind == "new_vma":
        return f"a mapping of its own at {event.vma.vm_start:#x}-{event.vma.vm_end:#x}"
    if event.kind == "merge":
        return f"a neighbour grows to {event.start:#x}-{event.end:#x}"
    if event.kind == "inject":
        return f"{event.point} fails with {result_text(event.err & U64_MAX)}"
    if event.kind == "zap":
        return f"page table entries of {event.start:#x}-{event.end:#x} are cleared"
    if event.kind in _CALLBACKS:
        return f"->{event.kind}() of the mapping at {event.start:#x}-{event.end:#x}"
    texts = (f"{key}={value:#x}" for key, value in event.fields.items() if isinstance(value, int))
    return f"{event.kind.replace('_', ' ')} {', '.join(texts)}".strip()


def _entries(vma: Any) -> list[dict[str, Any]]:
    return [
        {
            "start": entry.start,
            "end": entry.end,
            "kind": entry.kind,
            "first": plain(entry.first),
            "pgprot": plain(entry.pgprot),
            **_pages(entry),
        }
        for entry in vma.ptes
    ]


def _pages(entry: Any) -> dict[str, Any]:
    """Return the addresses of the `struct page`s that are mapped, of a driver's array or its own.

    `first` is only the first one's index there. None of a page whose address can't be told.
    """
    if entry.kind != PAGE:
        return {}
    shown = min(entry.end, entry.start + (MOST_PAGES << PAGE_SHIFT))
    addresses = range(entry.start, shown, 1 << PAGE_SHIFT)
    return {"pages": [_page_address(entry.source, entry.at(each)) for each in addresses]}


def _page_address(source: Any, index: int) -> int | None:
    try:
        address = source[index]
    except (NotModelled, KernelBug, LookupError, TypeError):
        return None
    return None if not isinstance(address, int) else plain(address)
