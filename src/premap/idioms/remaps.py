# SPDX-License-Identifier: GPL-2.0-only
"""What remap_pfn_range() and io_remap_pfn_range() have to be given to become an action."""

from __future__ import annotations

from tree_sitter import Node

from premap.csource.nodes import arguments, callee
from premap.idioms.idiom import DESC, Declined, Hook, Pieces
from premap.idioms.sizes import is_start, is_whole


def rewrite(old: str, action: str, node: Node, hook: Hook) -> Pieces | None:
    """Return old(vma, start, pfn, size, prot) as action(desc, pfn).

    Raises Declined unless it maps the whole mapping with the mapping's own protection.
    """
    given = arguments(node)
    if callee(node) != old or len(given) != 5 or not hook.is_vma(given[0]):
        return None
    _, start, pfn, size, prot = given
    if not is_start(start, hook) or not is_whole(size, hook):
        raise Declined("partial-remap", "it can't be seen that the whole mapping is mapped", node)
    if hook.member(prot) != "vm_page_prot":
        raise Declined(
            "local-pgprot", f"`{hook.text(prot)}` is not the mapping's own protection", prot
        )
    return (f"{hook.needs(action, node)}({DESC}, ", pfn, ")")
