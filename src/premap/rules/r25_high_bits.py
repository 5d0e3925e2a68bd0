# SPDX-License-Identifier: GPL-2.0-only
"""R25: a flag above bit 31 is used where 32-bit kernels build it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from premap.csource.nodes import find_all, text_of
from premap.releases import HIGHEST_PORTABLE_BIT, Release
from premap.rules.context import Context
from premap.rules.guards import is_left_out_without
from premap.rules.rule import Found, Rule, at

_NAMED = re.compile(rb"\bVMA_[A-Z0-9_]+_BIT\b")
_WIDE = re.compile(r"64BIT|X86_64|ARM64|CONFIG_64|BITS_PER_LONG|PPC64|ARCH_USES_HIGH_VMA_FLAGS")

_NARROW = re.compile(r"!\w+\(\w+\)|BITS_PER_LONG == 32")


def check(context: Context) -> Iterator[Found]:
    """Find such bits outside of what only 64-bit kernels compile."""
    release = context.release
    if release is None or context.is_core or context.source.name.startswith("arch/"):
        return
    if not context.says(b"VMA_"):
        return
    named = {name.decode() for name in _NAMED.findall(context.source.code)}
    high = {name: bit for name in named if (bit := _bit(release, name)) > HIGHEST_PORTABLE_BIT}
    if not high or context.only_with("64BIT"):
        return
    behind = dict(_macros(context, high))
    for node in find_all(context.source.root, "identifier"):
        name = behind.get(text_of(node), text_of(node))
        if name not in high:
            continue
        wide = any(map(_is_wide, context.source.arms_at(node.start_byte)))
        if not wide and not is_left_out_without("CONFIG_64BIT", node):
            yield at(
                context.source,
                node,
                f"{name} is bit {high[name]}: 32-bit kernels have no such bit, "
                "and setting it writes beyond the bitmap",
            )


def _macros(context: Context, high: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the macros that stand for such bits, and which."""
    for name in context.source.defined:
        for macro in context.source.macros_of(name):
            words = [word for word in re.findall(r"\w+", macro.body) if word in high]
            if words and not any(map(_is_wide, context.source.arms_at(macro.start))):
                yield name, words[0]


def _is_wide(arm: str) -> bool:
    """Tell whether an arm of `#if` hangs on the width of words, and is not what others get."""
    return _WIDE.search(arm) is not None and _NARROW.fullmatch(arm) is None


def _bit(release: Release, name: str) -> int:
    """Return the bit that a name stands for; -1 if it stands for none that is known."""
    from premap import model  # noqa: PLC0415  few files name any

    bit = release.bits.get(name.removeprefix("VMA_").removesuffix("_BIT"), -1)
    modelled: int = getattr(model, name, -1)
    return bit if bit >= 0 else modelled


RULE = Rule(
    "R25",
    "a flag above bit 31 is used where 32-bit kernels build it",
    "warning",
    """
The bitmap of a 32-bit kernel has 32 flags. The old masks of higher ones were 0 there, so that
setting them did nothing; a bit number is the same everywhere, and setting it writes past the
bitmap. Put it under `#ifdef CONFIG_64BIT`, or set the mask. A driver that the tree builds for
64-bit kernels alone may name it as it is.
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
