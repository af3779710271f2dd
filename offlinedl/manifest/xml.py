"""XML read safely into a small tree (XML 1.0; Namespaces in XML 1.0).

No document type, no entities of the document's own, a limit of size, of depth and of all that becomes an object.
Prefixes that nobody declared are tolerated, because players tolerate them; a namespace is looked up when somebody asks
for it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn, TypeAlias
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.manifest.limits import LIMITS, Limits, absurd, too_large

_HEAD = 256 * 2**10
_BLOCK = 4 * 2**20
"""Bytes that are parsed at a time. A tag becomes objects all at once, so none may be longer."""
_MAX_NAMES = 100_000
"""Different names of elements and attributes, counted anew in each block: the parser keeps them all."""


class Row(NamedTuple):
    """Children that there are many of: those of `parent`, of which only these attributes are wanted."""

    parent: str
    attributes: tuple[str, ...]


Rows: TypeAlias = Mapping[str, Row]
_NO_ROWS: Rows = {}


@dataclass(slots=True, eq=False)
class Element:
    """One element: `tag` and the names of `attributes` are as written, prefix and all; `name` is without its prefix.

    `text` is all of its own character data, joined and stripped; `scope` the prefixes that hold here. `cells` are the
    wanted attributes of those children that were asked for as rows, one row after the other.
    """

    tag: str
    name: str
    attributes: dict[str, str]
    scope: Mapping[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""
    cells: list[str | None] | None = None

    @property
    def namespace(self) -> str:
        """The namespace of the element; "" where it has none, and the bare prefix where that was never declared."""
        prefix = self.tag.rpartition(":")[0]
        return self.scope.get(prefix, prefix)

    def get(self, name: str) -> str | None:
        """The attribute without a prefix."""
        return self.attributes.get(name)

    def local(self, name: str) -> str | None:
        """The attribute whatever its prefix."""
        for key, value in self.attributes.items():
            if key.rpartition(":")[2] == name:
                return value
        return None

    def all(self, *names: str) -> list[Element]:
        """The children with one of these names, whatever their prefix, in their order."""
        return [child for child in self.children if child.name in names]

    def first(self, name: str) -> Element | None:
        """The first child with this name."""
        return next((child for child in self.children if child.name == name), None)

    def rows(self, width: int) -> Iterator[tuple[str | None, ...]]:
        """The rows, each of as many attributes as were asked for."""
        return zip(*[iter(self.cells or ())] * width, strict=True)

    def walk(self) -> Iterator[Element]:
        """The element and all below it, in the order of the text."""
        open_elements = [self]
        while open_elements:
            element = open_elements.pop()
            yield element
            open_elements.extend(reversed(element.children))


def parse(data: bytes, *, rows: Rows = _NO_ROWS, limits: Limits = LIMITS) -> Element:
    """The root element of `data` (UTF-8 or UTF-16, or any 8-bit encoding that it declares).

    Elements named in `rows` become rows of the element that holds them, and what lies in them is left out.
    Raises UnsupportedError for a document type and for a limit, DamagedError for what is not well-formed.
    """
    *_, root = _grown(data, rows, limits)
    return root


def each(data: bytes, names: Container[str], *, limits: Limits = LIMITS) -> Iterator[tuple[Element, Element]]:
    """Every element of one of these `names` that lies in the root or in a child of it, with what it lies in. What was
    given away is forgotten: there may be many of them. Raises as `parse` does, once it comes to what is wrong."""
    root: Element | None = None
    for root in _grown(data, _NO_ROWS, limits):
        yield from _taken(root, names, whole=False)
    if root is not None:
        yield from _taken(root, names, whole=True)


def _taken(root: Element, names: Container[str], *, whole: bool) -> Iterator[tuple[Element, Element]]:
    """The last child of each may still be growing, unless the `whole` is there."""
    for above in (root, *root.children):
        end = len(above.children) if whole else len(above.children) - 1
        ready, growing = above.children[:end], above.children[end:]
        above.children = [child for child in ready if child.name not in names] + growing
        yield from ((child, above) for child in ready if child.name in names)


def _grown(data: bytes, rows: Rows, limits: Limits) -> Iterator[Element]:
    """The root, after each block of `data`."""
    limits.check_bytes(len(data))
    parser = expat.ParserCreate()
    top = _build(parser, rows, limits)
    try:
        for _ in _fed(parser, _from_start(data)):
            yield from top.children[:1]
    except expat.ExpatError as error:
        where = f"line {error.lineno}, column {error.offset + 1}"
        raise DamagedError(f"{where}: not well-formed XML: {expat.ErrorString(error.code)}", _AGAIN) from None
    except (ValueError, LookupError):
        raise DamagedError("its XML is in an encoding that cannot be read", _AGAIN) from None


def root_name(data: bytes) -> str:
    """The name of the root element (or of the document type), without prefix; "" where `data` does not begin as XML."""
    found = _Found()
    parser = expat.ParserCreate()
    parser.StartElementHandler = found.element
    parser.StartDoctypeDeclHandler = found.doctype
    try:
        parser.Parse(_from_start(data)[:_HEAD], False)
    except _FoundError as error:
        return error.name.rpartition(":")[2]
    except (expat.ExpatError, ValueError, LookupError):
        pass
    return ""


def write(element: Element) -> str:
    """`element` as XML without prefixes and without foreign attributes: for readers that know names only as text."""
    attributes = "".join(f" {k}={quoteattr(v)}" for k, v in element.attributes.items() if ":" not in k and k != "xmlns")
    inside = escape(element.text) + "".join(write(child) for child in element.children)
    return f"<{element.name}{attributes}>{inside}</{element.name}>"


def _fed(parser: expat.XMLParserType, data: bytes) -> Iterator[None]:
    """Parses `data`, block by block. A tag that it is in for a whole block is refused; a comment of that length becomes
    nothing."""
    names = 0
    for end in range(_BLOCK, len(data) + _BLOCK, _BLOCK):
        parser.Parse(data[end - _BLOCK : end], False)
        begin = max(parser.CurrentByteIndex, 0)
        if end - begin >= _BLOCK and data[begin : begin + 4].replace(b"\0", b"")[:2] not in {b"", b"<!", b"<?"}:
            raise absurd("one of its XML tags has more bytes than are read", _BLOCK)
        names += len(parser.intern)
        if names > _MAX_NAMES:
            raise absurd("its XML has more different names than are read", _MAX_NAMES)
        parser.intern.clear()
        yield
    parser.Parse(b"", True)
    yield


_AGAIN = "it may have been cut off: fetch it again, or tell its publisher"


def _from_start(data: bytes) -> bytes:
    """`data` without the white space that some servers put before the XML declaration, which must come first."""
    return data.lstrip(b" \t\r\n") if data[:1] in b" \t\r\n" else data


class _FoundError(Exception):
    """Carries the name that was looked for out of the parser."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Found:
    """Stops at the first name."""

    def element(self, tag: str, _attributes: dict[str, str]) -> NoReturn:
        raise _FoundError(tag)

    def doctype(self, name: str, *_rest: object) -> NoReturn:
        raise _FoundError(name)


