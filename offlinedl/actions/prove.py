"""prove: the license opens the stored media of a title, or it is said what does not hold."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from functools import partial

from offlinedl import decoder
from offlinedl.aside import aside
from offlinedl.errors import DamagedError
from offlinedl.library import Library
from offlinedl.license import proof
from offlinedl.license.heads import Identity
from offlinedl.model import Entry, Held
from offlinedl.streams import Plan

_STEPS_SECONDS = 0.1


class WrongKeyError(DamagedError):
    """A key of the license does not open what it should."""

    default_code = "license-wrong-key"

    def __init__(self, fault: proof.Fault) -> None:
        super().__init__(
            f"the key for KID {fault.kid.hex()} does not open {fault.fetch.path}: {fault.reason}",
            "the license server sent a wrong key: tell the service. The next run asks again, and keeps the media",
        )


class TornFilesError(DamagedError):
    """The files that the `faults` name (`fetches`) are damaged; nothing is wrong with the license."""

    def __init__(self, faults: Sequence[proof.Fault]) -> None:
        first = faults[0]
        super().__init__(f"{first.fetch.path} is damaged: {first.reason}", "run it again: only that is fetched")
        self.faults = faults
        self.fetches = [fault.fetch for fault in faults]


async def prove(
    plan: Plan, library: Library, entry: Entry, held: Held | None, formed: Collection[Identity] = ()
) -> None:
    """The files of `plan` open with the keys of `held`; what an adapter has is left to that; the form of those
    that are `formed` was looked at as they came. Raises WrongKeyError,
    TornFilesError, PausedError, and as proof.prove."""
    keys = {key.kid: key.key for key in held.keys} if held else {}
    sealed = held.license.kids if held and held.handle is not None else ()
    steps = proof.prove(plan, library.reading(entry), keys, sealed, formed)
    faults: list[proof.Fault] = []
    with decoder.running():
        while (some := await aside(partial(_a_while, steps))) is not None:  # so that it may be cancelled
            faults += some
            library.heed_pause(entry)
    library.heed_pause(entry)
    wrong = next((fault for fault in faults if fault.wrong_key), None)
    if wrong is not None:
        raise WrongKeyError(wrong)
    if faults:
        raise TornFilesError(faults)


def _a_while(steps: Iterator[proof.Fault | None]) -> list[proof.Fault] | None:
    """The faults that the next steps find, None when there are no more steps."""
    until = time.monotonic() + _STEPS_SECONDS
    found: list[proof.Fault] = []
    for step in steps:
        found += [step] if step else []
        if time.monotonic() > until:
            return found
    return found or None
