# SPDX-License-Identifier: GPL-2.0-only
"""One run of C code: its memory, what it did that others can see, and where it is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from tree_sitter import Node

from premap.csource.ctypes import CType, PointerType, StructType, VoidType
from premap.csource.scope import Scope
from premap.csource.source import Function
from premap.interp.inputs import Inputs, NotedInputs
from premap.interp.memory import Memory
from premap.interp.naming import Namer
from premap.interp.objects import Object
from premap.interp.undefined import BeyondBound, Undefined
from premap.interp.values import Value
from premap.model.errors import NotModelled
from premap.symbolic import Effort, Explorer
from premap.symbolic.effort import STEP

if TYPE_CHECKING:
    from premap.interp.bindings import Bindings

LOOP_LIMIT = 4
"""Iterations of a loop, or jumps back, that hang on symbolic conditions; a verdict states it."""
ITERATION_LIMIT = 1000
"""Iterations of any loop before the answer is `unknown`."""
CALL_DEPTH = 40
STEP_LIMIT = 200_000
"""Steps of one run, to the next look."""
STEPS_BETWEEN_LOOKS = 512
"""Steps after which a run looks whether its limit is reached."""


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """Something that code elsewhere could notice: a call, with its arguments as words."""

    kind: str
    name: str
    arguments: tuple[Any, ...] = ()
    where: str = dataclasses.field(default="", compare=False)
    moment: int = 0
    """What had been written and called before (`Memory.history`)."""
    given: tuple[Value, ...] = dataclasses.field(default=(), compare=False)
    """The arguments as C values, where a function of C was called."""
    result: Any = dataclasses.field(default=None, compare=False)
    """The pointer that a call gave, as a word: what it took may be there."""
    succeeded: bool = dataclasses.field(default=True, compare=False)
    """Whether its result says that it did what it is for."""


class Population(Struct, frozen=True):
    """A legacy hook fills page tables itself: where, under which locks, after how many events."""

    where: str
    locks: tuple[Any, ...]
    events: int
    error: int
    """What the kernel's function returned: 0 or a negative errno."""


class Variable(Struct, frozen=True):
    """A local variable: where it is, and its type."""

    object: Object
    type: CType


class Cleanup(Struct, frozen=True):
    """What is done when control leaves a block."""

    declared: int
    """Where the statement begins that declares it, in bytes."""
    where: tuple[str, int]
    """File and line of that."""
    run: Callable[[Machine], None]


class Block(dict[str, Variable]):
    """The variables of a block by name, and its clean-ups, those declared first in front."""

    __slots__ = ("cleanups", "latest")

    def __init__(self, variables: Mapping[str, Variable] | None = None) -> None:
        super().__init__(variables or {})
        self.cleanups: list[Cleanup] = []
        self.latest = 0
        """Where the statement begins that is being executed, in bytes."""


class Frame(Struct):
    """A function that is being executed."""

    function: Function
    scope: Scope
    blocks: list[Block] = field(default_factory=lambda: [Block()])
    macros: dict[str, tuple[Node, Frame]] = field(default_factory=dict)
    """Parameters of the function-like macros that are being expanded: what they stand for."""
    fixed_line: int | None = None
    """Within a macro: the line of the file on which it is used."""
    expanding: tuple[str, ...] = ()
    outer: Frame | None = None
    """Within a macro: the frame that uses it, whose variables its body sees."""
    marks: Mapping[int, str] = field(default_factory=dict)
    """What of the function's text is no C, by byte offset (`premap.csource.readable`)."""
    body: tuple[Node, Frame] | None = None
    """Within a macro that makes a loop: the statement after it, and where that is."""
    rest: tuple[Value, ...] | None = None
    """What a function with `...` was given besides, promoted."""
    use: tuple[Node, Frame] | None = None
    """Within what is no text of the function, such as a macro: what stands there for it."""

    def line(self, node: Node) -> int:
        """Return the line of a node in the frame's file."""
        return self.fixed_line if self.fixed_line is not None else node.start_point.row + 1

    def written_at(self, node: Node) -> Node:
        """Return what stands in the function's own text for a node: of a macro's, the use of it."""
        frame = self
        while frame.use is not None:
            node, frame = frame.use
        return node

    def variable(self, name: str) -> Variable | None:
        """Return the innermost local variable of that name."""
        frame: Frame | None = self
        while frame is not None:
            for block in reversed(frame.blocks):
                found = block.get(name)
                if found is not None:
                    return found
            frame = frame.outer
        return None