def _build(parser: expat.XMLParserType, rows: Rows, limits: Limits) -> Element:
    """Makes `parser` build the tree below the element that is returned. Closures, because each is called very often."""
    top = Element("", "", {}, {"xml": "http://www.w3.org/XML/1998/namespace"})
    inside = Element("", "", {}, {})
    stack = [top]
    names: dict[str, tuple[str, Row | None]] = {}
    keep, depth, count = _keeper(stack, limits), limits.depth, 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        above = stack[-1]
        if len(stack) > depth:
            raise too_large("its XML elements are nested deeper than is read", depth)
        if above is inside:  # what lies in a row is of no use
            stack.append(inside)
            return
        if tag not in names:
            local = tag.rpartition(":")[2]
            names[tag] = local, rows.get(local)
        name, row = names[tag]
        if row is None or above.name != row.parent:
            keep(tag, name, attributes)
            return
        count += 1
        if count > limits.segments:
            limits.check_segments(count)
        if above.cells is None:
            above.cells = []
        above.cells.extend(map(attributes.get, row.attributes))
        stack.append(inside)

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler, parser.CharacterDataHandler = _texts(stack)
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return top


def _keeper(stack: list[Element], limits: Limits) -> Callable[[str, str, dict[str, str]], None]:
    """Adds an element to the last one of `stack`, and to it."""
    objects = 0

    def keep(tag: str, name: str, attributes: dict[str, str]) -> None:
        nonlocal objects
        above = stack[-1]
        scope = _scope(above.scope, attributes)
        objects += 1 + len(attributes) + (0 if scope is above.scope else len(scope))
        if objects > limits.objects:
            raise too_large("it has more XML elements and attributes than are read", limits.objects)
        element = Element(tag, name, attributes, scope)
        above.children.append(element)
        stack.append(element)

    return keep


def _texts(stack: list[Element]) -> tuple[Callable[[str], None], Callable[[str], None]]:
    """What ends an element, with all of its own text, and what takes character data."""
    texts: dict[int, list[str]] = {}

    def end(_tag: str) -> None:
        element = stack.pop()
        if texts:
            element.text = "".join(texts.pop(len(stack), ())).strip()

    def characters(text: str) -> None:
        depth = len(stack) - 1
        if depth in texts or not text.isspace():
            texts.setdefault(depth, []).append(text)

    return end, characters


def _refuse_doctype(*_args: object) -> NoReturn:
    """XML 1.0 section 2.8: what a document type may bring along (entities, files) is never wanted in a manifest."""
    raise UnsupportedError(
        "it has a DOCTYPE, which no manifest needs and which is not read",
        "check the address: web pages have one; else ask its publisher for a manifest without it",
        code="doctype",
    )


_MAX_PREFIXES = 256
"""In force at one place: they are copied from element to element."""


def _scope(above: Mapping[str, str], attributes: Mapping[str, str]) -> Mapping[str, str]:
    """The prefixes that hold in an element: those above it and its own (Namespaces in XML section 6)."""
    for name in attributes:
        if name[:5] == "xmlns":
            own = {key[6:]: uri for key, uri in attributes.items() if key[:6] in {"xmlns", "xmlns:"}}
            if len(above) + len(own) > _MAX_PREFIXES:
                raise UnsupportedError(f"it declares more than {_MAX_PREFIXES} prefixes", code="too-large")
            return {**above, **own}
    return above
