"""Players: real ones that play, and programs in their place that fail."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from offlinedl.errors import UnsupportedError, UsageError
from offlinedl.playback import MASTER, Part, Text
from offlinedl.playback.players import choose, named
from offlinedl.playback.players.edl import edl
from offlinedl.playback.players.show import Show, subtitle
from tests.conftest import Offlinedl
from tests.origin import Origin

_NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override"
_AS_NOBODY = f"""#!/bin/sh
export HOME={{0}} XDG_RUNTIME_DIR={{0}}
exec {_NOBODY} \\
    /usr/bin/vlc --vout=dummy --aout=dummy "$@"
"""

GONE_SECONDS = 5
"""It is promised within one, and keeps that where the machine is not busy with other things."""


class Nothing:
    """A presentation without any part."""

    duration = 12.0
    texts: tuple[Text, ...] = ()

    def part(self, path: str) -> Part | None:
        return None


def program(folder: Path, name: str, text: str) -> str:
    """A program of that name."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)
    return str(folder / name)


async def _until(name: str, path: str, show: Show, place: float) -> tuple[list[float], float]:
    """Plays until `place`, then cancels. Where it was, and how long it took to be gone."""
    places: list[float] = []
    there = asyncio.Event()

    def at(seconds: float) -> None:
        places.append(seconds)
        if seconds >= place:
            there.set()

    playing = asyncio.ensure_future(named(name).play(path, show, at))
    reached = asyncio.ensure_future(there.wait())
    await asyncio.wait({playing, reached}, return_when=asyncio.FIRST_COMPLETED)
    reached.cancel()
    began = time.monotonic()
    playing.cancel()
    [result] = await asyncio.gather(playing, return_exceptions=True)
    assert isinstance(result, asyncio.CancelledError), result
    return places, time.monotonic() - began


def _open_to_all(folder: Path) -> None:
    for one in (folder, *folder.parents):
        if not (mode := one.stat().st_mode) & stat.S_IXOTH:
            one.chmod(mode | stat.S_IXOTH)


@pytest.fixture
def show(origin: Origin) -> Show:
    """A clear title, from its middle."""
    address = f"{origin.url}/titles/lighthouse/master.m3u8"
    return Show(name="The Lighthouse", address=address, presentation=Nothing(), start=6.0)


def test_vlc_plays_and_is_stopped(show: Show, tmp_path: Path) -> None:
    """It refuses root, so that it runs as nobody here."""
    path = (
        program(tmp_path / "bin", "vlc", _AS_NOBODY.format(tmp_path / "bin")) if os.geteuid() == 0 else choose("vlc")[1]
    )
    (tmp_path / "bin").chmod(0o777)
    _open_to_all(tmp_path)
    places, seconds = asyncio.run(_until("vlc", path, show, 7.0))
    assert places[-1] >= 7
    assert seconds < GONE_SECONDS


