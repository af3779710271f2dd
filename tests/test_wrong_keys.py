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


def faults(folder: Path, codecs: str, keys: dict[bytes, bytes]) -> list[proof.Fault]:
    steps = proof.prove(planned(folder, codecs), lambda f: memoryview((folder / f.path).read_bytes()), keys)
    return [step for step in steps if step]


@pytest.mark.parametrize("track", packager.TRACKS)
@pytest.mark.parametrize("variant", packager.ENCRYPTED)
def test_the_right_keys_pass(root: Path, variant: str, track: str) -> None:
    folder = packager.package(root, variant) / track
    assert faults(folder, packager.CODECS[track], packager.keys_of(variant)) == []


@pytest.mark.parametrize("scheme", ["cenc", "cbcs"])
@pytest.mark.parametrize("track", packager.CODECS)
def test_a_wrong_key_never_passes_and_is_named(root: Path, track: str, scheme: str) -> None:
    folder, chance = packager.codecs(root, scheme) / track, random.Random(track)
    assert faults(folder, packager.CODECS[track], {KID: packager.KEYS[KID]}) == []
    for key in (chance.randbytes(16) for _ in range(20)):
        found = faults(folder, packager.CODECS[track], {KID: key})
        assert found, key.hex()
        assert all(fault.wrong_key for fault in found), key.hex()
