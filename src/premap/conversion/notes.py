# SPDX-License-Identifier: GPL-2.0-only
"""What a reviewer of a conversion is told: ids and explanations, as data."""

from __future__ import annotations

NOTES: tuple[tuple[str, str, str], ...] = (
    (
        "allocated-in-mapped",
        "What each mapping has of its own is allocated by `->mapped`",
        (
            "Where that fails the mapping is there already, and is taken down. See that `->close` "
            "copes, and that nothing needs the private data before."
        ),
    ),
    (
        "comment-dropped",
        "A comment goes with the code that it is in",
        "See whether what it says still has to be said, and where.",
    ),
    (
        "comment-names-vma",
        "A comment still speaks of the VMA",
        "When the hook runs there is no VMA yet: see whether the words still fit.",
    ),
    (
        "close-tolerates",
        "`->close` returns for a mapping whose `->mapped` never ran",
        (
            "A failed action takes the mapping down before `->mapped`. See that nothing else uses "
            "the private data that `->mapped` leaves as a mark."
        ),
    ),
    (
        "counted-in-mapped",
        "What each mapping counts moved into `->mapped`",
        (
            "It runs for new mappings, after merging. See that `->close` undoes just that, and "
            "that nothing needs it before."
        ),
    ),
    (
        "dual-arms",
        "Old and new hook stand side by side",
        (
            "Kernels that have every name of the new hook build that one, others the old one. The "
            "verdict compares the two. 7.0 and 7.1 are known from the table of releases alone: "
            "build the driver for the oldest kernel that the new arm is for."
        ),
    ),
    (
        "exported-outside",
        "The function of a driver outside the tree is exported",
        (
            "The files of its folder that name it change along with it. Other modules that do are "
            "not seen: they have to follow, or the function has to keep its old form, too."
        ),
    ),
    (
        "failure-now-fails",
        "A failure that was ignored now fails the mmap()",
        "The old hook did not look at the result of mapping.",
    ),
    (
        "member-retyped",
        "A member of another structure takes a descriptor now",
        (
            "Everything in the tree that sets the member, calls it or asks for it changes along "
            "with it. See that nothing outside the tree sets it, and that no text of it (in "
            "Documentation/, say) is left."
        ),
    ),
    (
        "flags-by-macro",
        "A macro of the file stands for flags",
        (
            "The file defines it under `#ifndef`, for kernels that lack it. See that no header "
            "of the driver's own defines it otherwise."
        ),
    ),
    (
        "message-earlier",
        "A message about success comes before the mapping is populated",
        (
            "An action is performed after the hook, and may fail after the message. See whether "
            "the message is worth keeping."
        ),
    ),
    (
        "file-reference",
        "The file in `desc->vm_file` is not put by every failure",
        (
            "The mapping puts the reference that the hook takes for it. Releases up to 7.3 do not "
            "put it where the mapping merges with its neighbour, or where its action is refused."
        ),
    ),
    (
        "message-by-name",
        "A macro is taken to write to the log alone",
        (
            "Its name and a format among its arguments say so; it is defined in a header that is "
            "not looked into. See that it does nothing else."
        ),
    ),
    (
        "message-dropped",
        "A message about a failure is gone",
        "The failure happens after the hook, which can't report it.",
    ),
    (
        "needs-mmu",
        "Actions need an MMU",
        (
            "Kernels without an MMU can't perform actions: there the hook would warn, and mmap() "
            "fail. This is said where neither the makefiles nor Kconfig say that the file is only "
            "built with one: see whether such kernels have the driver."
        ),
    ),
    (
        "older-arms",
        "What older kernels alone compile is not in the new hook",
        (
            "An `#if` asks `LINUX_VERSION_CODE` for a release before 7.0, and the new hook is for "
            "7.0 and newer. Its directives go, and what they leave out. With `--dual` the old hook "
            "keeps them. Where it asks for a flag that is gone (`VM_RESERVED`), see that no header "
            "defines it: one that the file includes in quotes might, and then the arms stay."
        ),
    ),
    (
        "operations-swapped",
        "Open files get this table in place of another",
        (
            "mmap() reads the file's operations more than once. If one table has `.mmap` and the "
            "other `.mmap_prepare`, a swap in between runs neither. Convert both, or neither."
        ),
    ),
    (
        "operations-unseen",
        "The operations are defined in another file",
        "If they have a `close`, it runs after a failed action, too.",
    ),
    (
        "pgoff-rewritten",
        "The hook changes the mapping's offset",
        "Rmap and merging see the new offset.",
    ),
    (
        "release-by-table",
        "The release is known from a table alone",
        "No tree of it was at hand when premap was written.",
    ),
    (
        "set-by-macro",
        "A macro puts the hook into tables",
        (
            "Every table of the tree that the macro is put into was looked at: nothing in it sets "
            "the old member or the new one beside the macro. A driver outside the tree may."
        ),
    ),
    (
        "set-at-run-time",
        "The subsystem's member is set at run time",
        (
            "What calls it looks at the new member first. If anything sets the old member of the "
            "same object later, or takes it away, it is no longer heard: see that nothing does."
        ),
    ),
    (
        "state-in-hook",
        "The hook writes to memory that stays",
        "It does so before the mapping exists, and also where it then merges or fails.",
    ),
    (
        "taken-elsewhere",
        "A function of another file takes, counts or allocates something",
        (
            "The hook also runs where the mapping then merges or fails. What is done once and "
            "for all (for a process, say) may stay then; what belongs to a mapping may not."
        ),
    ),
)
"""Id, title, text."""
