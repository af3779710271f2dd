"""Podcasts and other feeds: what they are in practice, read in full; what is no title passed over, and named."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offlinedl.errors import DamagedError, NotFoundError, OfflinedlError, UnsupportedError
from offlinedl.model import Details, MediaSource, Series, SideTrack, Title
from offlinedl.sources import rss

URL = "https://example.com/feeds/harbour.xml"
SPACES = (
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:podcast="https://podcastindex.org/namespace/1.0" xmlns:atom="http://www.w3.org/2005/Atom"'
)
ENCLOSURE = '<enclosure url="a.mp4" type="video/mp4" length="1"/>'


def channel(*items: str) -> bytes:
    listed = "".join(f"<item>{item}</item>" for item in items)
    return f'<rss version="2.0" {SPACES}><channel><title>Harbour TV</title>{listed}</channel></rss>'.encode()


def read(*items: str) -> list[Title]:
    return list(rss.titles(channel(*items), "news", URL))


def urls(*items: str) -> list[str]:
    """The addresses of the media of all items."""
    return [source.url.removeprefix("https://example.com/feeds/") for title in read(*items) for source in title.sources]


EPISODE = """
<title>Low Tide &amp;amp; more</title><itunes:title>Low Tide</itunes:title><guid isPermaLink="false">low-tide</guid>
<description><![CDATA[<p>The sea&nbsp;<b>goes</b></p>]]></description><pubDate>Sun, 1 Nov 2026 12:00:00 +0200</pubDate>
<itunes:season>2</itunes:season><itunes:episode>3</itunes:episode><itunes:episodeType>full</itunes:episodeType>
<itunes:duration>1:02:03</itunes:duration><itunes:image href="p.jpg"/>
<podcast:transcript url="t.vtt" type="text/vtt" language="en"/><podcast:transcript url="t.html" type="text/html"/>
<media:subTitle type="text/vtt" lang="fr" href="fr.vtt"/>
<enclosure url="a.mp3" type="audio/mpeg" length="1"/>
<podcast:alternateEnclosure type="video/mp4" height="720"><podcast:source uri="720.mp4"/></podcast:alternateEnclosure>
<podcast:alternateEnclosure type="application/x-mpegURL" default="true">
  <podcast:source uri="ipfs://Qm"/><podcast:source uri="a.torrent" contentType="application/x-bittorrent"/>
  <podcast:source uri="/hls/master.m3u8"/><podcast:source uri="https://mirror.example.com/master.m3u8"/>
