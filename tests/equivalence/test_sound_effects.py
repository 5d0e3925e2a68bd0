# SPDX-License-Identifier: GPL-2.0-only
"""Ways to a wrong `equivalent`: what calls do, in which order, and what of it stays.

Each pair here differs, and once looked the same.
"""

from __future__ import annotations

import pytest
from tests.equivalence.differing import DEV, NEW_DEV, differ
from tests.equivalence.kit import judge, new_side, old_side, run_both


class TestGuards:
    """What guards an undefined operation keeps it from being reached, not from being compared."""

    def test_division(self) -> None:
        differ(
            DEV + "if (d->count != 0 && d->size / d->count > 3) return -EINVAL; return 0;",
            NEW_DEV + "if (d->count == 0 || d->size / d->count > 3) return -EINVAL; return 0;",
        )

    def test_division_in_a_choice(self) -> None:
        differ(
            DEV + "return (d->count ? d->size / d->count : 0) > 3 ? -EINVAL : 0;",
            NEW_DEV + "return (d->count ? d->size / d->count : 9) > 3 ? -EINVAL : 0;",
        )

    def test_division_in_a_macro_of_the_kernel(self) -> None:
        differ(
            DEV + "if (d->count && DIV_ROUND_UP(d->size, d->count) > 3) return -EINVAL; return 0;",
            NEW_DEV + "if (!d->count || DIV_ROUND_UP(d->size, d->count) > 3) return -EINVAL;"
            " return 0;",
        )

    def test_shift(self) -> None:
        differ(
            DEV + "if (d->limit < 32 && d->ro >> d->limit) return -EINVAL; return 0;",
            NEW_DEV + "if (d->limit >= 32 || d->ro >> d->limit) return -EINVAL; return 0;",
        )


class TestReferences:
    """The new hook also runs for a mapping that merges, or can't be allocated."""

    @pytest.mark.parametrize("call", ["refcount_inc", "refcount_dec"])
    def test_a_count_that_changes_without_a_mapping(self, call: str) -> None:
        body = f"{call}(d->cookie); return 0;"
        differ(DEV + body, NEW_DEV + body)


class TestLocks:
    def test_a_read_moved_behind_the_release(self) -> None:
        differ(
            DEV + "unsigned long s; mutex_lock(&d->lock); s = d->size; mutex_unlock(&d->lock);"
            " return s < 3 ? -EINVAL : 0;",
            NEW_DEV + "unsigned long s; mutex_lock(&d->lock); s = d->size; mutex_unlock(&d->lock);"
            " return d->size < 3 ? -EINVAL : 0;",
        )

    def test_a_read_moved_before_the_lock(self) -> None:
        differ(
            DEV + "unsigned long s; mutex_lock(&d->lock); s = d->size; mutex_unlock(&d->lock);"
            " return s < 3 ? -EINVAL : 0;",
            NEW_DEV + "unsigned long s = d->size; mutex_lock(&d->lock); mutex_unlock(&d->lock);"
            " return s < 3 ? -EINVAL : 0;",
        )


class TestCallbacks:
    def test_a_close_with_effects_after_a_failed_action(self) -> None:
        extra = (
            "static void c_close(struct vm_area_struct *vma)\n"
            "{\n\tput_page(vma->vm_private_data);\n}\n"
            "static const struct vm_operations_struct c_vm_ops = { .close = c_close, };\n"
        )
        differ(
            "vma->vm_ops = &c_vm_ops; return remap_pfn_range(vma, vma->vm_start, 5,"
            " vma->vm_end - vma->vm_start, vma->vm_page_prot);",
            "desc->vm_ops = &c_vm_ops; mmap_action_remap_full(desc, 5); return 0;",
            extra,
        )


class TestBalance:
    """A reference is given back by putting the same object, not just any."""

    OBJECTS = "static struct page *one;\nstatic struct file *other;\n"

    def test_put_of_another_object(self) -> None:
        body = "get_page(one); fput(other); return 0;"
        verdict = judge(body, body, self.OBJECTS)
        assert verdict.status == "different", verdict
        assert [difference.id for difference in verdict.differences] == ["effect-outlives"]


class TestBits:
    """A bit that was found clear and set keeps others out, until it is cleared."""

    TAKES = "if (test_and_set_bit(0, &d->count)) return -EBUSY; "

    def test_one_that_stays_set(self) -> None:
        verdict = judge(DEV + self.TAKES + "return 0;", NEW_DEV + self.TAKES + "return 0;")
        assert [difference.id for difference in verdict.differences] == ["effect-outlives"]

    def test_one_that_is_cleared_again(self) -> None:
        body = self.TAKES + "clear_bit(0, &d->count); return 0;"
        verdict = judge(DEV + body, NEW_DEV + body)
        assert verdict.status == "equivalent-except", verdict

    def test_its_word_is_read_after(self) -> None:
        differ(
            DEV + self.TAKES + "return d->count & 2 ? -EINVAL : 0;",
            NEW_DEV
            + "unsigned long was = d->count; "
            + self.TAKES
            + "return was & 2 ? -EINVAL : 0;",
        )


