"""check: do files and licenses still hold?"""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offlinedl.api.events import named
from offlinedl.cli import progress, wiring
from offlinedl.cli.each import Cookies, Header, Progress, Proxy, each, headers, tell
from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, say
from offlinedl.cli.progress import How

if TYPE_CHECKING:
    from offlinedl.api.library import Library
    from offlinedl.api.requests import Access
    from offlinedl.api.verdicts import Verdict

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
    from offlinedl.api.requests import Access

    network = wiring.Network(proxy=proxy, cookies=cookies)
    with progress.ended(how), wiring.opened(network) as library:
        chosen, codes = _chosen(library, refs or [], how)
        access = Access(headers=headers("--header", header or []))
        work = _Work(access, repairs=repair, how=how, json=json).one
        found, code = wiring.run(each(library, chosen, work, how))
        codes += [code] if code else []
        stray = {} if refs else library.strays(deletes=repair)
    if json:
        document([*map(shaped, found), *starmap(_stray, stray.items())])
    else:
        for name, is_gone in stray.items():
            say(f"{name}: belongs to no title, {'deleted' if is_gone else '`--repair` deletes it'}")
        if not (chosen or codes or stray):
            progress.remark(how, "Nothing to check.")
    codes += [verdict.error.exit_code for verdict in found if verdict.error]
    if codes:
        raise typer.Exit(codes[0])


class _Work:
    """One run: what is done with each title, and told of it."""

    def __init__(self, access: Access, *, repairs: bool, how: How, json: bool) -> None:
        self._access = access
        self._repairs, self._how, self._json = repairs, how, json

    async def one(self, library: Library, title_id: str) -> Verdict:
        """Check a title, and repair it where that is wanted."""
        with progress.watcher(self._how) as watcher:
            verdict = await library.check(title_id, tidies=self._repairs, progress=watcher)
        if not self._json:
            _say(verdict)
        if self._repairs and verdict.error:
            with progress.watcher(self._how) as watcher:
                verdict = await library.repair(verdict, access=self._access, progress=watcher)
            if verdict.repaired and not self._json:
                say(f"{verdict.title.name}: repaired: {words(verdict)}")
        if verdict.error:
            tell(verdict.error, verdict.title.id, self._how)
        return verdict


def _chosen(library: Library, refs: list[str], how: How) -> tuple[list[str], list[int]]:
    """The titles that are meant, and an exit code for each that is not there."""
    from offlinedl.errors import OfflinedlError

    if not refs:
        return [title.id for title in library.titles()], []
    found: dict[str, None] = {}
    codes = []
    for ref in refs:
        try:
            found[library.title(ref).id] = None
        except OfflinedlError as error:
            codes.append(tell(error, named(ref), how))
    return list(found), codes


def _say(verdict: Verdict) -> None:
    """The result of one title, and under it the files that do not hold."""
    say(f"{verdict.title.name}: {words(verdict)}")
    for damage in verdict.damaged[:_NAMED]:
        say(f"  {damage.path} ({damage.what}): {damage.reason}")
    if len(verdict.damaged) > _NAMED:
        say(f"  and {len(verdict.damaged) - _NAMED} more")
    for path in verdict.orphans[:_NAMED]:
        say(f"  {path}: belongs to nothing{', deleted' if verdict.tidied else ''}")
    if len(verdict.orphans) > _NAMED:
        say(f"  and {len(verdict.orphans) - _NAMED} more that belong to nothing")


def words(verdict: Verdict) -> str:
    """What was found, in one line."""
    from offlinedl.errors import counted
    from offlinedl.model import State

    title = verdict.title
    if verdict.error is not None:
        return verdict.error.message
    if title.state is State.REMOVING or not verdict.files:
        return title.message
    whole = f"all {counted(verdict.files, 'file')} hold" if verdict.files > 1 else "its only file holds"
    if title.files_left:
        whole = f"{counted(verdict.files, 'file')} of {verdict.files + title.files_left} are here, and hold"
    opens = ", the license opens them" if verdict.license == "opens" else ""
    return f"{whole}{opens}. {title.message}"


def shaped(verdict: Verdict) -> dict[str, Any]:
    """The shape of `check --json`, of one title."""
    error = verdict.error
    return {
        "id": verdict.title.id,
        "state": verdict.title.state,
        "files": verdict.files,
        "damaged": [{"path": d.path, "track": d.what, "reason": d.reason} for d in verdict.damaged],
        "license": verdict.license,
        "orphans": list(verdict.orphans),
        "repaired": verdict.repaired or (verdict.tidied and error is None),
        "message": words(verdict) + (_TIDIED.format(len(verdict.orphans)) if verdict.tidied else ""),
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
