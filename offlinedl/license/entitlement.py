"""Entitlements: whether this device may download a title, and on what terms, as its service decides it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import field, replace

from offlinedl import rights
from offlinedl.errors import DamagedError, RefusedError, cleared, shown
from offlinedl.frozen import frozen
from offlinedl.http import Answer, Http
from offlinedl.model import Rights, Title
from offlinedl.sources.node import Node
from offlinedl.sources.node import rights as rights_of
from offlinedl.streams import Plan

_HINTS = {
    "device-limit": "remove the downloads of another device there: `offlinedl rm --all` gives its place back",
    "download-limit": "remove a title of this service: `offlinedl rm` gives its place back",
    "monthly-limit": "wait for the next month; removing titles does not help",
    "not-entitled": "look at your subscription, or at whether you have bought or rented it",
    "region": "it may be downloaded elsewhere",
}
"""For each reason that a service gives, what would help."""

_LONGEST = 300
"""Letters of what a service says to people."""


@frozen
class Entitlement:
    """That the title may be downloaded: the `token` for its license server and its key servers, and its rights. `url`
    is where that was said, None where nobody was asked."""

    rights: Rights
    url: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def added_to(self, plan: Plan) -> Plan:
        """`plan` with the token for its license server, or for its keys where these have addresses of their own. What
        came in secret goes nowhere in the open; what the service says to be sent there comes before it."""
        server = plan.license
        if server is None or self.token is None or self.url is None:
            return plan
        targets = [key.uri for key in plan.keys] if server.url is None else [server.url]
        is_open = not all(target.lower().startswith("https:") for target in targets)
        said = {name.lower() for name, _ in server.headers}
        if "authorization" in said or (is_open and self.url.lower().startswith("https:")):
            return plan
        token = ("Authorization", f"Bearer {self.token}")
        return replace(plan, license=replace(server, headers=(*server.headers, token)))


async def ask(http: Http, title: Title, device: Callable[[], str]) -> Entitlement:
    """The entitlement for this `device` to download `title`; without a request where its service asks for none.
    RefusedError with the service's reason as its code."""
    url = title.service.entitlement_url
    if url is None:
        return Entitlement(rights=title.rights)
    answer = await _said(http, url, device(), title.id, "download")
    node = _document(answer)
    if answer.status != 403 and "allowed" not in node.value:
        raise node.wrong("allowed", "missing")
    if answer.status == 403 or not node.flag("allowed", False):
        raise _refusal(node, title.id)
    own = node.node("rights")
    narrowed = rights.narrowed(title.rights, rights_of(own, export=title.rights.export)) if own else title.rights
    return Entitlement(rights=narrowed, url=url, token=_token(node))


async def release(http: Http, url: str, device: str, title_id: str) -> None:
    """Tell the service that the title is no longer on this device. Returns when it has acknowledged that."""
    await _said(http, url, device, title_id, "release")


async def _said(http: Http, url: str, device: str, title_id: str, action: str) -> Answer:
    body = json.dumps({"device": device, "title": title_id.partition(":")[2], "action": action}).encode()
    answer = await http.post(url, body, [("Content-Type", "application/json")])
    where = f"the entitlement server {shown(answer.url)}"
    answer.check_is_final(where)
    if not (200 <= answer.status < 300 or (answer.status == 403 and action == "download")):
        raise RefusedError(
            f"{where} refused: status {answer.status}", "is the source's address still right?", code="not-entitled"
        )
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


def _token(node: Node) -> str | None:
    """As it is to be sent (RFC 6750 section 2.1), but that any letter may be in it that ends no header."""
    token = node.value.get("token")
    if token is not None and not (isinstance(token, str) and re.fullmatch(r"[!-~]*", token)):
        raise node.wrong("token", "not a token")
    return token or None


def _refusal(node: Node, title_id: str) -> RefusedError:
    reason = node.text("reason") or ""
    code = reason if reason in _HINTS else "not-entitled"
    said = cleared(node.text("message") or reason or "no reason given")
    if len(said) > _LONGEST:
        said = f"{said[:_LONGEST]}..."
    return RefusedError(f"{title_id}: the service refuses the download: {said}", _HINTS[code], code=code)
