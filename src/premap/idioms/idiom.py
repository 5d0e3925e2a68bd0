# SPDX-License-Identifier: GPL-2.0-only
"""What an idiom is, and what it may know of the function that it works in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from msgspec import Struct
from tree_sitter import Node

from premap.csource.nodes import arguments, callee, text_of, unwrapped, walk
from premap.csource.source import Function, SourceFile
from premap.records import Note
from premap.releases import Release

FILE = "\x01"
"""Stands for the file in rewritten text, until R3 knows whether it becomes a local."""
DESC = "desc"
"""Name of the descriptor in every converted function."""

Piece = str | Node
"""Text as it is, or a node to which the idioms are applied in turn."""
Pieces = tuple[Piece, ...]


class Declined(Exception):
    """A construct that has no idiom: the handler is not converted.

    `id` is one of `premap.conversion.reasons`; `node` or `line` says where it is.
    """

    def __init__(
        self, id_: str, message: str, node: Node | None = None, *, line: int | None = None
    ) -> None:
        super().__init__(message)
        self.id = id_
        self.message = message
        self.line = line if node is None else node.start_point[0] + 1
        self.file: str | None = None
        """Name of the file that the line is in, once `within` has said so."""
        self.called: str | None = None
        """The function that nothing is known of, where it is declined for a call of one."""

    def again(self) -> Declined:
        """Return the same reason, without where it was raised."""
        copy = Declined(self.id, self.message, line=self.line)
        copy.file = self.file
        copy.called = self.called
        return copy


@contextmanager
def within(source: SourceFile) -> Iterator[None]:
    """Say of everything declined in the block that it is about this file."""
    try:
        yield
    except Declined as declined:
        declined.file = declined.file or source.name
        raise


class Idiom(Struct, frozen=True):
    """One way in which code of a `.mmap` hook becomes code of an mmap_prepare hook."""

    id: str
    """As in the table of idioms: "F1"."""
    title: str
    explanation: str
    before: str
    """A small driver before: this and `after` are the idiom's test."""
    after: str
    types: tuple[str, ...] = ()
    """Types of the nodes that `rewrite` looks at; none if conversion applies it itself."""
    rewrite: Callable[[Node, Hook], Pieces | None] | None = None
    """Return what a node becomes; None if the idiom has nothing to say of it."""
    in_tree: bool = False
    """Whether the example needs a tree: something in it is not static."""
    callback: str | None = None
    """The subsystem's member that the example converts, as --callback takes it."""


