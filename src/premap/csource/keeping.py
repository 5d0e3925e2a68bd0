# SPDX-License-Identifier: GPL-2.0-only
"""What kernel functions take, allocate or link that somebody has to give back, by their names.

Names are all there is of a driver without its tree. What a function does to memory and locks, as
far as it is known, is in `interp/functions.toml`.
"""

from __future__ import annotations

import re

_ALLOCATE_BEGIN = (
    *("kmalloc", "kzalloc", "kcalloc", "kvmalloc", "kvzalloc", "kvcalloc", "vzalloc", "vmalloc_32"),
    *(
        "kmemdup",
        "kstrdup",
        "alloc_page",
        "folio_alloc",
        "dma_alloc_",
        "kmem_cache_alloc",
        "kmem_cache_zalloc",
    ),
)
"""How names of functions begin that allocate: these have many variants."""
_ALLOCATE = frozenset(
    (
        *("vmalloc", "vmalloc_user", "vmalloc_node", "vmalloc_huge", "mempool_alloc"),
        *("__get_free_page", "__get_free_pages", "get_zeroed_page"),
        *("dma_pool_alloc", "dma_pool_zalloc"),
    )
)
SLAB = frozenset(
    (
        *("kmalloc", "kzalloc", "kvmalloc", "kvzalloc"),
        *("kmalloc_obj", "kzalloc_obj", "kvmalloc_obj", "kvzalloc_obj"),
    )
)
"""Those whose memory, of one object, `FREES` gives back."""
FREES = frozenset(("kfree", "kvfree", "kfree_sensitive", "kvfree_sensitive"))
_REFER_BEGIN = (
    *("kref_get", "kobject_get", "get_file", "mmget", "refcount_inc", "refcount_add", "dget"),
    *("pin_user_pages", "get_user_pages", "get_task_", "pm_runtime_get", "clk_prepare"),
    *(
        f"atomic{kind}_{does}"
        for kind in ("", "64", "_long")
        for does in ("inc", "add", "fetch_inc", "fetch_add")
    ),
)
"""How names of functions begin that count, or take a reference."""
_REFER = frozenset(
    (
        *("get_page", "try_get_page", "folio_get", "get_device", "fget", "get_pid", "path_get"),
        *("try_module_get", "__module_get", "mmgrab", "igrab", "ihold", "dma_buf_get"),
        *("dev_hold", "netdev_hold", "sock_hold", "fget_raw"),
        *("pm_runtime_resume_and_get", "clk_enable", "file_ref_inc", "file_ref_get"),
    )
)
_LINK_BEGIN = (
    *("list_add", "list_move", "hlist_add", "rb_insert_", "xa_store", "xa_insert", "xa_alloc"),
    *("idr_alloc", "ida_alloc", "mtree_store", "mtree_insert"),
    *("mmu_notifier_register", "mmu_interval_notifier_insert"),
)
"""How names of functions begin that put something where others find it."""
_LINK = frozenset(("rb_link_node",))
_FIND_END = ("_inc_not_zero", "_get_unless_zero")
"""How names of functions end that take a reference of what only a lock kept until then."""
SETS = re.compile(r"refcount_set|atomic(?:64|_long)?_set")
"""Functions that give a counter its value."""
GIVES = re.compile(
    r"""
    (?:^|_)(?:free|put|unpin|release|drop|unref|dec|sub)(?:_|$)
    | ^k?v?free | ^(?:mmdrop|mmput|mntput|iput|dput|fput)$ | clk_(?:disable|unprepare)
    """,
    re.VERBOSE,
)
"""What is in the names of functions that give something back."""
GIVES_BACK = re.compile(
    r"""
    (?:\w*_)? (?:(?:d|f|i|mm|mnt)?put | dec | (?:mm)?drop | release | unref | disable) (?:_\w*)?
    """,
    re.VERBOSE,
)
"""Names of functions that give back a reference or a count; none that free what was allocated."""
_MAY_TAKE = re.compile(r"(?:^|_)(?:hold|grab|ref|pin|acquire|inc)(?:_|$)|_get$")
_ONLY_READS = re.compile(
    r"^smp_|(?:^|_)(?:read|count|acquire)$|^atomic(?:64|_long)?_(?:read|cmpxchg)"
)


def may_take(name: str) -> bool:
    """Whether a function that nobody knows, of this name, may take a reference or a count."""
    return _MAY_TAKE.search(name) is not None and _ONLY_READS.search(name) is None


def allocates(name: str) -> bool:
    """Whether a function of this name allocates what somebody has to free."""
    return name in _ALLOCATE or name.startswith(_ALLOCATE_BEGIN)


def allocates_for_device(name: str) -> bool:
    """Whether a function of this name allocates what goes with its device."""
    bare = name.removeprefix("devm_")
    return bare != name and (allocates(bare) or "alloc" in bare)


def finds(name: str) -> bool:
    """Whether a function of this name takes a reference of what only a lock kept until then."""
    return name.endswith(_FIND_END)


def refers(name: str) -> bool:
    """Whether a function of this name counts, or takes a reference."""
    return name in _REFER or name.startswith(_REFER_BEGIN)


def links(name: str) -> bool:
    """Whether a function of this name puts something where others find it."""
    return name in _LINK or name.startswith(_LINK_BEGIN)
