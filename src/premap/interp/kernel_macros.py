# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own vocabulary of macros and inline helpers that compute: no effects, no state.

(include/linux/minmax.h, align.h, err.h, pfn.h, container_of.h, overflow.h, compiler.h …)
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence

from tree_sitter import Node

from premap.csource.ctypes import ArrayType, CType, IntType, PointerType, StructType, VoidType
from premap.interp import layouts, operators, unknown
from premap.interp.conditions import condition
from premap.interp.dispatch import PURE_NAMES, evaluate, place_of
from premap.interp.expansion import spelled
from premap.interp.lvalues import address_of, pointed, read, write
from premap.interp.machine import Frame, Machine
from premap.interp.operators import compare, convert
from premap.interp.purity import has_effects
from premap.interp.scalars import of_truth, truth, word_of
from premap.interp.statictypes import operand_type, type_argument
from premap.interp.syntax import part, text_of
from premap.interp.types import member_type, sharing
from premap.interp.values import (
    BOOL,
    INT,
    LONG,
    PGPROT,
    UINT,
    ULONG,
    Place,
    Pointer,
    Value,
    int_type,
    is_unknown,
    normalise,
)
from premap.model.errors import KernelBug, NotModelled
from premap.model.words import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE, add, invert, select, shl, sub

Computed = Callable[[Machine, Sequence[Value]], Value]
Special = Callable[[Machine, Frame, Node, Sequence[Node]], Value]

COMPUTED: dict[str, Computed] = {}
"""Called with the values of their arguments."""
SPECIAL: dict[str, Special] = {}
"""Called with the arguments' nodes: types, places, or arguments that are not evaluated."""
FIRST_ERROR = sub(0, 4095)
_SHIFT: Value = Value(INT, PAGE_SHIFT)


def _computes(*names: str) -> Callable[[Computed], Computed]:
    def register(function: Computed) -> Computed:
        for name in names:
            COMPUTED[name] = function
        return function

    return register


def _special(*names: str) -> Callable[[Special], Special]:
    def register(function: Special) -> Special:
        for name in names:
            SPECIAL[name] = function
        return function

    return register


@_computes("READ_ONCE", "data_race", "rcu_dereference", "rcu_access_pointer")
def _same(machine: Machine, given: Sequence[Value]) -> Value:
    del machine
    return given[0]


@_computes("likely", "unlikely")
def _expected(machine: Machine, given: Sequence[Value]) -> Value:
    """Compute `!!x`, a long (include/linux/compiler.h)."""
    return convert(machine.inputs, of_truth(truth(given[0])), LONG)


@_computes("array_index_nospec")
def _index(machine: Machine, given: Sequence[Value]) -> Value:
    """Return the index, 0 where it is too high (include/linux/nospec.h)."""
    index, size = given
    within = truth(
        operators.binary(machine.inputs, "<", convert(machine.inputs, index, ULONG), size)
    )
    return Value(index.type, select(within, word_of(index), 0))


def _choose(machine: Machine, a: Value, b: Value, *, smaller: bool, ctype: CType | None) -> Value:
    """Compute min() or max() in a given type, or in the operands' common one."""
    if ctype is None and (is_unknown(a.type) or is_unknown(b.type)):
        name = "?min" if smaller else "?max"
        return Value(
            operators.UNKNOWN, Pointer(None, machine.inputs.apply(name, word_of(a), word_of(b)))
        )
    common = int_type(ctype) if ctype is not None else operators.common_type(a.type, b.type)
    x, y = normalise(word_of(a), common), normalise(word_of(b), common)
    first = compare("<" if smaller else ">", x, y, signed=common.signed)
    return Value(common, select(first, x, y))


COMPUTED["min"] = lambda m, v: _choose(m, v[0], v[1], smaller=True, ctype=None)
COMPUTED["max"] = lambda m, v: _choose(m, v[0], v[1], smaller=False, ctype=None)
COMPUTED["umin"] = lambda m, v: _choose(m, _wide(v[0]), _wide(v[1]), smaller=True, ctype=ULONG)
COMPUTED["umax"] = lambda m, v: _choose(m, _wide(v[0]), _wide(v[1]), smaller=False, ctype=ULONG)


def _wide(value: Value) -> Value:
    """Return `x + 0u + 0ul`: no sign is extended."""
    if is_unknown(value.type):
        raise NotModelled("umin() or umax() of a value whose type was not found")
    return Value(ULONG, normalise(word_of(value), operators.common_type(value.type, UINT)))


