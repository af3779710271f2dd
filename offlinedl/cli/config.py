"""config: the settings, and where each came from."""

from __future__ import annotations

import json as json_
from typing import Annotated, Any

import typer

from offlinedl.cli.options import Home, Json, Verbose
from offlinedl.cli.output import document, say, table

app = typer.Typer(help="Show and change the settings.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Like download.quality; `config show` names them all.")]


@app.command()
def show(json: Json = False, home: Home = None, verbose: Verbose = False) -> None:
    """Show each setting, and where it came from."""
    from offlinedl.cli import wiring
    from offlinedl.config import file

    own = wiring.home()
    said = file.said(own.folders.config)
    named = [*file.names(), *(name for name in said if name not in file.names())]
    rows = [(name, file.of(own.settings(), name), name in said) for name in named]
    if json:
        document([{"name": name, "value": value, "from": _from(is_said)} for name, value, is_said in rows])
    else:
        table(
            ("SETTING", "VALUE", "FROM"), [(name, _text(name, value), _from(is_said)) for name, value, is_said in rows]
        )


@app.command()
def get(name: Name, json: Json = False, home: Home = None, verbose: Verbose = False) -> None:
    """Print the value of one setting."""
    from offlinedl.cli import wiring
    from offlinedl.config import file

    value = file.of(wiring.home().settings(), name)
    if json:
        document(value)
    else:
        say(_text(name, value))


@app.command(name="set")
def set_(
    name: Name,
    value: Annotated[
        str | None, typer.Argument(help="With commas between several. Without it the setting is as if never made.")
    ] = None,
    home: Home = None,
    verbose: Verbose = False,
) -> None:
    """Change a setting in config.toml. What else is in that stays as it is, remarks too."""
    from offlinedl.cli import wiring

    wiring.home().change(name, value)
    get(name)


@app.command()
def path(home: Home = None, verbose: Verbose = False) -> None:
    """Print where config.toml is, or is to be."""
    from offlinedl.cli import wiring

    say(str(wiring.home().folders.config))


def _from(is_said: bool) -> str:
    return "config.toml" if is_said else "default"


def _text(name: str, value: Any) -> str:
    """As `config set` takes it."""
    import shlex

    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return (shlex.join(value) if name.endswith((".when", ".command")) else ",".join(value)) or "-"
    return value if isinstance(value, str) else json_.dumps(value)
