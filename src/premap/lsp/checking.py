# SPDX-License-Identifier: GPL-2.0-only
"""When documents are checked: soon after each change, thoroughly once nobody types."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from premap.lsp import jobs
from premap.lsp.answers import CheckedDocument
from premap.lsp.documents import Document, Documents
from premap.lsp.process import WorkerProcess
from premap.lsp.remarks import Change, Remark, Site, moved
from premap.workers import Failure

PAUSE = 0.02
"""Seconds without a change before a document is checked: what is typed at once is one change."""
IDLE = 0.7
"""Seconds without a change before it is checked further."""
LIMIT = 5.0
FURTHER_LIMIT = 60.0
"""Seconds that the checks may take."""


@dataclass(slots=True)
class Found:
    """What is known about a document as it is now."""

    soon: tuple[Remark, ...] = ()
    further: tuple[Remark, ...] = ()
    sites: tuple[Site, ...] = ()
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the first check is done."""

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """Everything to be said, each once."""
        return tuple(dict.fromkeys((*self.soon, *self.further)))


@dataclass
class Checker:
    """Checks documents, each as it is after its last change; older results are dropped."""

    documents: Documents
    publish: Callable[[Document, tuple[Remark, ...]], None]
    log: Callable[[str], None]
    _soon: WorkerProcess = field(default_factory=lambda: WorkerProcess("premap.lsp.jobs"))
    _further: WorkerProcess = field(default_factory=lambda: WorkerProcess("premap.lsp.jobs"))
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _found: dict[str, Found] = field(default_factory=dict)

    async def start(self) -> None:
        """Start the process that the first document will need."""
        await self._soon.start()

    async def found(self, document: Document) -> Found:
        """Return what is known about a document as it is now, its first check awaited."""
        found = self._found[document.uri]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(found.ready.wait(), LIMIT)
        return found

    def changed(self, document: Document, changes: tuple[Change, ...] = ()) -> None:
        """Check a document that was opened or changed."""
        self._cancel(document.uri)
        before = self._found.get(document.uri, Found())
        found = self._found[document.uri] = Found(further=moved(before.further, changes))
        if document.is_c:
            task = asyncio.get_running_loop().create_task(self._check(document, found))
            task.add_done_callback(self._ended)
            self._tasks[document.uri] = task
        else:
            found.ready.set()

    def closed(self, uri: str) -> None:
        """Forget a document."""
        self._cancel(uri)
        self._found.pop(uri, None)

    def stop(self) -> None:
        """End everything."""
        for uri in list(self._tasks):
            self._cancel(uri)
        self._soon.stop()
        self._further.stop()

    def _cancel(self, uri: str) -> None:
        task = self._tasks.pop(uri, None)
        if task is not None:
            task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        problem = None if task.cancelled() else task.exception()
        if problem is not None:
            self.log(f"internal error: {type(problem).__name__}: {problem}")

    async def _check(self, document: Document, found: Found) -> None:
        await asyncio.sleep(PAUSE)
        snapshot = self.documents.snapshot(document)
        soon = self._told(document, await self._soon.run(jobs.check, snapshot, LIMIT))
        found.soon, found.sites = soon.remarks, soon.sites
        found.further = tuple(each for each in found.further if each.code not in soon.answered)
        found.ready.set()
        self.publish(document, found.remarks)
        if soon.complete:
            return
        await asyncio.sleep(IDLE - PAUSE)
        snapshot = self.documents.snapshot(document)  # others may have changed
        further = self._told(
            document,
            await self._further.run(jobs.check_further, snapshot, FURTHER_LIMIT),
        )
        found.further = further.remarks
        found.sites = tuple(dict.fromkeys((*found.sites, *further.sites)))
        self.publish(document, found.remarks)

    def _told(self, document: Document, answer: CheckedDocument | Failure) -> CheckedDocument:
        """Return an answer; one that says nothing is logged."""
        if isinstance(answer, Failure):
            self.log(f"{document.name}: {answer.message}")
            return CheckedDocument()
        if answer.problem is not None:
            self.log(answer.problem)
        return answer
