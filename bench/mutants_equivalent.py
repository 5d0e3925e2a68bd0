# SPDX-License-Identifier: GPL-2.0-only
"""Changes of the model that nothing can observe, each with the reason: see mutants.py.

The key is the file, the changed statement as `ast.unparse()` writes it, and what became of it.
"""

from __future__ import annotations

BESIDE_AN_ERROR = "what is returned beside an error is not read"
FALLS_THROUGH = "without it, the code that follows does the same"

EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("protect.py", "return (err, 0)", "return (err, 1)"): BESIDE_AN_ERROR,
    ("mmap.py", "return (-errno.EACCES, 0)", "return (-errno.EACCES, 1)"): BESIDE_AN_ERROR,
    (
        "remap.py",
        "return (-errno.EFAULT, 0) if result is None else (0, result)",
        "return (-errno.EFAULT, 1) if result is None else (0, result)",
    ): BESIDE_AN_ERROR,
    # first_present(): of no entries, none is found.
    ("pagetable.py", "return None", "pass"): FALLS_THROUGH,
    # _populate_anonymous(): its caller says `err or pages`, and None is as good as 0.
    ("gup.py", "return 0", "pass"): "None and 0 are the same to its only caller",
    ("move.py", "vrm.charged = 0", "pass"): "the move has failed: nobody asks for the charge again",
    (
        "region.py",
        "vma.vm_file = None",
        "pass",
    ): "the hook failed: the VMA is in no tree, and freed",
}
