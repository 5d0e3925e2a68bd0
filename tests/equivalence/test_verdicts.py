# SPDX-License-Identifier: GPL-2.0-only
"""Differences that are accepted and named, and what can't be judged, with its line."""

from __future__ import annotations

import pytest
from tests.equivalence.kit import judge

from premap.equivalence import ACCEPTED, EXPLANATIONS

DEV = "struct dev *dev = file->private_data; "
NEW_DEV = "struct dev *dev = desc->file->private_data; "
REMAP = "remap_pfn_range(vma, vma->vm_start, 5, vma->vm_end - vma->vm_start, vma->vm_page_prot)"
CLOSES = (
    "static void c_close(struct vm_area_struct *vma)\n{\n}\n"
    "static const struct vm_operations_struct c_vm_ops = { .close = c_close, };\n"
)

EXCEPT = [
    pytest.param("poll(file); return 0;", "poll(desc->file); return 0;", "hook-runs-on-merge", ""),
    pytest.param(
        "poll(file); return 0;", "poll(desc->file); return 0;", "hook-runs-before-failure", ""
    ),
    pytest.param(
        "return vma->vm_pgoff > 3 ? -EINVAL : 0;",
        "return desc->pgoff > 3 ? -EINVAL : 0;",
        "hook-decides-merge",
        "",
    ),
    pytest.param(
        "vm_flags_set(vma, VM_DONTCOPY); return 0;",
        "vma_desc_set_flags(desc, VMA_DONTCOPY_BIT); return 0;",
        "merges-now",
        "",
    ),
    pytest.param(
        f"vma->vm_ops = &c_vm_ops; return {REMAP};",
        "desc->vm_ops = &c_vm_ops; mmap_action_remap_full(desc, 5); return 0;",
        "close-after-failed-action",
        CLOSES,
    ),
    pytest.param(
        f"{REMAP}; return 0;",
        "mmap_action_remap_full(desc, 5); return 0;",
        "result-not-ignored",
        "",
    ),
]


@pytest.mark.parametrize(("old", "new", "expected", "extra"), EXCEPT)
def test_accepted_differences_are_named(old: str, new: str, expected: str, extra: str) -> None:
    verdict = judge(old, new, extra)
    assert verdict.status == "equivalent-except", verdict
    assert expected in {difference.id for difference in verdict.differences}
    assert all(difference.example for difference in verdict.differences)


def test_every_accepted_difference_is_explained() -> None:
    assert EXPLANATIONS.keys() >= ACCEPTED
    assert all(EXPLANATIONS[id_].text for id_ in ACCEPTED)


UNKNOWN = [
    pytest.param("helper(vma); return 0;", "gets the mapping", id="unknown-function-gets-the-vma"),
    pytest.param("int x; return x;", "read before it is written", id="uninitialised"),
    pytest.param('asm volatile("nop"); return 0;', "asm", id="assembly"),
    pytest.param("return undeclared_thing;", "not declared", id="undeclared"),
    pytest.param(
        "struct dev *d = (struct dev *)0x5000; return d->ro;", "computed address", id="address"
    ),
    pytest.param("union u w; w.a = 1; return w.b;", "shares its place", id="union"),
    pytest.param("union u w = { .a = 1 }; return w.b;", "shares its place", id="union-begun"),
    pytest.param(
        "struct s w = { .a = 1 }; return w.b;", "shares its place", id="unnamed-union-begun"
    ),
    pytest.param(
        "if (vma->vm_pgoff) goto in; { if (0) { in: return 0; } } return 0;",
        "a jump into a block",
        id="jump-into-block",
    ),
    pytest.param(
        "vma->vm_start = 0; vma->vm_next = 0; return 0;", "vm_next", id="member-of-the-vma"
    ),
    pytest.param("if (vma->vm_pgoff) return 0;", "ends without returning", id="no-value"),
]


BROKEN = {"read before it is written", "ends without returning"}
"""What C leaves undefined: the new version may not do it where the old one does not."""