</podcast:alternateEnclosure>
"""


def test_an_episode_is_read_in_full() -> None:
    assert read(EPISODE) == [
        Title(
            id="news:low-tide",
            name="Low Tide & more",
            sources=(MediaSource(url="https://example.com/hls/master.m3u8", type="application/x-mpegURL"),),
            series=Series(id="news:news", name="Harbour TV"),
            season=2,
            episode=3,
            details=Details(
                published=datetime(2026, 11, 1, 10, tzinfo=UTC),
                duration=3723.0,
                summary="The sea goes",
                poster="https://example.com/feeds/p.jpg",
            ),
            subtitles=(
                SideTrack(url="https://example.com/feeds/t.vtt", language="en"),
                SideTrack(url="https://example.com/feeds/fr.vtt", language="fr"),
            ),
        )
    ]


def test_little_is_enough() -> None:
    [title] = read(ENCLOSURE)
    assert title.id.startswith("news:a-")
    assert title.name == "a"


MEDIA = [
    pytest.param(ENCLOSURE, ["a.mp4"], id="enclosure"),
    pytest.param('<enclosure url="a" type="application/octet-stream"/>', ["a"], id="an enclosure of no type"),
    pytest.param('<media:content url="a.mp4" type="video/mp4"/>', ["a.mp4"], id="media-content"),
    pytest.param('<media:content url="a.bin" medium="video"/>', ["a.bin"], id="a medium alone"),
    pytest.param(
        '<media:group><media:content url="1.mp4"/><media:content url="2.mp4"/></media:group>',
        ["1.mp4", "2.mp4"],
        id="media-group",
    ),
    pytest.param(f'{ENCLOSURE}<media:content url="a.mp4"/>', ["a.mp4"], id="twice the same"),
    pytest.param(f'{ENCLOSURE}<media:content url="m.mpd"/>', ["m.mpd"], id="a manifest, and no file beside it"),
    pytest.param('<atom:link rel="enclosure" href="a.mp4"/>', ["a.mp4"], id="an atom link"),
    pytest.param('<media:content url="a.mp4" expression="sample"/>', [], id="a sample is not the title"),
    pytest.param('<media:content url="a.jpg" medium="image"/>', [], id="a picture"),
    pytest.param('<enclosure url="a.pdf" type="application/pdf"/>', [], id="a document"),
    pytest.param('<enclosure url="a.jpg"/>', [], id="a picture by its name"),
    pytest.param('<enclosure url="magnet:?xt=urn"/>', [], id="a magnet"),
    pytest.param("<link>https://example.com/page</link>", [], id="a page alone"),
    pytest.param(
        '<podcast:alternateEnclosure type="video/mp4" rel="Behind the Scenes"><podcast:source uri="b.mp4"/>'
        f"</podcast:alternateEnclosure>{ENCLOSURE}",
        ["a.mp4"],
        id="other content beside it",
    ),
]


@pytest.mark.parametrize(("item", "found"), MEDIA)
def test_media(item: str, found: list[str]) -> None:
    assert urls(item) == found


IDS = [
    pytest.param("<guid>ab.c_D-1</guid>", "ab.c_D-1", id="one that can be typed"),
    pytest.param("<guid>https://example.com/watch/1</guid>", "1-", id="an address"),
    pytest.param("<guid>tag:example.com,2026:1 2</guid>", "tag-examp", id="one with a space"),
]


@pytest.mark.parametrize(("guid", "begin"), IDS)
def test_ids_are_stable_and_can_be_typed(guid: str, begin: str) -> None:
    [title] = read(f"<title>Low Tide</title>{guid}{ENCLOSURE}")
    assert title.id.isascii()
    assert title.id.startswith(f"news:{begin}")
    [corrected] = read(f"<title>Low Tide, again</title>{guid}{ENCLOSURE}")
    assert corrected == replace(title, name="Low Tide, again")


def test_an_id_without_guid_survives_a_new_signature() -> None:
    one, other = (read(f'<enclosure url="a.mp4?token={n}&amp;v=1"/>')[0].id for n in "12")
    assert one == other
    assert one != read('<enclosure url="a.mp4?token=1&amp;v=2"/>')[0].id


DATES = [
    pytest.param("Sun, 01 Nov 2026 12:00:00 GMT", datetime(2026, 11, 1, 12, tzinfo=UTC), id="RFC 822"),
    pytest.param("1 Nov 2026 12:00 EST", datetime(2026, 11, 1, 17, tzinfo=UTC), id="no day, no seconds"),
    pytest.param("Mon, 01 Nov 2026 12:00:00 -0000", datetime(2026, 11, 1, 12, tzinfo=UTC), id="the wrong day"),
    pytest.param("2026-11-01T12:00:00+02:00", datetime(2026, 11, 1, 10, tzinfo=UTC), id="ISO 8601"),
    pytest.param("yesterday", None, id="none"),
    pytest.param("Sun, 99 Nov 2026 12:00:00 GMT", None, id="no such day"),
    pytest.param("0001-01-01T00:00:00+14:00", None, id="before all time"),
]


@pytest.mark.parametrize(("written", "meant"), DATES)
def test_dates(written: str, meant: datetime | None) -> None:
    assert read(f"<pubDate>{written}</pubDate>{ENCLOSURE}")[0].details.published == meant


@pytest.mark.parametrize(
    ("written", "meant"), [("75", 75.0), ("1:15", 75.0), ("1:01:01.5", 3661.5), ("", 0.0), ("-1", 0.0), ("1h", 0.0)]
)
def test_durations(written: str, meant: float) -> None:
    assert read(f"<itunes:duration>{written}</itunes:duration>{ENCLOSURE}")[0].details.duration == meant


def test_seasons_and_episodes() -> None:
    numbers = "<podcast:season name='Two'>2</podcast:season><podcast:episode>3.5</podcast:episode>"
    bonus = "<itunes:episodeType>Bonus</itunes:episodeType><itunes:episode>4</itunes:episode>"
    found = [(t.season, t.episode, t.special) for t in read(numbers + ENCLOSURE, bonus + ENCLOSURE)]
    assert found == [(2, None, False), (None, 4, True)]


def test_prefixes_are_those_of_the_feed() -> None:
    body = channel(f"<x:duration xmlns:x='HTTP://www.itunes.com/dtds/podcast-1.0.dtd'>9</x:duration>{ENCLOSURE}")
    assert next(rss.titles(body, "news", URL)).details.duration == 9.0
    undeclared = b"<rss><channel><item><media:content url='a.mp4'/></item></channel></rss>"
    assert len(list(rss.titles(undeclared, "news", URL))) == 1


def test_atom() -> None:
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>Harbour</title><entry><id>urn:1</id><title>One</title>
        <updated>2026-11-01T00:00:00Z</updated><link rel="alternate" href="p.html"/>
        <link rel="enclosure" type="video/mp4" href="a.mp4"/></entry></feed>"""
    [title] = rss.titles(body, "news", URL)
    assert (title.name, title.sources[0].url) == ("One", "https://example.com/feeds/a.mp4")
    assert title.details.published == datetime(2026, 11, 1, tzinfo=UTC)


