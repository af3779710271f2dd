"""All that is wrong with a source: in each of its titles, and with them together."""

from __future__ import annotations

from collections.abc import Iterator

from offlinedl.errors import OfflinedlError
from offlinedl.model import Title
from offlinedl.sources.kinds import Source
from offlinedl.sources.reading import Fault, Sent

_NAME = "source"


def check(kind: Source, sent: Sent) -> tuple[int, list[Fault]]:
    """How many titles there are, and what is wrong, each with its path."""
    seen = _Seen()
    faults: list[Fault] = []
    try:
        for found in kind.look(sent.body, _NAME, sent.url):
            faults += found.faults
            if found.title is not None:
                faults += seen.of_title(found.title, found.path)
    except OfflinedlError as error:
        path, colon, what = error.message.partition(f"{_NAME} {_NAME}: ")
        faults.append(Fault(path="", what=what) if colon and not path else Fault.of(error))
        return seen.count, faults
    return seen.count, [*faults, *seen.of_all()]


class _Seen:
    """The titles so far."""

    def __init__(self) -> None:
        self.count = 0
        self._refused = 0
        self._ids: dict[str, str] = {}
        self._episodes: dict[tuple[str, int | None, int], str] = {}

    def of_title(self, title: Title, path: str) -> Iterator[Fault]:
        """What is wrong with a title beside those before it."""
        rights = title.rights
        self.count += 1
        self._refused += not rights.download
        first = self._ids.setdefault(title.id, path)
        if first != path:
            told = title.id.partition(":")[2]
            yield Fault(path=path, what=f"its id {told} is that of {first}, too: only that one can be had")
        elif title.series is not None and title.episode is not None and not title.special:
            first = self._episodes.setdefault((title.series.id, title.season, title.episode), path)
            if first != path:
                season = "" if title.season is None else f"season {title.season}, "
                yield Fault(path=path, what=f"{season}episode {title.episode} of its series is {first}, too")
        begin, end = rights.available_from, rights.available_until
        if begin is not None and end is not None and end <= begin:
            yield Fault(path=path, what="never available: available_until is not after available_from")

    def of_all(self) -> Iterator[Fault]:
        """What is wrong with all of them together."""
        if not self.count:
            yield Fault(path="", what="no titles")
        elif self._refused == self.count:
            yield Fault(path="", what="no title may be downloaded")
