# SPDX-License-Identifier: GPL-2.0-only
"""What `premap check` found in a file before, kept while all that it rests on is as it was."""

from __future__ import annotations

import pickle
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from premap.cache.code import code_stamp
from premap.cache.evidence import Evidence, holds
from premap.cache.store import Store, digest_of, folder

if TYPE_CHECKING:
    from premap.cache.witness import WitnessTree
    from premap.cli.checked import FileChecked
    from premap.cli.inputs import Input

MOST_FILES = 32
"""Files of a run beyond which nothing is kept: each rests on what was read for all before it."""
_MOST_BESIDE = 16
"""Entries that one of the 256 folders of the store may hold: some 40 MiB in all."""
_CLASSES = frozenset(
    {
        ("premap.cli.checked", "FileChecked"),
        ("premap.cache.evidence", "Evidence"),
        *(("premap.records", n) for n in ("Checked", "Edit", "Finding", "Fix", "Reason")),
        ("premap.records", "Suppression"),
    }
)
"""What an entry may be made of: to read one never runs anything else."""


class Known(Struct, frozen=True):
    """The results of earlier runs."""

    code: str
    """What tells this premap from others."""
    store: str

    def get(self, file: Input, target: str, text: bytes) -> FileChecked | None:
        """Return what came of the file before; None if that is not known, or may have changed."""
        entry = Store(Path(self.store)).get(self._key(file, target, text))
        if entry is None:
            return None
        try:
            evidence, found = _read(entry)
        except (ValueError, TypeError, EOFError, pickle.UnpicklingError, zlib.error):
            return None
        if file.root is not None and not holds(evidence, file.root):
            return None
        return found

    def keep(self, file: Input, text: bytes, tree: WitnessTree | None, found: FileChecked) -> None:
        """Keep what came of a file, if it can be told what that rests on."""
        evidence = Evidence((), "", (), (), "") if tree is None else tree.evidence()
        if evidence is None:
            return
        store = Store(Path(self.store))
        key = self._key(file, found.target, text)
        store.put(key, zlib.compress(pickle.dumps((evidence, found)), 1))
        store.trim_beside(key, _MOST_BESIDE)

    def _key(self, file: Input, target: str, text: bytes) -> str:
        parts = (self.code, target, str(file.root), file.name, str(file.driver))
        return digest_of(*(part.encode("utf-8", "surrogateescape") for part in parts), text)


def known() -> Known:
    """Return the results that are kept for this user."""
    return Known(code_stamp(), str(folder("check")))


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _CLASSES:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(module, name)


def _read(entry: bytes) -> tuple[Evidence, FileChecked]:
    import io

    found = _Unpickler(io.BytesIO(zlib.decompress(entry))).load()
    return cast("tuple[Evidence, FileChecked]", found)
