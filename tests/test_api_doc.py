"""docs/api.md says what is: its blocks run, one after the other, and its errors and names are those that there are."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from offlinedl import Library, OfflinedlError, errors
from offlinedl.api import public
from tests.origin import Origin

DOC = (Path(__file__).parents[1] / "docs" / "api.md").read_text()
FIRST, *REST = re.findall(r"^```python\n(.*?)^```$", DOC, re.DOTALL | re.MULTILINE)
FEED, HOME = "https://video.example/feed.json", "/var/lib/your-app"


def test_its_blocks_run(
    tmp_path: Path, origin: Origin, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert FEED in FIRST
    assert HOME in FIRST
    exec(FIRST.replace(FEED, f"{origin.url}/feed.json").replace(HOME, str(tmp_path)), {})
    said = capsys.readouterr().out
    assert said.startswith("Available for 29 more days\nhttp://127.0.0.1:")

    async def rest() -> None:
        async with Library.open(tmp_path) as library:
            names: dict[str, Any] = {"library": library, "asyncio": asyncio, "__name__": "doc"}
            for block in REST:
                ran = eval(compile(block, "docs/api.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
                if inspect.isawaitable(ran):
                    await ran

    asyncio.run(rest())
    said = capsys.readouterr().out
    assert "True video 720 " in said
    assert "end proof 100.0" in said


def test_it_tells_every_error() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", DOC, re.MULTILINE))
    assert told == {error.__name__ for error in OfflinedlError.__subclasses__() if error.__module__ == errors.__name__}


@pytest.mark.parametrize("name", [name for name in dir(Library) if not name.startswith("_")])
def test_it_shows_every_function_of_the_library(name: str) -> None:
    assert re.search(rf"\b(library|Library)\.{name}\(", DOC)


def test_what_it_imports_is_public() -> None:
    imported = {
        name for line in re.findall(r"^from offlinedl import (.*)$", DOC, re.MULTILINE) for name in line.split(", ")
    }
    assert imported <= set(public.__all__)
