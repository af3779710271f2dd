"""Cookies: those that came, those of a file, and which of them goes with which request (RFC 6265)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import aiohttp
from yarl import URL

from offlinedl.http import cookies
from offlinedl.http.address import Headers, escaped


class Jar:
    """The cookies of one session. Make it within a running loop."""

    def __init__(self) -> None:
        self._jar = aiohttp.CookieJar(unsafe=True, quote_cookie=False)  # unsafe: hosts named by address, too

    def read(self, path: Path) -> None:
        """Take those of a file of the Netscape format. UsageError where it cannot be read."""
        for site, cookie in cookies.read(path):
            self._jar.update_cookies(cookie, URL(site))

    def keep(self, url: str, came: Sequence[str]) -> None:
        """These came from `url`, as values of Set-Cookie."""
        self._jar.update_cookies_from_headers(came, URL(escaped(url), encoded=True))

    def sent(self, url: str, headers: Headers) -> Headers:
        """What goes with a request for `url`: with those that came, those that a person gave in `headers`."""
        came = self._jar.filter_cookies(URL(escaped(url), encoded=True)).values() if len(self._jar) else ()
        if not came:
            return []
        given = (pair for name, value in headers if name.lower() == "cookie" for pair in value.split("; "))
        pairs = {name: value for name, _, value in (pair.partition("=") for pair in given)}
        pairs |= {cookie.key: cookie.coded_value for cookie in came}
        return [("Cookie", "; ".join(f"{name}={value}" for name, value in pairs.items()))]