@dataclass(eq=False)
class Hook:
    """A function that gets the VMA, while it is being converted."""

    function: Function
    release: Release
    vma: str
    """Name of the parameter `struct vm_area_struct *`."""
    file: str | None = None
    """Name of the parameter that is the mapping's file, if it has one."""
    helpers: Mapping[str, str] = field(default_factory=dict)
    """Same-file functions that are converted along with it: old name to new name."""
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Those of them that others call, too: the values that their cores take (H7)."""
    opened: Mapping[str, str] = field(default_factory=dict)
    """Its operations' `open` that it calls itself (S1): the function, and its operations."""
    retyped: Mapping[tuple[int, int], str] = field(default_factory=dict)
    """Where it names members of other structures that take a descriptor now (H12): the bytes, and
    what the member is called then."""
    taken: tuple[Node, ...] = ()
    """Statements that take something for the mapping, which ->mapped() does now (S2)."""
    answer: Node | None = None
    """The return whose value only they may change: it is ->mapped()'s, and 0 here."""
    allocated: tuple[Node, ...] = ()
    """Statements that allocate private data and fill it in, as ->mapped() does now (S4)."""
    acting: frozenset[str] = frozenset()
    """Those of them that populate the mapping."""
    wrappers: Mapping[str, str] = field(default_factory=dict)
    """What the driver's own wrappers of vm_flags_set() and vm_flags_clear() stand for (G11)."""
    compat: bool = False
    """Whether a legacy dispatcher calls it, through __compat_vma_mmap() (H10)."""
    override: bool = True
    """Whether what calls it looks at `action.error_override`."""
    built_only_with: Callable[[str], bool] = field(default=lambda _: False)
    """Tells of an option whether its file is only built in kernels that have it."""
    notes: list[Note] = field(default_factory=list)

    @cached_property
    def parents(self) -> dict[int, Node]:
        """Parent of each node of the function, by the node's id."""
        found: dict[int, Node] = {}
        for node in walk(self.function.node):
            for child in node.children:
                found[child.id] = node
        return found

    def member_called(self, call: Node) -> str | None:
        """Name that a member has when it takes a descriptor, if the call is through such a one."""
        named = call.child_by_field_name("function")
        field_ = None if named is None else named.child_by_field_name("field")
        return None if field_ is None else self.retyped.get((field_.start_byte, field_.end_byte))

    def changes_flags(self, call: Node) -> str | None:
        """Return the kernel's function that changes the VMA's flags, if the call does just that."""
        name = callee(call)
        given = arguments(call)
        kernels = None if name is None else self.wrappers.get(name, name)
        return kernels if len(given) == 2 and self.is_vma(given[0]) else None

    def parent(self, node: Node) -> Node | None:
        """Return the parent of a node of the function."""
        return self.parents.get(node.id)

    def outer(self, node: Node) -> Node:
        """Return the outermost pair of parentheses around an expression; or itself."""
        parent = self.parent(node)
        while parent is not None and parent.type == "parenthesized_expression":
            node, parent = parent, self.parent(parent)
        return node

    def text(self, node: Node) -> str:
        """Text of a node as it lies in the file, byte for byte."""
        return self.function.source.text_of(node).decode("latin-1")

    def between(self, start: int, end: int) -> str:
        """Text of the file from byte `start` to byte `end`."""
        return self.function.source.seen[start:end].decode("latin-1")

    def indent(self, node: Node) -> str:
        """White space in front of the line on which a node begins."""
        source = self.function.source
        line = self.between(source.line_start(node.start_byte), node.start_byte)
        return line[: len(line) - len(line.lstrip())]

    def needs_parentheses(self, node: Node) -> bool:
        """Tell whether a call in place of what the parentheses hold would still need them."""
        parent = self.parent(node)
        return parent is None or parent.type in {
            "if_statement",
            "while_statement",
            "do_statement",
            "switch_statement",
            "sizeof_expression",
            "call_expression",
        }

    def is_vma(self, node: Node | None) -> bool:
        """Tell whether this expression is the VMA parameter."""
        return node is not None and _names(unwrapped(node), self.vma)

    def is_file(self, node: Node | None) -> bool:
        """Tell whether this expression is the mapping's file."""
        if node is None:
            return False
        inner = unwrapped(node)
        known = self.file is not None and _names(inner, self.file)
        return known or self.member(inner) == "vm_file"

    def member(self, node: Node) -> str | None:
        """Name of the member, if the expression is `vma->member`."""
        inner = unwrapped(node)
        if inner.type != "field_expression" or not self.is_vma(
            inner.child_by_field_name("argument")
        ):
            return None
        return text_of(inner.child_by_field_name("field"))

    def written(self, node: Node) -> bool:
        """Tell whether this expression is assigned to, or incremented."""
        node = self.outer(node)
        parent = self.parent(node)
        if parent is None:
            return False
        if parent.type == "update_expression":
            return True
        left = parent.child_by_field_name("left")
        return parent.type == "assignment_expression" and left is not None and left == node

    def addressed(self, node: Node) -> bool:
        """Tell whether the address of this expression is taken."""
        parent = self.parent(self.outer(node))
        return (
            parent is not None
            and parent.type == "pointer_expression"
            and text_of(parent.child_by_field_name("operator")) == "&"
        )

    def only_assigned(self, node: Node) -> bool:
        """Tell whether this is the left side of a plain `=` whose value nobody uses."""
        parent = self.parent(node)
        if parent is None or not self.written(node) or parent.type != "assignment_expression":
            return False
        above = self.parent(parent)
        return (
            text_of(parent.child_by_field_name("operator")) == "="
            and above is not None
            and above.type in {"expression_statement", "comma_expression"}
        )

    def needs(self, name: str, node: Node) -> str:
        """Return `name` if the target has it. Raises Declined otherwise."""
        if not self.release.has(name):
            raise Declined("release-lacks-helper", f"{self.release.name} has no {name}()", node)
        return name

    def note(self, id_: str, message: str, node: Node, *, look: bool = True) -> None:
        """Add something that a reviewer should know; `look`: before the conversion is used."""
        self.notes.append(Note(id_, message, node.start_point[0] + 1, look))


def _names(node: Node, name: str) -> bool:
    return node.type == "identifier" and text_of(node) == name
