"""get: download for offline playback."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer

from offlinedl.cli import events, progress
from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, note, report, say
from offlinedl.cli.progress import How
from offlinedl.errors import OfflinedlError, shown

if TYPE_CHECKING:
    from offlinedl.actions.get import Order
    from offlinedl.choose import Preferences
    from offlinedl.config import Settings
    from offlinedl.engine import Engine
    from offlinedl.library import Library
    from offlinedl.model import Entry, Wanted
    from offlinedl.streams import LicenseServer

T = TypeVar("T")
Work: TypeAlias = "Callable[[Order, Engine], Awaitable[T]]"


def verb(
    refs: Annotated[list[str], typer.Argument(metavar="REF...", help="Titles: URLs of manifests, or source:id.")],
    quality: Annotated[
        str | None,
        typer.Option("--quality", "-q", metavar="Q", help="data-saver, standard, high, best, 720p, or 2.5M."),
    ] = None,
    audio: Annotated[str | None, typer.Option(metavar="LANGS", help="Languages, like en,fr; or all.")] = None,
    subs: Annotated[str | None, typer.Option(metavar="LANGS", help="Languages, like en,fr; or all, or none.")] = None,
    connections: Annotated[
        int | None, typer.Option("--connections", "-N", min=1, max=64, help="At most so many.")
    ] = None,
    header: Annotated[list[str] | None, typer.Option(metavar="NAME:VALUE", help="Sent to the title's origin.")] = None,
    license_url: Annotated[str | None, typer.Option(metavar="URL", help="The Clear Key license server.")] = None,
    license_header: Annotated[
        list[str] | None, typer.Option(metavar="NAME:VALUE", help="Sent to the license server.")
    ] = None,
    hdr: Annotated[bool, typer.Option("--hdr", help="High dynamic range, where there is one.")] = False,
    fit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="The highest quality at which all fit together, like 4GB.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the ladder and the choice; fetch nothing.")] = False,
    all_renditions: Annotated[
        bool, typer.Option("--all-renditions", help="With --dry-run --json: the fetches of every rendition.")
    ] = False,
    how: Annotated[How, typer.Option("--progress", help="On stderr. json: an event a line, for programs.")] = How.AUTO,
    json: Json = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Download titles for offline playback, with the license that opens them. Run it again after any interruption."""
    from offlinedl.actions.get import Order
    from offlinedl.cli import wiring

    settings = wiring.settings()
    preferences = _preferences(settings, hdr=hdr)
    _check(
        quality or settings.quality,
        preferences,
        fit=fit is not None and quality is not None,
        alone=all_renditions and not dry_run,
    )
    order = Order(
        ref="",
        quality=quality,
        audio=_languages(audio),
        subtitles=_languages(subs),
        license=_server(license_url, license_header or []),
        headers=_headers("--header", header or []),
        defaults=_defaults(settings),
        preferences=preferences,
    )
    most = connections or settings.connections
    tell = events.failed if how is How.JSON else report
    with progress.ended(how), wiring.library() as library:
        if fit is not None:
            order = wiring.run(_fitted(order, refs, library, most, fit))
            if how not in {How.JSON, How.NONE}:
                note(f"{order.quality} fits into {fit}.")
        if dry_run:
            plans, code = wiring.run(_each(order, refs, most, _looking(library, everything=all_renditions), tell))
            _show(plans, json=json)
        else:
            done, code = wiring.run(_each(order, refs, most, _fetching(library, how), tell))
            if json:
                document([_shape(entry, library) for entry in done])
    if code:
        raise typer.Exit(code)


async def _each(
    order: Order, refs: Sequence[str], connections: int, work: Work[T], tell: Callable[[OfflinedlError, str], int]
) -> tuple[list[T], int]:
    """`work` on each title in turn; one that fails does not stop the others, and is told of. The code is that of the
    first failure."""
    from dataclasses import replace

    from offlinedl.cli import wiring

    done: list[T] = []
    codes: list[int] = []
    async with wiring.engine(connections) as engine:
        for ref in refs:
            try:
                done.append(await work(replace(order, ref=ref), engine))
            except OfflinedlError as error:
                codes.append(tell(error, _shown(ref)))
    return done, codes[0] if codes else 0


