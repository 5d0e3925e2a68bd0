# SPDX-License-Identifier: GPL-2.0-only
"""Edits of the files that use a subsystem's member: either member will do there (H10)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tree_sitter import Node

from premap.conversion import callback_local
from premap.conversion.callback import FILL, Callback
from premap.conversion.callback_local import Local
from premap.conversion.callback_member import VMA_TYPE, Member, declared
from premap.conversion.callback_uses import Use, call_of, tested
from premap.conversion.layout import Moved, laid_out
from premap.conversion.mentions import mentions
from premap.conversion.rewriting import Change
from premap.csource.ctypes import PointerType
from premap.csource.exprtypes import ExpressionTypes, local_types
from premap.csource.heads import Parameter
from premap.csource.includes import closure
from premap.csource.nodes import arguments, text_of
from premap.csource.scope import Scope
from premap.csource.source import Function, SourceFile
from premap.csource.tree import KernelTree
from premap.idioms.idiom import Declined, within
from premap.idioms.lists import WIDTH, wrapped
from premap.idioms.r1_table import advance
from premap.records import Edit
from premap.releases import Release

_SUFFIX = re.compile(r"_(?:ops|operations|funcs|fops|driver)\Z")
_BEFORE = re.compile(rb"/\*(?:[^*]|\*(?!/))*\*/\s*\Z")
_INCLUDE = re.compile(rb"^#[ \t]*include[ \t]*<linux/([^>\n]+)>[ \t]*\n", re.MULTILINE)


@dataclass(eq=False)
class Dispatcher:
    """One file that uses the member."""

    callback: Callback
    member: Member
    tree: KernelTree
    release: Release
    source: SourceFile
    uses: Sequence[Use]
    _calls: list[Function] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    """Arguments of the first call: names for the parameters that have none."""
    defines: bool = True
    """Whether the function that calls either member is defined in this file."""
    static: bool = True
    """Whether no other file calls it."""
    own: int | None = None
    """Which parameter of the member is the table that has it, if one is: see own_parameter()."""

    def edits(self) -> list[Edit]:
        """Return the edits of the file. Raises Declined for a use that can't follow."""
        with within(self.source):
            changes = [change for use in self.uses for change in self._changes(use)]
            found = list(self._laid_out(changes))
            if self._calls and self.defines:
                found += self._helper()
                found += self._include()
        return found

    @property
    def calls(self) -> bool:
        """Whether the file calls the member; known once there are edits."""
        return bool(self._calls)

    @property
    def helper(self) -> str:
        """Name of the function that calls either member."""
        called = self.callback.member if self.member.beside_mmap else "mmap"
        return f"{_SUFFIX.sub('', self.callback.tag)}_call_{called}"

    def _changes(self, use: Use) -> Iterator[Change]:
        if use.macro is not None:
            yield self._copied(use)
            return
        call = call_of(use)
        if call is not None:
            yield self._called(use, call)
            return
        local = callback_local.local_of(use)
        if local is not None:
            yield from self._through_local(use, local)
            return
        found = tested(use, self.callback.twin, use.node)
        if found is None:
            message = f"`{_line(use.node)}` is neither a call nor a test of the member"
            raise Declined("callback-use", message, use.node)
        node, new = found
        yield Change(node.start_byte, node.end_byte, new)

    def _through_local(self, use: Use, local: Local) -> Iterator[Change]:
        """Yield the changes of a variable's uses to those of the member, and of what declares it.

        Raises Declined for one that is neither a call nor a test.
        """
        for each in local.uses:
            call = callback_local.call_through(each)
            if call is not None:
                yield self._called(use, call)
                continue
            found = tested(use, self.callback.twin, each)
            if found is None:
                message = f"`{text_of(each)}` is neither called nor tested here"
                raise Declined("callback-use", message, each)
            yield Change(found[0].start_byte, found[0].end_byte, found[1])
        for start, end in callback_local.removed(local.declaration, self.source):
            yield Change(start, end, "")

    def _called(self, use: Use, call: Node) -> Change:
        """Return the change of a call through the table to one of the helper."""
        given = arguments(call)
        function = use.function
        if function is None or len(given) != len(self.member.parameters):
            raise Declined("callback-use", "the call has other arguments than the member", call)
        if self.source.macro_at(call.start_byte) is not None:
            raise Declined("callback-in-macro", "a macro calls the member", call)
        vma = given[self.member.vma]
        if vma.type != "identifier" or text_of(vma) == "NULL":
            message = f"`{_line(vma)}` is no variable of an mmap() handler's"
            raise Declined("callback-use", message, call)
        self._calls.append(function)
        self.given = self.given or [text_of(each) for each in given]
        texts = [_one_line(each) for each in given]
        if self.own is None:
            texts.insert(0, _table(use))
        return Change(call.start_byte, call.end_byte, f"{self.helper}({', '.join(texts)})")

    def _copied(self, use: Use) -> Change:
        """Return the change that has a macro do for the twin what it does for the member.

        The statement stands twice; a macro that calls the member can't be told so.
        """
        statement = use.node.parent
        name = self.callback.member
        plain = statement is not None and statement.type == "expression_statement"
        vma = any(self._is_vma(use, each) for each in arguments(use.node))
        if statement is None or not plain or vma:
            macro = "" if use.macro is None else use.macro.name
            raise Declined("callback-in-macro", f"{macro}() calls the member", use.node)
        at = self.source.line_start(statement.start_byte)
        text = self.source.text[at : statement.end_byte].decode("latin-1")
        twin = re.sub(rf"\b{re.escape(name)}\b(?=\s*[,)])", self.callback.twin, text)
        return Change(statement.end_byte, statement.end_byte, "\n" + twin)

    def _is_vma(self, use: Use, node: Node) -> bool:
        scope = Scope(self.source, self.tree)
        names = (
            {}
            if use.function is None
            else local_types(scope, use.function.node, use.node.start_byte)
        )
        ctype = ExpressionTypes(scope, names).of(node)
        return isinstance(ctype, PointerType) and f"{ctype.target} *" == VMA_TYPE

    def _laid_out(self, changes: list[Change]) -> Iterator[Edit]:
        """Yield an edit for each function that changes."""
        functions = {use.function.node.id: use.function for use in self.uses if use.function}
        for function in functions.values():
            node = function.node
            inner = [c for c in changes if node.start_byte <= c.start < node.end_byte]
            ordered = sorted(inner, key=lambda change: change.start)
            old = self.source.text_of(node).decode("latin-1")
            new = _applied(old, ordered, node.start_byte)
            text = laid_out(old, new, Moved(ordered, node.start_byte))
            yield Edit(self.source.name, node.start_byte, node.end_byte, text.encode("latin-1"))
        if any(use.function is None for use in self.uses):
            use = next(use for use in self.uses if use.function is None)
            raise Declined("callback-use", "the member is used outside a function", use.node)

    def _helper(self) -> Iterator[Edit]:
        """Yield the insertion of the function that calls either member."""
        first = min(self._calls, key=lambda function: function.node.start_byte)
        arms = {self.source.arms_at(function.node.start_byte) for function in self._calls}
        if len(arms) > 1:
            raise Declined("callback-use", "the member is called in several #if arms", first.node)
        if any(not mention.comment for mention in mentions(self.source, self.helper)):
            raise Declined("name-taken", f"{self.helper} is in use already", first.node)
        at = self._above(first)
        yield Edit(self.source.name, at, at, helper_text(self).encode("latin-1"))

    def _above(self, function: Function) -> int:
        """Return where a function begins, with the comment above it."""
        at = self.source.line_start(function.node.start_byte)
        before = self.source.text[:at]
        opened = before.rfind(b"/*")
        commented = opened >= 0 and _BEFORE.fullmatch(before, opened) is not None
        blank = b"\n\n" in before[opened:]
        return self.source.line_start(opened) if commented and not blank else at

    def _include(self) -> Iterator[Edit]:
        """Yield the #include that declares what the helper calls, where there is none."""
        needle = FILL.encode()
        if any(needle in file.text for file in closure(self.source, self.tree)):
            return
        found = list(_INCLUDE.finditer(self.source.text))
        if not found:
            message = "what declares compat_set_desc_from_vma() is not included"
            raise Declined("callback-use", message, line=1)
        later = next((match for match in found if match[1] > b"fs.h"), None)
        at = found[-1].end() if later is None else later.start()
        yield Edit(self.source.name, at, at, b"#include <linux/fs.h>\n")


