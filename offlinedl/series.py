"""The words of smart downloads: series that are followed, and what is known of titles that lie here or did so once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from offlinedl.added import Offer
from offlinedl.frozen import frozen
from offlinedl.model import Entry, Series, State

Why = Literal["removed", "watched", "expired", "passed"]
"""Why a title is gone: a person removed it, or a rule did, because it was watched, had expired, or newer ones came."""

Trouble: TypeAlias = tuple[str, str, str, str]
"""What did not succeed in a run: what it was, with which title or source, whether that is a failure or a warning, and
the code of the error."""

GRACE = timedelta(hours=24)
"""How long what was watched stays, where nobody says it otherwise."""


@frozen
class Following:
    """What a person wants of a series: the next `ahead` episodes that are unwatched, from `begin` on (season, episode);
    with `newest` the newest ones. Watched ones stay for `grace`. None leaves a choice to the settings."""

    series: Series
    ahead: int = 3
    delete_watched: bool = False
    grace: timedelta = GRACE
    refetch_expired: bool = False
    newest: bool = False
    begin: tuple[int, int] | None = None
    priority: int = 0
    quality: str | None = None
    audio: tuple[str, ...] | None = None
    subtitles: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.ahead < 1 or self.grace < timedelta(0):
            raise ValueError("who follows a series wants an episode at least, and no grace that ends before it begins")


@frozen
class Standing:
    """What was decided about a title that is here, and what rules look at beside: smart downloads `brought` it, or a
    person did; a person who paused it has it `held`; after `until` it may go first."""

    added_at: datetime
    brought: bool = False
    held: bool = False
    priority: int = 0
    watched_at: datetime | None = None
    until: datetime | None = None
    special: bool = False
    published: datetime | None = None
    duration: float = 0.0


@frozen
class Stored:
    """A title that is here. It is `over` where it expired and nothing speaks against the clock, and `played` where
    somebody watches it at this moment."""

    entry: Entry
    standing: Standing
    over: bool = False
    played: bool = False

    @property
    def id(self) -> str:
        """Of the title."""
        return self.entry.id

    @property
    def is_playable(self) -> bool:
        """Does it play, as far as is known?"""
        return self.entry.state in {State.READY, State.CLOCK_SUSPECT}

    @property
    def is_under_way(self) -> bool:
        """Is something of it still to be downloaded?"""
        return self.entry.state in {State.QUEUED, State.DOWNLOADING, State.PAUSED, State.FAILED}

    @property
    def is_begun(self) -> bool:
        """Is somebody in the middle of it?"""
        return self.entry.position_seconds > 0 and not self.entry.watched

    @property
    def to_come(self) -> int:
        """Bytes that are missing, as far as is known."""
        return max(0, self.entry.bytes_total - self.entry.bytes_done) if self.is_under_way else 0


@frozen
class Gone:
    """A title that is here no more, as it was offered. What was `watched` is remembered: the next one comes after."""

    offer: Offer
    why: Why
    at: datetime
    watched: bool = False


@frozen
class Tries:
    """How often the download of a title failed in a row, when last, and how that ended."""

    count: int
    last_at: datetime
    code: str
    exit_code: int
    message: str


@frozen
class Shelf:
    """All titles that rules look at: what is here, what sources offer of followed series, what is gone of these, and
    what failed, by its id. `unread` are sources that could not be read, by name, and why."""

    stored: tuple[Stored, ...] = ()
    offered: tuple[Offer, ...] = ()
    gone: tuple[Gone, ...] = ()
    tries: Mapping[str, Tries] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)


@frozen
class Run:
    """What a run of `sync` did: how often what, why nothing was downloaded where that waited, and what failed: of each
    the title or source, and what was said; `troubles` are all that was told of as wrong. Without an end it is at work
    or was killed, without an exit code it was stopped."""

    began_at: datetime
    ended_at: datetime | None = None
    exit_code: int | None = None
    done: Mapping[str, int] = field(default_factory=dict)
    waits: str = ""
    failures: tuple[tuple[str, str], ...] = ()
    troubles: frozenset[Trouble] = frozenset()
