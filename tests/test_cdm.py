"""An adapter that does not do its part is named, costs no more than its seconds, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from offlinedl.engine import Engine
from offlinedl.errors import DamagedError, NetworkError, OfflinedlError, RefusedError, UnsupportedError, UsageError
from offlinedl.http import Http
from offlinedl.license import cdm
from offlinedl.license.adapter import DIALECTS, Adapter
from offlinedl.license.need import Grant, Need
from offlinedl.manifest import hls_keys
from offlinedl.model import Held, License, Windows
from offlinedl.owed import Destruction
from offlinedl.protection import LicenseServer
from tests import drm
from tests import origin as o
from tests.adapter import DAY
from tests.origin import Asked, Origin

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
KIDS = (bytes.fromhex("0123456789abcdef0123456789abcdef"), bytes.fromhex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"))
BOX = b"\0\0\0\x08pssh"


def adapter(*words: str, system: str = "widevine", seconds: float = 60) -> Adapter:
    return Adapter(dialect=DIALECTS[system], command=drm.command(system, *words), seconds=seconds)


def with_engine(work: Callable[[Engine], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with Http() as http:
            found = await work(Engine(http=http, retries=0, backoff=0))
            assert len(asyncio.all_tasks()) == 1
            return found

    return asyncio.run(run())


def acquired(of: Adapter, url: str | None, held: Held | None = None, **server: Any) -> Grant:
    asks = LicenseServer(system=of.dialect.name, url=url, **{"init_data": BOX, **server})
    grant = with_engine(lambda engine: of.acquire(engine, asks, Need(kids=KIDS), NOW, held))
    assert isinstance(grant, Grant)
    return grant


def held(handle: bytes | None, played: datetime | None = None, **windows: Any) -> Held:
    license = License(
        id="l", system="widevine", kids=KIDS, issued_at=NOW, windows=Windows(**windows), first_played_at=played
    )
    return Held(license=license, handle=handle)


@pytest.fixture
def asked(origin: Origin) -> list[dict[str, Any]]:
    """What the license server hears."""
    asked: list[dict[str, Any]] = []
    origin.fault("/license", drm.licensing(asked, {2: 1}))
    return asked


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The methods that were called, each with the process that heard it. None of those is left."""
    path = tmp_path / "log"
    monkeypatch.setenv("ADAPTER_LOG", str(path))
    yield path
    for number in {line.split()[1] for line in path.read_text().splitlines()}:
        assert not Path(f"/proc/{number}").exists(), number


def methods(log: Path) -> list[str]:
    return [word for word in words(log) if word != "ended"]


def words(log: Path) -> list[str]:
    return [line.split()[0] for line in log.read_text().splitlines()]


# what it does

BROKEN = [
    pytest.param("dies:{}", "adapter-died", "ended with code 3 at {}: the device is  [31mgone", id="dies"),
    pytest.param("closes:{}", "adapter-died", "closed its output at {}", id="closes its output"),
    pytest.param("garbage:{}", "adapter-garbage", "answers {} with what is not JSON", id="a web page"),
    pytest.param("long:{}", "adapter-garbage", "answers {} with more than 1048576 bytes", id="too long"),
    pytest.param("list:{}", "adapter-garbage", "is not JSON-RPC 2.0", id="a list"),
    pytest.param("old:{}", "adapter-garbage", "is not JSON-RPC 2.0", id="JSON-RPC 1"),
    pytest.param("other-id:{}", "adapter-garbage", "another id", id="another id"),
    pytest.param("true-id:{}", "adapter-garbage", "another id", id="an id that is no number"),
    pytest.param("no-result:{}", "adapter-garbage", "a result that is no object", id="no result"),
    pytest.param("bare-error:{}", "adapter-garbage", "an error without a code", id="a bare error"),
    pytest.param("lacks:{}", "adapter-lacks-method", "lacks the method {}", id="lacks the method"),
    pytest.param("fails:{}", "adapter-failed", "fails at {}: oops (-32603)", id="fails"),
    pytest.param("empty:{}", "adapter-garbage", "answers {} with no ", id="an empty result"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "code", "says"), BROKEN)
