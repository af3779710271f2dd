"""A DRM system whose cryptography is in an adapter, a program of a device maker's: its licenses are handles.

offlinedl carries the messages between the adapter and the license server, keeps the handle, and reads what the license
says in the clear. No key of such a system is ever seen here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from offlinedl import expiry
from offlinedl.engine import Engine
from offlinedl.errors import RefusedError, UnsupportedError, shown
from offlinedl.frozen import frozen
from offlinedl.http import Headers, Http, origin
from offlinedl.license import cdm, fairplay, playready, replies, widevine
from offlinedl.license.cdm import Exchange
from offlinedl.license.dialect import Dialect, Stated
from offlinedl.license.need import Grant, Need
from offlinedl.license.replies import Challenge, Opened, text
from offlinedl.model import Held, Windows
from offlinedl.owed import Destruction
from offlinedl.protection import LicenseServer

DIALECTS: Mapping[str, Dialect] = {d.name: d for d in (widevine.DIALECT, playready.DIALECT, fairplay.DIALECT)}
_ROUNDS = 4
"""A device may have to be made known, and the service's certificate be asked for, before a license is."""
_STOP_SECONDS = 0.4
"""How long a player has to end when its input does, and then at SIGTERM: it is gone within a second of a deadline."""


@frozen
class Adapter:
    """The adapter of one system. `command` starts it; it has `seconds` for each answer."""

    dialect: Dialect
    command: tuple[str, ...]
    seconds: float = cdm.ANSWER_SECONDS

    async def acquire(
        self, engine: Engine, server: LicenseServer, need: Need, now: datetime, held: Held | None = None
    ) -> Grant:
        """One license for all of `need`, or the renewal of the one that is `held`: one exchange with the license
        server, beside what the system itself needs before. `load` is to prove it."""
        init_data = server.init_data or need.init_data.get(self.dialect.system_id, b"")
        if server.url is None:
            server = replace(server, url=self.dialect.license_url(init_data))
        opened = Opened(handle=held.handle if held else None)
        stated, date = Stated(), None
        fixed: dict[str, object] = {"purpose": "renew" if held else "acquire", "kids": [text(kid) for kid in need.kids]}
        async with self._greeted() as exchange:
            if server.certificate_url is not None:
                fixed["certificate"] = text((await engine.get(server.certificate_url)).body)
            for part in self.dialect.parts(init_data):
                fixed["init_data"] = text(part)
                opened, license, date = await self._granted(exchange, engine.http, server, fixed, opened)
                stated = self.dialect.stated(license, date or now)
        return replace(self._grant(opened, stated, need, date or now), date=date)

    async def release(self, http: Http, server: LicenseServer, owed: Destruction) -> None:
        """Returns when the server has answered, and the adapter has forgotten the license."""
        if owed.handle is None:
            return
        handle, kids = text(owed.handle), [text(kid) for kid in owed.license.kids]
        async with self._greeted() as exchange:
            result = await exchange.call(
                "challenge", purpose="release", init_data=text(server.init_data), kids=kids, handle=handle
            )
            answer, _ = await self._post(http, server, replies.challenge(exchange, result))
            await exchange.call("acknowledge", handle=handle, response=text(answer))

    async def load(self, held: Held, now: datetime) -> Held:
        """The proof, in a process of its own: the handle opens, and each key can be used now. What windows it states
        narrow those of the license; once it was played, they take their place."""
        async with self._greeted() as exchange:
            result = await exchange.call("load", handle=text(held.handle))
            opened = replies.opened(exchange, "load", result, held.handle)
        opened.check(held.license.kids, now)
        opened.check_usable(held.license.kids)
        before = held.license.windows
        restated = _restated if held.license.first_played_at else expiry.stricter
        return replace(held, license=replace(held.license, windows=restated(before, opened.windows)))

    async def first_play(self, held: Held, at: datetime) -> Held:
        """The handle that takes the place of the one that is held, before the first play at `at`."""
        moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        async with self._greeted() as exchange:
            result = await exchange.call("first_play", handle=text(held.handle), at=moment)
            return replace(held, handle=replies.handle(exchange, result))

    async def check_plays(self) -> None:
        """UnsupportedError where the adapter has no player of its own: nothing else can show what it opens."""
        async with self._playing():
            pass

    async def play(self, held: Held, manifest_url: str) -> None:
        """Its own player plays the media, which are still encrypted; returns when that has ended."""
        async with self._playing() as exchange:
            await exchange.ask("play", handle=text(held.handle), manifest_url=manifest_url)

    @asynccontextmanager
    async def _playing(self) -> AsyncIterator[Exchange]:
        name = self.dialect.name
        async with cdm.running(name, self.command, self.seconds, _STOP_SECONDS) as exchange:
            said = await cdm.hello(exchange, self.dialect.system_id)
            if said.get("plays") is not True:
                raise UnsupportedError(
                    f"the adapter for {name} has no player, and no other can show what it opens",
                    "ask who made it for one that plays (docs/adapters.md)",
                    code="adapter-plays-not",
                )
            yield exchange

    def _greeted(self) -> AbstractAsyncContextManager[Exchange]:
        return cdm.greeted(self.dialect.name, self.dialect.system_id, self.command, self.seconds)

    async def _granted(
        self, exchange: Exchange, http: Http, server: LicenseServer, fixed: Mapping[str, object], before: Opened
    ) -> tuple[Opened, bytes, datetime | None]:
        """What the adapter has after its exchange with the license server, the license as it came, and when, where that
        can be believed. An answer that brings no keys was about something else that is needed first."""
        opened = before
        for _ in range(_ROUNDS):
            result = await exchange.call("challenge", **fixed, handle=text(opened.handle))
            challenge = replies.challenge(exchange, result)
            license, date = await self._post(http, server, challenge)
            result = await exchange.call("update", response=text(license), handle=text(opened.handle))
            opened = replies.opened(exchange, "update", result, opened.handle)
            if opened.keys and not self.dialect.is_preliminary(challenge.message):
                return opened, license, date
        raise RefusedError(
            f"the license server was asked {_ROUNDS} times, and no license came of it", "tell the service"
        )

    async def _post(self, http: Http, server: LicenseServer, challenge: Challenge) -> tuple[bytes, datetime | None]:
        """What the license server answers, and when. The headers of the title go to its own server alone."""
        url = challenge.url or server.url
        if url is None:
            raise RefusedError(
                "nothing says where the license of this title is",
                "name the license server with --license-url",
                code="license-missing",
            )
        own: Headers = server.headers if server.url is not None and origin(url) == origin(server.url) else ()
        body, more = self.dialect.request(challenge.message)
        answer = await http.post(url, body, [*self.dialect.headers, *more, *challenge.headers, *own])
        if 200 <= answer.status < 300:
            return self.dialect.response(answer.body), answer.date
        where, fault = f"the license server {shown(url)}", self.dialect.fault(answer.body)
        if fault is None:
            answer.check_is_final(where)
        said = f": {fault}" if fault else ""
        raise RefusedError(f"{where} refused: status {answer.status}{said}", "are you entitled to it, on this device?")

    def _grant(self, opened: Opened, stated: Stated, need: Need, now: datetime) -> Grant:
        if stated.unpersistent:
            raise RefusedError(
                "the license may not be stored: it could be played now, and not offline",
                "ask the service for a license that may be stored",
                code="license-not-persistent",
            )
        opened.check(need.kids, now)
        if opened.handle is None:
            raise RefusedError(
                f"the adapter for {self.dialect.name} keeps nothing of the license: it gives no handle",
                "it needs a device, or an adapter, that stores licenses",
                code="license-not-persistent",
            )
        return Grant(
            handle=opened.handle,
            windows=expiry.stricter(opened.windows, stated.windows),
            renewable=stated.renewable,
            renewal_url=stated.renewal_url,
            policy=stated.policy,
            warnings=stated.warnings,
        )


def _restated(before: Windows, stated: Windows) -> Windows:
    """What is `stated` of each clock; where nothing is, what was known `before`."""
    return Windows(
        storage_seconds=(before if "storage" in stated.unknown else stated).storage_seconds,
        playback_seconds=(before if "playback" in stated.unknown else stated).playback_seconds,
        ends_at=(before if "license" in stated.unknown else stated).ends_at,
        unknown=before.unknown & stated.unknown,
        soft=before.soft,
    )


def adapters(commands: Mapping[str, Sequence[str]]) -> Mapping[str, Adapter]:
    """An adapter for each system that a command is configured for."""
    return {name: Adapter(dialect=DIALECTS[name], command=tuple(command)) for name, command in commands.items()}
