"""No wrong key passes the proof, and the right one does; benchmarks/wrong_keys.py tries many more."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from offlinedl.license import proof
from offlinedl.model import Kind, Track, Wanted
from offlinedl.streams import Fetch, Plan
from tests import packager

KID = packager.KIDS["v"]


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packager.session_folder(tmp_path_factory)


def planned(folder: Path, codecs: str) -> Plan:
    """The plan of a download of the track in `folder`."""
    init = Fetch(rendition="t", init=True, number=0, url="https://media.test/i", path="init.mp4")
    media = [
        Fetch(
            rendition="t", init=False, number=n, url=f"https://media.test/{n}", path=f"{n}.m4s", duration=2.0,
            needs_init=0, size=(folder / f"{n}.m4s").stat().st_size,
        )
        for n in packager.SEGMENTS
    ]  # fmt: skip
    track = Track(id="t", kind=Kind.VIDEO, container="mp4", codecs=codecs)
    return Plan(manifest_url="", wanted=Wanted(), tracks=(track,), fetches=(init, *media), protected=True)


@pytest.mark.parametrize("scheme", ["cenc", "cbcs"])
@pytest.mark.parametrize("track", packager.CODECS)
def test_a_wrong_key_never_passes_and_is_named(root: Path, track: str, scheme: str) -> None:
    folder = packager.codecs(root, scheme) / track
    plan = planned(folder, packager.CODECS[track])
    chance = random.Random(track)

    def faults(key: bytes) -> list[proof.Fault]:
        steps = proof.prove(plan, lambda fetch: memoryview((folder / fetch.path).read_bytes()), {KID: key})
        return [step for step in steps if step]

    assert faults(packager.KEYS[KID]) == []
    for key in (chance.randbytes(16) for _ in range(20)):
        found = faults(key)
        assert found, key.hex()
        assert all(fault.wrong_key for fault in found), key.hex()
