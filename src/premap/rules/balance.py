# SPDX-License-Identifier: GPL-2.0-only
"""What takes something that has to be given back, and what gives it back, by name."""

from __future__ import annotations

import re

_TAKES_BEGIN = (
    *("kmalloc", "kzalloc", "kcalloc", "kvmalloc", "kvzalloc", "kvcalloc", "vzalloc", "vmalloc_32"),
    *("kmemdup", "kstrdup", "alloc_page", "kref_get", "kobject_get", "get_file", "mmget"),
    *("refcount_inc", "refcount_add", "pin_user_pages", "get_user_pages", "dget"),
    *("pm_runtime_get", "clk_prepare"),
    *(
        f"atomic{kind}_{does}"
        for kind in ("", "64", "_long")
        for does in ("inc", "add", "fetch_inc", "fetch_add")
    ),
)
"""How names of kernel functions begin that take or allocate something."""
_TAKES = frozenset(
    (
        *("vmalloc", "vmalloc_user", "vmalloc_node", "vmalloc_huge", "mempool_alloc"),
        *("__get_free_page", "__get_free_pages", "get_zeroed_page", "get_page", "try_get_page"),
        *("folio_get", "get_device", "fget", "get_pid", "try_module_get", "__module_get"),
        *("mmgrab", "igrab", "ihold", "dma_buf_get", "pm_runtime_resume_and_get", "clk_enable"),
        *("path_get", "file_ref_inc", "file_ref_get"),
    )
)
"""Such names themselves."""
_TAKES_OTHERWISE = re.compile(
    r"dma_alloc_\w+|dma_pool_\w?alloc|kmem_cache_\w*alloc\w*|get_task_\w+", re.ASCII
)
GIVES = re.compile(
    r"""
    (?:^|_)(?:free|put|unpin|release|drop|unref|dec|sub)(?:_|$)
    | ^k?v?free | ^(?:mmdrop|iput|dput|fput|module_put)$ | clk_(?:disable|unprepare)
    """,
    re.VERBOSE,
)
"""What is in the names of functions that give something back."""


_TAKES_BY_WORD = re.compile(r"(?:^|_)(?:get|inc|hold|grab|acquire|add|ref|pin|alloc|take)(?:_|$)")


def takes(name: str) -> bool:
    """Whether a kernel function of this name takes or allocates something."""
    return name in _TAKES or name.startswith(_TAKES_BEGIN) or bool(_TAKES_OTHERWISE.fullmatch(name))


def by_word(name: str) -> int:
    """Return what `weight` does, and go by single words where it knows nothing.

    Right for callbacks, whose calls come in pairs; a hook calls many a function that only gets.
    """
    known = weight(name)
    return 1 if known == 0 and _TAKES_BY_WORD.search(name) else known


def weight(name: str) -> int:
    """Return 1 for a function that takes something, -1 for one that gives it back, else 0."""
    if takes(name):
        return 1
    return -1 if GIVES.search(name) else 0
