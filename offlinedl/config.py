"""Where things are, and what the person set: the platform's folders (or OFFLINEDL_HOME) and `config.toml`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from offlinedl.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The files of one library. Their names do not collide where a platform has one folder for all."""

    config: Path
    catalog: Path
    vault: Path
    titles: Path


@dataclass(frozen=True, slots=True, kw_only=True)
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


_NUMBERS: Mapping[str, tuple[float, float]] = {
    "connections": (1, 64),
    "per_host": (1, 64),
    "retries": (0, 100),
    "backoff": (0, 60),
    "stall_seconds": (0.1, 3600),
}
BROWSERS = ("chromium", "google-chrome", "firefox")
PLAYERS: Mapping[str, tuple[str, ...]] = {
    "mpv": ("mpv",), "vlc": ("vlc", "cvlc"), "ffplay": ("ffplay",), "browser": BROWSERS,
}  # fmt: skip
"""What each player may be called. Of players and of names, the first that is there is taken."""
_LIMITS: Mapping[str, tuple[float, float]] = {
    "manifest_bytes": (1024, 2**30),
    "segments": (1, 10**8),
    "depth": (1, 1000),
    "redirects": (0, 50),
}
_TEXTS = {"quality", "limit_rate", "proxy"}
_STORAGE = {"keep_free", "quota"}
_SYSTEMS = ("widevine", "playready", "fairplay")
_VAULT = {"key": ("file", "keyring")}
_PLAY = {"player": (*PLAYERS, "none")}
_LISTS = {"audio", "subtitles", "prefer_codecs"}


def folders(home: Path | None) -> Folders:
    """Everything under `home` where one is given, else in the platform's own folders."""
    if home is not None:
        return Folders(
            config=home / "config.toml", catalog=home / "catalog.db", vault=home / "vault", titles=home / "titles"
        )
    import platformdirs

    config = platformdirs.user_config_path("offlinedl")
    data = platformdirs.user_data_path("offlinedl")
    return Folders(
        config=config / "config.toml", catalog=data / "catalog.db", vault=data / "vault", titles=data / "titles"
    )


def settings(path: Path) -> Settings:
    """The settings of a file; one that is not there says nothing. What is wrong is named with its place."""
    import tomllib

    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}", "correct the file") from error
    for name in values:
        if name not in {"cdm", "download", "limits", "play", "quality", "storage", "sync", "vault"}:
            raise _wrong(path, name, "no such table")
    known = {
        "download": _NUMBERS.keys() | _TEXTS | _LISTS,
        "limits": _LIMITS.keys(),
        "storage": _STORAGE,
        "vault": _VAULT.keys(),
        "play": _PLAY.keys(),
        "sync": _SYNC.keys(),
    }
    tables = {table: _table(path, values, table) for table in known}
    download, limits, storage, vault, play, sync = tables.values()
    for table, given in tables.items():
        for name in given:
            if name not in known[table]:
                raise _wrong(path, f"{table}.{name}", "no such setting")
    return Settings(
        **{
            name: _number(path, f"download.{name}", download[name], _NUMBERS[name])
            for name in _NUMBERS
            if name in download
        },
        **{name: _number(path, f"limits.{name}", limits[name], _LIMITS[name]) for name in _LIMITS if name in limits},
        **{name: _text(path, f"download.{name}", download[name]) for name in _TEXTS if name in download},
        **{name: _text(path, f"storage.{name}", storage[name]) for name in _STORAGE if name in storage},
        **{f"vault_{name}": _one_of(path, f"vault.{name}", vault[name], _VAULT[name]) for name in vault},
        **{name: _one_of(path, f"play.{name}", play[name], _PLAY[name]) for name in play},
        **{f"sync_{name}": _SYNC[name](path, f"sync.{name}", sync[name]) for name in sync},
        **{name: _list(path, name, download[name]) for name in _LISTS if name in download},
        qualities=_qualities(path, _table(path, values, "quality")),
        cdm=_commands(path, _table(path, values, "cdm")),
    )


def _qualities(path: Path, table: Mapping[str, Any]) -> Mapping[str, Mapping[str, int]]:
    """`[quality.NAME]` with `height` in pixels and `bandwidth` in bits per second."""
    for name, caps in table.items():
        if not isinstance(caps, dict) or not caps.keys() <= {"height", "bandwidth"}:
            raise _wrong(path, f"quality.{name}", "takes height and bandwidth")
        for cap, value in caps.items():
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
                raise _wrong(path, f"quality.{name}.{cap}", "not a positive whole number")
    return table


def _commands(path: Path, table: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """`[cdm.NAME]` with the `command` that starts an adapter: a program and its arguments, as they are."""
    for name, own in table.items():
        if name not in _SYSTEMS:
            raise _wrong(path, f"cdm.{name}", f"no such system; adapters are for {', '.join(_SYSTEMS)}")
        if not isinstance(own, dict) or own.keys() != {"command"}:
            raise _wrong(path, f"cdm.{name}", "takes command")
    return {name: _command(path, f"cdm.{name}.command", own["command"]) for name, own in table.items()}


def _command(path: Path, name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(word, str) and word for word in value):
        raise _wrong(path, name, "not a list of texts, the program first")
    return tuple(value)


def _table(path: Path, values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = values.get(name, {})
    if not isinstance(table, dict):
        raise _wrong(path, name, "not a table")
    return table


def _number(path: Path, name: str, value: object, bounds: tuple[float, float]) -> Any:
    low, high = bounds
    kinds = (int, float) if name in {"download.backoff", "download.stall_seconds"} else (int,)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        raise _wrong(path, name, f"not a number from {low} to {high}")
    return value


def _text(path: Path, name: str, value: object) -> Any:
    if not isinstance(value, str):
        raise _wrong(path, name, "not a text")
    return value


def _truth(path: Path, name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(path, name, "not true or false")
    return value


def _one_of(path: Path, name: str, value: object, words: tuple[str, ...]) -> Any:
    if value not in words:
        raise _wrong(path, name, f"not one of {', '.join(words)}")
    return value


def _list(path: Path, name: str, value: object) -> Any:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise _wrong(path, f"download.{name}", "not a list of texts")
    return tuple(value)


_SYNC: Mapping[str, Callable[[Path, str, object], Any]] = {
    "between": _text,
    "metered": partial(_one_of, words=("wait", "ignore")),
    "is_metered": _truth,
    "battery": _text,
    "when": _command,
}


def _wrong(path: Path, name: str, what: str) -> UsageError:
    return UsageError(f"{path}: {name}: {what}", "correct the file")


def program(names: Sequence[str]) -> str | None:
    """The path of the first of these programs that this machine has."""
    return next(filter(None, map(shutil.which, names)), None)


def codecs_played() -> tuple[str, ...]:
    """The families of video codecs that the players found on this machine play; all that any does where none is found.

    mpv, VLC and ffplay bring FFmpeg and play all four; browsers on Linux play no HEVC.
    """
    if not any(map(shutil.which, ("mpv", "vlc", "cvlc", "ffplay"))) and any(map(shutil.which, BROWSERS)):
        return ("avc", "av1", "vp9")
    return ("avc", "hevc", "av1", "vp9")
