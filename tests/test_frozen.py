"""Values behave as frozen dataclasses do."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import pickle
import pkgutil
import textwrap
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any

import pytest

import offlinedl
from offlinedl.frozen import frozen


def _body() -> type:
    class Named:
        """Three kinds of fields, and what must hold."""

        name: str
        token: str = field(default="", repr=False)
        notes: list[str] = field(default_factory=list)

        def __post_init__(self) -> None:
            if not self.name:
                raise ValueError("a name is needed")

        @property
        def first(self) -> str:
            """Of its name."""
            return self.name[0]

    return Named


Ours: Any = frozen(_body())
Theirs: Any = dataclass(frozen=True, slots=True, kw_only=True)(_body())


@frozen
class Noted:
    """Some of it is shared by who copies it."""

    name: str
    notes: list[str]


@frozen
class Place:
    """All of it can be hashed."""

    row: int
    seat: int = 1


def raised(act: Callable[[], object]) -> tuple[type[BaseException], str]:
    with pytest.raises(Exception) as error:  # noqa: PT011 - which one is what is compared
        act()
    return error.type, str(error.value)


LOOKS: dict[str, Callable[[Any], object]] = {
    "its words hide what is secret": lambda kind: repr(kind(name="a", token="secret", notes=["b"])).partition("(")[2],
    "as a dict": lambda kind: asdict(kind(name="a")),
    "with another field": lambda kind: asdict(replace(kind(name="a", token="t"), name="b")),
    "its fields": lambda kind: [(f.name, f.repr) for f in fields(kind)],
    "equal": lambda kind: kind(name="a") == kind(name="a"),
    "not equal": lambda kind: kind(name="a") == kind(name="a", token="t"),
    "equal to nothing else": lambda kind: kind(name="a") == "a",
    "each has its own list": lambda kind: kind(name="a").notes is kind(name="a").notes,
    "what must hold": lambda kind: raised(lambda: kind(name="")),
    "what must hold, changed": lambda kind: raised(lambda: replace(kind(name="a"), name="")),
    "a field is missing": lambda kind: raised(kind)[1].partition(".")[2],
    "keywords alone": lambda kind: raised(lambda: kind("a"))[0],
    "a field that is none": lambda kind: raised(lambda: kind(name="a", age=1))[1].partition(".")[2],
    "a field is set": lambda kind: raised(lambda: setattr(kind(name="a"), "name", "b"))[0],
    "a field is deleted": lambda kind: raised(lambda: delattr(kind(name="a"), "name"))[0],
    "no hash with a list": lambda kind: raised(lambda: hash(kind(name="a"))),
    "is a dataclass": is_dataclass,
    "no dict of its own": lambda kind: hasattr(kind(name="a"), "__dict__"),
    "its slots": lambda kind: kind.__slots__,
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_it_is_as_a_frozen_dataclass(look: Callable[[Any], object]) -> None:
    assert look(Ours) == look(Theirs)


def test_who_changes_it_hears_of_it() -> None:
    place: Any = Place(row=1)
    with pytest.raises(FrozenInstanceError, match="cannot change row"):
        place.row = 2
    with pytest.raises(FrozenInstanceError, match="cannot change aisle"):
        place.aisle = 2
    assert place.row == 1


def test_equal_ones_have_one_place_in_a_set() -> None:
    assert {Place(row=1), Place(row=1, seat=1), Place(row=2)} == {Place(row=2), Place(row=1)}
    assert Place(row=1) != Place(row=1, seat=2)


@pytest.mark.parametrize(
    ("again", "shares"),
    [
        pytest.param(copy.copy, True, id="copy"),
        pytest.param(copy.deepcopy, False, id="deep"),
        pytest.param(lambda value: pickle.loads(pickle.dumps(value)), False, id="pickle"),
    ],
)
def test_a_copy_is_equal(again: Callable[[Noted], Noted], *, shares: bool) -> None:
    one = Noted(name="a", notes=["b"])
    other = again(one)
    assert other == one
    assert (other.notes is one.notes) is shares


def test_its_signature_has_types() -> None:
    assert str(inspect.signature(Place)) == "(*, row: 'int', seat: 'int' = 1) -> None"


OURS = {"__init__", "__eq__", "__hash__", "__repr__", "__reduce__", "__setattr__", "__delattr__"}


def test_none_has_what_the_decorator_does_not_know() -> None:
    classes = _classes()
    assert len(classes) > 100
    for found in classes:
        assert fields(found), found
        assert all(f.init and f.compare and f.kw_only for f in fields(found)), found
        assert not OURS & set(_written(found)), found
        assert not found.__subclasses__(), found


def _classes() -> set[Any]:
    """What the decorator made in the package."""
    names = [name for _, name, _ in pkgutil.walk_packages(offlinedl.__path__, "offlinedl.") if "__main__" not in name]
    values = [value for name in names for value in vars(importlib.import_module(name)).values()]
    return {
        value for value in values if isinstance(value, type) and is_dataclass(value) and "__reduce__" in vars(value)
    }


def _written(found: type) -> list[str]:
    """The methods that its source defines."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(found)))
    return [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def test_its_methods_stay() -> None:
    assert Ours(name="abc").first == "a"