def test_vlc_plays_to_the_end_for_anybody_but_root(
    demo: Offlinedl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal, and where it has no windows of its own."""
    demo.ok("get", "demo:lighthouse")
    program(tmp_path / "bin", "vlc", '#!/bin/sh\nexec /usr/bin/cvlc --vout=dummy --aout=dummy "$@"\n')
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path / "bin"))
    command = [sys.executable, "-m", "offlinedl", "play", "demo:lighthouse", "--player", "vlc", "--from", "9"]
    if os.geteuid() == 0:
        _open_to_all(tmp_path)
        command = [*_NOBODY.split(), *command]
        for path in (tmp_path, *tmp_path.rglob("*")):
            os.chown(path, 65534, 65534)
    played = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (played.returncode, "The Lighthouse: playing." in played.stdout) == (0, True), played
    if os.geteuid() == 0:
        refused = demo("play", "demo:lighthouse", "--player", "vlc")
        assert (refused.code, refused.err.splitlines()[0]) == (2, "error: VLC does not run as root")
        [vlc] = [found for found in demo.ok("doctor", "--json").json if found["what"] == "vlc"]
        assert (vlc["state"], "does not run as root" in vlc["detail"]) == ("absent", True)


def test_ffplay_plays_and_is_stopped(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER"):
        monkeypatch.setenv(name, "dummy")
    places, seconds = asyncio.run(_until("ffplay", choose("ffplay")[1], show, 1.0))
    assert (places[0] < 1, seconds < GONE_SECONDS) == (True, True)  # from its beginning: see there


@pytest.mark.parametrize("name", ["mpv", "ffplay", "vlc"])
def test_what_cannot_be_played_is_said(
    name: str, show: Show, offlinedl: Offlinedl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the player's own words, without the address."""
    for driver in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER"):
        monkeypatch.setenv(driver, "dummy")
    lacking = Show(name="x", address=show.address.replace("lighthouse", "t0k3n"), presentation=Nothing())
    path = f"/usr/bin/{name}"
    with pytest.raises(UnsupportedError) as failed:
        asyncio.run(named(name).play(path, lacking, lambda _: None))
    assert (failed.value.code, failed.value.exit_code) == ("player-failed", 9)
    assert len(failed.value.message) > 20
    assert "t0k3n" not in failed.value.message


def test_a_player_that_dies_is_named_with_its_last_words(
    demo: Offlinedl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "mpv", "#!/bin/sh\necho first >&2\necho no screen >&2\nexit 3\n")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    demo.ok("get", "demo:harbour-1")
    refused = demo("play", "demo:harbour-1")
    assert (refused.code, refused.err.splitlines()[1]) == (9, "error: mpv ended with code 3: first: no screen")
    assert demo.listed()[0]["license"]["first_played_at"] is None


def test_a_player_that_hears_nothing_is_killed(show: Show, tmp_path: Path) -> None:
    """And what it has started."""
    text = f"#!/bin/sh\ntrap '' TERM\nsleep 1000 & echo $! > {tmp_path}/pid\necho '1.00 A-V:'\nwait\nwait\n"
    _, seconds = asyncio.run(_until("ffplay", program(tmp_path, "ffplay", text), show, 1.0))
    assert seconds < GONE_SECONDS
    gone = subprocess.run(
        ["ps", "-o", "stat=", "-p", (tmp_path / "pid").read_text().strip()], capture_output=True, check=False
    )
    assert gone.stdout.strip() in {b"", b"Z"}


CHOICES = [
    pytest.param(None, ("mpv", "vlc", "ffplay"), "mpv", id="the first that is there"),
    pytest.param(None, ("ffplay",), "ffplay", id="the only one"),
    pytest.param(None, (), "browser", id="none is there"),
    pytest.param("ffplay", ("mpv", "ffplay"), "ffplay", id="the one that is named"),
    pytest.param("none", ("mpv",), "none", id="none"),
    pytest.param("browser", ("mpv",), "browser", id="browser"),
    pytest.param("ffplay", ("mpv",), "--player ffplay: not found", id="not there"),
    pytest.param("winamp", ("mpv",), "--player winamp: no such player", id="unknown"),
]


@pytest.mark.parametrize(("name", "there", "chosen"), CHOICES)
def test_the_player_is_chosen(
    name: str | None, there: tuple[str, ...], chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in there:
        program(tmp_path, one, "#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    if chosen.startswith("--"):
        with pytest.raises(UsageError, match=chosen):
            choose(name)
    else:
        assert choose(name)[0] == chosen


TEXTS = (
    Text(path="a", language="en", name="English"),
    Text(path="b", language="fr-CA", name="Signs", forced=True),
    Text(path="c", language="fr-CA", name="French"),
)
SHOWN = [
    pytest.param((), 1, id="forced ones where nothing is asked for"),
    pytest.param(("en",), 0, id="by language"),
    pytest.param(("de", "fr"), 1, id="the first that is there"),
    pytest.param(("none",), None, id="none"),
    pytest.param(("de",), None, id="not there"),
]


@pytest.mark.parametrize(("asked", "shown"), SHOWN)
def test_the_subtitles_that_are_shown(asked: tuple[str, ...], shown: int | None) -> None:
    assert subtitle(TEXTS, asked) == shown


def test_mpv_reads_what_is_not_in_fragments_as_hls() -> None:
    assert edl(Nothing(), f"http://127.0.0.1:1/t/{MASTER}") is None
