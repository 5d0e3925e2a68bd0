# SPDX-License-Identifier: GPL-2.0-only
"""What a macro's use expands to: C that is parsed, and what names of parameters in it stand for.

Where a parameter is an operand or a type, it stays a name, which a frame binds to the argument's
node. Elsewhere C wants text: beside `##`, `#`, a string or another name, as a member, a tag or a
label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field
from tree_sitter import Node

from premap.csource.meanings import names_in
from premap.csource.nodes import find_all, identifiers_in, walk
from premap.csource.readable import Readable, readable_expression, readable_statements
from premap.csource.source import Macro
from premap.interp import pasting
from premap.interp.machine import Block, Frame, Machine
from premap.interp.redefined import refuse_elsewhere
from premap.interp.syntax import part, text_of

_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|[A-Za-z_]\w*|\d[\w.]*|\s+|##|->|.', re.DOTALL
)
_BEFORE_TEXT = frozenset({".", "->", "##", "#", "struct", "union", "enum", "goto"})
"""What stands before names that are no operands."""
_KEYWORDS = frozenset({"return", "else", "do", "case", "sizeof", "typeof", "__typeof__", "in"})
"""Words that an operand may stand beside."""
_NAME = re.compile(r"[A-Za-z_]\w*\Z")
_BINDABLE = frozenset({"identifier", "type_identifier"})
_NAMES = frozenset({"field_identifier", "statement_identifier"})
_REST = "premap_given_"
"""Names of the variable arguments begin with it."""
LONGEST = 1 << 16
"""Characters of an expanded body; more is no kernel code."""


class Expanded(Struct, frozen=True):
    """What a use of a macro became: an expression, or a statement, and the frame it is run in."""

    text: str
    read: Readable
    frame: Frame
    statement: bool


def spelled(machine: Machine, frame: Frame, node: Node) -> str:
    """Return an argument as text, as the preprocessor sees it: without parameters of macros."""
    text, start = text_of(node), node.start_byte
    edits: dict[int, tuple[int, str]] = {}
    for at, mark in frame.marks.items():
        if start <= at < node.end_byte:
            edits[at - start] = (len(mark), mark)
    for each in walk(node) if frame.macros else ():
        at = each.start_byte - start
        name = text_of(each)
        if each.type in _BINDABLE and name in frame.macros and at not in edits:
            inner, outer = frame.macros[name]
            given = spelled(machine, outer, inner)
            if any(_is_plain_macro(frame, word) for word in names_in(given)):
                raise machine.failure(frame, node, f"`{given[:40]}`, itself a macro, is pasted")
            edits[at] = (len(name), given)
    for at in sorted(edits, reverse=True):
        length, by = edits[at]
        text = text[:at] + by + text[at + length :]
    return text


def _is_plain_macro(frame: Frame, name: str) -> bool:
    return any(macro.parameters is None for macro in frame.scope.macro(name))


def object_like(machine: Machine, frame: Frame, node: Node, name: str, body: str) -> Expanded:
    """Expand a macro without parameters, which has to be an expression."""
    read = readable_expression(body)
    if read is None:
        raise machine.failure(frame, node, f"macro {name} is no expression: {body[:60]}")
    _refuse_to_fall_apart(machine, frame, node, name, body)
    return Expanded(body, read, _frame_in(frame, node, name, read), statement=False)


def expand(
    machine: Machine, frame: Frame, node: Node, macro: Macro, arguments: Sequence[Node]
) -> Expanded:
    """Expand a function-like macro. Raises NotModelled with what can't be understood."""
    refuse_elsewhere(machine, frame, node, macro.name)
    where = frame.function, node.start_byte, node.end_byte, _nested(frame, node)
    values = tuple(_is_value(frame, each) for each in arguments)
    made = frame.scope.once(
        "expansion",
        (*where, macro.source.name, macro.start, values),
        lambda: _expanded(machine, frame, node, macro, arguments),
    )
    inner = _frame_in(frame, node, macro.name, made.read)
    inner.macros.update({name: (given, frame) for name, given in made.kept.items()})
    return Expanded(made.text, made.read, inner, made.statement)


