"""vault: the licenses of this home, in one file under a passphrase."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import say

app = typer.Typer(help="Take the vault elsewhere, in one file under a passphrase.", no_args_is_help=True)

PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="Holds the passphrase. Without it, the terminal is asked."),
]


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Write the vault to a file: its key, all licenses, the device id. Who has file and passphrase has them."""
    from offlinedl.cli import wiring
    from offlinedl.errors import DamagedError, UsageError
    from offlinedl.unread import unread

    if file.exists():
        raise UsageError(f"{file}: there is a file already", "name another one, or delete it")
    own = wiring.home()
    with own.library() as library:
        entries = library.catalog.entries()
    vault = own.vault()
    passphrase = _passphrase(passphrase_file, twice=True)
    try:
        count = vault.export_to(file, passphrase)
    except DamagedError as error:
        raise unread(vault, entries) or error from error
    say(f"{file}: {_counted(count)}")
    left_out = unread(vault, entries)
    if left_out is not None:
        raise left_out


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `vault export` wrote.")],
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Take in an exported vault: where there is none, or what is absent of the same one."""
    from offlinedl.cli import wiring

    own = wiring.home()
    with own.library() as library:
        slots = library.licenses.slots()
    count = own.vault().import_from(file, _passphrase(passphrase_file, twice=False), slots)
    say(f"{file}: {_counted(count)} taken in")


def _counted(secrets: int) -> str:
    return f"{secrets} secret" if secrets == 1 else f"{secrets} secrets"


def _passphrase(file: Path | None, *, twice: bool) -> str:
    """What the person has in mind: never on a command line, where other users of the machine see it."""
    from offlinedl.errors import UsageError

    if file is not None:
        try:
            passphrase = file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not a text"
            raise UsageError(f"cannot read {file}: {why}", "name a text file with one line") from error
    elif sys.stdin.isatty():
        passphrase = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=twice, err=True)
    else:
        raise UsageError("there is no terminal to ask for the passphrase", "use --passphrase-file FILE")
    if not passphrase:
        raise UsageError("the passphrase is empty", "choose one that nobody guesses")
    return str(passphrase)
