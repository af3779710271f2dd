"""What goes wrong between here and a server, in the house's words."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl

from offlinedl.errors import FEWER_FILES, NetworkError, OfflinedlError, StorageError, UsageError, shown
from offlinedl.http.exchange import BrokenError

CHECK = "check the connection, then run it again: what is done is kept"
NOT_A_URL = "not a URL that can be asked"


def translated(url: str, error: OSError | ValueError) -> OfflinedlError:
    """An error of a request for `url`."""
    if isinstance(error, UnicodeError):
        return NetworkError(f"{shown(url)}: {NOT_A_URL}", "tell the service")
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = getattr(error, "certificate_error", error).verify_message
        return NetworkError(
            f"{shown(url)}: the certificate of its server is not trusted: {reason}",
            "are the address and the time of this machine right? SSL_CERT_FILE names a file of those to trust",
        )
    if isinstance(error, TimeoutError):
        return NetworkError(f"{shown(url)}: nothing came for too long", "run it again: what is done is kept")
    if isinstance(error, OSError):
        number = _number(error)
        if number == errno.EMFILE:
            return StorageError(f"{shown(url)}: {said(error)}", FEWER_FILES)
        return NetworkError(f"{shown(url)}: {said(error)}", CHECK, unheard=number == errno.ECONNREFUSED)
    # a header that would become two, or that no request can carry
    return UsageError(f"{shown(url)}: this cannot be sent: {error}", "check the headers")


def said(error: Exception) -> str:
    """What the system says of it, else what it is called."""
    if isinstance(error, BrokenError):
        return str(error)
    if isinstance(error, socket.gaierror | ssl.SSLError):
        return error.strerror or type(error).__name__
    number = _number(error)
    return os.strerror(number) if number else type(error).__name__


def _number(error: Exception) -> int:
    """The system's, 0 where there is none. asyncio puts what several addresses said into one text."""
    if not isinstance(error, OSError) or isinstance(error, socket.gaierror | ssl.SSLError):
        return 0
    found = re.search(r"\[Errno (\d+)]", str(error))
    return error.errno or (int(found[1]) if found else 0)