@pytest.mark.parametrize("method", ["hello", "challenge", "update"])
def test_an_adapter_that_fails_is_named(
    fault: str, code: str, says: str, method: str, origin: Origin, asked: list[dict[str, Any]], log: Path
) -> None:
    with pytest.raises(UnsupportedError) as caught:
        acquired(adapter(fault.format(method)), f"{origin.url}/license")
    error = caught.value
    assert (error.code, error.exit_code) == (code, 9)
    assert says.format(method) in error.message
    assert error.message.startswith("the adapter for widevine ")
    assert "offlinedl doctor --adapter widevine" in error.hint
    assert len(asked) == (method == "update")


def test_an_adapter_that_hangs_is_given_up(log: Path) -> None:
    log.touch()
    with pytest.raises(UnsupportedError, match=r"hangs: no answer to hello within 0\.2 seconds") as caught:
        acquired(adapter("hangs:hello", seconds=0.2), None)
    assert caught.value.code == "adapter-hangs"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        pytest.param(("/nowhere/adapter",), "No such file", id="not there"),
        pytest.param(("/etc/passwd",), "Permission denied", id="not a program"),
        pytest.param(("a\0b",), "null byte", id="no name"),
    ],
)
def test_one_that_cannot_be_started_is_wrong_configuration(command: tuple[str, ...], reason: str) -> None:
    with pytest.raises(UsageError, match=f"cannot be started.*{reason}") as caught:
        acquired(Adapter(dialect=DIALECTS["widevine"], command=command), None)
    assert (caught.value.code, caught.value.exit_code) == ("adapter-not-started", 2)


REFUSED = [
    pytest.param("other-kid", RefusedError, "license-incomplete", "no key for KID 0123456789abcdef", id="another KID"),
    pytest.param("without-kid", RefusedError, "license-incomplete", f"for KID {KIDS[0].hex()}", id="a KID missing"),
    pytest.param("expired", RefusedError, "license-expired", "expired already", id="an expired key"),
    pytest.param("ended", RefusedError, "license-expired", "expired already", id="an end that is over"),
    pytest.param("temporary", RefusedError, "license-not-persistent", "keeps no licenses", id="not persistent"),
    pytest.param("no-handle", RefusedError, "license-not-persistent", "it gives no handle", id="no handle"),
    pytest.param("refuses", RefusedError, "license-refused", "refuses challenge: no  [31mdevice  of", id="refused"),
    pytest.param("damaged", DamagedError, "license-damaged", "widevine: update: the license is not", id="damaged"),
    pytest.param("other-system", UnsupportedError, "adapter-other-system", "does not have this system", id="system"),
    pytest.param("no-keys", UnsupportedError, "adapter-garbage", "no list of keys", id="keys that are none"),
    pytest.param("odd-window", UnsupportedError, "adapter-garbage", "storage_seconds that is no number", id="a window"),
    pytest.param("odd-headers", UnsupportedError, "adapter-garbage", "headers that are none", id="headers"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "kind", "code", "says"), REFUSED)
def test_what_it_says_of_a_license_is_looked_at(
    fault: str, kind: type[OfflinedlError], code: str, says: str, origin: Origin, asked: list[dict[str, Any]], log: Path
) -> None:
    with pytest.raises(kind) as caught:
        acquired(adapter(fault), f"{origin.url}/license")
    assert (caught.value.code, says in caught.value.message) == (code, True), caught.value.message
    assert caught.value.exit_code == {RefusedError: 5, DamagedError: 8, UnsupportedError: 9}[kind]


def test_what_it_writes_on_stderr_holds_nobody_up(origin: Origin, asked: list[dict[str, Any]], log: Path) -> None:
    acquired(adapter("noisy"), f"{origin.url}/license")
    assert methods(log) == ["hello", "challenge", "update"]


def test_one_that_ends_by_itself_is_let_end(origin: Origin, asked: list[dict[str, Any]], log: Path) -> None:
    acquired(adapter(), f"{origin.url}/license")
    assert words(log) == ["hello", "challenge", "update", "ended"]


