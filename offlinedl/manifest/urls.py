"""The URLs of a manifest: references become absolute, and only http and https leave (RFC 3986 section 5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

from offlinedl.errors import DamagedError, UnsupportedError, shown

# A path with nothing to resolve, and perhaps a query: no dot segment, no empty segment, no fragment.
_PATH = r"[\w~%][\w~%$.,;=&@!()+-]*(?:/[\w~%$,;=&@!()+-][\w~%$.,;=&@!()+-]*)*(?:\?[\w~%$.,:;=&@!()*/+-]*)?"
_PLAIN = re.compile(_PATH, re.ASCII)
_ABSOLUTE = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,4})?/" + _PATH, re.ASCII)


def join(base: str, reference: str) -> str:
    """`reference` as an absolute http(s) URL, seen from `base`. Raises DamagedError and UnsupportedError."""
    try:
        url = urljoin(base, reference.strip())
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # the port is read because reading it is what checks it
    except ValueError:
        raise DamagedError("The manifest holds an address that is not a URL.", _AGAIN) from None
    if parts.scheme not in {"http", "https"}:
        raise UnsupportedError(
            f"The manifest points to {shown(url)}, and only http and https are fetched.",
            "Give the manifest's own http or https address.",
        )
    if not host:
        raise DamagedError("The manifest holds an address without a host.", _AGAIN)
    return url


_AGAIN = "The manifest is damaged: fetch it again, or tell its publisher."


def joiner(base: str) -> Callable[[str], str]:
    """`join` for many references to one `base`: those that need no resolving cost next to nothing."""
    root = join(base, "")
    folder = join(root, ".").partition("?")[0].partition("#")[0]
    plain = _PLAIN.fullmatch if folder.endswith("/") else None

    def absolute(reference: str) -> str:
        if plain is not None and plain(reference):
            return folder + reference
        if _ABSOLUTE.fullmatch(reference):
            return reference
        return join(root, reference)

    return absolute


def extension(url: str) -> str:
    """The file extension of the URL's path, lower-case and without its dot; "" where there is none."""
    name = url.partition("?")[0].partition("#")[0].rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""
