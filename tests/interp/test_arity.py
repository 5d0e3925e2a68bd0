# SPDX-License-Identifier: GPL-2.0-only
"""Calls of what the interpreter itself knows, with a number of arguments that no compiler takes."""

from __future__ import annotations

import pytest
from tests.interp.test_execution import refused, returns

from premap.csource.source import SourceFile
from premap.interp import arity, model_calls
from premap.interp.kernel_macros import COMPUTED, SPECIAL
from premap.rules.context import Context

_NAMES = sorted({*model_calls.MODEL, *COMPUTED, *SPECIAL})
_HOOK = """\
static int ring_map(struct vm_area_desc *desc)
{
	int n = 2;

	%s(%s);
	return 0;
}

static const struct file_operations ring_fops = {
	.mmap_prepare = ring_map,
};
"""
_GIVEN = ("desc", "n", "&desc->vma_flags", "VMA_IO_BIT", "desc->start")


@pytest.mark.parametrize("name", _NAMES)
def test_nothing_crashes(name: str) -> None:
    for count in range(len(_GIVEN)):
        for first in range(3):
            given = (_GIVEN[first:] + _GIVEN[:first])[:count]
            source = SourceFile("ring.c", (_HOOK % (name, ", ".join(given))).encode())
            (hook,) = Context(source, None, "7.3").hooks
            assert hook.exploration.traces


def test_the_right_number_is_taken() -> None:
    assert returns("return min(n, 3) + max(n, 3);", 5) == 8


def test_another_one_is_refused() -> None:
    refused("return min(n);", "given 1 arguments")


@pytest.mark.parametrize("given", ["vma, ring->dax", "desc, file_inode(desc->file), ring->dax"])
def test_both_forms_of_a_function_that_has_changed_are_taken(given: str) -> None:
    assert arity.fits("daxdev_mapping_supported", len(given.split(", ")))
