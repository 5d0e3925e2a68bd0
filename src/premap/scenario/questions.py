# SPDX-License-Identifier: GPL-2.0-only
"""What a device's hook may ask of flags, of a descriptor and of a VMA, and the model's answers."""

from __future__ import annotations

import operator
from typing import Any

from premap.model.desc import (
    VmAreaDesc,
    vma_desc_is_cow_mapping,
    vma_desc_pages,
    vma_desc_size,
    vma_desc_test,
    vma_desc_test_all,
    vma_desc_test_any,
)
from premap.model.flags import (
    VmaFlags,
    append_vma_flags,
    legacy_to_vma_flags,
    mask_of,
    mk_vma_flags,
    smaps_flags,
    vma_flags_and,
    vma_flags_count,
    vma_flags_diff_pair,
    vma_flags_same_pair,
    vma_flags_test_single_mask,
    vma_flags_to_legacy,
)
from premap.model.legacy import vma_test, vma_test_all, vma_test_any
from premap.model.vma import (
    VmAreaStruct,
    vma_is_anonymous,
    vma_is_cow_mapping,
    vma_is_shared_maywrite,
    vma_last_pgoff,
    vma_pages,
    vma_size,
)
from premap.scenario.reader import Json
from premap.scenario.steps import ANSWERS


def asked_of_desc(desc: VmAreaDesc, bits: tuple[int, ...]) -> Json:
    """Return what a descriptor answers, asked for flags; in the order of the format."""
    own = {
        "size": vma_desc_size(desc),
        "pages": vma_desc_pages(desc),
        "first": vma_desc_test(desc, min(bits)),
        "any": vma_desc_test_any(desc, *bits),
        "all": vma_desc_test_all(desc, *bits),
        "cow": vma_desc_is_cow_mapping(desc),
    }
    return _answers(own, desc.vma_flags, bits)


def asked_of_vma(vma: VmAreaStruct, bits: tuple[int, ...]) -> Json:
    """Return what a VMA answers."""
    own = {
        "size": vma_size(vma),
        "pages": vma_pages(vma),
        "last": vma_last_pgoff(vma),
        "first": vma_test(vma, min(bits)),
        "any": vma_test_any(vma, *bits),
        "all": vma_test_all(vma, *bits),
        "cow": vma_is_cow_mapping(vma),
        "anonymous": vma_is_anonymous(vma),
        "shared": vma_is_shared_maywrite(vma),
    }
    return _answers(own, legacy_to_vma_flags(vma.vm_flags), bits)


def _answers(own: dict[str, Any], flags: VmaFlags, bits: tuple[int, ...]) -> Json:
    mask = append_vma_flags(mk_vma_flags(*bits[:1]), *bits[1:])
    common = vma_flags_and(flags, *bits)
    found = own | {
        "same": vma_flags_same_pair(common, mask) and common == mask,
        "single": vma_flags_test_single_mask(flags, mk_vma_flags(min(bits))),
        "count": vma_flags_count(common),
    }
    answers: Json = {
        name: kind(operator.index(found.get(name, 0))) for name, kind in ANSWERS.items()
    }
    differing = vma_flags_diff_pair(flags, mask)
    return {
        **answers,
        "common": smaps_flags(mask_of(tuple(common))),
        "differing": smaps_flags(vma_flags_to_legacy(differing)),
    }
