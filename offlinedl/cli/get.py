"""get: download for offline playback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from offlinedl.cli import progress, wiring, wishes
from offlinedl.cli.each import Connections, Cookies, Header, LimitRate, Progress, Proxy, each, tell
from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, say
from offlinedl.cli.progress import How

if TYPE_CHECKING:
    from offlinedl.api.library import Library
    from offlinedl.api.plans import DownloadPlan, Queued
    from offlinedl.api.requests import Request


def verb(
    refs: Annotated[list[str], typer.Argument(metavar="REF...", help="Titles: URLs of manifests, or source:id.")],
    quality: wishes.Quality = None,
    audio: wishes.Audio = None,
    subs: wishes.Subs = None,
    keep: Annotated[bool | None, typer.Option("--keep", help="Never removed to make room.")] = None,
    priority: wishes.Priority = None,
    until: wishes.Until = None,
    connections: Connections = None,
    limit_rate: LimitRate = None,
    header: Header = None,
    cookies: Cookies = None,
    proxy: Proxy = None,
    license_url: wishes.LicenseUrl = None,
    license_header: wishes.LicenseHeader = None,
    hdr: Annotated[bool, typer.Option("--hdr", help="High dynamic range, where there is one.")] = False,
    fit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="The highest quality at which all fit together, like 4GB.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the ladder and the choice; fetch nothing.")] = False,
    all_renditions: Annotated[
        bool, typer.Option("--all-renditions", help="With --dry-run --json: the fetches of every rendition.")
    ] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Not for another offlinedl that is at the title.")] = False,
    how: Progress = How.AUTO,
    json: Json = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Download titles for offline playback, with the license that opens them. Run it again after any interruption."""
    from offlinedl.api.requests import Request
    from offlinedl.cli import dates, shape

    _check(fit=fit is not None and quality is not None, alone=all_renditions and not dry_run)
    request = wiring.checked(
        Request(
            ref="",
            quality=quality,
            audio=wishes.asked("--audio", audio),
            subtitles=wishes.asked("--subs", subs),
            access=wishes.access(header or [], license_url, license_header or []),
            hdr=hdr,
            keep=keep,
            priority=priority,
            until=None if until is None else dates.moment("--until", until),
            joins=not no_wait,
        )
    )
    network = wiring.Network(connections=connections, limit_rate=limit_rate, proxy=proxy, cookies=cookies)
    with progress.ended(how), wiring.opened(network) as library:
        failed = 0
        if fit is not None:
            request, refs, failed = wiring.run(_fitted(request, refs, library, how, fit))
            if request.quality is not None:
                progress.remark(how, f"{request.quality} fits into {fit}.")
        if dry_run:
            plans, code = wiring.run(_looked(request, refs, library, how, everything=all_renditions))
            _show(plans, json=json)
        else:
            done, code = wiring.run(_got(request, refs, library, how))
            if json:
                document([shape.stored(library.details(title_id)) for title_id in done])
    if failed or code:
        raise typer.Exit(failed or code)


async def _got(request: Request, refs: Sequence[str], library: Library, how: How) -> tuple[list[str], int]:
    """The ids of the titles that are ready then. Where there are several, all are written down first, and the one of
    the highest priority goes first."""
    waiting: dict[str, Queued] = {}

    async def queue(library: Library, ref: str) -> None:
        with progress.watcher(how) as watcher:
            waiting[ref] = await library.queue(replace(request, ref=ref), progress=watcher)

    async def fetch(library: Library, ref: str) -> str:
        with progress.watcher(how) as watcher:
            title = await library.download(waiting.get(ref) or replace(request, ref=ref), progress=watcher)
        return title.id

    code = 0
    async with library.session() as session:
        if len(refs) > 1:
            _, code = await each(session, refs, queue, how)
            refs = sorted((ref for ref in refs if ref in waiting), key=lambda ref: -waiting[ref].priority)
        done, other = await each(session, refs, fetch, how)
    return done, code or other


async def _fitted(
    request: Request, refs: Sequence[str], library: Library, how: How, size: str
) -> tuple[Request, list[str], int]:
    """The request at the highest quality at which all titles fit into `size` together; those of `refs` that there are;
    the exit code for the others."""
    from offlinedl import sizes
    from offlinedl.errors import StorageError

    async def measure(library: Library, ref: str) -> DownloadPlan:
        return await library.measure(replace(request, ref=ref))

    most = sizes.size(size, "--fit")
    seen, code = await each(library, refs, measure, how)
    if not seen:
        return request, [], code
    try:
        quality = library.fit(seen, most)
    except StorageError as error:
        of_all = tell(error, "", how)
        return request, [], code or of_all
    return replace(request, quality=quality), [plan.request.ref for plan in seen], code


async def _looked(
    request: Request, refs: Sequence[str], library: Library, how: How, *, everything: bool
) -> tuple[list[DownloadPlan], int]:
    """The plans of the titles."""

    async def look(library: Library, ref: str) -> DownloadPlan:
        return await library.prepare(replace(request, ref=ref), everything=everything)

    return await each(library, refs, look, how)


def _show(plans: Sequence[DownloadPlan], *, json: bool) -> None:
    from offlinedl.cli import dry_run

    if json:
        document([dry_run.shape(plan) for plan in plans])
        return
    for position, plan in enumerate(plans):
        if position:
            say()
        dry_run.ladder(plan)


def _check(*, fit: bool, alone: bool) -> None:
    """What is wrong on the command line is said before anything is asked for."""
    from offlinedl.errors import UsageError

    if fit:
        raise UsageError("--fit and --quality: one of the two decides", "leave one of them out")
    if alone:
        raise UsageError("--all-renditions without --dry-run", "it shows what would be fetched: add --dry-run --json")
