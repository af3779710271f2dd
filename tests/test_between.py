"""What stands between here and an origin: TLS, proxies, cookies. Titles through it, and what it must not hear."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from offlinedl.errors import NetworkError
from offlinedl.http import Http
from tests import certificates, relays
from tests import origin as o
from tests.conftest import Offlinedl, Result
from tests.origin import Origin
from tests.playlists import media, segment
from tests.relays import Proxy
from tests.test_exchange import bodies
from tests.test_get import assert_origins_bytes

PATH = "titles/lighthouse/master.m3u8"
LOGIN = "Basic dXNlcjpzZWNyZXQ="  # user:secret


@pytest.fixture(autouse=True)
def _no_proxies_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with relays.proxy() as running:
        yield running


@pytest.fixture
def nobody() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


def trusting(certificate: Path, *words: str) -> Result:
    """A command line in a process that trusts this certificate."""
    done = subprocess.run(
        [sys.executable, "-m", "offlinedl", *words],
        capture_output=True, text=True, check=False, env={**os.environ, "SSL_CERT_FILE": str(certificate)},
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


# names

RESOLVER = """
import socket, sys, threading

asked = socket.getaddrinfo

def silent(host, *arguments, **more):
    if host != "silent.test":
        return asked(host, *arguments, **more)
    print("asked", flush=True)
    threading.Event().wait(120)

