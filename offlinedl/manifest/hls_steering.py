"""Content steering: which pathway is asked first, and pathways that no playlist names (rfc8216bis section 7)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any
from urllib.parse import quote, unquote_plus, urlsplit

from offlinedl.errors import OfflinedlError
from offlinedl.frozen import frozen
from offlinedl.manifest.hls_pathways import Attributes, Stream
from offlinedl.manifest.urls import join
from offlinedl.streams import Steering

_MOST_CLONES = 16
_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


@frozen
class Clone:
    """A pathway that is as the pathway `base`, but elsewhere: at another `host`, with other `params` in the query, or
    where `variants` and `renditions` say so of a stream, by its stable id."""

    id: str
    base: str
    host: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    variants: Mapping[str, str] = field(default_factory=dict)
    renditions: Mapping[str, str] = field(default_factory=dict)

    def address(self, url: str, stream: Attributes) -> str | None:
        """Where the stream is that the base has at `url`; None where that is no http(s) URL (section 7.2)."""
        whole = self.variants.get(stream.get("STABLE-VARIANT-ID", "")) or self.renditions.get(
            stream.get("STABLE-RENDITION-ID", "")
        )
        try:
            found = join(url, whole or _with_params(_at_host(url, self.host), self.params))
            found.encode()
        except (OfflinedlError, UnicodeError):  # letters that are none, which JSON can spell
            return None
        return found


@frozen
class Directions:
    """What a steering server says: pathways in the order in which they are to be asked, and clones of some."""

    priority: tuple[str, ...] = ()
    clones: tuple[Clone, ...] = ()


def request(steering: Steering, throughput: int) -> str:
    """The URL to ask; `throughput` is what was observed, in bits per second (section 7.4, with its quotes)."""
    mark = "&" if "?" in steering.url else "?"
    pathway = quote(f'"{steering.pathway}"')
    return f"{steering.url}{mark}_HLS_pathway={pathway}&_HLS_throughput={throughput}"


def read(data: bytes) -> Directions | None:
    """The steering manifest `data` (section 7.1); None where it is none of version 1. What is odd in it is left out."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("VERSION") != 1:
        return None
    clones = (_clone(node) for node in _list(document.get("PATHWAY-CLONES"))[:_MOST_CLONES])
    return Directions(
        priority=tuple(name for name in _list(document.get("PATHWAY-PRIORITY")) if isinstance(name, str)),
        clones=tuple(clone for clone in clones if clone is not None),
    )


def steer(stream: Stream, directions: Directions) -> None:
    """The addresses of `stream` in the order of their pathways, those that no priority names last; with its clones,
    which may be clones of clones."""
    for clone in directions.clones:
        for url in [url for url, pathways in stream.urls.items() if clone.base in pathways]:
            address = clone.address(url, stream.attributes)
            if address is not None:
                stream.add(address, {clone.id})
    ranks = {name: rank for rank, name in enumerate(directions.priority)}

    def rank(address: tuple[str, frozenset[str]]) -> int:
        return min((ranks[name] for name in address[1] if name in ranks), default=len(ranks))

    stream.urls = dict(sorted(stream.urls.items(), key=rank))


def _clone(node: object) -> Clone | None:
    """Section 7.2: a pathway clone; None where its ids or its host are none."""
    values = _mapping(node)
    replacement = _mapping(values.get("URI-REPLACEMENT"))
    names = [values.get(key) for key in ("ID", "BASE-ID")]
    host = replacement.get("HOST") or ""
    if not all(isinstance(name, str) and name for name in names) or not isinstance(host, str):
        return None
    if host and not _HOST.fullmatch(host):
        return None
    return Clone(
        id=str(names[0]),
        base=str(names[1]),
        host=host,
        params=_texts(replacement.get("PARAMS")),
        variants=_texts(replacement.get("PER-VARIANT-URIS")),
        renditions=_texts(replacement.get("PER-RENDITION-URIS")),
    )


def _at_host(url: str, host: str) -> str:
    """`url` at another host, and at the same port unless `host` names one. Who is known here is not said there."""
    if not host:
        return url
    parts = urlsplit(url)
    named = _HOST.fullmatch(host)
    port = "" if parts.port is None or (named and named[1]) else f":{parts.port}"
    return parts._replace(netloc=host + port).geturl()


def _with_params(url: str, params: Mapping[str, str]) -> str:
    """`url` with these parameters in its query; what else is there stays as it stands, for it may be signed."""
    if not params:
        return url
    address, _, query = url.partition("?")
    pairs = [pair for pair in query.split("&") if pair and unquote_plus(pair.partition("=")[0]) not in params]
    pairs += [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(params.items())]
    return f"{address}?{'&'.join(pairs)}"


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> Mapping[str, str]:
    return {name: text for name, text in _mapping(value).items() if isinstance(text, str)}
