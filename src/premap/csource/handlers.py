# SPDX-License-Identifier: GPL-2.0-only
"""Finds what sets an `mmap` or `mmap_prepare` member of an operation table.

Sites are found in the text, comments and strings aside, so none is missed for a parse error;
the tree then says what each of them is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from tree_sitter import Node

from premap.csource import ctypes
from premap.csource.ctypes import CType
from premap.csource.declarators import declared_name
from premap.csource.errors import LargeSource
from premap.csource.exprtypes import UNKNOWN, ExpressionTypes, local_types
from premap.csource.given import SetByArgument, sets_by_argument
from premap.csource.nodes import parse, path_to, text_of, unwrapped
from premap.csource.scope import Scope
from premap.csource.source import Macro, SourceFile
from premap.csource.text import after_signs, listed, places, without_directives
from premap.records import Handler

MAX_SITES = 1000
"""Files with more such members are refused; the kernel's have at most a dozen."""
MEMBERS = ("mmap", "mmap_prepare")
"""Members of struct file_operations that set a mapping up; other tables call theirs so, too."""
_AFTER_DIRECTIVE = re.compile(rb"(?:\A|\n)[ \t]*#[^\n]*\n\s*\Z")
_ANY_TYPE = b"premap_any_type"
"""Stands for the type that a macro of mere entries does not name."""
_WRAPPERS = frozenset(
    {"identifier", "pointer_expression", "parenthesized_expression", "cast_expression"}
)
"""What stands around a function's name that fills a member."""
_PASTE = re.compile(rb"\s*##\s*")
_STRINGIFY = re.compile(rb"#(?=\s*\w)")


class OtherSite(Struct, frozen=True):
    """Text that looks like a site and is none."""

    line: int
    start: int
    why: str
    member: str
    """"mmap" or "mmap_prepare"."""
    parsed: bool = True
    """False where the text around it is no C that can be told: it may well be a site."""


class Entry(Struct, frozen=True):
    """Where a macro's name stands; it may be an entry of an initializer there."""

    line: int
    ops: str
    """C type of what is initialized; "?" if that is not known."""
    table: str | None
    """Name of the variable that is initialized, if it is that itself."""
    user: Macro | None
    """The macro in whose body it stands."""
    arms: tuple[str, ...]
    """Conditions of the `#if` parts that it is in."""
    beside: tuple[tuple[str, tuple[str, ...]], ...] | None
    """All entries of that initializer, itself among them, with their arms; None if it is in none.
    """


class _Fragment(Struct, frozen=True):
    """A parse tree and what to add to its offsets to get those of the file."""

    root: Node
    shift: int


class _Found(Struct, frozen=True):
    """The node of one site: an initializer_pair or an assignment_expression, and what holds it."""

    node: Node
    path: list[Node]
    """Nodes from the root to `node`'s parent."""


class _Use(Struct, frozen=True):
    """One place that names a macro of entries."""

    at: int
    user: Macro | None
    list: _Found | None
    """The initializer that it is an entry of."""
    shift: int
    """What to add to the list's offsets to get those of the file."""


class _Table(Struct, frozen=True):
    """What a site belongs to."""

    type: CType
    name: str | None


def find_handlers(
    source: SourceFile, scope: Scope | None = None, members: Sequence[str] = MEMBERS
) -> list[Handler]:
    """Every designated initializer of, and assignment to, such a member, in order.

    With a `scope` that has a tree, types from headers are known, too; a member that is known to be
    no function pointer is left out. Raises LargeSource for absurdly many.
    """
    return find_sites(source, scope, members)[0]


def find_sites(
    source: SourceFile, scope: Scope | None = None, members: Sequence[str] = MEMBERS
) -> tuple[list[Handler], list[OtherSite]]:
    """Return the handlers, and what only looks like one, each with the reason."""
    finder = _Finder(source, scope or Scope(source))
    matches = [*sites_in(source.code, members), *_old_sites_in(source.code, members)]
    if len(matches) > MAX_SITES:
        raise LargeSource(source.name, f"sets more than {MAX_SITES} mmap members")
    for match in matches:
        finder.look(match)
    return finder.handlers, finder.others


def find_elements(
    source: SourceFile, scope: Scope, members: Sequence[str], functions: Iterable[str]
) -> list[Handler]:
    """Return where a table is filled by position, and one of the functions stands for a member."""
    finder = _Finder(source, scope)
    names = b"|".join(name.encode() for name in sorted(functions))
    if names:
        for match in re.finditer(rb"(?<![\w.>])(?:%b)(?=[\s\\]*[,}])" % names, source.code):
            finder.look_at_element(match, members)
    return finder.handlers


