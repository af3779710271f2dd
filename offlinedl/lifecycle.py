"""Which state may follow which: a table."""

from __future__ import annotations

from offlinedl.errors import OfflinedlError
from offlinedl.model import State

FOLLOWERS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.DOWNLOADING, State.PAUSED, State.FAILED, State.REMOVING}),
    State.DOWNLOADING: frozenset({State.QUEUED, State.READY, State.PAUSED, State.FAILED, State.REMOVING}),
    State.PAUSED: frozenset({State.QUEUED, State.DOWNLOADING, State.FAILED, State.REMOVING}),
    State.FAILED: frozenset({State.QUEUED, State.DOWNLOADING, State.PAUSED, State.REMOVING}),
    State.READY: frozenset({State.QUEUED, State.DOWNLOADING, State.FAILED, State.REMOVING}),
    State.REMOVING: frozenset(),
}
"""From a stored state to those that may follow it. A title that is being removed has no way back but a new `get`."""


def check(current: State, following: State) -> None:
    """Raise where `following` may not come after `current`. Staying is always allowed."""
    if following is not current and following not in FOLLOWERS[current]:
        raise OfflinedlError(f"a title cannot go from {current} to {following}")
