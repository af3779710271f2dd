"""register: take over media that another tool downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli import progress, wiring, wishes
from offlinedl.cli.each import Connections, Cookies, Header, LimitRate, Progress, Proxy, each
from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document
from offlinedl.cli.progress import How

if TYPE_CHECKING:
    from offlinedl.api.library import Library


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
    from offlinedl.api.requests import Request
    from offlinedl.cli import shape

    request = wiring.checked(
        Request(
            ref=ref,
            quality=quality,
            audio=wishes.asked("--audio", audio),
            subtitles=wishes.asked("--subs", subs),
            access=wishes.access(header or [], license_url, license_header or []),
        )
    )
    network = wiring.Network(connections=connections, limit_rate=limit_rate, proxy=proxy, cookies=cookies)
    with progress.ended(how), wiring.opened(network) as library:

        async def work(library: Library, _: str) -> str:
            with progress.watcher(how) as watcher:
                title = await library.register(request, path, fetch_missing=fetch_missing, progress=watcher)
            return title.id

        done, code = wiring.run(each(library, [ref], work, how))
        if json:
            document([shape.stored(library.details(title_id)) for title_id in done])
    if code:
        raise typer.Exit(code)