def find_given(
    source: SourceFile, scope: Scope, members: Sequence[str], macros: Iterable[str]
) -> list[Handler]:
    """Return where a macro sets the member that its argument names: `SET(ops, mmap, f)`."""
    finder = _Finder(source, scope)
    names = b"|".join(re.escape(name.encode()) for name in sorted(macros))
    if names:
        for match in re.finditer(rb"(?<!\w)(?:%b)(?=[\s\\]*\()" % names, source.code):
            finder.look_at_call(match, members)
    return finder.handlers


def tables_of_entries(source: SourceFile, scope: Scope, name: str) -> tuple[set[str], set[str]]:
    """Return the types of the tables that a macro of entries is put into, in this file.

    And the names of the macros whose entries it is part of.
    """
    return _Finder(source, scope).users_of(name)


def sites_in(text: bytes, members: Iterable[str]) -> Iterator[re.Match[bytes]]:
    """Yield what looks as if it set one of the members; the second group is the member."""
    names = list(members)
    either = "|".join(map(re.escape, names)).encode()
    pattern = re.compile(rb"(\.|->)[\s\\]*(%b)\b[\s\\]*=(?!=)" % either)
    return after_signs(pattern, names, text)


def _old_sites_in(code: bytes, members: Iterable[str]) -> Iterator[re.Match[bytes]]:
    """Yield what looks like `member: value`, as GNU C had it before C99: or like a label."""
    words = [name.encode("latin-1", "replace") for name in members]
    pattern = re.compile(rb"()(%b)[\s\\]*:(?!:)" % b"|".join(map(re.escape, words)))
    begins = sorted({at for word in words for at in places(word, code)})
    free = (at for at in begins if code[at - 1 : at] not in (b".", b">"))
    found = [match for at in free if (match := pattern.match(code, at))]
    plain = without_directives(code) if found else b""
    for match in found:
        before = match.start() - 1
        while before >= 0 and plain[before] in b" \t\r\n\\":
            before -= 1
        if before >= 0 and plain[before] in b"{,;":
            yield match


def entries_of(source: SourceFile, scope: Scope, name: str) -> Iterator[Entry]:
    """Yield every place of the file, outside its own `#define`, that names a macro."""
    return _Finder(source, scope).entries(name)


