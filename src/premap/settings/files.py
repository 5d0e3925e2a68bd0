# SPDX-License-Identifier: GPL-2.0-only
"""Settings in files: `[tool.premap]` of a pyproject.toml, or `.premap.toml`, the nearest first."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from premap.settings.errors import BadSettings

_MAX_UP = 64
_OWN = ".premap.toml"
_SHARED = "pyproject.toml"
LEVELS = ("error", "warning", "note")


class Settings(Struct, frozen=True):
    """What `premap check` is told, by files or the command line."""

    target: str | None = None
    level: str = "note"
    """The mildest level that is reported."""
    select: frozenset[str] | None = None
    """Rules to report; None for all."""
    ignore: frozenset[str] = frozenset()
    baseline: Path | None = None


def read_settings(folder: Path) -> Settings:
    """Return the settings that hold in a folder. Raises BadSettings for what is no such setting."""
    merged: dict[str, Any] = {}
    for path, table in _tables(folder):
        for key, value in _checked(path, table).items():
            merged.setdefault(key, value)
    return Settings(**merged)


def _tables(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield what files say, the nearest first; in one folder `.premap.toml` comes first."""
    here = Path(os.path.abspath(folder))  # noqa: PTH100  links stay links
    for parent in [here, *here.parents][:_MAX_UP]:
        own = _read(parent / _OWN)
        if own is not None:
            yield parent / _OWN, own
        shared = _read(parent / _SHARED)
        table = {} if shared is None else shared.get("tool", {})
        if isinstance(table, dict) and isinstance(table.get("premap"), dict):
            yield parent / _SHARED, table["premap"]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    import tomllib  # noqa: PLC0415 - most folders have no such file

    try:
        return tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadSettings(f"{path}: {problem}") from problem


def _checked(path: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    readers = {
        "target": _release,
        "level": _level,
        "select": _rules,
        "ignore": _rules,
        "baseline": _file,
    }
    found = {}
    for key, value in table.items():
        if key not in readers:
            raise BadSettings(f"{path}: unknown setting {key!r}; there are {', '.join(readers)}")
        found[key] = readers[key](path, key, value)
    return found


def _release(path: Path, key: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"\d+\.\d+", value):
        raise BadSettings(f'{path}: {key} is no release such as "7.3"')
    return value


def _level(path: Path, key: str, value: Any) -> str:
    if value not in LEVELS:
        raise BadSettings(f"{path}: {key} is none of {', '.join(LEVELS)}")
    return str(value)


def _rules(path: Path, key: str, value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadSettings(f'{path}: {key} is no list of rules such as ["R16"]')
    return known_rules(value, f"{path}: {key}")


def known_rules(names: list[str], where: str) -> frozenset[str]:
    """Return rules by their names. Raises BadSettings if there is no such rule."""
    from premap.rules import RULES  # noqa: PLC0415  loads every rule

    for name in names:
        if name not in RULES:
            raise BadSettings(f"{where}: there is no rule {name!r} (R01 to {max(RULES)})")
    return frozenset(names)


def _file(path: Path, key: str, value: Any) -> Path:
    if not isinstance(value, str):
        raise BadSettings(f"{path}: {key} is no file name")
    return path.parent / value
