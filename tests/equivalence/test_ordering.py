# SPDX-License-Identifier: GPL-2.0-only
"""Barriers, acquiring loads and releasing stores: what other threads may see, and change.

(Documentation/memory-barriers.txt, Documentation/atomic_t.txt)
"""

from __future__ import annotations

import pytest
from tests.equivalence.differing import DEV, NEW_DEV, differ
from tests.equivalence.kit import judge

LOCKED = "mutex_lock(&d->lock); mutex_unlock(&d->lock); "


PAIRS = {
    "stores change places": (
        "d->count = 1; smp_wmb(); d->ro = 1; return 0;",
        "d->ro = 1; smp_wmb(); d->count = 1; return 0;",
    ),
    "no barrier": (
        "d->count = 1; smp_wmb(); d->ro = 1; return 0;",
        "d->count = 1; d->ro = 1; return 0;",
    ),
    "another barrier": (
        "d->count = 1; smp_wmb(); d->ro = 1; return 0;",
        "d->count = 1; smp_mb(); d->ro = 1; return 0;",
    ),
    "a store that releases nothing": (
        "d->count = 1; smp_store_release(&d->ro, 1); return 0;",
        "d->count = 1; WRITE_ONCE(d->ro, 1); return 0;",
    ),
    "a store that is released too early": (
        "d->count = 1; smp_store_release(&d->ro, 1); return 0;",
        "smp_store_release(&d->ro, 1); d->count = 1; return 0;",
    ),
    "a pointer that is published with no barrier": (
        "d->count = 1; rcu_assign_pointer(d->cookie, d->shared); return 0;",
        "d->count = 1; RCU_INIT_POINTER(d->cookie, d->shared); return 0;",
    ),
    "a load that acquires nothing": (
        "if (!smp_load_acquire(&d->ro)) return -EINVAL; return d->count ? 0 : -EIO;",
        "if (!READ_ONCE(d->ro)) return -EINVAL; return d->count ? 0 : -EIO;",
    ),
    "a load before the one that acquires": (
        "if (!smp_load_acquire(&d->count)) return -1; return d->ro ? 0 : -EIO;",
        "int n = d->ro; if (!smp_load_acquire(&d->count)) return -1; return n ? 0 : -EIO;",
    ),
    "a store with no barrier after it": (
        "smp_store_mb(d->ro, 1); return d->count ? 0 : -EIO;",
        "d->ro = 1; return d->count ? 0 : -EIO;",
    ),
    "what is read twice may differ": (
        "unsigned long count = d->count; smp_rmb(); return count == d->count ? 0 : -EAGAIN;",
        "smp_rmb(); return 0;",
    ),
    "a load before a read-modify-write": (
        "if (atomic_inc_return(&d->lock) > 1) return -1; return d->ro ? 0 : -2;",
        "int n = d->ro; if (atomic_inc_return(&d->lock) > 1) return -1; return n ? 0 : -2;",
    ),
}


class TestOrder:
    @pytest.mark.parametrize("name", PAIRS)
    def test_other_orders(self, name: str) -> None:
        old, new = PAIRS[name]
        differ(DEV + old, NEW_DEV + new)

    @pytest.mark.parametrize("name", [name for name in PAIRS if "read-modify-write" not in name])
    def test_one_order(self, name: str) -> None:
        verdicts = {judge(DEV + body, NEW_DEV + body).status for body in PAIRS[name]}
        assert verdicts <= {"equivalent", "equivalent-except"}

    def test_an_order_that_does_not_matter(self) -> None:
        """Nothing is between the stores, so nobody is told which comes first."""
        verdict = judge(
            DEV + "d->count = 1; d->ro = 1; return 0;",
            NEW_DEV + "d->ro = 1; d->count = 1; return 0;",
        )
        assert verdict.status == "equivalent-except"


class TestRepeated:
    """The hook also runs for a mapping that merges, after others changed what the first left."""

    @pytest.mark.parametrize(
        "body",
        [
            LOCKED + "d->ro = 1; return 0;",
            "mutex_lock(&d->lock); d->count = 1; mutex_unlock(&d->lock); d->ro = 1; return 0;",
            "smp_wmb(); d->ro = 1; return 0;",
        ],
    )
    def test_what_comes_to_the_same_may_stay(self, body: str) -> None:
        verdict = judge(DEV + body, NEW_DEV + body)
        assert verdict.status == "equivalent-except"
        assert {each.id for each in verdict.differences} == {
            "hook-runs-on-merge",
            "state-before-failure",
        }

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (LOCKED + "d->count++; return 0;",) * 2,
            (LOCKED + "d->ro ^= 1; return 0;",) * 2,
            (LOCKED + "if (d->ro) return -EBUSY; d->ro = 1; return 0;",) * 2,
            (
                LOCKED + "d->count = vma->vm_pgoff; return 0;",
                LOCKED + "d->count = desc->pgoff; return 0;",
            ),
        ],
    )
    def test_what_does_not_may_not(self, old: str, new: str) -> None:
        differ(DEV + old, NEW_DEV + new)

    def test_nor_for_private_mappings_alone(self) -> None:
        differ(
            DEV + LOCKED + "if (!(vma->vm_flags & VM_SHARED)) d->count = vma->vm_pgoff; return 0;",
            NEW_DEV
            + LOCKED
            + "if (!vma_desc_test(desc, VMA_SHARED_BIT)) d->count = desc->pgoff; return 0;",
        )

    @pytest.mark.parametrize("first", ["vma->vm_pgoff == 0", "vma->vm_pgoff > 3"])
    def test_nor_where_a_call_either_locks_or_writes(self, first: str) -> None:
        body = f"if ({first}) {{ {LOCKED} }} else d->count = vma->vm_pgoff; return 0;"
        differ(DEV + body, NEW_DEV + body.replace("vma->vm_pgoff", "desc->pgoff"))
