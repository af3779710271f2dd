"""get: download for offline playback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offlinedl.cli import progress, wiring, wishes
from offlinedl.cli.each import Connections, Cookies, Each, Header, LimitRate, Progress, Proxy, Work, headers
from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, note, say
from offlinedl.cli.progress import How

if TYPE_CHECKING:
    from offlinedl.actions.get import Order
    from offlinedl.actions.prepare import Prepared
    from offlinedl.library import Library
    from offlinedl.license import Licensing


def verb(
    refs: Annotated[list[str], typer.Argument(metavar="REF...", help="Titles: URLs of manifests, or source:id.")],
    quality: Annotated[
        str | None,
        typer.Option("--quality", "-q", metavar="Q", help="data-saver, standard, high, best, 720p, or 2.5M."),
    ] = None,
    audio: wishes.Audio = None,
    subs: wishes.Subs = None,
    keep: Annotated[bool | None, typer.Option("--keep", help="Never removed to make room.")] = None,
    priority: Annotated[
        int | None, typer.Option(min=-100, max=100, metavar="N", help="The highest first, where several wait.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="After it, the title may go first to make room (2026-12-24).")
    ] = None,
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
    from offlinedl.actions.get import Order
    from offlinedl.api.details import details
    from offlinedl.choose import spelled
    from offlinedl.cli import dates, shape

    own = wiring.home()
    preferences = own.preferences(hdr=hdr)
    _check(fit=fit is not None and quality is not None, alone=all_renditions and not dry_run)
    order = Order(
        ref="",
        quality=quality if quality is None else spelled(quality, preferences.qualities),
        audio=wishes.asked("--audio", audio),
        subtitles=wishes.asked("--subs", subs),
        license=wishes.server(license_url, license_header or []),
        headers=headers("--header", header or []),
        defaults=own.wanted(preferences),
        preferences=preferences,
        keep=keep,
        priority=priority,
        until=None if until is None else dates.moment("--until", until),
        brought=False,
    )
    network = wiring.Network(connections=connections, limit_rate=limit_rate, proxy=proxy, cookies=cookies)
    each = Each(network=network, how=how, joins=not no_wait)
    with progress.ended(how), wiring.library(wiring.space()) as library:
        failed = 0
        if fit is not None:
            order, refs, failed = wiring.run(_fitted(order, refs, library, each, fit))
            if order.quality is not None and how not in {How.JSON, How.NONE}:
                note(f"{order.quality} fits into {fit}.")
        if dry_run:
            plans, code = wiring.run(each.run(order, refs, _looking(library, everything=all_renditions)))
            _show(plans, json=json)
        else:
            done, code = wiring.run(each.run(order, refs, each.fetching(library), each.queueing(library)))
            if json:
                document([shape.stored(details(entry, library)) for entry in done])
    if failed or code:
        raise typer.Exit(failed or code)


async def _fitted(
    order: Order, refs: Sequence[str], library: Library, each: Each, size: str
) -> tuple[Order, list[str], int]:
    """The order at the highest quality at which all titles fit into `size` together; those of `refs` that there are;
    the exit code for the others."""
    from dataclasses import replace

    from offlinedl import sizes
    from offlinedl.actions.fit import fit, measure
    from offlinedl.choose import written
    from offlinedl.errors import StorageError

    async def measured(order: Order, licensing: Licensing) -> tuple[str, Prepared]:
        return order.ref, await measure(order, library, licensing)

    most = sizes.size(size, "--fit")
    seen, code = await each.run(order, refs, measured)
    if not seen:
        return order, [], code
    try:
        caps = fit([title for _, title in seen], most, order.preferences)
    except StorageError as error:
        of_all = each.tell(error, "")
        return order, [], code or of_all
    return replace(order, quality=written(caps)), [ref for ref, _ in seen], code


def _looking(library: Library, *, everything: bool) -> Work[tuple[dict[str, Any], float]]:
    """The plan of a title, and its duration in seconds."""

    async def work(order: Order, licensing: Licensing) -> tuple[dict[str, Any], float]:
        from offlinedl.actions.get import look
        from offlinedl.actions.prepare import all_renditions
        from offlinedl.cli import dry_run

        seen = await look(order, library, licensing)
        offered = await all_renditions(seen, licensing.engine) if everything else seen.offered
        plan = dry_run.plan(seen, offered, library.store.free_bytes(), everything=everything)
        return plan, float(seen.duration)

    return work


def _show(plans: Sequence[tuple[dict[str, Any], float]], *, json: bool) -> None:
    from offlinedl.cli import dry_run

    if json:
        document([plan for plan, _ in plans])
        return
    for position, (plan, duration) in enumerate(plans):
        if position:
            say()
        dry_run.ladder(plan, duration)


def _check(*, fit: bool, alone: bool) -> None:
    """What is wrong on the command line is said before anything is asked for."""
    from offlinedl.errors import UsageError

    if fit:
        raise UsageError("--fit and --quality: one of the two decides", "leave one of them out")
    if alone:
        raise UsageError("--all-renditions without --dry-run", "it shows what would be fetched: add --dry-run --json")
