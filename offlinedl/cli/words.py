"""Words of a command line that need no pydantic.

typer has it convert every value, also a word that stays one and an option that was not given. To import it takes as
long as all else that a short command does: it is done for what is rare, and for what is wrong.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from typer.core import TyperArgument, TyperOption

_converting = getattr(TyperOption, "get_runtime_param", None)
"""How typer finds what converts. One that does it in another way is left to it."""


class _Value:
    """What typer asks to convert the value of one parameter (`RuntimeParam` there)."""

    def coerce(self, value: Any, param: TyperOption | TyperArgument, ctx: Any) -> Any:
        several, asked = param.nargs == -1 or getattr(param, "multiple", False), param.type_descriptor.annotation
        if value is None:
            return () if several else None
        if isinstance(asked, type) and isinstance(value, asked):
            return value
        if asked is Path and isinstance(value, str):
            return Path(value)
        if asked == list[str] and not isinstance(value, str):
            return list(value)
        if asked is int and re.fullmatch("[0-9]{1,9}", value) and (param.min or 0) <= int(value) <= (param.max or 0):
            return int(value)
        return _converting(param).coerce(value, param=param, ctx=ctx)  # type: ignore[misc] # else nobody calls this


def as_they_are() -> None:
    """Take those words as they are, in every command. typer has no other place to say so: a method of its parameters is
    replaced."""
    for parameter in (TyperOption, TyperArgument) if _converting else ():
        parameter.get_runtime_param = lambda _: _Value()  # type: ignore[method-assign, assignment, return-value] # see above
