# SPDX-License-Identifier: GPL-2.0-only
"""Whether the reverse map sees a mapping whose action is still going on."""

import pytest
from tests.equivalence.kit import judge, new_side

from premap.equivalence.comparison import verify

HIDES = "desc->action.hide_from_rmap_until_complete = true;"
MAPS = """
	struct dev *dev = desc->file->private_data;

	mmap_action_remap_full(desc, dev->phys >> 12);
	return 0;
"""
BODIES = pytest.mark.parametrize("body", ["return 0;", MAPS])


def told(old: str, new: str) -> str:
    """Return what is said of the reverse map, of two hooks that both prepare."""
    found = verify(new_side(old), new_side(new))
    assert found.status == "different"
    assert [each.id for each in found.differences] == ["rmap"]
    return found.differences[0].message


@BODIES
def test_a_mapping_that_is_seen_earlier_is_told(body: str) -> None:
    assert told(HIDES + body, body).endswith("complete, which it did not")


@BODIES
def test_a_mapping_that_is_seen_later_is_told(body: str) -> None:
    assert told(body, HIDES + body).endswith("complete, and now does not")


@BODIES
def test_two_that_hide_it_are_the_same(body: str) -> None:
    assert verify(new_side(HIDES + body), new_side(HIDES + body)).status == "equivalent"


def test_a_legacy_hook_was_before_the_reverse_map() -> None:
    assert judge("return 0;", f"{HIDES}return 0;").status == "equivalent"


def test_a_hook_that_refuses_hides_nothing() -> None:
    refuses = "return -EINVAL;"
    assert verify(new_side(refuses), new_side(HIDES + refuses)).status == "equivalent"
