# SPDX-License-Identifier: GPL-2.0-only
"""Where files name a converted function outside its definition and tables (R4, H8)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from premap.conversion import inner
from premap.conversion.group import FILE_TYPE, NO_FUNCTION, VMA_TYPE, Group
from premap.conversion.mentions import Mention, mentions
from premap.conversion.rewriting import Change
from premap.csource.nodes import callee, calls_in
from premap.csource.source import Function, Prototype, SourceFile
from premap.idioms import r2_signature
from premap.idioms.idiom import Declined, within
from premap.idioms.twins import TWINS, is_hook_twin

_OTHER_SPACE = re.compile(rb"(?:->\s*|\.\s*|\b(?:struct|union|enum)\s+)\Z")
"""What stands before names of members and tags, which are no functions."""
_NAMED_IN_STRING = (
    rb"(?:\b(?:__)?alias(?:__)?|\bifunc|\bkallsyms_lookup_name)\s*\(\s*\"%b\""
    rb"|\bsymbol_name\s*=\s*\"%b\"|\basm[\s\w]*\([^;]*\"[^\"]*\b%b\b"
)
"""Where a string is a symbol: attributes, probes (linux/kprobes.h), assembly."""
_EXPORT = re.compile(rb"\bEXPORT_SYMBOL\w*\s*\(\s*\Z")
_FORWARD = re.compile(rb"^struct[ \t]+vm_area_struct[ \t]*;", re.MULTILINE)
_FORWARD_NEW = re.compile(rb"^struct[ \t]+vm_area_desc[ \t]*;", re.MULTILINE)


class Renamings:
    """The changes of one file. Raises Declined for a use that can't follow."""

    def __init__(self, file: SourceFile, group: Group) -> None:
        self.file = file
        self.group = group
        others = (site for user, site in group.inner_sites() if user.name == file.name)
        self._sites = [*group.program.handlers(file), *others]

    def changes(self) -> list[Change]:
        """Return what changes where the file names a function of the group."""
        with within(self.file):
            for name, functions in self.group.defined.items():
                if any(function.source is self.file for function in functions):
                    self._check_strings(name)
            found = [
                change
                for name in self.group.names
                if name not in self.group.splits and self.file in self.group.users(name)
                for mention in mentions(self.file, name)
                for change in self._renaming(mention, name)
            ]
            return [*found, *self._forward(found)]

    def _check_strings(self, name: str) -> None:
        text, word = self.file.seen, re.escape(name.encode("latin-1"))
        if self.group.names.get(name, name) == name or b'"' not in text:
            return
        found = re.search(_NAMED_IN_STRING.replace(b"%b", word), text)
        if found is not None:
            line = self.file.line_of(found.start())
            raise Declined("second-caller", f"a string names the symbol {name}", line=line)

    def _renaming(self, mention: Mention, name: str) -> Iterator[Change]:
        text = self.file.seen
        new = self.group.names[name]
        if _OTHER_SPACE.search(text, max(mention.start - 16, 0), mention.start):
            return
        if mention.comment:
            yield from _change(mention, name, new)
        elif self._in_table(mention) or self._is_definition(mention, name):
            return
        elif (prototype := self._prototype(mention, name)) is not None:
            yield from _change(mention, name, new)
            yield from self._retyped(prototype)
        elif self._alias_of(mention, name):
            yield from self._alias(mention, name, new)
        elif _EXPORT.search(text, max(mention.start - 80, 0), mention.start):
            yield from _change(mention, name, new)
        elif not self._called_by_group(mention, name):
            line = self.file.line_of(mention.start)
            raise Declined("second-caller", f"{name}() is used here, too", line=line)

    def _in_table(self, mention: Mention) -> bool:
        return any(site.start <= mention.start < site.end for site in self._sites)

    def _is_definition(self, mention: Mention, name: str) -> bool:
        return any(
            function.source is self.file and function.name_node.start_byte == mention.start
            for function in self.group.defined[name]
        )

    def _prototype(self, mention: Mention, name: str) -> Prototype | None:
        for prototype in self.file.prototypes.get(name, ()):
            if prototype.name_node.start_byte == mention.start:
                return prototype
        return None

    def _retyped(self, prototype: Prototype) -> Iterator[Change]:
        """Yield the changes of the parameters in a declaration."""
        declarators = prototype.node.children_by_field_name("declarator")
        line = self.file.line_of(prototype.node.start_byte)
        if len(declarators) != 1:
            raise Declined("second-caller", "a declaration has several names", line=line)
        if self.group.takes_desc_alone(prototype.name):
            types = [parameter.type_text for parameter in prototype.parameters]
            if types != [FILE_TYPE, VMA_TYPE]:
                taken = ", ".join(types)
                raise Declined("not-a-hook", f"{prototype.name}() takes ({taken}) here", line=line)
            named = bool(prototype.parameters and prototype.parameters[-1].name)
            new = r2_signature.PARAMETER if named else r2_signature.PARAMETER_TYPE
            first, last = prototype.parameters[0].node, prototype.parameters[-1].node
            yield Change(first.start_byte, last.end_byte, new)
            return
        for parameter in prototype.parameters:
            if parameter.type_text == VMA_TYPE:
                typed = r2_signature.PARAMETER if parameter.name else r2_signature.PARAMETER_TYPE
                yield Change(parameter.node.start_byte, parameter.node.end_byte, typed)

    def _alias_of(self, mention: Mention, name: str) -> bool:
        macro = self.file.macro_at(mention.start)
        return macro is not None and macro.name == name and macro.parameters is None

    def _alias(self, mention: Mention, name: str, new: str) -> Iterator[Change]:
        """`#define x_mmap NULL`, or as a hook of the kernel, beside the function's arm."""
        macro = self.file.macro_at(mention.start)
        twin = TWINS.get(macro.body) if macro is not None else None
        if macro is None or not (macro.body in NO_FUNCTION or is_hook_twin(twin)):
            line = self.file.line_of(mention.start)
            raise Declined("second-caller", f"a macro is called {name}, too", line=line)
        yield from _change(mention, name, new)
        if twin is not None:
            at = macro.body_start + macro.raw_body.index(macro.body.encode("latin-1"))
            self.group.twins.add(twin.name)
            yield Change(at, at + len(macro.body), twin.name)

    def _called_by_group(self, mention: Mention, name: str) -> bool:
        """Tell whether a function of the group calls a helper there."""
        if name not in self.group.called:
            return False
        for function in self.group.functions():
            if function.source is not self.file:
                continue
            for call in calls_in(function.body, name):
                at = call.child_by_field_name("function")
                if at is not None and at.start_byte == mention.start:
                    return True
        return False

    def _forward(self, changes: list[Change]) -> Iterator[Change]:
        """Yield the change of a forward declaration that a header's prototypes rely on."""
        old = _FORWARD.search(self.file.text)
        retyped = any("struct vm_area_desc" in change.new for change in changes)
        if old is None or not retyped or _FORWARD_NEW.search(self.file.text):
            return
        left = self.file.code.count(b"struct vm_area_struct")
        left -= sum(
            self.file.code.count(b"struct vm_area_struct", change.start, change.end)
            for change in changes
        )
        kept = "" if left == 1 else "\n" + old[0].decode("latin-1")
        yield Change(old.start(), old.end(), "struct vm_area_desc;" + kept)


