"""Queries that the MPD adds to the addresses of media (23009-1 Annex I): UrlQueryInfo, in its simple form."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from offlinedl.manifest.limits import check_address
from offlinedl.manifest.xml import Element

_SCHEME = "urn:mpeg:dash:urlparam:2014"
_IDENTIFIER = re.compile(r"\$(?:querypart|query:([^$]+))\$")


def understood(element: Element) -> bool:
    """Is the property one of these, and no more than is read here? What it keeps elsewhere (xlink) is not."""
    info = _info(element)
    return info is not None and info.local("href") is None


def query(level: Element, url: str) -> str:
    """What the properties of `level` add to each address below it; "" where they add nothing. `url` is the MPD's."""
    for element in (*level.all("EssentialProperty"), *level.all("SupplementalProperty")):
        info = _info(element)
        if info is not None:
            return _filled(info, urlsplit(url).query)
    return ""


def _info(element: Element) -> Element | None:
    is_one = (element.get("schemeIdUri") or "").strip().lower() == _SCHEME
    return element.first("UrlQueryInfo") if is_one else None


def _filled(info: Element, own: str) -> str:
    """Annex I.2: the template, with all or parts of the MPD's own query and of @queryString put in."""
    inherits = (info.get("useMPDUrlQuery") or "").strip() in {"true", "1"}
    initial = "&".join(part for part in (own if inherits else "", info.get("queryString") or "") if part)
    template = info.get("queryTemplate") or ""
    check_address(template)
    values = dict(part.partition("=")[::2] for part in initial.split("&"))
    return _IDENTIFIER.sub(lambda match: values.get(match[1], "") if match[1] else initial, template)
