# SPDX-License-Identifier: GPL-2.0-only
"""`(a) - b * 2` is a cast to a parser that knows no types: what is judged is what C says."""

from __future__ import annotations

import pytest
from tests.equivalence.differing import proven
from tests.equivalence.kit import judge

HEAD = "unsigned long a = d->size, b = d->limit, x = d->count; if (%s > 5) return -EINVAL; "
OLD = "struct dev *d = file->private_data; " + HEAD + "vma->vm_ops = &ring_vm_ops; return 0;"
NEW = "struct dev *d = desc->file->private_data; " + HEAD + "desc->vm_ops = &ring_vm_ops; return 0;"


@pytest.mark.parametrize("rest", ["- x * 2", "+ x * 2", "& x + 2"])
class TestAVariableInParentheses:
    def test_another_variable_is_another_number(self, rest: str) -> None:
        assert judge(OLD % f"(a) {rest}", NEW % f"(b) {rest}").status == "different"

    def test_without_them_it_is_the_same(self, rest: str) -> None:
        assert proven(judge(OLD % f"(a) {rest}", NEW % f"a {rest}"))
