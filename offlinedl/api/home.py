"""One home, and its parts put together: the settings are read, and passed on as values."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from offlinedl import clock, config, endings, sizes
from offlinedl.catalog import Catalog
from offlinedl.config import Folders, Settings
from offlinedl.errors import UsageError
from offlinedl.frozen import frozen
from offlinedl.library import Library
from offlinedl.space import Space
from offlinedl.store import Store
from offlinedl.vault import LicenseStore, Vault

if TYPE_CHECKING:
    from offlinedl.actions.sync.gate import Gate
    from offlinedl.choose import Preferences
    from offlinedl.conditions import Conditions
    from offlinedl.engine import Engine
    from offlinedl.license import Licensing
    from offlinedl.license.adapter import Adapter
    from offlinedl.model import Wanted
    from offlinedl.rate import Bucket

VARIABLE = "OFFLINEDL_HOME"
"""Names the folder that holds everything, where nobody else does."""

LANGUAGES = {"audio": ("all",), "subtitles": ("all", "none")}
"""What may be said instead of languages."""

_FEWEST, _SHARE = 2, 250_000
"""Where a rate is kept, a connection for each such part of it will do: what is begun is ended before more is begun, and
kept when the download is stopped."""


@frozen
class Network:
    """What is asked of the network this time; None leaves it to the settings."""

    connections: int | None = None
    limit_rate: str | None = None
    proxy: str | None = None
    cookies: Path | None = None


@frozen
class Home:
    """Where one library is. `given` are the settings where they are not those of its `config.toml`; `license_store` is
    the application's, where it has one."""

    folders: Folders
    given: Settings | None = None
    license_store: LicenseStore | None = None

    @classmethod
    def at(cls, folder: Path | None, given: Settings | None = None, license_store: LicenseStore | None = None) -> Self:
        """The home in `folder`; without one in that which the environment names, else in the platform's own folders."""
        named = os.environ.get(VARIABLE)
        where = Path(named).expanduser() if folder is None and named else folder
        return cls(folders=config.folders(where), given=given, license_store=license_store)

    def settings(self) -> Settings:
        """What was set."""
        return config.settings(self.folders.config) if self.given is None else self.given

    def change(self, name: str, text: str | None) -> None:
        """Change a setting of its `config.toml`, or take it back; see config.settings.changed. What would not serve is
        refused, and nothing is changed."""
        with config.changed(self.folders.config, name, text) as file:
            then = replace(self, given=config.settings(file))
            then.wanted(then.preferences())
            then.space()
            then.conditions()
            then.bucket(Network())

    @contextmanager
    def said(self) -> Iterator[None]:
        """What turns out to be wrong in the settings is said with the name of their file."""
        try:
            yield
        except UsageError as error:
            said = error.message.replace("--quality", "download.quality")
            where = "" if self.given else f"{self.folders.config}: "
            raise UsageError(f"{where}{said}", error.hint) from error

    def keep_free(self) -> int:
        """Bytes of the disk that downloads leave alone."""
        said = self.settings().keep_free
        with self.said():
            return 0 if said.strip() == "0" else sizes.size(said, "storage.keep_free")

    def space(self) -> Space:
        """How much may lie here."""
        said = self.settings().quota
        with self.said():
            quota = None if said is None else sizes.size(said, "storage.quota")
        return Space(quota=quota, keep_free=self.keep_free())

    def conditions(self, between: str | None = None) -> Conditions:
        """When `sync` may download; `between` are other hours than those of the settings."""
        from offlinedl import conditions

        own = self.settings()
        hours = None if between is None else conditions.hours(between, "--between")
        with self.said():
            if between is None and own.sync_between is not None:
                hours = conditions.hours(own.sync_between, "sync.between")
            return conditions.Conditions(
                hours=hours,
                metered="ignore" if own.sync_metered == "ignore" else "wait",
                battery=conditions.battery(own.sync_battery, "sync.battery"),
                command=own.sync_when,
            )

    def gate(self, library: Library, between: str | None = None) -> Gate:
        """Whether `sync` may download."""
        from functools import partial

        from offlinedl import machine
        from offlinedl.actions.sync.gate import Gate

        wanted = self.conditions(between)
        return Gate(wanted, partial(machine.seen, wanted, self.settings().sync_is_metered), library.time)

    def vault(self) -> Vault:
        """Its vault. Where the key of that is to be is asked when the key is: most of what is done needs none."""
        return Vault(self.folders.vault, lambda: self.settings().vault_key == "keyring", self.license_store)

    @contextmanager
    def library(self, space: Space | None = None) -> Iterator[Library]:
        """Its library, open. Downloads keep to `space`. Whoever opens it looks at the clock, and after the licenses
        that are over."""
        catalog = Catalog(self.folders.catalog)
        store = Store(self.folders.titles)
        try:
            library = Library(catalog, store, self.vault(), clock.now, boot=clock.boot, space=space or Space())
            library.time.keep()
            endings.heed(library)
            try:
                yield library
            finally:
                library.time.keep()  # what was seen until now: of a first license, too
        finally:
            catalog.close()
            store.close()

    def preferences(self, *, hdr: bool = False) -> Preferences:
        """What is taken of renditions that are equal otherwise, and what the names of qualities mean."""
        from offlinedl import choose

        own = self.settings()
        named = {name: choose.Caps(**caps) for name, caps in own.qualities.items()}
        codecs = tuple((codec,) for codec in own.prefer_codecs) or (config.codecs_played(),)
        return choose.Preferences(qualities={**choose.QUALITIES, **named}, codecs=codecs, hdr=hdr)

    def wanted(self, preferences: Preferences) -> Wanted:
        """What is taken of a title where nobody says anything."""
        from offlinedl import languages
        from offlinedl.choose import spelled
        from offlinedl.model import Wanted

        own = self.settings()
        with self.said():
            return Wanted(
                quality=spelled(own.quality, preferences.qualities),
                audio=languages.asked(own.audio, "download.audio", LANGUAGES["audio"]),
                subtitles=languages.asked(own.subtitles, "download.subtitles", LANGUAGES["subtitles"]),
            )

    def bucket(self, network: Network) -> Bucket | None:
        """What holds connections to a rate, None where there is none."""
        from offlinedl.rate import Bucket

        rate = self._rate(network)
        return None if rate is None else Bucket(rate)

    @asynccontextmanager
    async def engine(self, network: Network, bucket: Bucket | None = None) -> AsyncIterator[Engine]:
        """A session with the network; `bucket` is one that it shares with others."""
        from offlinedl.engine import Engine
        from offlinedl.http import Http, proxies
        from offlinedl.http.exchange import LARGEST_PIECE
        from offlinedl.manifest.limits import Limits

        own, rate = self.settings(), self._rate(network)
        connections, bucket = network.connections or own.connections, bucket or self.bucket(network)
        if rate is not None:
            connections = min(connections, max(_FEWEST, rate // _SHARE))
        with self.said():
            proxy = None if own.proxy is None else proxies.check(own.proxy)
        async with Http(
            connections=connections,
            redirects=own.redirects,
            proxy=network.proxy or proxy,
            cookies=network.cookies,
            stall_seconds=own.stall_seconds,
            piece=LARGEST_PIECE if bucket is None else min(LARGEST_PIECE, bucket.piece),
        ) as http:
            yield Engine(
                http=http,
                connections=connections,
                per_host=own.per_host,
                retries=own.retries,
                backoff=own.backoff,
                stall_seconds=own.stall_seconds,
                bucket=bucket,
                limits=Limits(bytes=own.manifest_bytes, segments=own.segments, depth=own.depth),
            )

    @asynccontextmanager
    async def licensing(self, network: Network, bucket: Bucket | None = None) -> AsyncIterator[Licensing]:
        """The systems at hand, those with an adapter in the settings too, over a session with the network."""
        from offlinedl.license import Licensing

        async with self.engine(network, bucket) as session:
            yield Licensing(engine=session, adapters=_adapters(self.settings().cdm))

    def _rate(self, network: Network) -> int | None:
        if network.limit_rate is not None:
            return sizes.rate(network.limit_rate, "--limit-rate")
        own = self.settings().limit_rate
        with self.said():
            return None if own is None else sizes.rate(own, "download.limit_rate")


def _adapters(commands: Mapping[str, Sequence[str]]) -> Mapping[str, Adapter]:
    """Most people have none, and need nothing of what adapters speak."""
    if not commands:
        return {}
    from offlinedl.license.adapter import adapters

    return adapters(commands)