class _Finder:
    def __init__(self, source: SourceFile, scope: Scope) -> None:
        self.source = source
        self.scope = scope
        self.handlers: list[Handler] = []
        self.others: list[OtherSite] = []
        self._bodies: dict[int, list[_Fragment]] = {}

    def look(self, match: re.Match[bytes]) -> None:
        """Tell what the text at `match` is."""
        macro = self.source.macro_at(match.start())
        for fragment in self._fragments(match, macro):
            found = _site(fragment, match.start())
            if found is not None:
                self._record(match, macro, fragment, found)
                return
        if match[1]:
            self._other(match, "is neither an initializer nor an assignment", parsed=False)

    def _other(self, match: re.Match[bytes], why: str, *, parsed: bool = True) -> None:
        line = self.source.line_of(match.start())
        self.others.append(OtherSite(line, match.start(), why, match[2].decode(), parsed))

    def _fragments(self, match: re.Match[bytes], macro: Macro | None) -> Iterator[_Fragment]:
        """Yield the trees to look for a site in, the most likely one first."""
        if macro is not None:
            if macro.start not in self._bodies:
                self._bodies[macro.start] = _body_fragments(macro)
            yield from self._bodies[macro.start]
            return
        before = self.source.code[max(0, match.start() - 400) : match.start()]
        if not _AFTER_DIRECTIVE.search(before):
            # Else tree-sitter takes the directive's last word for the left side of the dot.
            yield _Fragment(self.source.tree_around(match.start()), 0)
        yield _Fragment(self.source.undirected, 0)

    def _record(
        self, match: re.Match[bytes], macro: Macro | None, fragment: _Fragment, found: _Found
    ) -> None:
        table = self._table(found, macro)
        member = match[2].decode()
        if not self._may_be_function(table.type, member):
            self._other(match, f"member {member} of {table.type} is no function pointer")
            return
        initializes = found.node.type == "initializer_pair"
        value = found.node.child_by_field_name("value" if initializes else "right")
        if value is not None and value.type == "initializer_list":
            self._other(match, f"member {member} of {table.type} is no function pointer")
            return
        start = found.node.start_byte + fragment.shift
        end = found.node.end_byte + fragment.shift
        self.handlers.append(
            Handler(
                file=self.source.name,
                line=self.source.line_of(match.start()),
                name=self._value_name(value, fragment.shift),
                ops=_spelled(table.type),
                member=member,
                start=start,
                end=end,
                table=table.name,
                in_macro=None if macro is None else macro.name,
                arms=self.source.arms_at(match.start()),
            )
        )

    def _value_name(self, value: Node | None, shift: int) -> str:
        """Text of what the member is set to, as the file has it; the bare name of `&f` and `(f)`.

        What a macro pastes together shows its parts.
        """
        if value is not None:
            raw = self.source.code[value.start_byte + shift : value.end_byte + shift]
            if b"##" in raw:
                return " ".join(raw.decode("latin-1").replace("\\\n", " ").split())
        return _value_name(value)

    def look_at_element(self, match: re.Match[bytes], members: Sequence[str]) -> None:
        """Record the word at `match` if it fills one of the members by its position."""
        macro = self.source.macro_at(match.start())
        for fragment in self._fragments(match, macro):
            path = path_to(fragment.root, match.start() - fragment.shift)
            at = next((i for i in range(len(path) - 1, 0, -1) if path[i].type not in _WRAPPERS), 0)
            if at > 0 and path[at].type == "initializer_list" and at + 1 < len(path):
                table = self._initialized_table(_Found(path[at], path[:at]))
                member = self._member_at(table.type, _position(path[at], path[at + 1]), members)
                if member is not None:
                    self._record_element(match, macro, table, member)
                return

    def _member_at(self, table: CType, position: int, members: Sequence[str]) -> str | None:
        """Return the member that an element fills: `#if` arms may have moved it."""
        definition = self.scope.definition(table)
        fields = () if definition is None else definition.fields
        names = [field.name for field in fields]
        if position < len(names) and names[position] in members:
            return names[position]
        possible = [name for name in names if name in members]
        return possible[0] if len(possible) == 1 else None

    def _record_element(
        self, match: re.Match[bytes], macro: Macro | None, table: _Table, member: str
    ) -> None:
        self.handlers.append(
            Handler(
                file=self.source.name,
                line=self.source.line_of(match.start()),
                name=match[0].decode(),
                ops=_spelled(table.type),
                member=member,
                start=match.start(),
                end=match.end(),
                table=table.name,
                in_macro=None if macro is None else macro.name,
                arms=self.source.arms_at(match.start()),
            )
        )

    def look_at_call(self, match: re.Match[bytes], members: Sequence[str]) -> None:
        """Record the members that the macro called at `match` sets, as its arguments name them."""
        macro = self.source.macro_at(match.start())
        for fragment in self._fragments(match, macro):
            path = path_to(fragment.root, match.start() - fragment.shift)
            at = next((i for i, node in enumerate(path) if _calls_at(node, path[-1])), None)
            if at is None:
                continue
            for given in sets_by_argument(path[at], self.scope.macro, members):
                self.handlers.append(
                    Handler(
                        file=self.source.name,
                        line=self.source.line_of(match.start()),
                        name=_value_name(given.value),
                        ops=_spelled(self._given_table(given, path, at).type),
                        member=given.member,
                        start=match.start(),
                        end=path[at].end_byte + fragment.shift,
                        table=None,
                        in_macro=match[0].decode() if macro is None else macro.name,
                        arms=self.source.arms_at(match.start()),
                    )
                )
            return

    def _given_table(self, given: SetByArgument, path: list[Node], at: int) -> _Table:
        if given.owner is not None:
            before = path[at].start_byte
            return self._owning_table(given.owner, path[:at], before, arrow=given.arrow)
        if path[at - 1].type == "initializer_list":
            return self._initialized_table(_Found(path[at - 1], path[: at - 1]))
        return _Table(UNKNOWN, None)

    def _may_be_function(self, table: CType, member: str) -> bool:
        found = self.scope.field(table, member)
        if found is None or isinstance(found.type, ctypes.UnknownType):
            return True
        given = found.type
        return isinstance(given, ctypes.PointerType) and isinstance(
            given.target, ctypes.FunctionType | ctypes.UnknownType
        )

    def _table(self, found: _Found, macro: Macro | None) -> _Table:
        if found.node.type == "assignment_expression":
            return self._assigned_table(found)
        table = self._initialized_table(found)
        if macro is not None and table.type == UNKNOWN:
            return self._table_with(macro) or table
        return table

    def _assigned_table(self, found: _Found) -> _Table:
        left = found.node.child_by_field_name("left")
        owner = None if left is None else left.child_by_field_name("argument")
        if left is None or owner is None:
            return _Table(UNKNOWN, None)
        arrow = text_of(left.child_by_field_name("operator")) == "->"
        return self._owning_table(owner, found.path, left.start_byte, arrow=arrow)

    def _owning_table(self, owner: Node, path: list[Node], before: int, *, arrow: bool) -> _Table:
        function = next((n for n in reversed(path) if n.type == "function_definition"), None)
        names = {} if function is None else local_types(self.scope, function, before)
        given = ExpressionTypes(self.scope, names).of(owner)
        if arrow:
            given = given.target if isinstance(given, ctypes.PointerType) else UNKNOWN
            return _Table(given, None)
        return _Table(given, text_of(owner) if owner.type == "identifier" else None)

    def _initialized_table(self, found: _Found) -> _Table:
        """Climb to the variable (or compound literal), then descend by types to the table."""
        steps: list[str | int] = _designators(found.node)[:-1]
        inner = found.node
        for index in range(len(found.path) - 1, -1, -1):
            node = found.path[index]
            if node.type == "initializer_pair":
                steps = _designators(node) + steps
            elif node.type == "initializer_list":
                if inner.type != "initializer_pair":
                    steps = [_position(node, inner), *steps]
            elif node.type in {"init_declarator", "compound_literal_expression"}:
                return self._outermost(node, found.path[:index], steps)
            elif node.type != "ERROR":
                break
            inner = node
        return _Table(UNKNOWN, None)

    def _outermost(self, node: Node, above: list[Node], steps: list[str | int]) -> _Table:
        if node.type == "compound_literal_expression":
            named = node.child_by_field_name("type")
            given: CType = UNKNOWN if named is None else self.scope.type_of(named)
            return _Table(self._descend(given, steps), None)
        declarator = node.child_by_field_name("declarator")
        declaration = next((n for n in reversed(above) if n.type == "declaration"), None)
        if declaration is None or declarator is None:
            return _Table(UNKNOWN, None)
        specifier = declaration.child_by_field_name("type")
        if specifier is not None and specifier.text == _ANY_TYPE:
            return _Table(UNKNOWN, None)
        name = declared_name(declarator)
        given = self.scope.type_of(declaration, declarator)
        return _Table(self._descend(given, steps), None if name is None else text_of(name))

    def _descend(self, given: CType, steps: list[str | int]) -> CType:
        for step in steps:
            if isinstance(given, ctypes.ArrayType):
                given = given.element
            elif isinstance(step, str):
                found = self.scope.field(given, step)
                given = UNKNOWN if found is None else found.type
            else:
                definition = self.scope.definition(given)
                fields = () if definition is None else definition.fields
                given = fields[step].type if step < len(fields) else UNKNOWN
        return given

    def _table_with(self, macro: Macro) -> _Table | None:
        """Return the type of the tables that a macro of initializers is put into in its file."""
        lists = [use.list for use in self._uses(macro.name) if use.list is not None]
        types = [self._initialized_table(each).type for each in lists]
        found = [each for each in types if each != UNKNOWN]
        alike = len({_spelled(each) for each in found}) == 1
        return _Table(found[0], None) if alike else None

    def users_of(self, name: str) -> tuple[set[str], set[str]]:
        """Return the types of the tables that a macro is put into, and the macros that have it."""
        types: set[str] = set()
        macros: set[str] = set()
        for use in self._uses(name):
            table = None if use.list is None else self._initialized_table(use.list)
            if table is not None and table.type != UNKNOWN:
                types.add(_spelled(table.type))
            elif table is not None and use.user is not None:
                macros.add(use.user.name)
        return types, macros

    def entries(self, name: str) -> Iterator[Entry]:
        """Yield the places that name a macro."""
        for use in self._uses(name):
            table, beside = _Table(UNKNOWN, None), None
            if use.list is not None:
                table = self._initialized_table(use.list)
                beside = self._entries_in(use.list.node, use)
            arms = self.source.arms_at(use.at)
            line, ops = self.source.line_of(use.at), _spelled(table.type)
            yield Entry(line, ops, table.name, use.user, arms, beside)

    def _entries_in(self, initializer: Node, use: _Use) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return the entries of an initializer, without comments and preprocessor lines."""
        start, end = initializer.start_byte + use.shift + 1, initializer.end_byte + use.shift - 1
        code = self.source.code[start:end].replace(b"\\\n", b" ")
        if use.user is None:
            code = without_directives(self.source.code)[start:end]
        return tuple(
            (" ".join(text.decode("latin-1").split()), self.source.arms_at(start + at))
            for at, text in listed(code)
        )

    def _uses(self, name: str) -> Iterator[_Use]:
        """Yield every place that names a macro, with the initializer that it is an entry of."""
        for at in places(name.encode(), self.source.code):
            user = self.source.macro_at(at)
            if user is not None and user.name == name:
                continue
            whole = _Fragment(self.source.tree_around(at), 0)
            fragments = [whole] if user is None else _body_fragments(user)
            found = (self._list_with(at, fragment) for fragment in fragments)
            shifts = (fragment.shift for fragment in fragments)
            pairs = zip(found, shifts, strict=True)
            initializer, shift = next((pair for pair in pairs if pair[0] is not None), (None, 0))
            yield _Use(at, user, initializer, shift)

    @staticmethod
    def _list_with(at: int, fragment: _Fragment) -> _Found | None:
        """Return the initializer that the word at a byte is an entry of."""
        path = path_to(fragment.root, at - fragment.shift)
        if len(path) > 1 and _calls_at(path[-2], path[-1]):
            path.pop()
        if len(path) > 2 and path[-2].type == "initializer_list":
            return _Found(path[-2], path[:-2])
        return None


def _calls_at(node: Node, name: Node) -> bool:
    return node.type == "call_expression" and node.child_by_field_name("function") == name


def _site(fragment: _Fragment, start: int) -> _Found | None:
    """Return the initializer or assignment whose dot or arrow is at `start` of the file.

    Of `member: value` it is where the member is.
    """
    path = path_to(fragment.root, start - fragment.shift)
    for index in range(len(path) - 1, 0, -1):
        node, parent = path[index], path[index - 1]
        if node.type == "field_designator" and parent.type == "initializer_pair":
            last = parent.children_by_field_name("designator")[-1]
            return _Found(parent, path[: index - 1]) if last == node else None
        if node.type == "field_identifier" and parent.type == "initializer_pair":
            of_old = parent.child_by_field_name("designator") == node
            return _Found(parent, path[: index - 1]) if of_old else None
        if node.type == "field_expression":
            if parent.type != "assignment_expression":
                return None
            if parent.child_by_field_name("left") != node:
                return None
            in_list = index >= 2 and path[index - 2].type == "initializer_list"
            return None if in_list else _Found(parent, path[: index - 1])
    return None


def _designators(pair: Node) -> list[str | int]:
    """Designators of an initializer_pair: names of members, 0 for any index of an array."""
    steps: list[str | int] = []
    for designator in pair.children_by_field_name("designator"):
        if designator.type == "field_designator":
            steps.append(text_of(designator.named_children[0]))
        elif designator.type == "field_identifier":  # `member: value`
            steps.append(text_of(designator))
        else:
            steps.append(0)
    return steps


def _position(listed: Node, inner: Node) -> int:
    children = [child for child in listed.named_children if child.type != "comment"]
    return next((i for i, child in enumerate(children) if child == inner), 0)


def _spelled(given: CType) -> str:
    if isinstance(given, ctypes.StructType):
        return f"{given.kind} {given.tag}" if given.tag else given.typedef or "?"
    return "?"


def _value_name(value: Node | None) -> str:
    """Text of what the member is set to; the bare name of `&f` and `(f)`."""
    while value is not None and value.type == "assignment_expression":
        value = value.child_by_field_name("right")
    if value is None:
        return "?"
    value = unwrapped(value)
    if value.type == "pointer_expression" and text_of(value).startswith("&"):
        argument = value.child_by_field_name("argument")
        value = argument if argument is not None and argument.type == "identifier" else value
    return " ".join(text_of(value).replace("\\\n", " ").split())


def _body_fragments(macro: Macro) -> list[_Fragment]:
    """Parse a macro's body as code: a declaration or statement, then an initializer's entries."""
    body = _PASTE.sub(lambda m: b"_" * len(m.group()), macro.raw_body)
    body = _STRINGIFY.sub(b" ", body)
    body = body.replace(b"\\\r\n", b"  \n").replace(b"\\\n", b" \n")
    found = []
    for head, tail in ((b"", b";"), (b"void f(void){", b";}"), (b"%b s = {" % _ANY_TYPE, b"};")):
        root = parse(head + body + tail)
        found.append(_Fragment(root, macro.body_start - len(head)))
    return [found[2], found[0], found[1]] if _entries_only(macro) else found


def _entries_only(macro: Macro) -> bool:
    return macro.body.lstrip().startswith((".", "["))
