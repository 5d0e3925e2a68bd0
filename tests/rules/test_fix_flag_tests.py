# SPDX-License-Identifier: GPL-2.0-only
"""The fixes of R09: which are offered, that they mend, and that they are checked before."""

from __future__ import annotations

import pytest
from tests.rules.test_versions import ALL, BOTH, EITHER, NEW, OLD

from premap.csource.edit import apply_edits
from premap.csource.source import SourceFile
from premap.equivalence import verify_functions
from premap.records import Finding
from premap.rules import check_file

EACH = "vma_desc_test_flags(desc, VMA_WRITE_BIT) && vma_desc_test_flags(desc, VMA_EXEC_BIT)"


def _source(text: str) -> SourceFile:
    return SourceFile("ring.c", text.encode())


def _check(text: str, target: str = "7.3", before: str | None = None) -> list[Finding]:
    old = None if before is None else _source(before)
    found = check_file(_source(text), None, target, old).findings
    return [each for each in found if each.rule == "R09"]


def _mended(text: str, finding: Finding) -> str:
    assert finding.fix is not None
    return apply_edits(text.encode(), finding.fix.edits).decode()


class TestNames:
    @pytest.mark.parametrize(
        ("target", "wrong", "right", "safety"),
        [
            ("7.3", f"vma_desc_test_flags(desc, {BOTH})", f"vma_desc_test_any(desc, {BOTH})",
             "automatic"),
            ("7.0", "vma_desc_test(desc, VMA_EXEC_BIT)", "vma_desc_test_flags(desc, VMA_EXEC_BIT)",
             "automatic"),
            ("7.0", f"vma_desc_test_any(desc, {BOTH})", f"vma_desc_test_flags(desc, {BOTH})",
             "automatic"),
            ("7.0", f"!vma_desc_test_all(desc, {BOTH})",
             f"!({EACH})", "automatic"),
            ("7.3", f"vma_desc_test(desc, {BOTH})", f"vma_desc_test_any(desc, {BOTH})", "review"),
        ],
    )  # fmt: skip
    def test_of_the_release(self, target: str, wrong: str, right: str, safety: str) -> None:
        text = NEW.format(wrong)
        (finding,) = _check(text, target)
        mended = _mended(text, finding)
        assert f"if ({right})" in mended
        assert finding.fix is not None
        assert finding.fix.safety == safety
        assert not _source(mended).root.has_error
        assert _check(mended, target) == []

    def test_none_where_a_descriptor_would_be_computed_twice(self) -> None:
        (finding,) = _check(NEW.format(f"vma_desc_test_all(pick(desc), {BOTH})"), "7.0")
        assert "ask for each flag" in finding.message
        assert finding.fix is None


class TestAnotherTest:
    @pytest.mark.parametrize(
        ("old", "wrong", "right"),
        [
            (EITHER, f"vma_desc_test_all(desc, {BOTH})", f"vma_desc_test_any(desc, {BOTH})"),
            (ALL, f"vma_desc_test_any(desc, {BOTH})", f"vma_desc_test_all(desc, {BOTH})"),
            (EITHER, f"!vma_desc_test_any(desc, {BOTH})", f"vma_desc_test_any(desc, {BOTH})"),
            (f"!({EITHER})", f"vma_desc_test_any(desc, {BOTH})",
             f"!vma_desc_test_any(desc, {BOTH})"),
        ],
    )  # fmt: skip
    def test_that_asks_what_was_asked_before(self, old: str, wrong: str, right: str) -> None:
        before, text = OLD.format(old), NEW.format(wrong)
        (finding,) = _check(text, before=before)
        mended = _mended(text, finding)
        assert mended == NEW.format(right)
        assert _check(mended, before=before) == []
        told = verify_functions((_source(before), None), (_source(mended), None))
        assert {each.id for each in told.differences} == {"hook-decides-merge"}  # `ready`

    @pytest.mark.parametrize(
        "wrong",
        [
            "vma_desc_test(desc, VMA_WRITE_BIT)",
            f"vma_desc_test_all(desc, {BOTH}) || vma_desc_test(desc, VMA_WRITE_BIT)",
        ],
    )
    def test_none_where_no_other_test_does(self, wrong: str) -> None:
        (finding,) = _check(NEW.format(wrong), before=OLD.format(EITHER))
        assert finding.fix is None


class TestOneAnswer:
    def test_the_other_test_has_two(self) -> None:
        text = NEW.format("vma_desc_test_any(desc, VMA_MAYREAD_BIT, VMA_WRITE_BIT)")
        (finding,) = _check(text)
        mended = _mended(text, finding)
        assert mended == NEW.format("vma_desc_test_all(desc, VMA_MAYREAD_BIT, VMA_WRITE_BIT)")
        assert _check(mended) == []

    def test_none_where_the_other_has_one_as_well(self) -> None:
        (finding,) = _check(NEW.format("vma_desc_test_any(desc, VMA_MAYREAD_BIT, VMA_MAYREAD_BIT)"))
        assert finding.fix is None
