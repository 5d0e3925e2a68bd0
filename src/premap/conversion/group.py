# SPDX-License-Identifier: GPL-2.0-only
"""Which functions have to be converted together with a handler, in its file and in others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from msgspec import Struct
from tree_sitter import Node

from premap.conversion import inner, mapped, pasted, wrappers
from premap.conversion.callback import Callback
from premap.conversion.inner import Inner
from premap.conversion.mentions import mentions
from premap.conversion.program import Program, subsystem
from premap.csource.nodes import (
    arguments,
    callee,
    calls_in,
    find_all,
    identifiers_in,
    text_of,
    unwrapped,
)
from premap.csource.source import Function, SourceFile
from premap.idioms import flags, r1_table
from premap.idioms.h7_split import VALUES, core_name
from premap.idioms.idiom import Declined, within
from premap.idioms.population import POPULATIONS
from premap.idioms.twins import TWINS
from premap.records import Handler

VMA_TYPE = "struct vm_area_struct *"
FILE_TYPE = "struct file *"
CALLERS = {"struct drm_driver": "fops"}
"""Structures whose framework calls `->mmap` of a table itself, and the member that holds it."""
NO_FUNCTION = frozenset({"NULL", "0"})
"""What a member is set to that has no handler."""


class Along(Struct, frozen=True):
    """Why a function that the handler does not call has to be converted along with it."""

    helper: str
    """What both call."""
    hook: str
    """The other hook that calls it."""
    file: str
    line: int
    is_member: bool = False
    """Whether `helper` is a member that is set to the other hook (H12)."""


@dataclass(eq=False)
class Group:
    """Handlers, and the helpers that they share."""

    program: Program
    hooks: dict[str, str] = field(default_factory=dict)
    """Functions that tables name: old name to new name."""
    helpers: dict[str, str] = field(default_factory=dict)
    """Functions that they pass the VMA to: old name to new name."""
    defined: dict[str, list[Function]] = field(default_factory=dict)
    """Definitions of both, in every arm and file."""
    splits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Helpers that others call, too: what their cores take in place of the VMA."""
    twins: set[str] = field(default_factory=set)
    """Hooks of the kernel that stand in for one of them in another arm."""
    along: dict[str, Along] = field(default_factory=dict)
    """Functions that the handler does not call: they are here for a helper that they share."""
    inner: list[Inner] = field(default_factory=list)
    """Members of other structures that they pass the VMA on through, and that can follow (H12)."""
    shared: Declined | None = None
    """Why one of those can't be converted; said once the handler has no reason of its own."""

    def takes_desc_alone(self, name: str) -> bool:
        """Tell whether a function will have no other parameter than the descriptor."""
        if name not in self.hooks or not self.program.callback.is_file_operation:
            return False
        return not any(site.name == name for _, site in self.inner_sites())

    @property
    def names(self) -> dict[str, str]:
        """Both of them."""
        return {**self.helpers, **self.hooks}

    @property
    def called(self) -> dict[str, str]:
        """Those that others of the group may call.

        A subsystem's hook keeps its parameters, so that one may call another as a helper.
        """
        if not self.program.callback.is_file_operation:
            return self.names
        others = {site.name for _, site in self.inner_sites()}
        return self.helpers | {old: new for old, new in self.hooks.items() if old in others}

    @contextmanager
    def blamed(self, name: str) -> Iterator[None]:
        """Keep what is declined in the block for later, if the handler does not call `name`."""
        along = self.along.get(name)
        try:
            yield
        except Declined as declined:
            if along is None:
                raise
            self.shared = self.shared or declined_along(declined, along)

    def check_shared(self) -> None:
        """Raise Declined if a hook that has to follow can't."""
        if self.shared is not None:
            raise self.shared

    def functions(self) -> Iterator[Function]:
        """Every definition, in every arm; those that the handler calls itself come first."""
        for name in sorted(self.names, key=self.along.__contains__):
            yield from self.defined[name]

    def users(self, name: str) -> list[SourceFile]:
        """Files that may name a function of the group."""
        return self.program.users(name, self.defined[name][0].source)

    def tables(self, name: str) -> Iterator[tuple[SourceFile, Handler]]:
        """Sites that name a function, each with its file."""
        others = {each.callback.ops for each in self.inner}
        for file in self.users(name):
            for site in self.program.handlers(file):
                if site.name == name and site.ops not in others:
                    yield file, site
        yield from ((file, site) for file, site in self.inner_sites() if site.name == name)

    def inner_sites(self) -> Iterator[tuple[SourceFile, Handler]]:
        """Whatever sets the members of other structures that follow, each with its file."""
        for each in self.inner:
            yield from each.sites

    def callback_of(self, site: Handler) -> Callback:
        """Member that a site sets."""
        found = (each.callback for each in self.inner if each.callback.ops == site.ops)
        return next(found, self.program.callback)


