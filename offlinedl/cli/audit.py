"""audit: the offline readiness checklist of one title, for the people who publish it."""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offlinedl.cli import wishes
from offlinedl.cli.each import Cookies, Header, Proxy, headers
from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, in_colour, say, styled, term

if TYPE_CHECKING:
    from offlinedl.actions.audit import Audit
    from offlinedl.readiness import Finding

_DAMAGED = 8
_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red"), "unknown": ("?", "dim")}


def verb(
    ref: Annotated[str, typer.Argument(metavar="URL", help="The title: the URL of its manifest, or source:id.")],
    quality: Annotated[
        str | None, typer.Option("--quality", "-q", metavar="Q", help="Which rung is looked at. As of get.")
    ] = None,
    audio: Annotated[str, typer.Option(metavar="LANGS", help="Languages, like en,fr; or all.")] = "all",
    subs: Annotated[str, typer.Option(metavar="LANGS", help="Languages, like en,fr; or all, or none.")] = "all",
    license: Annotated[
        bool, typer.Option("--license", help="Ask for a license too, which may be billed, and give it back.")
    ] = False,
    header: Header = None,
    cookies: Cookies = None,
    proxy: Proxy = None,
    license_url: wishes.LicenseUrl = None,
    license_header: wishes.LicenseHeader = None,
    json: Json = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Say whether a title will work offline, for the people who publish it. Ends with 8 where something would not."""
    from offlinedl.actions.audit import audit
    from offlinedl.actions.get import Order
    from offlinedl.choose import Preferences, spelled
    from offlinedl.cli import wiring

    own = wiring.home()
    qualities = own.preferences().qualities
    order = Order(
        ref=ref,
        quality=quality if quality is None else spelled(quality, qualities),
        audio=wishes.asked("--audio", audio),
        subtitles=wishes.asked("--subs", subs),
        license=wishes.server(license_url, license_header or []),
        headers=headers("--header", header or []),
        preferences=Preferences(qualities=qualities, hdr=True),  # what this machine plays is not the question
    )

    async def work() -> Audit:
        async with own.licensing(wiring.Network(proxy=proxy, cookies=cookies)) as licensing:
            return await audit(order, library, licensing, ask=license)

    with own.library() as library:
        found = wiring.run(work())
    if json:
        document(_shape(found))
    else:
        _say(found)
    if not found.is_ready:
        raise typer.Exit(_DAMAGED)


def _shape(found: Audit) -> dict[str, Any]:
    findings = [
        {"id": f.id, "group": f.group, "state": f.state, "detail": f.detail, "hint": f.hint} for f in found.findings
    ]
    return {"title": found.id, "url": found.url, "verdict": _verdict(found), "findings": findings}


def _verdict(found: Audit) -> str:
    return "ready" if found.is_ready else "not-ready"


def _say(found: Audit) -> None:
    width = max(len(finding.id) for finding in found.findings)
    say(f"{found.name}: {found.url}")
    for group, own in groupby(found.findings, key=lambda finding: finding.group):
        say(styled(group, "bold"))
        for finding in own:
            _line(finding, width)
    counts = {state: sum(f.state == state for f in found.findings) for state in _MARKS}
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    say(f"{_verdict(found)}: {said}")


def _line(finding: Finding, width: int) -> None:
    term(f"  {mark(finding.state)}  {finding.id:{width}}  ", finding.detail)
    if finding.state != "ok" and finding.hint:
        term(f"{'':{width + 13}}", finding.hint)


def mark(state: str) -> str:
    """A sign on a terminal that has it, a word elsewhere."""
    sign, style = _MARKS[state]
    if in_colour(sys.stdout) and (sys.stdout.encoding or "").lower().startswith("utf"):
        return styled(sign, style)
    return f"{state:7}"
