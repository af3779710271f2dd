"""doctor: what works on this machine, and what does not."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, say, styled, term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offlinedl.actions.examine import Finding
    from offlinedl.library import Library
    from offlinedl.license.conformance import Result

_MARKS = {"ok": ("ok    ", "green"), "absent": ("-     ", "dim"), "broken": ("broken", "red")}


def verb(
    adapter: Annotated[
        str | None, typer.Option(metavar="NAME", help="Test the adapter of this system: widevine, playready, fairplay.")
    ] = None,
    json: Json = False,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Say what works on this machine: folders, catalog, clock, vault, decoder, players, adapters."""
    if adapter is not None:
        _test(adapter, json=json)
        return
    found = _examined()
    if json:
        document([_shape(finding) for finding in found])
    else:
        _say(found)
    broken = [finding.error for finding in found if finding.error]
    if broken:
        raise typer.Exit(broken[0].exit_code)


def _examined() -> list[Finding]:
    from offlinedl.actions import examine_sync
    from offlinedl.actions.examine import examine
    from offlinedl.cli import schedule, wiring
    from offlinedl.errors import OfflinedlError
    from offlinedl.license.adapter import adapters

    own = wiring.home()
    by_system = adapters(own.settings().cdm)
    with ExitStack() as opened:
        library: Library | OfflinedlError
        try:
            library = opened.enter_context(own.library())
        except OfflinedlError as error:
            library = error
        found = wiring.run(examine(library, own.vault(), own.folders, own.keep_free(), by_system))
        if not isinstance(library, OfflinedlError):
            runs = library.catalog.runs.last()
            found += examine_sync.of_sources(library.catalog.offers.sources())
            found += examine_sync.of_schedule(schedule.name(), runs, library.time())
            found.append(wiring.run(examine_sync.of_gate(own.gate(library))))
        return found


def _say(found: Sequence[Finding]) -> None:
    width = max(len(finding.what) for finding in found)
    for finding in found:
        mark, style = _MARKS[finding.state]
        term(f"{styled(mark, style)}  {finding.what:{width}}  ", finding.detail)
        if finding.error:
            say(f"{'':{width + 10}}{finding.error.hint}")


def _shape(finding: Finding) -> dict[str, Any]:
    error = finding.error
    return {
        "what": finding.what,
        "state": finding.state,
        "detail": finding.detail,
        "error": error and {"code": error.code, "message": error.message, "hint": error.hint},
    }


def _test(name: str, *, json: bool) -> None:
    """The conformance test of an adapter."""
    from offlinedl.cli import wiring
    from offlinedl.errors import DamagedError, UsageError
    from offlinedl.license.adapter import DIALECTS
    from offlinedl.license.conformance import check

    commands = wiring.home().settings().cdm
    if name not in commands:
        raise UsageError(
            f"--adapter {name}: no such adapter (configured: {', '.join(commands) or 'none'})",
            f'systems are {", ".join(DIALECTS)}; config.toml names a program: [cdm.widevine] command = ["..."]',
        )
    results = wiring.run(check(name, commands[name]))
    if json:
        document([{"step": result.step, "ok": result.ok, "detail": result.detail or None} for result in results])
    else:
        for result in results:
            _step(result)
    failed = [result for result in results if not result.ok]
    if failed:
        raise DamagedError(
            f"the adapter for {name} fails {len(failed)} of {len(results)} steps",
            "docs/adapters.md says what each of them asks for",
            code="adapter-does-not-conform",
        )


def _step(result: Result) -> None:
    mark = styled("passed", "green") if result.ok else styled("failed", "red")
    if result.ok and result.detail:  # it says why it was not tried
        mark = styled("-     ", "dim")
    term(f"{mark}  ", result.step + (f": {result.detail}" if result.detail else ""))