def own_parameter(callback: Callback, member: Member, uses: Sequence[Use]) -> int | None:
    """Return which parameter of the member is the table itself, wherever it is called.

    What calls either member needs no other parameter for the table then.
    """
    calls = [(_table(use), call) for use in uses for call in _calls_of(use)]
    for index, each in enumerate(member.parameters):
        if each.type_text.removeprefix("const ") == f"{callback.ops} *" and all(
            index < len(given := arguments(call)) and _one_line(given[index]) == table
            for table, call in calls
        ):
            return index
    return None


def _calls_of(use: Use) -> Iterator[Node]:
    """Yield the calls of the member, those through a variable that holds it among them."""
    call = call_of(use)
    if call is not None:
        yield call
    elif use.macro is None and (local := callback_local.local_of(use)) is not None:
        yield from filter(None, map(callback_local.call_through, local.uses))


def _table(use: Use) -> str:
    """Return a pointer to the table that the member is taken from."""
    base = use.node.child_by_field_name("argument")
    pointed = text_of(use.node.child_by_field_name("operator")) == "->"
    return ("" if pointed else "&") + " ".join(text_of(base).split())


def prototype(dispatcher: Dispatcher) -> str:
    """Return the declaration of the function that calls either member."""
    _, listed = _signature(dispatcher)
    return _head("int", dispatcher.helper, listed)


