# SPDX-License-Identifier: GPL-2.0-only
"""Why a subsystem's own member can't have a twin, or what it holds can't move to it (H10)."""

from __future__ import annotations

CALLBACK_REASONS: tuple[tuple[str, str, str], ...] = (
    (
        "callback-done",
        "The twin that is there already is no twin",
        (
            "It has other parameters, some code knows only the old member, or another member "
            "takes the same, whose twin it may be. A table that names "
            "the new one would not work there. See how the two are told apart, or give the twin "
            "another name with `--as`."
        ),
    ),
    (
        "callback-in-macro",
        "A macro calls the subsystem's member",
        (
            "The macro takes the member's name, or expands to the call, so that a call through "
            "the compat helpers does not fit in. A person would write the call out, and then "
            "convert the member."
        ),
    ),
    (
        "callback-uncalled",
        "Nothing calls the subsystem's member",
        "Without a caller there is no dispatcher to convert. Remove the member instead.",
    ),
    (
        "callback-unknown",
        "The structure has no such member",
        (
            "`--callback` names a member that returns int and takes one VMA, of a structure that "
            'the tree defines once: "struct vfio_device_ops.mmap".'
        ),
    ),
    (
        "callback-use",
        "Code uses the subsystem's member in an unknown way",
        (
            "It is neither called nor tested there, but copied, compared or handed on; or what it "
            "belongs to could not be told. With a twin beside it, that code has to say what it "
            "means of either: change it by hand first."
        ),
    ),
    (
        "errno-in-compat",
        "What calls the twin does not translate errors",
        (
            "The compat path does not look at `action.error_override` (is_compat of "
            "mmap_action_complete(), mm/util.c), and neither does the dispatcher that the tree "
            "has, so the error of the failed mapping itself would come out. Let the dispatcher "
            "return the override, as those do that premap writes."
        ),
    ),
    (
        "file-in-compat",
        "The compat path takes a second reference of a file",
        (
            "Where a legacy dispatcher calls the hook, the file that it puts into `desc->vm_file` "
            "is taken with vma_set_file(), which gets a reference besides that of the hook: it "
            "would never be put. Convert the dispatcher first."
        ),
    ),
)
"""Id, title, text."""
