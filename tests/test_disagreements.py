"""The corpus against parsers that others wrote: where both read a file, they name the same segments.

OFFLINEDL_NODE_MODULES names a folder in which npm has installed mpd-parser and m3u8-parser (videojs), which node runs.
Each file on which they disagree with us stands below, with what decides it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest

from offlinedl.errors import OfflinedlError
from offlinedl.manifest import detect
from offlinedl.streams import ByteRange, Manifest, Rendition

CORPUS = os.environ.get("OFFLINEDL_CORPUS", "")
MODULES = os.environ.get("OFFLINEDL_NODE_MODULES", "")
SCRIPT = Path(__file__).with_name("independent.mjs")
AT_MOST_SECONDS = 120

Piece = tuple[str, tuple[int, int] | None]
"""An address, and the first and last byte of a part of it."""

REASONS = {
    "text": "They keep no subtitles but WebVTT files: MP4 and TTML are tracks too (23009-1 section 5.3.3.2).",
    "elsewhere": "They pass over an index in a file of its own: RepresentationIndex (23009-1 section 5.3.9.2).",
    "depends": "They offer what depends on another one, and cannot be played alone (23009-1 section 5.3.5.2).",
    "bases": "They make a rung of each alternative BaseURL: it is the same one (23009-1 section 5.6.5).",
    "whole": "They list nothing for a single file without an index: it is one segment (23009-1 section 5.3.9.1).",
    "timeline": "They take a stray MPD@duration for that of segments: the timeline holds (23009-1 section 5.3.9.6).",
    "nearest": "They join the timelines of two levels: the nearer one holds instead (23009-1 section 5.3.9.1).",
    "ids": "They put what has one id in a period one after the other: it is the same (23009-1 section 5.3.5.2).",
    "cues": "They take WebM's Cues for its index: they are no sidx, so it stays whole (23009-1 section 5.3.9.2).",
    "gap": "They list segments that are not there: EXT-X-GAP says not to load them (rfc8216bis section 4.4.4.7).",
    "pathway": "They make a rung of each pathway: it is the same variant elsewhere (rfc8216bis section 4.4.6.2).",
    "query": "They leave out what the MPD's query adds to its segments' (23009-1 section I.2).",
    "names": "They keep one rendition of a name: a group that breaks the rule has two (RFC 8216 section 4.3.4.1.1).",
}

DISAGREEMENTS = {
    "dash/012bf0abac-laurl.mpd": "text",
    "dash/0aacd59334-segmentBase.mpd": "elsewhere",
    "dash/0db37fbd10-example_G4.mpd": "ids",
    "dash/2ac491c8e0-sample.mpd": "text",
    "dash/3dd448ff4d-test_baseurl_urljoin.mpd": "ids",
    "dash/4209bccfde-dash.mpd": "cues",
    "dash/47a8a08f76-708-captions.mpd": "elsewhere",
    "dash/495990c1b5-example_G6.mpd": "bases",
    "dash/53544fe4af-example_H3.mpd": "whole",
    "dash/5aa5759d4d-sample_mpd_text_presentation_time_offset.mpd": "text",
    "dash/6fc9482bbe-example_I4.mpd": "query",
    "dash/787d36f22a-basic-cmcd-config.mpd": "bases",
    "dash/82f17f31c0-sample_mpd_vod_location_fallback.mpd": "bases",
    "dash/92cfc70a72-avod-mediatailor.mpd": "nearest",
    "dash/961ec4b9d7-sample_mpd_service_description_low_laten.mpd": "whole",
    "dash/a407241732-sample_mpd_text.mpd": "text",
    "dash/aa1ba9455d-example_G5.mpd": "bases",
    "dash/affd37aa03-sample_mpd_service_description_low_laten.mpd": "whole",
    "dash/b436f94b64-aws.mpd": "text",
    "dash/b618244d0b-608-captions.mpd": "elsewhere",
    "dash/d6749b78a0-sample_mpd_service_description_low_laten.mpd": "whole",
    "dash/d77d084634-locations.mpd": "elsewhere",
    "dash/de4776323b-location.mpd": "elsewhere",
    "dash/e206dcf0b8-sample_mpd_labels.mpd": "timeline",
    "dash/edc14fb990-test_no_segment_list_or_template.mpd": "whole",
    "dash/ef2ba441ed-sample_mpd_trick_play.mpd": "timeline",
    "dash/f36e4dca80-master.mpd": "depends",
    "dash/fbabd26ad8-sample.mpd": "text",
    "dash/ff96ca0f5d-sample.mpd": "text",
    "hls/713bbfbce3-multivariant_with_content_steering.m3u8": "pathway",
    "hls/7f48c14655-playlist.m3u8": "gap",
    "hls/d7b9eca2f4-master-with-closed-captions.m3u8": "names",
    "hls/e1a307a112-media-playlist-with-gap.m3u8": "gap",
}


def url_of(path: str) -> str:
    return f"https://media.test/{path}"


@cache
def ours() -> dict[str, Manifest]:
    """What we read, by path. What we refuse is no list: it is told apart in the test of the corpus."""
    found = {}
    lines = (Path(CORPUS) / "INDEX.tsv").read_text("utf-8").splitlines()[1:] if CORPUS else []
    for path in (line.partition("\t")[0] for line in lines):
        if path.startswith(("dash/", "hls/")):
            data = (Path(CORPUS) / path).read_bytes()
            try:
                found[path] = detect(data, url_of(path)).parse(data, url_of(path))
            except OfflinedlError:
                continue
    return found


@cache
def theirs() -> dict[str, list[list[tuple[Piece, float]]]]:
    """What they read, by path: their renditions as pieces, each with the begin of its period."""
    paths = list(ours())
    requests = [json.dumps([path.partition("/")[0], url_of(path), str(Path(CORPUS) / path)]) for path in paths]
    run = subprocess.run(
        ["node", SCRIPT, Path(MODULES).resolve()],
        input="\n".join(requests),
        capture_output=True,
        text=True,
        check=False,
        timeout=AT_MOST_SECONDS,
    )
    assert run.returncode == 0, run.stderr
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(answers) == len(paths), run.stderr
    return {
        path: [
            [((url, tuple(part) if part else None), period) for url, part, period in rendition]
            for rendition in answer["renditions"]
        ]
        for path, answer in zip(paths, answers, strict=True)
        if "error" not in answer
    }


def pieces(rendition: Rendition) -> tuple[Piece, ...]:
    """The segments, or where those that index them are."""
    found = [u.resource for u in rendition.unread] or ([rendition.index] if rendition.index else [])
    return tuple((r.url, _bounds(r.range)) for r in [*found, *(s.resource for s in rendition.segments)])


def _bounds(part: ByteRange | None) -> tuple[int, int] | None:
    return (part.first, part.last) if part else None


def by_period(rendition: Sequence[tuple[Piece, float]]) -> Iterator[tuple[Piece, ...]]:
    for _, group in groupby(rendition, lambda item: item[1]):
        yield tuple(piece for piece, _ in group)


def is_made_of(whole: tuple[Piece, ...], parts: set[tuple[Piece, ...]]) -> bool:
    """Is `whole` some of `parts`, one after the other, each complete?"""
    ends = {0}
    for begin in range(len(whole)):
        if begin in ends:
            ends |= {begin + len(part) for part in parts if whole[begin : begin + len(part)] == part}
    return len(whole) in ends


def difference(path: str) -> str:
    """What they name otherwise; "" where nothing. Over several periods, they leave open which rungs go together."""
    mine = [pieces(rendition) for rendition in ours()[path].renditions]
    parts = {part for rendition in theirs()[path] for part in by_period(rendition)}
    for rendition in mine:
        if not is_made_of(rendition, parts):
            return f"only ours: {len(rendition)} pieces, from {rendition[0][0]}"
    if (Path(CORPUS) / path).read_bytes().count(b"<Period") < 2:
        for others in theirs()[path]:
            if tuple(piece for piece, _ in others) not in mine:
                return f"only theirs: {len(others)} pieces, from {others[0][0][0] if others else None}"
    return ""


pytestmark = pytest.mark.skipif(
    not (CORPUS and MODULES), reason="OFFLINEDL_CORPUS and OFFLINEDL_NODE_MODULES are unset"
)


@pytest.mark.skipif(not MODULES, reason="OFFLINEDL_NODE_MODULES is unset")
def test_the_other_parsers_read_most_of_the_corpus() -> None:
    assert len(theirs()) > 0.9 * len(ours()) > 200


@pytest.mark.parametrize("path", sorted(ours()) if MODULES else [])
def test_both_name_the_same_segments(path: str) -> None:
    if path not in theirs():
        assert path not in DISAGREEMENTS
    elif path in DISAGREEMENTS:
        assert difference(path), "they agree now: take the row away"
    else:
        assert difference(path) == ""


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS.keys())
def test_every_disagreement_is_decided_by_a_specification(reason: str) -> None:
    assert re.search(r"(23009-1|RFC 8216|rfc8216bis) section (\d|[A-Z]\.\d)", reason)


def test_every_disagreement_is_about_a_file_that_we_read() -> None:
    assert DISAGREEMENTS.keys() <= ours().keys()
    assert set(DISAGREEMENTS.values()) == REASONS.keys()
