"""The conformance test passes on an adapter that keeps to the protocol, and finds each that does not."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest

from offlinedl.license.conformance import Result, check
from tests import drm

HELLO, LICENSED, OPENS, PLAYED, RELEASED = (
    "hello names the system, and that licenses are kept",
    "the license of the sample has its keys, and a handle",
    "the handle opens in another process",
    "the first play gives a handle that opens, so does the same once more",
    "a release is asked for and acknowledged",
)


def checked(system: str, *words: str, seconds: float = 60) -> list[Result]:
    return asyncio.run(check(system, drm.command(system, *words), seconds))


@pytest.mark.parametrize("system", ["widevine", "playready", "fairplay"])
def test_one_that_keeps_to_the_protocol_passes(system: str) -> None:
    results = checked(system)
    assert [result for result in results if not result.ok] == []
    assert (len(results), results[-1]) == (15, Result(step=RELEASED, ok=True, detail=""))


def test_without_a_sample_the_rest_is_not_tried_and_that_is_said() -> None:
    results = checked("widevine", "none-without")
    assert [r.step for r in results if "not tried" in r.detail] == [LICENSED, OPENS, PLAYED, RELEASED]
    assert all(result.ok for result in results)


EVERY = ("hello", "challenge", "update", "load", "first_play", "acknowledge")
FAILING = [
    *(pytest.param(f"dies:{method}", id=f"dies at {method}") for method in EVERY),
    *(pytest.param(f"lacks:{method}", id=f"lacks {method}") for method in EVERY),
    *(pytest.param(f"{kind}:update", id=kind) for kind in ("garbage", "long", "other-id", "no-result", "fails")),
    pytest.param("empty:first_play", id="an empty result"),
]


@pytest.mark.parametrize("fault", FAILING)
def test_a_method_that_misbehaves_is_found(fault: str) -> None:
    failed = [result for result in checked("widevine", fault) if not result.ok]
    assert failed
    assert failed[0].detail


FOUND = [
    pytest.param("other-system", HELLO, "does not have this system", id="another system"),
    pytest.param("temporary", HELLO, "keeps no licenses", id="temporary"),
    pytest.param("odd-sample", HELLO, "a sample without", id="a sample that is none"),
    pytest.param("refuses", "challenge gives a message", "refuses challenge", id="refuses"),
    pytest.param("odd-headers", "challenge gives a message", "headers that are none", id="headers"),
    pytest.param("other-kid", LICENSED, "no key for KID 0123", id="another KID"),
    pytest.param("without-kid", LICENSED, "no key for KID 0123", id="a KID missing"),
    pytest.param("expired", LICENSED, "expired already", id="expired"),
    pytest.param("ended", LICENSED, "expired already", id="ended"),
    pytest.param("restricted", LICENSED, "output-restricted", id="restricted"),
    pytest.param("no-handle", LICENSED, "no handle", id="no handle"),
    pytest.param("no-keys", LICENSED, "no list of keys", id="keys that are none"),
    pytest.param("damaged", LICENSED, "not signed", id="damaged"),
    pytest.param("odd-window", LICENSED, "no number", id="a window"),
    pytest.param("forgets", OPENS, "no such license", id="forgets"),
    pytest.param("forgets-played", PLAYED, "no such license", id="forgets what was played"),
    pytest.param("plays-once", PLAYED, "played already", id="a first play that cannot be asked for twice"),
    pytest.param("spends", PLAYED, "no such license", id="a first play that spends the old handle"),
    pytest.param("credulous", "load refuses a handle that is none", "load accepts it", id="takes any handle"),
    pytest.param("talkative", "a method that is not known is refused as that (-32601)", "answers a method", id="any"),
    pytest.param("strict", "params that are not known are ignored", "does not take", id="refuses params"),
]


@pytest.mark.parametrize(("fault", "step", "says"), FOUND)
def test_what_it_does_wrong_is_named(
    fault: str, step: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTER_SPENT", str(tmp_path / "spent"))
    failed = [result for result in checked("widevine", fault) if not result.ok]
    assert failed[0].step == step
    assert says in failed[0].detail


def test_one_that_hangs_costs_its_seconds_once() -> None:
    results = checked("widevine", "hangs:hello", seconds=0.2)
    assert [(result.ok, "hangs" in result.detail) for result in results] == [(False, True)]


def test_one_that_cannot_be_started_is_one_result() -> None:
    [result] = asyncio.run(check("widevine", ["/nowhere/adapter"]))
    assert (result.step, result.ok, "cannot be started" in result.detail) == (HELLO, False, True)


def test_the_windows_of_an_adapter_do_not_matter_to_it() -> None:
    assert all(result.ok for result in checked("fairplay", "none", json.dumps({})))


DEVICE = """
import json
import re
import sys

SYSTEM = "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"
SAMPLE = {"init_data": "AAAA", "kids": ["ASNFZ4mrze8BI0VniavN7w=="], "response": "bGljZW5zZQ=="}


class Refused(Exception):
    pass


class License:
    keys = {bytes.fromhex("0123456789abcdef0123456789abcdef"): "usable"}
    storage, playback = 2592000, None


def open(handle):
    if not handle.startswith(b"license"):
        raise Refused("this is no handle")
    return License()


def challenge(purpose, init_data, kids, license):
    return json.dumps([purpose, len(kids)]).encode()


def accept(response):
    if response != b"license":
        raise Refused("this is no license")
    return response


def played(handle, at):
    open(handle)
    return b"license played at " + at.encode()
"""


def test_the_example_of_the_documentation_passes(tmp_path: Path) -> None:
    """With a device that needs no more than a word."""
    text = (Path(__file__).parents[1] / "docs/adapters.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "device.py").write_text(DEVICE)
    (tmp_path / "example.py").write_text(example)
    results = asyncio.run(check("widevine", [sys.executable, str(tmp_path / "example.py")], 60))
    assert [result for result in results if not result.ok or result.detail] == []
    assert len(example.splitlines()) < 60
