# SPDX-License-Identifier: GPL-2.0-only
"""Changes of the model that nothing can observe, each with the reason: see mutants.py.

The key is the file, the function, the changed statement as `ast.unparse()` writes it, and what
became of it.
"""

from __future__ import annotations

import re

BESIDE_AN_ERROR = "what is returned beside an error is not read"
FALLS_THROUGH = "without it, the code that follows does the same"
NONE_IS_ZERO = "its only caller says `if err`, to which None and 0 are the same"

_BESIDE = re.compile(r"return \((err|-errno\.\w+), (?:[01]|None)(, [01])?\)")
"""Functions that return an error and something else: every caller looks at the error first, and
returns it or makes another of it without a look at the rest."""

EQUIVALENT: dict[tuple[str, str, str, str], str] = {
    (
        "remap.py",
        "_remap_move",
        "return (-errno.EFAULT, 0) if result is None else (0, result)",
        "return (-errno.EFAULT, 1) if result is None else (0, result)",
    ): BESIDE_AN_ERROR,
    (
        "merge.py",
        "_needs_adjacent_anon_pgoff",
        "return vmg.file is not None and is_cow_mapping(vmg.vm_flags)",
        "return vmg.file is not None or is_cow_mapping(vmg.vm_flags)",
    ): (
        "memory has the same offset twice, and shared mappings never have anonymous pages, so that "
        "their second offset is always their address: both continue wherever addresses do"
    ),
    ("remap.py", "_check_params", "return 0", "pass"): NONE_IS_ZERO,
    ("region.py", "_setup", "return 0", "pass"): NONE_IS_ZERO,
    ("gup.py", "_populate_anonymous", "return 0", "pass"): (
        "its only caller says `err or pages`: None and 0 are the same to it"
    ),
    (
        "actions.py",
        "_perform",
        "vma.vm_mm.warn('an action that the preparation should have turned into another')",
        "pass",
    ): "the preparation turns every such action into another: the line is never reached",
    (
        "remap.py",
        "delta",
        "if self.old_len > self.new_len:",
        "if self.old_len >= self.new_len:",
    ): "of two equal lengths, either difference is 0",
    ("remap.py", "__init__", "self.charged = 0", "self.charged = 1"): (
        "it is read for accounted mappings only, after their charge was set"
    ),
    ("remap.py", "_mremap_to", "return (-errno.EFAULT, 0)", "pass"): (
        "the source was found before, and what was unmapped since does not overlap it"
    ),
    ("pagetable.py", "first_present", "return None", "pass"): FALLS_THROUGH,
    ("move.py", "_uncharge", "vrm.charged = 0", "pass"): (
        "the move has failed, and nobody asks for its charge again"
    ),
    (
        "madvise.py",
        "_set_name",
        "return (-errno.EAGAIN if err == -errno.ENOMEM else err, 0)",
        "return (-errno.EAGAIN if err == -errno.ENOMEM else err, 1)",
    ): BESIDE_AN_ERROR,
    ("madvise.py", "_populate", "if done < 0:", "if done <= 0:"): (
        "of a range that is not empty, at least a page is in, or there is an error"
    ),
    ("area.py", "_topdown", "if not remembered:", "if +bool(remembered):"): (
        "what a search remembers only makes the next one shorter"
    ),
    ("tree.py", "search_from", "del length", "pass"): "the name is not used",
    (
        "tree.py",
        "__init__",
        "self._no_gap = (U64_MAX, 0, 0)",
        "self._no_gap = (U64_MAX, 1, 0)",
    ): "no search ends at 0, and whatever opens a gap makes it 0 again",
    ("region.py", "_new_file_vma", "vma.vm_file = None", "pass"): (
        "the hook has failed: the VMA is in no tree, and freed"
    ),
}


def why_equivalent(file: str, function: str, before: str, after: str) -> str:
    """Return why a change can't be observed, if that has been shown."""
    old, new = _BESIDE.fullmatch(before), _BESIDE.fullmatch(after)
    if old and new and old[1] == new[1]:
        return BESIDE_AN_ERROR
    return EQUIVALENT.get((file, function, before, after), "")