@_computes("clamp")
def _clamp(machine: Machine, given: Sequence[Value]) -> Value:
    return _between(machine, given, None)


@_computes("clamp_val")
def _clamp_val(machine: Machine, given: Sequence[Value]) -> Value:
    return _between(machine, given, given[0].type)


def _between(machine: Machine, given: Sequence[Value], ctype: CType | None) -> Value:
    """Compute clamp(): the higher bound is looked at first (include/linux/minmax.h)."""
    if any(is_unknown(each.type) for each in given):
        raise NotModelled("clamp() of a value whose type was not found")
    kinds = [int_type(each.type) for each in given]
    common = (
        int_type(ctype) if ctype is not None else functools.reduce(operators.common_type, kinds)
    )
    value, low, high = (normalise(word_of(each), common) for each in given)
    above = compare(">=", value, high, signed=common.signed)
    below = compare("<=", value, low, signed=common.signed)
    del machine
    return Value(common, select(above, high, select(below, low, value)))


@_special("min_t", "max_t")
def _min_t(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    ctype = type_argument(machine, frame, arguments[0])
    a, b = (evaluate(machine, frame, argument) for argument in arguments[1:3])
    name = text_of(part(node, "function"))
    return _choose(machine, a, b, smaller=name == "min_t", ctype=ctype)


def _integers(given: Sequence[Value]) -> tuple[IntType, list[int]]:
    """Return the arguments' words in the type of the first one."""
    if any(is_unknown(value.type) for value in given):
        raise NotModelled("rounding of a value whose type was not found")
    ctype = operators.promoted(given[0].type)
    for value in given[1:]:
        ctype = operators.common_type(ctype, value.type)
    return ctype, [normalise(word_of(value), ctype) for value in given]


@_computes("PAGE_ALIGN")
def _page_align(machine: Machine, given: Sequence[Value]) -> Value:
    return _align(machine, [given[0], Value(ULONG, PAGE_SIZE)])


@_computes("ALIGN", "round_up")
def _align(machine: Machine, given: Sequence[Value]) -> Value:
    del machine
    ctype, (word, unit) = _aligning(given)
    mask = sub(unit, 1)
    return Value(ctype, normalise(add(word, mask) & invert(mask), ctype))


@_computes("ALIGN_DOWN", "round_down")
def _align_down(machine: Machine, given: Sequence[Value]) -> Value:
    del machine
    ctype, (word, unit) = _aligning(given)
    return Value(ctype, normalise(word & invert(sub(unit, 1)), ctype))


def _aligning(given: Sequence[Value]) -> tuple[IntType, list[int]]:
    """Alignment is computed in the value's type; the unit is converted to it."""
    if any(is_unknown(value.type) for value in given):
        raise NotModelled("alignment of a value whose type was not found")
    ctype, own = operators.promoted(given[0].type), int_type(given[0].type)
    return ctype, [normalise(normalise(word_of(value), own), ctype) for value in given]


@_computes("DIV_ROUND_UP")
def _div_round_up(machine: Machine, given: Sequence[Value]) -> Value:
    del machine
    ctype, (word, unit) = _integers(given)
    if ctype.signed:
        raise NotModelled("DIV_ROUND_UP() of signed numbers")
    total = normalise(sub(add(word, unit), 1), ctype)
    return Value(ctype, operators.arithmetic("/", total, unit, signed=False))


@_computes("roundup")
def _roundup(machine: Machine, given: Sequence[Value]) -> Value:
    """Compute a multiple of any number: `((x + (y - 1)) / y) * y` (include/linux/math.h)."""
    total, unit = given
    less = operators.binary(machine.inputs, "-", unit, Value(INT, 1))
    for operator, operand in (("+", less), ("/", unit), ("*", unit)):
        total = operators.binary(machine.inputs, operator, total, operand)
    return total


@_computes("rounddown")
def _rounddown(machine: Machine, given: Sequence[Value]) -> Value:
    """Compute `x - (x % y)` (include/linux/math.h)."""
    value, unit = given
    rest = operators.binary(machine.inputs, "%", value, unit)
    return operators.binary(machine.inputs, "-", value, rest)


@_computes("IS_ALIGNED")
def _is_aligned(machine: Machine, given: Sequence[Value]) -> Value:
    del machine
    _, (word, unit) = _aligning(given)
    return of_truth(word & sub(unit, 1) == 0)


COMPUTED["PAGE_ALIGNED"] = lambda _, v: of_truth(word_of(v[0]) & (PAGE_SIZE - 1) == 0)
COMPUTED["offset_in_page"] = lambda _, v: Value(ULONG, word_of(v[0]) & (PAGE_SIZE - 1))
COMPUTED["PFN_DOWN"] = lambda m, v: operators.binary(m.inputs, ">>", _told(v[0]), _SHIFT)
COMPUTED["PHYS_PFN"] = lambda m, v: convert(m.inputs, COMPUTED["PFN_DOWN"](m, v), ULONG)
COMPUTED["__phys_to_pfn"] = COMPUTED["PHYS_PFN"]
COMPUTED["PFN_UP"] = lambda _, v: Value(ULONG, add(_u64(v[0]), PAGE_SIZE - 1) >> PAGE_SHIFT)
COMPUTED["PFN_PHYS"] = lambda _, v: Value(ULONG, shl(_u64(v[0]), PAGE_SHIFT))
COMPUTED["__pfn_to_phys"] = COMPUTED["PFN_PHYS"]
COMPUTED["BIT"] = lambda _, v: Value(ULONG, shl(1, word_of(v[0])))
COMPUTED["BIT_ULL"] = COMPUTED["BIT"]
COMPUTED["PFN_ALIGN"] = lambda _, v: Value(ULONG, add(_u64(v[0]), PAGE_SIZE - 1) & PAGE_MASK)
COMPUTED["lower_32_bits"] = lambda _, v: Value(
    IntType("u32", 32, signed=False), _u64(v[0]) & 0xFFFFFFFF
)
COMPUTED["upper_32_bits"] = lambda _, v: Value(IntType("u32", 32, signed=False), _u64(v[0]) >> 32)
COMPUTED["pgprot_val"] = lambda _, v: Value(ULONG, word_of(v[0]))
COMPUTED["__pgprot"] = lambda _, v: Value(PGPROT, word_of(v[0]))


def _told(value: Value) -> Value:
    _u64(value)
    return value


def _u64(value: Value) -> int:
    """Return the word of an address or size; its type has to be known to extend it."""
    if is_unknown(value.type):
        raise NotModelled("a value whose type was not found is converted to unsigned long")
    return word_of(value)


COMPUTED["IS_ERR"] = lambda _, v: of_truth(word_of(v[0]) >= FIRST_ERROR)
COMPUTED["IS_ERR_VALUE"] = COMPUTED["IS_ERR"]
COMPUTED["IS_ERR_OR_NULL"] = lambda _, v: of_truth(
    (word_of(v[0]) == 0) | (word_of(v[0]) >= FIRST_ERROR)
)
COMPUTED["PTR_ERR"] = lambda _, v: Value(LONG, word_of(v[0]))
COMPUTED["ERR_PTR"] = lambda _, v: Value(PointerType(VoidType()), Pointer(None, word_of(v[0])))
COMPUTED["ERR_CAST"] = lambda _, v: Value(PointerType(VoidType()), v[0].data)
COMPUTED["PTR_ERR_OR_ZERO"] = lambda _, v: Value(
    INT,
    normalise(select(word_of(v[0]) >= FIRST_ERROR, word_of(v[0]), 0), INT),
)
COMPUTED["is_power_of_2"] = lambda _, v: of_truth(
    (_u64(v[0]) != 0) & (_u64(v[0]) & sub(_u64(v[0]), 1) == 0)
)


@_special("WARN_ON", "WARN_ON_ONCE", "WARN", "WARN_ONCE")
def _warn(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    """Of the text, nothing is evaluated where there is no cause (include/asm-generic/bug.h)."""
    condition = machine.decide(frame, node, truth(evaluate(machine, frame, arguments[0])))
    name = text_of(part(node, "function"))
    if condition:
        if name == "WARN_ONCE":
            given = unknown.evaluated_seldom(machine, frame, node, arguments[1:])
        else:
            given = [evaluate(machine, frame, each) for each in arguments[1:]]
        shown = tuple(unknown.shown(machine, name, each) for each in given)
        machine.record("log", name, shown, f"{frame.line(node)}")
    return Value(BOOL, int(condition))


@_special("BUG_ON", "VM_BUG_ON", "BUILD_BUG_ON", "might_sleep", "VM_WARN_ON_ONCE", "static_assert")
def _asserted(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    name = text_of(part(node, "function"))
    if name == "BUG_ON" and machine.decide(
        frame, node, truth(evaluate(machine, frame, arguments[0]))
    ):
        raise KernelBug(f"BUG_ON() at {frame.function.source.name}:{frame.line(node)}")
    if name.startswith("VM_") and any(has_effects(machine, frame, each) for each in arguments):
        text = f"{name}() evaluates its argument with CONFIG_DEBUG_VM only (linux/mmdebug.h)"
        raise machine.failure(frame, node, text)
    return Value(VoidType(), 0)


_CONTAINERS = ("container_of", "container_of_const", "list_entry", "rb_entry")


@_special(*_CONTAINERS)
def _container_of(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    """Follow a member of members (`container_of(p, struct a, b.c)`) from the innermost outwards."""
    pointer = evaluate(machine, frame, arguments[0])
    ctype = type_argument(machine, frame, arguments[1])
    steps: list[tuple[CType, str]] = []
    for member in (name.strip() for name in spelled(machine, frame, arguments[2]).split(".")):
        layouts.agree_on_names(machine, frame.scope, member, f"{member} may be another member")
        if steps and not isinstance(ctype, StructType):
            raise machine.failure(frame, node, f"container_of: the type of {steps[-1][1]}")
        steps.append((ctype, member))
        ctype = member_type(frame.scope, ctype, member)
    for outer, member in reversed(steps):
        pointer = _contained(machine, frame, node, pointer, outer, member)
    return pointer


def _contained(
    machine: Machine, frame: Frame, node: Node, pointer: Value, ctype: CType, member: str
) -> Value:
    """Return a pointer to the structure that a pointer leads to one member of."""
    place = pointer.data.place if isinstance(pointer.data, Pointer) else None
    if place is None or not member.isidentifier():
        raise machine.failure(frame, node, f"container_of of `{text_of(node)[:40]}`")
    if place.path and place.path[-1] == member:
        outer = Place(place.object, place.path[:-1])
        return Value(PointerType(ctype), Pointer(outer, address_of(machine.inputs, outer)))
    if place.path:
        raise machine.failure(frame, node, f"container_of: {place} is not a member `{member}`")
    if sharing(frame.scope, ctype, member):
        raise machine.failure(frame, node, f"container_of: {member} is a member of a union")
    if not layouts.agrees(machine, frame.scope, ctype):
        machine.memory.namer.moved.add(f"offsetof({ctype}, {member})")
        machine.assume(f"{ctype}, which differs in the two versions, is told by names of members")
    made = machine.memory.object(f"container_of({place.object.name}, {ctype}, {member})", ctype)
    made.embedded.setdefault(member, place)
    address = sub(pointer.data.address, machine.inputs.word(f"offsetof({ctype}, {member})"))
    return Value(PointerType(ctype), Pointer(Place(made), address))


@_special(
    *(
        f"{prefix}{kind}alloc_{what}"
        for prefix in ("k", "kv")
        for kind in ("m", "z")
        for what in ("obj", "objs", "flex")
    )
)
def _allocate_object(
    machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]
) -> Value:
    """Allocate by type (include/linux/slab.h): of the first argument only the type counts."""
    name, member = text_of(part(node, "function")), ""
    if name.endswith("_flex"):
        member = spelled(machine, frame, arguments[1])
        arguments = [arguments[0], *arguments[2:]]
    given = tuple(word_of(evaluate(machine, frame, argument)) for argument in arguments[1:])
    where = f"{frame.function.source.name}:{frame.line(node)}"
    machine.record("alloc", name, (*given, member), where)
    ctype = operand_type(machine, frame, arguments[0])
    memory = machine.memory
    memory.history = memory.number(name, (*given, member))
    made = memory.named(f"{name}@{memory.history}", PointerType(ctype))
    place: Place = made.data.place
    place.object.fill(zeroed="z" in name.partition("alloc")[0])
    counter = _counter(frame, ctype, member)
    if counter is not None:
        of = member_type(frame.scope, ctype, counter)
        place.field(counter).store(memory.named(f"{name}@{memory.history}->{counter}", of))
    return made


def _counter(frame: Frame, ctype: CType, member: str) -> str | None:
    """Return the member that counts the elements of a flexible array, where it is told.

    Whether it is set by the allocation is the compiler's affair.
    """
    definition = frame.scope.definition(ctype) if member else None
    if definition is None:
        return None
    text = definition.source.text[definition.start : definition.end].decode("latin-1")
    found = re.search(rf"\b{re.escape(member)}\s*\[\s*\]\s*__counted_by\w*\s*\(\s*(\w+)", text)
    return None if found is None else found[1]


@_computes("__builtin_return_address")
def _return_address(machine: Machine, given: Sequence[Value]) -> Value:
    """Return where a function was called from: the same place for old and new."""
    del given
    word = machine.inputs.word("return address")
    return Value(PointerType(VoidType()), Pointer(None, word))


@_computes("file_inode")
def _file_inode(machine: Machine, given: Sequence[Value]) -> Value:
    """Read `file->f_inode` (include/linux/fs.h)."""
    del machine
    place = given[0].data.place if isinstance(given[0].data, Pointer) else None
    if place is None:
        raise NotModelled("file_inode() of a computed address")
    return place.field("f_inode").load(PointerType(StructType("struct", "inode")))


@_special("offsetof")
def _offsetof(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    del node
    ctype = type_argument(machine, frame, arguments[0])
    layouts.agree(machine, frame.scope, ctype)
    member = spelled(machine, frame, arguments[1])
    layouts.agree_on_names(machine, frame.scope, member, f"{member} may be another member")
    return Value(ULONG, machine.inputs.word(f"offsetof({ctype}, {member})"))


@_special("WRITE_ONCE", "RCU_INIT_POINTER")
def _write_once(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    del node
    place, ctype = place_of(machine, frame, arguments[0])
    return write(machine, place, ctype, evaluate(machine, frame, arguments[1]))


@_special("smp_load_acquire")
def _load_acquire(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    place, ctype = _ordered_place(machine, frame, node, arguments[0])
    value = read(machine, frame, place, ctype)
    _order(machine, frame, node, place)
    return value


@_special("smp_store_release", "rcu_assign_pointer", "smp_store_mb")
def _store_release(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    """Write what others may see only after all that was written before.

    smp_store_release() gets a pointer, the others the place; smp_store_mb() orders what follows.
    """
    name = text_of(part(node, "function"))
    value = evaluate(machine, frame, arguments[1])
    if name == "smp_store_release":
        place, ctype = _ordered_place(machine, frame, node, arguments[0])
    else:
        place, ctype = place_of(machine, frame, arguments[0])
    if name != "smp_store_mb":
        _order(machine, frame, node, place)
    written = write(machine, place, ctype, value)
    if name == "smp_store_mb":
        _order(machine, frame, node, place)
    return written


def _ordered_place(
    machine: Machine, frame: Frame, node: Node, argument: Node
) -> tuple[Place, CType]:
    pointer = evaluate(machine, frame, argument)
    if not isinstance(pointer.type, PointerType) or pointer.data.place is None:
        name = text_of(part(node, "function"))
        raise machine.failure(frame, node, f"{name}(): where is not known")
    return pointed(pointer)


def _order(machine: Machine, frame: Frame, node: Node, place: Place) -> None:
    """Note that a load or a store orders others (Documentation/memory-barriers.txt)."""
    name = text_of(part(node, "function"))
    where = f"{frame.function.source.name}:{frame.line(node)}"
    machine.record("order", name, (str(place),), where)
    unknown.let_others(machine, "order", name, (str(place),))


@_special("IS_ENABLED", "IS_BUILTIN", "IS_MODULE", "IS_REACHABLE")
def _is_enabled(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    name, option = text_of(part(node, "function")), arguments[0]
    return of_truth(condition(machine, frame.scope, f"{name}({spelled(machine, frame, option)})"))


@_special("ARRAY_SIZE")
def _array_size(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    _, ctype = place_of(machine, frame, arguments[0])
    if not isinstance(ctype, ArrayType) or not ctype.length_text:
        raise machine.failure(frame, node, "the size of an array whose length was not found")
    if ctype.length is not None:
        return Value(ULONG, ctype.length)
    layouts.agree_on_length(machine, frame.scope, ctype)
    return Value(ULONG, machine.inputs.word(f"ARRAY_SIZE({spelled(machine, frame, arguments[0])})"))


@_special("swap")
def _swap(machine: Machine, frame: Frame, node: Node, arguments: Sequence[Node]) -> Value:
    del node
    (first, type_a), (second, type_b) = (place_of(machine, frame, each) for each in arguments[:2])
    a, b = read(machine, frame, first, type_a), read(machine, frame, second, type_b)
    write(machine, first, type_a, b)
    write(machine, second, type_b, a)
    return Value(VoidType(), 0)


PURE_NAMES.update(
    COMPUTED.keys() - {"DIV_ROUND_UP", "roundup", "rounddown"}, _CONTAINERS, ["offsetof"]
)
