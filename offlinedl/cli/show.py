"""show: one title in full."""

from __future__ import annotations

import json
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any

import typer

from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import clocked, document, say, size, styled
from offlinedl.errors import counted


def verb(
    ref: Annotated[str, typer.Argument(help="The title: its id, name or URL.")],
    json: Json = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Show one title in full: tracks, files, license, clocks, history."""
    from offlinedl.cli import shape, wiring

    with wiring.opened() as library:
        details = library.details(ref)
    whole = shape.stored(details)
    whole["history"] = [{"at": shape.moment(at), "event": event} for at, event in details.history]
    if json:
        document(whole)
    else:
        _in_words(whole)


def _in_words(title: dict[str, Any]) -> None:
    say(styled(title["name"], "bold") + f"  {title['id']}")
    if title["series"]:
        numbers = [f"{word} {title[word]}" for word in ("season", "episode") if title[word] is not None]
        say(", ".join([title["series"], *numbers]))
    say(f"{title['state']}: {title['message']}")
    say()
    say(f"  watched   {'yes' if title['watched'] else 'no'}")
    if title["position_seconds"]:
        say(f"  position  {clocked(title['position_seconds'])}")
    if title["kept"]:
        say("  kept      yes: it never goes to make room")
    _license_in_words(title["license"], title["policy"])
    say(f"  folder    {title['folder']}")
    for track in title["tracks"]:
        done = sum(file["bytes"] or 0 for file in track["files"])
        detail = f"{track['height']}p" if track["height"] else track["language"] or ""
        files = f"{counted(len(track['files']), 'file')}, {size(done)}"
        say(f"  {track['kind']:<9} {detail:<6} {track['codecs']:<12} {files:<20} {track['why']}".rstrip())
    say()
    for said, events in groupby(title["history"], key=itemgetter("event")):
        first, *more = (event["at"] for event in events)
        say(f"  {more[-1]}  {said}, {len(more) + 1} times since {first}" if more else f"  {first}  {said}")


def _license_in_words(license: dict[str, Any] | None, policy: dict[str, Any] | None) -> None:
    if license is None:
        say("  license   none needed, no window")
        return
    say(f"  license   {license['system'] or 'none needed'}, issued {license['issued_at']}")
    played = license["first_played_at"]
    say(f"  storage   {_limit(license, 'storage', 'from issue')}")
    began = f"; first played {played}" if played else ""
    say(f"  playback  {_limit(license, 'playback', 'from first play')}{began}")
    if license["expires_at"]:
        softly = _softly(license, "license") if license["window"] == "license" else ""
        say(f"  expires   {license['expires_at']}, by {_CLOCKS[license['window']]}{softly}")
    elif "license" in license["unknown"]:
        say(f"  expires   {_UNKNOWN}")
    for name, value in (policy or {}).items():
        say(f"  policy    {name}: {value if isinstance(value, str) else json.dumps(value)}")


_UNKNOWN = "its license does not tell"
_CLOCKS = {"storage": "the storage window", "playback": "the playback window", "license": "its own end"}


def _limit(license: dict[str, Any], clock: str, since: str) -> str:
    """A window: unknown, none and finite are three different things."""
    seconds, is_unknown = license[f"{clock}_seconds"], clock in license["unknown"]
    if seconds is None:
        return _UNKNOWN if is_unknown else "no limit"
    window = f"{_window(seconds)} {since}{_softly(license, clock)}"
    return f"{_UNKNOWN}; at most {window}" if is_unknown else window


def _softly(license: dict[str, Any], clock: str) -> str:
    return " (what plays then may play to its end)" if clock in license["soft"] else ""


def _window(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    if rest:
        return f"{seconds} seconds"
    if hours >= 48 and hours % 24 == 0:
        return f"{hours // 24} days"
    return f"{hours} hour{'' if hours == 1 else 's'}"
