# SPDX-License-Identifier: GPL-2.0-only
"""What nodes say is read once, and let go of."""

import gc
import weakref

import pytest

from premap.csource.nodes import find_all, parse
from premap.interp import syntax
from premap.model.errors import NotModelled

ONE = b"int f(int a) { return g(a, /* and */ b->c); }"
OTHER = b"int h(int z) { return k(z, /* not */ y->x); }"


def test_equal_nodes_of_one_tree_share_what_they_say() -> None:
    root = parse(ONE)
    first, again = next(find_all(root, "call_expression")), next(find_all(root, "call_expression"))
    assert first is not again
    assert syntax.text_of(first) is syntax.text_of(again)
    assert [syntax.text_of(each) for each in syntax.arguments_of(first)] == ["a", "b->c"]
    assert syntax.callee(first) == "g"


def test_nodes_of_other_trees_are_told_apart() -> None:
    said = []
    for text in (ONE, OTHER) * 40:  # a tree that is gone leaves its addresses to the next one
        call = next(find_all(parse(text), "call_expression"))
        said.append((syntax.callee(call), syntax.text_of(call), len(syntax.arguments_of(call))))
        del call
        gc.collect()
    assert said == [("g", "g(a, /* and */ b->c)", 2), ("k", "k(z, /* not */ y->x)", 2)] * 40


def test_what_the_parser_left_out_is_said_each_time() -> None:
    call = next(find_all(parse(ONE), "call_expression"))
    for _ in range(2):
        with pytest.raises(NotModelled, match="incomplete call expression"):
            syntax.child(call, "body")


def test_nodes_are_let_go_of() -> None:
    class Named(str):
        __slots__ = ("__weakref__",)

    key = Named("function")
    kept = weakref.ref(key)
    syntax.part(next(find_all(parse(ONE), "call_expression")), key)
    del key
    gc.collect()
    assert kept() is not None
    syntax.forget()
    gc.collect()
    assert kept() is None
