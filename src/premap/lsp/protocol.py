# SPDX-License-Identifier: GPL-2.0-only
"""pygls's protocol, less its own copies of the documents: premap.lsp.documents keeps them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol, lsp_method


class Protocol(LanguageServerProtocol):
    """Hands changes of documents to the server as they come, and answers requests that are none."""

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Pass on that a document was opened."""
        self._handler(types.TEXT_DOCUMENT_DID_OPEN)(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Pass on that a document was changed."""
        self._handler(types.TEXT_DOCUMENT_DID_CHANGE)(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Pass on that a document was closed."""
        self._handler(types.TEXT_DOCUMENT_DID_CLOSE)(params)

    def _handler(self, method: str) -> Callable[[Any], None]:
        found: Callable[[Any], None] = self.fm.features[method]
        return found

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Make a message of what came; a request with wrong parameters gets an error back."""
        if "method" in data and self.get_message_type(data["method"]) is None:
            data.setdefault("params", None)  # pygls wants some where it knows nothing of them
        try:
            return super().structure_message(data)
        except JsonRpcException as problem:
            if "id" in data and "method" in data:
                self._send_response(data["id"], error=problem.to_response_error())
            raise
