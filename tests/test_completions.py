"""The shell completions that are shipped are those of the program, and they complete."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMPLETIONS = Path(__file__).parents[1] / "completions"
PROGRAM = Path(sys.executable).with_name("offlinedl")


def _output(*command: str | Path, **environment: str) -> str:
    """What a command prints. Shell detection is off, so that `--show-completion` takes the name of a shell."""
    detection = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=60, env={**os.environ, **detection, **environment}
    )
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shipped_completion_is_what_the_program_shows(shell: str) -> None:
    shown = _output(PROGRAM, "--show-completion", shell)
    assert (COMPLETIONS / f"offlinedl.{shell}").read_text() == shown


TYPED = [
    pytest.param("offlinedl g", ["get"], id="verb"),
    pytest.param("offlinedl source a", ["add"], id="verb-below-a-verb"),
    pytest.param("offlinedl get --qual", ["--quality"], id="option"),
    pytest.param("offlinedl doctor --a", ["--adapter"], id="option-of-doctor"),
    pytest.param("offlinedl get --license-", ["--license-url", "--license-header"], id="options"),
]


@pytest.mark.parametrize(("line", "completed"), TYPED)
def test_the_program_completes_what_is_typed(line: str, completed: list[str]) -> None:
    words = str(len(line.split()) - 1)
    printed = _output(PROGRAM, COMP_WORDS=line, COMP_CWORD=words, _OFFLINEDL_COMPLETE="complete_bash")
    assert sorted(printed.split()) == sorted(completed)


def test_bash_completes_with_the_shipped_file() -> None:
    script = f"source {COMPLETIONS}/offlinedl.bash; COMP_WORDS=(offlinedl g); COMP_CWORD=1"
    assert _output("bash", "-c", f"{script}; _offlinedl_completion {PROGRAM}; echo ${{COMPREPLY[@]}}") == "get\n"
