"""All that is wrong with a document, each with its path: readers of members stop at the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from offlinedl.errors import DamagedError
from offlinedl.sources.node import Node
from offlinedl.sources.reading import Fault

Reader = Callable[[Node, str, str], object]
"""Reads a member of an object by its name; the last is what relative URLs resolve against."""
Shape: TypeAlias = "Mapping[str, Reader | Shape | list[Shape] | tuple[Shape]]"
"""How each member of an object is read: by a reader, as an object, as a list of objects, or as one of at least one."""

_LONGEST = 2**62


def faults(node: Node, shape: Shape, url: str) -> Iterator[Fault]:
    """What is wrong with the members of `node`."""
    for name, part in shape.items():
        try:
            if callable(part):
                part(node, name, url)
            elif isinstance(part, list | tuple):
                children = list(node.each(name))
                if isinstance(part, tuple) and not children:
                    raise node.wrong(name, "missing")
                for child in children:
                    yield from of(child, part[0], url)
            elif (below := node.node(name)) is not None:
                yield from faults(below, part, url)
        except DamagedError as error:
            yield Fault.of(error)


def of(child: Callable[[], Node], shape: Shape, url: str) -> Iterator[Fault]:
    """What is wrong with an object of a list."""
    try:
        yield from faults(child(), shape, url)
    except DamagedError as error:
        yield Fault.of(error)


def must(node: Node, name: str, _url: str) -> None:
    node.must(name)


def text(node: Node, name: str, _url: str) -> None:
    node.text(name)


def moment(node: Node, name: str, _url: str) -> None:
    node.moment(name)


def limit(node: Node, name: str, _url: str) -> None:
    node.limit(name)


def window(node: Node, name: str, _url: str) -> None:
    """Some languages have no whole numbers beyond this, and what they make of them is none that was meant."""
    node.seconds(name)
    if (node.value.get(name) or 0) >= _LONGEST:
        raise node.wrong(name, "overflows, and is taken for no limit")


def address(node: Node, name: str, url: str) -> None:
    node.url(name, url)


def optional_address(node: Node, name: str, url: str) -> None:
    if node.text(name):
        node.url(name, url)


def headers(node: Node, name: str, _url: str) -> None:
    below = node.node(name)
    if below is not None:
        below.headers()
