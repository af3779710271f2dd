"""Cookies from a file of the Netscape format, as browsers' extensions, curl and yt-dlp write it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from http.cookiejar import LoadError, MozillaCookieJar
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from offlinedl.errors import UsageError


def read(path: Path) -> Iterator[tuple[str, SimpleCookie]]:
    """Each cookie, and a URL of the host that set it. What has expired is left out; 0 is no moment, but a session's
    end.

    Raises UsageError where the file cannot be read.
    """
    jar = MozillaCookieJar(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # it prints a traceback of what it then raises
            jar.load(ignore_discard=True, ignore_expires=True)
    except (OSError, LoadError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a file of cookies in the Netscape format"
        raise UsageError(f"cannot read the cookies in {path}: {reason}", "export them as cookies.txt") from error
    for cookie in jar:
        if cookie.expires and cookie.is_expired():
            continue
        morsel = SimpleCookie()
        host = cookie.domain.lstrip(".")
        try:
            morsel[cookie.name] = cookie.value or ""
        except CookieError:
            continue  # a name that no request can carry
        morsel[cookie.name]["path"] = cookie.path
        morsel[cookie.name]["secure"] = cookie.secure
        if cookie.domain_specified or cookie.domain.startswith("."):
            morsel[cookie.name]["domain"] = host
        yield f"https://{host}/", morsel