def _signature(dispatcher: Dispatcher) -> tuple[str, list[str]]:
    """Return what the function calls the table, and its parameters."""
    parameters = dispatcher.member.parameters
    names = _names(parameters, dispatcher.given)
    listed = []
    for parameter, name in zip(parameters, names, strict=True):
        text = declared(parameter, is_vma=False)
        listed.append(
            text if parameter.name else f"{text}{'' if text.endswith('*') else ' '}{name}"
        )
    if dispatcher.own is not None:
        return names[dispatcher.own], listed
    table = "ops" if "ops" not in names else "table"
    return table, [f"const {dispatcher.callback.ops} *{table}", *listed]


def helper_text(dispatcher: Dispatcher) -> str:
    """Return the function that calls `->mmap_prepare` through the compat helpers, or `->mmap`."""
    callback, member = dispatcher.callback, dispatcher.member
    names = _names(member.parameters, dispatcher.given)
    table, listed = _signature(dispatcher)
    returns = "static int" if dispatcher.static else "int"
    vma = names[member.vma]
    file = _file(member, names) or f"{vma}->vm_file"
    given = ", ".join(names)
    lowered = ", ".join("&desc" if i == member.vma else name for i, name in enumerate(names))
    head = _head(returns, dispatcher.helper, listed)
    old = wrapped(f"\t\treturn {table}->{callback.member}", given.split(", "))
    new = wrapped(f"\terr = {table}->{callback.twin}", lowered.split(", "))
    return f"""\
/* Call either hook; ->{callback.twin}() gets a descriptor of the VMA. */
{head}
{{
	struct vm_area_desc desc;
	int err;

	if (!{table}->{callback.twin})
{old};

	compat_set_desc_from_vma(&desc, {file}, {vma});
	desc.private_data = {vma}->vm_private_data;
{new};
	if (err)
		return err;

{_applied_to(vma, dispatcher.release)}}}

"""


def _applied_to(vma: str, release: Release) -> str:
    """Return the statements that apply the descriptor, and translate the error of its action."""
    if not release.error_override:
        return f"\treturn __compat_vma_mmap(&desc, {vma});\n"
    return f"""\
	err = __compat_vma_mmap(&desc, {vma});
	if (err && desc.action.error_override)
		return desc.action.error_override;

	return err;
"""


def _head(returns: str, name: str, listed: list[str]) -> str:
    """Return the declaration of the function, its type on a line of its own if that is needed."""
    head = wrapped(f"{returns} {name}", listed)
    if all(advance(line, 0) <= WIDTH for line in head.split("\n")):
        return head
    return f"{returns}\n" + wrapped(name, listed)


def _names(parameters: Sequence[Parameter], given: Sequence[str]) -> list[str]:
    """Return what the parameters are called; else the last word of what a call gives them."""
    names: list[str] = []
    for index, parameter in enumerate(parameters):
        found = re.search(r"[A-Za-z_]\w*\Z", given[index])
        name = parameter.name or (found[0] if found else f"arg{index}")
        if parameter.type_text == VMA_TYPE and not parameter.name:
            name = "vma"
        names.append(name if name not in {*names, "desc", "err"} else f"{name}{index}")
    return names


def _file(member: Member, names: Sequence[str]) -> str | None:
    """Return the name of the member's parameter for the file, if it has one."""
    pairs = zip(member.parameters, names, strict=True)
    return next((name for each, name in pairs if each.type_text == "struct file *"), None)


def _applied(text: str, changes: Sequence[Change], base: int) -> str:
    pieces, at = [], 0
    for change in changes:
        pieces += [text[at : change.start - base], change.new]
        at = change.end - base
    return "".join([*pieces, text[at:]])


def _one_line(node: Node) -> str:
    return " ".join(text_of(node).split())


def _line(node: Node) -> str:
    return _one_line(node)[:60]
