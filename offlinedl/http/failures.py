"""What goes wrong between here and a server, in the house's words."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from offlinedl.errors import NetworkError, UsageError, shown
from offlinedl.http.address import place
from offlinedl.http.exchange import BrokenError

_CHECK = "check the connection, then run it again: what is done is kept"
_WORDS = {
    aiohttp.ServerDisconnectedError: "closed without an answer",
    aiohttp.ClientPayloadError: "cut off in the middle of the body",
    aiohttp.ClientResponseError: "not HTTP",
}


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Errors of a request for `url`."""
    try:
        yield
    except (aiohttp.InvalidURL, UnicodeError) as error:
        raise NetworkError(f"{shown(url)}: not a URL that can be asked", "tell the service") from error
    except ssl.SSLCertVerificationError as error:
        reason = getattr(error, "certificate_error", error).verify_message
        raise NetworkError(
            f"{shown(url)}: the certificate of its server is not trusted: {reason}",
            "are the address and the time of this machine right? SSL_CERT_FILE names a file of those to trust",
        ) from error
    except ValueError as error:  # a header that would become two, or that no request can carry
        raise UsageError(f"{shown(url)}: this cannot be sent: {error}", "check the headers") from error
    except TimeoutError as error:
        raise NetworkError(f"{shown(url)}: nothing came for too long", "run it again: what is done is kept") from error
    except (aiohttp.ClientError, OSError) as error:
        whose = "the proxy: " if _is_of_proxy(error, url) else ""
        raise NetworkError(f"{shown(url)}: {whose}{_said(error)}", _CHECK) from error


def _is_of_proxy(error: Exception, url: str) -> bool:
    """Was it another server than that of `url` that could not be reached? Then it was to pass the request on."""
    return isinstance(error, aiohttp.ClientConnectorError) and (error.host, error.port) != place(url)[1:]


def _said(error: Exception) -> str:
    """What the system says of it, else what it is called. asyncio puts what several addresses said into one text."""
    told = getattr(error, "os_error", None) or error
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy: status {error.status}"
    if isinstance(told, BrokenError):
        return str(told)
    if isinstance(told, OSError) and not isinstance(told, socket.gaierror | ssl.SSLError):
        found = re.search(r"\[Errno (\d+)]", str(told))
        number = told.errno or (int(found[1]) if found else 0)
        return os.strerror(number) if number else type(told).__name__
    return getattr(told, "strerror", None) or _WORDS.get(type(told)) or type(told).__name__