class Machine:
    """Executes C functions; `bindings` connects it with the model, `inputs` makes values up."""

    def __init__(self, inputs: Inputs, bindings: Bindings, namer: Namer | None = None) -> None:
        self.inputs = NotedInputs(inputs)
        self.bindings = bindings
        self.memory = Memory(self.inputs, namer or Namer())
        self.events: list[Event] = []
        self.locks: list[Any] = []
        """Locks that are held, oldest first."""
        self.released = 0
        """How many were released that nobody is known to have taken."""
        self.assumed: dict[str, None] = {}
        """What a verdict has to state as its bounds, each once, in order."""
        self.steps = 0
        explorer = Explorer.current()
        self.effort = explorer.effort if explorer is not None else Effort()
        """Where the work of this run is counted."""
        self.splits = 0
        """Decisions so far that hung on symbolic conditions."""
        self.asking: Hashable = None
        """Where the last decision was asked for."""
        self.depth = 0
        self.locals: list[Object] = []
        self.escaped: list[Value] = []
        """Pointers to variables that unknown code was given, and may have kept."""
        self.calls: dict[Any, int] = {}
        self.hook_failed = False
        """Whether the last hook that was called returned an error."""
        self.returned: int | None = None
        """What the last hook that failed returned, where that is no plain errno."""
        self.populations: list[Population] = []
        self.late: tuple[int, int] | None = None
        """Where among the events those of ->mapped() begin and end, if it was called."""
        self.deadline = math.inf
        """How much work there may be (`effort.spent`), where no exploration says so."""
        self.closed: frozenset[str] = frozenset()
        """Functions of the file that are unknown code where they have nothing of the mapping."""
        self.unheeding = False
        """Whether hooks are told that page tables were filled even where they could not be."""
        self.alone = False
        """Whether no other thread changes driver state at locks."""
        self.replacing = False
        """Whether a hook may give the mapping another file: where no other hook is compared."""
        self.handing_over: list[Any] | None = None
        """The model's log, where hooks may hand their VMA to code that is not followed."""
        self.observer: Callable[[str, Frame, Node, Any], None] | None = None
        """Told of each decision, write and return, and of calls before and after ("called")."""
        self.evaluating: Callable[[Frame, Node], None] | None = None
        """Told of each node before it is evaluated."""

    @property
    def locks_taken(self) -> int:
        """How many more locks were taken than released, whichever they are."""
        return len(self.locks) - self.released

    @contextmanager
    def attempt(self) -> Iterator[Callable[[], None]]:
        """Execute what may turn out not to be modelled; yields what takes all of it back."""
        events, escaped, locks = len(self.events), len(self.escaped), list(self.locks)
        released = self.released

        def take_back() -> None:
            self.memory.go_back()
            del self.events[events:]
            del self.escaped[escaped:]
            self.locks, self.released = locks, released

        self.memory.set_mark()
        try:
            yield take_back
        finally:
            self.memory.drop_mark()

    def failure(self, frame: Frame, node: Node, message: str) -> NotModelled:
        """Return the error that says what could not be executed, and where."""
        return NotModelled(message, frame.function.source.name, frame.line(node))

    def step(self, frame: Frame, node: Node) -> None:
        """Count a step; no run goes on for ever, or longer than its exploration may take."""
        self.steps += 1
        self.effort.spent += STEP
        if self.evaluating is not None:
            self.evaluating(frame, node)
        if self.steps % STEPS_BETWEEN_LOOKS == 0:
            self._look(frame, node)

    def _look(self, frame: Frame, node: Node) -> None:
        """End the run where its limit is reached."""
        explorer = Explorer.current()
        if explorer is not None:
            explorer.check_time()
        elif self.effort.spent > self.deadline:
            raise self.failure(frame, node, "there is no time for more")
        if self.steps > STEP_LIMIT:
            raise self.failure(frame, node, f"more than {STEP_LIMIT} steps")

    def iterate(self, frame: Frame, node: Node, count: int, splits: int) -> None:
        """Count an iteration; `splits` of the `count` so far hung on symbolic conditions."""
        if splits > LOOP_LIMIT:
            text = f"a loop of more than {LOOP_LIMIT} iterations"
            raise BeyondBound(text, frame.function.source.name, frame.line(node))
        if count > ITERATION_LIMIT:
            raise self.failure(frame, node, f"a loop of more than {ITERATION_LIMIT} iterations")

    def decide(self, frame: Frame, node: Node, condition: bool) -> bool:  # noqa: FBT001
        """Take a branch; a symbolic condition splits the run here."""
        self.asking = (frame.function.name, node.start_byte, node.type)
        decided = bool(condition)
        self.splits += not isinstance(condition, bool)
        if self.observer is not None:
            self.observer("decision", frame, node, (decided, condition))
        return decided

    def assume(self, text: str) -> None:
        """Note an assumption that the verdict has to state."""
        self.assumed.setdefault(text)

    def record(
        self,
        kind: str,
        name: str,
        arguments: tuple[Any, ...],
        where: str = "",
        given: Sequence[Value] = (),
    ) -> None:
        """Record an event."""
        moment = self.memory.history
        self.events.append(Event(kind, name, arguments, where, moment, tuple(given)))

    def resulted(self, result: int | None, *, succeeded: bool) -> None:
        """Note what the call that was recorded last gave."""
        self.events[-1] = dataclasses.replace(self.events[-1], result=result, succeeded=succeeded)

    def populated(self, where: str, error: int) -> None:
        """Note that page tables were filled from within a hook, or could not be."""
        self.populations.append(Population(where, tuple(self.locks), len(self.events), error))

    def load_mapping_facts(self) -> None:
        """Tell the model what C memory says of the file's `address_space`."""
        pointer = self.bindings.file_pointer(self, self.bindings.file)
        for member, tag in (("f_mapping", "address_space"), ("a_ops", "address_space_operations")):
            target = StructType("struct", tag)
            pointer = pointer.data.place.field(member).load(PointerType(target))
        read_folio = pointer.data.place.field("read_folio").load(PointerType(VoidType()))
        self.bindings.file.f_mapping.read_folio = read_folio.data.address != 0

    def new_local(self, name: str, ctype: CType) -> Variable:
        """Make a local variable, unset."""
        unique = f"{name}#{len(self.locals)}"
        made = Object(self.memory, unique, ctype, None, local=True)
        self.locals.append(made)
        return Variable(made, ctype)


__all__ = ["BeyondBound", "Event", "Frame", "Machine", "Undefined", "Variable"]