def _nested(frame: Frame, node: Node) -> tuple[object, ...]:
    """Return which text of macros a node is in, and what stands for their parameters in it.

    In the text of a function there is none: there, it is the same each time.
    """
    if frame.outer is None:
        return ()
    given = [(name, *frame.macros[name]) for name in _parameters_in(frame, node)]
    inner = [(name, each, _nested(outer, each)) for name, each, outer in given]
    return node, tuple(inner)


def _parameters_in(frame: Frame, node: Node) -> Sequence[str]:
    return [name for name in dict.fromkeys(names_in(text_of(node))) if name in frame.macros]


class _Made(Struct, frozen=True):
    """What a use of a macro becomes, wherever it is run."""

    text: str
    read: Readable
    statement: bool
    kept: Mapping[str, Node] = field(default_factory=dict)
    """The arguments whose parameters stay names in it."""


def _expanded(
    machine: Machine, frame: Frame, node: Node, macro: Macro, arguments: Sequence[Node]
) -> _Made:
    uses = _Uses(machine, frame, node, macro, arguments)
    values = frozenset(n.encode() for n, each in uses.bound.items() if _is_value(frame, each))
    beside = uses.beside_names()
    found = _parsed(machine, frame, node, macro.name, uses.text(beside), values)
    named = beside | _as_names(found.read.node, uses.bound.keys())
    if named > beside:
        found = _parsed(machine, frame, node, macro.name, uses.text(named), values)
    kept = {name: each for name, each in uses.bound.items() if name not in named}
    if not pasting.arguments_hold_together(found.text, kept):
        text = f"macro {macro.name} has parameters without parentheses"
        raise machine.failure(frame, node, text)
    declared = _declared(found.read.node)
    for given in kept.values() if declared else ():
        for captured in declared.intersection(_mentioned(frame, given)):
            text = f"macro {macro.name} declares {captured}, which an argument names"
            raise machine.failure(frame, node, text)
    if not found.statement:
        _refuse_to_fall_apart(machine, frame, node, macro.name, found.text)
    return _Made(found.text, found.read, found.statement, kept)


def _is_value(frame: Frame, node: Node) -> bool:
    """Return whether an argument is no type, as far as can be told."""
    if node.type != "identifier":
        return node.type != "type_descriptor" and node.start_byte not in frame.marks
    name = text_of(node)
    if name in frame.macros:
        inner, outer = frame.macros[name]
        return _is_value(outer, inner)
    return frame.variable(name) is not None or frame.scope.variable(name) is not None


def _parsed(
    machine: Machine,
    frame: Frame,
    node: Node,
    name: str,
    text: str,
    values: frozenset[bytes],
) -> _Made:
    if len(text) > LONGEST:
        raise machine.failure(frame, node, f"macro {name} expands to too much")
    read = readable_expression(text, values)
    if read is not None:
        return _Made(text, read, statement=False)
    read = readable_statements(text.rstrip("; \t") + ";", values)
    if read is None:
        raise machine.failure(frame, node, f"macro {name} is neither expression nor statement")
    return _Made(text, read, statement=True)


def _refuse_to_fall_apart(machine: Machine, frame: Frame, node: Node, name: str, body: str) -> None:
    """Refuse an expression that is no single operand where the macro stands."""
    if not pasting.holds_together(node, body):
        raise machine.failure(frame, node, f"macro {name} is not in parentheses: {body[:60]}")


def _frame_in(frame: Frame, node: Node, name: str, read: Readable) -> Frame:
    """Return the frame in which a macro's text is run."""
    line, expanding = frame.line(node), (*frame.expanding, name)
    return Frame(
        frame.function,
        frame.scope,
        [Block()],
        {},
        line,
        expanding,
        frame,
        read.marks,
        use=(node, frame),
    )


