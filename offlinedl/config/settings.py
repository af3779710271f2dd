"""What may be set, and what each setting may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import partial
from typing import Any, NamedTuple

from offlinedl.frozen import frozen


@frozen
class Settings:
    """What `config.toml` says. `connections` in all, `per_host` of them at one server; `backoff` in seconds before the
    first retry, doubling; a fetch of which nothing comes for `stall_seconds` is tried again; `limit_rate` is a rate as
    people write it, `keep_free` a size: so much of the disk is left alone; `quota` one for all titles together.

    `player` plays where no other is named, None for the first that is found.

    `vault_key` is where the vault's key is: in a "file", or in the system's "keyring".

    Of `sync`: the hours `between` which it downloads ("01:00-06:00"); whether it waits where the network is metered,
    and whether it is, where that is known better than the machine knows it; the `battery` that is to be there ("wait",
    "ignore", "40%"); and the command that is to allow it.

    Limits: `manifest_bytes` of a manifest, a feed or an index, its `segments`, its `depth` as XML; `redirects` of one
    request. `cdm` has the command that starts the adapter of each DRM system.
    """

    quality: str = "standard"
    prefer_codecs: tuple[str, ...] = ()
    audio: tuple[str, ...] = ()
    subtitles: tuple[str, ...] = ()
    connections: int = 16
    per_host: int = 64
    stall_seconds: float = 30.0
    limit_rate: str | None = None
    proxy: str | None = None
    keep_free: str = "200MB"
    quota: str | None = None
    retries: int = 5
    backoff: float = 0.5
    manifest_bytes: int = 64 * 2**20
    segments: int = 2_000_000
    depth: int = 64
    redirects: int = 10
    vault_key: str = "file"
    player: str | None = None
    sync_between: str | None = None
    sync_metered: str = "wait"
    sync_is_metered: bool | None = None
    sync_battery: str = "ignore"
    sync_when: tuple[str, ...] = ()
    qualities: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    cdm: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


Check = Callable[[object], Any]
"""A value as it is kept, from one of TOML. ValueError with what it is not."""


def _number(value: object, low: float, high: float, kind: type = int) -> Any:
    kinds = (int, float) if kind is float else (int,)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        raise ValueError(f"not a number from {low} to {high}")
    return value


def _text(value: object) -> Any:
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004 - a wrong value, whatever its type
    return value


def _truth(value: object) -> Any:
    if not isinstance(value, bool):
        raise ValueError("not true or false")  # noqa: TRY004 - as above
    return value


def _one_of(value: object, words: Sequence[str]) -> Any:
    if value not in words:
        raise ValueError(f"not one of {', '.join(words)}")
    return value


def _texts(value: object) -> Any:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError("not a list of texts")
    return tuple(value)


def _command(value: object) -> Any:
    if not isinstance(value, list) or not value or not all(isinstance(word, str) and word for word in value):
        raise ValueError("not a list of texts, the program first")
    return tuple(value)


def _cap(value: object) -> Any:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError("not a positive whole number")
    return value


class _Setting(NamedTuple):
    """What a setting is called in Settings, and what it may be."""

    attribute: str
    check: Check


KNOWN: Mapping[str, _Setting] = {
    "download.quality": _Setting("quality", _text),
    "download.audio": _Setting("audio", _texts),
    "download.subtitles": _Setting("subtitles", _texts),
    "download.prefer_codecs": _Setting("prefer_codecs", _texts),
    "download.connections": _Setting("connections", partial(_number, low=1, high=64)),
    "download.per_host": _Setting("per_host", partial(_number, low=1, high=64)),
    "download.limit_rate": _Setting("limit_rate", _text),
    "download.proxy": _Setting("proxy", _text),
    "download.retries": _Setting("retries", partial(_number, low=0, high=100)),
    "download.backoff": _Setting("backoff", partial(_number, low=0, high=60, kind=float)),
    "download.stall_seconds": _Setting("stall_seconds", partial(_number, low=0.1, high=3600, kind=float)),
    "storage.keep_free": _Setting("keep_free", _text),
    "storage.quota": _Setting("quota", _text),
    "play.player": _Setting("player", partial(_one_of, words=("mpv", "vlc", "ffplay", "browser", "none"))),
    "sync.between": _Setting("sync_between", _text),
    "sync.metered": _Setting("sync_metered", partial(_one_of, words=("wait", "ignore"))),
    "sync.is_metered": _Setting("sync_is_metered", _truth),
    "sync.battery": _Setting("sync_battery", _text),
    "sync.when": _Setting("sync_when", _command),
    "vault.key": _Setting("vault_key", partial(_one_of, words=("file", "keyring"))),
    "limits.manifest_bytes": _Setting("manifest_bytes", partial(_number, low=1024, high=2**30)),
    "limits.segments": _Setting("segments", partial(_number, low=1, high=10**8)),
    "limits.depth": _Setting("depth", partial(_number, low=1, high=1000)),
    "limits.redirects": _Setting("redirects", partial(_number, low=0, high=50)),
}
SYSTEMS = ("widevine", "playready", "fairplay")
WITHIN: Mapping[str, Mapping[str, Check]] = {
    "quality": {"height": _cap, "bandwidth": _cap},
    "cdm": {"command": _command},
}
"""Tables of tables: what may be in each of those."""
TABLES = {name.partition(".")[0] for name in (*KNOWN, *WITHIN)}
