"""How many downloads a service allows: counted here, before anything but the feed is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from offlinedl import rights
from offlinedl.demo.origin import DATA
from offlinedl.errors import RefusedError
from offlinedl.model import Entry, Service, State, Title
from tests import origin as o
from tests.conftest import Offlinedl, Result
from tests.origin import Origin
from tests.test_cli import rows

REF, TWO, CLEAR, FERRY = "demo:harbour-1", "demo:harbour-2", "demo:lighthouse", "demo:ferry"
Feed = dict[str, Any]


def feed_with(origin: Origin, path: str, change: Callable[[Feed], None]) -> None:
    """The feed at `path`, changed."""
    feed = json.loads((DATA / "feed.json").read_text())
    change(feed)
    if path != "/feed.json":
        feed["entitlement_url"] = "entitlement"
        for drm in (d for title in feed["titles"] for source in title["sources"] for d in source.get("drm", ())):
            drm["license_url"] = "members/license"
    origin.fault(path, o.body(json.dumps(feed).encode(), "application/json"))


def limited(origin: Origin, **limits: int | None) -> None:
    """The service's limits are these from now on."""
    origin.mend()
    feed_with(origin, "/feed.json", lambda feed: feed.update(limits=limits))


def refused(offlinedl: Offlinedl, code: int, name: str, *words: str) -> Result:
    """`get` ends with this exit code, and an error of this name."""
    events = offlinedl("get", "--progress", "json", *words)
    [error] = [event["error"] for event in map(json.loads, events.err.splitlines()) if event["event"] == "error"]
    assert (events.code, error["code"]) == (code, name), events
    return Result(events.code, events.out, f"error: {error['message']}\nhint: {error['hint']}\n")


def test_no_more_titles_than_the_service_allows_on_a_device(demo: Offlinedl, origin: Origin) -> None:
    """Refused by a look at the feed alone; `rm` frees the place."""
    limited(origin, downloads_per_device=2)
    demo.ok("get", REF, TWO)
    origin.forget()
    result = refused(demo, 5, "download-limit", CLEAR)
    assert [asked.path for asked in origin.log] == ["/feed.json"]
    assert result.err.splitlines() == [
        "error: demo:lighthouse: Harbour TV allows 2 downloads on a device, and 2 of 2 are used",
        "hint: `offlinedl rm demo:harbour-1` frees a place (the oldest)",
    ]
    demo.ok("rm", REF)
    demo.ok("get", CLEAR)


def test_what_is_under_way_counts_too(demo: Offlinedl, origin: Origin) -> None:
    limited(origin, downloads_per_device=2)
    assert demo("get", REF, TWO, CLEAR).code == 5
    assert {title["id"]: title["state"] for title in demo.listed()} == {REF: "ready", TWO: "ready"}


def test_a_title_takes_no_second_place(demo: Offlinedl, origin: Origin) -> None:
    """Expired, or in another quality."""
    limited(origin, downloads_per_device=1, downloads_per_month=1)
    assert demo.at("2026-11-01 12:00:00", "get", REF).code == 0
    assert demo.at("2026-12-20 12:00:00", "get", REF).code == 0
    assert demo.at("2026-12-20 12:00:00", "get", REF, "-q", "360p").code == 0
    expired = demo.at("2027-03-01 12:00:00", "get", TWO)
    assert (expired.code, "(expired)" in expired.err) == (5, True)


def test_nor_do_other_tracks_of_a_title_that_is_here(demo: Offlinedl, origin: Origin) -> None:
    """Also where its service allows fewer than are here by now."""
    demo.ok("get", REF, TWO, "-q", "360p")
    limited(origin, downloads_per_device=1, downloads_per_month=1)
    demo.ok("get", REF, "-q", "720p")
    refused(demo, 5, "download-limit", CLEAR)


def test_titles_of_others_do_not_count(demo: Offlinedl, origin: Origin) -> None:
    limited(origin, downloads_per_device=1, downloads_per_month=1)
    demo.ok("source", "add", "demo2", f"{origin.url}/feed.json")
    demo.ok("get", "demo2:ferry", f"{origin.url}/titles/lighthouse/manifest.mpd")
    demo.ok("get", REF)


def test_no_more_titles_than_the_service_allows_in_a_month(demo: Offlinedl, origin: Origin) -> None:
    """Those that are gone count too; the month is that of UTC."""
    limited(origin, downloads_per_month=1)
    assert demo.at("2026-11-01 00:00:00", "get", REF).code == 0
    assert demo.at("2026-11-02 12:00:00", "rm", REF).code == 0
    origin.forget()
    full = demo.at("2026-11-30 23:59:59", "get", CLEAR)
    assert (full.code, full.err.splitlines()) == (5, [
        "error: demo:lighthouse: Harbour TV allows 1 download a month, and 1 of 1 are used",
        "hint: wait for the 1st of the next month (UTC); removing titles does not help",
    ])  # fmt: skip
    assert [asked.path for asked in origin.log] == ["/feed.json"]
    assert demo.at("2026-11-30 23:59:59", "get", REF).code == 0
    assert demo.at("2026-12-01 00:00:00", "get", CLEAR).code == 0


def test_of_a_month_one_after_the_other_in_one_command(demo: Offlinedl, origin: Origin) -> None:
    limited(origin, downloads_per_month=1)
    assert demo("get", REF, TWO).code == 5
    assert [title["id"] for title in demo.listed()] == [REF]


def test_a_dry_run_and_a_resumed_download_are_not_refused(demo: Offlinedl, origin: Origin) -> None:
    limited(origin, downloads_per_device=1)
    demo.ok("get", REF)
    demo.ok("get", TWO, "--dry-run")
    rows(demo.home, "UPDATE titles SET state = 'paused'")
    limited(origin, downloads_per_device=1)
    demo.ok("resume")


# which title to give up


def entry(title_id: str, **more: Any) -> Entry:
    return Entry(id=title_id, name="x", folder="x", license_slot="x", **{"state": State.READY, **more})


OLD, WATCHED, EXPIRED, KEPT = (
    entry("s:old"),
    entry("s:watched", watched=True),
    entry("s:expired", state=State.EXPIRED),
    entry("s:kept", watched=True, kept=True),
)
FREED = [
    pytest.param([OLD, entry("s:new")], 2, "`offlinedl rm s:old` frees a place (the oldest)", id="oldest"),
    pytest.param([OLD, WATCHED], 2, "`offlinedl rm s:watched` frees a place (watched)", id="watched"),
    pytest.param([OLD, EXPIRED, WATCHED], 3, "`offlinedl rm s:expired` frees a place (expired)", id="expired"),
    pytest.param([KEPT, OLD], 2, "`offlinedl rm s:old` frees a place (the oldest)", id="not one that is kept"),
    pytest.param(
        [OLD, WATCHED], 1, "`offlinedl rm s:watched` is the first of 2 steps to a free place (watched)", id="fewer now"
    ),
]


@pytest.mark.parametrize(("here", "most", "hint"), FREED)
def test_what_would_free_a_place(here: list[Entry], most: int, hint: str) -> None:
    title = Title(id="s:more", name="More", sources=(), service=Service(name="S", downloads_per_device=most))
    with pytest.raises(RefusedError) as caught:
        rights.check_limits(title, here, 0)
    assert (caught.value.hint, caught.value.code) == (hint, "download-limit")


@pytest.mark.parametrize("service", [Service(), Service(downloads_per_device=3, downloads_per_month=3)])
def test_within_limits_nothing_is_said(service: Service) -> None:
    rights.check_limits(Title(id="s:more", name="More", sources=(), service=service), [OLD, KEPT], 2)
