# SPDX-License-Identifier: GPL-2.0-only
"""Proofs that do not follow helpers which both versions have: when there is one, and when not."""

from __future__ import annotations

import pytest
from tests.equivalence.kit import new_side, old_side
from tests.equivalence.mutants import PAIRS, UNDECIDED, Mutant, chosen, known

from premap.csource.scope import Scope
from premap.equivalence import comparison
from premap.equivalence.alike import Common
from premap.equivalence.comparison import verify
from premap.equivalence.locking import may_lock
from premap.records import Verdict

HELPER = """
#define MOST 7
enum step { FIRST, SECOND = 5, };
struct entry { unsigned int size; unsigned int left; };
static int weight(struct dev *d)
{
	return d->ro ? MOST : SECOND;
}
static int settle(struct dev *d, struct entry *e, unsigned long size)
{
	if (e->size)
		d->count++;
	if (e->left)
		d->count += 2;
	if (d->limit < size)
		return -EINVAL;
	return weight(d) > 6 ? -EPERM : 0;
}
"""
OLD = """
	struct dev *d = file->private_data;
	int err;

	err = settle(d, d->cookie, vma->vm_pgoff);
	if (err)
		return err;
	vma->vm_ops = &ring_vm_ops;
	return 0;
"""
NEW = OLD.replace("= file->", "= desc->file->").replace("vma->vm_pgoff", "desc->pgoff")
NEW = NEW.replace("vma->", "desc->")
CLOSED = "settle(), which both versions have"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for such a proof at once, for every helper in which a path parts."""
    monkeypatch.setattr(comparison, "TRIAL", 0.0)
    monkeypatch.setattr(comparison, "TRIAL_IN_ONE", 0.0)
    monkeypatch.setattr(comparison, "FEW_PARTINGS", 0)


def _judge(old: str, new: str, helper: str = HELPER, new_helper: str | None = None) -> Verdict:
    given = helper if new_helper is None else new_helper
    return verify(old_side(old, helper), new_side(new, given), time_limit=15)


class TestEquivalent:
    def test_says_what_was_not_followed(self) -> None:
        verdict = verify(old_side(OLD, HELPER), old_side(OLD, HELPER), time_limit=15)
        assert verdict.status == "equivalent"
        assert any(CLOSED in bound for bound in verdict.bounds)

    def test_with_accepted_differences_the_helper_is_followed(self) -> None:
        verdict = _judge(OLD, NEW)
        assert verdict.status == "different"  # a count stays where no VMA can be allocated
        assert not any(CLOSED in bound for bound in verdict.bounds)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("d->limit < size", "d->limit <= size"),
        ("d->count += 2", "d->count += 3"),
        ("return -EINVAL", "return -EPERM"),
        ("d->ro ? MOST", "!d->ro ? MOST"),
        ("MOST 7", "MOST 6"),
        ("SECOND = 5", "SECOND = 7"),
        ("unsigned int left", "unsigned char left"),
    ],
)
def test_helpers_that_differ_somewhere_are_followed(was: str, now: str) -> None:
    assert was in HELPER
    changed = HELPER.replace(was, now)
    sides = old_side(OLD, HELPER), old_side(OLD, changed)
    assert "settle" not in Common(*sides)
    verdict = verify(*sides, time_limit=15)
    assert not any(CLOSED in bound for bound in verdict.bounds)
    assert verdict.status == ("unknown" if "char" in now else "different")


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("vma->vm_pgoff", "vma->vm_pgoff + 1"),
        ("if (err)", "d->ro = 1;\n\tif (err)"),
        ("if (err)", "if (err < -20)"),
        ("err = settle", "d->ro = 1;\n\terr = settle"),
        ("vma->vm_ops", "settle(d, d->cookie, 3);\n\tvma->vm_ops"),
        ("\terr = settle(d, d->cookie, vma->vm_pgoff);\n", "\terr = d->ro;\n"),
    ],
)
def test_calls_that_differ(was: str, now: str) -> None:
    assert was in OLD
    changed = OLD.replace(was, now)
    verdict = verify(old_side(OLD, HELPER), old_side(changed, HELPER), time_limit=15)
    assert verdict.status == "different", verdict


def test_a_lock_that_a_helper_takes() -> None:
    helper = """
static void enter(struct dev *d)
{
	if (d->ro)
		pr_debug("ro");
	mutex_lock(&d->lock);
}
"""
    old = """
	struct dev *d = file->private_data;
	int err;

	enter(d);
	err = remap_pfn_range(vma, vma->vm_start, d->phys >> PAGE_SHIFT,
			vma->vm_end - vma->vm_start, vma->vm_page_prot);
	mutex_unlock(&d->lock);
	return err;
"""
    new = """
	struct dev *d = desc->file->private_data;

	enter(d);
	mmap_action_remap_full(desc, d->phys >> PAGE_SHIFT);
	mutex_unlock(&d->lock);
	return 0;
"""
    verdict = _judge(old, new, helper)
    assert verdict.status == "different"
    assert "lock-population" in {each.id for each in verdict.differences}


class TestWhatCannotBeFollowed:
    """Helpers with code that is not modelled, in which a proof would end."""

    HELPER = """
static int odd(struct dev *d, unsigned long size)
{
	if (d->limit < size)
		asm volatile("nop");
	return d->ro ? -EPERM : 0;
}
"""
    OLD = """
	struct dev *d = file->private_data;
	int err = odd(d, vma->vm_pgoff);

	if (err)
		return err;
	vma->vm_ops = &ring_vm_ops;
	return 0;
