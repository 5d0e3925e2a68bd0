# SPDX-License-Identifier: GPL-2.0-only
"""What a hook takes or counts stays when its mapping merges or fails, unless it gives it back."""

from __future__ import annotations

import pytest
from tests.equivalence.kit import judge

from premap.records import Verdict


def both(body: str) -> Verdict:
    """Compare a hook with itself in the other form."""
    old = "struct dev *dev = file->private_data; "
    new = "struct dev *dev = desc->file->private_data; "
    return judge(f"{old}{body} return 0;", f"{new}{body} return 0;")


STAYS = [
    "kref_get(dev->cookie);",
    "get_device(dev->cookie);",
    "pm_runtime_get_sync(dev->cookie);",
    "if (!try_module_get(dev->cookie)) return -ENODEV;",
    "if (pm_runtime_resume_and_get(dev->cookie) < 0) return -EIO;",
    "list_add(dev->cookie, dev->shared);",
    "this_cpu_inc(dev->count);",
    "if (ida_alloc(dev->cookie, 0) < 0) return -ENOSPC;",
    "put_device(dev->cookie);",
    "get_device(dev->cookie); put_device(dev->pages);",
    "struct inode *found = igrab(dev->cookie); if (found) return 0; iput(dev->cookie);",
    "void *copy = kmalloc(5, 6); if (!copy) return -ENOMEM; if (dev->ro) return -EIO; kfree(copy);",
]
GIVEN_BACK = [
    "if (!try_module_get(dev->cookie)) return -ENODEV; module_put(dev->cookie);",
    "struct inode *found = igrab(dev->cookie); if (!found) return -ESTALE; iput(found);",
    "struct dma_buf *b = dma_buf_get(5); if (IS_ERR(b)) return PTR_ERR(b); dma_buf_put(b);",
    "struct device *d = get_device(dev->cookie); put_device(d);",
    "void *copy = kmalloc(5, 6); if (!copy) return -ENOMEM; kfree(copy);",
]


@pytest.mark.parametrize("body", STAYS)
def test_what_stays_is_a_difference(body: str) -> None:
    verdict = both(body)
    assert verdict.status == "different", verdict
    assert "effect-outlives" in {difference.id for difference in verdict.differences}


@pytest.mark.parametrize("body", GIVEN_BACK)
def test_what_is_given_back_does_not_stay(body: str) -> None:
    verdict = both(body)
    assert verdict.status == "equivalent-except", verdict


def test_calls_of_which_nothing_is_known_are_named() -> None:
    verdict = both("ring_one(dev); ring_two(dev);")
    assert verdict.status == "equivalent-except"
    for difference in verdict.differences:
        assert "ring_one(), ring_two()" in difference.message
        assert difference.judgement
