# SPDX-License-Identifier: GPL-2.0-only
"""Which kernel functions take something, by what their kernel-doc says they do."""

from __future__ import annotations

import pytest

from premap.csource import keeping

ALLOCATE = "kmalloc_array kzalloc_obj kvzalloc_objs kvcalloc vzalloc_node vmalloc_32_user vmalloc"
REFER = "kref_get refcount_inc_not_zero atomic_long_add_return dget_parent get_task_mm path_get"
LINK = "list_add_tail hlist_add_head_rcu rb_insert_color rb_link_node xa_insert_irq ida_alloc_range"
NEITHER = "kfree kref_put list_del vmalloc_to_page page_to_pfn mutex_lock get_order dev_name"


@pytest.mark.parametrize(
    ("names", "kind"),
    [(ALLOCATE, keeping.allocates), (REFER, keeping.refers), (LINK, keeping.links)],
)
def test_each_kind_is_known_by_name(names: str, kind: object) -> None:
    kinds = (keeping.allocates, keeping.refers, keeping.links)
    for name in names.split():
        assert [each for each in kinds if each(name)] == [kind], name


@pytest.mark.parametrize("name", NEITHER.split())
def test_what_takes_nothing(name: str) -> None:
    assert not any(
        kind(name)
        for kind in (
            keeping.allocates,
            keeping.allocates_for_device,
            keeping.finds,
            keeping.refers,
            keeping.links,
        )
    )


def test_what_a_device_frees() -> None:
    assert keeping.allocates_for_device("devm_kzalloc")
    assert not keeping.allocates("devm_kzalloc")
    assert not keeping.allocates_for_device("kzalloc")


def test_what_only_a_lock_kept() -> None:
    assert keeping.finds("kref_get_unless_zero")
    assert keeping.finds("refcount_inc_not_zero")
    assert not keeping.finds("refcount_inc")
