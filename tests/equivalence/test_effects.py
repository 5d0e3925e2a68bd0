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


class TestNull:
    """Functions that do nothing where they are given NULL."""

    @pytest.mark.parametrize("call", ["kfree(NULL)", "kvfree(NULL)", "vfree(NULL)", "free_page(0)"])
    def test_is_not_noticed(self, call: str) -> None:
        assert judge(f"{call}; return 0;", "return 0;").status == "equivalent"

    @pytest.mark.parametrize("call", ["kmem_cache_free(NULL, NULL)", "ring_put(NULL)"])
    def test_others_may_do_something(self, call: str) -> None:
        assert judge(f"{call}; return 0;", "return 0;").status == "different"

    @pytest.mark.parametrize(
        ("new", "status"),
        [
            ("", "different"),
            ("if (d->count) kfree(p);", "different"),
            ("if (p) kfree(p);", "equivalent-except"),
            ("kfree(p);", "equivalent-except"),
        ],
    )
    def test_what_may_be_null_may_be_something(self, new: str, status: str) -> None:
        allocate = "void *p = d->ro ? kzalloc(8, GFP_KERNEL) : NULL;"
        found = judge(
            f"struct dev *d = file->private_data; {allocate} kfree(p); return 0;",
            f"struct dev *d = desc->file->private_data; {allocate} {new} return 0;",
        )
        assert found.status == status

    def test_close_frees_what_mapped_could_not_allocate(self) -> None:
        close = "static void v_close(struct vm_area_struct *vma) { kfree(vma->vm_private_data); }\n"
        ops = "static const struct vm_operations_struct v_ops = { .close = v_close"
        mapped = (
            "static int v_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,\n"
            "\t\tconst struct file *file, void **vm_private_data)\n{\n"
            "\tvoid *p = kzalloc(16, GFP_KERNEL);\n\tif (!p) return -ENOMEM;\n"
            "\t*vm_private_data = p;\n\treturn 0;\n}\n"
        )
        verdict = judge(
            "void *p = kzalloc(16, GFP_KERNEL); if (!p) return -ENOMEM; "
            "vma->vm_private_data = p; vma->vm_ops = &v_ops; return 0;",
            "desc->vm_ops = &v_ops; return 0;",
            f"{close}{ops} }};\n",
            f"{close}{mapped}{ops}, .mapped = v_mapped }};\n",
        )
        assert verdict.status == "equivalent-except"
        assert [each.id for each in verdict.differences] == ["close-after-failed-action"]


@pytest.mark.parametrize("test", ["size != RING_LEN", "size - RING_LEN", "size < RING_LEN + 1"])
def test_an_example_with_a_constant_that_is_not_found(test: str) -> None:
    """What is compared with it is of unknown type: the example's numbers still have to show it."""
    old = f"""
	struct dev *d = file->private_data;
	unsigned long size = vma->vm_end - vma->vm_start;

	if ({test})
		return -EINVAL;
	if (remap_pfn_range(vma, vma->vm_start, d->phys >> PAGE_SHIFT, size, vma->vm_page_prot))
		return -EAGAIN;
	pr_info("mapped");
	return 0;
"""
    new = f"""
	struct dev *d = desc->file->private_data;
	unsigned long size = desc->end - desc->start;

	if ({test})
		return -EINVAL;
	pr_info("mapped");
	mmap_action_remap_full(desc, d->phys >> PAGE_SHIFT);
	desc->action.error_override = -EAGAIN;
	return 0;
"""
    verdict = judge(old, new)
    assert verdict.status == "equivalent-except", verdict
    assert "message-before-failure" in {each.id for each in verdict.differences}
