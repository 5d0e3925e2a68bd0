# SPDX-License-Identifier: GPL-2.0-only
"""Mistakes planted in new hooks are `different`, each with a call that shows it."""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet
from tests.equivalence.kit import judge
from tests.equivalence.pairs import PAIRS

DEV = "struct dev *dev = file->private_data; "
NEW_DEV = "struct dev *dev = desc->file->private_data; "
MAP = (
    "return remap_pfn_range(vma, vma->vm_start, 5, vma->vm_end - vma->vm_start, vma->vm_page_prot);"
)
ACTION = "mmap_action_remap_full(desc, 5); return 0;"


def planted(name: str, pair: str, before: str, after: str, shows: str) -> ParameterSet:
    """Change the new hook of a pair in one place; the verdict has to show this id."""
    given = PAIRS[pair]
    assert given.new.count(before) == 1, name
    return pytest.param(given.old, given.new.replace(before, after), shows, given.extra, id=name)


def pair(name: str, old: str, new: str, shows: str, extra: str = "") -> ParameterSet:
    """Compare two bodies of their own; both have `dev`."""
    return pytest.param(DEV + old, NEW_DEV + new, shows, extra, id=name)


MISTAKES = [
    planted("other-flag", "fault-backed", "VMA_DONTDUMP_BIT", "VMA_DONTCOPY_BIT", "flags"),
    planted("dropped-flag", "fault-backed", ", VMA_DONTDUMP_BIT", "", "flags"),
    planted("set-for-clear", "fault-backed", "vma_desc_clear_flags", "vma_desc_set_flags", "flags"),
    planted(
        "dropped-check",
        "fault-backed",
        "if (dev->ro && vma_desc_test(desc, VMA_WRITE_BIT))\n\t\treturn -EPERM;",
        "",
        "return-value",
    ),
    planted("condition-inverted", "fault-backed", "if (dev->ro)", "if (!dev->ro)", "flags"),
    planted(
        "other-flag-tested", "fault-backed", "VMA_WRITE_BIT", "VMA_MAYWRITE_BIT", "return-value"
    ),
    planted("wrong-errno", "fault-backed", "-EPERM", "-EACCES", "return-value"),
    planted("other-vm-ops", "fault-backed", "&ring_vm_ops", "&other_vm_ops", "vm-ops"),
    planted("no-vm-ops", "fault-backed", "desc->vm_ops = &ring_vm_ops;", "", "vm-ops"),
    planted(
        "other-private",
        "fault-backed",
        "private_data = dev;",
        "private_data = desc->file;",
        "private-data",
    ),
    planted("off-by-one", "simple-ioremap", "> dev->size", ">= dev->size", "return-value"),
    planted(
        "offset-in-pages",
        "simple-ioremap",
        "(desc->pgoff << PAGE_SHIFT)",
        "desc->pgoff",
        "return-value",
    ),
    planted(
        "offset-unchecked",
        "simple-ioremap",
        "(desc->pgoff << PAGE_SHIFT) + size",
        "size",
        "return-value",
    ),
    planted(
        "other-protection", "simple-ioremap", "pgprot_noncached", "pgprot_writecombine", "page-prot"
    ),
    planted(
        "no-protection",
        "simple-ioremap",
        "\tdesc->page_prot = pgprot_noncached(desc->page_prot);\n",
        "",
        "page-prot",
    ),
    planted(
        "no-action",
        "simple-ioremap",
        "mmap_action_simple_ioremap(desc, dev->phys, dev->size);",
        "",
        "return-value",
    ),
    planted("other-address", "simple-ioremap", "dev->phys,", "dev->count,", "return-value"),
    planted(
        "shifted-pfn",
        "remap-full",
        "dev->phys >> PAGE_SHIFT",
        "(dev->phys >> PAGE_SHIFT) + 1",
        "pages",
    ),
    planted("address-for-pfn", "remap-full", "dev->phys >> PAGE_SHIFT", "dev->phys", "pages"),
    planted(
        "no-override", "remap-full", "desc->action.error_override = -EAGAIN;", "", "return-value"
    ),
    planted("other-override", "remap-full", "-EAGAIN", "-ENXIO", "return-value"),
    planted(
        "protection-too-late",
        "remap-full",
        "desc->page_prot = pgprot_writecombine(desc->page_prot);\n\t"
        "mmap_action_remap_full(desc, dev->phys >> PAGE_SHIFT);",
        "mmap_action_remap_full(desc, dev->phys >> PAGE_SHIFT);\n\t"
        "desc->page_prot = pgprot_writecombine(desc->page_prot);",
        "pte-prot",
    ),
    planted(
        "io-for-memory",
        "remap-full",
        "mmap_action_remap_full",
        "mmap_action_ioremap_full",
        "pte-prot",
    ),
    planted("all-for-any", "flags-any", "test_any", "test_all", "return-value"),
    planted("any-for-all", "flags-all", "test_all", "test_any", "return-value"),
    planted(
        "bytes-for-pages",
        "pages-bound",
        "vma_desc_pages(desc)",
        "vma_desc_size(desc)",
        "return-value",
    ),
    planted(
        "bound-that-wraps",
        "pages-bound",
        "pages > dev->count - desc->pgoff",
        "desc->pgoff + pages > dev->count + 1",
        "return-value",
    ),
    planted(
        "bound-off-by-one",
        "pages-bound",
        "pages > dev->count",
        "pages >= dev->count",
        "return-value",
    ),
    planted("dropped-release", "locked-read", "out:\n\tmutex_unlock(&dev->lock);", "out:", "locks"),
    planted(
        "release-too-early",
        "locked-read",
        "mutex_lock(&dev->lock);",
        "mutex_lock(&dev->lock);\n\tmutex_unlock(&dev->lock);",
        "events",
    ),
    planted(
        "other-lock", "locked-read", "mutex_lock(&dev->lock);", "mutex_lock(&dev->lock2);", "locks"
    ),
    planted(
        "fall-through",
        "switch-on-offset",
        "pfn = dev->phys;\n\t\tbreak;",
        "pfn = dev->phys;",
        "pages",
    ),
    planted("other-case", "switch-on-offset", "case 1:", "case 2:", "return-value"),
    planted("result-dropped", "checked-call", "if (ret)\n\t\treturn ret;", "", "return-value"),
    planted("other-argument", "checked-call", "(dev, desc->pgoff)", "(dev, desc->start)", "events"),
    planted("call-dropped", "checked-call", "ring_check(dev, desc->pgoff)", "0", "return-value"),
    planted("offset-twice", "helper", "+ desc->pgoff);", "+ 2 * desc->pgoff);", "pages"),
    planted(
        "one-page-less",
        "first-pages",
        "dev->count, size)",
        "dev->count, size - PAGE_SIZE)",
        "pages",
    ),
    planted(
        "from-second-page",
        "first-pages",
        "desc->start, dev->count, size",
        "desc->start + PAGE_SIZE, dev->count, size - PAGE_SIZE",
        "pages",
    ),
    planted(
        "private-accepted",
        "first-pages",
        "if (!vma_desc_test(desc, VMA_SHARED_BIT))\n\t\treturn -EINVAL;",
        "",
        "return-value",
    ),
    planted("may-share", "first-pages", "VMA_SHARED_BIT", "VMA_MAYSHARE_BIT", "return-value"),
    pair("pgoff-changed", "return 0;", "desc->pgoff = 0; return 0;", "pgoff"),
    pair(
        "calls-swapped",
        "first(dev); second(dev); return 0;",
        "second(dev); first(dev); return 0;",
        "events",
    ),
    pair(
        "read-across-a-call",
        "unsigned long n = dev->count; poke(dev); return n ? -EINVAL : 0;",
        "poke(dev); return dev->count ? -EINVAL : 0;",
        "return-value",
    ),
    pair(
        "write-across-a-call",
        "dev->count = 1; poke(dev); return 0;",
        "poke(dev); dev->count = 1; return 0;",
        "events",
    ),
    pair(
        "write-across-an-unlock",
        "mutex_lock(&dev->lock); dev->count = 1; mutex_unlock(&dev->lock); return 0;",
        "mutex_lock(&dev->lock); mutex_unlock(&dev->lock); dev->count = 1; return 0;",
        "events",
    ),
    pair("other-value-written", "dev->count = 1; return 0;", "dev->count = 2; return 0;", "state"),
    pair("other-member-written", "dev->count = 1; return 0;", "dev->size = 1; return 0;", "state"),
    pair(
        "count-outlives",
        "mutex_lock(&dev->lock); dev->count++; mutex_unlock(&dev->lock); return 0;",
        "mutex_lock(&dev->lock); dev->count++; mutex_unlock(&dev->lock); return 0;",
        "state",
    ),
    pair(
        "lock-over-population",
        f"int ret; mutex_lock(&dev->lock); ret = {MAP[7:]} mutex_unlock(&dev->lock); return ret;",
        f"mutex_lock(&dev->lock); mutex_unlock(&dev->lock); {ACTION}",
        "lock-population",
    ),
    pair(
        "call-after-population",
        f"int ret = {MAP[7:]} if (ret) return ret; ring_start(dev); return 0;",
        f"ring_start(dev); {ACTION}",
        "population-order",
    ),
    pair(
        "reference-outlives",
        "refcount_inc(dev->cookie); return 0;",
        "refcount_inc(dev->cookie); return 0;",
        "effect-outlives",
    ),
    pair(
        "result-negated",
        "return dev->count ? 0 : -EINVAL;",
        "return dev->count ? -EINVAL : 0;",
        "return-value",
    ),
    pair(
        "narrowed",
        "return dev->size > 4096 ? -EINVAL : 0;",
        "unsigned int size = dev->size; return size > 4096 ? -EINVAL : 0;",
        "return-value",
    ),
    pair(
        "signed",
        "return dev->size > 4096 ? -EINVAL : 0;",
        "long size = dev->size; return size > 4096 ? -EINVAL : 0;",
        "return-value",
    ),
    pair(
        "rounded-down",
        f"if (dev->size > vma->vm_end - vma->vm_start) return -EINVAL; {MAP}",
        f"if ((dev->size & PAGE_MASK) > vma_desc_size(desc)) return -EINVAL; {ACTION}",
        "return-value",
    ),
    pair(
        "option-inverted",
        "if (IS_ENABLED(CONFIG_A)) return -EPERM; return 0;",
        "if (!IS_ENABLED(CONFIG_A)) return -EPERM; return 0;",
        "return-value",
    ),
    pair(
        "extra-sixth-event",
        "a(); b(); c(); d(); e(); return 0;",
        "a(); b(); c(); d(); e(); f(); return 0;",
        "events",
    ),
]


@pytest.mark.parametrize(("old", "new", "shows", "extra"), MISTAKES)
def test_a_mistake_is_found(old: str, new: str, shows: str, extra: str) -> None:
    verdict = judge(old, new, extra)
    assert verdict.status == "different", verdict
    assert shows in {difference.id for difference in verdict.differences}
    for difference in verdict.differences:
        example = difference.example
        assert example is not None
        assert example["differs"]
        assert {"call", "state", "old", "new", "setting"} <= example.keys()


VISIBLE = {"return-value", "mappings", "flags", "page-prot", "pgoff", "pages", "pte-prot", "vm-ops"}
"""What is seen of a mapping; other differences are in calls, locks or driver state."""
SEEN = [mistake for mistake in MISTAKES if mistake.values[2] in VISIBLE]


@pytest.mark.parametrize(("old", "new", "shows", "extra"), SEEN)
def test_its_example_has_two_sides(old: str, new: str, shows: str, extra: str) -> None:
    found = {difference.id: difference for difference in judge(old, new, extra).differences}
    example = found[shows].example
    assert example is not None
    assert example["old"] != example["new"]
