# SPDX-License-Identifier: GPL-2.0-only
"""Models: values for every variable, and small counter-examples."""

from __future__ import annotations

import pickle
import subprocess
import sys

from premap.symbolic import Model, apply, check, var
from premap.symbolic.node import live_nodes

offset, length, size = (var(name) for name in ("offset", "length", "size"))


class TestCheck:
    def test_no_model(self) -> None:
        assert check([offset < 3, offset > 5]) is None
        assert check([False]) is None

    def test_nothing_to_satisfy(self) -> None:
        model = check([True])
        assert model is not None
        assert model.eval(offset) == 0

    def test_a_model_satisfies_its_conditions(self) -> None:
        conditions = [offset * 3 == 21, length >> 12 == offset, size % 10 == 7]
        model = check(conditions)
        assert model is not None
        assert model.satisfies(conditions)
        assert model.eval(offset * 3) == 21

    def test_a_function_is_congruent(self) -> None:
        assert check([offset == size, apply("f", offset) != apply("f", size)]) is None
        assert check([apply("f", offset) != apply("g", offset)]) is not None

    def test_a_function_in_a_model(self) -> None:
        conditions = [apply("f", offset) == 5, apply("f", offset + 1) == 6, offset == 3]
        model = check(conditions)
        assert model is not None
        assert model.eval(apply("f", 4)) == 6
        assert model.eval(apply("f", 99)) == 0

    def test_widths_are_kept(self) -> None:
        assert check([var("narrow", 12) >= 4096]) is None
        assert check([apply("narrow", offset, bits=1) > 1]) is None


class TestModel:
    def test_what_it_does_not_mention_is_zero(self) -> None:
        assert Model({"offset": 7}).eval(offset + length) == 7

    def test_it_can_be_pickled(self) -> None:
        model = check([apply("f", offset) == 5, offset == 3])
        assert model is not None
        loaded = pickle.loads(pickle.dumps(model))
        assert loaded.eval(apply("f", 3)) == 5


class TestShrink:
    def test_the_first_preference_is_made_smallest(self) -> None:
        conditions = [offset + length > size, length <= size]
        model = check(conditions)
        assert model is not None
        small = model.shrink(conditions, [length, offset, size])
        assert [small.eval(word) for word in (length, offset, size)] == [0, 1, 0]

    def test_pages_are_preferred(self) -> None:
        conditions = [length > 1, offset > length]
        model = check(conditions)
        assert model is not None
        small = model.shrink(conditions, [length, offset])
        assert (small.eval(length), small.eval(offset)) == (4096, 8192)

    def test_the_least_value_where_no_simple_one_will_do(self) -> None:
        conditions = [length > 123_456, length % 10 == 3]
        model = check(conditions)
        assert model is not None
        assert model.shrink(conditions, [length]).eval(length) == 123_463


class TestFootprint:
    def test_importing_does_not_load_z3(self) -> None:
        program = "import sys, premap.symbolic; sys.exit('z3' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

    def test_terms_go_when_nobody_has_them(self) -> None:
        before = live_nodes()
        kept = [var(f"temporary{number}") + 1 for number in range(100)]
        assert live_nodes() >= before + 200
        del kept
        assert live_nodes() <= before + 5