socket.getaddrinfo = silent
from offlinedl.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize("path", ["http://silent.test/x.mpd", "titles/away.m3u8"], ids=["manifests", "media"])
def test_nobody_waits_for_a_resolver_that_is_silent(path: str, offlinedl: Offlinedl, origin: Origin) -> None:
    """C2: who wants to stop does, though the system goes on asking."""
    origin.fault("away.m3u8", o.body(media(segment("http://silent.test/1.ts"))))
    url = path if "//" in path else f"{origin.url}/{path}"
    process = subprocess.Popen([sys.executable, "-c", RESOLVER, "get", url], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"asked\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


# TLS


def test_a_title_comes_over_tls(offlinedl: Offlinedl, origin: Origin, tmp_path: Path) -> None:
    certificate = tmp_path / "certificate.pem"
    with relays.tls(origin.url, certificates.server(certificate)) as url:
        result = trusting(certificate, "get", f"{url}/{PATH}", "--json")
    assert result.code == 0, result
    assert_origins_bytes(result.json[0])


def test_connections_over_tls_are_used_again(origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = certificates.server(tmp_path / "certificate.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))

    async def main(url: str) -> int:
        async with Http() as http:
            first, *others = await bodies(http, *[f"{url}/titles/harbour-1/v720/1.m4s"] * 5)
            assert others == [first] * 4
            return len(http._resting)

    with relays.tls(origin.url, context) as url:
        assert asyncio.run(main(url)) == 1
    assert len(origin.log) == 5


BAD = [
    pytest.param({}, False, "self-signed certificate", id="nobody trusts it"),
    pytest.param({"address": "127.0.0.2"}, True, "IP address mismatch", id="of another address"),
    pytest.param({"until": -timedelta(1)}, True, "certificate has expired", id="expired"),
]


@pytest.mark.parametrize("way", ["media", "manifests"])
@pytest.mark.parametrize(("made", "is_trusted", "said"), BAD)
def test_a_certificate_that_does_not_hold_is_called_so(
    made: dict[str, object], is_trusted: bool, said: str, way: str, origin: Origin, tmp_path: Path
) -> None:
    """The address is named, and what can be done; nothing was asked."""
    certificate = tmp_path / "certificate.pem"
    context = certificates.server(certificate, **made)  # type: ignore[arg-type]  # the rows of a table
    script = """
import asyncio, sys
from offlinedl.errors import OfflinedlError
from offlinedl.http import Http

async def main(way, url):
    async with Http() as http:
        await (http.get(url) if way == "manifests" else http.download(url, None, print))

try:
    asyncio.run(main(*sys.argv[1:]))
except OfflinedlError as error:
    print(error.exit_code, error.message, error.hint, sep="; ")
"""
    with relays.tls(origin.url, context) as url:
        done = subprocess.run(
            [sys.executable, "-c", script, way, f"{url}/x?sig=secret"], capture_output=True, text=True, check=True,
            env={**os.environ, **({"SSL_CERT_FILE": str(certificate)} if is_trusted else {})},
        )  # fmt: skip
    assert done.stdout.startswith(f"4; {url}/x: the certificate of its server is not trusted: {said}")
    assert "SSL_CERT_FILE" in done.stdout
    assert "secret" not in done.stdout
    assert origin.log == []


def test_tls_where_there_is_none_is_called_so(origin: Origin) -> None:
    async def main() -> str:
        async with Http() as http:
            with pytest.raises(NetworkError) as failed:
                await bodies(http, f"{origin.url.replace('http:', 'https:')}/x")
            return failed.value.message

    assert "WRONG_VERSION_NUMBER" in asyncio.run(main()).upper().replace(" ", "_")


# proxies


def test_a_title_comes_through_a_proxy(offlinedl: Offlinedl, origin: Origin, proxy: Proxy) -> None:
    [title] = offlinedl.ok("get", f"{origin.url}/{PATH}", "--proxy", proxy.url, "--json").json
    assert_origins_bytes(title)
    assert len(proxy.asked) == len(origin.log)
    assert {head.split(" ")[1].partition("/titles/")[0] for head in proxy.asked} == {origin.url}


def test_what_a_proxy_is_told_to_let_in_is_not_told_to_the_origin(offlinedl: Offlinedl, origin: Origin) -> None:
    with relays.proxy(LOGIN) as proxy:
        named = proxy.url.replace("//", "//user:secret@")
        offlinedl.ok("get", f"{origin.url}/{PATH}", "--proxy", named)
        wrong = offlinedl(
            "get", f"{origin.url}/{PATH}", "-q", "360p", "--proxy", proxy.url.replace("//", "//me:secret@")
        )
    assert not [
        name for asked in origin.log for name in asked.headers if "proxy" in name.lower() or name == "Authorization"
    ]
    assert wrong.code == 4
    assert "status 407" in wrong.err
    assert "secret" not in wrong.err


def test_a_proxy_hears_nothing_of_what_goes_over_tls(
    offlinedl: Offlinedl, origin: Origin, proxy: Proxy, tmp_path: Path
) -> None:
    certificate = tmp_path / "certificate.pem"
    with relays.tls(origin.url, certificates.server(certificate)) as url:
        words = ("get", f"{url}/{PATH}?sig=secret", "--header", "X-Token: secret", "--proxy", proxy.url, "--json")
        result = trusting(certificate, *words)
        assert result.code == 0, result
        assert {head.split(" ")[:2][1] for head in proxy.asked} == {url.removeprefix("https://")}
    assert_origins_bytes(result.json[0])
    assert "secret" not in "".join(proxy.asked)
    assert {asked.headers["X-Token"] for asked in origin.log} == {"secret"}


def test_the_proxy_of_the_system_is_asked_and_not_for_what_it_leaves_out(
    offlinedl: Offlinedl, origin: Origin, proxy: Proxy, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    offlinedl.ok("get", f"{origin.url}/{PATH}", "-q", "360p")
    assert len(proxy.asked) == len(origin.log)
    monkeypatch.setenv("http_proxy", nobody)
    assert offlinedl("get", f"{origin.url}/{PATH}", "-q", "720p").code == 4
    for out in ("127.0.0.1", "example.test,127.0.0.1", "*", origin.url.removeprefix("http://")):
        monkeypatch.setenv("no_proxy", out)
        offlinedl.ok("get", f"{origin.url}/{PATH}", "-q", "720p")
        offlinedl.ok("rm", "--all")


def test_a_proxy_in_the_settings_is_asked(offlinedl: Offlinedl, origin: Origin, proxy: Proxy) -> None:
    (offlinedl.home / "config.toml").write_text(f'[download]\nproxy = "{proxy.url.removeprefix("http://")}"\n')
    offlinedl.ok("get", f"{origin.url}/{PATH}")
    assert len(proxy.asked) == len(origin.log)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_what_is_named(scheme: str, nobody: str) -> None:
    """Not the origin, which nobody asked."""

    async def main() -> str:
        async with Http(proxy=nobody.replace("//", "//user:secret@")) as http:
            with pytest.raises(NetworkError) as failed:
                await bodies(http, f"{scheme}://media.test/x")
            return failed.value.message

    assert asyncio.run(main()) == f"{scheme}://media.test/x: the proxy: Connection refused"


def test_a_proxy_that_lets_nobody_through_is_what_is_named() -> None:
    async def main(proxy: Proxy) -> str:
        async with Http(proxy=proxy.url) as http:
            with pytest.raises(NetworkError) as failed:
                await bodies(http, "https://media.test/x")
            return failed.value.message

    with relays.proxy(LOGIN) as proxy:
        assert asyncio.run(main(proxy)) == "https://media.test/x: the proxy: status 407"


SOCKS = [
    "socks5://user:secret@127.0.0.1:1080",
    "socks://127.0.0.1",
    "socks4a://127.0.0.1:1",
    "ftp://127.0.0.1:1",
    "http://",
]


@pytest.mark.parametrize("named", SOCKS)
@pytest.mark.parametrize("way", ["option", "settings", "system"])
def test_a_proxy_that_cannot_be_spoken_with_is_wrong_usage(
    way: str, named: str, offlinedl: Offlinedl, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["get", f"{origin.url}/{PATH}"]
    if way == "option":
        words += ["--proxy", named]
    elif way == "settings":
        (offlinedl.home / "config.toml").write_text(f'[download]\nproxy = "{named}"\n')
    else:
        monkeypatch.setenv("all_proxy", named)
    result = offlinedl(*words)
    assert result.code == 2, result
    assert "http://proxy.example:3128" in result.err
    assert "secret" not in result.err
    assert origin.log == []


# cookies

COOKIES = """# Netscape HTTP Cookie File
127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tsecret=1/2
127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tlasting\tsecret2
#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\thidden\tsecret3
127.0.0.1\tFALSE\t/titles/lighthouse/v720.mp4\tFALSE\t0\tbelow\tsecret4
127.0.0.1\tFALSE\t/\tFALSE\t1000000000\texpired\tx
127.0.0.1\tFALSE\t/\tTRUE\t0\tsecure\tx
127.0.0.1\tFALSE\t/elsewhere\tFALSE\t0\telsewhere\tx
example.test\tFALSE\t/\tFALSE\t0\tother\tx
.test\tTRUE\t/\tFALSE\t0\tother\tx
"""


def test_cookies_of_a_file_go_to_their_host_and_no_further(
    offlinedl: Offlinedl, origin: Origin, tmp_path: Path
) -> None:
    """With manifests and with media; not those that expired, or are for elsewhere; and none is kept or shown."""
    file = tmp_path / "cookies.txt"
    file.write_text(COOKIES)
    result = offlinedl.ok("get", f"{origin.url}/{PATH}", "--cookies", str(file), "--json")
    everywhere = {"session=secret=1/2", "lasting=secret2", "hidden=secret3"}
    for asked in origin.log:
        below = {"below=secret4"} if "v720.mp4" in asked.path else set()
        assert set(asked.headers["Cookie"].split("; ")) == everywhere | below, asked.path
    assert {asked.path.rpartition("/")[2] for asked in origin.log} > {"master.m3u8", "v720.mp4", "a-en.mp4"}
    shown = result.out + result.err + offlinedl.ok("show", result.json[0]["id"], "--json").out
    assert "secret" not in shown
    assert not any(b"secret" in f.read_bytes() for f in offlinedl.home.rglob("*") if f.is_file())


@pytest.mark.parametrize(
    "content", [None, b"", b"{}", b"\xff\xfe", b"127.0.0.1\tFALSE\n"], ids=["none", "0", "1", "2", "3"]
)
def test_a_file_that_holds_no_cookies_is_wrong_usage(
    content: bytes | None, offlinedl: Offlinedl, origin: Origin, tmp_path: Path
) -> None:
    file = tmp_path / "cookies.txt"
    if content is not None:
        file.write_bytes(content)
    result = offlinedl("get", f"{origin.url}/{PATH}", "--cookies", str(file))
    assert (result.code, origin.log) == (2, [])
    assert "cookies" in result.err


# redirects


@pytest.fixture
def elsewhere() -> Iterator[Origin]:
    with o.running() as running:
        yield running


def test_media_that_are_elsewhere_are_followed_without_what_is_for_the_first(
    offlinedl: Offlinedl, origin: Origin, elsewhere: Origin
) -> None:
    """C30: an origin may send every segment away."""
    for name in ("v720.mp4", "a-en.mp4"):
        origin.fault(name, o.redirected(f"{elsewhere.url}/titles/lighthouse/{name}?sig=secret"))
    words = ("--header", "X-Token: secret", "--header", "Cookie: login=secret")
    [title] = offlinedl.ok("get", f"{origin.url}/{PATH}", *words, "--json").json
    assert_origins_bytes(title)
    assert {asked.headers.get("X-Token") for asked in origin.log} == {"secret"}
    assert not [asked for asked in elsewhere.log if {"X-Token", "Cookie", "Authorization"} & set(asked.headers)]
    assert len(elsewhere.log) == 8


LEADS = [
    pytest.param("file:///etc/passwd", "not an http or https URL|file", 9, id="to a file"),
    pytest.param("ftp://127.0.0.1/x", "not an http or https URL", 9, id="to another protocol"),
    pytest.param("/titles/lighthouse/v720.mp4", "more than 10 redirects", 4, id="in a circle"),
    pytest.param("http://[::1", "not a URL", 4, id="to what is no URL"),
]


@pytest.mark.parametrize(("target", "said", "code"), LEADS)
def test_where_media_must_not_lead_they_do_not(
    target: str, said: str, code: int, offlinedl: Offlinedl, origin: Origin
) -> None:
    """C30."""
    origin.fault("v720.mp4", o.redirected(target))
    result = offlinedl("get", f"{origin.url}/{PATH}")
    assert result.code == code
    assert any(part in result.err for part in said.split("|"))
    assert [title["state"] for title in offlinedl.listed()] == ["failed"]