def group_of(handler: Handler, program: Program) -> Group:
    """Return what has to be converted along with a handler. Raises Declined.

    What the handler itself calls comes first, so that it is declined for a reason of its own if it
    has one.
    """
    group = Group(program)
    _add(handler.name, program.source, group, far=True)
    if handler.name not in group.hooks:
        raise Declined("handler-elsewhere", f"the definition of {handler.name}() is not found")
    looked_at: set[str] = set()
    while more := [name for name in group.names if name not in looked_at]:
        looked_at.update(more)
        for name in more:
            _add_inner(name, group)
            if name in group.called:
                _add_callers(name, group)
    for each in group.inner:
        inner.check_callers(each, group.defined)
    for name in group.helpers:
        if group.shared is None and _is_shared(name, group):
            group.splits[name] = values_of(group.defined[name][0])
            group.helpers[name] = name
    for name, new in group.names.items():
        with group.blamed(name):
            if name not in group.splits:
                _check_rust(name, group)
            _check_name(name, core_name(name) if name in group.splits else new, group)
    return group


def _add(
    name: str, seen_from: SourceFile, group: Group, *, far: bool = False, along: Along | None = None
) -> None:
    """Add a function to the group, and all that it passes the VMA to. Raises Declined."""
    waiting = [(name, seen_from)]
    while waiting:
        function, file = waiting.pop(0)
        found = group.program.definitions(function, file, far=far and function == name)
        if function in group.names:
            _check_same(function, found, group)
        elif found:
            if along is not None:
                group.along[function] = along
            waiting += _added(function, found, group)


def _add_callers(name: str, group: Group) -> None:
    """Add the hooks that call a helper: they go along with it."""
    for caller, file in _hooks_that_call(name, group):
        along = group.along.get(name) or _along(name, caller, file)
        if caller not in group.names:
            group.along[caller] = along
        with group.blamed(caller):
            _add(caller, file, group, along=along)


def _add_inner(name: str, group: Group) -> None:
    """Add what the members are set to through which a function passes its VMA on."""
    known = {str(each.callback) for each in group.inner}
    for function in group.defined[name]:
        for each in inner.of(function, vma_parameter(function), group.program):
            if str(each.callback) in known:
                continue
            known.add(str(each.callback))
            group.inner.append(each)
            for file, site in each.sites:
                along = group.along.get(name) or Along(
                    str(each.callback), site.name, file.name, site.line, is_member=True
                )
                if site.name not in group.names:
                    group.along[site.name] = along
                with group.blamed(site.name):
                    _add(site.name, file, group, along=along)


def _along(helper: str, hook: str, file: SourceFile) -> Along:
    """Return why a hook has to follow when a helper that it calls changes."""
    return Along(helper, hook, file.name, file.functions[hook][0].line)


def declined_along(declined: Declined, along: Along) -> Declined:
    """Return the reason not to convert a handler that shares a helper with one that can't be."""
    where = f"{declined.file or along.file}:{declined.line or along.line}"
    if along.is_member:
        message = f"{along.helper} is given the VMA, and {along.hook}(), which is set as that at"
        message += f" {along.file}:{along.line}, can't follow: {where}: {declined.message}"
        return Declined("member-call", f"{message} [{declined.id}]")
    return Declined(
        "shared-helper",
        f"{along.helper}() would change for {along.hook}() ({along.file}:{along.line}), too, which "
        f"can't follow: {where}: {declined.message} [{declined.id}]",
    )


def _is_shared(name: str, group: Group) -> bool:
    """Tell whether a helper of one file is called by functions that stay as they are."""
    [function, *more] = group.defined[name]
    if more or not group.program.is_local(function):
        return False
    calls = sum(1 for _ in calls_in(function.source.root, name))
    within_group = sum(1 for each in group.functions() for _ in calls_in(each.body, name))
    return calls > within_group


