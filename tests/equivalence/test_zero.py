# SPDX-License-Identifier: GPL-2.0-only
"""Hooks that give a shared mapping a file of memory, as that of /dev/zero does."""

from __future__ import annotations

import pytest
from tests.equivalence.kit import judge, new_side, old_side, run_both

from premap.model.errors import NotModelled

OLD = (
    "if (vma->vm_flags & VM_SHARED) return shmem_zero_setup(vma); vma_set_anonymous(vma); return 0;"
)
NEW = (
    "if (vma_desc_test(desc, VMA_SHARED_BIT)) return shmem_zero_setup_desc(desc);"
    " vma_desc_set_anonymous(desc); return 0;"
)


def test_the_same() -> None:
    found = judge(OLD, NEW)
    assert found.status == "equivalent", found


def test_plain_numbers_agree() -> None:
    made = 0
    for seed in range(300):
        try:
            assert run_both(old_side(OLD), new_side(NEW), seed) == []
        except NotModelled:
            continue
        made += 1
    assert made > 200


@pytest.mark.parametrize(
    ("new", "id_"),
    [
        (NEW.replace("SHARED_BIT", "MAYSHARE_BIT"), "vm-file"),
        (
            NEW.replace("return shmem_zero_setup_desc(desc)", "shmem_zero_setup_desc(desc)"),
            "vm-ops",
        ),
        (NEW.replace(" vma_desc_set_anonymous(desc);", ""), "vm-ops"),
        (NEW.replace("shmem_zero_setup_desc(desc)", "0"), "vm-file"),
        (
            NEW.replace(
                "return shmem_zero_setup_desc(desc)",
                "{ vma_desc_set_flags(desc, VMA_NORESERVE_BIT);"
                " return shmem_zero_setup_desc(desc); }",
            ),
            "vm-file",
        ),
        (
            NEW.replace(
                "return shmem_zero_setup_desc(desc)",
                "return shmem_zero_setup_desc(desc) ? -EAGAIN : 0",
            ),
            "return-value",
        ),
        (
            NEW.replace(
                "return shmem_zero_setup_desc(desc)",
                "{ shmem_zero_setup_desc(desc); return 0; }",
            ),
            "return-value",
        ),
    ],
)
def test_near_misses(new: str, id_: str) -> None:
    found = judge(OLD, new)
    assert found.status == "different", found
    assert id_ in {each.id for each in found.differences}, found
