# SPDX-License-Identifier: GPL-2.0-only
"""What takes something that has to be given back, and what gives it back, by name."""

from __future__ import annotations

import re

TAKES = re.compile(
    r"""
    k[mzc]alloc\w* | kv[mzc]alloc\w* | vzalloc\w* | vmalloc(?:_user|_32\w*|_node|_huge)?
    | kmemdup\w* | kstrdup\w* | alloc_pages?\w* | __get_free_pages? | get_zeroed_page
    | dma_alloc_\w+ | dma_pool_\w?alloc | kmem_cache_\w*alloc\w* | mempool_alloc
    | refcount_(?:inc|add)\w* | atomic(?:64|_long)?_(?:inc|add|fetch_inc|fetch_add)\w*
    | kref_get\w* | kobject_get\w* | get_device | get_file\w* | fget | get_task_\w+ | get_pid
    | get_page | try_get_page | folio_get | pin_user_pages\w* | get_user_pages\w*
    | try_module_get | __module_get | mmget\w* | mmgrab | igrab | ihold | dget\w* | dma_buf_get
    | pm_runtime_get\w* | pm_runtime_resume_and_get | clk_prepare\w* | clk_enable
    | path_get | file_ref_(?:inc|get)
    """,
    re.VERBOSE,
)
"""Kernel functions that take or allocate something."""
GIVES = re.compile(
    r"""
    (?:^|_)(?:free|put|unpin|release|drop|unref|dec|sub)(?:_|$)
    | ^k?v?free | ^(?:mmdrop|iput|dput|fput|module_put)$ | clk_(?:disable|unprepare)
    """,
    re.VERBOSE,
)
"""What is in the names of functions that give something back."""


_TAKES_BY_WORD = re.compile(r"(?:^|_)(?:get|inc|hold|grab|acquire|add|ref|pin|alloc|take)(?:_|$)")


def by_word(name: str) -> int:
    """Return what `weight` does, and go by single words where it knows nothing.

    Right for callbacks, whose calls come in pairs; a hook calls many a function that only gets.
    """
    known = weight(name)
    return 1 if known == 0 and _TAKES_BY_WORD.search(name) else known


def weight(name: str) -> int:
    """Return 1 for a function that takes something, -1 for one that gives it back, else 0."""
    if TAKES.fullmatch(name):
        return 1
    return -1 if GIVES.search(name) else 0
