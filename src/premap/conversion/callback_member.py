# SPDX-License-Identifier: GPL-2.0-only
"""The member of the structure that a subsystem's hooks are named by, and the twin beside it (H10).

The twin has the member's parameters, a descriptor in place of the VMA; kernel-doc gets an entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from premap.conversion.callback import Callback
from premap.csource import regions
from premap.csource.heads import Parameter, parameters_of
from premap.csource.includes import closure
from premap.csource.nodes import find_all, parse
from premap.csource.source import SourceFile
from premap.csource.tree import KernelTree
from premap.idioms import r2_signature
from premap.idioms.idiom import Declined
from premap.idioms.lists import wrapped
from premap.idioms.r1_table import advance, filler
from premap.records import Edit

VMA_TYPE = "struct vm_area_struct *"
_DESC = re.compile(rb"^struct[ \t]+vm_area_desc\b[ \t]*[;{]", re.MULTILINE)
_FORWARD = re.compile(rb"^struct[ \t]+vm_area_struct[ \t]*;", re.MULTILINE)
_POINTER = re.compile(rb"\bint\s*\(\s*\*\s*(\w+)\s*\)\s*\(")
_COMMENT_BEFORE = re.compile(rb"/\*(?:[^*]|\*(?!/))*\*/\s*\Z")
_DOC_BEFORE = re.compile(rb"/\*\*\s(?:[^*]|\*(?!/))*\*/\s*\Z")


class Member(Struct, frozen=True, eq=False):
    """`int (*mmap)(..., struct vm_area_struct *vma);` in the definition of its structure."""

    source: SourceFile
    struct_start: int
    """Byte offset of the word `struct` of the definition."""
    start: int
    """Byte offset of the declaration's first byte."""
    end: int
    """Byte offset after its semicolon."""
    parameters: tuple[Parameter, ...]
    twin: Member | None = None
    """A member of the twin's name, where the structure has one already."""
    rival: str | None = None
    """Another member with the same parameters, whose twin that may be."""
    beside_mmap: bool = False
    """Whether the structure has a member `mmap`, which this is not."""

    @property
    def has_its_twin(self) -> bool:
        """Whether the twin that is there takes what this takes, a descriptor for the VMA."""
        if self.twin is None:
            return False
        wanted = [each.type_text for each in self.parameters]
        wanted[self.vma] = r2_signature.PARAMETER_TYPE
        return [each.type_text for each in self.twin.parameters] == wanted

    @property
    def vma(self) -> int:
        """Which of the parameters is the VMA, counted from 0."""
        return next(i for i, each in enumerate(self.parameters) if each.type_text == VMA_TYPE)


def find(callback: Callback, tree: KernelTree) -> Member:
    """Return the member's declaration. Raises Declined where there is none of that kind."""
    structs = [
        (source, brace)
        for source in map(tree.open, tree.search.mentioning(callback.tag, ""))
        for brace in regions.struct_braces(source, "struct", callback.tag)
    ]
    if not structs:
        raise Declined("callback-unknown", f"{callback.ops} is not defined in the tree")
    found = [each for source, brace in structs for each in _members(source, brace, callback.member)]
    if len(structs) > 1 or len(found) != 1:
        raise Declined("callback-unknown", _why_none(callback, structs, len(found)))
    member = found[0]
    if sum(each.type_text == VMA_TYPE for each in member.parameters) != 1:
        raise Declined("callback-unknown", f"{callback} does not take one VMA")
    source, brace = structs[0]
    twins = _members(source, brace, callback.twin, any_type=True)
    return replace(
        member,
        twin=twins[0] if twins else None,
        rival=_rival(member, callback, source, brace),
        beside_mmap=callback.member != "mmap" and bool(_members(source, brace, "mmap")),
    )


def _rival(member: Member, callback: Callback, source: SourceFile, brace: int) -> str | None:
    """Return the name of another member that takes the same."""
    body = source.code[brace : source.closing(brace) or brace]
    names = {match[1].decode() for match in _POINTER.finditer(body)} - {callback.member}
    wanted = [each.type_text for each in member.parameters]
    for name in sorted(names):
        for other in _members(source, brace, name):
            if [each.type_text for each in other.parameters] == wanted:
                return name
    return None


