# SPDX-License-Identifier: GPL-2.0-only
"""R25: a flag above bit 31 is used where 32-bit kernels build it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from premap import model
from premap.csource.nodes import find_all, text_of
from premap.releases import HIGHEST_PORTABLE_BIT
from premap.rules.context import Context
from premap.rules.rule import Found, Rule, at

_BIT = re.compile(r"VMA_([A-Z0-9_]+)_BIT")
_WIDE = re.compile(r"64BIT|X86_64|ARM64|CONFIG_64|BITS_PER_LONG|PPC64|ARCH_USES_HIGH_VMA_FLAGS")


def check(context: Context) -> Iterator[Found]:
    """Find such bits outside of what only 64-bit kernels compile."""
    release = context.release
    if release is None or not context.says(b"_BIT") or context.source.name.startswith("arch/"):
        return
    for node in find_all(context.source.root, "identifier"):
        match = _BIT.fullmatch(text_of(node))
        bit = None if match is None else release.bits.get(match[1], _modelled(match[0]))
        if bit is None or bit <= HIGHEST_PORTABLE_BIT:
            continue
        arms = " ".join(context.source.arms_at(node.start_byte))
        if not _WIDE.search(arms):
            yield at(
                context.source,
                node,
                f"{text_of(node)} is bit {bit}: 32-bit kernels have no such bit, "
                "and setting it writes beyond the bitmap",
            )


def _modelled(name: str) -> int | None:
    """Return the bit of a flag that the model knows."""
    return getattr(model, name, None)


RULE = Rule(
    "R25",
    "a flag above bit 31 is used where 32-bit kernels build it",
    "warning",
    """
The bitmap of a 32-bit kernel has 32 flags. The old masks of higher ones were 0 there, so that
setting them did nothing; a bit number is the same everywhere, and setting it writes past the
bitmap. Put it under `#ifdef CONFIG_64BIT`, or set the mask.
""",
    bad="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
	vma_desc_set_flags(desc, VMA_ALLOW_ANY_UNCACHED_BIT);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    good="""\
static int ring_mmap_prepare(struct vm_area_desc *desc)
{
#ifdef CONFIG_64BIT
	vma_desc_set_flags(desc, VMA_ALLOW_ANY_UNCACHED_BIT);
#endif
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_mmap_prepare,
};
""",
    check=check,
    since="7.0",
)
