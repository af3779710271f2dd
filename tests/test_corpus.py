"""Manifests that services really publish: each becomes a manifest, or a refusal that says why. Never anything else.

OFFLINEDL_CORPUS names a folder of them, with an INDEX.tsv whose first column is the path of each in it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from offlinedl.errors import OfflinedlError
from offlinedl.manifest import detect
from offlinedl.streams import Manifest, Rendition

FOLDER = os.environ.get("OFFLINEDL_CORPUS", "")


def _paths() -> list[str]:
    if not FOLDER:
        return []
    lines = (Path(FOLDER) / "INDEX.tsv").read_text("utf-8").splitlines()[1:]
    return [line.partition("\t")[0] for line in lines if line]


def _read(path: str) -> Manifest:
    data = (Path(FOLDER) / path).read_bytes()
    url = f"https://media.test/{path}?token=secret"
    return detect(data, url).parse(data, url)


def _result(path: str) -> tuple[Manifest | None, OfflinedlError | None]:
    try:
        return _read(path), None
    except OfflinedlError as error:
        return None, error


def _check(rendition: Rendition) -> None:
    """What holds for every rendition (the conventions of the model)."""
    assert rendition.segments or rendition.index
    assert (rendition.unread[0].resource if rendition.unread else rendition.index) == rendition.index
    assert [init.number for init in rendition.inits] == list(range(len(rendition.inits)))
    numbers = [segment.number for segment in rendition.segments]
    assert numbers == sorted(set(numbers))
    for segment in (*rendition.inits, *rendition.segments):
        assert segment.resource.url.startswith(("http://", "https://"))
        assert segment.duration >= 0
        assert segment.init is None or segment.init < len(rendition.inits)
        assert all(key.iv is None or len(key.iv) == 16 for key in segment.keys)
    assert all(len(kid) == 16 for protection in rendition.protections for kid in protection.kids)


@pytest.mark.skipif(not FOLDER, reason="OFFLINEDL_CORPUS names no folder")
def test_there_is_a_corpus() -> None:
    assert _paths()


@pytest.mark.parametrize("path", _paths())
def test_every_file_is_read_or_refused_with_a_reason(path: str) -> None:
    """A37: a media playlist given directly is a title of its own."""
    manifest, refusal = _result(path)
    if manifest is None:
        assert refusal is not None
        assert type(refusal) is not OfflinedlError
        assert refusal.message
        assert "secret" not in refusal.message + refusal.hint
        return
    assert manifest.renditions or manifest.missing
    assert len({rendition.id for rendition in manifest.renditions}) == len(manifest.renditions)
    for rendition in manifest.renditions:
        _check(rendition)


@pytest.mark.parametrize("path", [path for path in _paths() if path.startswith("smooth/")])
def test_smooth_streaming_gives_what_its_init_segments_are_made_from(path: str) -> None:
    for rendition in _read(path).renditions:
        assert rendition.setup
        assert rendition.setup.timescale > 0
        assert rendition.setup.fourcc
        assert not rendition.inits