def _as_names(root: Node, parameters: Iterable[str]) -> set[str]:
    """Return the parameters that are used as names of their own: declared, or of members."""
    found = {text_of(each) for each in find_all(root, *_NAMES)} | _declared(root)
    return found & set(parameters)


def _declared(root: Node) -> set[str]:
    """Return the names of the variables that a macro's text declares."""
    found = set[str]()
    for declaration in find_all(root, "declaration"):
        for declarator in declaration.children_by_field_name("declarator"):
            inner: Node | None = declarator
            while inner is not None and inner.type != "identifier":
                inner = part(inner, "declarator")
            found.add(text_of(inner))
    return found


def _mentioned(frame: Frame, node: Node) -> Iterator[str]:
    """Yield the names in an argument as the compiler sees it."""
    for name in identifiers_in(node):
        if name in frame.macros:
            inner, outer = frame.macros[name]
            yield from _mentioned(outer, inner)
        else:
            yield name


class _Uses:
    """One use of a macro: its parameters, and the arguments in it."""

    def __init__(
        self, machine: Machine, frame: Frame, node: Node, macro: Macro, arguments: Sequence[Node]
    ) -> None:
        self.machine = machine
        self.frame = frame
        self.macro = macro
        parameters = list(macro.parameters or ())
        self.rest: str | None = None
        if parameters and parameters[-1].endswith("..."):
            self.rest = parameters.pop().removesuffix("...").strip() or "__VA_ARGS__"
        fits = len(arguments) >= len(parameters) if self.rest else len(arguments) == len(parameters)
        if not fits:
            text = f"macro {macro.name} with {len(arguments)} arguments"
            raise machine.failure(frame, node, text)
        self.bound = dict(zip(parameters, arguments, strict=False))
        others = arguments[len(parameters) :]
        self.others = {f"{_REST}{number}": each for number, each in enumerate(others)}
        self.bound.update(self.others)
        self.tokens = _texts_expanded(frame, _TOKEN.findall(self._with_options(macro.body)))

    def _with_options(self, body: str) -> str:
        """Return the body with what `__VA_OPT__(…)` gives."""
        if self.rest is None:
            return body
        return _OPTION.sub(lambda found: found[1] if self.others else "", body)

    def text(self, named: frozenset[str]) -> str:
        """Return the body with text where C wants text, and for these parameters everywhere."""
        out: list[str] = []
        for index, piece in enumerate(self.tokens):
            if piece == "##":
                out[:] = [*_stripped(out)]
                if out and out[-1] == "," and self._near(index, 1) == self.rest and not self.others:
                    out.pop()
            elif piece == self.rest:
                out.append(self._rest(index))
            elif piece in self.bound:
                as_text = piece in named or self._wants_text(index)
                out.append(self._argument(index, piece) if as_text else piece)
            elif not self._is_operator(index):
                out.append(piece)
        return "".join(out).strip()

    def beside_names(self) -> frozenset[str]:
        """Return the parameters that stand beside a name somewhere: of a type, or of a text."""
        beside = set[str]()
        for index, piece in enumerate(self.tokens):
            near = self._near(index, -1), self._near(index, 1)
            if piece in self.bound and any(map(_is_name, near)):
                beside.add(piece)
        return frozenset(beside)

    def _is_operator(self, index: int) -> bool:
        """Return whether a token is the blank after `##`, or the `#` before a parameter."""
        piece = self.tokens[index]
        if piece.isspace():
            return self._near(index, -1) == "##"
        return piece == "#" and self._near(index, 1) in (*self.bound, self.rest)

    def _near(self, index: int, step: int) -> str:
        """Return the token before or after one, blanks left out."""
        found = _next(self.tokens, index, step)
        return "" if found is None else self.tokens[found]

    def _wants_text(self, index: int) -> bool:
        before, after = self._near(index, -1), self._near(index, 1)
        return before in _BEFORE_TEXT or after == "##" or '"' in (before[:1], after[:1])

    def _argument(self, index: int, name: str) -> str:
        text = self._spelled(self.bound[name])
        if self._near(index, -1) == "#":
            return _quoted(text)
        return text if self._wants_text(index) else f" {text} "

    def _spelled(self, node: Node) -> str:
        text = spelled(self.machine, self.frame, node)
        if re.search(rf"\b{re.escape(self.macro.name)}\b", text):
            problem = f"macro {self.macro.name} in an argument of itself"
            raise self.machine.failure(self.frame, node, problem)
        return text

    def _rest(self, index: int) -> str:
        if self._near(index, -1) == "#":
            return _quoted(", ".join(self._spelled(each) for each in self.others.values()))
        pasted = "##" in (self._near(index, -1), self._near(index, 1))
        if self._wants_text(index) and not (pasted and self._after_comma(index)):
            return ", ".join(self._spelled(each) for each in self.others.values())
        return ", ".join(self.others)

    def _after_comma(self, index: int) -> bool:
        """Return whether the tokens before are `, ##`."""
        while index > 0 and self.tokens[index] != "##":
            index -= 1
        return self._near(index, -1) == ","


