# SPDX-License-Identifier: GPL-2.0-only
"""The solver: z3, imported when the first question is asked.

A Solver is one z3 context that keeps what it has learnt; each condition gets a name in it, once,
and a question is a set of such names. Bit vectors and uninterpreted functions, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from premap.symbolic.bounds import closest
from premap.symbolic.effort import GUARD_SECONDS, QUESTION, RESOURCES, Effort
from premap.symbolic.errors import SolverGaveUp
from premap.symbolic.linear import signed, sum_data
from premap.symbolic.models import Model, Point
from premap.symbolic.node import BoolNode, Node
from premap.symbolic.slices import Leaves, conjuncts_of
from premap.symbolic.terms import Condition
from premap.symbolic.truth import conjuncts

DEFAULT_LIMIT_MS = 10_000
_PER_MS = 1000 * RESOURCES
"""Resource units of z3 that stand for a millisecond."""
_MOST = 0xFFFFFFFE
"""The most resource units that z3 takes for a limit."""

Z3 = Any
"""An expression, sort or function of z3, which has no types."""


class Translator:
    """Terms as expressions of one z3 context, each translated once."""

    def __init__(self) -> None:
        import z3  # noqa: PLC0415 - 0.1 s that most runs don't need

        self.z3 = z3
        self.context = z3.Context()
        self.leaves: dict[int, tuple[Node, Z3]] = {}
        self._done: dict[int, Z3] = {}
        self._under: dict[int, frozenset[int]] = {}
        self._kept: list[Node] = []
        self._functions: dict[tuple[str, int, int], Z3] = {}

    def translate(self, root: Node) -> Z3:
        """Return the z3 expression of a term."""
        stack = [root]
        while stack:
            node = stack[-1]
            if node.uid in self._done:
                stack.pop()
                continue
            missing = [arg for arg in node.args if arg.uid not in self._done]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            self._kept.append(node)
            args = [self._done[arg.uid] for arg in node.args]
            self._done[node.uid] = _TRANSLATE[node.op](self, node, args)
            self._under[node.uid] = self._leaves_under(node)
        return self._done[root.uid]

    def leaves_under(self, root: Node) -> frozenset[int]:
        """Return the numbers of the leaves of a term that was translated."""
        return self._under[root.uid]

    def _leaves_under(self, node: Node) -> frozenset[int]:
        below = [self._under[arg.uid] for arg in node.args]
        if len(below) == 1 and node.uid not in self.leaves:
            return below[0]
        return frozenset(self.leaves.keys() & {node.uid}).union(*below)

    def word(self, value: int) -> Z3:
        """Return a constant of 64 bits."""
        return self.z3.BitVecVal(value, 64, self.context)

    def widen(self, node: Node, narrow: Z3, bits: int) -> Z3:
        """Return a leaf of `bits` bits as a word."""
        self.leaves[node.uid] = (node, narrow)
        return self.z3.ZeroExt(64 - bits, narrow) if bits < 64 else narrow

    def var(self, node: Node, _args: list[Z3]) -> Z3:
        """Translate a variable."""
        name, bits = cast("tuple[str, int]", node.data)
        return self.widen(node, self.z3.BitVec(name, bits, self.context), bits)

    def apply(self, node: Node, args: list[Z3]) -> Z3:
        """Translate what an unknown function gives."""
        name, bits = cast("tuple[str, int]", node.data)
        key = (name, len(args), bits)
        if key not in self._functions:
            word = self.z3.BitVecSort(64, self.context)
            result = self.z3.BitVecSort(bits, self.context)
            self._functions[key] = self.z3.Function(
                f"{name}/{len(args)}", *[word] * len(args), result
            )
        return self.widen(node, self._functions[key](*args), bits)

    def sum(self, node: Node, args: list[Z3]) -> Z3:
        """Translate a sum."""
        constant, coefficients = sum_data(node)
        total = self.word(constant) if constant else None
        for coefficient, arg in zip(coefficients, args, strict=True):
            factor = signed(coefficient)
            part = self.multiple(arg, abs(factor))
            if total is None:
                total = part if factor > 0 else -part
            else:
                total = total + part if factor > 0 else total - part
        return total

    def multiple(self, arg: Z3, factor: int) -> Z3:
        """Return `arg * factor`, as a shift where it is one."""
        if factor == 1:
            return arg
        if factor & (factor - 1) == 0:
            return arg << (factor.bit_length() - 1)
        return arg * self.word(factor)

    def eq(self, node: Node, args: list[Z3]) -> Z3:
        """Translate `sum == constant` with the negative terms on the other side."""
        (left,) = node.args
        value = self.word(cast("int", node.data))
        if left.op != "sum" or not any(factor >> 63 for factor in sum_data(left)[1]):
            return args[0] == value
        sides: dict[bool, Z3] = {True: None, False: value if node.data else None}
        for coefficient, arg in zip(sum_data(left)[1], left.args, strict=True):
            positive = signed(coefficient) > 0
            part = self.multiple(self._done[arg.uid], abs(signed(coefficient)))
            sides[positive] = part if sides[positive] is None else sides[positive] + part
        zero = self.word(0)
        return (zero if sides[True] is None else sides[True]) == sides[False]

    def bits(self, node: Node, args: list[Z3]) -> Z3:
        """Translate `(x & mask) ^ flip`."""
        mask, flip = cast("tuple[int, int]", node.data)
        masked = args[0] & self.word(mask)
        return masked ^ self.word(flip) if flip else masked


def _joined(operator: str) -> Callable[[Translator, Node, list[Z3]], Z3]:
    def translate(translator: Translator, _node: Node, args: list[Z3]) -> Z3:
        function = getattr(type(args[0]), operator, None) or getattr(translator.z3, operator)
        total = args[0]
        for arg in args[1:]:
            total = function(total, arg)
        return total

    return translate


_TRANSLATE: dict[str, Callable[[Translator, Node, list[Z3]], Z3]] = {
    "const": lambda translator, node, _: translator.word(cast("int", node.data)),
    "var": Translator.var,
    "apply": Translator.apply,
    "sum": Translator.sum,
    "bits": Translator.bits,
    "mul": _joined("__mul__"),
    "and": _joined("__and__"),
    "or": _joined("__or__"),
    "xor": _joined("__xor__"),
    "shl": _joined("__lshift__"),
    "shr": _joined("LShR"),
    "udiv": _joined("UDiv"),
    "urem": _joined("URem"),
    "lt": _joined("ULT"),
    "differ": _joined("Xor"),
    "lshr": lambda translator, node, args: translator.z3.LShR(args[0], node.data),
    "ite": lambda translator, _, args: translator.z3.If(*args),
    "eq": Translator.eq,
    "not": lambda translator, _, args: translator.z3.Not(args[0]),
    "conj": lambda translator, _, args: translator.z3.And(*args),
}


def _literal(part: BoolNode) -> int:
    """Return the number of a condition: its uid, negative for the opposite of another one.

    The translator keeps that other one, so its uid stays its own; the opposite itself may go.
    """
    inner: int = part.args[0].uid if part.op == "not" else part.uid
    return -inner if part.op == "not" else inner


class Solver:
    """Answers whether conditions can be true together; keeps its terms until it is dropped.

    Limits are milliseconds that z3's resource units stand for, so the same questions in the same
    order have the same answers on any machine. `effort` counts the work.
    """

    def __init__(self, limit_ms: int = DEFAULT_LIMIT_MS, effort: Effort | None = None) -> None:
        self.limit_ms = limit_ms
        self.effort = effort or Effort()
        self.queries = 0
        self._resources = 0
        self._leaves = Leaves()
        self._translator: Translator | None = None
        self._solver: Z3 = None
        self._names: dict[int, Z3] = {}
        self._literals: dict[int, int] = {}
        self._cores: dict[int, list[frozenset[int]]] = {}

    def check(self, conditions: Iterable[Condition], limit_ms: int | None = None) -> Model | None:
        """Return a model of all conditions, or None if there is none.

        Raises SolverGaveUp if z3 has no answer within the limit.
        """
        parts: dict[int, BoolNode] = {}
        for condition in conditions:
            if condition is False:
                return None
            parts.update((part.uid, part) for part in conjuncts_of(condition))
        if not parts:
            return Model()
        return self._ask(closest(parts.values()), limit_ms or self.limit_ms)

    def extend(
        self,
        model: Model,
        conditions: Iterable[Condition],
        more: Condition,
        limit_ms: int | None = None,
    ) -> Model | None:
        """Return a model of all conditions and one more; the given one is a model of the former.

        Asked is only about what hangs together with the further one: of all else, nothing changes.
        """
        if isinstance(more, bool):
            return model if more else None
        known = {part.uid: part for each in conditions for part in conjuncts_of(each)}
        near = self._leaves.around(conjuncts(more), known.values())
        asked = {part.uid: part for part in (*near.parts, *conjuncts(more))}
        found = self._ask(closest(asked.values()), limit_ms or self.limit_ms, model)
        return None if found is None else model.changed(found, near.leaves)

    def _ask(self, parts: list[BoolNode], limit_ms: int, near: Model | None = None) -> Model | None:
        """Return a model of these; one like `near`, if that is easier."""
        del near
        self.effort.spent += QUESTION
        return None if self.refuted(parts) else self._solve(parts, limit_ms)

    def _solve(self, parts: list[BoolNode], limit_ms: int) -> Model | None:
        translator = self._start()
        self._solver.set("rlimit", min(limit_ms * _PER_MS, _MOST))
        names = [self._name(translator, part) for part in parts]
        self.queries += 1
        answer = self._solver.check(*names)
        self._count()
        if answer == translator.z3.unsat:
            self._remember_core()
            return None
        if answer != translator.z3.sat:
            raise SolverGaveUp(f"the solver gave up: {self._solver.reason_unknown()}")
        return self._model(translator, parts)

    def _count(self) -> None:
        """Count what z3 did since the question before, new conditions included."""
        now = self._solver.statistics().get_key_value("rlimit count")
        self.effort.spent += (now - self._resources) // RESOURCES
        self._resources = now

    def refuted(self, parts: Sequence[BoolNode]) -> bool:
        """Whether it is known of some of these conditions that they can't be true together."""
        asked = {_literal(part) for part in parts}
        return any(core <= asked for literal in asked for core in self._cores.get(literal, ()))

    def _remember_core(self) -> None:
        """Keep which conditions can't be true together; others that contain them can't, either."""
        core = frozenset(self._literals[name.get_id()] for name in self._solver.unsat_core())
        if core:
            self._cores.setdefault(max(core), []).append(core)

    def _start(self) -> Translator:
        if self._translator is None:
            self._translator = Translator()
            context = self._translator.context
            z3 = self._translator.z3
            logic = z3.to_symbol("QF_UFBV", context)  # SolverFor() makes a context for the name
            self._solver = z3.Solver(z3.Z3_mk_solver_for_logic(context.ref(), logic), context)
            self._solver.set("timeout", int(GUARD_SECONDS * 1000))
        return self._translator

    def _name(self, translator: Translator, part: BoolNode) -> Z3:
        """Return the expression that stands for a condition, or for one's opposite."""
        literal = _literal(part)
        if literal not in self._names:
            positive: BoolNode = part.args[0] if part.op == "not" else part
            name = translator.z3.Bool(f"condition!{len(self._names)}", translator.context)
            self._solver.add(name == translator.translate(positive))
            for number, each in ((positive.uid, name), (-positive.uid, translator.z3.Not(name))):
                self._names[number] = each
                self._literals[each.get_id()] = number
        return self._names[literal]

    def _model(self, translator: Translator, parts: Sequence[BoolNode]) -> Model:
        """Read what z3 gave to the leaves of the parts; others may be anything."""
        found = self._solver.model()
        model = Model()
        functions: list[tuple[Node, Z3]] = []
        asked = [part.args[0] if part.op == "not" else part for part in parts]
        leaves = frozenset[int]().union(*(translator.leaves_under(part) for part in asked))
        for node, leaf in (translator.leaves[uid] for uid in sorted(leaves)):
            if node.op == "apply":
                functions.append((node, leaf))
                continue
            value = found[leaf]
            if value is not None:
                name, _bits = cast("tuple[str, int]", node.data)
                model.variables[name] = value.as_long()
        for node, leaf in functions:
            value = found.eval(leaf, model_completion=True).as_long()
            model.functions[_point(found, node, leaf)] = value
        return model


def _point(found: Z3, node: Node, leaf: Z3) -> Point:
    name, _bits = cast("tuple[str, int]", node.data)
    arguments = [found.eval(child, model_completion=True).as_long() for child in leaf.children()]
    return name, tuple(arguments)


def check(conditions: Iterable[Condition], limit_ms: int = DEFAULT_LIMIT_MS) -> Model | None:
    """Return a model of all conditions, or None if there is none, from a solver of its own.

    Raises SolverGaveUp if z3 has no answer within the limit.
    """
    return Solver(limit_ms).check(conditions)
