# SPDX-License-Identifier: GPL-2.0-only
"""Private data that is the address of a member: the first one's is the structure's own."""

from __future__ import annotations

import pytest
from tests.equivalence.kit import judge

TYPES = """
struct inner { int first; int second; };
union either { unsigned long word; struct inner *pointer; };
struct outer {
	struct inner in;
	union either both;
	struct inner last;
	int *tail;
};
struct arms {
#ifdef CONFIG_RING_DEBUG
	int debug;
#endif
	struct inner in;
};
struct only {
#ifdef CONFIG_RING_DEBUG
	struct inner in;
#endif
	int other;
};
struct shuffled { struct inner in; int other; } __randomize_layout;
struct bits { int low : 3; int high; };
"""


def status(old: str, new: str, of: str = "outer") -> str:
    """Return the verdict on two expressions for the private data, of `struct OF *d`."""
    found = judge(
        f"struct {of} *d = file->private_data; vma->vm_private_data = {old}; return 0;",
        f"struct {of} *d = desc->file->private_data; desc->private_data = {new}; return 0;",
        TYPES,
    )
    return found.status


@pytest.mark.parametrize("member", ["&d->in", "&d->in.first", "&(*d).in", "(void *)&d->in.first"])
def test_the_first_member_is_at_the_address_of_the_structure(member: str) -> None:
    assert status("d", member) == "equivalent"
    assert status(member, "&d->in") == "equivalent"


def test_a_first_member_of_a_later_one() -> None:
    assert status("&d->last", "&d->last.first") == "equivalent"
    assert status("&d->both.word", "&d->both.pointer") == "equivalent"


@pytest.mark.parametrize(
    "member", ["&d->in.second", "&d->both", "&d->last", "&d->last.first", "d->tail"]
)
def test_others_are_elsewhere(member: str) -> None:
    assert status("d", member) == "different"


def test_later_members_of_a_later_one() -> None:
    assert status("&d->last", "&d->last.second") == "different"
    assert status("&d->last", "&d->both") == "different"


@pytest.mark.parametrize("of", ["arms", "only", "shuffled"])
def test_where_the_configuration_says_which_is_first(of: str) -> None:
    assert status("d", "&d->in", of) != "equivalent"


def test_what_follows_a_bit_field() -> None:
    assert status("d", "&d->high", "bits") == "different"


def test_a_pointer_in_the_first_member_is_not_its_address() -> None:
    assert status("d", "(void *)(long)d->in.first") == "different"
