# SPDX-License-Identifier: GPL-2.0-only
"""What shows only beside another mapping of the file: where either version merges."""

from __future__ import annotations

import pytest
from tests.equivalence.kit import judge

OLD = "struct dev *d = file->private_data; "
NEW = "struct dev *d = desc->file->private_data; "
OPS = ("vma->vm_ops = &ring_vm_ops; return 0;", "desc->vm_ops = &ring_vm_ops; return 0;")
DONTCOPY = ("vm_flags_set(vma, VM_DONTCOPY); ", "vma_desc_set_flags(desc, VMA_DONTCOPY_BIT); ")


def ids(old: str, new: str) -> tuple[str, set[str]]:
    """Return the verdict's status and the differences of two bodies, less the same head."""
    found = judge(OLD + old + OPS[0], NEW + new + OPS[1])
    return found.status, {each.id for each in found.differences}


class TestWhereTheOldOneMerges:
    @pytest.mark.parametrize("text", ["d->count++; ", "d->count += d->size; "])
    def test_what_the_new_one_counts_once_more(self, text: str) -> None:
        status, found = ids(text, text)
        assert (status, found) == ("different", {"state"})

    def test_what_hangs_on_what_the_mapping_beside_left(self) -> None:
        once = "if (d->limit > 6) return -EBUSY; d->limit = 3; "
        assert ids(once, once)[0] == "equivalent-except"
        twice = "if (d->limit == 3) return -EBUSY; d->limit = 3; "
        status, found = ids(twice, twice)
        assert status == "different", found


class TestWhereOnlyTheNewOneMerges:
    def test_without_a_loss(self) -> None:
        status, found = ids(*DONTCOPY)
        assert (status, found) == ("equivalent-except", {"merges-now"})

    def test_private_data_that_is_lost(self) -> None:
        old = DONTCOPY[0] + "vma->vm_private_data = (void *)vma->vm_pgoff; "
        new = DONTCOPY[1] + "desc->private_data = (void *)desc->pgoff; "
        status, found = ids(old, new)
        assert status == "different"
        assert "private-data" in found

    def test_flags_that_hang_on_the_offset(self) -> None:
        status, _ = ids(
            "if (vma->vm_pgoff < 5) " + DONTCOPY[0],
            "if (desc->pgoff <= 5) " + DONTCOPY[1],
        )
        assert status == "different"


class TestWhereNeitherMerges:
    """Then the mapping alone has shown everything, whatever the one beside it left behind."""

    SPECIAL = ("vm_flags_set(vma, VM_IO); ", "vma_desc_set_flags(desc, VMA_IO_BIT); ")

    def test_state_that_the_first_mapping_left(self) -> None:
        old, new = self.SPECIAL
        busy = "if (d->count > 1) return -EBUSY; d->count += 2; "
        once = "if (d->count) return -EBUSY; d->count += 2; "
        assert ids(busy + old, busy + new)[0] == "different"  # the VMA can't be allocated
        assert ids(busy + old, once + new)[0] == "different"

    def test_only_one_call_in_a_hundred(self) -> None:
        old, new = self.SPECIAL
        status, _ = ids(
            "d->ro = 1; " + old, "if (d->count == 77 && d->limit == 3) d->ro = 2; " + new
        )
        assert status == "different"


class TestOthersBetweenTheCalls:
    """Between two calls anybody may change driver state: the second merged, whatever it is now."""

    def test_a_refusal(self) -> None:
        body = "if (d->ro) return -ENODEV; "
        assert ids(body, body) == ("equivalent-except", {"hook-decides-merge"})

    def test_a_refusal_that_hangs_on_an_atomic(self) -> None:
        body = "if (atomic_read(d->shared)) return -ENODEV; "
        assert ids(body, body) == ("equivalent-except", {"hook-decides-merge"})

    def test_a_special_flag_that_hangs_on_it(self) -> None:
        old, new = TestWhereNeitherMerges.SPECIAL
        body = "if (d->ro) "
        assert ids(body + old, body + new) == ("equivalent-except", {"hook-decides-merge"})

    def test_what_never_merges(self) -> None:
        old, new = TestWhereNeitherMerges.SPECIAL
        body = "if (d->ro) return -ENODEV; "
        assert ids(body + old, body + new) == ("equivalent", set())

    def test_what_is_set_once_and_for_all(self) -> None:
        body = "if (!d->cookie) d->cookie = &ring_vm_ops; "
        status, found = ids(body, body)
        assert status == "equivalent-except"
        assert found == {"state-before-failure", "hook-runs-on-merge"}
