"""Many values at once: a title can have a hundred thousand segments, and to call a constructor for each takes long."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import MISSING, fields
from itertools import repeat
from typing import Any, TypeVar

T = TypeVar("T")


def rows(kind: type[T], count: int, **columns: Iterable[Any]) -> list[T]:
    """`count` values of the dataclass `kind` (frozen, with slots), a field at a time; the rest have their defaults.

    For dataclasses without a check in their constructor: none is called. The loops run in C.
    """
    made = list(map(object.__new__, repeat(kind, count)))
    for field in fields(kind):  # type: ignore[arg-type]  # a dataclass, which `type` cannot say
        if field.name not in columns and field.default is MISSING:
            raise TypeError(f"{kind.__name__}: its field {field.name} has no column")
        column = columns.pop(field.name, repeat(field.default))
        deque(map(getattr(kind, field.name).__set__, made, column), maxlen=0)
    if columns:
        raise TypeError(f"{kind.__name__}: no fields {', '.join(columns)}")
    return made
