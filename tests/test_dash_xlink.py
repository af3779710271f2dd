"""Stories about pieces of an MPD that lie elsewhere, and about broadcasts that end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from offlinedl.errors import DamagedError, OfflinedlError, UnsupportedError
from offlinedl.manifest import dash, xml
from offlinedl.manifest.limits import Limits
from offlinedl.streams import Manifest
from tests.mpds import URL, files, mpd, period

LINK = "https://ads.test/one.xml"
FILM = period("f", 'id="1"')
NOTHING = '<Period xlink:href="urn:mpeg:dash:resolve-to-zero:2013"/>'


def linked(inside: str, pieces: dict[str, bytes], limits: Limits | None = None) -> Manifest:
    data = f'<MPD xmlns:xlink="http://www.w3.org/1999/xlink">{inside}</MPD>'.encode()
    return dash.parse(data, URL, limits or Limits(), pieces)


def test_what_lies_elsewhere_is_asked_for_once_and_put_in_its_place() -> None:
    """23009-1 section 5.5: a period before the film; links within the piece are not followed."""
    inside = f'<Period xlink:href="{LINK}" xlink:actuate="onLoad"/>{FILM}{NOTHING}'
    assert linked(inside, {}).missing == (LINK,)
    again = period("a", 'id="1"').replace("<Period", '<Period xlink:href="https://ads.test/two.xml"')
    (only,) = linked(inside, {LINK: again.encode()}).renditions
    assert files(only)[1:3] == ["a/1-2.m4s", "f/1-1.m4s"]


def test_a_piece_may_be_an_adaptation_set_or_a_list() -> None:
    whole = '<Period duration="PT4S">{}</Period>'
    inner = '<AdaptationSet mimeType="video/mp4"><Representation id="v">{}</Representation></AdaptationSet>'
    listed = '<SegmentList duration="4"><SegmentURL media="1.m4s"/></SegmentList>'
    for outside, piece in (
        (whole.format(f'<AdaptationSet xlink:href="{LINK}"/>'), inner.format(listed)),
        (whole.format(inner.format(f'<SegmentList xlink:href="{LINK}"/>')), listed),
    ):
        (only,) = linked(outside, {LINK: piece.encode()}).renditions
        assert files(only) == ["1.m4s"]


WITHOUT = [
    pytest.param(f'<Period xlink:href="{LINK}"/>', b"", DamagedError, "cannot be had", id="not-there"),
    pytest.param(f'<Period xlink:href="{LINK}"/>', b"<html/>", DamagedError, "no Period is here", id="page"),
    pytest.param(f'<Period xlink:href="{LINK}"/>', b"<!DOCTYPE a><a/>", UnsupportedError, "xml: it has a D", id="dtd"),
    pytest.param('<Period xlink:href="file:///etc/passwd"/>', b"", UnsupportedError, "only http", id="file"),
    pytest.param(
        "".join(f'<Period xlink:href="https://ads.test/{n}"/>' for n in range(101)), b"", UnsupportedError, "101",
        id="many",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("inside", "piece", "error", "words"), WITHOUT)
def test_a_piece_that_cannot_be_used_is_named(
    inside: str, piece: bytes, error: type[OfflinedlError], words: str
) -> None:
    with pytest.raises(error, match=words):
        linked(inside, {LINK: piece})


def test_a_piece_is_parsed_once_however_many_refer_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []
    parse = xml.parse

    def counted(data: bytes, **options: Any) -> xml.Element:
        parsed.append(len(data))
        return parse(data, **options)

    monkeypatch.setattr(xml, "parse", counted)
    (only,) = linked(f'<Period xlink:href="{LINK}"/>' * 20, {LINK: period("a", 'id="1"').encode()}).renditions
    assert len(only.segments) == 40
    assert len(parsed) == 2  # the MPD and the piece


TOO_LARGE = [
    pytest.param(1, 2, Limits(bytes=2000), "bytes; the limit is 2000", id="all-pieces-and-the-mpd-are-one-manifest"),
    pytest.param(30, 1, Limits(bytes=6400), "elements and attributes", id="what-comes-again-counts-again"),
]


@pytest.mark.parametrize(("references", "pieces", "limits", "words"), TOO_LARGE)
def test_pieces_have_the_limits_of_a_manifest_together(
    references: int, pieces: int, limits: Limits, words: str
) -> None:
    inside = "".join(f'<Period xlink:href="https://ads.test/{n}"/>' for n in range(pieces)) * references
    found = {f"https://ads.test/{n}": period("a" * 600, 'id="1"').encode() for n in range(pieces)}
    with pytest.raises(UnsupportedError, match=words) as caught:
        linked(inside, found, limits)
    assert caught.value.code == "too-large"


def test_a_period_that_has_content_of_its_own_keeps_it_where_its_piece_cannot_be_had() -> None:
    inside = period("f", 'id="1"').replace("<Period", f'<Period xlink:href="{LINK}"')
    assert len(linked(inside, {LINK: b""}).renditions[0].segments) == 2


ENDED = 'type="dynamic" availabilityStartTime="2024-01-02T03:04:05Z" mediaPresentationDuration="PT4S"'


def test_a_broadcast_that_says_its_end_is_a_title() -> None:
    """C50: 23009-1 section 5.3.1.2, a dynamic MPD that will not change again."""
    manifest = mpd(period("f", 'id="1"'), ENDED)
    assert manifest.ends_at == datetime(2024, 1, 2, 3, 4, 9, tzinfo=UTC)
    assert mpd(period("f", 'id="1"')).ends_at is None


LIVE = [
    pytest.param(ENDED + ' minimumUpdatePeriod="PT2S"', id="will-change"),
    pytest.param(ENDED.replace("media", "other"), id="no-length"),
    pytest.param(ENDED.replace("2024-01", "never"), id="no-begin"),
]


@pytest.mark.parametrize("attributes", LIVE)
def test_a_broadcast_without_an_end_is_live(attributes: str) -> None:
    """C50."""
    with pytest.raises(UnsupportedError, match="live") as caught:
        mpd(period("f", 'id="1"'), attributes)
    assert caught.value.code == "live"
