"""A service with a series of several seasons, and news without numbers. Every title has the same small media: those of
a clear title of the demo, or of one under a license."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.conftest import Offlinedl
from tests.origin import Origin

FEED = "/seasons.json"
CLEAR = {"url": "titles/lighthouse/manifest.mpd"}
LICENSED = {
    "url": "titles/harbour-1/manifest.mpd",
    "drm": [{"system": "clearkey", "license_url": "license"}],
}
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def episode(season: int, number: int, source: dict[str, Any] = CLEAR, **more: Any) -> dict[str, Any]:
    """An episode of the series `tv:h`, "Harbour"; its id is "1x2" for the second of the first season."""
    return {
        "id": f"{season}x{number}", "name": f"Episode {season}.{number}", "series": {"id": "h", "name": "Harbour"},
        "season": season, "episode": number, "duration": 60, "sources": [source], **more,
    }  # fmt: skip


def news(day: int, **more: Any) -> dict[str, Any]:
    """What the series `tv:n`, "News", had on a day of 2026."""
    published = f"{_BEGAN + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"
    series = {"id": "n", "name": "News"}
    return {"id": f"n{day}", "name": f"Day {day}", "series": series, "published": published, "sources": [CLEAR], **more}


SEASONS = [episode(season, number) for season in (1, 2) for number in (1, 2, 3)]


def offer(origin: Origin, titles: Iterable[dict[str, Any]] = SEASONS, **more: Any) -> None:
    """The service offers these titles from now on."""
    origin.files[FEED] = json.dumps({"offlinedl": 1, "name": "TV", "titles": [*titles], **more}).encode()


def known(offlinedl: Offlinedl, origin: Origin, titles: Iterable[dict[str, Any]] = SEASONS, **more: Any) -> Offlinedl:
    """The home, which knows the service as `tv`."""
    offer(origin, titles, **more)
    offlinedl.ok("source", "add", "tv", f"{origin.url}{FEED}")
    origin.forget()
    return offlinedl


def ready(offlinedl: Offlinedl) -> list[str]:
    """What is ready, without the name of the source."""
    return [title["id"].removeprefix("tv:") for title in offlinedl.listed() if title["state"] == "ready"]
