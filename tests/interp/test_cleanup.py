# SPDX-License-Identifier: GPL-2.0-only
"""What is cleaned up at the end of a scope: when, in which order, and on which ways out."""

from __future__ import annotations

import errno

import pytest
from tests.interp.test_execution import refused, run

from premap.interp.machine import Machine
from premap.model.words import U64_MAX

DEFINITIONS = """
struct mutex { int owner; };
struct gate { struct mutex a; struct mutex b; int open; };
struct box { int size; };
static struct gate *gate;
struct box *box_find(int number);
void box_put(struct box *box);
int try_lock(struct mutex *lock);
DEFINE_LOCK_GUARD_1(key, struct mutex, lock(_T->lock), unlock(_T->lock))
DEFINE_LOCK_GUARD_1_COND(key, _intr, lock_interruptible(_T->lock), _RET == 0)
DEFINE_LOCK_GUARD_1(saved, struct mutex, save(_T->lock, &_T->flags),
    restore(_T->lock, _T->flags), unsigned long flags)
DEFINE_LOCK_GUARD_0(everything, stop(), go())
DEFINE_GUARD(door, struct gate *, shut(&_T->a), unshut(&_T->a))
DEFINE_FREE(box, struct box *, if (_T) box_put(_T))
DEFINE_CLASS(found, struct box *, if (_T) box_put(_T), box_find(number), int number)
"""


def calls(body: str, given: int = 0, **state: int) -> list[str]:
    """Return the names of what is called, in order."""
    return names(run(body, given, None, DEFINITIONS, **state)[1])


def names(machine: Machine) -> list[str]:
    return [event.name for event in machine.events]


class TestGuard:
    def test_it_is_given_back_at_the_end_of_its_block(self) -> None:
        assert calls("{ guard(key)(&gate->a); inside(); } after(); return 0;") == [
            "lock", "inside", "unlock", "after",
        ]  # fmt: skip

    def test_the_last_one_taken_is_given_back_first(self) -> None:
        body = "guard(key)(&gate->a); guard(everything)(); work(); return 0;"
        assert calls(body) == ["lock", "stop", "work", "go", "unlock"]

    def test_a_return_computes_its_value_before(self) -> None:
        assert calls("guard(key)(&gate->a); return work();") == ["lock", "work", "unlock"]

    def test_a_return_from_a_block_within_gives_back_all(self) -> None:
        body = "guard(key)(&gate->a); if (n) { guard(everything)(); return 1; } return 0;"
        assert calls(body, 1) == ["lock", "stop", "go", "unlock"]
        assert calls(body, 0) == ["lock", "unlock"]

    def test_a_goto_out_of_the_block_gives_back(self) -> None:
        body = "{ guard(key)(&gate->a); if (n) goto out; work(); } after(); out: end(); return 0;"
        assert calls(body, 1) == ["lock", "unlock", "end"]
        assert calls(body, 0) == ["lock", "work", "unlock", "after", "end"]

    def test_a_goto_back_over_it_gives_back(self) -> None:
        body = "int i = 0; again: ; guard(key)(&gate->a); if (i++ < 1) goto again; return 0;"
        assert calls(body) == ["lock", "unlock", "lock", "unlock"]

    def test_each_iteration_gives_back(self) -> None:
        body = (
            "for (int i = 0; i < 3; i++) { guard(key)(&gate->a);"
            " if (i == 0) continue; if (i == 1) break; work(); } return 0;"
        )
        assert calls(body) == ["lock", "unlock", "lock", "unlock"]

    def test_a_jump_past_it_is_refused(self) -> None:
        body = "if (n) goto out; guard(key)(&gate->a); out: return 0;"
        refused(body, "a jump past something that is cleaned up", DEFINITIONS)

    def test_it_remembers_more_than_the_lock(self) -> None:
        _, machine = run("guard(saved)(&gate->a); return 0;", 0, None, DEFINITIONS)
        saved, restored = machine.events
        assert (saved.name, restored.name) == ("save", "restore")
        assert len(restored.given) == 2

    def test_by_the_type_of_its_argument(self) -> None:
        assert calls("guard(door)(gate); return 0;") == ["shut", "unshut"]

    def test_one_that_nobody_defines_is_refused(self) -> None:
        refused("guard(nothing)(&gate->a); return 0;", "guard.nothing.*not found", DEFINITIONS)

    def test_common_ones_are_known_without_a_tree(self) -> None:
        assert calls("guard(mutex)(&gate->a); return 0;") == ["mutex_lock", "mutex_unlock"]

    def test_in_a_statement_expression(self) -> None:
        body = "long x = ({ guard(key)(&gate->a); work(); 5; }); after(); return x;"
        result, machine = run(body, 0, None, DEFINITIONS)
        assert result == 5
        assert names(machine) == ["lock", "work", "unlock", "after"]


