# SPDX-License-Identifier: GPL-2.0-only
"""The standard library's dataclasses, whose methods are made when they are first used.

`@dataclass` of the standard library compiles six methods while a class is defined: 0.6 ms each, and
a run of `premap check` defines a hundred classes, to use few of their methods. Here `__init__` is
compiled with the first object, everything else when it is first asked for; what is made is what the
standard library makes. `tests/test_dataclasses.py` compares the two. Of its parameters there are
those that premap uses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True):
        """Return the class with the methods of a dataclass: `@dataclass` or `@dataclass(…)`."""

        def declare(given):
            return _Plan(given, frozen=frozen, eq=eq).declared(slots=slots)

        return declare if cls is None else declare(cls)


_ALWAYS = ("__init__", "__repr__", "__match_args__", "__dataclass_fields__", "__dataclass_params__")


class _Plan:
    """One class, as it was written, and as it is."""

    def __init__(self, written: type, *, frozen: bool, eq: bool) -> None:
        own = {k: v for k, v in vars(written).items() if k not in {"__dict__", "__weakref__"}}
        self.frozen = frozen
        self.eq = eq
        self._own: dict[str, Any] = own
        self._made = self._written = written
        late = _ALWAYS + (("__eq__",) if eq else ()) + (("__hash__",) if eq and frozen else ())
        self._late = {name: _Late(self, name) for name in late if name not in own}
        self._whole = False

    def declared(self, *, slots: bool) -> Any:
        """Return the class, with what makes each method in its place."""
        added: dict[str, Any] = dict(self._late)
        if self.eq and not self.frozen:
            added.setdefault("__hash__", self._own.get("__hash__"))
        if self.frozen:
            added |= {"__setattr__": _refuse_setting, "__delattr__": _refuse_deleting}
        if not slots:
            for name, made in added.items():
                setattr(self._made, name, made)
            return self._made
        if self.frozen:
            added |= {"__getstate__": _state, "__setstate__": _set_state}
        names = self._names()
        body = {name: each for name, each in self._own.items() if name not in names} | added
        self._made = self._again({**body, "__slots__": names})
        return self._made

    def _again(self, body: dict[str, Any]) -> Any:
        """Return a class of the same name and bases."""
        made = type(self._written)(self._written.__name__, self._written.__bases__, body)
        made.__qualname__ = self._written.__qualname__
        return made

    def _names(self) -> tuple[str, ...]:
        """Return the fields that the class adds."""
        annotations = self._own.get("__annotations__", {})
        return tuple(name for name, kind in annotations.items() if "ClassVar" not in str(kind))

    def make(self, name: str) -> Any:
        """Make what the class has under a name, and what is made with it; and return it."""
        simple = None if name != "__init__" or self._whole else self._simple_init()
        if simple is None:
            self._make_all()
        else:
            self._made.__init__ = simple  # type: ignore[misc]
        return vars(self._made)[name]

    def _make_all(self) -> None:
        """Let the standard library make everything, of the class as it was written."""
        self._whole = True
        decorate: Any = dataclasses.dataclass(frozen=self.frozen, eq=self.eq)
        whole = decorate(self._again(self._own))
        for name in self._late:
            setattr(self._made, name, vars(whole)[name])

    def _simple_init(self) -> Callable[..., None] | None:
        """Return `__init__` of a class whose fields are all its own and all its parameters."""
        defaults = {name: self._own.get(name, MISSING) for name in self._names()}
        special = (each for each in defaults.values() if isinstance(each, Field))
        if any(not each.init or each.kw_only is True for each in special):
            return None
        if any("__dataclass_fields__" in vars(base) for base in self._made.__mro__[1:]):
            return None
        known: dict[str, Any] = {"MISSING": MISSING, "put": object.__setattr__}
        parts = [_parameter(name, default, known) for name, default in defaults.items()]
        head = ", ".join(["self", *(parameter for parameter, _ in parts)])
        lines = [self._put(name, value) for name, (_, value) in zip(defaults, parts, strict=True)]
        if hasattr(self._made, "__post_init__"):
            lines.append("self.__post_init__()")
        text = "\n ".join([f"def __init__({head}):", *lines, "pass"])
        exec(text, known)  # noqa: S102 - as the standard library does; it holds names of fields
        made: Any = known["__init__"]
        made.__qualname__ = f"{self._made.__qualname__}.__init__"
        return made  # type: ignore[no-any-return]

    def _put(self, name: str, value: str) -> str:
        return f"put(self, '{name}', {value})" if self.frozen else f"self.{name} = {value}"


def _parameter(name: str, default: Any, known: dict[str, Any]) -> tuple[str, str]:
    """Return a parameter as `__init__` has it, and what the field becomes; `known` grows."""
    if isinstance(default, Field):
        if default.default_factory is not MISSING:
            known[f"make_{name}"] = default.default_factory
            return f"{name}=MISSING", f"make_{name}() if {name} is MISSING else {name}"
        default = default.default
    if default is MISSING:
        return name, name
    known[f"default_{name}"] = default
    return f"{name}=default_{name}", name


class _Late:
    """Stands where a method of a class will be, and makes it when it is asked for."""

    def __init__(self, plan: _Plan, name: str) -> None:
        self._plan = plan
        self._name = name

    def __get__(self, instance: object, owner: type) -> Any:
        made = self._plan.make(self._name)
        bind = getattr(type(made), "__get__", None)
        return made if bind is None else bind(made, instance, owner)


def _refuse_setting(_self: object, name: str, _value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(_self: object, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)


__all__ = ["dataclass"]
