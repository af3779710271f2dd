"""docs/json.md: each document that a script may read has just the members that stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Origin

TOLD = dict(re.findall(r"^## `([\w -]+)`\n.*?```json\n(.*?)```", Path("docs/json.md").read_text(), re.M | re.S))
FREE = {"done", "policy", "rights"}
"""What of these there is depends on the title, or on the run."""


def members(value: Any, path: str = "") -> set[str]:
    """The paths of all members."""
    if isinstance(value, list):
        return {path, *(name for one in value for name in members(one, path))}
    if not isinstance(value, dict) or path.rpartition(".")[2] in FREE:
        return {path}
    return {path, *(name for key, one in value.items() for name in members(one, f"{path}.{key}"))}


VERBS = {
    "list": ["list"],
    "show": ["show", "harbour-1"],
    "get --dry-run": ["get", "demo:harbour-1", "--dry-run"],
    "sync": ["sync", "--dry-run"],
    "sync --history": ["sync", "--history"],
    "following": ["following"],
    "storage": ["storage"],
    "source list": ["source", "list"],
    "source show": ["source", "show", "demo"],
    "source check": ["source", "check", "demo"],
    "doctor": ["doctor"],
    "config show": ["config", "show"],
}


def empty(value: Any, path: str = "") -> set[str]:
    """The paths of what is null, or a list of nothing."""
    if value is None or value == []:
        return {path}
    if isinstance(value, list):
        return {name for one in value for name in empty(one, path)}
    return {n for key, one in value.items() for n in empty(one, f"{path}.{key}")} if isinstance(value, dict) else set()


@pytest.mark.parametrize("name", VERBS)
def test_what_is_printed_is_what_is_told(name: str, demo: Offlinedl, origin: Origin) -> None:
    """What is null has its members there alone."""
    demo.ok("get", "demo:harbour-1")
    demo.ok("mark", "harbour-1", "--watched")
    demo.ok("follow", "harbour", "--next", "1", "--from", "S1E1")
    origin.fault("/feed.json", o.status(500))
    demo("sync")
    origin.mend()
    printed, told = demo(*VERBS[name], "--json").json, json.loads(TOLD[name])
    here, there = members(printed), members(told)
    if name == "show":
        there |= members(json.loads(TOLD["list"]))
    assert here - there == set()
    open_ = here - empty(printed)
    assert {path for path in there - here if path.rpartition(".")[0] in open_} == set()
