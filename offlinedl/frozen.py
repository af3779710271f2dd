"""Frozen dataclasses that are defined in a third of the time, and made in two thirds: with those of the standard
library, a short command spends a fifth of its time on their definitions, and a long list a fifth on making them.

Of what `dataclass` writes and compiles for each class, only `__init__` is here; the rest is written once.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, cast, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """What `dataclass(frozen=True, slots=True, kw_only=True)` makes of `cls`. It has a field at least, all of them are
    arguments and are compared, and none of the methods below is its own."""
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True, kw_only=True)(cls)
    names = [f.name for f in fields(made)]
    shown = [f.name for f in fields(made) if f.repr]
    parts = attrgetter(*names)

    def equal(self: object, other: object) -> bool:
        return parts(self) == parts(other) if other.__class__ is self.__class__ else NotImplemented

    def digest(self: object) -> int:
        return hash(parts(self))

    def text(self: object) -> str:
        return f"{made.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def again(self: object) -> tuple[Any, ...]:
        return _made, (made, {name: getattr(self, name) for name in names})

    made.__init__ = _initializer(made)
    made.__eq__, made.__hash__, made.__repr__, made.__reduce__ = equal, digest, text, again
    made.__setattr__ = made.__delattr__ = _refuse
    return cast("type[T]", made)


def _made(kind: type[T], given: dict[str, Any]) -> T:
    return kind(**given)


def _refuse(self: object, name: str, *_: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot change {name}")


def _initializer(made: Any) -> Any:
    """Its slots are filled by their own descriptors: `object.__setattr__` looks each of them up."""
    known: dict[str, Any] = {"MISSING": MISSING}
    taken, lines = [], []
    for f in fields(made):
        name, given = f.name, f.name
        known[f"set_{name}"] = getattr(made, name).__set__
        if f.default_factory is not MISSING:
            known[f"make_{name}"] = f.default_factory
            given = f"make_{name}() if {name} is MISSING else {name}"
            taken.append(f"{name}=MISSING")
        elif f.default is not MISSING:
            known[f"default_{name}"] = f.default
            taken.append(f"{name}=default_{name}")
        else:
            taken.append(name)
        lines.append(f"set_{name}(self, {given})")
    if hasattr(made, "__post_init__"):
        lines.append("self.__post_init__()")
    exec(f"def __init__(self, *, {', '.join(taken)}):\n {'; '.join(lines)}", known)  # noqa: S102 - as dataclass does
    init = known["__init__"]
    init.__qualname__, init.__module__ = f"{made.__qualname__}.__init__", made.__module__
    init.__annotations__ = {f.name: f.type for f in fields(made)} | {"return": None}
    return init
