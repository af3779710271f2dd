"""The application: its commands, and how each run ends. Heavy imports are made inside the commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from offlinedl import __version__
from offlinedl.cli import demo, get, options, play, rm, show, source
from offlinedl.cli import list as list_
from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import report
from offlinedl.errors import OfflinedlError, Stopped

app = typer.Typer(
    help="Download HLS and DASH titles for offline playback, with the license that opens them.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
for command in (get.get, list_.list_, show.show, play.play, rm.rm):
    app.command(name=command.__name__.rstrip("_"))(command)
app.add_typer(source.app, name="source")
app.add_typer(demo.app, name="demo")


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"offlinedl {__version__}\n")
        raise typer.Exit


@app.callback()
def offlinedl(
    home: Home = None,
    verbose: Verbose = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Download HLS and DASH titles for offline playback, with the license that opens them."""


def run(arguments: Sequence[str]) -> int:  # noqa: PLR0911 - one return for each way to end
    """Run one command line. Returns its exit code; errors are two lines on stderr."""
    try:
        code = app(list(arguments) or ["--help"], prog_name="offlinedl", standalone_mode=False)
    except OfflinedlError as error:
        return report(error)
    except Stopped as stopped:
        return stopped.exit_code
    except TyperException as error:
        return _misused(error)
    except typer.Abort:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has heard enough
        return 0
    except Exception as error:
        return _defect(error)
    return code if isinstance(code, int) else 0 if arguments else 2


def _misused(error: TyperException) -> int:
    sys.stderr.write(f"error: {error.format_message()}\nhint: `offlinedl --help` shows how it is meant\n")
    return 2


def _defect(error: Exception) -> int:
    if options.verbose():
        import traceback

        traceback.print_exc()
    sys.stderr.write(
        f"error: a defect in offlinedl: {type(error).__name__}\n"
        "hint: run it again with -v for the traceback, and report it with that\n"
    )
    return 1
