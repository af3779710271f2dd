"""register: take over media that another tool downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli import progress, wiring, wishes
from offlinedl.cli.each import Connections, Cookies, Each, Header, LimitRate, Progress, Proxy, headers
from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document
from offlinedl.cli.progress import How

if TYPE_CHECKING:
    from offlinedl.actions.get import Order
    from offlinedl.license import Licensing
    from offlinedl.model import Entry


def verb(
    ref: Annotated[str, typer.Argument(help="The title: the URL of its manifest, or source:id.")],
    path: Annotated[Path, typer.Argument(help="What was downloaded: a folder, or a file.")],
    quality: Annotated[
        str | None, typer.Option("--quality", "-q", metavar="Q", help="As of get. Without a word: what is there.")
    ] = None,
    audio: wishes.Audio = None,
    subs: wishes.Subs = None,
    fetch_missing: Annotated[bool, typer.Option("--fetch-missing", help="Download what is not there.")] = False,
    connections: Connections = None,
    limit_rate: LimitRate = None,
    header: Header = None,
    cookies: Cookies = None,
    proxy: Proxy = None,
    license_url: wishes.LicenseUrl = None,
    license_header: wishes.LicenseHeader = None,
    how: Progress = How.AUTO,
    json: Json = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Make media that another tool downloaded a title: copied in, licensed, proven, ready. They stay as they are."""
    from offlinedl.actions.get import Order
    from offlinedl.actions.register import register
    from offlinedl.api.details import details
    from offlinedl.choose import spelled
    from offlinedl.cli import shape

    own = wiring.home()
    preferences = own.preferences(hdr=True)
    order = Order(
        ref="",
        quality=quality if quality is None else spelled(quality, preferences.qualities),
        audio=wishes.asked("--audio", audio),
        subtitles=wishes.asked("--subs", subs),
        license=wishes.server(license_url, license_header or []),
        headers=headers("--header", header or []),
        defaults=own.wanted(preferences),
        preferences=preferences,
    )
    network = wiring.Network(connections=connections, limit_rate=limit_rate, proxy=proxy, cookies=cookies)
    with progress.ended(how), wiring.library(wiring.space()) as library:

        async def work(order: Order, licensing: Licensing) -> Entry:
            with progress.shown(how, ref) as watching:
                return await register(order, path, library, licensing, watching, fetch_missing=fetch_missing)

        done, code = wiring.run(Each(network=network, how=how).run(order, [ref], work))
        if json:
            document([shape.stored(details(entry, library)) for entry in done])
    if code:
        raise typer.Exit(code)
