# SPDX-License-Identifier: GPL-2.0-only
"""The documents that are open in the editor, and the trees that they lie in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lsprotocol import types
from msgspec import Struct
from pygls import uris

from premap.csource.search import SUFFIXES
from premap.csource.tree import KernelTree, find_tree
from premap.lsp.remarks import Change
from premap.lsp.snapshot import Snapshot
from premap.lsp.text import Text, encoded

_LANGUAGES = frozenset({"c", "cpp"})
"""Headers are C++ to some editors."""


class Document(Struct):
    """One open document."""

    uri: str
    version: int
    text: Text
    path: Path | None
    """None: it is no file, or not yet."""
    tree: KernelTree | None
    """The tree that it lies in, or that the user named."""
    name: str
    """Relative to the root of its tree; else its path, or its URI."""
    is_c: bool

    @property
    def in_tree(self) -> bool:
        """Whether it is one of its tree's files."""
        return self.tree is not None and not self.name.startswith("/")


@dataclass
class Documents:
    """Open documents by URI."""

    given: KernelTree | None = None
    """The tree that the user named."""
    target: str | None = None
    """The release that the user named."""
    encoding: str = "utf-16"
    """Units of columns, as agreed on with the client."""
    _open: dict[str, Document] = field(default_factory=dict)
    _touched: dict[Path, set[str]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Document]:
        return iter(tuple(self._open.values()))

    def get(self, uri: str) -> Document | None:
        """Return the open document of this URI."""
        return self._open.get(uri)

    def open(self, item: types.TextDocumentItem) -> Document:
        """Take a document that was opened."""
        path = _path(item.uri)
        tree = self.given or (find_tree(path.parent) if path else None)
        name = item.uri if path is None else str(path) if tree is None else tree.relative(path)
        is_c = item.language_id in _LANGUAGES or name.endswith(SUFFIXES)
        text = Text(encoded(item.text), self.encoding)
        document = Document(item.uri, item.version, text, path, tree, name, is_c)
        self._open[item.uri] = document
        self._touch(document)
        return document

    def change(
        self, uri: str, version: int, events: Iterable[types.TextDocumentContentChangeEvent]
    ) -> tuple[Change, ...]:
        """Change a document; return what changed, each with offsets of the text before it."""
        document = self._open[uri]
        changes = []
        for event in events:
            change, document.text = document.text.changed(event)
            changes.append(change)
        document.version = version
        return tuple(changes)

    def close(self, uri: str) -> None:
        """Forget a document: its file counts again."""
        self._open.pop(uri, None)

    def touched(self, paths: Iterable[Path]) -> None:
        """Take note of files that may be new on disk: thousands after a checkout."""
        trees: dict[Path, KernelTree | None] = {}
        for path in paths:
            if path.parent not in trees:
                trees[path.parent] = find_tree(path.parent)
            tree = trees[path.parent]
            if tree is not None:
                self._touched.setdefault(tree.root, set()).add(tree.relative(path))

    def of_tree(self, tree: KernelTree | None) -> Iterator[Document]:
        """Yield the open documents that are files of a tree."""
        for document in self:
            if tree and document.tree and document.in_tree and document.tree.root == tree.root:
                yield document

    def snapshot(self, document: Document) -> Snapshot:
        """Return a document as it is now, and whatever of its tree is open."""
        root = document.tree.root if document.tree else None
        buffers = {other.name: other.text.data for other in self.of_tree(document.tree)}
        return Snapshot(
            name=document.name,
            path=document.path,
            root=root,
            text=document.text.data,
            buffers=buffers,
            touched=frozenset(self._touched.get(root, ())) if root else frozenset(),
            target=self.target,
        )

    def _touch(self, document: Document) -> None:
        if document.in_tree and document.tree is not None:
            self._touched.setdefault(document.tree.root, set()).add(document.name)


def _path(uri: str) -> Path | None:
    """Return the path of a file's URI; None for what is no file, such as `untitled:`."""
    if urlsplit(uri).scheme != "file":
        return None
    path = uris.to_fs_path(uri)
    return Path(path) if path and path.startswith("/") and "\0" not in path else None
