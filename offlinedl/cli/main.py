"""The application: its verbs, and how each run ends.

Only the verbs that a command line names are imported and built, and heavy imports are made inside them: start-up time
is a promise.
"""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Annotated

import typer
from typer.exceptions import TyperException

from offlinedl import __version__
from offlinedl.cli import options, words
from offlinedl.cli.options import Home, Verbose
from offlinedl.cli.output import note, report
from offlinedl.errors import FEWER_FILES, OfflinedlError, Stopped, StorageError, UsageError, cleared

VERBS = (
    "get", "list", "show", "play", "pause", "resume", "rm", "renew", "check", "mark", "export", "register", "follow",
    "unfollow", "following", "sync", "schedule", "source", "storage", "audit", "doctor", "config", "vault", "demo",
)  # fmt: skip
"""Each is a module beside this one: a function `verb`, or an `app` of its own where there are verbs below it."""


_PLAIN = (
    (r"^Invalid value for ([^:]*): ", lambda found: f"{found[1].replace(chr(39), '').replace(' / ', ', ')}: "),
    (r"Input should be a valid integer.*", "not a whole number"),
    (r"Input should be (greater|less) than or equal to", r"must be \1 than or equal to"),
    (r"Value error, ", ""),
    (r"^Missing argument '(.*)'", lambda found: f"{found[1].upper()} is missing"),
)
"""What the parser of command lines says of wrong values, and how it is said here."""


def application(verbs: Iterable[str] = VERBS) -> typer.Typer:
    """The command line with these verbs."""
    app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]}, pretty_exceptions_enable=False)
    app.callback()(_offlinedl)
    for name in verbs:
        module = import_module(f"offlinedl.cli.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name=name)(module.verb)
    return app


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"offlinedl {__version__}\n")
        raise typer.Exit


def _offlinedl(
    home: Home = None,
    verbose: Verbose = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Download HLS and DASH titles for offline playback, with the license that opens them."""


def run(arguments: Sequence[str]) -> int:  # noqa: PLR0911 - one return for each way to end
    """Run one command line. Returns its exit code; errors are two lines on stderr."""
    named = [verb for verb in VERBS if verb in arguments]
    app = application(named or ([] if arguments == ["--version"] else VERBS))
    words.as_they_are()
    try:
        _check_words(arguments)
        code = app(list(arguments) or ["--help"], prog_name="offlinedl", standalone_mode=False, obj=run)
    except OfflinedlError as error:
        return report(error)
    except Stopped as stopped:
        note(f"Stopped. {stopped.left}")
        return stopped.exit_code
    except TyperException as error:
        return _misused(error)
    except SystemExit as left:
        return 0 if left.code == 1 else int(left.code or 0)  # typer's 1: whoever read the output has heard enough
    except typer.Abort:
        return 130
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return report(StorageError("what was to be printed cannot be written: no space", "free some space"))
        if isinstance(error, OSError) and error.errno == errno.EMFILE:
            return report(StorageError("too many open files", FEWER_FILES))
        if isinstance(error, UnicodeEncodeError) and not " ".join(arguments).isprintable():
            return report(UsageError("a word of the command line is no text", "names and ids are UTF-8"))
        return _defect(error)
    return (code or 0) if arguments else 2


def _misused(error: TyperException) -> int:
    said = error.format_message() or "a command is missing"
    for technical, plain in _PLAIN:
        said = re.sub(technical, plain, said)
    path = context.command_path if (context := getattr(error, "ctx", None)) else "offlinedl"
    note(f"error: {said.rstrip('.')}\nhint: `{path} --help` shows how it is meant")
    return 2


def _check_words(arguments: Sequence[str]) -> None:
    """An empty word is what a script makes of a variable that is not set: nobody means it."""
    for before, word in pairwise(["offlinedl", *arguments]):
        if not word or re.fullmatch(r"--[\w-]+=", word):
            raise UsageError(
                f"an empty word after {before}" if not word else f"{word} and then nothing", "say what is meant"
            )


def _defect(error: Exception) -> int:
    if options.verbose():
        import traceback

        sys.stderr.write(cleared(traceback.format_exc()))
    note(
        f"error: a defect in offlinedl: {type(error).__name__}\n"
        "hint: run it again with -v for the traceback, and report it with that"
    )
    return 1
