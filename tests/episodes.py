"""What a service of a year puts out (see year.py): shows, their episodes, and small media for each."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from offlinedl.demo import origin as demo
from offlinedl.model import Series
from offlinedl.series import Following
from tests.boxes import box
from tests.mpds import mpd_text

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """A series: `backlog` episodes are there when the year begins, and then there is one more `each` while it runs;
    after so many (`season`) a new season begins after some weeks. With a license it ends; it is `renewable` or not."""

    source: str
    name: str
    backlog: int
    each: timedelta
    season: int = 10
    pause: timedelta = timedelta(0)
    licensed: bool = True
    renewable: bool = True
    rule: dict[str, Any] = field(default_factory=dict)

    @property
    def series(self) -> str:
        """Its id."""
        return f"{self.source}:{self.name}"

    def following(self) -> Following:
        """The rule by which it is followed."""
        return Following(series=Series(id=self.series, name=self.name), **self.rule)

    @property
    def is_newest(self) -> bool:
        """Does it go by dates alone?"""
        return bool(self.rule.get("newest"))


SHOWS = (
    Show(source="tv", name="harbour", backlog=4, each=7 * DAY, pause=28 * DAY, rule={"delete_watched": True}),
    Show(source="tv", name="attic", backlog=12, each=10 * DAY, renewable=False,
         rule={"ahead": 2, "refetch_expired": True, "priority": 5}),
    Show(source="tv", name="news", backlog=2, each=4 * DAY, season=10**6, licensed=False,
         rule={"ahead": 2, "newest": True, "delete_watched": True, "grace": timedelta(0)}),
    Show(source="club", name="reef", backlog=6, each=6 * DAY, rule={"delete_watched": True, "grace": 2 * DAY}),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One of a show, and when it comes."""

    show: Show
    number: int
    season: int
    episode: int
    at: datetime

    @property
    def id(self) -> str:
        """Of the title, without its source."""
        return f"{self.show.name}-{self.number}"

    @property
    def title(self) -> str:
        """The id of the title."""
        return f"{self.show.source}:{self.id}"

    @cached_property
    def files(self) -> dict[str, bytes]:
        """What the service has of it, by name. Each segment has a size of its own."""
        chance = random.Random(self.id)
        init, *segments = _LICENSED if self.show.licensed else _CLEAR
        segments = [s + box("free", bytes(chance.randrange(4_000, 20_000))) for s in segments]
        named = {"init.mp4": init} | {f"{n}.m4s": s for n, s in enumerate(segments)}
        return named | {"m.mpd": _manifest(sum(map(len, segments)), licensed=self.show.licensed)}

    @property
    def bytes(self) -> int:
        """Those that lie here when it is."""
        return sum(len(content) for name, content in self.files.items() if name != "m.mpd")

    def listed(self) -> dict[str, Any]:
        """As its feed has it."""
        drm = [{"system": "clearkey", "license_url": f"license?of={self.id}"}] if self.show.licensed else []
        numbers = {} if self.show.is_newest else {"season": self.season, "episode": self.episode}
        return {
            "id": self.id, "name": self.id, "series": {"id": self.show.name, "name": self.show.name}, **numbers,
            "duration": 8, "published": f"{self.at:%Y-%m-%dT%H:%M:%SZ}",
            "sources": [{"url": f"titles/{self.id}/m.mpd", "type": "application/dash+xml", "drm": drm}],
        }  # fmt: skip


def episodes(show: Show) -> Iterator[Episode]:
    """All of the year, in order."""
    at, number = BEGAN - DAY, 0
    while at < BEGAN + 365 * DAY:
        season, episode = divmod(number, show.season)
        yield Episode(show=show, number=number, season=season + 1, episode=episode + 1, at=at)
        number += 1
        if number >= show.backlog:
            at = max(at, BEGAN) + show.each + (show.pause if number % show.season == 0 else timedelta(0))


def _manifest(size: int, *, licensed: bool) -> bytes:
    kid = "5d0c9e1b-7a3f-4c62-8e14-f7a2b93d6c05"
    scheme = f'value="cbcs" schemeIdUri="urn:mpeg:dash:mp4protection:2011" cenc:default_KID="{kid}"'
    protection = f"<ContentProtection {scheme}/>" if licensed else ""
    template = '<SegmentTemplate timescale="1" duration="4" startNumber="0" initialization="init.mp4" '
    representation = f'<Representation id="a" bandwidth="{size}" codecs="mp4a.40.2">'
    body = f'{representation}{template}media="$Number$.m4s"/></Representation>'
    inside = f'<AdaptationSet mimeType="audio/mp4" lang="en">{protection}{body}</AdaptationSet>'
    return mpd_text(f"<Period>{inside}</Period>", 'mediaPresentationDuration="PT8S"')


def _sound() -> tuple[list[bytes], list[bytes]]:
    """The init segment and two segments, under a license and clear."""
    titles = demo.DATA / "titles"
    clear = (titles / "lighthouse/a-en.mp4").read_bytes()
    licensed = [(titles / "harbour-1/a-en" / name).read_bytes() for name in ("init.mp4", "1.m4s", "2.m4s")]
    return licensed, [clear[:833], clear[901:12935], clear[12935:24251]]


_LICENSED, _CLEAR = _sound()

EPISODES = {episode.title: episode for show in SHOWS for episode in episodes(show)}
"""All of them, by the ids of the titles."""