async def _fitted(order: Order, refs: Sequence[str], library: Library, connections: int, size: str) -> Order:
    """The order at the highest quality at which all titles fit into `size` together."""
    from dataclasses import replace

    from offlinedl import sizes
    from offlinedl.actions.fit import fit
    from offlinedl.cli import wiring

    most = sizes.size(size, "--fit")
    async with wiring.engine(connections) as engine:
        return replace(order, quality=await fit([replace(order, ref=ref) for ref in refs], most, library, engine))


def _fetching(library: Library, how: How) -> Work[Entry]:
    async def work(order: Order, engine: Engine) -> Entry:
        from offlinedl.actions.get import get

        with progress.shown(how, _shown(order.ref)) as watching:
            return await get(order, library, engine, watching)

    return work


def _shown(ref: str) -> str:
    """What was asked for, without its secrets."""
    return shown(ref) if "://" in ref else ref


def _looking(library: Library, *, everything: bool) -> Work[tuple[dict[str, Any], float]]:
    """The plan of a title, and its duration in seconds."""

    async def work(order: Order, engine: Engine) -> tuple[dict[str, Any], float]:
        from offlinedl.actions.get import look
        from offlinedl.actions.prepare import all_renditions
        from offlinedl.cli import dry_run

        seen = await look(order, library, engine)
        offered = await all_renditions(seen, engine) if everything else seen.offered
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


def _shape(entry: Entry, library: Library) -> dict[str, Any]:
    from offlinedl import clock
    from offlinedl.cli import shape

    return shape.whole(entry, library.plan(entry.id), str(library.store.folder(entry.folder)), clock.now())


def _defaults(settings: Settings) -> Wanted:
    from offlinedl.model import Wanted

    return Wanted(quality=settings.quality, audio=settings.audio, subtitles=settings.subtitles)


def _check(quality: str, preferences: Preferences, *, fit: bool, alone: bool) -> None:
    """What is wrong on the command line is said before anything is asked for."""
    from offlinedl.choose import caps
    from offlinedl.errors import UsageError

    caps(quality, preferences.qualities)
    if fit:
        raise UsageError("--fit and --quality: one of the two decides", "leave one of them out")
    if alone:
        raise UsageError("--all-renditions without --dry-run", "it shows what would be fetched: add --dry-run --json")


def _preferences(settings: Settings, *, hdr: bool) -> Preferences:
    from offlinedl import choose, config

    own = {name: choose.Caps(**caps) for name, caps in settings.qualities.items()}
    codecs = tuple((codec,) for codec in settings.prefer_codecs) or (config.codecs_played(),)
    return choose.Preferences(qualities={**choose.QUALITIES, **own}, codecs=codecs, hdr=hdr)


def _languages(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def _headers(option: str, given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    from offlinedl.errors import UsageError

    pairs = []
    for text in given:
        name, colon, value = text.partition(":")
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~\w-]+", name.strip()) or not text.isprintable():
            raise UsageError(f"{option}: not a header", f"write {option} 'Name: value'")
        pairs.append((name.strip(), value.strip()))
    return tuple(pairs)


def _server(url: str | None, headers: Sequence[str]) -> LicenseServer | None:
    from offlinedl.errors import UsageError
    from offlinedl.streams import LicenseServer

    if url is None:
        if headers:
            raise UsageError("--license-header without --license-url", "name the license server too")
        return None
    if not url.lower().startswith(("http://", "https://")):
        raise UsageError("--license-url: not an http or https URL", "write the whole address of the license server")
    return LicenseServer(system="clearkey", url=url, headers=_headers("--license-header", headers))