class TestFlagsOfTheCall:
    """What mmap() itself may leave in the flags is varied, too."""

    @pytest.mark.parametrize("flag", ["LOCKED", "NORESERVE", "SYNC", "NOHUGEPAGE", "LOCKONFAULT"])
    def test_a_dropped_test_of_such_a_flag(self, flag: str) -> None:
        differ(f"return vma->vm_flags & VM_{flag} ? -EINVAL : 0;", "return 0;")

    def test_pages_locked_on_fault_are_locked(self) -> None:
        body = "return (vma->vm_flags & VM_LOCKED_MASK) == VM_LOCKONFAULT ? -EINVAL : 0;"
        assert judge(body, "return 0;").status == "equivalent"

    def test_a_mount_without_execution(self) -> None:
        differ("return vma->vm_flags & VM_MAYEXEC ? 0 : -EPERM;", "return 0;")


class TestTries:
    """Whether a lock is held hangs on what the attempt gave."""

    FILL = "remap_pfn_range(vma, vma->vm_start, 5, vma->vm_end - vma->vm_start, vma->vm_page_prot)"

    @pytest.mark.parametrize(
        ("taken", "failed"),
        [
            ("mutex_trylock(&d->lock)", "!mutex_trylock(&d->lock)"),
            ("!mutex_lock_interruptible(&d->lock)", "mutex_lock_interruptible(&d->lock)"),
            ("!down_trylock(&d->lock)", "down_trylock(&d->lock)"),
        ],
    )
    def test_left_held(self, taken: str, failed: str) -> None:
        end = "up" if "down" in taken else "mutex_unlock"
        body = f"if ({failed}) return -EBUSY; {{}} return 0;"
        differ(DEV + body.format(f"{end}(&d->lock);"), NEW_DEV + body.format(""))
        body = f"if ({taken}) {end}(&d->lock); return 0;"
        verdict = judge(DEV + body, NEW_DEV + body)
        assert verdict.status.startswith("equivalent"), verdict

    @pytest.mark.parametrize(
        "body",
        [
            "mutex_lock(&d->lock); return 0;",
            "down(d->cookie); return 0;",
            "if (down_trylock(d->cookie)) return -EBUSY; return 0;",
            "up(d->cookie); return 0;",
        ],
    )
    def test_held_for_a_mapping_that_fails(self, body: str) -> None:
        """A semaphore may keep others out for as long as there is a mapping."""
        verdict = judge(DEV + body, NEW_DEV + body)
        assert [difference.id for difference in verdict.differences] == ["locks"]

    def test_released_by_another_way_to_it(self) -> None:
        body = "struct dev *e; mutex_lock(&d->lock); e = $->private_data; mutex_unlock(&e->lock); "
        old, new = (body.replace("$", file) + "return 0;" for file in ("file", "desc->file"))
        assert judge(DEV + old, NEW_DEV + new).status == "equivalent"
        sides = old_side(DEV + old), new_side(NEW_DEV + new)
        assert not any(run_both(*sides, seed) for seed in range(400))

    def test_filled_where_it_was_not_taken(self) -> None:
        new = "if (mutex_trylock(&d->lock)) { mutex_unlock(&d->lock); return -EBUSY; }"
        verdict = judge(
            f"{DEV}{new} return {self.FILL};",
            f"{NEW_DEV}{new} mmap_action_remap_full(desc, 5); return 0;",
        )
        assert "lock-population" not in [each.id for each in verdict.differences], verdict


class TestNeighbours:
    """A neighbour after the mapping may show what one before it does not."""

    def test_what_only_the_mapping_before_another_one_is(self) -> None:
        old = "if (vma->vm_pgoff < 4) vm_flags_set(vma, VM_DONTEXPAND); return 0;"
        new = "if (desc->pgoff < 4) vma_desc_set_flags(desc, VMA_DONTEXPAND_BIT); return 0;"
        verdict = judge(old, new)
        assert [difference.id for difference in verdict.differences] == ["hook-decides-merge"]
        example = verdict.differences[0].example
        assert example is not None
        assert "directly before a mapping" in example["setting"]
        assert "--layout before-itself --right-pages" in example["run"]["new"]

    def test_private_data_that_is_lost_between_two(self) -> None:
        differ(
            "if (vma->vm_pgoff & 1) vma->vm_private_data = file; vm_flags_set(vma, VM_DONTCOPY);"
            " return 0;",
            "if (desc->pgoff & 1) desc->private_data = desc->file;"
            " vma_desc_set_flags(desc, VMA_DONTCOPY_BIT); return 0;",
        )
