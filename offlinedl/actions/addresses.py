"""Where a title can be had: which of its addresses is asked first, and which next where that does not answer."""

from __future__ import annotations

import asyncio

from offlinedl.engine import Engine
from offlinedl.errors import NetworkError, NotFoundError, OfflinedlError, UnsupportedError
from offlinedl.http import Answer
from offlinedl.manifest import Format, hls_steering
from offlinedl.manifest.limits import seen_at
from offlinedl.streams import Manifest, Rendition, Resource

_STEERING_BYTES = 64 * 1024
_STEERING_SECONDS = 5.0
"""How much is read, and how long is waited, for advice that a title can do without."""


async def steered(manifest: Manifest, format: Format, answer: Answer, engine: Engine, throughput: int) -> Manifest:
    """The manifest with its addresses in the order that its steering server wishes, who is asked once. No title fails
    for want of advice. `throughput` is in bits per second."""
    steering = manifest.steering
    if steering is None:
        return manifest
    try:
        async with asyncio.timeout(_STEERING_SECONDS):
            said = await engine.http.get(hls_steering.request(steering, throughput), limit=_STEERING_BYTES)
    except (OfflinedlError, TimeoutError):
        return manifest
    return format.parse(answer.body, answer.url, engine.limits, {steering.url: said.body})


async def expanded(rendition: Rendition, format: Format, engine: Engine) -> Rendition:
    """`rendition` with its segments: its media playlist or index is read, and what that refers to."""
    turn = 0
    while rendition.index is not None:
        with seen_at(rendition.id):
            answer, turn = await _anywhere(rendition.index, rendition.bases, turn, engine)
        rendition = format.expand(rendition, answer.body, answer.url, engine.limits)
    if not rendition.segments:
        raise UnsupportedError(f"{rendition.id}: the manifest names no segments", "is the title complete?")
    return rendition


async def _anywhere(
    resource: Resource, bases: tuple[tuple[str, ...], ...], turn: int, engine: Engine
) -> tuple[Answer, int]:
    """`resource` from the first of its addresses that has it, and the number of that address. `turn` is the number of
    the one that is asked first: where that worked before. Raises what the first answered where none has it."""
    url = resource.url
    alike = (other + url.removeprefix(first) for first, *others in bases if url.startswith(first) for other in others)
    addresses = list(enumerate(dict.fromkeys((url, *alike))))
    failures: list[NetworkError | NotFoundError] = []
    for number, address in (*addresses[turn:], *addresses[:turn]):
        try:
            return await engine.get(address, resource.range), number
        except NotFoundError as error:
            error.hint = "the service does not have what its manifest names: try another quality, or tell the service"
            failures.append(error)
        except NetworkError as error:
            failures.append(error)
    raise failures[0]
