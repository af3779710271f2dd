"""Options that many commands share. `--home` and `-v` may stand before or after the verb."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

_HOME = "OFFLINEDL_HOME"
_VERBOSE = "OFFLINEDL_VERBOSE"


def _keep_home(home: Path | None) -> Path | None:
    if home is not None:
        os.environ[_HOME] = str(home)
    return home


def _keep_verbose(verbose: bool) -> bool:
    if verbose:
        os.environ[_VERBOSE] = "1"
    return verbose


def home() -> Path | None:
    """The folder that holds everything, where one was named."""
    return Path(os.environ[_HOME]).expanduser() if os.environ.get(_HOME) else None


def verbose() -> bool:
    """Are tracebacks wanted?"""
    return bool(os.environ.get(_VERBOSE))


Home = Annotated[
    Path | None,
    typer.Option("--home", callback=_keep_home, metavar="DIR", help="Keep everything under this folder.", envvar=_HOME),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", callback=_keep_verbose, help="Show the traceback of a defect.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