class TestScopedGuard:
    def test_of_one_statement(self) -> None:
        body = "scoped_guard(key, &gate->a)\n gate->open = 1;\n after(); return 0;"
        assert calls(body) == ["lock", "unlock", "after"]

    def test_a_break_in_it_leads_to_its_end(self) -> None:
        body = (
            "for (int i = 0; i < 2; i++) scoped_guard(key, &gate->a) { if (n) break; work(); }"
            " return 0;"
        )
        assert calls(body, 1) == ["lock", "unlock", "lock", "unlock"]

    def test_a_return_and_a_goto_in_it(self) -> None:
        body = (
            "scoped_guard(key, &gate->a) { if (n == 1) return 1; if (n == 2) goto out; }"
            " after(); out: return 0;"
        )
        assert calls(body, 1) == ["lock", "unlock"]
        assert calls(body, 2) == ["lock", "unlock"]
        assert calls(body, 0) == ["lock", "unlock", "after"]

    def test_a_conditional_one_may_fail(self) -> None:
        body = "scoped_cond_guard(key_intr, return -EINTR, &gate->a) { work(); } after(); return 0;"
        result, machine = run(body, 0, None, DEFINITIONS, **{"lock_interruptible@2": 0})
        assert (result, names(machine)) == (
            0, ["lock_interruptible", "work", "unlock", "after"],
        )  # fmt: skip
        result, machine = run(body, 0, None, DEFINITIONS, **{"lock_interruptible@2": U64_MAX})
        assert (result, names(machine)) == (U64_MAX + 1 - errno.EINTR, ["lock_interruptible"])


class TestAcquire:
    BODY = (
        "ACQUIRE(key_intr, held)(&gate->a); int e = ACQUIRE_ERR(key_intr, &held);"
        " if (e) return e; work(); return 0;"
    )

    def test_it_is_taken(self) -> None:
        result, machine = run(self.BODY, 0, None, DEFINITIONS)
        assert (result, names(machine)) == (0, ["lock_interruptible", "work", "unlock"])

    def test_the_error_comes_out(self) -> None:
        failed = {"lock_interruptible@2": U64_MAX + 1 - errno.EINTR}
        result, machine = run(self.BODY, 0, None, DEFINITIONS, **failed)
        assert (result, names(machine)) == (failed["lock_interruptible@2"], ["lock_interruptible"])


class TestFree:
    def test_what_the_variable_holds_then_is_freed(self) -> None:
        body = "struct box *b __free(box) = box_find(1); if (!b) return 1; work(); return 0;"
        assert calls(body, **{"box_find@2": 64}) == ["box_find", "work", "box_put"]
        assert calls(body) == ["box_find"]

    def test_it_is_not_freed_once_it_is_given_away(self) -> None:
        body = "struct box *b __free(box) = box_find(1); gate->open = !!no_free_ptr(b); return 0;"
        assert calls(body, **{"box_find@2": 64}) == ["box_find"]

    def test_return_ptr(self) -> None:
        extra = DEFINITIONS + (
            "static struct box *get(int n) { struct box *b __free(box) = box_find(n);"
            " if (n) return NULL; return_ptr(b); }\n"
        )
        body = "struct box *b = get(n); return b != NULL;"
        found = {"box_find@2": 64}
        result, machine = run(body, 0, None, extra, **found)
        assert (result, names(machine)) == (1, ["box_find"])
        result, machine = run(body, 1, None, extra, **found)
        assert (result, names(machine)) == (0, ["box_find", "box_put"])

    def test_each_declarator_has_its_own(self) -> None:
        body = "struct box *a __free(box) = box_find(1), *b = box_find(2); return 0;"
        _, machine = run(body, 0, None, DEFINITIONS, **{"box_find@2": 64, "box_find@3": 128})
        assert names(machine) == ["box_find", "box_find", "box_put"]
        assert machine.events[-1].arguments == (64,)

    def test_a_function_as_cleanup(self) -> None:
        extra = DEFINITIONS + "static void zap(int *x) { told(*x); }\n"
        _, machine = run("int x __cleanup(zap) = 4; x++; return x;", 0, None, extra)
        assert [(each.name, each.arguments) for each in machine.events] == [("told", (5,))]

    def test_one_that_was_never_set_is_undefined(self) -> None:
        refused("struct box *b __free(box); return 0;", "read before it is written", DEFINITIONS)


class TestClass:
    def test_its_object_is_given_back(self) -> None:
        body = "CLASS(found, b)(7); if (!b) return 1; return b->size;"
        result, machine = run(
            body, 0, None, DEFINITIONS, **{"box_find@2": 64, "box_find@2->size@1": 3}
        )
        assert names(machine) == ["box_find", "box_put"]
        assert result == 3

    def test_its_arguments_are_counted(self) -> None:
        refused("CLASS(found, b)(); return 0;", "is given 0 arguments", DEFINITIONS)


class TestLoops:
    LIST = """
struct node { struct node *next; int value; };
struct node *first_node(void);
#define for_each_node(pos) for (pos = first_node(); pos; pos = pos->next)
#define for_each_odd(pos) for_each_node(pos) if (!(pos->value & 1)) {} else
"""

    @pytest.mark.parametrize("macro", ["for_each_node", "for_each_odd"])
    def test_a_macro_makes_a_loop_of_a_statement(self, macro: str) -> None:
        body = f"struct node *p; {macro}(p) {{ if (n) break; work(p->value); }} return 1;"
        state = {"first_node@2": 64, "first_node@2->value@1": 5}
        result, machine = run(body, 0, None, self.LIST, **state)
        assert (result, names(machine)) == (1, ["first_node", "work"])
        assert names(run(body, 1, None, self.LIST, **state)[1]) == ["first_node"]

    def test_control_leaves_it(self) -> None:
        body = "struct node *p; for_each_node(p)\n return p->value;\n return 1;"
        state = {"first_node@2": 64, "first_node@2->value@1": 5}
        assert run(body, 0, None, self.LIST, **state)[0] == 5


class TestCases:
    BODY = "switch (n) { case 0: return 1; case 2 ... 4: return 2; default: return 3; }"

    @pytest.mark.parametrize(("given", "expected"), [(0, 1), (1, 3), (2, 2), (4, 2), (5, 3)])
    def test_a_range(self, given: int, expected: int) -> None:
        assert run(self.BODY, given)[0] == expected