def renamings(
    group: Group, functions: list[Function]
) -> tuple[dict[str, SourceFile], dict[str, list[Change]], Declined | None]:
    """Return the files that name what changes, the renamings by file, and what can't follow.

    That is said after what keeps the functions themselves from being converted: it can be helped.
    """
    files = {file.name: file for name in group.names for file in group.users(name)}
    asking = inner.renamed(group.inner, functions)
    files |= {name: group.program.open(name) for name in asking}
    found: dict[str, list[Change]] = {}
    unfollowed = None
    for name, file in files.items():
        try:
            found[name] = Renamings(file, group).changes() + asking.get(name, [])
        except Declined as declined:
            found[name] = []
            unfollowed = unfollowed or declined
    return files, found, unfollowed


def _change(mention: Mention, name: str, new: str) -> Iterator[Change]:
    if new != name:
        yield Change(mention.start, mention.end, new)


def twins_in_comments(function: Function) -> list[Change]:
    """Return changes of a function's comments that name a kernel's hook which it calls."""
    called = {callee(call) or "" for call in calls_in(function.body)}
    return [
        Change(mention.start, mention.end, TWINS[name].name)
        for name in called
        if is_hook_twin(TWINS.get(name))
        for mention in mentions(function.source, name)
        if mention.comment and function.body.start_byte <= mention.start < function.body.end_byte
    ]
