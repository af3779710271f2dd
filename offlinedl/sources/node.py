"""What a service says in JSON, read member by member. Unknown members are ignored; a wrong one is named by its path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import isnan
from typing import Any
from urllib.parse import urljoin

from offlinedl import expiry
from offlinedl.errors import DamagedError, UnsupportedError, printable
from offlinedl.http import origin
from offlinedl.model import Rights

_HALF = re.compile("[\ud800-\udfff]")
_LARGEST = 2**31
"""No season, episode, height or number of downloads comes near it."""


@dataclass(frozen=True, slots=True)
class Node:
    """An object of a document and the path that leads to it. `document` is what it is, as an error is to name it."""

    value: Mapping[str, Any]
    path: str
    document: str

    def nodes(self, name: str) -> list[Node]:
        return [node() for node in self.each(name)]

    def each(self, name: str) -> Iterator[Callable[[], Node]]:
        """The objects of a list, each when it is asked for: what is wrong with one stops no other."""
        listed = self.value.get(name)
        if listed is not None and not isinstance(listed, list):
            raise self.wrong(name, "not a list")
        return (partial(self._node, f"{self._at(name)}[{n}]", value) for n, value in enumerate(listed or ()))

    def node(self, name: str) -> Node | None:
        value = self.value.get(name)
        return None if value is None else self._node(self._at(name), value)

    def _node(self, path: str, value: object) -> Node:
        if not isinstance(value, dict):
            raise Node({}, path, self.document).wrong("", "not an object")
        return Node(value, path, self.document)

    def text(self, name: str) -> str | None:
        value = self.value.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not (value.isascii() or _HALF.search(value) is None):
            raise self.wrong(name, "not a text")
        return printable(value)

    def must(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise self.wrong(name, "missing")
        return value

    def seconds(self, name: str) -> int | None:
        """A window: any number, also those that overflow elsewhere and mean that there is none."""
        value = self.value.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or isnan(value)):
            raise self.wrong(name, "not a number of seconds")
        return expiry.limit(value)

    def whole(self, name: str) -> int | None:
        value = self.value.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 or abs(value) > _LARGEST:
            raise self.wrong(name, "not a whole number")
        return int(value)

    def limit(self, name: str) -> int | None:
        """How many at most; None for no limit, as it is with windows, and for what nobody reaches."""
        value = self.value.get(name)
        is_huge = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > _LARGEST
        return None if is_huge else expiry.limit(self.whole(name))

    def flag(self, name: str, default: bool) -> bool:
        value = self.value.get(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, "not true or false")
        return value

    def moment(self, name: str) -> datetime | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.wrong(name, "not a date (ISO 8601)") from None

    def url(self, name: str, base: str) -> str:
        try:
            value = urljoin(base, self.must(name))
            origin(value)
        except (ValueError, UnsupportedError):
            raise self.wrong(name, "not a URL") from None
        return value

    def headers(self) -> tuple[tuple[str, str], ...]:
        for name, value in self.value.items():
            if not isinstance(value, str):
                raise self.wrong(name, "not a text")
            if not value.isprintable() or not name.isprintable() or ":" in name:
                raise self.wrong(name, "not a header")
        return tuple(self.value.items())

    def wrong(self, name: str, what: str) -> DamagedError:
        return DamagedError(
            f"{self._at(name)}: {what}",
            f"the {self.document} is not valid: tell the service",
            code=f"{self.document}-damaged",
        )

    def _at(self, name: str) -> str:
        return ".".join(part for part in (self.path, name) if part)


def rights(node: Node | None, *, export: bool = False) -> Rights:
    """What a document allows, where it says anything of it; `export` where it says nothing of that."""
    if node is None:
        return Rights()
    return Rights(
        download=node.flag("download", True),
        reason=node.text("reason"),
        storage_seconds=node.seconds("storage_seconds"),
        playback_seconds=node.seconds("playback_seconds"),
        available_from=node.moment("available_from"),
        available_until=node.moment("available_until"),
        max_height=node.limit("max_height"),
        export=node.flag("export", export),
    )