def _why_none(callback: Callback, structs: list[tuple[SourceFile, int]], count: int) -> str:
    if len(structs) > 1:
        return f"{callback.ops} is defined {len(structs)} times"
    source, brace = structs[0]
    if count:
        return f"{callback.ops} has {count} members {callback.member}"
    missing = f"{callback.ops} has no member `int (*{callback.member})(...)`"
    twin = _members(source, brace, callback.twin, any_type=True)
    return f"{missing}; it has {callback.twin}: nothing is left to convert" if twin else missing


def _members(source: SourceFile, brace: int, name: str, *, any_type: bool = False) -> list[Member]:
    """Return the function pointers of that name in the structure whose brace is at `brace`."""
    close = source.closing(brace) or brace
    head = source.code.rfind(b"struct", 0, brace)
    kind = rb"\w[\w\s*]*?" if any_type else rb"int\s*"
    pattern = re.compile(rb"\b%b\(\s*\*\s*%b\s*\)\s*\(" % (kind, re.escape(name.encode())))
    found = []
    for match in pattern.finditer(source.code, brace, close):
        end = source.code.find(b";", match.end(), close) + 1
        found.append(Member(source, head, match.start(), end, _parameters(source, match[0], end)))
    return found


def _parameters(source: SourceFile, head: bytes, end: int) -> tuple[Parameter, ...]:
    start = source.code.rfind(head, 0, end)
    root = parse(source.text[start:end])
    declarators = [
        node
        for node in find_all(root, "function_declarator")
        if node.child_by_field_name("parameters") is not None
    ]
    return parameters_of(declarators[0]) if declarators else ()


def edits(member: Member, callback: Callback, tree: KernelTree) -> list[Edit]:
    """Return the edits of the header: the twin, its documentation, what it needs declared."""
    found = [_twin(member, callback)]
    found += _structure_doc(member, callback)
    found += _forward(member, tree)
    return found


def retyped(member: Member, callback: Callback, tree: KernelTree) -> list[Edit]:
    """Return the edits of the header by which the member itself takes a descriptor (H12)."""
    source = member.source
    line = source.line_start(member.start)
    found = [Edit(source.name, line, member.end, _declaration(member, callback).encode())]
    found += _renamed_docs(member, callback)
    found += _forward(member, tree)
    return found


def _renamed_docs(member: Member, callback: Callback) -> Iterator[Edit]:
    """Yield the changes of kernel-doc that names the member."""
    source = member.source
    entry = re.compile(rb"@%b\b(?=[ \t]*:|\b)" % re.escape(callback.member.encode()))
    brace = source.code.find(b"{", member.struct_start)
    close = source.closing(brace) or brace
    before = source.text[: member.struct_start]
    before = re.sub(rb"(?:\w[\w ]*)?\Z", b"", before)
    opened = before.rfind(b"/**")
    commented = opened >= 0 and _DOC_BEFORE.fullmatch(before, opened) is not None
    for match in entry.finditer(source.text, opened if commented else brace, close):
        if not source.code[match.start() : match.end()].strip():
            yield Edit(source.name, match.start() + 1, match.end(), callback.twin.encode())


def _twin(member: Member, callback: Callback) -> Edit:
    source = member.source
    indent = source.text[source.line_start(member.start) : member.start].decode("latin-1")
    text = _declaration(member, callback)
    at = source.text.find(b"\n", member.end)
    return Edit(source.name, at, at, ("\n" + _own_doc(member, callback, indent) + text).encode())


def _declaration(member: Member, callback: Callback) -> str:
    """Return the line or lines that declare the twin, as the member is declared."""
    source = member.source
    line = source.line_start(member.start)
    indent = source.text[line : member.start].decode("latin-1")
    old = source.text[member.start : member.end].decode("latin-1")
    name = old.index(callback.member, old.index("*"))
    opening = old.index("(", name)
    head = _aligned(indent + old[: name + len(callback.member)], old, opening, callback)
    listed = [declared(each, i == member.vma) for i, each in enumerate(member.parameters)]
    return wrapped(head, listed) + ";"


