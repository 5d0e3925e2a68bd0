# SPDX-License-Identifier: GPL-2.0-only
"""Changes of the model that nothing can observe, each with the reason: see mutants.py.

The key is the file, the function, the changed statement as `ast.unparse()` writes it, and what
became of it.
"""

from __future__ import annotations

BESIDE_AN_ERROR = "what is returned beside an error is not read"
FALLS_THROUGH = "without it, the code that follows does the same"

EQUIVALENT: dict[tuple[str, str, str, str], str] = {
    ("protect.py", "_change", "return (err, 0)", "return (err, 1)"): BESIDE_AN_ERROR,
    ("protect.py", "_fixup", "return (err, 0)", "return (err, 1)"): BESIDE_AN_ERROR,
    (
        "mmap.py",
        "_shared_file_flags",
        "return (-errno.EACCES, 0)",
        "return (-errno.EACCES, 1)",
    ): BESIDE_AN_ERROR,
    ("mmap.py", "_file_flags", "return (-errno.EACCES, 0)", "return (-errno.EACCES, 1)"): (
        BESIDE_AN_ERROR
    ),
    (
        "remap.py",
        "_remap_move",
        "return (-errno.EFAULT, 0) if result is None else (0, result)",
        "return (-errno.EFAULT, 1) if result is None else (0, result)",
    ): BESIDE_AN_ERROR,
    ("remap.py", "_remap_move", "return (-errno.EFAULT, 0)", "return (-errno.EFAULT, 1)"): (
        BESIDE_AN_ERROR
    ),
    ("remap.py", "_check_params", "return 0", "pass"): (
        "its only caller says `if err`: None and 0 are the same to it"
    ),
    (
        "actions.py",
        "_perform",
        "vma.vm_mm.warn('an action that the preparation should have turned into another')",
        "pass",
    ): "the preparation turns every such action into another: the line is never reached",
    ("remap.py", "do_mremap", "return (-errno.ENOMEM, 0)", "return (-errno.ENOMEM, 1)"): (
        BESIDE_AN_ERROR
    ),
    ("mmap.py", "do_mmap", "return (err, 0, 0)", "return (err, 1, 0)"): BESIDE_AN_ERROR,
    ("region.py", "_setup", "return 0", "pass"): (
        "its only caller says `if err`: None and 0 are the same to it"
    ),
    ("remap.py", "__init__", "self.charged = 0", "self.charged = 1"): (
        "it is read for accounted mappings only, after their charge was set"
    ),
    ("remap.py", "_mremap_to", "return (-errno.EFAULT, 0)", "pass"): (
        "the source was found before, and what was unmapped since does not overlap it"
    ),
    ("pagetable.py", "first_present", "return None", "pass"): FALLS_THROUGH,
    ("gup.py", "_populate_anonymous", "return 0", "pass"): (
        "its only caller says `err or pages`: None and 0 are the same to it"
    ),
    ("move.py", "_uncharge", "vrm.charged = 0", "pass"): (
        "the move has failed, and nobody asks for its charge again"
    ),
    ("region.py", "_new_file_vma", "vma.vm_file = None", "pass"): (
        "the hook has failed: the VMA is in no tree, and freed"
    ),
}
