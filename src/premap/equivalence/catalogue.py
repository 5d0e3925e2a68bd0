# SPDX-License-Identifier: GPL-2.0-only
"""The closed catalogue of differences: those that are accepted, and those that never are."""

from __future__ import annotations

from premap.records import Explanation


def _explanation(id_: str, title: str, text: str) -> Explanation:
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return Explanation(id_, "difference", title, "\n\n".join(paragraphs).strip())


_ACCEPTED = (
    _explanation(
        "hook-runs-on-merge",
        "the hook also runs for a mapping that then merges",
        """
        A legacy ->mmap is called only for a new VMA; a mapping that merges with its neighbour
        never calls it. ->mmap_prepare always runs, before merging is tried.

        Accepted where what the hook does then changes no state that the proof can see: it
        locks, logs, or calls functions whose effect may be repeated. What it takes, counts or
        links is not accepted. Functions whose code was not at hand are named: whether what they
        do may stay although there is no mapping is for a person to judge.
        """,
    ),
    _explanation(
        "hook-runs-before-failure",
        "the hook also runs for a mapping that then can't be allocated",
        """
        A legacy ->mmap is called on a VMA that was allocated; ->mmap_prepare runs before that.
        If the allocation fails, the calls that the hook made have been made.

        Accepted where no state that the proof can see has changed.
        """,
    ),
    _explanation(
        "state-before-failure",
        "driver state is set even if the mapping then can't be allocated",
        """
        An ->mmap_prepare hook runs before the VMA is allocated. State that it sets stays if the
        allocation fails, where the old handler would not have been called.

        Accepted where making the call again, with no other thread in between, leaves the same
        state and returns the same (a flag, an owner: what is set once and for all). A count is
        not, nor is what has the next call refused: that is `different`.
        """,
    ),
    _explanation(
        "hook-decides-merge",
        "the hook now decides about a mapping that used to merge without being asked",
        """
        Directly after a mapping of the same file that continues, a legacy mapping merged before
        the handler could refuse it, or set it up otherwise than its neighbour. The new hook
        runs first, and what it decides counts: the mapping fails, or is one of its own.

        Usually that is what the author meant; a person has to say so.
        """,
    ),
    _explanation(
        "merges-now",
        "a mapping now merges with the one before it",
        """
        A legacy mapping is compared with its neighbour by the flags it has before the handler
        runs, a mapping with ->mmap_prepare by those after it. So two mappings that the handler
        gives the same flags now become one.

        Accepted where operations, private data, flags and protection are the same, so that
        nothing is lost.
        """,
    ),
    _explanation(
        "result-not-ignored",
        "mmap() now fails where pages can't be mapped",
        """
        The old handler ignored the result of the function that fills page tables, so that a
        mapping without pages came to be. An action that fails makes mmap() fail. Accepted where the
        old handler does the same whatever that result is, messages left out.

        Usually that is what the author meant; a person has to say so.
        """,
    ),
    _explanation(
        "prepare-errno",
        "mmap() returns another errno where the action does not fit the mapping",
        """
        The preparation of an action checks its range before anything is mapped, and
        error_override does not apply to its errors (EFAULT, EINVAL).
        """,
    ),
    _explanation(
        "message-on-failure",
        "a message is not logged any more where page tables can't be filled",
        """
        The hook has returned when its action fails, so it can't log that. The error itself
        reaches the caller of mmap().
        """,
    ),
    _explanation(
        "message-before-failure",
        "a message about success is logged even where page tables can't be filled",
        """
        An action is performed after the hook has returned; what the hook logs comes before it,
        whether or not it then fails.
        """,
    ),
    _explanation(
        "taken-in-mapped",
        "what is taken for a mapping is taken once it exists",
        """
        A count or a reference that ->close gives back is taken by ->mapped, which runs after the
        hook and its action, for new mappings only; it finds what it needs by the same path from
        the file. Between the two others may run.

        Accepted where the calls are the same, one after the other; a person has to say whether
        anything between needed them.
        """,
    ),
    _explanation(
        "marked-in-mapped",
        "->mapped leaves private data, of which there was none",
        """
        By that ->close tells a mapping whose ->mapped ran from one that failed before.

        Accepted where the old handler set none; a person has to say that nothing looks at it.
        """,
    ),
    _explanation(
        "callbacks-differ",
        "callbacks of the mapping have changed as well",
        """
        The versions give the mapping operations of the same name, whose callbacks (or functions
        that these call) have another text in the new version; or they hand such a function to
        others, to be called later. What mmap() does was compared; what a fault, a split or the end
        of the mapping does was not, except where it is part of mmap().
        """,
    ),
    _explanation(
        "callees-differ",
        "functions of other files have changed as well",
        """
        Both versions call a function that another file defines, whose text (or that of what it
        calls there) is another one in the new version. It was taken to do the same in both: a
        person has to say that it does, as far as the hook goes.
        """,
    ),
    _explanation(
        "close-after-failed-action",
        "->close runs after an action that failed",
        """
        If the action of an ->mmap_prepare hook fails, the new mapping is unmapped, and its
        ->close is called, although the mapping never was complete. After a failed legacy
        handler it is not.

        Accepted where ->close then changes nothing.
        """,
    ),
)


