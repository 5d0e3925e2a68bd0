# SPDX-License-Identifier: GPL-2.0-only
"""Applies the idioms to one function: every use of the VMA and of the file finds exactly one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from tree_sitter import Node

from premap.conversion.leftovers import left_over
from premap.csource.nodes import callee, find_all, text_of, unwrapped, walk
from premap.idioms import (
    IDIOMS,
    a7_part,
    a8_kernel_pages,
    f11_vm_file,
    population,
    r2_signature,
    returned,
    s1_mapped,
)
from premap.idioms.idiom import DESC, Declined, Hook, Idiom, Piece, Pieces
from premap.idioms.messages import is_by_name, message_of
from premap.idioms.population import Site


class Change(Struct, frozen=True):
    """Characters [start, end) of the file become `new`."""

    start: int
    end: int
    new: str


def _by_type() -> dict[str, list[Idiom]]:
    found: dict[str, list[Idiom]] = {}
    for idiom in IDIOMS:
        for type_ in idiom.types:
            found.setdefault(type_, []).append(idiom)
    return found


_IDIOMS_BY_TYPE = _by_type()


class Rewriter:
    """Turns one function's uses of its VMA into uses of a descriptor."""

    def __init__(self, hook: Hook) -> None:
        self.hook = hook
        self.applied: set[str] = set()
        """Ids of the idioms that were used."""
        self.actions: dict[str, set[str]] = {}
        """What each function that populates the mapping became."""
        self._sites = {site.statements[0].id: site for site in population.sites(hook)}
        population.check_helpers(hook)
        self._gone: dict[int, Node] = {}
        for site in self._sites.values():
            for node in (*site.statements[1:], *site.moved):
                self._gone[node.id] = node
        self._run_ends: dict[int, Node] = {}
        """The last of the taking or allocating statements that one begins a run of (S2, S4)."""
        moved = (*hook.taken, *hook.allocated)
        for node in moved:
            before = node.prev_named_sibling
            if before is None or before not in moved:
                first = node
            else:
                self._gone[node.id] = node
            self._run_ends[first.id] = node

    def body(self) -> list[Change]:
        """Yield the changes of the function's body, in order. Raises Declined."""
        changes = list(self._changes(self.hook.function.body))
        return sorted(changes, key=lambda change: (change.start, change.end))

    def _changes(self, node: Node) -> Iterator[Change]:
        """Yield the changes within a node, in the order of the text."""
        if node.id in self._gone:
            return
        if node.id in self._sites:
            yield from self._site(self._sites[node.id])
            return
        if (gone := self._left_out(node)) is not None:
            self.applied.add(gone)
            yield self._removed(node, self._run_ends.get(node.id, node))
            return
        if node == self.hook.answer:
            yield from self._between(node.start_byte, node.end_byte, "return 0;")
            return
        if node.type == "return_statement" and (change := self._known_zero(node)):
            yield change
            return
        pieces = self._pieces(node)
        if pieces is not None:
            yield from self._placed(node, pieces)
            return
        if node.type == "identifier" and text_of(node) == self.hook.vma:
            raise left_over(node, self.hook)
        for child in node.children:
            yield from self._changes(child)

    def _left_out(self, node: Node) -> str | None:
        """Return the idiom by which a statement goes, if it does."""
        if s1_mapped.opens(node, self.hook):
            return "S1"
        if node in self.hook.taken:
            return "S2"
        if node in self.hook.allocated:
            return "S4"
        return "F11" if f11_vm_file.puts(node, self.hook) else None

    def _pieces(self, node: Node) -> Pieces | None:
        for idiom in _IDIOMS_BY_TYPE.get(node.type, ()):
            if idiom.rewrite is None:
                continue
            pieces = idiom.rewrite(node, self.hook)
            if pieces is not None:
                self.applied.add(idiom.id)
                return pieces
        return None

    def _placed(self, node: Node, pieces: Pieces) -> Iterator[Change]:
        """Yield what puts `pieces` in place of a node; nodes among them stay where they are."""
        at = node.start_byte
        text = ""
        for piece in pieces:
            if isinstance(piece, str):
                text += piece
                continue
            yield from self._between(at, piece.start_byte, text)
            yield from self._changes(piece)
            at, text = piece.end_byte, ""
        yield from self._between(at, node.end_byte, text)

    def _between(self, start: int, end: int, text: str) -> Iterator[Change]:
        old = self.hook.between(start, end)
        if old != text:
            # Kept as small as can be: the layout looks for parentheses that stay.
            same = _common(old, text)
            old, text = old[same:], text[same:]
            tail = _common(old[::-1], text[::-1])
            yield Change(start + same, end - tail, text[: len(text) - tail])

    def rendered(self, node: Node) -> str:
        """Return the text of a node with the idioms applied."""
        text = ""
        at = node.start_byte
        for change in self._changes(node):
            text += self.hook.between(at, change.start) + change.new
            at = change.end
        return text + self.hook.between(at, node.end_byte)

    def _note_mmu(self, site: Site) -> None:
        """Say that an action needs an MMU, once a function, unless its arm is for such kernels."""
        function = self.hook.function
        if "!defined(CONFIG_MMU)" in function.arms:
            message = "this arm is for kernels without an MMU, which perform no action"
            raise Declined("no-mmu", message, site.call)
        told = any(note.id == "needs-mmu" for note in self.hook.notes)
        if not told and "defined(CONFIG_MMU)" not in function.arms:
            message = "kernels without an MMU can't perform actions"
            self.hook.note("needs-mmu", message, site.call)

    def _site(self, site: Site) -> Iterator[Change]:
        """Yield what makes an action of a population's statements, and puts others first."""
        first, last = site.statements[0], site.statements[-1]
        indent = self.hook.indent(first)
        lines: list[Piece] = []
        action = _one_line(self._action(site))
        self.actions.setdefault(callee(site.call) or "", set()).add(action.partition("(")[0])
        lines += [self._moved(each) for each in site.moved if each not in site.told]
        lines += self._bounds(site)
        lines += [self._moved(each) for each in site.told]
        self._note_mmu(site)
        self._note_failure(site)
        lines.append(f"{action};")
        if site.errno is not None:
            lines.append(self._override(site))
        if site.returns:
            lines.append("return 0;")
        text = f"\n{indent}".join(str(line) for line in lines)
        branch = self.hook.parent(first) if len(lines) > 1 else None
        if branch is not None and branch.type in {"if_statement", "else_clause"}:
            opening, closing = self._braces(branch)
            yield opening
            text += closing
        start = first.start_byte
        if self._ends_declarations(first):
            start = self.hook.function.source.line_start(start)
            text = f"\n{indent}{text}"
        yield Change(start, last.end_byte, text)
        for statement in site.moved:
            yield self._removed(statement)

    def _ends_declarations(self, statement: Node) -> bool:
        """Tell whether a declaration stands on the line before one that becomes a statement."""
        before = statement.prev_named_sibling
        return (
            statement.type == before.type == "declaration"
            and before.end_point[0] == statement.start_point[0] - 1
            if before is not None
            else False
        )

    def _moved(self, statement: Node) -> str:
        """Return what a statement becomes that has to come before the action."""
        self.applied.add("A6")
        self._gone.pop(statement.id)
        text = self.rendered(statement)
        self._gone[statement.id] = statement
        return text

    def _bounds(self, site: Site) -> Iterator[Piece]:
        """Yield the check that the old function made and the action does not."""
        pieces = a8_kernel_pages.bounds(site.call)
        if pieces is not None:
            condition = "".join(p if isinstance(p, str) else self.rendered(p) for p in pieces)
            if self._is_checked(_one_line(condition), site):
                return
            outside = self.hook.indent(site.statements[0])
            inner = f"\n{outside}\t"
            told = "".join(f"{inner}{self._told(each, site)}" for each in site.dropped)
            opening, closing = (" {", f"\n{outside}}}") if told else ("", "")
            left = f"{inner}return -{site.errno or a8_kernel_pages.ERRNO};{closing}\n"
            yield f"if ({_one_line(condition)}){opening}{told}{left}"

    def _told(self, message: Node, site: Site) -> str:
        """Return a message about a failure as it is where the range is refused."""
        named = [n for n in find_all(message, "identifier") if text_of(n) == site.result]
        changes = [*self._changes(message)]
        for node in named:
            if any(each.start < node.end_byte and node.start_byte < each.end for each in changes):
                raise Declined("population-result-used", f"`{site.result}` is used again", node)
            changes.append(Change(node.start_byte, node.end_byte, f"-{a8_kernel_pages.ERRNO}"))
        return applied(self.hook, message.start_byte, message.end_byte, changes)

    def _is_checked(self, condition: str, site: Site) -> bool:
        """Tell whether the statement right before leaves the function under this condition."""
        before = site.statements[0].prev_named_sibling
        while before is not None and before.type == "comment":
            before = before.prev_named_sibling
        if before is None or before.type != "if_statement":
            return False
        tested, body = (before.child_by_field_name(name) for name in ("condition", "consequence"))
        while (
            body is not None and body.type == "compound_statement" and body.named_child_count == 1
        ):
            body = body.named_children[0]
        if tested is None or body is None or body.type != "return_statement":
            return False
        sides = unwrapped(tested)
        return _one_line(self.rendered(sides)) == condition

    def _note_failure(self, site: Site) -> None:
        """Say what is different where the population fails."""
        if site.ignored:
            self._note_ignored(site)
        elif len(site.statements) > 1 or site.statements[0].type == "if_statement":
            self.applied.add("A3")
        if site.dropped:
            message = "its message about a failed mapping goes"
            self.hook.note("message-dropped", message, site.dropped[0])
        if site.told:
            message = "it is logged before the pages are mapped, also if that then fails"
            self.hook.note("message-earlier", message, site.told[0])
        for statement in (*site.dropped, *site.told):
            call = message_of(statement)
            if call is not None and is_by_name(call, self.hook.function.source):
                message = f"{callee(call)}() is taken to write to the log alone"
                self.hook.note("message-by-name", message, statement)

    def _action(self, site: Site) -> str:
        for idiom in _IDIOMS_BY_TYPE["call_expression"]:
            pieces = idiom.rewrite(site.call, self.hook) if idiom.rewrite else None
            if pieces is not None:
                self.applied.add(idiom.id)
                return "".join(p if isinstance(p, str) else self.rendered(p) for p in pieces)
        raise left_over(site.call, self.hook)

    def _override(self, site: Site) -> str:
        if not self.hook.override:
            raise Declined(
                "errno-in-compat",
                f"a failure to map becomes -{site.errno}, which what calls the twin does not do",
                site.call,
            )
        if not self.hook.release.error_override:
            raise Declined(
                "release-lacks-error-override",
                f"{self.hook.release.name} can't turn an action's error into -{site.errno}",
                site.call,
            )
        ranged = callee(site.call) == "vm_iomap_memory" or a7_part.maps_part(site.call, self.hook)
        if ranged and site.errno != "EINVAL":
            raise Declined(
                "errno-of-range",
                "error_override does not cover the check of the range, which is -EINVAL",
                site.call,
            )
        return f"{DESC}->action.error_override = -{site.errno};"

    def _note_ignored(self, site: Site) -> None:
        self.applied.add("A2")
        self.hook.note(
            "failure-now-fails",
            "the result was ignored; a failure to map now fails the mmap()",
            site.call,
        )

    def _braces(self, branch: Node) -> tuple[Change, str]:
        """Return what opens the braces that an `if` needs now, and what closes them."""
        condition = branch.child_by_field_name("condition")
        above = self.hook.parent(branch)
        chained = above is None or above.type == "else_clause"
        if condition is None or chained or branch.child_by_field_name("alternative") is not None:
            raise Declined("needs-braces", "several statements stand where one was", branch)
        opening = Change(condition.end_byte, condition.end_byte, " {")
        return opening, f"\n{self.hook.indent(branch)}}}"

    def _known_zero(self, node: Node) -> Change | None:
        """`return ret;`, where ret is the result of a population that succeeded.

        Raises Declined where another path comes here with another value.
        """
        ending = [
            site
            for site in self._sites.values()
            if site.last_return is not None and site.last_return.id == node.id
        ]
        if not ending:
            return None
        if returned.is_zero(node, ending, self.hook):
            return Change(node.start_byte, node.end_byte, "return 0;")
        raise Declined(
            "code-after-population", f"`{ending[0].result}` is returned from several paths", node
        )

    def _removed(self, node: Node, last: Node | None = None) -> Change:
        """Return the change that takes a statement, or those up to `last`, and its lines away."""
        source = self.hook.function.source
        start = source.line_start(node.start_byte)
        end = (last or node).end_byte
        while end < len(source.text) and source.text[end : end + 1] in b" \t\r":
            end += 1
        if source.text[end : end + 1] == b"\n":
            end += 1
            if source.text[:start].endswith(b"\n\n") and source.text[end : end + 1] == b"\n":
                end += 1
            return Change(start, end, "")
        return Change(node.start_byte, end, "")


