# SPDX-License-Identifier: GPL-2.0-only
"""Runs the server on standard input and output, which nothing else may touch then."""

from __future__ import annotations

import logging
import os
import sys

from premap.csource.tree import KernelTree
from premap.lsp.server import Server


def serve(tree: KernelTree | None, target: str | None, *, debug: bool) -> bool:
    """Serve one client until it goes; return whether it took its leave first."""
    client = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what prints by accident must not reach the client
    server = Server(tree, target)
    _log_to(server, debug=debug)
    server.start_io(sys.stdin.buffer, client)
    return server.stopped


def _log_to(server: Server, *, debug: bool) -> None:
    """Have the client show what the library logs, a line each; traces only for --debug."""
    logger = logging.getLogger()
    logger.handlers = [logging.StreamHandler(sys.stderr)] if debug else [_ToClient(server)]
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)


class _ToClient(logging.Handler):
    """Sends a line to the client's log."""

    def __init__(self, server: Server) -> None:
        super().__init__(logging.WARNING)
        self._server = server

    def emit(self, record: logging.LogRecord) -> None:
        problem = record.exc_info[1] if record.exc_info else None
        if isinstance(problem, OSError) or self._server.protocol.writer is None:
            return  # there is no client, or no longer
        what = f": {type(problem).__name__}: {problem}" if problem else ""
        self._server.log(record.getMessage().splitlines()[0] + what)
