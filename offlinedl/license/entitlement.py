"""Entitlements: whether this device may download a title, and on what terms, as its service decides it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from offlinedl import rights
from offlinedl.errors import DamagedError, NetworkError, RefusedError, shown
from offlinedl.http import Answer, Http
from offlinedl.model import Rights, Title
from offlinedl.sources.node import Node
from offlinedl.sources.node import rights as rights_of

_HINTS = {
    "device-limit": "remove the downloads of another device there: `offlinedl rm --all` gives its place back",
    "download-limit": "remove a title of this service: `offlinedl rm` gives its place back",
    "monthly-limit": "wait for the next month; removing titles does not help",
    "not-entitled": "look at your subscription, or at whether you have bought or rented it",
    "region": "it may be downloaded elsewhere",
}
"""For each reason that a service gives, what would help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """That the title may be downloaded: the `token` for its license server and its key servers, and its rights."""

    rights: Rights
    token: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What goes along with each request for a license or a key."""
        return (("Authorization", f"Bearer {self.token}"),) if self.token else ()


async def ask(http: Http, title: Title, device: Callable[[], str]) -> Entitlement:
    """The entitlement for this `device` to download `title`; without a request where its service asks for none.
    RefusedError with the service's reason as its code."""
    url = title.service.entitlement_url
    if url is None:
        return Entitlement(rights=title.rights)
    answer = await _said(http, url, device(), title.id, "download")
    node = _document(answer)
    if answer.status == 403 or not node.flag("allowed", False):
        raise _refusal(node, title.id)
    own = node.node("rights")
    token = node.text("token")
    if token is not None and not (token.isascii() and token.isprintable()):
        raise node.wrong("token", "not a token")
    return Entitlement(
        token=token or None, rights=rights.narrowed(title.rights, rights_of(own)) if own else title.rights
    )


async def release(http: Http, url: str, device: str, title_id: str) -> None:
    """Tell the service that the title is no longer on this device. Returns when it has acknowledged that."""
    await _said(http, url, device, title_id, "release")


async def _said(http: Http, url: str, device: str, title_id: str, action: str) -> Answer:
    body = json.dumps({"device": device, "title": title_id.partition(":")[2], "action": action}).encode()
    answer = await http.post(url, body, [("Content-Type", "application/json")])
    where = f"the entitlement server {shown(answer.url)}"
    if answer.status in {408, 425, 429} or answer.status >= 500:
        raise NetworkError(
            f"{where} has no answer now: status {answer.status}", "run it again later", status=answer.status
        )
    if not (200 <= answer.status < 300 or (answer.status == 403 and action == "download")):
        raise RefusedError(f"{where} refused: status {answer.status}", "tell the service", code="not-entitled")
    return answer


def _document(answer: Answer) -> Node:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return Node(value, "", "entitlement")
    if answer.status == 403:
        return Node({}, "", "entitlement")  # refused, in other words than ours
    raise DamagedError(
        f"the entitlement server {shown(answer.url)} sent no JSON object",
        "tell the service",
        code="entitlement-damaged",
    )


def _refusal(node: Node, title_id: str) -> RefusedError:
    reason = node.text("reason") or ""
    code = reason if reason in _HINTS else "not-entitled"
    said = node.text("message") or reason or "no reason given"
    return RefusedError(f"{title_id}: the service refuses the download: {said}", _HINTS[code], code=code)
