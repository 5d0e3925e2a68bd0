# SPDX-License-Identifier: GPL-2.0-only
"""What a hook does, in one word: its pattern class, told by what it gives its VMA to."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from msgspec import Struct
from tree_sitter import Node

from premap.csource.calls import aliases, receivers
from premap.csource.nodes import arguments, find_all, text_of
from premap.csource.source import Function
from premap.idioms.populating import functions_of
from premap.survey.records import FunctionFacts

UNKNOWN = "unknown"
UNDEFINED = "undefined"
UNSET = "unset"
COPIES = "copies"
_VMA = re.compile(r"struct vm_area_(struct|desc)\b")
_CHANGES = re.compile(
    r"\b(?:vm_flags|vma_flags|page_prot|vm_page_prot|private_data|pgoff|vm_pgoff)\b"
)
_OPERATIONS = re.compile(r"(?:->|\.)\s*vm_ops\s*=(?!=)")


class PatternClass(Struct, frozen=True):
    """One class, as classes.toml has it."""

    id: str
    title: str
    calls: frozenset[str]


@cache
def pattern_classes() -> dict[str, PatternClass]:
    """Return all classes by id, in the order in which they are tried."""
    text = files("premap.survey").joinpath("classes.toml").read_text("utf-8")
    found = (
        PatternClass(
            c["id"], c["title"], functions_of(c.get("maps", ())) | frozenset(c.get("calls", ()))
        )
        for c in tomllib.loads(text)["class"]
    )
    return {each.id: each for each in found}


def function_facts(functions: Sequence[Function]) -> FunctionFacts:
    """Return what a hook is: its class, its line, and the functions that get its VMA.

    "hands": plain functions, "members": members of tables. Of several definitions (`#if` arms)
    the one that does most tells the class.
    """
    told = [_Told(function) for function in functions]
    order = list(pattern_classes())
    classes = sorted({each.pattern() for each in told}, key=order.index)
    return {
        "class": classes[0] if classes else UNKNOWN,
        "line": functions[0].line,
        "end": functions[0].source.line_of(functions[0].node.end_byte),
        "hands": sorted({name for each in told for name in each.hands}),
        "members": sorted({name for each in told for name in each.members}),
    }


class _Told:
    """One definition, and the helpers of its file that its VMA reaches."""

    def __init__(self, function: Function) -> None:
        self.hands: set[str] = set()
        self.members: set[str] = set()
        self.bodies: list[str] = []
        names = [p.name for p in function.parameters if _VMA.search(p.type_text)]
        passings = receivers(function, names)
        own = {passing.function.name for passing in passings}
        bodies = [(function, name) for name in names]
        bodies += [(passing.function, passing.parameter) for passing in passings]
        for inner, name in bodies:
            self.bodies.append(text_of(inner.body))
            self._look(inner, aliases(inner, name))
        self.hands -= own
        self.empty = not function.source.nodes_in(function, "call_expression")
        self.returns = [text_of(node) for node in _returned(function)]

    def _look(self, function: Function, names: Iterable[str]) -> None:
        known = set(names)
        for call in function.source.nodes_in(function, "call_expression"):
            if any(_named(argument) in known for argument in arguments(call)):
                called = call.child_by_field_name("function")
                if called is not None and called.type == "identifier":
                    self.hands.add(text_of(called))
                elif called is not None and called.type == "field_expression":
                    self.members.add(text_of(called.child_by_field_name("field")))

    def pattern(self) -> str:
        """Return the class that fits."""
        for each in pattern_classes().values():
            if each.calls & self.hands:
                return each.id
        whole = "\n".join(self.bodies)
        if any("mmap" in member for member in self.members):
            return "member"
        if _OPERATIONS.search(whole):
            return "faults"
        if self.empty and self.returns and all(_refuses(text) for text in self.returns):
            return "refuses"
        if any("mmap" in name for name in self.hands):
            return "delegates"
        return "flags" if _CHANGES.search(whole) else "nothing"


def _named(argument: Node) -> str:
    return text_of(argument).lstrip("&( ").rstrip(") ")


def _returned(function: Function) -> Iterable[Node]:
    return find_all(function.body, "return_statement")


def _refuses(text: str) -> bool:
    return re.fullmatch(r"return\s*\(?\s*-\s*E[A-Z]+\s*\)?\s*;", text) is not None
