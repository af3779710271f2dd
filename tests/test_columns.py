"""Many values made at once are those that their constructor makes."""

from __future__ import annotations

from fractions import Fraction
from itertools import repeat

import pytest

from offlinedl.manifest.columns import rows
from offlinedl.streams import Resource, Segment


def test_rows_are_what_the_constructor_makes() -> None:
    resources = rows(Resource, 2, url=["https://h/a", "https://h/b"])
    assert resources == [Resource(url="https://h/a"), Resource(url="https://h/b")]
    starts = [Fraction(0), Fraction(2)]
    made = rows(Segment, 2, number=range(2), resource=resources, start=starts, init=repeat(0))
    assert made == [Segment(number=n, resource=resources[n], start=starts[n], init=0) for n in range(2)]
    assert len({*made}) == 2


def test_a_column_is_needed_where_the_constructor_needs_it() -> None:
    with pytest.raises(TypeError, match="url has no column"):
        rows(Resource, 1)
    with pytest.raises(TypeError, match="no fields colour"):
        rows(Resource, 1, url=["https://h/a"], colour=["red"])
