# SPDX-License-Identifier: GPL-2.0-only
"""Why a handler is not converted: ids and explanations, as data."""

from __future__ import annotations

from premap.conversion.callback_reasons import CALLBACK_REASONS
from premap.conversion.notes import NOTES
from premap.records import ARMS_ALREADY, Explanation

_REASONS: tuple[tuple[str, str, str], ...] = (
    (
        "allocates",
        "The hook allocates",
        (
            "Memory that the hook allocates is lost where the mapping then merges or fails: there "
            "is no `close` without a mapping. Allocate in `vm_ops->mapped`, hand it to the "
            "mapping through its last parameter, and let `close` accept a mapping that has none: "
            "it runs where `->mapped` refuses a second mapping, too, and must not undo the first. "
            "Or allocate when the file is opened."
        ),
    ),
    (
        "arms-around-head",
        "An `#if` for older kernels cuts the function's head",
        (
            "Arms that no kernel with the new hook compiles hold a part of the function, and a "
            "part of what is before or after it. Let each arm have a whole head, or define the "
            "function once in each."
        ),
    ),
    (
        "lock-keeps-object",
        "Only a lock keeps what is mapped",
        (
            "The object is looked up under a lock, which is released before the action runs or "
            "`->mapped` is called; by then it may be gone. Take a reference that the file keeps, "
            "or look it up again in `->mapped` and fail there."
        ),
    ),
    (
        "no-mmu",
        "The arm is for kernels without an MMU",
        (
            "Without an MMU every action warns and fails. The kernel would need actions there, "
            "too; until then such an arm keeps the old handler, or only checks the mapping."
        ),
    ),
    (
        "stacked-file",
        "The mapping is handed on to another file",
        (
            "The other file may have either kind of hook, and sees a VMA or a descriptor. The "
            "kernel would need a way to hand on a descriptor (vfs_mmap() takes a VMA); until then "
            "the old handler has to stay."
        ),
    ),
    (
        "anonymous",
        "NULL operations make the mapping anonymous",
        (
            "Only /dev/zero means that. Where it is meant, `vma_desc_set_anonymous()` says so; "
            "where it is not, leave `vm_ops` alone."
        ),
    ),
    (
        "both-members",
        "The table sets `.mmap_prepare` already",
        "A file has one of the two hooks. See which of them is meant, and remove the other.",
    ),
    (
        ARMS_ALREADY,
        "The table has either member, each in an arm of its own",
        (
            "The old hook is there for kernels without `mmap_prepare` only, as `--dual` has it. "
            "There is nothing to do, and the exit code says so."
        ),
    ),
    (
        "flag-without-bit",
        "A mask has no bit that is always the same",
        "The mask is 0, or depends on the configuration where a `_BIT` does not.",
    ),
    (
        "member-used",
        "Code reads or calls the `.mmap` of a table",
        (
            "After the conversion the member is NULL. Tests become `can_mmap_file()`, calls "
            "`vfs_mmap()`; then the handler can be converted."
        ),
    ),
    (
        "member-twice",
        "An initializer sets the member twice",
        (
            "The last one counts. Of two members, both would. Remove the one that does not; where "
            "an entry of a range of elements is meant, write the elements out."
        ),
    ),
    (
        "table-assigned",
        "The member is changed at run time",
        (
            "A table that is filled or copied by code may end up with both hooks, or with none. "
            "Convert all places that set its members together."
        ),
    ),
    (
        "vm-file-compared",
        "The VMA's file is compared with another file",
        (
            "A descriptor has `file`, whose hook runs, and `vm_file`, which a stacked caller may "
            "have replaced. Which of them is meant, a person has to say."
        ),
    ),
    (
        "close-after-failure",
        "`close` would run for a mapping that failed",
        (
            "If the action fails, the mapping is unmapped and `vm_ops->close` is called; when a "
            "`.mmap` hook failed, it was not. Make `close` tolerate that, or count in `->mapped`."
        ),
    ),
    (
        "code-after-population",
        "Code runs after the mapping is populated",
        (
            "An action is performed after the hook. What the old hook did once the mapping was "
            "populated would come before it. Move it into `vm_ops->mapped` where it depends on "
            "that."
        ),
    ),
    (
        "compat-by-hand",
        "The hook applies the compat path itself",
        (
            "It calls an mmap_prepare hook with a descriptor that compat_set_desc_from_vma() "
            "fills, and has __compat_vma_mmap() apply it. By hand, it becomes one by handing its "
            "own descriptor on; see what the compat path does that then nobody does: it leaves "
            "the private data of that descriptor in the VMA, NULL too, and ignores "
            "error_override."
        ),
    ),
    (
        "defined-twice",
        "The name has several definitions in different files",
        "Which of them is meant depends on the configuration, or on the file that says the name.",
    ),
    (
        "dma-population",
        "dma_mmap_…() has no action",
        (
            "Where such memory lies is the business of the device's DMA operations: pages of the "
            "kernel's map, of a pool, of an IOMMU. So no physical address and no array of pages "
            "can be told in general, and no action maps it by its device: the kernel would need "
            "one that calls dma_mmap_attrs(). A driver that allocates with dma_alloc_pages() has "
            "the pages, and can map those; else the old handler has to stay."
        ),
    ),
    (
        "dual-arms-differ",
        "The old and the new hook can't be kept side by side",
        (
            "Arms of an `#if` would not leave the old and the new file as they are. Convert "
            "without `--dual`, and put the old hook back by hand."
        ),
    ),
    (
        "dual-in-macro",
        "What changes is in the body of a macro",
        "A macro can't have `#if` in its body. Define the macro twice.",
    ),
    (
        "dual-names",
        "No release and all after it have the names of the new hook",
        (
            "The hook is written for a release whose names are gone in a later one, so no version "
            "of the kernel divides old from new. Choose a newer `--target`."
        ),
    ),
    (
        "errno-not-constant",
        "A failure becomes an error that is not constant",
        "`action.error_override` takes one constant errno.",
    ),
    (
        "errno-of-helper",
        "A helper's error is translated",
        (
            "The helper fails for reasons of its own and for the mapping's; only the latter come "
            "later. Let the helper set `action.error_override`."
        ),
    ),
    (
        "errno-of-range",
        "The error of a range check would change",
        (
            "`mmap_action_simple_ioremap()` checks its range before the action starts, and "
            "`error_override` does not cover that. Check the range in the hook."
        ),
    ),
    (
        "exported-handler",
        "The function is not static, and its file lies in no tree",
        (
            "Other files may call it or name it in tables of theirs. Where the file lies in a "
            "kernel tree they are found, and converted along with it. Of a driver that lies in "
            "none, name the folder with all its files (`premap convert DIR`), or make the hook "
            "static."
        ),
    ),
    (
        "file-reassigned",
        "The file is given another value",
        "The hook's parameter for the file is assigned to or its address is taken.",
    ),
    (
        "file-swapped",
        "The hook swaps the mapping's file",
        (
            "`desc->vm_file` takes a reference of its own; who puts which has to be worked out by "
            "hand."
        ),
    ),
    (
        "flag-not-portable",
        "A flag is not a bit on every kernel",
        (
            "Its bit is above 31 or another flag's alias: setting it on a 32-bit kernel writes "
            "beyond the bitmap. Set it under `if (IS_ENABLED(CONFIG_64BIT))`, if the driver is "
            "built for both; where the headers say that it is nothing in 32-bit kernels, and a "
            "statement of its own sets it, that is done (G10)."
        ),
    ),
    (
        "flags-as-number",
        "The flags are used as a number",
        "A descriptor has no word of flags. Test the flags that matter by their bits.",
    ),
    (
        "flags-in-macro",
        "Flags are hidden in a macro",
        "A macro of the driver names several VM_ flags. Turn it into a list of bits.",
    ),
    (
        "flags-never-equal",
        "Flags are compared with what they can't be",
        "The comparison is always false: most likely a mistake in the old code.",
    ),
    (
        "flags-not-constant",
        "A mask of flags is not a list of flags",
        ("It comes from a variable or a calculation; the new functions take bits by name."),
    ),
    (
        "framework-calls-mmap",
        "The framework calls the member itself",
        (
            "Something besides the kernel's mmap path calls `fops->mmap` of this table, and would "
            "find NULL there. It has to call `vfs_mmap()` first."
        ),
    ),
    (
        "handler-elsewhere",
        "The function's definition is not found",
        (
            "It is neither in the file of the table nor, where there is a tree, in another one. Of "
            "a driver outside any tree, name the folder with all its files: `premap convert DIR`."
        ),
    ),
    (
        "handler-not-plain",
        "The table does not name a function",
        "The member is initialised with an expression or a macro.",
    ),
    (
        "keeps-state",
        "The hook counts, takes or allocates",
        (
            "Before the mapping exists nothing may be taken: it may merge, or fail. Move it into "
            "`vm_ops->mapped`, with what is tested between taking and giving back, and make "
            "`close` the opposite of that. Where `->mapped` fails, `close` runs too: only what "
            "`->mapped` left in the private data tells it that something was taken."
        ),
    ),
    (
        "local-pgprot",
        "It maps with a protection of its own",
        (
            "Actions take `desc->page_prot`, which the mapping keeps: later faults and mprotect() "
            "use it, where the old handler left them the mapping's own. If the pages are to keep "
            "the protection then, too, set `desc->page_prot` before the action; else the kernel "
            "would need an action with a protection of its own. The same goes for functions that "
            "change it for their range, such as remap_4k_pfn()."
        ),
    ),
    (
        "local-with-effect",
        "A variable that is no longer used is set by a call",
        "Whether the call has to stay is for a person to say.",
    ),
    (
        "lock-over-population",
        "A lock is held while the mapping is populated",
        (
            "The action runs after the hook, so after the lock is released. Find out what the "
            "lock protects: if it is only what the hook reads, release it before the population "
            "in the old handler first, and convert then."
        ),
    ),
    (
        "macro-table",
        "The table is built by a macro",
        (
            "Who uses the macro may set more members beside it, the old hook among them, and a "
            "table with both is wrong. Convert the macro by hand, and look at all that use it. "
            "With --callback that is done where every use can be looked at."
        ),
    ),
    (
        "member-call",
        "The VMA goes to a function pointer",
        (
            "Whoever implements that member has to take a descriptor, too. `premap convert "
            "--callback` gives the member a twin, and converts those that can be; the handler that "
            "calls it can follow once every one of them is. As long as one needs a VMA, say "
            "because it maps DMA memory, that handler has to stay."
        ),
    ),
    (
        "name-taken",
        "A name that is needed is in use",
        ("The new function's name, or the descriptor's, means something else in this file."),
    ),
    (
        "needs-braces",
        "Several statements would stand where one was",
        "The branch needs braces; add them and try again.",
    ),
    (
        "no-function",
        "The member is set to no function",
        "There is nothing to convert: the line can go.",
    ),
    (
        "not-a-hook",
        "The function has not the parameters of a hook",
        "It takes something else than a file and a VMA.",
    ),
    (
        "not-file-operations",
        "The table has no mmap_prepare member",
        (
            "In this release only struct file_operations has one. The subsystem has to get it "
            "first, and to call it through the compatibility functions."
        ),
    ),
    (
        "overlap",
        "Two idioms claim the same code",
        "This is a limit of premap.",
    ),
    (
        "page-population",
        "It maps page by page",
        (
            "`mmap_action_map_kernel_pages()` maps an array of pages that outlives the hook: where "
            "the driver has one, or can keep one, map that. Pages that are only found one by one "
            "are a fault handler's to map, which needs no action; that changes when they are "
            "mapped, and what a failure does. Code that walks the page tables has none to walk "
            "before the mapping exists, and `->mapped` is given no VMA."
        ),
    ),
    (
        "parse-error",
        "The function could not be parsed",
        "Macros that are no C keep it from being understood wholly.",
    ),
    (
        "partial-remap",
        "It is not seen that the whole mapping is mapped",
        (
            "The size or the start is computed, or not compared with the mapping's. An action that "
            "reaches beyond the mapping fails, where remap_pfn_range() maps beyond the end of the "
            "VMA: if the old code may do that, it is a mistake in it. Find out which size is "
            "meant, check it against the mapping's in the hook, and map `vma_desc_size(desc)` "
            "bytes, or the part."
        ),
    ),
    (
        "population-result-used",
        "The result of mapping is used in a way of its own",
        "It is combined with others, or tested later.",
    ),
    (
        "positional-table",
        "The table is filled by position",
        "Name its members first (`.mmap = …`); then it converts like any other.",
    ),
    (
        "prot-after-population",
        "The protection changes after it was used",
        (
            "The pages were mapped with the old one; an action would see it, or not, depending on "
            "its kind."
        ),
    ),
    (
        "range-changed",
        "The hook changes where the mapping starts or ends",
        "Start and end of a descriptor can't be changed, not even for a while.",
    ),
    (
        "range-restored",
        "Offset or range are put back after mapping",
        (
            "They were changed for a call that looks at them. The action looks at them after the "
            "hook: map by PFNs instead."
        ),
    ),
    (
        "release-lacks-error-override",
        "The release can't translate an action's error",
        "`action.error_override` came with 7.2.",
    ),
    (
        "release-lacks-flag",
        "The release has no such flag",
        "There is no `VMA_…_BIT` of that name in its headers.",
    ),
    (
        "release-lacks-helper",
        "The release has no such function",
        "See the table of releases for when it came.",
    ),
    (
        "second-caller",
        "Somebody else uses the function",
        (
            "It is called, or its address is taken, where a VMA is at hand and no descriptor. "
            "Split it: a core on plain values, wrapped twice."
        ),
    ),
    (
        "second-table",
        "A table of another type names the function, too",
        "That table has no mmap_prepare member.",
    ),
    (
        "several-actions",
        "Several ranges are mapped on one path",
        (
            "A mapping has one action; a second replaces the first. Map one range, or map on "
            "demand in `->fault`."
        ),
    ),
    (
        "several-ranges",
        "A loop maps range after range",
        (
            "A mapping has one action, for one range. The kernel would need an action for "
            "several; until then map on demand, in `->fault`."
        ),
    ),
    (
        "shared-helper",
        "A helper is shared with a hook that can't be converted",
        (
            "Nothing in the hook itself is in the way. A function that it passes the VMA to would "
            "take a descriptor, and another hook that calls it can't give it one. Convert that "
            "hook first, or give the helper a twin for descriptors beside the old one."
        ),
    ),
    (
        "site-unparsed",
        "What sets the member could not be parsed",
        (
            "The text says `.mmap =`, but brackets around it are not closed, or macros keep it "
            "from being C. It is not known whose member it is, so nothing was converted for it."
        ),
    ),
    (
        "temporary-pages",
        "The array of pages is gone when the pages are mapped",
        (
            "An action reads the array after the hook has returned. Keep the array where the "
            "mapping's object is, or fill it in `->fault`."
        ),
    ),
    (
        "too-deep",
        "The code is nested too deeply",
        "This is a limit of premap.",
    ),
    (
        "unknown-helper",
        "A function that is given the VMA is not known",
        (
            "See what it does with the VMA. If it only reads or sets members of it, write it anew "
            "for a descriptor; if it takes, allocates or populates something, that belongs into "
            "`vm_ops->mapped` or into an action first."
        ),
    ),
    (
        "unknown-member",
        "A member of the VMA has no counterpart",
        "A descriptor has only what a mapping that does not exist yet can have.",
    ),
    (
        "vma-escapes",
        "The VMA is used in an unknown way",
        "No idiom knows what to make of it.",
    ),
    (
        "vma-in-macro",
        "A macro uses the hook's own variables",
        "Its body names the VMA or the file without taking it as an argument.",
    ),
    (
        "vma-stored",
        "The VMA is stored",
        (
            "There is no VMA yet when mmap_prepare runs, and `->mapped` is given none. Keep what "
            "it is needed for instead: the address and the mm, to look it up under the mmap lock; "
            "or take mappings down by the file's offsets, with unmap_mapping_range()."
        ),
    ),
    (
        "vmalloc-population",
        "It maps vmalloc memory",
        (
            "Its pages lie anywhere, so no range of PFNs is it, and there is no array of them: the "
            "kernel would need an action for such an area. By hand, keep an array of its pages "
            "(vmalloc_to_page()) as long as the area lives, and map that with "
            "`mmap_action_map_kernel_pages()`, after the bounds checks of remap_vmalloc_range(), "
            "which takes VM_USERMAP or VM_DMA_COHERENT areas only and sets VM_DONTEXPAND and "
            "VM_DONTDUMP."
        ),
    ),
    (
        "write-only-member",
        "Operations or private data are read back",
        "Both are write-only in a descriptor.",
    ),
)

EXPLANATIONS: dict[str, Explanation] = {
    **{
        id_: Explanation(id_, "reason", title, text)
        for id_, title, text in (*_REASONS, *CALLBACK_REASONS)
    },
    **{id_: Explanation(id_, "note", title, text) for id_, title, text in NOTES},
}
"""What `premap explain` says of a reason or a note."""
