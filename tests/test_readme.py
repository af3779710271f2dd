"""README says what is: its command lines are understood, every command is in it, its exit codes are the program's."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from offlinedl import errors
from offlinedl.cli.main import application
from tests.conftest import Offlinedl

README = (Path(__file__).parents[1] / "README.md").read_text()
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
LINES = [line for _, block in FENCED for line in block.splitlines()]
SPANS = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", README, flags=re.DOTALL | re.MULTILINE))
SET_UP = (
    "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/offlinedl demo",
    "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/python -m pytest",
)


def _calls() -> Iterator[tuple[str, ...]]:
    """The arguments of every call of the program, in blocks and in the text."""
    for line in [*LINES, *(span for span in SPANS if span.startswith("offlinedl "))]:
        if "offlinedl" in line:
            shell = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
            shell.whitespace_split = True
            for is_operator, words in groupby(shell, lambda word: word in {"&&", "||", "|", ";", "&", ">", ">>"}):
                program, *arguments = words
                if not is_operator and Path(program).name == "offlinedl":
                    yield tuple(arguments)


def _commands(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its options, by the words that call it."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _commands(below, f"{path} {name}".strip())


COMMANDS = dict(_commands(get_command(application())))


@pytest.mark.parametrize("command", SET_UP)
def test_a_set_up_command_stands_there_word_for_word(command: str) -> None:
    assert command in LINES


def test_a_session_shows_the_main_job() -> None:
    typed = [line for kind, block in FENCED if kind == "console" for line in block.splitlines()]
    assert {"$ offlinedl get", "$ offlinedl list"} <= {" ".join(line.split()[:3]) for line in typed}


@pytest.mark.parametrize("call", sorted(set(_calls())), ids=" ".join)
def test_a_command_line_is_understood(offlinedl: Offlinedl, call: tuple[str, ...]) -> None:
    result = offlinedl(*call, "--help")  # options are looked at before help is given
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize("path", [path for path in COMMANDS if path])
def test_a_command_is_mentioned(path: str) -> None:
    code = [text.removeprefix("$ ").removeprefix("offlinedl ") for text in [*LINES, *SPANS]]
    assert any(f"{text} ".startswith(f"{path} ") for text in code)


@pytest.mark.parametrize("option", sorted({span.split()[0] for span in SPANS if span.startswith("-")}))
def test_an_option_in_the_text_exists(option: str) -> None:
    known = {
        name
        for command in COMMANDS.values()
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    assert option in known | {"--help"}


def test_what_takes_json_stands_there() -> None:
    told = README.partition("Everything takes `--help`;")[2].partition("take `--json`")[0]
    takes = [path for path, command in COMMANDS.items() if any("--json" in p.opts for p in command.params)]
    assert sorted(re.findall(r"`([a-z ]+)`", told.replace("\n", " "))) == sorted(takes)


def test_every_option_of_get_stands_in_its_table() -> None:
    rows = re.findall(r"^\| (`-.*?) \|", README.partition("| option of `get` |")[2].partition("\n\n")[0], re.MULTILINE)
    told = [option for row in rows for option in re.findall(r"`(--?[\w-]+)`", row)]
    options = [name for parameter in COMMANDS["get"].params for name in parameter.opts if name.startswith("-")]
    of_all = {"--home", "--verbose", "-v", "--help", "-h"}
    assert sorted(told) == sorted(set(options) - of_all)


def _exit_codes() -> dict[int, str]:
    """The table whose first heading is `code`: rows `| 4 | meaning |`, and `| 130, 143 | meaning |`."""
    table = re.search(r"^\| (?:exit )?code \|.*\n\|[-| :]+\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert table, "README has no table of exit codes"
    rows = [row.strip("|").split("|", 1) for row in table[1].splitlines()]
    return {int(code): meaning for codes, meaning in rows for code in re.findall(r"\d+", codes)}


def test_the_exit_codes_are_those_of_the_errors() -> None:
    tree: list[type[errors.OfflinedlError]] = [errors.OfflinedlError, *errors.OfflinedlError.__subclasses__()]
    codes = {error.exit_code: error.default_code.split("-")[-1] for error in tree}
    told = _exit_codes()
    assert set(told) == {0, *codes, errors.Stopped(2).exit_code, errors.Stopped(15).exit_code}
    assert [code for code, word in codes.items() if word not in told[code]] == []
