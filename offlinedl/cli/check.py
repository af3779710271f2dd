"""check: do files and licenses still hold?"""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offlinedl.cli import progress, wiring
from offlinedl.cli.each import Cookies, Header, Progress, Proxy, headers
from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, note, report, say
from offlinedl.cli.progress import How

if TYPE_CHECKING:
    from datetime import datetime

    from offlinedl.actions.check import Verdict
    from offlinedl.library import Library
    from offlinedl.model import Entry

_NAMED = 5
"""So many damaged files of a title are named in words, and so many orphans; JSON names all."""

_TIDIED = ". {} that belonged to nothing deleted"


def verb(
    refs: Annotated[list[str] | None, typer.Argument(metavar="[REF...]", help="Without one: all titles.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Fetch what is damaged, and delete what belongs to nothing.")
    ] = False,
    header: Header = None,
    cookies: Cookies = None,
    proxy: Proxy = None,
    how: Progress = How.AUTO,
    json: Json = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Read every file and try every license again: do they still hold? Names what does not, and demotes it."""
    network = wiring.Network(proxy=proxy, cookies=cookies)
    with progress.ended(how), wiring.library(wiring.space()) as library:
        chosen, codes = _chosen(library, refs or [])
        work = _Work(library, headers("--header", header or []), repairs=repair, how=how, json=json)
        found = wiring.run(work.through(chosen, network))
        stray = {} if refs else work.strays()
        if json:
            document([*(shaped(verdict, library.time()) for verdict in found), *starmap(_stray, stray.items())])
        elif not (chosen or codes or stray):
            note("Nothing to check.")
    codes += [verdict.error.exit_code for verdict in found if verdict.error]
    if codes:
        raise typer.Exit(codes[0])


class _Work:
    """One run: what is done with each title, and told of it."""

    def __init__(
        self, library: Library, headers: tuple[tuple[str, str], ...], *, repairs: bool, how: How, json: bool
    ) -> None:
        self._library, self._headers = library, headers
        self._repairs, self._how, self._json = repairs, how, json

    async def through(self, entries: list[Entry], network: wiring.Network) -> list[Verdict]:
        """Every title in turn."""
        from dataclasses import replace

        from offlinedl.actions.check import check, repair
        from offlinedl.actions.get import Order
        from offlinedl.actions.litter import tidy

        found: list[Verdict] = []
        order = Order(ref="", headers=self._headers)
        async with wiring.licensing(network) as licensing:
            for entry in entries:
                with progress.shown(self._how, entry.id) as watching:
                    verdict = await check(entry, self._library, licensing, watching)
                if self._repairs and verdict.orphans:
                    verdict = replace(verdict, tidied=tidy(verdict.entry, self._library))
                if not self._json:
                    _say(verdict, self._library.time())
                if self._repairs and verdict.error:
                    with progress.shown(self._how, entry.id) as watching:
                        verdict = await repair(verdict, order, self._library, licensing, watching)
                    if verdict.repaired and not self._json:
                        say(f"{entry.name}: repaired: {words(verdict, self._library.time())}")
                found.append(verdict)
                self._tell(verdict)
        return found

    def strays(self) -> dict[str, bool]:
        """What belongs to no title, and whether it is deleted, which is done where it was asked for."""
        from offlinedl.actions.litter import strays, sweep

        found = {name: self._repairs and sweep(name, self._library) for name in strays(self._library)}
        if not self._json:
            for name, is_gone in found.items():
                say(f"{name}: belongs to no title, {'deleted' if is_gone else '`--repair` deletes it'}")
        return found

    def _tell(self, verdict: Verdict) -> None:
        from offlinedl.cli import events

        if verdict.error is None:
            return
        if self._how is How.JSON:
            events.failed(verdict.error, verdict.entry.id)
        else:
            report(verdict.error, verdict.entry.id)


def _chosen(library: Library, refs: list[str]) -> tuple[list[Entry], list[int]]:
    """The titles that are meant, and an exit code for each that is not there."""
    from offlinedl import sources
    from offlinedl.errors import OfflinedlError

    if not refs:
        return library.entries(), []
    found: dict[str, Entry] = {}
    codes = []
    for ref in refs:
        try:
            entry = library.find(sources.title_id(ref))
        except OfflinedlError as error:
            codes.append(report(error))
        else:
            found[entry.id] = entry
    return list(found.values()), codes


def _say(verdict: Verdict, now: datetime) -> None:
    """The result of one title, and under it the files that do not hold."""
    say(f"{verdict.entry.name}: {words(verdict, now)}")
    for damage in verdict.damaged[:_NAMED]:
        say(f"  {damage.path} ({damage.what}): {damage.reason}")
    if len(verdict.damaged) > _NAMED:
        say(f"  and {len(verdict.damaged) - _NAMED} more")
    for path in verdict.orphans[:_NAMED]:
        say(f"  {path}: belongs to nothing{', deleted' if verdict.tidied else ''}")
    if len(verdict.orphans) > _NAMED:
        say(f"  and {len(verdict.orphans) - _NAMED} more that belong to nothing")


def words(verdict: Verdict, now: datetime) -> str:
    """What was found, in one line."""
    from offlinedl.api.titles import message
    from offlinedl.errors import counted
    from offlinedl.model import State

    entry = verdict.entry
    if verdict.error is not None:
        return verdict.error.message
    if entry.state is State.REMOVING or not verdict.files:
        return message(entry, now)
    whole = f"all {counted(verdict.files, 'file')} hold" if verdict.files > 1 else "its only file holds"
    if entry.fetches_left:
        whole = f"{counted(verdict.files, 'file')} of {verdict.files + entry.fetches_left} are here, and hold"
    opens = ", the license opens them" if verdict.license == "opens" else ""
    return f"{whole}{opens}. {message(entry, now)}"


def shaped(verdict: Verdict, now: datetime) -> dict[str, Any]:
    """The shape of `check --json`, of one title."""
    error = verdict.error
    return {
        "id": verdict.entry.id,
        "state": verdict.entry.state,
        "files": verdict.files,
        "damaged": [{"path": d.path, "track": d.what, "reason": d.reason} for d in verdict.damaged],
        "license": verdict.license,
        "orphans": list(verdict.orphans),
        "repaired": verdict.repaired or (verdict.tidied and error is None),
        "message": words(verdict, now) + (_TIDIED.format(len(verdict.orphans)) if verdict.tidied else ""),
        "error": error and {"code": error.code, "message": error.message, "hint": error.hint},
    }


def _stray(name: str, is_gone: bool) -> dict[str, Any]:
    """The same, of what belongs to no title."""
    return {
        "id": None,
        "state": None,
        "files": 0,
        "damaged": [],
        "license": None,
        "orphans": [name],
        "repaired": is_gone,
        "message": "belonged to no title, deleted" if is_gone else "belongs to no title",
        "error": None,
    }
