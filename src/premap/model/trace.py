# SPDX-License-Identifier: GPL-2.0-only
"""The log of what happened, in order: hooks, callbacks, merges, actions, population."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from premap.model.merge import MergeState
    from premap.model.vma import VmAreaStruct


class Event:
    """One thing that happened: `kind`, and what it was done to by name in `fields`.

    Kinds: "mmap_prepare" and "mmap" (the hook is called; file, start, end, pgoff, flags, and what
    it gets: desc or vma), "mapped", "open", "close", "mremap" (callbacks; start, end, pgoff, file,
    private_data, vm_ops), "fault" and "page_mkwrite" (pgoff, address, write), "merge" (target,
    start, end), "new_vma" (vma), "split", "action" (type), "populate" (kind, start, end, first,
    pgprot), "zap" (start, end), "rmap_lock", "rmap_unlock", "warn" (text, condition), "inject"
    (point).
    """

    __slots__ = ("fields", "kind")

    def __init__(self, kind: str, fields: dict[str, Any]) -> None:
        self.kind = kind
        self.fields = fields

    def __getattr__(self, name: str) -> Any:
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None

    def __repr__(self) -> str:
        inner = ", ".join(f"{key}={value!r}" for key, value in self.fields.items())
        return f"{self.kind}({inner})"


class Watcher(Protocol):
    """Is told of things as they happen, while the state is what they left."""

    def happened(self, event: Event) -> None:
        """Note an event."""

    def may_merge(self, vmg: MergeState) -> None:
        """Note that the model is about to decide whether a new range merges."""


class Log:
    """Collects events while a trace is on."""

    __slots__ = ("events", "watcher")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.watcher: Watcher | None = None

    def event(self, kind: str, **fields: Any) -> None:
        """Append one event."""
        event = Event(kind, fields)
        self.events.append(event)
        if self.watcher is not None:
            self.watcher.happened(event)

    def vma_event(self, kind: str, vma: VmAreaStruct) -> None:
        """Append the call of a callback that gets the VMA."""
        self.event(
            kind,
            file=vma.vm_file,
            start=vma.vm_start,
            end=vma.vm_end,
            pgoff=vma.vm_pgoff,
            private_data=vma.vm_private_data,
            vm_ops=vma.vm_ops,
        )
