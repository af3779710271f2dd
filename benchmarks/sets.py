"""What is downloaded, by whom, from where to where, and what is promised about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from content import Content
from peers import COMMANDS

EVERY = tuple(COMMANDS)
FAST = ("offlinedl", "aria2c", "curl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """offlinedl's median of `figure` is at most `limit` times that of `peer`, or at most `limit`."""

    figure: str
    limit: float
    peer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """`tools` download `content` over loopback to memory; or to a `disk`, over `tls`, over a slow link with `loss`."""

    what: str
    content: Content
    tools: Sequence[str]
    promises: Sequence[Promise] = ()
    disk: bool = False
    tls: bool = False
    loss: float | None = None


_SMALL_MEMORY = Promise(figure="peak", limit=80e6)
_FULL_RATE = (Promise(figure="wall", peer="aria2c", limit=1 / 0.97), _SMALL_MEMORY)  # 0.97 of its bytes a second

BIG = Content(folder="big", count=400, size=2_500_000)
SMALL = Content(folder="small", count=10_000, size=50_000)
_EPISODE = Content(folder="episode", count=120, size=2_625_000)
_SMALL_EPISODE = Content(folder="small-episode", count=3000, size=51_000)
"""So long that a rate tells more than a start."""

SETS = {
    "big": Set(
        what="400 x 2.5 MB",
        content=BIG,
        tools=EVERY,
        promises=(
            Promise(figure="wall", peer="aria2c", limit=0.95),
            Promise(figure="wall", peer="curl", limit=1.6),
            Promise(figure="cpu", peer="aria2c", limit=1.0),
            _SMALL_MEMORY,
        ),
    ),
    "small": Set(
        what="10,000 x 50 KB",
        content=SMALL,
        tools=EVERY,
        promises=(
            Promise(figure="wall", peer="aria2c", limit=0.9),
            Promise(figure="wall", peer="curl", limit=2.3),
            Promise(figure="wall", peer="yt-dlp", limit=0.06),
            _SMALL_MEMORY,
        ),
    ),
    "big-disk": Set(
        what="400 x 2.5 MB, to the disk",
        content=BIG,
        tools=EVERY,
        promises=(
            Promise(figure="wall", peer="aria2c", limit=0.6),
            Promise(figure="wall", peer="curl", limit=1.6),
            _SMALL_MEMORY,
        ),
        disk=True,
    ),
    "small-disk": Set(
        what="10,000 x 50 KB, to the disk", content=SMALL, tools=FAST, promises=(_SMALL_MEMORY,), disk=True
    ),
    "aes-128": Set(
        what="400 x 1 MB, AES-128 with an IV each (offlinedl proves the key and stores as it came)",
        content=Content(folder="sealed", count=400, size=1_000_000, sealed=True),
        tools=("offlinedl", "yt-dlp", "streamlink"),
        promises=(_SMALL_MEMORY,),
    ),
    "big-tls": Set(
        what="400 x 2.5 MB, over TLS",
        content=BIG,
        tools=EVERY,
        promises=(Promise(figure="wall", peer="aria2c", limit=1.05), _SMALL_MEMORY),
        tls=True,
    ),
    "small-tls": Set(
        what="10,000 x 50 KB, over TLS",
        content=SMALL,
        tools=FAST,
        promises=(Promise(figure="wall", peer="aria2c", limit=0.95), _SMALL_MEMORY),
        tls=True,
    ),
    "link-big": Set(
        what="120 x 2.6 MB, 100 Mbit/s, 50 ms", content=_EPISODE, tools=EVERY, promises=_FULL_RATE, loss=0.0
    ),
    "link-big-loss": Set(
        what="120 x 2.6 MB, 100 Mbit/s, 50 ms, 1 % lost", content=_EPISODE, tools=EVERY, promises=_FULL_RATE, loss=0.01
    ),
    "link-small": Set(
        what="3,000 x 51 KB, 100 Mbit/s, 50 ms", content=_SMALL_EPISODE, tools=EVERY, promises=_FULL_RATE, loss=0.0
    ),
    "link-small-loss": Set(
        what="3,000 x 51 KB, 100 Mbit/s, 50 ms, 1 % lost",
        content=_SMALL_EPISODE,
        tools=EVERY,
        promises=_FULL_RATE,
        loss=0.01,
    ),
    "many": Set(
        what="100,000 x 1.5 KB",
        content=Content(folder="many", count=100_000, size=1504),
        tools=("offlinedl",),
        promises=(Promise(figure="peak", limit=200e6),),
    ),
}
"""By name, in the order in which they run."""
