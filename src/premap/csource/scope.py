# SPDX-License-Identifier: GPL-2.0-only
"""What names mean to one file: defined in it, or in what it includes.

Lazy: a header is searched as bytes, and only the text of the definition asked for is parsed.
All definitions are returned where `#if` arms give several.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from functools import cached_property, partial
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace
from tree_sitter import Node

from premap.csource import ctypes, enums, includes, regions
from premap.csource.constants import ConstantReader
from premap.csource.ctypes import CType
from premap.csource.declarators import TypeReader, declarators_of, declared_name
from premap.csource.errors import NotC
from premap.csource.includes import Included
from premap.csource.lengths import completed
from premap.csource.macros import compiled, expand
from premap.csource.nodes import find_all, parse_expression, parse_range, text_of
from premap.csource.source import Function, Macro, SourceFile
from premap.csource.strstr import saying, says
from premap.csource.structs import Field, StructDef, read_struct
from premap.csource.text import GAP
from premap.csource.tree import DEFINE, KernelTree

T = TypeVar("T")


class Variable(Struct, frozen=True, eq=False):
    """A variable at file level."""

    name: str
    type: CType
    source: SourceFile
    node: Node
    """The declaration."""
    initializer: Node | None
    static: bool
    const: bool
    arms: tuple[str, ...]


class Enumerator(Struct, frozen=True, eq=False):
    """One constant of an enum."""

    name: str
    expression: Node | None
    """What it is set to, where it is set; of the last one set before it, where not."""
    offset: int
    """What to add to `expression` (or to 0, without one)."""
    tag: str | None
    source: SourceFile
    certain: bool = True
    """Whether that is so in every configuration."""
    around: str = ""
    """The text of the enum, with its directives, if not."""

    def __str__(self) -> str:
        """Return what its value is written as."""
        return f"{text_of(self.expression)}+{self.offset}"


_FEW_NAMES = 128
"""Names for which all headers are searched; an index of their words costs about as much."""

_FEW_OWN = 16
"""Names for which the own files are searched; headers of registers have 90,000 `#define`s."""


class Scope:
    """Resolves names as `source` sees them. Without a tree only the file itself is known."""

    def __init__(
        self,
        source: SourceFile,
        tree: KernelTree | None = None,
        includer: SourceFile | None = None,
    ) -> None:
        self.source = source
        self.tree = tree
        self.includer = includer
        """Of a header: the file in which it is read."""
        self._known: dict[tuple[str, Hashable], Any] = {}
        self._busy: set[str] = set()
        self._asked = 0
        """Names that were looked for in the headers, and"""
        self._asked_own = 0
        """macros in the own files."""
        self.types = TypeReader(
            self.typedef, self.constant, self._anonymous, partial(enums.type_of, self)
        )
        self._constants = ConstantReader(
            self._named_constant, self._called_constant, self.types.type_of
        )

    @cached_property
    def files(self) -> Included:
        """The file and everything it includes, nearest first."""
        return Included(self.source, self.tree)

    @cached_property
    def own_files(self) -> list[SourceFile]:
        """The file and the headers that are its own, of a header also the file that includes it.

        A header of the kernel's is not its own.
        """
        around = [] if self.includer is None else [self.includer]
        if includes.of_kernel(self.source.name):
            return around
        own = includes.own(self.source, self.tree)
        return own + [file for file in around if all(file is not each for each in own)]

    def own_macro(self, name: str) -> list[Macro]:
        """Definitions of a macro in the file and its own headers, nearest first."""
        return self.once("own macro", name, lambda: self._own_macro(name))

    def _own_macro(self, name: str) -> list[Macro]:
        self._asked_own += 1
        if self._asked_own > _FEW_OWN:
            files = self._definers.get(name, [])
        else:
            needle = name.encode("latin-1", "replace")
            files = [file for file in self.own_files if says(file.text, needle)]
        return [macro for file in files for macro in file.macros_of(name)]

    @cached_property
    def _definers(self) -> dict[str, list[SourceFile]]:
        """Which of the own files define which macros."""
        found: dict[str, list[SourceFile]] = {}
        for file in self.own_files:
            for name in file.defined:
                found.setdefault(name, []).append(file)
        return found

    def own_plain_macro(self, name: str) -> list[Macro]:
        """Return those of them without parameters."""
        return [macro for macro in self.own_macro(name) if macro.parameters is None]

    def own_enumerator(self, name: str) -> Enumerator | None:
        """Return the constant of this name of an enum in the file or its own headers."""
        return self._own_enumerators.get(name)

    @cached_property
    def _own_enumerators(self) -> dict[str, Enumerator]:
        found: dict[str, Enumerator] = {}
        for file in reversed(self.own_files):
            found |= self._index(file, "enumerators", _enumerators)
        return found

    def own_files_with(self, name: str) -> list[SourceFile]:
        """Return those of the own files that say a name."""
        word = name.encode("latin-1", "replace")
        return [file for file in self.own_files if word in file.words]

    def own_typedefs(self, file: SourceFile) -> dict[str, list[tuple[int, int]]]:
        """Return where a file defines types, by their names."""
        return self._index(file, "typedefs", regions.typedefs)

    def own_types(self, name: str) -> list[CType]:
        """Return what typedefs of the file and its own headers say that a name is."""
        return [
            found
            for file in self.own_files_with(name)
            for each in self.own_typedefs(file).get(name, ())
            if (found := self._defined_type(file, name, *each)) is not None
        ]

    def files_with(self, name: str) -> Iterator[SourceFile]:
        """Yield the files that say the name, nearest first."""
        found = self._said(name)
        return found if self.tree is None else self.tree.saying(self.source, name, found)

    def _said(self, name: str) -> Iterator[SourceFile]:
        """Yield the files that say the name. Many names are looked for in an index of words."""
        needle = name.encode("latin-1", "replace")
        self._asked += 1
        if self._asked > _FEW_NAMES and name.isidentifier() and name.isascii():
            return (file for file in self.files if needle in file.words)
        here = says(self.source.text, needle)
        there = saying(needle)  # what was read of a tree has no NUL
        return (f for f in self.files if (here if f is self.source else there(f.text)))

    def _files_defining(self, name: str) -> Iterator[SourceFile]:
        """Yield the files that define a macro."""
        word = re.escape(name.encode("latin-1", "replace"))
        defined = re.compile(rb"define" + GAP + word + rb"\b")
        found = (file for file in self._said(name) if defined.search(file.text))
        if self.tree is None:
            return found
        return self.tree.saying(self.source, f"{DEFINE}{name}", found)

    def once(self, kind: str, about: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` gave the first time for this kind of fact about a name, or a thing."""
        key = (kind, about)
        if key not in self._known:
            self._known[key] = make()
        found: T = self._known[key]
        return found

    def _shared(self, kind: str, file: SourceFile, name: str, make: Callable[[], T]) -> T:
        """Return what `make` finds in a header; other files of the tree ask the same."""
        if self.tree is None or file is self.source:
            return make()
        return self.tree.once((kind, file.name, name), make)

    def function(self, name: str) -> list[Function]:
        """Definitions of a function: of this file, else of the first header with any."""
        return self.once("function", name, lambda: self._functions(name))

    def _functions(self, name: str) -> list[Function]:
        own = self.own_functions(name)
        if own:
            return own
        for file in self.files_with(name):
            found = self._shared("function", file, name, partial(_functions_named, file, name))
            if found:
                return found
        return []

    def own_functions(self, name: str) -> list[Function]:
        """Definitions of a function in the file itself. A header is not parsed for them."""
        file = self.source
        if self.tree is None or file.linked or not file.name.endswith(".h"):
            return file.functions_of(name)
        return self.once("own function", name, lambda: _functions_named(file, name))

    def macro(self, name: str) -> list[Macro]:
        """Definitions of a macro: of this file, else of all headers, nearest first."""

        def find() -> list[Macro]:
            own = self.source.macros_of(name)
            if own:
                return own
            files = self._files_defining(name)
            return [macro for file in files for macro in file.macros_of(name)]

        return self.once("macro", name, find)

    def plain_macro(self, name: str) -> list[Macro]:
        """Definitions of a macro without parameters; no header is asked about an own variable."""

        def find() -> list[Macro]:
            if not self.source.macros_of(name) and self._is_own(name):
                return []
            return [macro for macro in self.macro(name) if macro.parameters is None]

        return self.once("plain macro", name, find)

    def struct(self, kind: str, tag: str) -> StructDef | None:
        """Definition of a struct or union with this tag."""
        return self.once(kind, tag, lambda: self._struct(kind, tag))

    def _struct(self, kind: str, tag: str) -> StructDef | None:
        for file in self.files_with(tag):
            braces = self._shared(kind, file, tag, partial(_struct_braces, file, kind, tag))
            for brace in braces:
                found = read_struct(file, kind, tag, brace, self.types)
                if found is not None:
                    return found
        return None

    def definitions(self, of: CType) -> list[StructDef]:
        """Definitions of a struct or union type: several, where `#if` arms have one each."""
        if not isinstance(of, ctypes.StructType) or of.definition is not None or of.tag is None:
            found = self.definition(of)
            return [] if found is None else [found]
        kind, tag = of.kind, of.tag
        return self.once(f"{kind}s", tag, lambda: list(self._structs(kind, tag)))

    def _structs(self, kind: str, tag: str) -> Iterator[StructDef]:
        first = self.struct(kind, tag)
        if first is None:
            return
        yield first
        file = first.source
        for brace in self._shared(kind, file, tag, partial(_struct_braces, file, kind, tag)):
            if brace != first.start and compiled(file.arms_at(brace)):
                other = read_struct(file, kind, tag, brace, self.types)
                if other is not None:
                    yield other

    def definition(self, of: CType) -> StructDef | None:
        """Definition of a struct or union type; None for others and for opaque ones."""
        if not isinstance(of, ctypes.StructType):
            return None
        if of.definition is not None:
            return of.definition
        return None if of.tag is None else self.struct(of.kind, of.tag)

    def field(self, of: CType, name: str) -> Field | None:
        """Field of a struct, or of the struct that a pointer points to."""
        target = of.target if isinstance(of, ctypes.PointerType) else of
        definition = self.definition(target)
        return None if definition is None else definition.field(name)

    def typedef(self, name: str) -> CType | None:
        """Return what a typedef stands for; the kernel's integer types come from a table."""
        if name in ctypes.KERNEL_INTEGERS:
            return ctypes.KERNEL_INTEGERS[name]
        if name in self._busy:
            return None
        self._busy.add(name)
        try:
            return self.once("typedef", name, lambda: self._typedef(name))
        finally:
            self._busy.discard(name)

    def _typedef(self, name: str) -> CType | None:
        for file in self.files_with(name):
            index = self._index(file, "typedefs", regions.typedefs)
            ranges = [each for each in index.get(name, ()) if compiled(file.arms_at(each[0]))]
            types = [self._defined_type(file, name, *each) for each in ranges]
            found = [each for each in types if each is not None]
            if found:
                alike = all(each == found[0] for each in found)
                return found[0] if alike else ctypes.UnknownType(name)
        return self._named_by_macro(name)

    def _named_by_macro(self, name: str) -> CType | None:
        """Return the type that a macro of the file stands for."""
        bodies = {macro.body.strip() for macro in self.own_macro(name) if not macro.parameters}
        body = bodies.pop() if len(bodies) == 1 else ""
        kind, _, tag = body.partition(" ")
        if kind in ("struct", "union") and tag.isidentifier():
            return ctypes.StructType(kind, tag)
        found = self.types.named(body) if body else None
        return None if isinstance(found, ctypes.UnknownType) else found

    def _index(self, file: SourceFile, kind: str, make: Callable[[SourceFile], T]) -> T:
        if file is self.source:
            return self.once(kind, "", lambda: make(file))
        return self._shared(kind, file, "", lambda: make(file))

    def _defined_type(self, file: SourceFile, name: str, start: int, end: int) -> CType | None:
        root = parse_range(file.seen, start, end, file.line_of(start))
        for node in find_all(root, "type_definition"):
            for declarator in node.children_by_field_name("declarator"):
                found = declared_name(declarator)
                if found is not None and text_of(found) == name:
                    base = self._typedef_base(file, name, node)
                    return self.types.declared(base, declarator)
        return None

    def _typedef_base(self, file: SourceFile, name: str, node: Node) -> CType:
        specifier = node.child_by_field_name("type")
        body = None if specifier is None else specifier.child_by_field_name("body")
        if specifier is None or body is None or specifier.child_by_field_name("name") is not None:
            return self.types.base(node)
        kind = specifier.type.removesuffix("_specifier")
        if kind not in {"struct", "union"}:
            return self.types.base(node)
        origin = f"{file.name}:{body.start_byte}"
        definition = read_struct(file, kind, None, body.start_byte, self.types)
        return ctypes.StructType(kind, None, origin, name, definition)

    def _anonymous(self, node: Node) -> CType:
        kind = node.type.removesuffix("_specifier")
        body = node.child_by_field_name("body")
        if body is None or node.text is None:
            return ctypes.UnknownType(kind)
        inner = SourceFile(self.source.name, node.text)
        brace = body.start_byte - node.start_byte
        definition = read_struct(inner, kind, None, brace, self.types)
        origin = f"{self.source.name}:{node.start_byte}"
        return ctypes.StructType(kind, None, origin, None, definition)

    def enum_constant(self, name: str) -> int | None:
        """Value of an enum's constant; None if there is none or it can't be computed."""
        found = self.enumerator(name)
        if found is None or not found.certain:
            return None
        base = 0 if found.expression is None else self.constant(found.expression)
        return None if base is None else base + found.offset

    def enumerator(self, name: str) -> Enumerator | None:
        """Return the enum's constant of this name."""
        return self.once("enumerator", name, lambda: self._enumerator(name))

    def _enumerator(self, name: str) -> Enumerator | None:
        if self._is_own(name):
            return None
        for file in self.files_with(name):
            found = self._index(file, "enumerators", _enumerators).get(name)
            if found is not None:
                return found
        return None

    def constant(self, node: Node) -> int | None:
        """Value of a constant expression; None if it isn't one, or uses what is not known."""
        return self._constants.value(node)

    def _named_constant(self, name: str) -> tuple[Node | None, int] | None:
        found = self.enumerator(name)
        if found is not None:
            certain = found.certain and not self._also_macro(name)
            return (found.expression, found.offset) if certain else None
        macros = [*self.plain_macro(name), *self.own_plain_macro(name)]
        bodies = {macro.body for macro in macros if compiled(macro.arms)}
        body = _expression(bodies.pop()) if len(bodies) == 1 else None
        return None if body is None else (body, 0)

    def _also_macro(self, name: str) -> bool:
        """Whether the file has, in an `#if` arm, a macro of the name of something else."""
        return any(macro.body.strip() != name for macro in self.own_macro(name))

    def _called_constant(self, name: str, arguments: list[Node]) -> Node | None:
        texts = [text_of(argument) for argument in arguments]
        found = [m for m in self.macro(name) if m.parameters is not None and compiled(m.arms)]
        bodies = {expand(macro, texts) for macro in found}
        body = bodies.pop() if len(bodies) == 1 else None
        return None if body is None else _expression(body)

    def variable(self, name: str) -> Variable | None:
        """Return a variable at file level; `extern` ones of headers have no initializer."""
        return self.once("variable", name, lambda: self._variable(name))

    def own_variable(self, name: str) -> Variable | None:
        """Return a variable that the file itself declares; its definition, if it has that."""
        found = list(self._own_variables(name))
        defined = (variable for variable in found if variable.initializer is not None)
        return next(defined, found[0] if found else None)

    def _variable(self, name: str) -> Variable | None:
        own = self.own_variable(name)
        if own is not None:
            types = [each.type for each in self._own_variables(name) if compiled(each.arms)]
            sized = (each for each in types if getattr(each, "length_text", ""))
            given = next(sized, own.type)
            alike = all(_same_type(each, given) for each in types)
            return replace(own, type=given if alike else ctypes.UnknownType(f"that of {name}"))
        for file in self.files_with(name):
            for node in regions.variables_named(file, name):
                return self._variables_of(file, node, name)[0]
        return None

    def _own_variables(self, name: str) -> Iterator[Variable]:
        for node in self._own_declarations.get(name, ()):
            yield from self._variables_of(self.source, node, name)

    @cached_property
    def _own_declarations(self) -> dict[str, list[Node]]:
        """The declarations of the file itself, by the names that they declare."""
        found: dict[str, list[Node]] = {}
        for node in self.source.declarations():
            for declarator, _ in declarators_of(node):
                found.setdefault(text_of(declared_name(declarator)), []).append(node)
        return found

    def _is_own(self, name: str) -> bool:
        """Whether the file always defines a variable of this name, so that the name means that.

        Beside one within an `#if` a header may have a macro, for where the condition does not hold.
        """
        file = self.source
        if file.name.endswith(".h") and not regions.may_define_variable(file, name):
            return False
        return name in self._own_declarations and any(
            (variable.static or variable.initializer is not None) and not variable.arms
            for variable in self._own_variables(name)
        )

    def _variables_of(self, file: SourceFile, node: Node, name: str) -> list[Variable]:
        found = []
        for declarator, initializer in declarators_of(node):
            named = declared_name(declarator)
            if named is None or text_of(named) != name:
                continue
            given = self.types.type_of(node, declarator)
            given = completed(given, initializer, self.constant)
            if not isinstance(given, ctypes.FunctionType):
                arms = file.arms_at(node.start_byte)
                static, const = (_has(node, word) for word in (b"static", b"const"))
                found.append(Variable(name, given, file, node, initializer, static, const, arms))
        return found

    def function_type(self, name: str) -> ctypes.FunctionType | None:
        """Type of a function, from its definition or a prototype."""
        return self.once("function_type", name, lambda: self._function_type(name))

    def _function_type(self, name: str) -> ctypes.FunctionType | None:
        own = [f.node for f in self.own_functions(name)]
        own += [p.node for p in self.source.prototypes.get(name, ())]
        types = [given for node in own for given in self._types_of(node, name)]
        if types:
            alike = all(each.result == types[0].result for each in types)
            unknown = ctypes.UnknownType(f"that of {name}()")
            return types[0] if alike else replace(types[0], result=unknown)
        found = (
            given for node in self._declared_functions(name) for given in self._types_of(node, name)
        )
        return next(found, None)

    def _types_of(self, node: Node, name: str) -> Iterator[ctypes.FunctionType]:
        for declarator in node.children_by_field_name("declarator"):
            given = self.types.type_of(node, declarator)
            named = text_of(declared_name(declarator)) == name
            if named and isinstance(given, ctypes.FunctionType):
                yield given

    def _declared_functions(self, name: str) -> Iterator[Node]:
        for file in self.files_with(name):
            yield from self._shared("prototype", file, name, partial(_prototypes_named, file, name))
            yield from (f.node for f in regions.functions_named(file, name))

    def type_argument(self, node: Node) -> CType:
        """Return the type that an argument of a macro names, such as the second of container_of().

        The tree has only the name of `struct foo`: tree-sitter takes no type for an argument.
        """
        name = text_of(node)
        known = self.types.named(name)
        if isinstance(known, ctypes.UnknownType) and name.isidentifier():
            found = (ctypes.StructType(kind, name) for kind in ("struct", "union"))
            known = next((one for one in found if self.definition(one) is not None), known)
        return known

    def type_of(self, node: Node, declarator: Node | None = None) -> CType:
        """Return the type that a declaration, parameter or type_descriptor gives to `declarator`.

        Without `declarator`, to its first or only one.
        """
        return self.types.type_of(node, declarator)


