"""What a request says of its URL: the origin that it goes to, its target, the credentials in it, and redirects."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import quote, unquote, urljoin, urlsplit

from offlinedl.errors import NetworkError, UnsupportedError, shown

Headers = Sequence[tuple[str, str]]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}


_SOME = 256
"""A URL is asked about a dozen times in a row while it is fetched, and never again."""


@lru_cache(maxsize=_SOME)
def origin(url: str) -> str:
    """Scheme, host and port (RFC 6454 section 4). Raises UnsupportedError for anything but http and https."""
    return _origin(split(url)[0])


@lru_cache(maxsize=_SOME)
def split(url: str) -> tuple[str, str]:
    """What precedes the path of `url`, and the path with the query."""
    found = _BEFORE_PATH.match(url)
    assert found is not None  # noqa: S101 - it matches every text
    path = url[found.end() :].partition("#")[0]
    return found[0], path if path.startswith("/") else f"/{path}"


_BEFORE_PATH = re.compile(r"(?:[^/?#]*//)?[^/?#]*")


@lru_cache(maxsize=64)
def _origin(url: str) -> str:
    scheme, host, port = place(url)
    return f"{scheme}://{host}:{port}"


def place(url: str) -> tuple[str, str, int]:
    """The parts of the origin of `url`. Raises UnsupportedError as `origin` does."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise UnsupportedError(f"{shown(url)}: not an http or https URL", "only http and https are fetched") from None
    if not parts.hostname:
        raise UnsupportedError(f"{shown(url)}: a URL without a host", "check the address")
    return parts.scheme, parts.hostname, port


def redirected(url: str, location: str, status: int, method: str) -> str:
    """Where a redirect of `url` leads. Raises NetworkError where it must not be followed."""
    try:
        target = urljoin(url, location)
        target.encode()
    except ValueError:  # also letters that are none
        raise NetworkError(f"{shown(url)}: redirects to what is not a URL", "tell the service") from None
    if origin(url).startswith("https:") and not target.lower().startswith("https:"):
        raise NetworkError(f"{shown(url)}: redirects from https to {shown(target)}", "a downgrade is never followed")
    if method == "POST" and status not in {307, 308}:
        raise NetworkError(f"{shown(url)}: answers a POST with status {status} to {shown(target)}", status=status)
    origin(target)
    return target


def without_credentials(url: str) -> tuple[str, Headers]:
    """`url` without user info, and that as the header that it stands for (RFC 7617)."""
    parts = urlsplit(url)
    info, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, []
    user, _, password = info.partition(":")
    token = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    return parts._replace(netloc=host).geturl(), [("Authorization", f"Basic {token}")]


def once(headers: Headers) -> dict[str, str]:
    """Each header once, whatever the case of its letters: the last of them holds."""
    return dict({name.lower(): (name, value) for name, value in headers}.values())


@lru_cache(maxsize=_SOME)
def escaped(url: str) -> str:
    """`url` with only that escaped which no request line may hold: a signature covers the rest as it stands."""
    return url if _SAFE.fullmatch(url) else quote(url.partition("#")[0], safe="%!$&'()*+,/:;=?@[]~|{}^`\\\"<>")


_SAFE = re.compile(r"[\w.%!$&'()*+,/:;=?@~-]*", re.ASCII)
