"""The plan of the house, held: what each module may import. A sentence for each fault, and rows that must be caught."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from offlinedl.cli.main import VERBS

ROOT = Path(__file__).parents[1]
HOUSE = "offlinedl"

# 0 words, 1 rules, 2 devices, 3 services, 4 actions, 5 what applications see, 6 command line.
# A name is a module, or a room with all in it.
FLOORS = {
    "": 0,  # the package itself: its version
    "added": 0,
    "mark": 0,
    "model": 0,
    "owed": 0,
    "protection": 0,
    "series": 0,
    "space": 0,
    "streams": 0,
    "errors": 0,
    "frozen": 0,
    "signatures": 0,
    "manifest": 1,
    "media": 1,
    "called": 1,
    "choose": 1,
    "conditions": 1,
    "schedule": 1,
    "placing": 1,
    "plan": 1,
    "expiry": 1,
    "languages": 1,
    "lifecycle": 1,
    "outlook": 1,
    "matching": 1,
    "parallel": 1,
    "patience": 1,
    "rate": 1,
    "readiness": 1,
    "record": 1,
    "rights": 1,
    "sizes": 1,
    "smart": 1,
    "tally": 1,
    "verify": 1,
    "http": 2,
    "store": 2,
    "catalog": 2,
    "vault": 2,
    "clock": 2,
    "aside": 2,
    "config": 2,
    "decoder": 2,
    "machine": 2,
    "timers": 2,
    "sources": 3,
    "license": 3,
    "engine": 3,
    "progress": 0,
    "intake": 3,
    "custody": 3,
    "damage": 3,
    "timekeeper": 3,
    "endings": 3,
    "unread": 3,
    "library": 3,
    "playing": 3,
    "absent": 3,
    "removal": 3,
    "storage": 3,
    "playback": 3,
    "remux": 2,
    "mux": 2,
    "actions": 4,
    "api": 5,
    "cli": 6,
    "__main__": 6,
    "demo": 2,  # a room beside: it stands on floors 0 to 2, and only the command line knows it
}

# One door to each thing outside: who may import it. What is not here and not Python's own may not be imported at all.
DOORS = {
    "typer": ("cli",),
    "rich": ("cli",),
    "aiohttp": ("http",),
    "aiohttp.web": ("demo.origin", "demo.members", "playback.server", "playback.page", "playback.pieces"),
    "aiohttp.typedefs": ("demo.origin",),
    "yarl": ("http",),
    "m3u8.parser": ("manifest.hls_lines",),  # the parser alone: the rest of m3u8 fetches
    "mpegdash.parser": ("manifest.dash_skeleton",),
    "cryptography": ("vault", "media"),
    "keyring": ("vault.key",),
    "yt_dlp": ("sources.sites",),
    "av": ("decoder", "remux", "mux"),
    "platformdirs": ("config",),
    "sqlite3": ("catalog",),
    "xxhash": ("store",),
    "fcntl": ("store",),
    "shutil": ("store", "config"),
    "tomllib": ("config",),
    "tomlkit": ("config",),
}

# What words and rules may use of Python's library: nothing here does I/O or knows the time unless asked.
PURE = {
    "__future__", "base64", "binascii", "bisect", "collections", "contextlib", "dataclasses", "datetime",
    "email.utils", "enum", "fractions", "functools", "hashlib", "hmac", "io.BytesIO", "itertools", "json", "math",
    "operator", "re", "shlex", "string", "struct", "types", "typing", "urllib.parse", "uuid", "xml.parsers.expat",
    "xml.sax.saxutils",
}  # fmt: skip
IMPURE = {"open", "print", "input", "exec", "eval", "breakpoint"}
CLOCKS = {
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today", "time.time",
    "time.time_ns",
}  # fmt: skip
HIDDEN = {"__import__", "importlib.import_module"}
BY_NAME = "cli.main"  # imports only the verbs that a command line names: start-up time is a promise
COMPILES = ("frozen", "exec")  # the constructors of values, as dataclasses does
FACE = ("", "api.public")  # the package itself: it hands out the names that stand there, when they are asked for


class Module:
    """A module `a.b` of the house: what it imports, and what it calls. Wherever in it that is, also for types only."""

    def __init__(self, name: str, source: str, *, is_package: bool = False) -> None:
        self.name = name
        self.room = name.partition(".")[0]
        self._package = [HOUSE, *name.split(".")][: None if is_package else -1]
        nodes = list(ast.walk(ast.parse(source)))
        bound = [pair for node in nodes for pair in self._bound(node)]
        self.imports = sorted({target for _, target in bound})
        self.calls = sorted({_spelt(node.func, dict(bound)) for node in nodes if isinstance(node, ast.Call)})

    def __str__(self) -> str:
        return f"{HOUSE}.{self.name}".rstrip(".")

    def _bound(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        """The names that an import binds, each with what it stands for."""
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            near = self._package[: len(self._package) + 1 - node.level] if node.level else []
            origin = ".".join([*near, *filter(None, [node.module])])
            yield from ((alias.asname or alias.name, f"{origin}.{alias.name}") for alias in node.names)


def _spelt(function: ast.expr, bound: dict[str, str]) -> str:
    first, dot, rest = ast.unparse(function).partition(".")
    return bound.get(first, first) + dot + rest


def _within(target: str, names: Iterable[str]) -> str | None:
    """The longest of the dotted `names` that `target` is or lies in."""
    return max((name for name in names if f"{target}.".startswith(f"{name}.")), key=len, default=None)


def faults(modules: list[Module]) -> list[str]:
    """A sentence for everything that is not as the plan has it."""
    found = [f"{module} stands on no floor." for module in modules if module.room not in FLOORS]
    for module in modules:
        if module.room in FLOORS:
            found += [f"{module} {fault}." for target in module.imports for fault in _import(module, target)]
            found += [f"{module} calls {call}{why}." for call in module.calls for why in _call(module, call)]
    return found + list(_circle(modules))


def _import(module: Module, target: str) -> Iterator[str]:
    if _within(target, [HOUSE]):
        yield from _inside(module, target)
        return
    door = _within(target, DOORS)
    if door and not _within(module.name, DOORS[door]):
        yield f"imports {target}, and only {' and '.join(DOORS[door])} may"
    elif not door and target.partition(".")[0] not in sys.stdlib_module_names:
        yield f"imports {target}, which has no door"
    elif not door and FLOORS[module.room] <= 1 and not _within(target, PURE):
        yield f"imports {target}, which is not pure"


def _inside(module: Module, target: str) -> Iterator[str]:
    first = target.removeprefix(HOUSE).lstrip(".").partition(".")[0]
    room = first if first in FLOORS else ""
    if room == module.room or (module.name == FACE[0] and _within(target, [f"{HOUSE}.{FACE[1]}"])):
        return
    mine, theirs = FLOORS[module.room], FLOORS[room]
    if room == "demo" and module.room != "cli":
        yield f"imports {target}, and only cli knows the demo"
    elif theirs > mine:
        yield f"on floor {mine} imports {target} from floor {theirs}"
    elif mine == theirs == 2 and module.room != "demo":
        yield f"imports {target}, and no device knows another"


def _call(module: Module, call: str) -> Iterator[str]:
    if call in HIDDEN and module.name != BY_NAME:
        yield ", and an import must be seen"
    elif call in CLOCKS and module.room != "clock":
        yield ", and only clock tells the time"
    elif call in IMPURE and FLOORS[module.room] <= 1 and (module.room, call) != COMPILES:
        yield ", which is not pure"


def _circle(modules: list[Module]) -> Iterator[str]:
    names = {str(module) for module in modules}
    reached = {str(module): {_within(target, names) for target in module.imports} for module in modules}
    reached[HOUSE] = set()  # see FACE
    if f"{HOUSE}.{BY_NAME}" in names:
        reached[f"{HOUSE}.{BY_NAME}"] |= {f"{HOUSE}.cli.{verb}" for verb in VERBS}
    try:
        TopologicalSorter({name: others - {name, None} for name, others in reached.items()}).prepare()
    except CycleError as error:
        yield f"These import each other in a circle: {', '.join(error.args[1])}."


def house() -> list[Module]:
    """Every module of the package."""
    folder = ROOT / HOUSE
    modules = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        modules.append(Module(".".join(parts[:-1] if is_package else parts), path.read_text(), is_package=is_package))
    return modules


def test_every_import_goes_down_and_through_the_one_door() -> None:
    assert faults(house()) == []


def test_every_dependency_has_a_door() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[^\w-]", dependency)[0] for dependency in project["dependencies"]}
    assert declared <= {door.partition(".")[0] for door in DOORS}


BEYOND = {f"{HOUSE}.cli.wiring.{name}" for name in ("engine", "library", "licensing", "space", "vault")}
ON_THE_LIBRARY = (
    "get",
    "list",
    "show",
    "play",
    "pause",
    "resume",
    "rm",
    "renew",
    "check",
    "mark",
    "export",
    "register",
    "sync",
)


@pytest.mark.parametrize("verb", ON_THE_LIBRARY)
def test_what_a_verb_does_an_application_can_do(verb: str) -> None:
    """It has the library that applications see, and no way past it."""
    [module] = [module for module in house() if module.name == f"cli.{verb}"]
    calls = {call for call in module.calls if call.startswith(f"{HOUSE}.")}
    assert calls & BEYOND == set()
    assert not {call for call in calls if call.startswith(f"{HOUSE}.actions.") and call.rpartition(".")[2].islower()}
    source = (ROOT / HOUSE / "cli" / f"{verb}.py").read_text()
    assert not re.search(r"\blibrary\._|\bhome\(\)\.library", source)


CAUGHT = [
    pytest.param("plan", "from offlinedl.store import Store", "from floor 2", id="up"),
    pytest.param("model", "import offlinedl.plan", "from floor 1", id="up-whole"),
    pytest.param("engine", "from offlinedl import actions", "from floor 4", id="up-from-the-package"),
    pytest.param("manifest.dash", "from ..http import Http", "from floor 2", id="up-relative"),
    pytest.param("engine", "def f():\n    from offlinedl.cli import main", "from floor 6", id="up-in-a-function"),
    pytest.param("plan", "if TYPE_CHECKING:\n    from offlinedl import engine", "from floor 3", id="up-for-types"),
    pytest.param("vault", "from offlinedl.store import Store", "no device knows another", id="device-to-device"),
    pytest.param("catalog.rows", "from offlinedl import clock", "no device knows another", id="room-to-device"),
    pytest.param("demo.origin", "from offlinedl.engine import Engine", "from floor 3", id="demo-up"),
    pytest.param("actions.get", "from offlinedl.demo import origin", "only cli knows the demo", id="demo-known"),
    pytest.param("utils", "", "stands on no floor", id="new-module"),
    pytest.param("engine", "import aiohttp", "only http may", id="second-door"),
    pytest.param("demo.origin", "from aiohttp import ClientSession", "only http may", id="client-in-the-demo"),
    pytest.param("http", "from aiohttp import web", "only demo.origin and demo.members and", id="server-in-the-client"),
    pytest.param("manifest.hls", "from m3u8.parser import parse", "only manifest.hls_lines may", id="wrong-file"),
    pytest.param("manifest.hls_lines", "import m3u8", "has no door", id="beside-the-door"),
    pytest.param("library", "import sqlite3 as sql", "only catalog may", id="second-door-of-pythons-own"),
    pytest.param("actions.get", "import rich.console", "only cli may", id="prefix-is-not-a-name"),
    pytest.param("http", "import requests", "has no door", id="unknown-dependency"),
    pytest.param("store", "from tests import origin", "has no door", id="tests"),
    pytest.param("choose", "import os", "is not pure", id="rule-with-os"),
    pytest.param("verify", "from pathlib import Path", "is not pure", id="rule-with-files"),
    pytest.param("media.mp4", "import urllib.request", "is not pure", id="rule-with-network"),
    pytest.param("rights", "import asyncio", "is not pure", id="rule-with-a-loop"),
    pytest.param("expiry", "from time import time", "is not pure", id="rule-with-time"),
    pytest.param("expiry", "from datetime import datetime as d\nd.now()", "only clock tells", id="rule-with-clock"),
    pytest.param("actions.get", "import datetime\ndatetime.datetime.now()", "only clock tells", id="second-clock"),
    pytest.param("plan", "open('x')", "calls open, which is not pure", id="rule-that-opens"),
    pytest.param("cli.get", "import importlib\nimportlib.import_module('av')", "must be seen", id="hidden-import"),
]


@pytest.mark.parametrize(("name", "source", "sentence"), CAUGHT)
def test_a_fault_is_caught(name: str, source: str, sentence: str) -> None:
    [fault] = faults([Module(name, source)])
    assert fault.startswith(f"offlinedl.{name} ")
    assert sentence in fault


ALLOWED = [
    pytest.param("plan", "from offlinedl.choose import Choice", id="within-a-floor"),
    pytest.param("http", "from offlinedl import __version__\nimport aiohttp", id="version-and-own-door"),
    pytest.param("catalog", "from offlinedl.catalog import rows\nimport sqlite3", id="own-room"),
    pytest.param("demo.origin", "from offlinedl import clock\nfrom aiohttp import web", id="demo-on-a-device"),
    pytest.param("", "def f():\n    from offlinedl.api import public", id="the-package-on-its-names"),
    pytest.param("cli.demo", "from offlinedl.demo import origin", id="cli-knows-the-demo"),
    pytest.param("clock", "from datetime import UTC, datetime\ndatetime.now(UTC)", id="the-clock"),
    pytest.param("vault", "self.open('x')", id="a-method-named-open"),
]


@pytest.mark.parametrize(("name", "source"), ALLOWED)
def test_what_the_plan_allows_is_no_fault(name: str, source: str) -> None:
    assert faults([Module(name, source)]) == []


def test_a_circle_is_caught_wherever_its_imports_stand() -> None:
    one = Module("cli.one", "from offlinedl.cli import two")
    two = Module("cli.two", "def f():\n    from offlinedl.cli.one import run")
    [fault] = faults([one, two])
    assert "in a circle: offlinedl.cli." in fault


def test_a_command_that_only_looks_imports_nothing_that_downloads(tmp_path: Path) -> None:
    """What it does not need would be most of its time."""
    program = "import sys; from offlinedl.cli.main import run; run(['list']); print(*sys.modules)"
    env = {**os.environ, "OFFLINEDL_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)
    assert not {"asyncio", "ssl", "offlinedl.engine", "offlinedl.store.writer"} & {*done.stdout.split()}
