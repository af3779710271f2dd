"""Smart downloads, decided: each rule is a story, told by its id. The clock stands at NOW; a series has two seasons of
four episodes, and each title has 100 bytes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offlinedl.added import Offer
from offlinedl.model import Entry, Failure, Kind, License, Series, State, Track, Windows
from offlinedl.series import Following, Gone, Shelf, Standing, Stored, Tries
from offlinedl.smart import decide, goes_first
from offlinedl.space import Space

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SIZE = 100
HARBOUR, NEWS = Series(id="demo:h", name="Harbour"), Series(id="demo:n", name="News")
THREE = Following(series=HARBOUR, ahead=3)
TIDY = replace(THREE, delete_watched=True)
WIDE = Space(free=10**9)
VIDEO = Track(id="v", kind=Kind.VIDEO, container="mp4")


def offer(number: str, series: Series = HARBOUR, **more: Any) -> Offer:
    """ "1x2" is episode 2 of season 1; anything else has no number."""
    season, x, episode = number.partition("x")
    own = {"season": int(season), "episode": int(episode)} if x else {}
    told = {"id": f"demo:{number}", "source": "demo", "position": 0, "name": number, "series": series}
    return Offer(**{**told, **own, **more})


SEASONS = tuple(offer(f"{season}x{episode}") for season in (1, 2) for episode in (1, 2, 3, 4))


def news(day: int, **more: Any) -> Offer:
    return offer(f"n{day:02}", NEWS, published=NOW - 30 * DAY + day * DAY, position=100 - day, **more)


def here(number: str, state: State = State.READY, series: Series | None = HARBOUR, **more: Any) -> Stored:
    """A title that is here, brought by smart downloads an hour before NOW unless more is said."""
    seen = offer(number, series or HARBOUR)
    day = Windows(storage_seconds=86400)
    license = License(id="l", system="clearkey", kids=(), issued_at=NOW - 40 * DAY, windows=day)
    entry: dict[str, Any] = {
        "id": seen.id, "name": number, "state": state, "folder": "f", "license_slot": "s", "series": series,
        "season": seen.season, "episode": seen.episode, "bytes_done": SIZE, "bytes_total": SIZE, "tracks": (VIDEO,),
        "license": license if state is State.EXPIRED else None,
    }  # fmt: skip
    standing: dict[str, Any] = {"added_at": NOW - HOUR, "brought": True}
    for name, value in more.items():
        (entry if name in Entry.__dataclass_fields__ else standing)[name] = value
    is_over = standing.pop("over", state is State.EXPIRED)
    return Stored(entry=Entry(**entry), standing=Standing(**standing), over=is_over)


def watched(number: str, ago: timedelta = 2 * DAY, **more: Any) -> Stored:
    return here(number, watched=True, watched_at=NOW - ago, **more)


def queued(number: str, **more: Any) -> Stored:
    return here(number, State.QUEUED, bytes_done=0, **more)


def failed(number: str, **more: Any) -> Stored:
    error = Failure(code="network", message="gave up", hint="")
    return here(number, State.FAILED, bytes_done=40, error=error, **more)


def gone(number: str, why: Any, *, seen: Offer | None = None) -> Gone:
    return Gone(offer=seen or offer(number), why=why, at=NOW - DAY, watched=why == "watched")


def tries(count: int, ago: timedelta, code: str = "network", exit_code: int = 4) -> Tries:
    return Tries(count=count, last_at=NOW - ago, code=code, exit_code=exit_code, message="gave up")


@dataclass(frozen=True)
class Story:
    """What there is, and what is decided: lines like "download 1x2", each with a part of its reason."""

    told: dict[str, str]
    stored: tuple[Stored, ...] = ()
    rules: tuple[Following, ...] = (THREE,)
    offered: tuple[Offer, ...] = SEASONS
    gone: tuple[Gone, ...] = ()
    tries: dict[str, Tries] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    space: Space = WIDE

    @property
    def shelf(self) -> Shelf:
        return Shelf(stored=self.stored, offered=self.offered, gone=self.gone, tries=self.tries, unread=self.unread)


def story(id: str, told: dict[str, str], *stored: Stored, **more: Any) -> Any:
    return pytest.param(Story(told=told, stored=stored, **more), id=id)


NEXT = {"download 1x2": "1 of 3", "download 1x3": "2 of 3", "download 1x4": "3 of 3"}
FIRST = {"download 1x1": "next of Harbour, 1 of 3", "download 1x2": "2 of 3", "download 1x3": "3 of 3"}
NEWEST = replace(THREE, series=NEWS)
DAYS = tuple(news(day) for day in range(1, 6))

WINDOW = [
    story("nothing watched: from the beginning", FIRST),
    story("A1 what is here has its place", {"download 1x3": "3 of 3"}, here("1x1"), here("1x2")),
    story("a rule that is met does nothing", {}, here("1x1"), here("1x2"), here("1x3")),
    story("C65 after the last one that was watched", NEXT, watched("1x1")),
    story(
        "the last one counts, whatever lies before it",
        {"download 1x4": "1 of 3", "download 2x1": "", "download 2x2": ""},
        watched("1x3"),
    ),
    story("C65 what was watched and removed counts, too", NEXT, gone=(gone("1x1", "watched"),)),
    story(
        "and also where its source has it no more",
        {"download 1x4": "", "download 2x1": "", "download 2x2": ""},
        gone=(gone("1x3", "watched"),),
        offered=SEASONS[3:],
    ),
    story(
        "B30 across the edge of a season",
        {"download 2x1": "2 of 3", "download 2x2": "3 of 3"},
        watched("1x3"),
        here("1x4"),
    ),
    story(
        "B30 specials stand apart",
        {"download 2x1": ""},
        watched("1x4"),
        rules=(replace(THREE, ahead=1),),
        offered=(offer("0x9"), offer("1x9", special=True), *SEASONS),
    ),
    story(
        "B30 season 0 is not the first",
        {"download 1x1": "1 of 1"},
        rules=(replace(THREE, ahead=1),),
        offered=(offer("0x9"), SEASONS[0]),
    ),
    story(
        "one without a number stands apart, too, with a word",
        {"download 1x1": "", "skip trailer": "it has no episode number; `offlinedl get` downloads it"},
        offered=(offer("trailer"), SEASONS[0]),
    ),
    story(
        "of many without a number one line",
        {"download 1x1": "", "skip t1": "it has no episode number, nor have 2 more of Harbour"},
        rules=(replace(THREE, ahead=1),),
        offered=(*(offer(f"t{n}") for n in (1, 2, 3)), *SEASONS),
    ),
    story(
        "and none of those that are here, or were",
        {"download 1x1": "", "download 1x2": ""},
        here("t1"),
        offered=(*(offer(f"t{n}") for n in (1, 2)), *SEASONS[:2]),
        gone=(gone("t2", "removed"),),
    ),
    story(
        "of two with one number the first comes, and that is said",
        {"download 1x1": "1 of 1", "skip cut": "S1 E1 is demo:1x1, too"},
        rules=(replace(THREE, ahead=1),),
        offered=(SEASONS[0], offer("cut", season=1, episode=1), SEASONS[1], offer("later", season=1, episode=2)),
    ),
    story("a watched special moves nothing", {"download 1x1": ""}, watched("0x9"), rules=(replace(THREE, ahead=1),)),
    story(
        "a series of one season needs no number for it",
        {"download e1": "1 of 3", "download e2": ""},
        offered=tuple(offer(f"e{n}", episode=n) for n in (1, 2)),
    ),
    story(
        "two with one number are one",
        {"download 1x1": "1 of 2", "skip 1x2": "S1 E2 is demo:again, too"},
        here("again", season=1, episode=2),
        rules=(replace(THREE, ahead=2),),
        offered=SEASONS[:2],
    ),
    story("the end of a series", {"download 2x4": "1 of 3"}, watched("2x3")),
    story(
        "from the episode that was named",
        {"download 2x1": "1 of 3", "download 2x2": "", "download 2x3": ""},
        rules=(replace(THREE, begin=(2, 1)),),
    ),
    story(
        "which no longer counts once that is watched",
        {"download 2x3": "", "download 2x4": ""},
        watched("2x2"),
        rules=(replace(THREE, begin=(2, 1)),),
    ),
    story(
        "the one that is being watched is the first",
        {"download 1x3": "2 of 3", "download 1x4": "3 of 3"},
        watched("1x1"),
        here("1x2", position_seconds=600),
    ),
    story(
        "one whose time nobody knows has its place", {}, *(here(n, State.CLOCK_SUSPECT) for n in ("1x1", "1x2", "1x3"))
    ),
    story(
        "two series, the nearest of each first",
        {"download 1x1": "", "download n05": "", "download 1x2": "", "download n04": ""},
        rules=(replace(THREE, ahead=2), replace(NEWEST, ahead=2)),
        offered=SEASONS + DAYS,
    ),
    story(
        "the higher priority first",
        {"download n05": "", "download n04": "", "download 1x1": "", "download 1x2": ""},
        rules=(replace(THREE, ahead=2), replace(NEWEST, ahead=2, priority=1)),
        offered=SEASONS + DAYS,
    ),
]

NEWS_FIRST = [
    story(
        "undated and unnumbered: in the order of the source",
        {"download b": "1 of 3", "download a": ""},
        rules=(NEWEST,),
        offered=(offer("b", NEWS, position=1), offer("a", NEWS, position=2)),
    ),
    story(
        "dated and unnumbered: the newest first",
        {"download n05": "1 of 3", "download n04": "", "download n03": ""},
        rules=(NEWEST,),
        offered=DAYS,
    ),
    story(
        "a number or two make no numbered series of a podcast",
        {"download n05": "1 of 3", "download n04": "", "download n03": ""},
        rules=(NEWEST,),
        offered=(*DAYS[:3], replace(DAYS[3], season=1, episode=1), DAYS[4]),
    ),
    story(
        "but half of them do",
        {"download n01": "1 of 3", "download n02": "", "skip n03": "it has no episode number"},
        rules=(NEWEST,),
        offered=(*(replace(day, episode=n) for n, day in enumerate(DAYS[:2], 1)), *DAYS[2:4]),
    ),
    story(
        "and whoever says with which number to begin",
        {"download n04": "1 of 3", "skip n01": "it has no episode number"},
        rules=(replace(NEWEST, begin=(1, 1)),),
        offered=(*DAYS[:3], replace(DAYS[3], season=1, episode=1), DAYS[4]),
    ),
    story(
        "numbered, where that is asked for",
        {"download 1x4": "1 of 1"},
        rules=(replace(THREE, newest=True, ahead=1),),
        offered=tuple(replace(o, published=NOW + n * DAY) for n, o in enumerate(SEASONS[:4])),
    ),
    story(
        "where that is asked for and there are no dates, the last number",
        {"download 2x4": "1 of 2", "download 2x3": ""},
        rules=(replace(THREE, newest=True, ahead=2),),
        offered=tuple(replace(o, position=n) for n, o in enumerate(SEASONS)),
    ),
    story(
        "and none before the one that was named",
        {"download 2x4": "1 of 3", "download 2x3": ""},
        rules=(replace(THREE, newest=True, begin=(2, 3)),),
    ),
    story(
        "what was watched leaves its place to an older one",
        {"download n03": "2 of 2"},
        watched("n05", series=NEWS),
        here("n04", series=NEWS, published=DAYS[3].published),
        rules=(replace(NEWEST, ahead=2),),
        offered=DAYS,
    ),
    story(
        "an older one goes only when the newer ones are here",
        {"download n05": ""},
        *(here(f"n0{n}", series=NEWS) for n in (2, 3, 4)),
        rules=(NEWEST,),
        offered=DAYS,
    ),
    story(
        "then it goes",
        {"remove n02": "3 newer ones of News are here"},
        *(here(f"n0{n}", series=NEWS) for n in (2, 3, 4, 5)),
        rules=(NEWEST,),
        offered=DAYS,
    ),
    story(
        "what newer ones replaced does not come back, and no more is said of it",
        {},
        *(watched(f"n0{n}", series=NEWS) for n in (3, 4, 5)),
        rules=(NEWEST,),
        offered=DAYS[1:],
        gone=(gone("n02", "passed", seen=DAYS[1]),),
    ),
    story(
        "nor does one that is older still: news do not go back",
        {},
        watched("n05", series=NEWS, published=DAYS[4].published),
        rules=(replace(NEWEST, ahead=1),),
        offered=DAYS,
        gone=(gone("n04", "passed", seen=DAYS[3]),),
    ),
    story(
        "but what lies here keeps its place",
        {"download n05": "1 of 2"},
        here("n02", series=NEWS, published=DAYS[1].published),
        here("n01", series=NEWS, published=DAYS[0].published),
        rules=(replace(NEWEST, ahead=2),),
        offered=DAYS,
        gone=(gone("n04", "passed", seen=DAYS[3]),),
    ),
    story(
        "one that a person got stays among newer ones",
        {},
        here("n02", series=NEWS, brought=False),
        *(here(f"n0{n}", series=NEWS) for n in (3, 4, 5)),
        rules=(NEWEST,),
        offered=DAYS,
    ),
]

LATER = NOW + DAY
ONE = (replace(THREE, ahead=1),)
AVAILABLE = [
    story(
        "C65 A7 what a person removed stays removed, and the next takes its place",
        {"skip 1x1": "a person removed it on 2026-11-19 12:00 UTC", "download 1x2": "1 of 1"},
        rules=ONE,
        gone=(gone("1x1", "removed"),),
    ),
    story(
        "what may not be downloaded",
        {"skip 1x1": "its service does not allow it to be downloaded", "download 1x2": ""},
        rules=ONE,
        offered=(offer("1x1", download=False), *SEASONS[1:]),
    ),
    story(
        "and why, as its service says it",
        {"skip 1x1": "does not allow it to be downloaded: cinema first", "download 1x2": ""},
        rules=ONE,
        offered=(offer("1x1", download=False, reason="cinema first"), *SEASONS[1:]),
    ),
    story(
        "what is not there yet",
        {"skip 1x1": "not available before 2026-11-21 12:00 UTC", "download 1x2": ""},
        rules=ONE,
        offered=(offer("1x1", available_from=LATER), *SEASONS[1:]),
    ),
    story(
        "what begins this moment is there", {"download 1x1": ""}, rules=ONE, offered=(offer("1x1", available_from=NOW),)
    ),
    story(
        "what has left",
        {"skip 1x1": "no longer available since", "download 1x2": ""},
        rules=ONE,
        offered=(offer("1x1", available_until=NOW), *SEASONS[1:]),
    ),
    story("what its source has no more is not looked for", {"download 1x2": "1 of 1"}, rules=ONE, offered=SEASONS[1:]),
    story(
        "a source that cannot be read keeps the place",
        {"skip 1x1": "its source cannot be read: away"},
        rules=ONE,
        unread={"demo": "away"},
    ),
]

EXPIRED = State.EXPIRED
REFETCH = (replace(THREE, ahead=1, refetch_expired=True),)
ENDED = [
    story(
        "expired and unwatched: the next takes its place",
        {"skip 1x1": "its rule fetches none again", "download 1x2": ""},
        here("1x1", EXPIRED),
        rules=ONE,
    ),
    story(
        "fetched again where the rule says so", {"download 1x1": "and unwatched"}, here("1x1", EXPIRED), rules=REFETCH
    ),
    story(
        "and what is beyond its number stays until then",
        {},
        here("1x1"),
        here("1x2", EXPIRED),
        rules=(replace(REFETCH[0], delete_watched=True),),
    ),
    story(
        "not where its service has it no more",
        {"skip 1x1": "no longer available", "download 1x2": ""},
        here("1x1", EXPIRED),
        rules=REFETCH,
        offered=(offer("1x1", available_until=NOW), *SEASONS[1:]),
    ),
    story(
        "goes, where its rule removes things",
        {"remove 1x1": "Expired 39 days ago; its rule fetches none again", "download 1x2": ""},
        here("1x1", EXPIRED),
        rules=(replace(TIDY, ahead=1),),
    ),
    story(
        "but not while the clock is in doubt",
        {"skip 1x1": "", "download 1x2": ""},
        here("1x1", EXPIRED, over=False),
        rules=(replace(TIDY, ahead=1),),
    ),
    story(
        "one that a person got stays",
        {"skip 1x1": "", "download 1x2": ""},
        here("1x1", EXPIRED, brought=False),
        rules=(replace(TIDY, ahead=1),),
    ),
    story(
        "one that went does not come back",
        {"skip 1x1": "expired, and removed", "download 1x2": ""},
        rules=ONE,
        gone=(gone("1x1", "expired"),),
    ),
    story("but where the rule says so", {"download 1x1": ""}, rules=REFETCH, gone=(gone("1x1", "expired"),)),
    story(
        "what a person removed does not, even then",
        {"skip 1x1": "a person", "download 1x2": ""},
        rules=REFETCH,
        gone=(gone("1x1", "removed"),),
    ),
]

REST = {"download 1x2": "", "download 1x3": "", "download 1x4": ""}
WATCHED = [
    story(
        "B31 C65 goes, when its grace is over",
        {"remove 1x1": "watched 24 hours ago", **REST},
        watched("1x1", DAY),
        rules=(TIDY,),
    ),
    story("B31 stays until then", REST, watched("1x1", DAY - HOUR), rules=(TIDY,)),
    story(
        "a grace of its own",
        {"remove 1x1": "watched 0 minutes ago", **REST},
        watched("1x1", timedelta(0)),
        rules=(replace(TIDY, grace=timedelta(0)),),
    ),
    story("stays where the rule does not remove", REST, watched("1x1", 90 * DAY)),
    story("B31 C66 stays where a person keeps it", REST, watched("1x1", 90 * DAY, kept=True), rules=(TIDY,)),
    story(
        "goes, also where a person got it: the rule is a person's, too",
        {"remove 1x1": "", **REST},
        watched("1x1", brought=False),
        rules=(TIDY,),
    ),
    story(
        "goes, also before the clock knew when",
        {"remove 1x1": "watched", **REST},
        here("1x1", watched=True),
        rules=(TIDY,),
    ),
    story("stays, where the clock is behind that", REST, watched("1x1", -DAY), rules=(TIDY,)),
    story(
        "C66 one that is being watched stays",
        {},
        here("1x1", position_seconds=1),
        here("1x2"),
        here("1x3"),
        rules=(TIDY,),
    ),
    story("a watched special goes, too", {"remove 0x1": "", **FIRST}, watched("0x1"), rules=(TIDY,)),
    story("of another series nothing goes", FIRST, watched("n1", series=NEWS), rules=(TIDY,)),
    story(
        "unwatched ones that lie behind stay",
        {"download 1x4": "", "download 2x1": "", "download 2x2": ""},
        here("1x1"),
        here("1x2"),
        watched("1x3", HOUR),
        rules=(TIDY,),
    ),
]

HOURS = {"demo:1x1": tries(2, HOUR)}
ON_THE_WAY = [
    story("B33 what waits in the queue goes on", {"download 1x1": "queued"}, queued("1x1"), rules=ONE),
    story(
        "one that was cut off goes on",
        {"download 1x1": "its download was cut off"},
        here("1x1", State.PAUSED, bytes_done=40),
        rules=ONE,
    ),
    story(
        "A17 A22 one that a person paused does not, and has its place",
        {"skip 1x1": "a person paused it"},
        here("1x1", State.PAUSED, held=True),
        rules=ONE,
    ),
    story(
        "one that another process downloads has its place", {}, here("1x1", State.DOWNLOADING, bytes_done=40), rules=ONE
    ),
    story("C68 one that failed is tried again", {"download 1x1": "failed: gave up"}, failed("1x1"), rules=ONE),
    story(
        "with patience",
        {"skip 1x1": "failed 2 times: gave up; tried again from 2026-11-20 13:00 UTC"},
        failed("1x1"),
        rules=ONE,
        tries=HOURS,
    ),
    story("that ends", {"download 1x1": ""}, failed("1x1"), rules=ONE, tries={"demo:1x1": tries(2, 2 * HOUR)}),
    story("and is a day at most", {"download 1x1": ""}, failed("1x1"), rules=ONE, tries={"demo:1x1": tries(400, DAY)}),
    story("also where it never began", {"skip 1x1": "failed 2 times"}, rules=ONE, tries=HOURS),
    story(
        "a clock that was set back prolongs nothing",
        {"download 1x1": ""},
        failed("1x1"),
        rules=ONE,
        tries={"demo:1x1": tries(9, -DAY)},
    ),
    story(
        "a limit waits for that alone",
        {"download 1x1": ""},
        rules=ONE,
        tries={"demo:1x1": tries(9, HOUR, "download-limit", 5)},
    ),
    story("what an outage fails keeps its place", {"skip 1x1": ""}, rules=ONE, tries={"demo:1x1": tries(9, HOUR)}),
    story(
        "what fails for itself leaves it to the next",
        {"skip 1x1": "", "download 1x2": ""},
        rules=ONE,
        tries={"demo:1x1": tries(3, HOUR, "unsupported", 9)},
    ),
    story("after some patience", {"skip 1x1": ""}, rules=ONE, tries={"demo:1x1": tries(2, HOUR, "unsupported", 9)}),
    story(
        "B33 what a person asked for goes on without a rule, and first",
        {"download film": "queued", "download 1x1": ""},
        queued("film", series=None, brought=False),
        rules=ONE,
    ),
    story(
        "what a person asked for and has no network stays in the queue",
        {"skip film": "cannot be read"},
        queued("film", series=None, brought=False, tracks=()),
        rules=(),
        unread={"demo": "away"},
    ),
    story("what no rule wants any more goes", {"remove 1x1": "not wanted any more"}, queued("1x1"), rules=()),
    story("but what a person paused", {}, here("1x1", State.PAUSED, held=True), rules=()),
    story(
        "A7 A19 a removal that was cut off is finished",
        {"remove 1x1": "its removal was cut off"},
        here("1x1", State.REMOVING),
        rules=(),
    ),
]


def room(left: int) -> Space:
    """So many bytes in all."""
    return Space(quota=left, free=10**9)


FILM: dict[str, Any] = {"series": None, "brought": False}
TWO = (replace(THREE, ahead=2),)
ROOM = [
    story("what fits comes", {"download 1x2": "2 of 2"}, here("1x1"), rules=TWO, space=room(200)),
    story(
        "what does not is left, with the figures",
        {"skip 1x2": "no room: about 100 B are to come, and 99 B can be had for it"},
        here("1x1"),
        rules=TWO,
        space=room(199),
    ),
    story(
        "how much too little is there, where more is to stay free than is",
        {"skip 1x1": "no room: 400 B more are used than may be"},
        rules=ONE,
        space=Space(free=100, keep_free=500),
    ),
    story(
        "C55 the disk counts as the quota does",
        {"skip 1x2": "no room"},
        here("1x1"),
        rules=TWO,
        space=Space(free=199, keep_free=100),
    ),
    story(
        "and none comes before the one that is next",
        {"skip 1x2": "no room", "skip 1x3": "no room for the one before it"},
        here("1x1"),
        queued("1x3", bytes_total=10),
        rules=(THREE,),
        space=room(150),
    ),
    story(
        "as many bytes as others of its length have",
        {"skip 1x2": "about 300 B"},
        here("1x1", duration=60.0),
        rules=TWO,
        offered=(SEASONS[0], offer("1x2", duration=180.0)),
        space=room(300),
    ),
    story("where nothing is known, the download itself looks", {"download 1x1": ""}, rules=ONE, space=room(1)),
    story(
        "of one that began, what is missing counts",
        {"download 1x1": ""},
        here("1x1", State.PAUSED, bytes_done=60),
        rules=ONE,
        space=room(100),
    ),
    story(
        "what another process downloads needs its room",
        {"skip 1x2": "no room"},
        here("1x1", State.DOWNLOADING, bytes_done=10),
        rules=TWO,
        space=room(150),
    ),
    story(
        "what goes anyway makes room",
        {"remove 1x1": "watched 2 days ago", "download 1x2": ""},
        watched("1x1"),
        rules=(replace(TIDY, ahead=1),),
        space=room(100),
    ),
    story(
        "B32 first what expired, then what was watched, then the lowest priority",
        {
            "remove old": "Expired 39 days ago; room for demo:1x1",
            "remove seen": "watched 2 days ago; room for demo:1x2",
            "remove n05": "priority -2; room for demo:1x3",
            "remove n04": "priority -1; room for demo:1x4",
            "download 1x1": "",
            "download 1x2": "",
            "download 1x3": "",
            "download 1x4": "",
        },
        here("n04", series=NEWS, priority=-1),
        here("n05", series=NEWS, priority=-2),
        here("n03", series=NEWS, priority=0),
        watched("seen", **FILM),
        here("old", EXPIRED, **FILM),
        rules=(replace(THREE, ahead=4), replace(NEWEST)),
        offered=SEASONS + DAYS,
        space=room(500),
    ),
    story(
        "C66 B32 never what is kept",
        {"skip 1x1": "0 B can be had"},
        watched("seen", **FILM, kept=True),
        rules=ONE,
        space=room(100),
    ),
    story(
        "never what is being watched",
        {"skip 1x1": ""},
        here("n05", EXPIRED, series=NEWS, position_seconds=5),
        rules=ONE,
        space=room(100),
    ),
    story(
        "never what is to be fetched again",
        {"download 1x1": "and unwatched", "skip n05": "no room"},
        here("1x1", EXPIRED),
        rules=(*REFETCH, replace(NEWEST, ahead=1, priority=1)),
        offered=SEASONS + DAYS,
        space=room(100),
    ),
    story(
        "but where its date is over, it goes and is not fetched",
        {"remove 1x1": "is over; room for demo:1x2", "download 1x2": ""},
        here("1x1", EXPIRED, until=NOW - DAY),
        rules=(replace(REFETCH[0], ahead=2),),
        space=room(150),
    ),
    story(
        "what goes anyway leaves its bytes to the disk",
        {"remove 1x1": "watched 2 days ago", "download 1x2": ""},
        watched("1x1"),
        rules=(replace(TIDY, ahead=1),),
        space=Space(),
    ),
    story("never what was just watched", {"skip 1x1": ""}, watched("seen", HOUR, **FILM), rules=ONE, space=room(100)),
    story(
        "never what a person got and did not watch", {"skip 1x1": ""}, here("film", **FILM), rules=ONE, space=room(100)
    ),
    story(
        "unless its date is over",
        {"remove film": "its date, 2026-11-19 12:00, is over", "download 1x1": ""},
        here("film", **FILM, until=NOW - DAY),
        rules=ONE,
        space=room(100),
    ),
    story("and not before", {"skip 1x1": ""}, here("film", **FILM, until=NOW + DAY), rules=ONE, space=room(100)),
    story(
        "nor when it is in use",
        {"skip 1x1": ""},
        here("film", **FILM, until=NOW - DAY, position_seconds=5),
        rules=ONE,
        space=room(100),
    ),
    story("a date alone removes nothing", {}, here("film", **FILM, until=NOW - DAY), rules=()),
    story(
        "over the number: of a series that is followed no more",
        {"remove n05": "not followed any more", "download 1x1": ""},
        here("n05", series=NEWS),
        here("n04", series=NEWS, added_at=NOW),
        rules=ONE,
        space=room(200),
    ),
    story(
        "over the number: beyond what the rule wants",
        {"remove 1x3": "over the number of its series", "download n05": ""},
        here("1x1"),
        here("1x3", added_at=NOW - 2 * HOUR),
        here("1x2"),
        rules=(replace(THREE, ahead=1), replace(NEWEST, ahead=1)),
        offered=SEASONS + DAYS,
        space=room(300),
    ),
    story(
        "B31 never the last of a series that is unwatched",
        {"skip 1x1": ""},
        here("n05", series=NEWS),
        rules=ONE,
        space=room(100),
    ),
    story(
        "nothing of the same priority",
        {"skip 1x1": ""},
        here("n05", series=NEWS),
        here("n04", series=NEWS),
        rules=(replace(THREE, ahead=1), replace(NEWEST, ahead=2)),
        offered=SEASONS + DAYS,
        space=room(200),
    ),
    story(
        "nothing goes where it would not be enough",
        {"skip 1x1": "about 500 B are to come, and 100 B can be had"},
        watched("seen", **FILM),
        queued("1x1", bytes_total=500),
        rules=ONE,
        space=room(100),
    ),
    story(
        "a quota that is passed is kept to, also where nothing comes",
        {"remove seen": "room under the quota"},
        watched("seen", **FILM),
        here("film", **FILM),
        rules=(),
        space=room(150),
    ),
    story(
        "even by what a rule wants",
        {"remove n04": "room under the quota"},
        here("n04", series=NEWS, added_at=NOW - DAY),
        here("n05", series=NEWS),
        rules=(replace(NEWEST, ahead=2),),
        offered=DAYS,
        space=room(150),
    ),
    story(
        "and that does not come back at once",
        {"skip n04": "no room"},
        here("n05", series=NEWS),
        rules=(replace(NEWEST, ahead=2),),
        offered=DAYS,
        space=room(150),
    ),
    story(
        "B32 of what is wanted less, the furthest from being watched goes first, however old",
        {"remove 1x3": "priority 0; room for demo:n05", "download n05": ""},
        here("1x1", added_at=NOW - 3 * HOUR),
        here("1x2", added_at=NOW - 2 * HOUR),
        here("1x3"),
        rules=(THREE, replace(NEWEST, ahead=1, priority=5)),
        offered=SEASONS + DAYS,
        space=room(300),
    ),
    story(
        "of news the oldest of its days",
        {"remove n04": "priority 0; room for demo:1x1", "download 1x1": ""},
        here("n05", series=NEWS, added_at=NOW - 2 * HOUR),
        here("n04", series=NEWS),
        rules=(replace(NEWEST, ahead=2), replace(THREE, ahead=1, priority=5)),
        offered=SEASONS + DAYS,
        space=room(200),
    ),
    story(
        "of a series that is followed no more the last of its numbers, and first what lies behind",
        {"remove 1x1": "not followed", "remove 1x4": "", "download n05": "", "download n04": ""},
        here("1x1"),
        watched("1x2", kept=True),
        here("1x3", added_at=NOW - 2 * HOUR),
        here("1x4"),
        rules=(replace(NEWEST, ahead=2),),
        offered=DAYS,
        space=room(400),
    ),
    story(
        "of what a rule wants no more than the quota asks for",
        {"remove 1x3": "room under the quota"},
        here("1x1"),
        here("1x2"),
        here("1x3"),
        space=Space(free=0, keep_free=250, quota=250),
    ),
    story(
        "what else fills the disk costs nothing that is wanted",
        {},
        here("n04", series=NEWS),
        here("n05", series=NEWS),
        rules=(replace(NEWEST, ahead=2),),
        offered=DAYS,
        space=Space(free=0, keep_free=50),
    ),
]


@pytest.mark.parametrize("told", [*WINDOW, *NEWS_FIRST, *AVAILABLE, *ENDED, *WATCHED, *ON_THE_WAY, *ROOM])
def test_what_is_decided(told: Story) -> None:
    actions = decide(told.shelf, told.rules, told.space, NOW)
    lines = sorted(told.told, key=lambda line: line.startswith("skip"))  # what is left is told last
    assert [f"{a.does} {a.title.removeprefix('demo:')}" for a in actions] == lines
    for action, line in zip(actions, lines, strict=True):
        assert action.reason
        assert told.told[line] in action.reason


@pytest.mark.parametrize("told", [*WINDOW, *NEWS_FIRST, *AVAILABLE, *ENDED, *WATCHED, *ON_THE_WAY, *ROOM])
def test_nothing_is_decided_twice(told: Story) -> None:
    """No title is fetched and removed, and none that is here and plays is fetched."""
    done = [a for a in decide(told.shelf, told.rules, told.space, NOW) if a.does != "skip"]
    assert len({a.title for a in done}) == len(done)
    assert not {a.title for a in done if a.does == "download"} & {s.id for s in told.stored if s.is_playable}


def test_what_is_new_is_asked_for_by_its_rule() -> None:
    rule = replace(THREE, ahead=1, priority=7, quality="high")
    [action] = decide(Shelf(offered=SEASONS), [rule], WIDE, NOW)
    assert (action.rule, action.priority, action.place, action.bytes) == (rule, 7, 1, 0)


def test_what_would_go_first_is_shown_in_order() -> None:
    shelf = Shelf(stored=(here("1x1"), watched("seen", **FILM), here("old", EXPIRED, **FILM), here("film", **FILM)))
    assert [one.title for one in goes_first(shelf, [THREE], NOW)] == ["demo:old", "demo:seen", "demo:1x1"]
