# SPDX-License-Identifier: GPL-2.0-only
"""Compares what two versions of a hook left behind: one candidate for each possible difference."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from premap import symbolic
from premap.equivalence import effects, late
from premap.equivalence.beyond import beyond
from premap.equivalence.candidate import Candidate
from premap.equivalence.handed import changed_text
from premap.equivalence.outcome import Outcome
from premap.equivalence.setting import IN_BOTH
from premap.equivalence.state import covered_writes, state, undone
from premap.interp import reach
from premap.interp.bindings import PageArray, VmOperationsTable
from premap.interp.lvalues import address_of
from premap.interp.machine import Event
from premap.interp.scalars import word_of
from premap.interp.values import Place, Pointer, Value, plain
from premap.model.errors import NotModelled
from premap.model.words import select

_WORDS = (
    ("vm_start", "mappings", "start"),
    ("vm_end", "mappings", "end"),
    ("vm_flags", "flags", "vm_flags"),
    ("vm_pgoff", "pgoff", "vm_pgoff"),
    ("vm_page_prot", "page-prot", "vm_page_prot"),
)


def compare(old: Outcome, new: Outcome) -> list[Candidate]:
    """Return everything in which the outcomes may differ, conditions that are false left out."""
    found = [*_candidates(old, new), *beyond(old, new)]
    return [each for each in found if each.condition is not False]


def _candidates(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    if old.beside != new.beside:
        return  # what came of the mapping before it is seen where that is alone
    if old.fails in IN_BOTH and not (old.injected and new.injected):
        return  # what only one of them gets to is seen where nothing fails
    if new.retried:
        yield from _second_call(old, new)
        return
    if new.hook_ran and not old.hook_ran:
        yield from _hook_only_now(old, new)
        return
    apart = old.neighbours and not (old.merged or new.merged)
    if _ignored_before(old, new):
        yield from () if apart else _fails_now(old, new)
        return
    if apart:
        yield from _apart(old, new)
        return
    yield from _locks(old, new)
    yield from _hidden(old, new)
    yield from _results(old, new)
    if old.failed != new.failed:
        return  # all else follows from that
    calls = list(_events(old, new))
    yield from calls
    if any(each.condition is True and not each.accepted for each in calls):
        return  # what was made up after another call is other state
    yield from _mappings(old, new)
    yield from _entries(old.entry, new.entry)
    yield from state(old, new)
    yield from _counts(old, new)


def _apart(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    """Compare what is there of a mapping that merges with none of those beside it.

    What it did is seen where it is alone: here its calls and writes follow those for the others.
    """
    yield from _results(old, new)
    if old.failed == new.failed:
        yield from _mappings(old, new)
        yield from _entries(old.entry, new.entry)
        yield from _counts(old, new)


def errno_of_filling(old: Outcome, new: Outcome) -> list[Candidate]:
    """Return the errnos of a call that fails in both versions, as it can't be filled."""
    if not (old.failed and new.failed and old.hook_failed and new.action) or new.hook_failed:
        return []
    return [Candidate("return-value", "what mmap() fails with", old.returned != new.returned)]


def _ignored_before(old: Outcome, new: Outcome) -> bool:
    """Return whether the old hook ignored that a population failed, for which the new one fails."""
    failed = any(population.error != 0 for population in old.machine.populations)
    return failed and not old.failed and new.failed and not new.hook_failed


