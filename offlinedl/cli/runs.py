"""What the last runs of `sync` did, for `sync --history` and `doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from offlinedl.cli.output import document, note, table

if TYPE_CHECKING:
    from offlinedl.series import Run

_DID = {
    "download": "downloaded",
    "remove": "removed",
    "renew": "renewed",
    "release": "released",
    "ask the time": "asked the time",
}


def history(*, json: bool) -> None:
    """Show what is known of them, the newest first."""
    from offlinedl.cli import shape, wiring

    with wiring.opened() as library:
        found = library.runs()
    if json:
        document([_shape(run, shape.moment) for run in found])
    elif found:
        table(
            ["BEGAN", "TOOK", "CODE", "DID"],
            [[began(run), _took(run), _code(run), did(run, is_last=run is found[0])] for run in found],
        )
    else:
        note("No `offlinedl sync` ran here.")


def began(run: Run) -> str:
    """When it began, in local time."""
    return f"{run.began_at.astimezone():%Y-%m-%d %H:%M}"


def did(run: Run, *, is_last: bool) -> str:
    """What it did, in words. Only the last one may be at work still."""
    from offlinedl.errors import counted

    parts = [
        f"{counted(count, 'source')} changed" if what == "read" else f"{count} {_DID.get(what, what)}"
        for what, count in run.done.items()
    ]
    parts += [f"waited: {run.waits}"] if run.waits else []
    parts += [f"{title}: {said}" if title and title not in said else said for title, said in run.failures]
    if run.ended_at is None:
        parts.append("did not end: it is at work, or was killed" if is_last else "was killed")
    elif run.exit_code is None:
        parts.append("was stopped")
    return "; ".join(parts) or "nothing to do"


def _code(run: Run) -> str:
    return "-" if run.exit_code is None else str(run.exit_code)


def _took(run: Run) -> str:
    if run.ended_at is None:
        return "-"
    seconds = max(0, int((run.ended_at - run.began_at).total_seconds()))
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _shape(run: Run, moment: Any) -> dict[str, Any]:
    return {
        "began_at": moment(run.began_at),
        "ended_at": moment(run.ended_at),
        "exit_code": run.exit_code,
        "done": dict(run.done),
        "waits": run.waits or None,
        "failed": [{"title": title or None, "message": said} for title, said in run.failures],
    }
