"""HLS identity keys (RFC 8216 section 5): each is asked for once, many side by side, and kept in the vault alone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from offlinedl.demo import origin as demo
from offlinedl.engine import Engine
from offlinedl.engine.several import several
from offlinedl.http import Http
from offlinedl.license import hls_key
from offlinedl.license.need import Grant, Need
from offlinedl.model import ContentKey
from offlinedl.protection import Key, LicenseServer
from tests import clockwork, titles
from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Fault, Handler, Origin
from tests.scripted import Step, answer, scripted
from tests.test_get import assert_origins_bytes
from tests.test_kill import serve

ABREAST = 8


class Together:
    """A fault that answers nobody before `ABREAST` are there together. `most` were."""

    def __init__(self) -> None:
        self.most = self._inside = 0
        self._all = asyncio.Barrier(ABREAST)

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._inside += 1
        self.most = max(self.most, self._inside)
        try:
            async with asyncio.timeout(5):
                await self._all.wait()
        except TimeoutError:
            await self._all.abort()
            raise
        finally:
            self._inside -= 1
        return await handler(request)


def keys_asked(origin: Origin) -> Counter[str]:
    return Counter(asked.path for asked in origin.asked("/keys/"))


def test_a_thousand_keys_are_fetched_side_by_side_and_each_once(origin: Origin) -> None:
    """C47: never more than the engine may have under way, and in their order."""
    names = [number.to_bytes(16) for number in range(1008)]
    origin.files |= {f"/keys/{number}": name for number, name in enumerate(names)}
    keys = {name: Key(method="AES-128", uri=f"{origin.url}/keys/{n % 1000}") for n, name in enumerate(names)}
    together = Together()
    origin.fault("/keys/", together)

    async def work() -> Grant:
        async with Http(connections=ABREAST) as http:
            engine = Engine(http=http, connections=ABREAST, backoff=0)
            need = Need(kids=tuple(keys), keys=keys)
            return await hls_key.acquire(engine, LicenseServer(system=hls_key.NAME), need, datetime.now(UTC))

    granted = asyncio.run(work()).keys
    assert granted == tuple(ContentKey(kid=name, key=names[n % 1000]) for n, name in enumerate(names))
    assert keys_asked(origin) == {f"/keys/{number}": 1 for number in range(1000)}
    assert together.most == ABREAST


def test_a_title_with_a_key_for_each_segment(offlinedl: Offlinedl, origin: Origin) -> None:
    """C47."""
    url = serve(origin, titles.rotated(24))
    together = Together()
    origin.fault("/keys/", together)
    [title] = offlinedl.ok("get", url, "-N", f"{ABREAST}", "--json").json
    assert together.most == ABREAST
    assert sorted(keys_asked(origin).values()) == [1] * 24
    assert_origins_bytes(title, origin.files)
    assert title["license"]["system"] == "hls-key"


def test_a_license_that_is_held_asks_for_no_key_again(offlinedl: Offlinedl, origin: Origin) -> None:
    """C47: an interruption among the media costs no key."""
    url = serve(origin, titles.rotated(20))
    origin.fault("/7.ts", o.status(403), times=1)
    assert offlinedl("get", url).code == 4
    offlinedl.ok("get", url)
    assert set(keys_asked(origin).values()) == {1}


# servers that want less


def asked(*conversations: list[Step], count: int = 12) -> tuple[list[str], float]:
    """So many keys of a server with these conversations: what was asked for, and the seconds that passed."""

    async def work() -> tuple[list[str], float]:
        async with scripted(*conversations) as server, Http() as http:
            began = asyncio.get_running_loop().time()
            urls = [f"{server.url}/{number}" for number in range(count)]
            answers = await several(Engine(http=http), urls, 100)
            assert {url: answers[url].body for url in urls} == dict.fromkeys(urls, bytes(16))
            return server.targets, asyncio.get_running_loop().time() - began

    return clockwork.run(work())


KEY = answer(bytes(16))


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_key_server_that_wants_time_gets_it(status: str) -> None:
    """C24: it is asked for nothing meanwhile, and then for each key that it has not given."""
    busy = answer(b"", "Retry-After: 40", status=status)
    targets, seconds = asked([busy, *[KEY] * 30], [KEY] * 30)
    assert 40 <= seconds < 60
    assert sorted(Counter(targets).values()) == [1] * 11 + [2]


def test_a_key_server_that_fails_once_is_asked_again() -> None:
    targets, seconds = asked([answer(b"", status="503 Service Unavailable"), *[KEY] * 30], [KEY] * 30)
    assert len(targets) == 13
    assert seconds < 5


def test_a_key_server_that_bears_few_at_once_gets_few() -> None:
    """C25: it works on three, each for a second, and sends all others away."""
    inside, refused = 0, 0

    async def few(request: web.Request) -> web.Response:
        nonlocal inside, refused
        if inside == 3:
            refused += 1
            return web.Response(status=429)
        inside += 1
        await asyncio.sleep(1)
        inside -= 1
        return web.Response(body=bytes(16))

    async def work() -> int:
        app = web.Application()
        app.router.add_get("/{key}", few)
        async with demo.serving(app) as url, Http() as http:
            return len(await several(Engine(http=http), [f"{url}/{number}" for number in range(100)], 100))

    assert clockwork.run(work()) == 100
    assert refused < 50


# what is no key

REFUSED = [
    pytest.param(o.status(401), 5, "status 401", id="401"),
    pytest.param(o.status(403), 5, "status 403", id="403"),
    pytest.param(o.status(404), 5, "status 404", id="404"),
    pytest.param(o.status(410), 5, "status 410", id="410"),
    pytest.param(o.status(503), 4, "status 503", id="503"),
    pytest.param(o.body(b"x" * 17), 8, "17 bytes, and a key has 16", id="17 bytes"),
    pytest.param(o.body(b""), 8, "0 bytes, and a key has 16", id="nothing"),
    pytest.param(o.body(b"x" * 100_000), 8, "larger than", id="far too much"),
    pytest.param(o.page(), 8, "a message, and no key", id="a page"),
    pytest.param(o.body(b'{"error":"nope"}', "application/json"), 8, "a message, and no key", id="JSON of 16 bytes"),
]


@pytest.mark.parametrize(("fault", "code", "said"), REFUSED)
def test_one_that_is_no_key_is_named(fault: Fault, code: int, said: str, offlinedl: Offlinedl, origin: Origin) -> None:
    """C33: by its address, without what signs it, and before the media."""
    url = serve(origin, titles.rotated(20))
    origin.fault("/keys/13$", fault)
    refused = offlinedl("get", url)
    assert (refused.code, said in refused.err) == (code, True), refused
    assert f"{origin.url}/titles/made/keys/13:" in refused.err
    assert not origin.asked(".ts")
    origin.mend()
    offlinedl.ok("get", url)


def test_headers_of_the_title_go_to_keys_of_its_origin_and_to_no_other(offlinedl: Offlinedl, origin: Origin) -> None:
    """C30: `localhost` is another origin than 127.0.0.1."""
    url = serve(origin, titles.rotated(4))
    elsewhere = origin.url.replace("127.0.0.1", "localhost")
    text = origin.files["/titles/made/v.m3u8"].replace(b'"keys/3', f'"{elsewhere}/titles/made/keys/3'.encode())
    origin.files["/titles/made/v.m3u8"] = text
    offlinedl.ok("get", url, "--header", "X-Token: one")
    given = {asked.path[-1]: asked.headers.get("X-Token") for asked in origin.asked("/keys/")}
    assert given == {"0": "one", "1": "one", "2": "one", "3": None}


# where they are kept


@pytest.mark.parametrize("refused", [False, True], ids=["ready", "failed"])
def test_keys_are_in_the_vault_alone(refused: bool, offlinedl: Offlinedl, origin: Origin) -> None:
    """B34: sealed, in files that only their owner reads; not in the title's folder, the catalog, nor what is said."""
    title = titles.rotated(5)
    url = serve(origin, title)
    if refused:
        origin.fault("4.ts", o.body(b"damaged"))
    said = offlinedl("get", url, "--json", "-v")
    assert said.code == (8 if refused else 0)
    keys = [title.files[f"/titles/made/keys/{number}"] for number in range(5)]
    files = {file: file.read_bytes() for file in offlinedl.home.rglob("*") if file.is_file()}
    assert not [
        file for file, content in files.items() for key in keys if key in content or key.hex().encode() in content
    ]
    assert not [key for key in keys if key.hex() in said.out + said.err]
    assert {file.stat().st_mode & 0o777 for file in vaulted(offlinedl.home)} == {0o600}
    with closing(sqlite3.connect(offlinedl.home / "catalog.db")) as catalog:
        assert not [line for line in catalog.iterdump() if any(key.hex() in line.lower() for key in keys)]


def vaulted(home: Path) -> list[Path]:
    return [file for file in (home / "vault").rglob("*") if file.is_file()]
