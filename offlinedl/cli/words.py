"""Words of a command line that stay as they are.

typer has pydantic convert every value, also a word that stays one and an option that was not given. To import it takes
as long as all else that a short command does: it is done where there is something to convert.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.core import TyperArgument, TyperOption

_TAKEN = {Path: Path, list[str]: list}
"""What becomes of words without a conversion, by what is asked for."""

_converting = getattr(TyperOption, "get_runtime_param", None)
"""How typer finds what converts. One that does it in another way is left to it."""


class _Value:
    """What typer asks to convert the value of one parameter (`RuntimeParam` there)."""

    def coerce(self, value: Any, param: TyperOption | TyperArgument, ctx: Any) -> Any:
        several = param.nargs == -1 or getattr(param, "multiple", False)
        if value is None:
            return () if several else None
        asked = param.type_descriptor.annotation
        if isinstance(asked, type) and isinstance(value, asked):
            return value
        taken = _TAKEN.get(asked)
        if taken is None or (several and isinstance(value, str)):
            return _converting(param).coerce(value, param=param, ctx=ctx)  # type: ignore[misc] # it is there: see below
        return taken(value)


def as_they_are() -> None:
    """Leave those words as they are, in every command."""
    for parameter in (TyperOption, TyperArgument) if _converting else ():
        parameter.get_runtime_param = lambda _: _Value()  # type: ignore[method-assign, assignment, return-value]