def _fails_now(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    """Compare where a mapping without pages came to be, and mmap() fails now: nothing may stay.

    What the hook itself leaves behind shows where the VMA can't be allocated; this is ->close.
    """
    text = "mmap() now fails where pages can't be mapped; that was ignored"
    yield Candidate("result-not-ignored", text, condition=True, accepted=True)
    yield from _locks(old, new)
    if old.unheeding is not None:
        yield from _heeded(old, old.unheeding())
    calls = new.machine.events[new.split :]
    closes = [n for n, call in enumerate(calls) if (call.kind, call.name) == ("callback", "close")]
    if not closes:
        return
    made = effects.noticeable(calls[closes[0] + 1 :])
    if made is not None:
        text = f"{_call(made)} is called by ->close, although mmap() fails"
        yield Candidate("events", text, condition=True)
    else:
        text = "->close is called, which was not"
        yield Candidate("close-after-failed-action", text, condition=True, accepted=True)
    yield from undone(old, new)


def _heeded(old: Outcome, unheeding: Outcome) -> Iterator[Candidate]:
    """Yield what the old hook did because page tables could not be filled: it was not ignored."""
    calls = (
        [each for each in side.machine.events if each.kind not in effects.SILENT]
        for side in (unheeding, old)
    )
    found = [
        *_results(old, unheeding),
        *_mappings(old, unheeding),
        *_sequences(*calls),
        *state(old, unheeding),
        *_counts(old, unheeding),
    ]
    for each in found:
        text = f"mmap() now fails where pages can't be mapped; that was dealt with: {each.what}"
        yield Candidate("return-value", text, each.condition)


def _results(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    if old.failed and new.failed and not (new.hook_failed or new.action or new.created):
        text = "which errno mmap() returns where the action does not fit the mapping"
        yield Candidate("prepare-errno", text, old.returned != new.returned, accepted=True)
        return
    differs = old.failed != new.failed or old.returned != new.returned
    yield Candidate("return-value", "what mmap() returns", differs)


def _hook_only_now(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    """Compare where the old hook was not called: the mapping merged first, or allocation failed.

    The new one is always called. What it does then must not outlive the call; state that is the
    same when the call is made again may stay, for a person to judge.
    """
    if not old.merged:
        for candidate in state(old, new):
            text = f"{candidate.what} is set even if the mapping can't be allocated"
            yield Candidate("state-before-failure", text, candidate.condition, accepted=True)
    elif not new.machine.memory.disturbed:
        yield from state(old, new)
    if not (old.merged and new.machine.memory.disturbed):
        yield from covered_writes(old, new)
    yield from _left_to_others(old, new)
    taken = old.machine.locks_taken != new.machine.locks_taken
    yield Candidate("locks", "how many locks are held although the mapping merges or fails", taken)
    calls = new.machine.events[new.split :]
    for event, condition in effects.outliving(calls):
        text = f"what {_call(event)} does stays, although the mapping merges or fails"
        yield Candidate("effect-outlives", text, condition)
    if old.merged and (new.failed or _otherwise(old.vmas, new.vmas)):
        text = "the hook, which now runs for a mapping that would merge, refuses it or the merge"
        yield Candidate("hook-decides-merge", text, condition=True, accepted=True)
        return
    if new.merged and not old.merged:
        text = "a mapping for which no VMA can be allocated now merges with the one beside it"
        yield Candidate("merges-now", text, condition=True, accepted=True, judgement=False)
        return
    yield from _repeated(old, calls)
    yield from _mappings(old, new)
    yield from _counts(old, new)


def _otherwise(old: Sequence[Any], new: Sequence[Any]) -> bool:
    """Return whether a mapping merged with another neighbour, or with more or fewer of them."""
    if len(old) != len(new):
        return True
    return any(one.vm_end != other.vm_end for one, other in zip(old[:-1], new[:-1], strict=True))


def _second_call(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    """Compare a call that was made again, with no other thread in between.

    What the first one wrote may stay only if the second one comes to the same with it.
    """
    yield from state(old, new)
    yield from covered_writes(old, new)
    if any(new.machine.memory.written.values()):
        differs = old.failed != new.failed or old.returned != new.returned
        text = "what mmap() returns when it is called again after such a failure"
        yield Candidate("return-value", text, differs)


def _left_to_others(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    """Yield what only the new version wrote, if other threads saw it, or changed it meanwhile.

    Whether it may stay is told where no other thread disturbs.
    """
    memory = new.machine.memory
    if old.merged and memory.disturbed:
        places = {(name, path) for name, paths in memory.written.items() for path in paths}
    else:
        places = memory.shared
    for name, path in sorted(places, key=str):
        written = (each.machine.memory.written.get(name, []).count(path) for each in (new, old))
        if operator.gt(*written):
            what = memory.objects[name].name_of(path)
            when = (
                "is set again though the mapping merges"
                if old.merged
                else ("is set even if the mapping can't be allocated")
            )
            id_ = "hook-runs-on-merge" if old.merged else "state-before-failure"
            yield Candidate(id_, f"{what} {when}", condition=True, accepted=True)


def _repeated(old: Outcome, calls: Sequence[Event]) -> Iterator[Candidate]:
    """Name what the hook now does for a mapping for which the old one was not called."""
    doubtful = dict.fromkeys(map(_call, effects.doubtful(calls)))
    seen = effects.noticeable(calls)
    if seen is None:
        return
    called = ", ".join(doubtful or [_call(seen)])
    whether = " (a person has to say whether that may stay)" if doubtful else ""
    when = "then merges" if old.merged else "then can't be allocated"
    text = f"the hook also runs, and calls {called}, for a mapping that {when}{whether}"
    id_ = "hook-runs-on-merge" if old.merged else "hook-runs-before-failure"
    yield Candidate(id_, text, condition=True, accepted=True, judgement=bool(doubtful))


def _locks(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    """Compare locks, and what was done around the filling of page tables: an action is later."""
    left = old.machine.locks != new.machine.locks
    yield Candidate("locks", "locks that are held when the hook returns", left)
    if not new.action:
        return
    for population in old.machine.populations:
        if population.locks:
            text = f"page tables were filled under a lock ({population.where})"
            yield Candidate(
                "lock-population", f"{text}, and now are after its release", condition=True
            )
        later = old.machine.events[population.events :]
        calls = [event for event in later if event.kind not in effects.SILENT]
        if calls:
            text = f"{_call(calls[0])} was called after page tables were filled, and now is before"
            yield Candidate("population-order", text, condition=True)


def _hidden(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    """Compare whether the reverse map sees a mapping whose action is still going on.

    That is for the new hook to ask for: what a legacy one does comes before the reverse map.
    """
    if old.prepared and new.prepared and old.hidden != new.hidden:
        text = "the reverse map sees the mapping before its action is complete"
        when = "which it did not" if old.hidden else "and now does not"
        yield Candidate("rmap", f"{text}, {when}", condition=True)


def _mappings(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    if len(old.vmas) != len(new.vmas):
        yield from _number_of_mappings(old, new)
        return
    for before, after in zip(old.vmas, new.vmas, strict=True):
        yield from _mapping(before, after, marks=new.machine.late is not None)
        yield from _files(before.vm_file, after.vm_file, old, new)


def _number_of_mappings(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    if not new.merged or old.merged or len(old.vmas) <= len(new.vmas):
        text = f"{len(old.vmas)} mappings exist, and now {len(new.vmas)}"
        yield Candidate("mappings", text, condition=True)
        return
    text = "a mapping now merges with the one beside it, which it did not"
    yield Candidate("merges-now", text, condition=True, accepted=True, judgement=False)
    for parts, merged in _joined(old.vmas, new.vmas):
        yield Candidate("mappings", "start", parts[0].vm_start != merged.vm_start)
        yield Candidate("mappings", "end", parts[-1].vm_end != merged.vm_end)
        yield Candidate("pgoff", "vm_pgoff", parts[0].vm_pgoff != merged.vm_pgoff)
        for part in parts:
            yield from _part(part, merged)
            yield from _files(part.vm_file, merged.vm_file, old, new)


def _joined(old: Sequence[Any], new: Sequence[Any]) -> Iterator[tuple[Sequence[Any], Any]]:
    """Yield the mappings of old that each one of new took the place of; there are three at most."""
    if len(new) == 1:
        yield old, new[0]
    elif old[0].vm_end == new[0].vm_end:
        yield from ((old[:1], new[0]), (old[1:], new[1]))
    else:
        yield from ((old[:-1], new[0]), (old[-1:], new[1]))


def _part(part: Any, merged: Any) -> Iterator[Candidate]:
    """Compare a mapping with the one of which it is now a part."""
    yield Candidate("flags", "vm_flags", part.vm_flags != merged.vm_flags)
    yield Candidate("page-prot", "vm_page_prot", part.vm_page_prot != merged.vm_page_prot)
    yield from _pointers(part, merged)


def _mapping(before: Any, after: Any, *, marks: bool) -> Iterator[Candidate]:
    for name, identity, what in _WORDS:
        yield Candidate(identity, what, getattr(before, name) != getattr(after, name))
    yield from _pointers(before, after, marks=marks)


def _pointers(before: Any, after: Any, *, marks: bool = False) -> Iterator[Candidate]:
    """Compare pointers; `->mapped` may leave a mark where there was no private data."""
    yield from _operations(before.vm_ops, after.vm_ops)
    old, new = _address(before.vm_private_data), _address(after.vm_private_data)
    if marks and plain(old) == 0:
        text = "->mapped leaves private data, of which there was none"
        yield Candidate("marked-in-mapped", text, old != new, accepted=True)
    else:
        yield Candidate("private-data", "vm_private_data", old != new)


def _files(before: Any, after: Any, old: Outcome, new: Outcome) -> Iterator[Candidate]:
    """Compare the files of a mapping: the one that is mapped, another one (of memory), or none."""
    of_call = before is old.file, after is new.file
    if of_call[0] is not of_call[1] or (before is None) is not (after is None):
        yield Candidate("vm-file", "vm_file", condition=True)
    elif before is not None and not of_call[0]:
        sizes = [file.f_mapping.host.i_size for file in (before, after)]
        yield Candidate("vm-file", "the size of vm_file", sizes[0] != sizes[1])
        charged = [file.f_mapping.account is None for file in (before, after)]
        yield Candidate("vm-file", "how vm_file is charged", charged[0] is not charged[1])


def _operations(before: Any, after: Any) -> Iterator[Candidate]:
    """Compare tables by name; where both versions define one, their callbacks by their text."""
    if _label(before) != _label(after):
        yield Candidate(
            "vm-ops", f"vm_ops: {_label(before)}, and now {_label(after)}", condition=True
        )
        return
    if not isinstance(before, VmOperationsTable) or not isinstance(after, VmOperationsTable):
        return
    changed = None if before.source is after.source else _changed_callback(before, after)
    if changed is not None:
        text = f"{changed}; what it does was not compared"
        yield Candidate("callbacks-differ", text, condition=True, accepted=True)


def _changed_callback(before: VmOperationsTable, after: VmOperationsTable) -> str | None:
    """Return what of the callbacks differs between the versions, None if nothing does.

    All members that name something else, or else the first function whose text does.
    """
    try:
        members, others = _not_run(before), _not_run(after)
    except NotModelled:
        return None
    changed = [name for name in members | others if members.get(name) != others.get(name)]
    if changed:
        return f"of {before.label}: {', '.join(_told(name, members, others) for name in changed)}"
    names = tuple(member.function for member in members.values())
    text = changed_text(before.source, after.source, names)
    return None if text is None else f"{text}(), which {before.label} uses, has changed"


def _told(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    if name not in after:
        return f"->{name} is gone"
    return f"->{name} is " + ("another function" if name in before else "new")


def _not_run(table: VmOperationsTable) -> dict[str, Any]:
    """Return the members of a table, without ->mapped, which only mmap() calls: that was run."""
    return {name: member for name, member in table.members().items() if name != "mapped"}


def _label(table: Any) -> str:
    return "NULL" if table is None else table.label


def _address(data: Any) -> int:
    """Return the word of a pointer; that of a structure's first member is the structure's own."""
    if not isinstance(data, Value):
        return 0
    place = data.data.place if isinstance(data.data, Pointer) else None
    if place is None or not place.path:
        return word_of(data)
    begin = Place(place.object, place.object.begin_of(place.path))
    return word_of(data) if begin == place else address_of(place.object.memory.inputs, begin)


def _entries(before: Any, after: Any) -> Iterator[Candidate]:
    if before is None and after is None:
        return
    if before is None or after is None or before.kind != after.kind:
        kinds = [None if entry is None else entry.kind for entry in (before, after)]
        text = f"the page table has {kinds[0] or 'no'} entries, and now {kinds[1] or 'none'}"
        yield Candidate("pages", text, condition=True)
        return
    yield Candidate("pages", "which page is mapped", _page(before) != _page(after))
    yield Candidate("pte-prot", "page table protection", before.pgprot != after.pgprot)
    writable = _as_word(before.writable) != _as_word(after.writable)
    yield Candidate("pte-prot", "whether entries are writable", writable)


def _as_word(condition: bool) -> int:  # noqa: FBT001 - a word of one bit
    return select(condition, 1, 0)


def _page(entry: Any) -> int:
    """Return what identifies the page: its PFN, or the address of its `struct page`."""
    if entry.kind == "pfn":
        return entry.index  # type: ignore[no-any-return]
    only = entry.index if plain(entry.index) is not None else symbolic.concretise(entry.index)
    if only is None and not isinstance(entry.source, PageArray):
        raise NotModelled("which of several single pages is mapped is not known")
    page: int = entry.source[entry.index if only is None else only]
    return page


def _events(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    """Compare what others could notice, in order; messages among themselves."""
    messages = [[each for each in side.machine.events if each.kind == "log"] for side in (old, new)]
    if len(messages[0]) > len(messages[1]) and old.failed and new.failed and not new.hook_failed:
        text = f"{_call(messages[0][-1])} is not called any more where page tables can't be filled"
        yield Candidate("message-on-failure", text, condition=True, accepted=True)
        messages = [messages[1], messages[1]]
    elif len(messages[0]) < len(messages[1]) and old.failed and new.failed and new.action:
        text = f"{_call(messages[1][-1])} is called even where page tables can't be filled"
        yield Candidate("message-before-failure", text, condition=True, accepted=True)
        messages = [messages[0], messages[0]]
    found = late.moved(old.machine, new.machine)
    if found is not None:
        made = ", ".join(dict.fromkeys(map(_call, found.calls)))
        text = f"{made} is called by ->mapped, and no longer by the hook"
        yield Candidate("taken-in-mapped", text, found.shows, accepted=True)
        calls = [found.before, found.after]
    else:
        calls = [
            [each for each in side.machine.events if each.kind != "log"] for side in (old, new)
        ]
    for before, after in (calls, messages):
        yield from _sequences(before, after)


def _sequences(before: Sequence[Event], after: Sequence[Event]) -> Iterator[Candidate]:
    for one, other in zip(before, after, strict=False):
        if (one.kind, one.name) != (other.kind, other.name):
            text = f"{_call(one)} is called, and now {_call(other)}"
            yield Candidate("events", text, condition=True)
            return
        yield from _arguments(one, other)
    if len(before) > len(after):
        text = f"{_call(before[len(after)])} is called no more"
        yield Candidate("events", text, condition=True)
    if len(before) < len(after):
        added = after[len(before)]
        text = f"{_call(added)} is called, which was not"
        rest = after[len(before) + 1 :]
        closes = (added.kind, added.name) == ("callback", "close") and not effects.noticeable(rest)
        id_ = "close-after-failed-action" if closes else "events"
        yield Candidate(id_, text, condition=True, accepted=closes)


def _arguments(one: Event, other: Event) -> Iterator[Candidate]:
    if one.kind not in effects.SILENT:
        text = f"what is written and called before {_call(one)}"
        yield Candidate("events", text, one.moment != other.moment)
    if len(one.arguments) != len(other.arguments):
        yield Candidate("events", f"arguments of {_call(one)}", condition=True)
        return
    for position, (a, b) in enumerate(zip(one.arguments, other.arguments, strict=True)):
        what = f"argument {position + 1} of {_call(one)}"
        if isinstance(a, tuple) and a[:1] == (reach.KEPT,):
            what = f"a variable that an earlier call than {_call(one)} got a pointer to"
        yield from (Candidate("events", what, differs) for differs in _parts_differ(a, b))


def _parts_differ(one: Any, other: Any) -> Iterator[bool]:
    """Compare two arguments: words, names, or contents of variables (nested tuples)."""
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        for a, b in zip(one, other, strict=True):
            yield from _parts_differ(a, b)
    elif isinstance(one, str | tuple) or isinstance(other, str | tuple):
        yield not (isinstance(one, str) and isinstance(other, str) and one == other)
    else:
        yield one != other


def _call(event: Event) -> str:
    return f"->{event.name}" if event.kind == "callback" else f"{event.name}()"


def _counts(old: Outcome, new: Outcome) -> Iterator[Candidate]:
    fewer = len(new.vmas) < len(old.vmas) and new.merged
    for what, count in old.counts.items():
        if fewer and what in ("map_count", "references of the file"):
            continue  # one mapping less; `merges-now` says so
        yield Candidate("accounting", what, count != new.counts[what])