def _functions_named(file: SourceFile, name: str) -> list[Function]:
    return list(regions.functions_named(file, name))


def _struct_braces(file: SourceFile, kind: str, tag: str) -> list[int]:
    return list(regions.struct_braces(file, kind, tag))


def _prototypes_named(file: SourceFile, name: str) -> list[Node]:
    return list(regions.prototypes_named(file, name))


def _enumerators(file: SourceFile) -> dict[str, Enumerator]:
    found: dict[str, Enumerator] = {}
    for tag, start, end in regions.enums(file):
        if not compiled(file.arms_at(start)):
            continue
        for name, expression, offset, certain in enums.constants(file.code[start : end + 1]):
            around = "" if certain else " ".join(file.code[start:end].decode("latin-1").split())
            new = Enumerator(name, expression, offset, tag, file, certain, around)
            known = found.setdefault(name, new)
            if str(known) != str(new):
                around = " ".join((known.around, str(new), *file.arms_at(start)))
                found[name] = replace(known, certain=False, around=around)
    return found


def _same_type(one: CType, other: CType) -> bool:
    """Tell whether two declarations of a variable may agree: one may leave its length open."""
    if isinstance(one, ctypes.ArrayType) and isinstance(other, ctypes.ArrayType):
        open_ended = not one.length_text or not other.length_text
        return one == other or (open_ended and one.element == other.element)
    return one == other


def _expression(body: str) -> Node | None:
    try:
        return parse_expression(body)
    except NotC:
        return None


def _has(node: Node, word: bytes) -> bool:
    kinds = {"storage_class_specifier", "type_qualifier"}
    return any(child.type in kinds and child.text == word for child in node.children)