def test_one_title_is_found_by_its_id() -> None:
    body = channel(f"<guid>1</guid>{ENCLOSURE}", f"<guid>2</guid>{ENCLOSURE}")
    assert rss.finder(body, "news", URL)("news:2").id == "news:2"
    with pytest.raises(NotFoundError, match="news:3"):
        rss.finder(body, "news", URL)("news:3")


BROKEN = [
    pytest.param(b"<rss><channel><item></channel></rss>", DamagedError, id="not well-formed"),
    pytest.param(b"<rss><channel><item>", DamagedError, id="cut off"),
    pytest.param(b'<!DOCTYPE rss [<!ENTITY a "b">]><rss>&a;</rss>', UnsupportedError, id="entities of its own"),
    pytest.param(b"<rss>" + b"<a>" * 100 + b"</a>" * 100 + b"</rss>", UnsupportedError, id="too deep"),
    pytest.param(b"<rss>&bomb;</rss>", DamagedError, id="an entity that nobody declared"),
]


@pytest.mark.parametrize(("body", "error"), BROKEN)
def test_what_is_broken_is_said(body: bytes, error: type[OfflinedlError]) -> None:
    assert rss.recognises(body)
    with pytest.raises(error):
        list(rss.titles(body, "news", URL))


def test_many_items_are_not_kept() -> None:
    """Each is given away as soon as it is whole: a block is 4 MiB, and the feed has several."""
    items = [f"<guid>{n}</guid><title>{'x' * 900}</title>{ENCLOSURE}" for n in range(12_000)]
    found = rss.titles(channel(*items), "news", URL)
    assert next(found).id == "news:0"
    assert sum(1 for _ in found) == 11_999


PIECES = st.sampled_from(
    [
        *(
            "<item>",
            "</item>",
            ENCLOSURE,
            "<guid>",
            "</guid>",
            "<title>",
            "</title>",
            "&#0;",
            "&#xFFFF;",
            "\x00",
            "]]>",
        ),
        *("<itunes:duration>", "</itunes:duration>", "99999999999:9", "<pubDate>", "</pubDate>", "<entry xmlns='::'>"),
        *("Sun, 01 Nov 99999 12:00:00 GMT", "<enclosure url='http://['/>", "<media:group>", "<x:y xmlns:x=''/>"),
        *("<enclosure url='//a:99999/'/>", "<podcast:alternateEnclosure>", "<podcast:source uri='a\tb'/>", "2026-W99"),
    ]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=12))
@settings(max_examples=300, deadline=None)
def test_whatever_comes_is_a_title_or_an_error(pieces: list[str]) -> None:
    for body in (channel("".join(pieces)), "".join(pieces).encode("utf-8", "surrogatepass")):
        with suppress(OfflinedlError):
            assert all(title.sources for title in rss.titles(body, "news", URL))