def values_of(function: Function) -> tuple[str, ...]:
    """Return what the core of a split helper needs of the VMA, in the order of its parameters."""
    vma = vma_parameter(function)
    members = {
        text_of(node.child_by_field_name("field"))
        for node in find_all(function.body, "field_expression")
        if text_of(node.child_by_field_name("argument")) == vma
    }
    if "vma_is_dax" in identifiers_in(function.body):
        members.add("vm_file")
    members |= {"flags"} if "vm_flags" in members else set()
    return tuple(name for name, (_, _, member) in VALUES.items() if member in members)


def _added(name: str, found: list[Function], group: Group) -> Iterator[tuple[str, SourceFile]]:
    """Add a function to the group; yield the functions that have to follow."""
    group.defined[name] = found
    _check_linkage(name, group)
    if any(True for _ in group.tables(name)):
        _check_tables(name, group)
        group.hooks[name] = r1_table.new_name(name)
    else:
        group.helpers[name] = r1_table.helper_name(name, group.hooks)
    for function in found:
        with within(function.source):
            yield from ((receiver, function.source) for receiver in receivers(function, group))


def _check_linkage(name: str, group: Group) -> None:
    """Raise Declined for a function that others may name whom nobody can look for."""
    found = group.defined[name]
    exported = [function for function in found if not group.program.is_local(function)]
    if group.program.alone and any(not function.static for function in exported):
        raise Declined(
            "exported-handler",
            f"{name}() is not static, and it lies in no tree to look for who names it",
            exported[0].node,
        )
    sources = {function.source.name for function in exported if function.source.name[-2:] == ".c"}
    if len(sources) > 1:
        where = " and ".join(sorted(sources)[:2])
        raise Declined("defined-twice", f"{name}() is defined in {where}", line=exported[0].line)


def _check_same(name: str, found: list[Function], group: Group) -> None:
    if found and not {f.node.id for f in found} & {f.node.id for f in group.defined[name]}:
        raise Declined("defined-twice", f"two files have a {name}() of their own")


def _check_tables(name: str, group: Group) -> None:
    for file, site in group.tables(name):
        with within(file):
            ops = group.callback_of(site).ops
            if site.in_macro is not None:
                if group.program.callback.is_file_operation or site.ops not in {ops, "?"}:
                    message = f"the macro {site.in_macro} names it"
                    raise Declined("macro-table", message, line=site.line)
            elif site.ops != ops:
                message = f"a {site.ops} names {name}(), too"
                raise Declined("second-table", message, line=site.line)


def check_users(group: Group) -> None:
    """Raise Declined if a framework calls the member of one of the tables itself."""
    if not group.program.callback.is_file_operation:
        return
    files: dict[str, tuple[SourceFile, set[str | None]]] = {}
    for name in group.hooks:
        for file, site in group.tables(name):
            files.setdefault(file.name, (file, set()))[1].add(site.table)
    for file, tables in files.values():
        with within(file):
            check_owners(file, tables)


def check_owners(file: SourceFile, tables: set[str | None]) -> None:
    """Raise Declined if a structure of the file hands one of these tables to its framework."""
    for declaration in file.declarations():
        owner = " ".join(text_of(declaration.child_by_field_name("type")).split())
        if owner not in CALLERS:
            continue
        for pair in find_all(declaration, "initializer_pair"):
            member = text_of(pair.child_by_field_name("designator")).lstrip(".")
            value = text_of(pair.child_by_field_name("value")).lstrip("& ")
            if (owner, member) in CALLERS.items() and value in tables:
                line = file.line_of(pair.start_byte)
                raise Declined("framework-calls-mmap", f"{owner} has a {member}->mmap()", line=line)


def receivers(function: Function, group: Group) -> Iterator[str]:
    """Functions to which a function passes its VMA, those with an idiom of their own left out."""
    vma = vma_parameter(function)
    known = {*mapped.opened(function, vma), *wrappers.called(function, vma, group.program)}
    for call in calls_in(function.body):
        name = callee(call)
        if (
            name is None
            or name in known
            or (name not in function.source.functions and _has_idiom(name))
        ):
            continue
        if any(_is(vma, argument) for argument in arguments(call)):
            yield name


def _has_idiom(name: str) -> bool:
    return name in TWINS or name in POPULATIONS or name in flags.CHANGES


