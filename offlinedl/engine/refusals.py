"""What a failed fetch says, and whether it says anything about the others."""

from __future__ import annotations

from offlinedl.errors import NetworkError


def named(what: str, error: NetworkError) -> NetworkError:
    """`error`, with what it is about."""
    message = f"{what}: {error.message}"
    about = NetworkError(message, error.hint, status=error.status, answered=error.answered)
    about.__cause__ = error
    return about


def concerns_one(error: NetworkError) -> bool:
    """Is it about this resource, so that the others may still come? A server that is gone is not."""
    return error.answered and (error.status is None or (error.status not in {401, 403, 429} and error.status < 500))
