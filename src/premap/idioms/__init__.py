# SPDX-License-Identifier: GPL-2.0-only
"""Translation idioms, one file each; `IDIOMS` has them in the order in which they are tried.

They are loaded when that is asked for: who needs one module of this room loads no other.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from premap.idioms.idiom import Idiom
    from premap.records import Explanation

    IDIOMS: tuple[Idiom, ...]
    EXPLANATIONS: Mapping[str, Explanation]

_MODULES = (
    "r1_table",
    "r2_signature",
    "r3_file",
    "r4_mentions",
    "r5_arms",
    "r6_null_test",
    "f1_vm_ops",
    "f2_private_data",
    "f3_page_prot",
    "f5_pgoff",
    "f6_size",
    "f7_range",
    "f8_pages",
    "f9_mm",
    "f11_vm_file",
    "g10_wide_flags",
    "g11_flag_wrappers",
    "g1_set_flags",
    "g2_clear_flags",
    "g3_modify_flags",
    "g6_test_all",
    "g7_test_any",
    "g4_test_flag",
    "g9_flag_helpers",
    "h9_flag_parameter",
    "g8_flag_word",
    "h1_generic_mmap",
    "h3_kernel_helpers",
    "h5_other_arguments",
    "h7_split",
    "h6_helper",
    "h8_exported",
    "h10_callback",
    "h11_member_uses",
    "h12_inner_member",
    "a1_simple_ioremap",
    "a2_ignored",
    "a3_error_path",
    "a7_part",
    "a4_remap",
    "a5_ioremap",
    "a6_order",
    "a8_kernel_pages",
    "s1_mapped",
    "s2_taken",
    "s3_tolerant_close",
    "s4_allocated",
    "s5_stays",
)


def __getattr__(name: str) -> Any:
    if name == "IDIOMS":
        modules = (importlib.import_module(f"{__name__}.{each}") for each in _MODULES)
        made: Any = tuple(module.IDIOM for module in modules)
    elif name == "EXPLANATIONS":
        made = _explanations()
    else:
        raise AttributeError(name)
    globals()[name] = made
    return made


def _explanations() -> dict[str, Explanation]:
    """Return what `premap explain` says of each idiom."""
    from premap.records import Explanation  # noqa: PLC0415

    return {
        each.id: Explanation(
            each.id, "idiom", each.title, each.explanation, each.before, each.after
        )
        for each in __getattr__("IDIOMS")
    }


__all__ = ["EXPLANATIONS", "IDIOMS"]