def _is(name: str, node: Node) -> bool:
    inner = unwrapped(node)
    return inner.type == "identifier" and text_of(inner) == name


def _hooks_that_call(name: str, group: Group) -> Iterator[tuple[str, SourceFile]]:
    """Handlers that call a helper: they go along with it."""
    for file in group.users(name):
        for caller in _callers(name, file):
            if _is_handler(caller, file, group):
                yield caller, file


def _callers(name: str, file: SourceFile) -> Iterator[str]:
    """Yield the functions of a file that call another one."""
    for caller, functions in file.functions.items():
        texts = (file.text_of(each.node) for each in functions)
        named = any(name.encode() in text for text in texts)
        if named and any(True for each in functions for _ in calls_in(each.body, name)):
            yield caller


def _is_handler(name: str, file: SourceFile, group: Group) -> bool:
    """Tell whether a table of the kind that is converted names a function."""
    return any(
        site.name == name and site.ops == group.program.callback.ops
        for user in group.program.users(name, file)
        for site in group.program.handlers(user)
    )


def vma_parameter(function: Function) -> str:
    """Name of the one parameter that is a VMA. Raises Declined if there is none, or several."""
    found = [
        parameter.name
        for parameter in function.parameters
        if parameter.type_text.replace("const ", "") == VMA_TYPE
    ]
    if len(found) != 1 or not found[0]:
        raise Declined("not-a-hook", f"{function.name}() does not take one VMA", function.node)
    return found[0]


def is_hook(function: Function) -> bool:
    """Tell whether a function has the parameters of a `.mmap` hook."""
    return [parameter.type_text for parameter in function.parameters] == [FILE_TYPE, VMA_TYPE]


def may_be_hook(function: Function, callback: Callback) -> bool:
    """Tell whether a function has the parameters of what the member holds."""
    if callback.is_file_operation:
        return is_hook(function)
    types = [parameter.type_text for parameter in function.parameters]
    return len(types) == callback.parameters and VMA_TYPE in types


def file_parameter(function: Function, callback: Callback) -> str | None:
    """Name of the parameter for the file, if it goes. Raises Declined if this is no hook."""
    if not callback.is_file_operation:
        _check_parameters(function, callback)
        return None
    if not is_hook(function):
        types = ", ".join(parameter.type_text for parameter in function.parameters)
        raise Declined("not-a-hook", f"{function.name}() takes ({types})", function.node)
    return function.parameters[0].name or None


def _check_parameters(function: Function, callback: Callback) -> None:
    """Raise Declined if a function does not take what a subsystem's member is given."""
    if len(function.parameters) != callback.parameters:
        types = ", ".join(parameter.type_text for parameter in function.parameters)
        raise Declined("not-a-hook", f"{function.name}() takes ({types})", function.node)


def _check_rust(name: str, group: Group) -> None:
    """Raise Declined if code in Rust may name a function, which then is not followed."""
    [function, *_] = group.defined[name]
    tree = group.program.tree
    if tree is None or not tree.holds_all_users or group.program.is_local(function):
        return
    file = tree.search.in_rust(name, subsystem(function.source.name))
    if file is not None:
        with within(function.source):
            raise Declined("second-caller", f"{file} names {name}(), too", line=function.line)


def _check_name(name: str, new: str, group: Group) -> None:
    if new == name:
        return
    headers = group.program.scope(group.defined[name][0].source).own_files_with(new)
    for file in dict.fromkeys((*group.users(name), *headers)):
        if any(not mention.comment for mention in mentions(file, new)):
            with within(file):
                line = group.defined[name][0].line
                raise Declined("name-taken", f"{new} is in use already", line=line)
    [first, *_] = group.defined[name]
    program = group.program
    pasted.check(name, first, group.users(name), program)
    if program.is_local(first):
        return
    for other in program.definitions(new, first.source, far=False):
        with within(first.source):
            text = f"{new} is in use already, in {other.source.name}"
            raise Declined("name-taken", text, line=first.line)


def acting(group: Group) -> frozenset[str]:
    """Return the helpers that populate the mapping, or call one that does."""
    found: set[str] = set()
    while True:
        more = {
            name
            for name in group.called
            for function in group.defined[name]
            if any(callee(call) in POPULATIONS | found for call in calls_in(function.body))
        }
        if more <= found:
            return frozenset(found)
        found |= more