def test_one_that_does_not_end_is_ended(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the end of its input nor SIGTERM moves it."""
    monkeypatch.setattr(cdm, "_END_SECONDS", 0.2)

    async def run() -> None:
        async with cdm.greeted("widevine", DIALECTS["widevine"].system_id, drm.command("widevine", "stays")):
            pass

    asyncio.run(run())
    assert methods(log) == ["hello"]


def test_a_stop_leaves_no_process_and_no_task(origin: Origin, log: Path) -> None:
    asyncio.run(_stopped(origin))
    assert methods(log) == ["hello", "challenge"]


async def _stopped(origin: Origin) -> None:
    heard, loop = asyncio.Event(), asyncio.get_running_loop()

    def hear(_: Asked) -> None:
        loop.call_soon_threadsafe(heard.set)

    origin.watchers.append(hear)
    origin.fault("/license", o.held(asyncio.Event()))
    asks = LicenseServer(system="widevine", url=f"{origin.url}/license")
    async with Http() as http:
        task = asyncio.ensure_future(adapter().acquire(Engine(http=http), asks, Need(kids=KIDS), NOW))
        await heard.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1


# what goes over it


def test_a_license_is_asked_for_and_kept_as_a_handle(origin: Origin, asked: list[dict[str, Any]], log: Path) -> None:
    headers, certificate_url = (("X-Token", "secret"),), f"{origin.url}/certificate"
    origin.fault("/certificate", o.body(b"certificate"))
    grant = acquired(adapter(), f"{origin.url}/license", headers=headers, certificate_url=certificate_url)
    assert grant.keys == ()
    assert grant.handle
    assert grant.windows == Windows(storage_seconds=30 * DAY, playback_seconds=2 * DAY)
    [told] = asked
    assert (told["purpose"], told["kids"]) == ("acquire", [kid.hex() for kid in KIDS])
    assert (told["init_data"], told["certificate"]) == ("AAAACHBzc2g=", "Y2VydGlmaWNhdGU=")
    sent = told["headers"]
    assert (sent["X-Token"], sent["X-Purpose"]) == ("secret", "acquire")
    assert sent["Content-Type"] == "application/octet-stream"
    assert methods(log) == ["hello", "challenge", "update"]


@pytest.mark.parametrize("fault", ["certificate", "provision"])
def test_what_is_needed_before_a_license_is_asked_for_first(
    fault: str, origin: Origin, asked: list[dict[str, Any]]
) -> None:
    grant = acquired(adapter(fault), f"{origin.url}/license")
    assert (grant.handle is not None, len(asked)) == (True, 2)
    assert ("certificate request" in asked[0]) == (fault == "certificate")


def test_an_answer_about_a_certificate_is_no_license_though_there_are_keys(
    origin: Origin, asked: list[dict[str, Any]]
) -> None:
    """Those of the license that is to be renewed."""
    acquired(adapter("certificate"), f"{origin.url}/license", held(kept(origin)))
    assert [("certificate request" in told, told.get("purpose")) for told in asked[1:]] == [
        (True, None),
        (False, "renew"),
    ]


def test_but_not_for_ever(origin: Origin) -> None:
    asked: list[dict[str, Any]] = []
    origin.fault("/license", drm.licensing(asked))
    with pytest.raises(RefusedError, match="asked 4 times"):
        acquired(adapter("empty-keys"), f"{origin.url}/license")
    assert len(asked) == 4


STATED = [
    pytest.param(
        {"storage_seconds": 60}, {"storage_seconds": 60, "unknown": {"playback", "license"}}, id="one of them"
    ),
    pytest.param({"storage_seconds": None, "playback_seconds": 0, "expires_at": None}, {}, id="null and 0: no limit"),
    pytest.param({"storage_seconds": 2**63, "playback_seconds": -1, "expires_at": 2**63 - 1}, {}, id="2^62, negative"),
    pytest.param({}, {"unknown": {"storage", "playback", "license"}}, id="nothing: unknown"),
    pytest.param(
        {"expires_at": "2026-12-01T00:00:00Z"},
        {"ends_at": datetime(2026, 12, 1, tzinfo=UTC), "unknown": {"storage", "playback"}},
        id="a date",
    ),
    pytest.param(
        {"expires_at": 1796083200},
        {"ends_at": datetime(2026, 12, 1, tzinfo=UTC), "unknown": {"storage", "playback"}},
        id="a date in seconds",
    ),
]


@pytest.mark.parametrize(("stated", "windows"), STATED)
def test_unknown_unlimited_and_finite_are_three_things(
    stated: dict[str, Any], windows: dict[str, Any], origin: Origin, asked: list[dict[str, Any]]
) -> None:
    """A60: of a system that states nothing in the clear."""
    expected = Windows(**(windows | {"unknown": frozenset(windows.get("unknown", ()))}))
    of = adapter("none", json.dumps(stated), system="fairplay")
    assert acquired(of, f"{origin.url}/license").windows == expected


@pytest.mark.parametrize("date", [1796083200000, "soon", "2026-13-01", True])
def test_a_date_that_is_none_is_not_taken_for_no_limit(
    date: object, origin: Origin, asked: list[dict[str, Any]]
) -> None:
    """Milliseconds would be the year 58,000."""
    of = adapter("none", json.dumps({"expires_at": date}), system="fairplay")
    with pytest.raises(UnsupportedError, match="expires_at"):
        acquired(of, f"{origin.url}/license")


def test_of_the_policy_and_the_adapters_word_the_shorter_wins(origin: Origin) -> None:
    policy: dict[int, drm.Value] = {2: 1, 3: 1, 4: 40 * DAY, 5: DAY, 6: 20 * DAY}
    origin.fault("/license", drm.licensing([], policy))
    grant = acquired(adapter(), f"{origin.url}/license")
    windows = grant.windows
    assert (windows.storage_seconds, windows.playback_seconds) == (30 * DAY, DAY)
    assert windows.ends_at is not None
    assert (windows.ends_at - NOW).days == 20
    assert (windows.soft, windows.unknown) == (frozenset({"storage"}), frozenset())
    assert (grant.renewable, len(grant.warnings)) == (True, 1)


def test_a_policy_that_forbids_to_store_it_is_refused(origin: Origin) -> None:
    origin.fault("/license", drm.licensing([], {1: 1}))
    with pytest.raises(RefusedError) as caught:
        acquired(adapter(), f"{origin.url}/license")
    assert caught.value.code == "license-not-persistent"


SERVERS = [
    pytest.param(o.status(403), RefusedError, "license-refused", id="403"),
    pytest.param(o.status(503), NetworkError, "network", id="503"),
    pytest.param(o.status(500), NetworkError, "network", id="500"),
    pytest.param(o.page(), RefusedError, "license-refused", id="a web page: the adapter refuses it"),
    pytest.param(o.dropped(), NetworkError, "network", id="no answer"),
]


@pytest.mark.parametrize(("fault", "kind", "code"), SERVERS)
def test_a_license_server_that_fails_is_told_from_one_that_refuses(
    fault: o.Fault, kind: type[OfflinedlError], code: str, origin: Origin, log: Path
) -> None:
    origin.fault("/license", fault)
    with pytest.raises(kind) as caught:
        acquired(adapter(), f"{origin.url}/license")
    assert caught.value.code == code


def test_without_an_address_nobody_is_asked() -> None:
    with pytest.raises(RefusedError, match="nothing says where") as caught:
        acquired(adapter(), None)
    assert caught.value.code == "license-missing"


def test_la_url_is_asked_where_nothing_else_names_a_server(origin: Origin, asked: list[dict[str, Any]]) -> None:
    header = f'<WRMHEADER version="4.0.0.0"><DATA><LA_URL>{origin.url}/license</LA_URL></DATA></WRMHEADER>'
    box = hls_keys.pssh(hls_keys.PLAYREADY, header.encode("utf-16-le"))
    acquired(adapter(system="playready"), None, init_data=box)
    assert len(asked) == 1


CKC = bytes(range(200))
BODIES = [
    pytest.param(CKC, CKC, id="as it is"),
    pytest.param(base64.b64encode(CKC), CKC, id="base64"),
    pytest.param(base64.encodebytes(CKC), CKC, id="base64 in lines"),
    pytest.param(b"<ckc>" + base64.b64encode(CKC) + b"</ckc>\n", CKC, id="in ckc"),
    pytest.param(b"<ckc>\xff\xfe</ckc>", b"<ckc>\xff\xfe</ckc>", id="in ckc, and no base64"),
    pytest.param(b"no such user", b"no such user", id="a word"),
    pytest.param(b"", b"", id="nothing"),
]


@pytest.mark.parametrize(("body", "license"), BODIES)
def test_a_license_of_fairplay_is_unwrapped(body: bytes, license: bytes) -> None:
    assert DIALECTS["fairplay"].response(body) == license


def test_the_titles_headers_go_to_its_own_server_alone(origin: Origin, asked: list[dict[str, Any]]) -> None:
    """An adapter may send a message elsewhere: to make a device known, to who made that."""
    of = adapter("elsewhere", json.dumps({"url": f"{origin.url}/license"}))
    acquired(of, "http://127.0.0.2:1/license", headers=(("X-Token", "secret"),))
    assert "X-Token" not in asked[0]["headers"]


def test_playready_travels_in_soap(origin: Origin, asked: list[dict[str, Any]]) -> None:
    grant = acquired(adapter(system="playready"), f"{origin.url}/license")
    assert grant.renewable  # nothing says that it is not: who is asked knows
    sent = asked[0]["headers"]
    assert sent["SOAPAction"] == '"http://schemas.microsoft.com/DRM/2007/03/protocols/AcquireLicense"'
    assert (sent["Content-Type"], sent["X-Device"]) == ("text/xml; charset=utf-8", "simulated")
    assert "Content" not in sent


def test_a_soap_fault_is_a_refusal_though_its_status_is_500(origin: Origin) -> None:
    async def fault(request: Any, handler: Any) -> Any:
        from aiohttp import web

        body = (
            "<s:Envelope><s:Body><s:Fault><faultstring>no such\x1b user</faultstring></s:Fault></s:Body></s:Envelope>"
        )
        return web.Response(status=500, text=body.replace("\x1b", "\u200b"))

    origin.fault("/license", fault)
    with pytest.raises(RefusedError, match="status 500: no such  user"):
        acquired(adapter(system="playready"), f"{origin.url}/license")


def test_each_key_of_fairplay_is_asked_for_with_its_uri(origin: Origin, asked: list[dict[str, Any]]) -> None:
    grant = acquired(adapter(system="fairplay"), f"{origin.url}/license", init_data=b"skd://one\nskd://two")
    assert [told["init_data"] for told in asked] == ["c2tkOi8vb25l", "c2tkOi8vdHdv"]
    assert grant.handle


# afterwards


def kept(origin: Origin) -> bytes:
    origin.fault("/license", drm.licensing([], {2: 1}))
    handle = acquired(adapter(), f"{origin.url}/license").handle
    assert handle
    return handle


def test_a_handle_is_proven_in_a_process_of_its_own(origin: Origin, log: Path) -> None:
    handle = kept(origin)
    origin.fault("/", o.dropped())
    loaded = asyncio.run(adapter().load(held(handle, storage_seconds=60), NOW))
    assert loaded.license.windows.storage_seconds == 60
    assert loaded.license.windows.playback_seconds == 2 * DAY
    assert len({line.split()[1] for line in log.read_text().splitlines()}) == 2
    assert methods(log)[3:] == ["hello", "load"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("forgets", "license-refused"),
        ("other-kid", "license-incomplete"),
        ("expired", "license-expired"),
        ("ended", "license-expired"),
        ("restricted", "license-not-usable"),
        ("dies:load", "adapter-died"),
        ("lacks:load", "adapter-lacks-method"),
    ],
)
def test_a_handle_that_does_not_open_is_no_proof(fault: str, code: str, origin: Origin) -> None:
    handle = kept(origin)
    with pytest.raises(OfflinedlError) as caught:
        asyncio.run(adapter(fault).load(held(handle), NOW))
    assert caught.value.code == code


def test_the_first_play_gives_another_handle_with_windows_of_its_own(origin: Origin) -> None:
    """Dual expiry: the storage window falls, and the playback window is another."""
    before = held(kept(origin), storage_seconds=30 * DAY)
    played = asyncio.run(adapter("dual").first_play(before, NOW))
    again = asyncio.run(adapter("dual").first_play(played, datetime(2030, 1, 1, tzinfo=UTC)))
    assert before.handle != played.handle == again.handle
    loaded = asyncio.run(adapter("dual").load(held(played.handle, NOW, storage_seconds=30 * DAY), NOW))
    assert loaded.license.windows == Windows(playback_seconds=DAY)


def test_a_renewal_is_asked_for_with_the_handle(origin: Origin, asked: list[dict[str, Any]]) -> None:
    handle = kept(origin)
    elsewhere = held(handle)
    renewed = acquired(adapter(), f"{origin.url}/license", elsewhere)
    assert (renewed.handle is not None, asked[-1]["purpose"]) == (True, "renew")


def test_a_release_is_acknowledged(origin: Origin, asked: list[dict[str, Any]], log: Path) -> None:
    handle = kept(origin)
    server = LicenseServer(system="widevine", url=f"{origin.url}/license")
    owed = Destruction(license=held(None).license, title_id="t", destroyed_at=NOW, handle=handle)
    with_engine(lambda engine: adapter().release(engine.http, server, owed))
    assert (asked[-1]["purpose"], methods(log)[-3:]) == ("release", ["hello", "challenge", "acknowledge"])
    origin.fault("/license", o.status(503))
    origin.faults.reverse()
    with pytest.raises(NetworkError):
        with_engine(lambda engine: adapter().release(engine.http, server, owed))