def _aligned(head: str, old: str, opening: int, callback: Callback) -> str:
    """Return what stands before the twin's parameters, which begin in the member's column."""
    before = head.removesuffix(callback.member)
    closing = old.rindex(")", 0, opening)
    gap = old[closing + 1 : opening]
    column = advance(head + ")" + gap, 0)
    new = f"{before}{callback.twin}{old[len(head.lstrip()) : closing + 1]}"
    return new + filler(gap, advance(new, 0), column)


def declared(parameter: Parameter, is_vma: bool) -> str:  # noqa: FBT001  one word of the list
    """Return a parameter as it is declared, the VMA as a descriptor."""
    if is_vma:
        return r2_signature.PARAMETER if parameter.name else r2_signature.PARAMETER_TYPE
    text = " ".join((parameter.node.text or b"").decode("latin-1").split())
    return re.sub(r"\* +(?=\w)", "*", text)


def _own_doc(member: Member, callback: Callback, indent: str) -> str:
    """Return the kernel-doc comment of the twin, where the member has one of its own."""
    before = member.source.text[: member.start]
    opened = before.rfind(b"/*")
    if opened < 0 or _DOC_BEFORE.fullmatch(before, opened) is None:
        return ""
    if b"@%b:" % callback.member.encode() not in before[opened:]:
        return ""
    lines = (
        "/**",
        f" * @{callback.twin}:",
        " *",
        f" * Like @{callback.member}, but gets a descriptor of the mapping, which is",
        " * applied afterwards. Set only one of the two.",
        " */",
    )
    return "\n" + "".join(f"{indent}{line}\n" for line in lines)


def _structure_doc(member: Member, callback: Callback) -> Iterator[Edit]:
    """Yield the entry for the twin in the structure's kernel-doc comment, after the member's."""
    before = member.source.text[: member.struct_start]
    before = re.sub(rb"(?:\w[\w ]*)?\Z", b"", before)
    opened = before.rfind(b"/**")
    if opened < 0 or _DOC_BEFORE.fullmatch(before, opened) is None:
        return
    text = before[opened:].decode("latin-1")
    entry = re.search(
        rf"(?m)^(?P<lead>[ \t]*\*[ \t]*)@{re.escape(callback.member)}(?P<gap>[ \t]*:[ \t]*).*\n"
        r"(?:[ \t]*\*[ \t]+[^@\s/].*\n)*",
        text,
    )
    if entry is None:
        return
    lead = entry["lead"]
    new = (
        f"{lead}@{callback.twin}: Like @{callback.member}, with a descriptor of the mapping;\n"
        f"{lead.rstrip()}\tset only one of the two\n"
    )
    yield Edit(member.source.name, opened + entry.end(), opened + entry.end(), new.encode())


def _forward(member: Member, tree: KernelTree) -> Iterator[Edit]:
    """Yield the declaration of the descriptor's type, where the header does not see one."""
    source = member.source
    if any(_DESC.search(file.text, 0, _limit(file, member)) for file in closure(source, tree)):
        return
    old = _FORWARD.search(source.text, 0, member.struct_start)
    at = old.start() if old is not None else _before_structure(member)
    gap = b"" if old is not None else b"\n"
    yield Edit(source.name, at, at, b"struct vm_area_desc;\n" + gap)


def _limit(file: SourceFile, member: Member) -> int:
    return member.struct_start if file is member.source else len(file.text)


def _before_structure(member: Member) -> int:
    """Return where the structure begins, with the comment before it."""
    source = member.source
    at = source.line_start(member.struct_start)
    before = source.text[:at]
    opened = before.rfind(b"/*")
    commented = opened >= 0 and _COMMENT_BEFORE.fullmatch(before, opened) is not None
    return source.line_start(opened) if commented else at
