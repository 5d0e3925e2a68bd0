# SPDX-License-Identifier: GPL-2.0-only
"""What needs no solver: the questions that a model of the mmap path asks again and again."""

from __future__ import annotations

import pytest

from premap.symbolic import Model, Word, var

PAGE_MASK = ~0xFFF
a, b, start, length = (var(name) for name in ("a", "b", "start", "length"))
first, count = var("first", 36), var("count", 36)
condition = var("flag") == 3


def choice(then: Word | int, otherwise: Word | int) -> Word:
    return condition.select(then, otherwise)


class TestSums:
    def test_what_is_added_can_be_taken_off(self) -> None:
        assert (start + length) - start is length
        assert (start + length) - length is start
        assert (a * 3 + b) - (b + a * 2) is a

    def test_order_does_not_matter(self) -> None:
        assert a + b + 1 is 1 + (b + a)

    def test_complement_is_a_sum(self) -> None:
        assert ~a + 1 is -a

    def test_parts_of_a_word_join(self) -> None:
        assert (a & 0xFFF) + (a & PAGE_MASK) is a
        assert a - (a & 0xFFF) is a & PAGE_MASK

    def test_products(self) -> None:
        assert (a << 3) is a * 8
        assert (a * 8) * b is (b * a) << 3


def as_int(word: Word | int) -> Word:
    """Return a word as C extends an int's sign."""
    return ((word & 0xFFFFFFFF) ^ 0x80000000) + ~0x7FFFFFFF


class TestSigns:
    def test_an_extended_sign_can_be_cut_off(self) -> None:
        assert as_int(a) & 0xFFFFFFFF is a & 0xFFFFFFFF
        assert as_int(as_int(a)) is as_int(a)
        assert as_int(a + b) & 0xFFFF is (a + b) & 0xFFFF

    def test_the_highest_bit_of_a_mask_is_flipped_by_adding_it(self) -> None:
        assert (a + b + 0x80) & 0xFF is ((a + b) & 0xFF) ^ 0x80
        assert (a - 0x80) & 0xFF is (a & 0xFF) ^ 0x80
        assert (a + 0x80) & 0x1FF is not (a & 0x1FF) ^ 0x80

    def test_an_int_that_counts(self) -> None:
        once = as_int(a) + 1
        assert as_int(as_int(once) + 1) is as_int(a + 2)
        assert as_int(once) - 1 & 0xFFFFFFFF is a & 0xFFFFFFFF
        assert (as_int(a & 0xFF) + 1) & 0xFF is (a + 1) & 0xFF
        assert ((a & 0xFF) + 1) & 0x1FF is not (a + 1) & 0x1FF

    def test_a_negative_int_is_one_bit(self) -> None:
        negative = (as_int(a) ^ 1 << 63) < (1 << 63)
        assert negative is ((a & 0x80000000) != 0)
        assert ((as_int(a) & 1 << 63) != 0) is ((a & 0x80000000) != 0)


class TestMasks:
    def test_masks_of_masks(self) -> None:
        assert (a & 0xFF0) & 0x0FF is a & 0x0F0
        assert ((a | 3) & 1) == 1
        assert (a ^ 5) ^ 5 is a

    def test_an_aligned_word_is_aligned(self) -> None:
        assert (a << 12) & PAGE_MASK is a << 12
        assert (a << 12) & 0xFFF == 0

    def test_page_align_of_whole_pages(self) -> None:
        size = length << 12
        assert (size + 0xFFF) & PAGE_MASK is size

    def test_whole_pages_are_taken_out_of_a_mask(self) -> None:
        assert (a + 0x3008) & PAGE_MASK is ((a + 8) & PAGE_MASK) + 0x3000
        assert (a + 0x3008) & 0xFFF is (a + 8) & 0xFFF

    def test_a_flag_that_was_set(self) -> None:
        assert ((a | 0x4000) & 0x4000) == 0x4000
        assert ((a & ~0x4000) & 0x4000) == 0
        assert ((a | 0x4000) & 0x8) is a & 0x8

    def test_a_flag_that_may_have_been_set(self) -> None:
        flags = choice(a | 0x4000, a)
        assert flags & 8 is a & 8

    def test_a_word_and_its_complement(self) -> None:
        assert a & ~a == 0
        assert a ^ a == 0
        assert a | a is a


class TestShifts:
    def test_there_and_back(self) -> None:
        assert (first << 12) >> 12 is first
        assert (a >> 12) << 12 is a & PAGE_MASK
        assert (a << 12) >> 12 is a & ((1 << 52) - 1)

    def test_pages_of_a_sum_that_can_not_wrap(self) -> None:
        assert ((first << 12) + (count << 12)) >> 12 is first + count
        assert ((first << 12) + 0x2FFF) >> 12 is first + 2

    @pytest.mark.parametrize("count", [64, 65, 200])
    def test_everything_is_shifted_out(self, count: int) -> None:
        assert a << count == 0
        assert a >> count == 0


class TestComparisons:
    def test_one_word_in_two_spellings(self) -> None:
        assert (a + 4096 == 4096 + a) is True
        assert (a + 1 == a) is False

    def test_same_base_is_decided_only_where_nothing_wraps(self) -> None:
        assert ((first << 12) < (first << 12) + 4096) is True
        assert not isinstance(a < a + 4096, bool)

    def test_common_terms_go(self) -> None:
        assert (first + count < first + 7) is (count < 7)

    def test_every_spelling_of_a_comparison_is_one(self) -> None:
        assert (a < 5) is (a <= 4)
        assert (a > 4) is ~(a < 5)
        assert (a >= 1) is (a != 0)
        assert (a == b) is (b == a)
        assert (a - b == 0) is (a == b)

    def test_what_a_width_decides(self) -> None:
        assert (first < 1 << 36) is True
        assert (first + 1 != 0) is True

    def test_a_flag_is_set_or_not(self) -> None:
        assert ((a & 8) == 8) is ((a & 8) != 0)

    def test_no_flag_of_several(self) -> None:
        assert ((choice(8, 0) | (a & 1)) == 0) is (~condition & ((a & 1) == 0))

    def test_misaligned_is_never_aligned(self) -> None:
        assert (a << 12 == 8) is False
        assert (first << 12 == count << 12) is (first == count)

    def test_a_chosen_errno(self) -> None:
        assert (choice(-22, 0) != 0) is condition
        assert (choice(-22, choice(-12, 0)) == -12) is False


class TestChoices:
    def test_equal_arms(self) -> None:
        assert choice(a + b, b + a) is a + b

    def test_the_same_question_twice(self) -> None:
        assert choice(choice(a, b), start) is choice(a, start)
        assert (~condition).select(a, b) is choice(b, a)

    def test_bounds_of_a_choice(self) -> None:
        assert (choice(3, 7) < 8) is True


class TestCommonFactors:
    def test_sums_that_can_not_wrap_are_compared_without(self) -> None:
        assert ((first << 12) < (count << 12)) is (first < count)
        assert ((first << 12) < (first << 12) + (count << 12)) is (count != 0)
        assert ((first << 12) + 0x3000 < (count << 12)) is (first + 3 < count)

    def test_a_rest_stays(self) -> None:
        rest = (first << 12) + 1 < (count << 12)
        assert rest is not (first < count)
        assert Model({"first": 3, "count": 4}).eval(rest)
        assert not Model({"first": 3, "count": 3}).eval(rest)

    def test_what_may_wrap_keeps_them(self) -> None:
        wraps = (a << 12) < (b << 12)
        assert wraps is not (a < b)
        assert Model({"a": 1 << 52, "b": 1}).eval(wraps)
