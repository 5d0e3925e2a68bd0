# SPDX-License-Identifier: GPL-2.0-only
"""Converts a handler when the user asks for it, and remembers what came of it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from lsprotocol import types

from premap.lsp import actions, jobs
from premap.lsp.actions import NotApplied
from premap.lsp.answers import Converted
from premap.lsp.documents import Document, Documents
from premap.lsp.process import WorkerProcess
from premap.lsp.remarks import Site
from premap.records import Outcome

LIMIT = 60.0
"""Seconds that a conversion with its proof may take."""
_REMEMBERED = 200

_State = tuple[str, int, str, int]
"""A handler of a state of a document: URI and version, file and place of its initializer."""


class Converter:
    """Has a process of its own, so that a proof holds up nothing else."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._process = WorkerProcess("premap.lsp.jobs", "premap.equivalence.api")
        self._outcomes: OrderedDict[_State, Outcome] = OrderedDict()

    def action(self, document: Document, site: Site) -> types.CodeAction:
        """Return the action for a handler; its title has the verdict, where that is known."""
        handler = site.handler
        known = self._outcomes.get((document.uri, document.version, handler.file, handler.start))
        return actions.conversion(document, site, known)

    async def convert(self, data: Any) -> tuple[str, Outcome, types.WorkspaceEdit]:
        """Do what an action's data asks for; return the handler's name, its outcome and edit.

        Raises NotApplied. A caller who is cancelled ends the work.
        """
        document, request = actions.request(data, self._documents)
        version = document.version
        answer = await self._process.run_while_wanted(jobs.convert, request, LIMIT)
        if isinstance(answer, Converted) and answer.outcome is not None:
            state = document.uri, version, request.file, request.start
            self._remember(state, answer.outcome)
        if self._documents.get(document.uri) is not document or document.version != version:
            raise NotApplied(f"{request.name}: the document has changed meanwhile; ask again")
        return request.name, *actions.edit_of(request.name, answer, self._documents)

    def _remember(self, state: _State, outcome: Outcome) -> None:
        self._outcomes[state] = outcome
        while len(self._outcomes) > _REMEMBERED:
            self._outcomes.popitem(last=False)

    def stop(self) -> None:
        """End the process."""
        self._process.stop()