def _is_name(token: str) -> bool:
    return _NAME.match(token) is not None and token not in _KEYWORDS


def _next(tokens: Sequence[str], index: int, step: int) -> int | None:
    """Return where the token before or after one is, blanks left out."""
    index += step
    while 0 <= index < len(tokens) and tokens[index].isspace():
        index += step
    return index if 0 <= index < len(tokens) else None


def _texts_expanded(frame: Frame, tokens: Sequence[str]) -> list[str]:
    """Return a macro's body, with what macros of texts stand for in it, beside other texts.

    In `KERN_DEBUG pr_fmt(format)`, `pr_fmt()` is nothing that could be called.
    """
    out: list[str] = []
    index = 0
    while index < len(tokens):
        piece, end = tokens[index], None
        before = _next(tokens, index, -1)
        if before is not None and _is_name(piece) and _is_text(tokens[before]):
            end = _closing(tokens, _next(tokens, index, 1))
        macros = [each for each in frame.scope.macro(piece) if each.parameters] if end else []
        if end and len({each.body.strip() for each in macros}) == 1:
            opened = tokens.index("(", index)
            out += _substituted(macros[0], "".join(tokens[opened + 1 : end]))
            index = end + 1
        else:
            out.append(piece)
            index += 1
    return _names_quoted(out)


def _names_quoted(tokens: Sequence[str]) -> list[str]:
    """Put names of texts in quotes that the parser can't read: those before another one's.

    What they stand for is the same wherever they are used.
    """
    out = list(tokens)
    for index in reversed(range(len(tokens))):
        after = _next(out, index, 1)
        beyond = None if after is None else _next(out, after, 1)
        if after is None or beyond is None or not _is_name(out[index]):
            continue
        if _is_name(tokens[after]) and out[beyond].startswith('"'):
            out[index] = f'"{out[index]}"'
    return out


def _is_text(token: str) -> bool:
    return token.startswith('"') or _is_name(token)


def _closing(tokens: Sequence[str], index: int | None) -> int | None:
    """Return where the parenthesis is closed that is opened here."""
    level = 0
    for at in range(len(tokens) if index is None else index, len(tokens)):
        level += (tokens[at] == "(") - (tokens[at] == ")")
        if level == 0:
            return at if at != index else None
    return None


def _substituted(macro: Macro, given: str) -> list[str]:
    """Return the body of a macro of one parameter, with text for it."""
    (parameter, *others) = macro.parameters or ("",)
    body = _TOKEN.findall(macro.body)
    if others or "#" in body or "##" in body:
        return [macro.name, "(", given, ")"]
    return [
        token for each in body for token in (_TOKEN.findall(given) if each == parameter else [each])
    ]


_OPTION = re.compile(r"\b__VA_OPT__\s*\(([^()]*)\)")


def _stripped(tokens: Sequence[str]) -> Sequence[str]:
    last = len(tokens)
    while last and tokens[last - 1].isspace():
        last -= 1
    return tokens[:last]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