def signature(hook: Hook, new_name: str, *, is_hook: bool) -> Iterator[Change]:
    """Yield the changes of a function's name and parameters."""
    name = hook.function.name_node
    if text_of(name) != new_name:
        yield Change(name.start_byte, name.end_byte, new_name)
    if is_hook:
        listed = parameter_list(name, hook)
        vma = next(p.node for p in hook.function.parameters if p.name == hook.vma)
        new = r2_signature.parameters(hook.text(listed), hook.text(vma))
        yield Change(listed.start_byte, listed.end_byte, new)
        return
    for parameter in hook.function.parameters:
        if parameter.name == hook.vma:
            node = parameter.node
            yield Change(node.start_byte, node.end_byte, r2_signature.PARAMETER)


def parameter_list(name: Node, hook: Hook) -> Node:
    """Return the parameter_list that belongs to a function's name."""
    declarator = hook.parent(name)
    listed = None if declarator is None else declarator.child_by_field_name("parameters")
    if listed is None:
        raise AssertionError(hook.function.name)
    return listed


def preprocessed(hook: Hook) -> Iterator[Node]:
    """Return the `#if` parts within the function."""
    return (node for node in walk(hook.function.body) if node.type.startswith("preproc_if"))


def applied(hook: Hook, start: int, end: int, changes: Iterable[Change]) -> str:
    """Return the file's text from byte `start` to byte `end` with those of `changes` in it made.

    What would overlap an earlier change is left out.
    """
    text = ""
    at = start
    for change in sorted(changes, key=lambda change: (change.start, change.end)):
        if change.start >= at and change.end <= end:
            text += hook.between(at, change.start) + change.new
            at = change.end
    return text + hook.between(at, end)


def _common(left: str, right: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(left), len(right)))


def _one_line(text: str) -> str:
    return " ".join(text.split())
