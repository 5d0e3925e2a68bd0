# SPDX-License-Identifier: GPL-2.0-only
"""The imports of every module, against the table of rooms in docs/architecture.md."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "premap"
MODULES = sorted(PACKAGE.rglob("*.py"))


def _table() -> dict[str, set[str]]:
    """Rooms and what each may import, in the order of the table."""
    rows = re.findall(
        r"^\| `(\w+)` \|.*\|([^|]*)\|$", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE
    )
    rooms = [room for room, _ in rows]
    return {
        room: set(rooms) if cell.strip() == "all" else set(re.findall(r"`(\w+)`", cell))
        for room, cell in rows
    }


def _room(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imported_rooms(module: Path) -> Iterator[str]:
    """Every room that is imported, at the top or within a function."""
    for node in ast.walk(ast.parse(module.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            base = node.module or ""
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "premap" else [base]
        for name in names:
            parts = name.split(".")
            if parts[0] == "premap" and len(parts) > 1 and not parts[1].startswith("_"):
                yield parts[1]


def _eager_imports(module: Path) -> Iterator[str]:
    """Top-level packages that importing the module imports directly."""
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


class TestTable:
    def test_arrows_point_to_rooms_that_come_before(self) -> None:
        seen: set[str] = set()
        for room, imports in _table().items():
            assert imports <= seen | set(_table()) if room == "cli" else imports <= seen, room
            seen.add(room)

    def test_every_room_is_in_it(self) -> None:
        rooms = {_room(module) for module in MODULES} - {"__init__", "__main__"}
        assert rooms <= set(_table())


class TestImports:
    @pytest.mark.parametrize("room", _table())
    def test_go_down_only(self, room: str) -> None:
        allowed = _table()[room] | {room}
        wrong = {
            f"{module.relative_to(PACKAGE)}: {imported}"
            for module in MODULES
            if _room(module) == room
            for imported in set(_imported_rooms(module)) - allowed
        }
        assert not wrong

    def test_only_what_proves_loads_the_solver(self) -> None:
        eager = {_room(module) for module in MODULES if "z3" in set(_eager_imports(module))}
        assert eager <= {"symbolic", "equivalence"}


class TestStartUp:
    @pytest.mark.parametrize("package", ["z3", "rich", "tree_sitter", "pygls", "premap.model"])
    def test_importing_the_command_line_loads_nothing_heavy(self, package: str) -> None:
        program = f"import sys, premap.cli; sys.exit({package!r} in sys.modules)"
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

    def test_importing_the_converter_does_not_load_the_solver(self) -> None:
        program = "import sys, premap.cli.engine; sys.exit('z3' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def _structs(module: Path) -> Iterator[ast.ClassDef]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ClassDef) and "Struct" in map(ast.unparse, node.bases):
            yield node


class TestRecords:
    """What the type checker does not see where structs and dataclasses are mixed up."""

    def test_no_struct_has_an_equality_of_its_own(self) -> None:
        """`!=` would still be the one that msgspec gives it: only a dataclass asks `==` for it."""
        assert not [
            f"{module.relative_to(PACKAGE)}: {struct.name}"
            for module in MODULES
            for struct in _structs(module)
            if "__eq__" in {getattr(each, "name", "") for each in struct.body}
        ]

    def test_fields_of_structs_are_not_those_of_dataclasses(self) -> None:
        pattern = re.compile(r"^from dataclasses import .*\bfield\b", re.MULTILINE)
        assert not [
            f"{module.relative_to(PACKAGE)}: {struct.name}"
            for module in MODULES
            if pattern.search(module.read_text())
            for struct in _structs(module)
            if " = field(" in ast.unparse(struct)
        ]

    def test_records_are_replaced_as_structs(self) -> None:
        pattern = re.compile(r"^from dataclasses import .*\b(replace|asdict)\b", re.MULTILINE)
        assert not [module for module in MODULES if pattern.search(module.read_text())]
