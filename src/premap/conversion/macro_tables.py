# SPDX-License-Identifier: GPL-2.0-only
"""Macros that set a subsystem's member: `#define BUF_DEFAULT_OPS .mmap = buf_mmap` (H10).

The dispatcher looks at the twin first. So a macro may set it where it set the member if, in every
table that it is put into, nothing else sets one of the two. Code that gives such a table another
member at run time takes the twin away.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator

from tree_sitter import Node

from premap.conversion import assigned
from premap.conversion.program import Program
from premap.csource.errors import SourceError
from premap.csource.handlers import Entry, entries_of, find_sites
from premap.csource.nodes import text_of
from premap.csource.scope import Scope
from premap.csource.source import Macro, SourceFile
from premap.csource.text import never_together
from premap.csource.tree import KernelTree
from premap.idioms.idiom import Declined, within
from premap.idioms.r1_table import TAB, advance, filler
from premap.records import Edit, Handler, Note

_DESIGNATED = re.compile(r"\.\s*(\w+)|\[")
_MACRO = re.compile(r"(\w+)(?:\s*\(.*\))?")
_CONTINUED = re.compile(rb"[^\n\\]*?([ \t]*)\\\r?\n")


def edits(sites: Iterable[tuple[SourceFile, Handler]], program: Program) -> Iterator[Edit]:
    """Yield what tables need that these sites' macros are put into, beside the macros' own edits.

    Raises Declined unless every entry that is in a macro may set the twin.
    """
    for file, site in sites:
        if site.in_macro is not None:
            with within(file):
                yield from _edits(site, file, program)


def notes(site: Handler) -> tuple[Note, ...]:
    """Return what a reviewer should know where a macro sets the member."""
    if site.in_macro is None:
        return ()
    message = f"all tables that the macro {site.in_macro} is put into get the hook"
    return (Note("set-by-macro", message, site.line),)


def check_assigned(site: Handler, source: SourceFile, program: Program) -> None:
    """Raise Declined for an assignment of a member that the table has from a macro, too."""
    if program.tree is None or site.table is None or not assigned.is_assigned(site, source):
        return
    uses, scope = _Uses(program, program.tree), Scope(source, program.tree)
    for name in sorted(_words_in(site.table, source)):
        if not uses.may_set(name, scope):
            continue
        if any(entry.table == site.table for entry in entries_of(source, scope, name)):
            message = f"{site.table} has the member from the macro {name}, too"
            raise Declined("table-assigned", message, line=site.line)


def _words_in(table: str, source: SourceFile) -> set[str]:
    """Return the words in what a variable of the file is initialized with."""
    found: set[str] = set()
    for declaration in source.declarations():
        for declarator in declaration.children_by_field_name("declarator"):
            value = declarator.child_by_field_name("value")
            if value is not None and table in text_of(declarator).partition("=")[0].split():
                found.update(re.findall(r"(?<![.\w>])[A-Za-z_]\w*", text_of(value)))
    return found


def check_plain(site: Handler, file: SourceFile, program: Program) -> None:
    """Raise Declined for a site in a macro that is no entry with a function of its own."""
    macro = file.macro_at(site.start)
    plain = file.text[site.start : site.start + 1] == b"." and site.name.isidentifier()
    if macro is None or program.callback.is_file_operation or program.alone or not plain:
        raise _declined(site, f"the macro {site.in_macro} defines the table")
    if site.name in (macro.parameters or ()):
        raise _declined(site, f"who uses the macro {macro.name} says what is called")


def _edits(site: Handler, file: SourceFile, program: Program) -> tuple[Edit, ...]:
    check_plain(site, file, program)
    macro = file.macro_at(site.start)
    if program.tree is None or macro is None:
        raise AssertionError(site.in_macro)
    uses = _Uses(program, program.tree)
    key = ("macro table", file.name, str(macro.start), str(program.callback), program.callback.twin)
    found = program.tree.once(key, lambda: uses.found(macro, site))
    if isinstance(found, Declined):
        raise found.again()
    return found


def edited(site: Handler, file: SourceFile, new: str) -> Edit:
    """Return the edit of an entry in a macro: a backslash behind it stays in its column."""
    old_end = site.end
    start = file.line_start(site.start)
    column = advance(file.text[start : site.start].decode("latin-1"), 0)
    behind = _CONTINUED.match(file.text, old_end)
    if behind is None or not behind[1]:
        return Edit(file.name, site.start, old_end, new.encode("latin-1"))
    old = file.text[site.start : behind.start(1)].decode("latin-1")
    text = new + file.text[old_end : behind.start(1)].decode("latin-1")
    gap = behind[1].decode("latin-1")
    wanted = advance(old + gap, column)
    aligned = "\t" in gap or wanted % TAB == 0
    end = behind.end(1)
    between = filler(gap, advance(text, column), wanted) if aligned else gap
    return Edit(file.name, site.start, end, (text + between).encode("latin-1"))


def _declined(site: Handler, message: str) -> Declined:
    return Declined("macro-table", message, line=site.line)


class _Uses:
    """Looks at all tables that a macro is put into."""

    def __init__(self, program: Program, tree: KernelTree) -> None:
        self.tree = tree
        self.callback = program.callback
        self._members = {program.callback.member, program.callback.twin}
        names = "|".join(map(re.escape, sorted(self._members)))
        self._sets = re.compile(rf"\.\s*(?:{names})\b\s*=(?!=)")

    def found(self, macro: Macro, site: Handler) -> Declined | tuple[Edit, ...]:
        """Return why a macro's entry can't become one of the twin; else what tables need then."""
        try:
            return tuple(self._found(macro, site))
        except Declined as declined:
            return declined

    def _found(self, macro: Macro, site: Handler) -> Iterator[Edit]:
        with within(macro.source):
            self._check_body(macro, site)
        if site.ops == self.callback.ops:
            return  # the macro has the whole table
        tables: dict[str, tuple[SourceFile, set[str | None]]] = {}
        waiting, seen = [macro.name], {macro.name}
        while waiting:
            name = waiting.pop()
            for source, entry in self._places(name):
                with within(source):
                    self._check_entry(entry, name, source)
                    user = None if entry.user is None else entry.user.name
                    if user is not None and user not in seen:
                        seen.add(user)
                        waiting.append(user)
                    if user is None:
                        tables.setdefault(source.name, (source, set()))[1].add(entry.table)
        for source, named in tables.values():
            with within(source):
                yield from self._taken_away(source, named)

    def _check_body(self, macro: Macro, site: Handler) -> None:
        if len(self._sets.findall(macro.body)) != 1:
            raise _declined(site, f"the macro {macro.name} sets several such members")
        scope = Scope(macro.source, self.tree)
        for word in dict.fromkeys(re.findall(r"[A-Za-z_]\w*", macro.body)):
            if word != macro.name and self.may_set(word, scope):
                raise _declined(site, f"{word} may set such a member, too")

    def _places(self, name: str) -> Iterator[tuple[SourceFile, Entry]]:
        for file in self.tree.search.everywhere(name):
            try:
                source = self.tree.open(file)
            except SourceError as error:
                raise Declined("macro-table", f"{file}, which uses {name}: {error}") from error
            for entry in entries_of(source, Scope(source, self.tree), name):
                yield source, entry

    def _check_entry(self, entry: Entry, name: str, source: SourceFile) -> None:
        """Raise Declined unless the macro fills a table of the kind, and it alone the member."""
        typed = entry.ops == self.callback.ops or (entry.ops == "?" and entry.user is not None)
        if entry.beside is None or not typed:
            message = f"the macro {name} is put into something else than a {self.callback.ops}"
            raise Declined("macro-table", message, line=entry.line)
        scope = Scope(source, self.tree)
        for text, arms in entry.beside:
            if _name_of(text) == name or never_together(arms, entry.arms):
                continue
            if self._conflicts(text, scope):
                message = f"`{text[:40]}` may set the member beside the macro {name}"
                raise Declined("macro-table", message, line=entry.line)

    def _conflicts(self, entry: str, scope: Scope) -> bool:
        """Tell whether an entry may set the member: by name, or as a macro that is not known."""
        designated = _DESIGNATED.match(entry)
        if designated is not None:
            return designated[1] is None or designated[1] in self._members
        name = _name_of(entry)
        return name is None or not scope.macro(name) or self.may_set(name, scope)

    def may_set(self, name: str, scope: Scope) -> bool:
        """Tell whether a macro sets the member, or one that it uses."""
        return self._may_set(name, scope, set())

    def _may_set(self, name: str, scope: Scope, seen: set[str]) -> bool:
        if name in seen:
            return False
        seen.add(name)
        for macro in scope.macro(name):
            words = re.findall(r"[A-Za-z_]\w*", macro.body)
            if self._sets.search(macro.body) or any(self._may_set(w, scope, seen) for w in words):
                return True
        return False

    def _taken_away(self, source: SourceFile, tables: Container[str | None]) -> Iterator[Edit]:
        """Yield what clears the twin where a file sets the old member of such a table itself."""
        scope = Scope(source, self.tree)
        for site in find_sites(source, scope, sorted(self._members))[0]:
            known = site.table is not None and site.table not in tables
            if known or not assigned.is_assigned(site, source):
                continue
            if site.ops not in {self.callback.ops, "?"}:
                continue
            node = source.root.descendant_for_byte_range(site.start, site.end)
            statement = None if node is None else node.parent
            if site.table is None or None in tables or statement is None:
                message = f"this may set the member of a {self.callback.ops} that the macro fills"
                raise Declined("macro-table", message, line=site.line)
            yield self._cleared(site, statement, source)

    def _cleared(self, site: Handler, statement: Node, source: SourceFile) -> Edit:
        """Return the edit that clears the twin right after an assignment of the old member."""
        above = statement.parent
        if statement.type != "expression_statement" or above is None:
            raise _declined(site, "the member is set within an expression")
        at = source.line_start(statement.start_byte)
        indent = source.text[at : statement.start_byte].decode("latin-1")
        line = f"{site.table}.{self.callback.twin} = NULL;"
        end = statement.end_byte
        if above.type == "compound_statement" and not indent.strip():
            return Edit(source.name, end, end, f"\n{indent}{line}".encode("latin-1"))
        condition = above.child_by_field_name("condition")
        plain = above.type == "if_statement" and above.child_by_field_name("alternative") is None
        chained = above.parent is None or above.parent.type == "else_clause"
        if condition is None or not plain or chained or indent.strip():
            raise _declined(site, "the member is set where no other statement fits in")
        old = source.text[condition.end_byte : end].decode("latin-1")
        outer = source.text[source.line_start(above.start_byte) : above.start_byte]
        new = f" {{{old}\n{indent}{line}\n{outer.decode('latin-1')}}}"
        return Edit(source.name, condition.end_byte, end, new.encode("latin-1"))


def _name_of(entry: str) -> str | None:
    found = _MACRO.fullmatch(entry)
    return None if found is None else found[1]