@pytest.mark.parametrize(("old", "reason"), UNKNOWN)
class TestUnknown:
    EXTRA = "union u { int a; short b; };\nstruct s { union { int a; short b; }; };\n"

    def test_it_says_why_and_where(self, old: str, reason: str) -> None:
        verdict = judge(old, "return 0;", self.EXTRA)
        if "without returning" in reason:
            assert any(reason in bound for bound in verdict.bounds)
            return
        assert verdict.status == "unknown", verdict
        assert verdict.reason is not None
        assert reason in verdict.reason
        assert "ring.c:" in verdict.reason

    def test_the_new_version_too(self, old: str, reason: str) -> None:
        new = old.replace("vma->vm_start", "desc->start").replace("vma->vm_pgoff", "desc->pgoff")
        new = new.replace("vma->vm_next", "desc->vm_next").replace("(vma)", "(desc)")
        verdict = judge("return 0;", new, self.EXTRA)
        if reason in BROKEN:
            assert verdict.status == "different", verdict
            assert [difference.id for difference in verdict.differences] == ["undefined"]
            return
        assert verdict.status == "unknown", verdict


class TestBounds:
    def test_long_loops_are_stated(self) -> None:
        body = "unsigned long i; for (i = 0; i < {}; i++) poke(i); return 0;"
        verdict = judge(body.format("vma->vm_pgoff"), body.format("desc->pgoff"))
        assert verdict.status.startswith("equivalent")
        assert any("iterations" in bound for bound in verdict.bounds)
        assert any("ring.c:" in bound for bound in verdict.bounds)

    def test_undefined_behaviour_of_the_old_hook_is_stated(self) -> None:
        verdict = judge(
            DEV + "return 100 / dev->limit > 5 ? -EINVAL : 0;",
            NEW_DEV + "return 100 / dev->limit > 5 ? -EINVAL : 0;",
        )
        assert any("division by zero" in bound for bound in verdict.bounds)

    def test_an_assertion_of_the_kernel(self) -> None:
        verdict = judge("return 0;", "mmap_action_remap(desc, desc->start, 5, -4096UL); return 0;")
        assert verdict.status == "different", verdict
        assert "kernel-bug" in {difference.id for difference in verdict.differences}

    def test_a_null_pointer_that_is_followed(self) -> None:
        verdict = judge("return 0;", "struct dev *d = 0; return d->ro;")
        assert [difference.id for difference in verdict.differences] == ["undefined"]

    def test_what_is_guarded_is_not_undefined(self) -> None:
        new = "int a; if (desc->pgoff) a = 1; return desc->pgoff && a ? -EINVAL : 0;"
        verdict = judge("return vma->vm_pgoff ? -EINVAL : 0;", new)
        assert verdict.status.startswith("equivalent"), verdict

    def test_undefined_behaviour_of_the_new_hook_is_no_proof(self) -> None:
        verdict = judge(
            DEV + "return dev->limit == 7 ? -EINVAL : 0;",
            NEW_DEV + "return 100 / dev->limit > 0 && dev->limit == 7 ? -EINVAL : 0;",
        )
        assert not verdict.status.startswith("equivalent")


def test_a_static_variable_stays_the_same_when_its_hook_is_renamed() -> None:
    body = "static unsigned long limit; foo(limit); return 0;"
    verdict = judge(body, body)
    assert verdict.status == "equivalent-except", verdict
    assert judge(body, body.replace("foo(limit)", "foo(0)")).status == "different"


def test_state_that_is_set_once_and_for_all_may_stay_after_a_failure() -> None:
    verdict = judge(DEV + "dev->ro = 1; return 0;", NEW_DEV + "dev->ro = 1; return 0;")
    assert verdict.status == "equivalent-except", verdict
    assert "state-before-failure" in {difference.id for difference in verdict.differences}
    assert any(difference.judgement for difference in verdict.differences)


def test_a_count_may_not_stay_after_a_failure() -> None:
    verdict = judge(DEV + "dev->count++; return 0;", NEW_DEV + "dev->count++; return 0;")
    assert verdict.status == "different", verdict
    assert "state" in {difference.id for difference in verdict.differences}