"""

    def verdict(self, old: str, new: str, helper: str = HELPER) -> Verdict:
        return verify(old_side(old, self.HELPER), old_side(new, helper), time_limit=15)

    def test_both_versions_have_it(self) -> None:
        verdict = self.verdict(self.OLD, self.OLD)
        assert verdict.status == "equivalent", verdict
        assert any("odd(), which both versions have" in bound for bound in verdict.bounds)

    def test_a_difference_beside_it(self) -> None:
        verdict = self.verdict(self.OLD, self.OLD.replace("return err;", "return -EIO;"))
        assert verdict.status in ("unknown", "different"), verdict

    def test_it_is_another_one(self) -> None:
        helper = self.HELPER.replace('"nop"', '"hlt"')
        assert self.verdict(self.OLD, self.OLD, helper).status == "unknown"

    def test_it_gets_the_mapping(self) -> None:
        helper = self.HELPER.replace("unsigned long size", "struct vm_area_struct *vma")
        helper = helper.replace("< size", "< vma->vm_pgoff")
        body = self.OLD.replace("vma->vm_pgoff", "vma")
        verdict = verify(old_side(body, helper), old_side(body, helper), time_limit=15)
        assert verdict.status == "unknown"


@pytest.mark.parametrize(
    ("helper", "may"),
    [
        ("d->count++;", False),
        ("mutex_lock(&d->lock);", True),
        ("inner(d);", True),
        ("ENTER(d);", True),
        ("PASS(inner, d);", True),
        ("READ(d);", False),
        ("elsewhere(d);", False),
    ],
)
def test_which_helpers_may_take_a_lock(helper: str, may: bool) -> None:
    text = (
        "#define ENTER(d) spin_lock(&(d)->lock)\n"
        "#define PASS(f, x) f(x)\n"
        "#define READ(inner) (inner->count)\n"
        "static void inner(struct dev *d)\n{\n\tdown_read(&d->lock);\n}\n"
        f"static void enter(struct dev *d)\n{{\n\t{helper}\n}}\n"
    )
    source = old_side("	return 0;", text).functions[0].source
    assert may_lock(Scope(source), "enter") is may


class TestWhatIsFollowedAllTheSame:
    """Helpers whose effect an unknown call could not show."""

    def same(self, helper: str, body: str, changed: str) -> None:
        verdict = verify(old_side(body, helper), old_side(changed, helper), time_limit=15)
        assert verdict.status == "different", verdict

    def test_one_that_sets_up_the_mapping(self) -> None:
        helper = (
            "static int set(struct vm_area_struct *v, unsigned long n)\n{\n"
            "\tif (n > 3)\n\t\tv->vm_page_prot = pgprot_noncached(v->vm_page_prot);\n"
            "\treturn 0;\n}\n"
        )
        body = "\treturn set(vma, vma->vm_pgoff);"
        self.same(helper, body, body.replace("set(", "vma->vm_pgoff == 4 ? 0 : set("))

    def test_one_that_gets_a_part_of_the_mapping(self) -> None:
        helper = "static int set(unsigned long *n)\n{\n\tif (*n > 3)\n\t\t*n = 3;\n\treturn 0;\n}\n"
        self.same(helper, "\treturn set(&vma->vm_pgoff);", "\treturn 0;")

    def test_one_that_gives_a_pointer_to_what_the_hook_knows(self) -> None:
        helper = (
            "static struct dev *get(struct file *file)\n{\n"
            '\tif (((struct dev *)file->private_data)->ro)\n\t\tpr_debug("ro");\n'
            "\treturn file->private_data;\n}\n"
        )
        body = (
            "\tstruct dev *d = file->private_data, *e = get(file);\n%s\treturn x > 3 ? -EINVAL : 0;"
        )
        before = body % "\tunsigned long x = e->size;\n\n\td->size = 9;\n"
        after = body % "\tunsigned long x;\n\n\td->size = 9;\n\tx = e->size;\n"
        self.same(helper, before, after)

    def test_one_that_fills_a_structure_of_the_hook(self) -> None:
        helper = (
            "struct got { struct dev *d; };\n"
            "static int get(struct file *file, struct got *g)\n{\n"
            "\tg->d = file->private_data;\n\treturn g->d->ro ? -EPERM : 0;\n}\n"
        )
        body = (
            "\tstruct dev *d = file->private_data;\n\tstruct got g = {};\n\tunsigned long x;\n\n"
            "\tif (get(file, &g))\n\t\treturn -EPERM;\n%s\treturn x > 3 ? -EINVAL : 0;"
        )
        before = body % "\tx = g.d->size;\n\td->size = 9;\n"
        after = body % "\td->size = 9;\n\tx = g.d->size;\n"
        self.same(helper, before, after)


WITH_HELPERS = [
    each
    for each in chosen(120, 20260)
    if PAIRS[each.pair].extra and not known(each) and (each.pair, each.change) not in UNDECIDED
]


@pytest.mark.parametrize("mutant", WITH_HELPERS[:8], ids=lambda each: f"{each.pair}: {each.change}")
def test_no_mutant_is_proved(mutant: Mutant) -> None:
    pair = PAIRS[mutant.pair]
    sides = old_side(pair.old, pair.extra), new_side(mutant.new, pair.extra)
    assert verify(*sides, time_limit=15).status == "different"
