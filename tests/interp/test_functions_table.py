# SPDX-License-Identifier: GPL-2.0-only
"""The table of what unknown kernel functions do: its form, and that its functions exist."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from premap.interp import unknown
from premap.interp.kernel_macros import COMPUTED, SPECIAL
from premap.interp.model_calls import MODEL

TEXT = files("premap.interp").joinpath("functions.toml").read_text(encoding="utf-8")
TABLE: dict[str, dict[str, Any]] = tomllib.loads(TEXT)
EFFECTS = {"pure", "reads", "event", "unknown"}
KINDS = {"lock", "unlock", "get", "put", "atomic", "alloc", "free", "init"}
KINDS |= {"wake", "work", "pm", "log", "barrier", "order", "event", "io", "time", "link", "count"}
KEYS = {
    "effect",
    "kind",
    "object",
    "null",
    "bytes",
    "zeroed",
    "takes",
    "returns",
    "result",
    "writes",
    "assigns",
    "undoes",
    "source",
}
RESULTS = {"0-or-negative-errno", "0-if-done", "nonnull", "bool", "argument"}
TYPE = re.compile(r"(struct \w+|unsigned (int|long|long long)|long long|[a-z]\w*)( \*)?")


def having(**wanted: str) -> list[str]:
    return [name for name, row in TABLE.items() if wanted.items() <= row.items()]


class TestReading:
    def test_line_by_line_gives_what_the_whole_file_gives(self) -> None:
        read = unknown.table()
        assert list(read) == list(TABLE)
        assert {name: row["effect"] for name, row in TABLE.items()} == {
            name: read[name].effect for name in read
        }


class TestRows:
    def test_events_and_nothing_else_have_a_kind(self) -> None:
        for name, row in TABLE.items():
            assert row["effect"] in EFFECTS, name
            assert ("kind" in row) == (row["effect"] in ("event", "unknown")), name
            assert row.get("kind", "event") in KINDS, name

    def test_only_events_concern_or_write_an_argument(self) -> None:
        for name, row in TABLE.items():
            if row["effect"] not in ("event", "unknown"):
                assert not {"object", "writes", "assigns"} & set(row), name

    def test_keys(self) -> None:
        for name, row in TABLE.items():
            assert {"effect", "returns", "source"} <= set(row) <= KEYS, name

    def test_values(self) -> None:
        for name, row in TABLE.items():
            assert TYPE.fullmatch(row["returns"]), name
            assert row.get("result", "bool") in RESULTS, name
            indexes = [row.get("object", 0), *row.get("writes", []), *row.get("assigns", [])]
            assert set(indexes) <= set(range(8)), name

    def test_what_takes_another_back_is_of_its_kind(self) -> None:
        for name, row in TABLE.items():
            assert {TABLE[each]["kind"] for each in row.get("undoes", ())} <= {row.get("kind")}, (
                name
            )

    def test_what_reads_gives_a_value(self) -> None:
        assert not [name for name in having(effect="reads") if TABLE[name]["returns"] == "void"]

    def test_what_allocates_gives_an_address(self) -> None:
        given = {TABLE[name]["returns"] for name in having(kind="alloc")}
        assert given == {"void *", "char *", "struct page *", "unsigned long"}


class TestTable:
    def test_the_interpreter_reads_all_of_it(self) -> None:
        assert set(unknown.table()) == set(TABLE)

    def test_nothing_else_knows_these_functions(self) -> None:
        assert not set(TABLE) & {*MODEL, *COMPUTED, *SPECIAL}

    def test_a_lock_and_what_releases_it_name_the_same_argument(self) -> None:
        for name in having(kind="unlock"):
            lock = name.replace("sequnlock", "seqlock").replace("unlock", "lock")
            lock = lock.replace("irqrestore", "irqsave").replace("drm_dev_exit", "drm_dev_enter")
            lock = re.sub(r"^(percpu_)?up", r"\1down", lock)
            assert TABLE[lock]["kind"] == "lock", name
            assert TABLE[lock].get("object") == TABLE[name].get("object"), name


class TestSources:
    def test_every_function_is_where_the_table_says(
        self, kernel_tree: Callable[[str], Path]
    ) -> None:
        tree = kernel_tree("7.3")
        texts: dict[str, str] = {}
        missing = []
        for name, row in TABLE.items():
            path = row["source"]
            if path not in texts:
                texts[path] = (tree / path).read_text(encoding="utf-8", errors="replace")
            word = rf"(?m)^(#\s*define\s+{name}\b|(?!#|\s).*\b{name}\()"
            if not re.search(word, texts[path]):
                missing.append((name, path))
        assert missing == []