_DIFFERENT = (
    _explanation(
        "undefined",
        "the new hook does what C leaves undefined, and the old one does not",
        """
        A variable is read before it is written, a NULL pointer is followed, the function ends
        without returning a value, a division by zero, a shift by the width of its operand or
        more. Whatever then happens, the old version did not leave it to the compiler.
        """,
    ),
    _explanation(
        "kernel-bug",
        "the new hook makes the kernel hit an assertion, and the old one does not",
        """
        The kernel checks some things with BUG_ON() only: a range to be mapped that is empty or
        wraps, page table entries that are there already.
        """,
    ),
    _explanation(
        "effect-outlives",
        "what the hook took or counted stays, although there is no mapping",
        """
        An ->mmap_prepare hook runs before it is known whether the mapping merges or fails. A
        reference, a count or memory that it takes then is never given back: ->close is called for
        mappings only. It belongs in vm_ops->mapped.
        """,
    ),
    _explanation(
        "return-value",
        "mmap() returns something else",
        """
        Another errno, or success for failure.
        """,
    ),
    _explanation(
        "mappings",
        "other mappings exist afterwards",
        """
        Their number, or where they begin or end.
        """,
    ),
    _explanation(
        "flags",
        "the mapping has other VM_ flags",
        """
        What it may be used for, or how it is treated.
        """,
    ),
    _explanation(
        "page-prot",
        "the mapping has another page protection",
        """
        vm_page_prot: access or caching.
        """,
    ),
    _explanation(
        "pgoff",
        "the mapping has another page offset",
        """
        vm_pgoff, which fault handlers read.
        """,
    ),
    _explanation(
        "vm-ops",
        "the mapping has other operations",
        """
        vm_ops.
        """,
    ),
    _explanation(
        "private-data",
        "the mapping has other private data",
        """
        vm_private_data.
        """,
    ),
    _explanation(
        "vm-file",
        "the mapping has another file",
        """
        vm_file.
        """,
    ),
    _explanation(
        "pages",
        "other pages are mapped",
        """
        Another PFN or page at some offset, or none.
        """,
    ),
    _explanation(
        "pte-prot",
        "page table entries have another protection",
        """
        An action copies the page protection when it is recorded, and kernel pages are mapped
        with the protection that the finished mapping has: setting it too late is lost.
        """,
    ),
    _explanation(
        "events",
        "other calls are made, or in another order",
        """
        Calls that other code could notice.
        """,
    ),
    _explanation(
        "state",
        "driver state differs afterwards",
        """
        Memory that the hook, or its ->mapped, wrote.
        """,
    ),
    _explanation(
        "accounting",
        "counts differ afterwards",
        """
        Mappings, pages, or references of the file.
        """,
    ),
    _explanation(
        "locks",
        "other locks are held when the hook returns",
        """
        A lock that is not released; or one that the new hook takes and keeps, or releases, for a
        mapping that merges or fails, where the old one was not called.
        """,
    ),
    _explanation(
        "rmap",
        "the reverse map sees a mapping earlier, or later",
        """
        Between two hooks that both prepare: one sets action.hide_from_rmap_until_complete, and the
        other does not. Who walks the file's mappings, to unmap pages or to write them back, then
        finds one whose page tables are still being filled, or does not.
        """,
    ),
    _explanation(
        "lock-population",
        "page tables were filled under a lock, and now are after its release",
        """
        An action is performed after the hook has returned, so after every lock that it took was
        released. What the lock kept in place while the page tables were filled may be gone by
        then: never accepted.
        """,
    ),
    _explanation(
        "population-order",
        "calls that followed the filling of page tables now come before it",
        """
        An action is performed after the hook has returned. What the old handler did after it
        had filled the page tables is now done first.
        """,
    ),
)

EXPLANATIONS: dict[str, Explanation] = {each.id: each for each in (*_ACCEPTED, *_DIFFERENT)}
ACCEPTED = frozenset(each.id for each in _ACCEPTED)
