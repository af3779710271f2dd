"""Manifests made to harm: each is refused by name before it has cost much. Bytes and calls are counted, not seconds."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable

import pytest

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.manifest import dash, hls, smooth, xml
from offlinedl.manifest.limits import ADDRESS, Limits
from offlinedl.media.encryption import Encryption, Entry, Track
from offlinedl.media.fragment import protected
from offlinedl.streams import Manifest, Rendition
from tests.boxes import box, full_box, numbers
from tests.mpds import SINGLE, URL, mpd_text, sidx, timeline, video
from tests.playlists import media, rung, segment

MIB = 2**20


def refused(call: Callable[[], object]) -> tuple[str, int]:
    """Why `call` was refused as too large, and how many bytes it held at most until then."""
    tracemalloc.start()
    try:
        with pytest.raises(UnsupportedError) as caught:
            call()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code == "too-large"
    assert caught.value.hint
    return caught.value.message, peak


def calls(call: Callable[[], object]) -> int:
    """How many calls it takes, whatever becomes of it."""
    made = 0

    def counted(*_: object) -> None:
        nonlocal made
        made += 1

    sys.setprofile(counted)
    try:
        call()
    finally:
        sys.setprofile(None)
    return made


def ladder(addressing: str, rungs: int = 20, inside: str = "") -> bytes:
    """An MPD of 40,000 s with a ladder that shares `addressing`, or has it `inside` each rung."""
    body = "".join(f'<Representation id="{n}">{inside}</Representation>' for n in range(rungs))
    around = f'<AdaptationSet mimeType="video/mp4">{addressing}{body}</AdaptationSet>'
    return mpd_text(f"<Period>{around}</Period>", 'mediaPresentationDuration="PT40000S"')


def smooth_text(fragments: str, url: str = "{bitrate}/{start time}", streams: int = 1, levels: int = 1) -> bytes:
    body = "".join(f'<QualityLevel Bitrate="{n}" FourCC="AVC1" CodecPrivateData=""/>' for n in range(levels))
    stream = f'<StreamIndex Type="video" Url="{url}">{body}{fragments}</StreamIndex>'
    return f"<SmoothStreamingMedia>{stream * streams}</SmoothStreamingMedia>".encode()


# segments

TEMPLATE = '<SegmentTemplate media="$RepresentationID$-$Number$" duration="1"/>'
REPEATED = timeline('<S t="0" d="1" r="39999"/>')
LADDERS = [
    pytest.param(ladder(TEMPLATE), id="by-duration"),
    pytest.param(ladder(REPEATED), id="by-a-timeline-that-all-share"),
    pytest.param(ladder("", inside=REPEATED), id="by-timelines-of-their-own"),
    pytest.param(ladder("", inside=timeline('<S d="1" r="-1"/>')), id="to-the-end-of-the-period"),
    pytest.param(
        ladder("<SegmentList><SegmentTimeline>" + '<S d="1" r="39999"/></SegmentTimeline><SegmentURL/></SegmentList>'),
        id="by-a-timeline-longer-than-its-list",
    ),
    pytest.param(smooth_text('<c d="1" r="40000"/>', levels=20), id="smooth-levels"),
    pytest.param(smooth_text('<c d="1" r="40000"/>', streams=20), id="smooth-streams"),
]


@pytest.mark.parametrize("data", LADDERS)
def test_segments_are_counted_before_any_is_made(data: bytes) -> None:
    form = smooth if data.startswith(b"<Smooth") else dash
    message, peak = refused(lambda: form.parse(data, URL, Limits(segments=100_000)))
    assert "more segments than are read; the limit is 100000" in message
    assert peak < MIB  # one rung of 40,000 has 15


def test_a_ladder_within_the_limit_passes_and_shares_its_times() -> None:
    manifest = dash.parse(ladder(timeline('<S t="0" d="1" r="999"/>'), rungs=10), URL, Limits(segments=10_000))
    first, *others = manifest.renditions
    assert {len(r.segments) for r in manifest.renditions} == {1000}
    assert all(r.segments[999].start is first.segments[999].start for r in others)


def test_elements_of_a_timeline_count_though_they_make_no_segment() -> None:
    """Each rung has a clock of its own, and would walk through all of them again."""
    many = timeline('<S t="9" d="1"/>' * 1000)
    rungs = "".join(
        f'<Representation id="{n}"><SegmentTemplate startNumber="{n}" endNumber="0"/></Representation>'
        for n in range(1, 22)
    )
    data = mpd_text(f'<Period><AdaptationSet mimeType="video/mp4">{many}{rungs}</AdaptationSet></Period>')
    assert "more segments" in refused(lambda: dash.parse(data, URL, Limits(segments=20_000)))[0]


def test_periods_do_not_multiply_the_segments_of_each_other() -> None:
    """A hundred rungs would each be continued by the one rung of another period."""
    rungs = "".join(f'<Representation id="{n}"/>' for n in range(100))
    one = '<Period duration="PT900S"><AdaptationSet mimeType="video/mp4"><SegmentTemplate media="$Number$" {}/>{}'
    one += "</AdaptationSet></Period>"
    inside = one.format('duration="900"', rungs) + one.format('duration="1"', '<Representation id="x"/>')
    limits = Limits(segments=20_000)
    assert "more segments" in refused(lambda: dash.parse(mpd_text(inside, ""), URL, limits))[0]


def test_representations_of_many_periods_are_not_compared_without_end() -> None:
    rungs = "".join(f'<Representation id="{n}"/>' for n in range(50))
    one = '<Period duration="PT1S"><AdaptationSet mimeType="video/mp4"><SegmentTemplate media="$Number$" duration="1"/>'
    data = mpd_text(f"{one}{rungs}</AdaptationSet></Period>" * 20, "")
    assert "can be put together" in refused(lambda: dash.parse(data, URL, Limits(segments=20_000)))[0]


# XML


def elements(count: int) -> bytes:
    return b"<a>" + b"<a/>" * count + b"</a>"


XML_BOMBS = [
    pytest.param(elements(260_000), "elements and attributes", id="elements"),
    pytest.param(b"<a>" + b'<a b=""/>' * 110_000 + b"</a>", "elements and attributes", id="attributes"),
    pytest.param(
        b"<a" + b"".join(b' xmlns:p%d=""' % n for n in range(250)) + b">" + b'<a xmlns=""/>' * 70_000 + b"</a>",
        "elements and attributes",
        id="prefixes-that-are-copied",
    ),
    pytest.param(b"<a><r>" + b'<s t="1"/>' * 100_000 + b"</r></a>", "more segments", id="rows"),
    pytest.param(
        b"<a><r><s>" + b"".join(b"<a%d/>" % n for n in range(110_000)) + b"</s></r></a>", "names", id="names-in-a-row"
    ),
]


@pytest.mark.parametrize(("data", "words"), XML_BOMBS)
def test_what_becomes_objects_is_counted(data: bytes, words: str) -> None:
    """An empty element of 4 bytes takes 200: 64 MiB of them would be 4 GB."""
    limits = Limits(bytes=2 * MIB, segments=50_000)
    rows = {"s": xml.Row("r", ("t",))}
    message, peak = refused(lambda: xml.parse(data, rows=rows, limits=limits))
    assert words in message
    assert peak < 40 * MIB  # of the data itself, and of 65,536 objects; without a limit it is 80 and more


def test_a_tag_is_no_longer_than_what_is_read_at_a_time() -> None:
    """All of its attributes become objects before anybody can count them."""
    long = b"<a " + b" ".join(b'a%d=""' % n for n in range(800_000)) + b"/>"
    assert "XML tags" in refused(lambda: xml.parse(long))[0]
    assert xml.parse(b"<a><!--" + b"-x" * 4 * MIB + b"--></a>").name == "a"
    assert len(xml.parse(b"<a>" + b"x" * 9 * MIB + b"</a>").text) == 9 * MIB


def test_what_lies_in_a_row_is_left_out() -> None:
    rows = {"s": xml.Row("r", ("t", "d"))}
    root = xml.parse(b'<a><r><s t="1" x="2"><b/><s/></s><s d="3"/></r><s t="4"/></a>', rows=rows)
    (holder, beside) = root.children
    assert (list(holder.rows(2)), holder.children) == ([("1", None), (None, "3")], [])
    assert (beside.name, beside.get("t")) == ("s", "4")


# representations


def test_what_representations_inherit_is_read_once() -> None:
    """23009-1 section 5.3: properties, protections and bases of an adaptation set, for each of its representations."""

    def made(count: int) -> int:
        protection = '<ContentProtection schemeIdUri="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed" ref="x"/>'
        base = "<BaseURL>a/</BaseURL><BaseURL>b/</BaseURL>"
        data = ladder(base + protection * 100 + TEMPLATE.replace('"1"', '"40000"'), rungs=count)
        return calls(lambda: dash.parse(data, URL))

    assert made(40) - made(20) < 20 * 6000


def test_a_wide_level_with_many_representations_is_refused() -> None:
    data = ladder(TEMPLATE.replace('"1"', '"40000"') + "<Label/>" * 3000, rungs=300)
    assert "inherit more than is read" in refused(lambda: dash.parse(data, URL, Limits(bytes=2 * MIB)))[0]


MANY = [
    pytest.param(ladder("", rungs=20_000), "more adaptation sets and representations", id="in-a-period"),
    pytest.param(mpd_text("<Period/>" * 150_001), "more periods, adaptation sets", id="periods"),
    pytest.param(ladder(f'<ContentProtection default_KID="{"0 " * 1001}"/>'), "more key ids", id="key-ids"),
    pytest.param(
        ladder(TEMPLATE, rungs=1).replace(b'id="0"', b'id="%s"' % (b"x" * 1025)), "has 1025 letters", id="long-id"
    ),
]


@pytest.mark.parametrize(("data", "words"), MANY)
def test_more_than_any_title_has_is_refused(data: bytes, words: str) -> None:
    assert words in refused(lambda: dash.parse(data, URL, Limits(segments=50_000)))[0]


def test_a_smooth_manifest_has_no_more_tracks_than_are_read() -> None:
    data = smooth_text('<c d="1"/>', levels=10_001)
    assert "more tracks" in refused(lambda: smooth.parse(data, URL))[0]


# addresses

LONG = "x" * ADDRESS


def dash_one(addressing: str) -> Manifest:
    body = f'<Representation id="v">{addressing}</Representation>'
    return dash.parse(mpd_text(f'<Period><AdaptationSet mimeType="video/mp4">{body}</AdaptationSet></Period>'), URL)


ADDRESSES = [
    pytest.param(lambda: dash_one(f'<SegmentTemplate media="{LONG}x" duration="1"/>'), id="template"),
    pytest.param(lambda: dash_one(f'<SegmentTemplate media="{LONG}" duration="1"/>'), id="template-below-its-base"),
    pytest.param(lambda: dash_one(f'<SegmentTemplate media="a" initialization="{LONG}" duration="1"/>'), id="init"),
    pytest.param(lambda: dash_one(f"<BaseURL>{LONG}</BaseURL>"), id="base"),
    pytest.param(lambda: dash_one(f'<SegmentList><SegmentURL media="{LONG}"/></SegmentList>'), id="list"),
    pytest.param(
        lambda: dash_one(f'<SegmentTemplate media="{"$Number%064d$" * 16}{LONG[1000:]}" duration="1"/>'),
        id="template-that-grows",
    ),
    pytest.param(lambda: dash_one(f'<SegmentTemplate media="{"$Number$" * 17}" duration="1"/>'), id="many-numbers"),
    pytest.param(lambda: dash_one('<BaseURL>{}</BaseURL>'.format("ü" * (ADDRESS // 2))), id="letters-of-two-bytes"),
    pytest.param(lambda: smooth.parse(smooth_text('<c d="1"/>', LONG + "{start time}"), URL), id="smooth"),
    pytest.param(lambda: smooth.parse(smooth_text('<c d="1"/>', "{start time}" * 500), URL), id="smooth-that-grows"),
    pytest.param(lambda: rung(segment(LONG)), id="hls"),
    pytest.param(lambda: rung(f'#EXT-X-MAP:URI="{LONG}"', segment()), id="hls-map"),
]  # fmt: skip


@pytest.mark.parametrize("call", ADDRESSES)
def test_an_address_longer_than_servers_take_is_refused(call: Callable[[], object]) -> None:
    assert "the limit is" in refused(call)[0]


TOGETHER = [
    pytest.param(dash, ladder(TEMPLATE.replace("-", "y" * 5000), rungs=1), id="template"),
    pytest.param(
        dash,
        ladder(f"<BaseURL>{'y' * 5000}/</BaseURL><SegmentList>{'<SegmentURL/>' * 10_000}</SegmentList>", rungs=1),
        id="list",
    ),
    pytest.param(smooth, smooth_text('<c d="1" r="40000"/>', "y" * 5000 + "{start time}"), id="smooth"),
]


@pytest.mark.parametrize(("form", "data"), TOGETHER)
def test_addresses_have_a_limit_together(form: object, data: bytes) -> None:
    """40,000 addresses of 5,000 letters are 200 MB."""
    parse = dash.parse if form is dash else smooth.parse
    message, peak = refused(lambda: parse(data, URL, Limits(bytes=4 * MIB)))
    assert "longer addresses in all" in message
    assert peak < 8 * MIB


def test_addresses_of_a_playlist_have_a_limit_together() -> None:
    url = f"https://media.test/{'y' * 5000}/index.m3u8"
    data = media(*[segment("a")] * 10_000)
    message, peak = refused(lambda: hls.parse(data, url, Limits(bytes=4 * MIB)))
    assert "longer addresses in all" in message
    assert peak < 8 * MIB


# playlists

PLAYLISTS = [
    pytest.param(b"#EXTM3U\n" + b"\n" * 70_000, "more lines", id="lines"),
    pytest.param(
        media(*[f'#EXT-X-KEY:METHOD=AES-128,URI="k",KEYFORMAT="{n}"\n{segment()}' for n in range(40)]),
        "keys in more formats",
        id="keys-in-force",
    ),
    pytest.param(media("#EXT-X-KEY:" + "A=," * 400_000, segment()), "attribute lists", id="attributes"),
    pytest.param(b"#EXTM3U\n" + b"#EXT-X-STREAM-INF:\na\n" * 10_001, "variants", id="variants"),
]


@pytest.mark.parametrize(("data", "words"), PLAYLISTS)
def test_a_playlist_that_grows_is_refused(data: bytes, words: str) -> None:
    assert words in refused(lambda: hls.parse(data, URL, Limits(segments=20_000)))[0]


def test_segments_of_a_playlist_are_counted_before_any_is_made() -> None:
    data = media(*[segment("a")] * 50_001)
    message, peak = refused(lambda: hls.parse(data, URL, Limits(segments=50_000)))
    assert "more segments than are read" in message
    assert peak < 4 * MIB


def test_a_template_above_its_base_is_resolved_once() -> None:
    """RFC 3986 section 5.2.4: numbers are no dots."""
    template = '<SegmentTemplate media="../$Number$" duration="1"/>'
    assert calls(lambda: dash.parse(ladder(template, rungs=1), URL)) < 10 * 40_000


# indexes

INDEX = 0x80000000


def test_indexes_that_lead_to_indexes_without_end_are_refused() -> None:
    """8 levels of 5 each are 400,000 requests."""
    tree = sidx(0, 0, *[(INDEX | 10_000, 1000)] * 5)
    leaf = sidx(0, 0, (50, 1000))
    only = video(SINGLE.format(last=99 + len(tree)))
    read = 0

    def follow() -> Rendition:
        nonlocal only, read
        while only.index is not None:
            read += 1
            only = dash.expand(only, leaf if only.unread[0].depth == 8 else tree, URL)
        return only

    with pytest.raises(UnsupportedError, match="more segment indexes than are read") as caught:
        follow()
    assert caught.value.code == "too-large"
    assert read <= 10_000


def test_time_scales_that_share_no_divisor_keep_times_short() -> None:
    """The sums of their fractions would grow with each index."""
    primes = [n for n in range(60_000, 70_000) if all(n % k for k in range(2, 260))][:200]
    leaf = sidx(0, 0, (50, 1), (50, 1))
    data = sidx(0, 0, *[(INDEX | len(leaf), 1)] * len(primes))
    data += b"".join(leaf[:16] + prime.to_bytes(4) + leaf[20:] for prime in primes)
    only = dash.expand(video(SINGLE.format(last=99 + len(data))), data, URL)
    assert len(only.segments) == 2 * len(primes)
    assert max(s.start.denominator for s in only.segments) < 10**50
    assert only.duration.denominator < 10**50


SIDX = [
    pytest.param(b"\0\0\0\x08free" * 20 + sidx(0, 0, (50, 1000)), "no segment index", id="behind-many-boxes"),
    pytest.param(sidx(1, 2**63, (50, 1000)), "no part of a file", id="beyond-every-file"),
    pytest.param(sidx(1, 2**64 - 1, (INDEX | 50, 1000)), "no part of a file", id="index-beyond-every-file"),
]


@pytest.mark.parametrize(("data", "words"), SIDX)
def test_an_index_that_is_none_is_damage(data: bytes, words: str) -> None:
    with pytest.raises(DamagedError, match=words):
        dash.expand(video(SINGLE.format(last=99 + len(data))), data, URL)


def test_an_index_longer_than_any_can_be_is_not_asked_for() -> None:
    top = sidx(0, 0, (INDEX | 2**30, 1000))
    only = dash.expand(video(SINGLE.format(last=99 + len(top))), top, URL)
    with pytest.raises(DamagedError, match="cannot be 536870912 bytes long"):
        dash.expand(only, (2**29).to_bytes(4) + b"sidx" + bytes(4088), URL)


# numbers

FAR = 2**63
NUMBERS: list[object] = [
    pytest.param(f'<SegmentList><SegmentURL mediaRange="0-{FAR}"/></SegmentList>', id="mediaRange"),
    pytest.param(f'<BaseURL>v.mp4</BaseURL><SegmentBase indexRange="{FAR}-{FAR}"/>', id="indexRange"),
    pytest.param('<BaseURL>v.mp4</BaseURL><SegmentBase indexRange="9 to 99"/>', id="indexRange-in-words"),
    pytest.param(
        f'<BaseURL>v.mp4</BaseURL><SegmentBase indexRange="0-9"><Initialization range="0-{FAR}"/></SegmentBase>',
        id="Initialization",
    ),
    pytest.param('<BaseURL>http://h:99999/a.mp4</BaseURL>', id="port"),
    pytest.param('<SegmentTemplate media="$Number%0999999999d$" duration="1"/>', id="wide-number"),
    pytest.param('<SegmentTemplate media="$Number%05$" duration="1"/>', id="no-conversion"),
    pytest.param('<SegmentTemplate media="$Time%s$" duration="1"/>', id="other-conversion"),
    pytest.param(timeline('<S d="-1"/>'), id="d-below-0"),
    pytest.param(timeline('<S d="1e9"/>'), id="d-with-an-exponent"),
    pytest.param(timeline(f'<S d="1" r="{"9" * 30}"/>'), id="r-of-30-digits"),
    pytest.param(timeline('<S d="0" r="-1"/>'), id="r-without-d"),
]  # fmt: skip


@pytest.mark.parametrize("addressing", NUMBERS)
def test_numbers_that_mean_nothing_are_damage(addressing: str) -> None:
    with pytest.raises(DamagedError) as caught:
        video(addressing)
    assert caught.value.exit_code == 8
    assert caught.value.hint


def test_a_wrong_port_is_named() -> None:
    with pytest.raises(DamagedError, match=r"http://h:99999/a\.mp4: its port is not a number up to 65535"):
        video("<BaseURL>http://h:99999/a.mp4?token=secret</BaseURL>")


LINES = [
    pytest.param([f"#EXT-X-BYTERANGE:{10**17}@{10**17}", segment()], "no part of a file", id="byterange"),
    pytest.param(
        ["#EXT-X-BYTERANGE:9@0", segment(), *[f"#EXT-X-BYTERANGE:{10**15}\n{segment()}"] * 20],
        "no part of a file",
        id="byteranges-that-add-up",
    ),
    pytest.param([f'#EXT-X-MAP:URI="i",BYTERANGE="{10**17}@0"', segment()], "no part of a file", id="map"),
    *[
        pytest.param([segment(seconds=text)], "no duration", id=f"seconds-{text}")
        for text in ("1e400", "6.5E1", "nan", "inf", "-1", "9" * 21, "1.2.3")
    ],
]


@pytest.mark.parametrize(("lines", "words"), LINES)
def test_numbers_of_playlists_that_mean_nothing_are_damage(lines: list[str], words: str) -> None:
    with pytest.raises(DamagedError, match=words):
        rung(*lines)


def test_a_duration_may_be_followed_by_words() -> None:
    assert float(rung("#EXTINF:6.5 tvg-id=1,title\na.ts").segments[0].duration) == 6.5


# 36 MB

PEAK = """
import resource, sys
from offlinedl.manifest import dash

rows = "".join(f'            <S t="{n * 180180}" d="180180"/>\\n' for n in range(70_000))
template = '<SegmentTemplate timescale="90000" media="$RepresentationID$/$Time$.m4s"><SegmentTimeline>\\n'
rung = '<Representation id="v{}" bandwidth="1000000" width="1280" height="720" codecs="avc1.64001f">' + template
text = "".join(rung.format(n) + rows + "</SegmentTimeline></SegmentTemplate></Representation>\\n" for n in range(12))
head = '<MPD mediaPresentationDuration="PT140140S"><Period><AdaptationSet mimeType="video/mp4">'
data = f"{head}{text}</AdaptationSet></Period></MPD>".encode()
del rows, text
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
manifest = dash.parse(data, "https://media.test/film/title.mpd")
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(data), sum(len(r.segments) for r in manifest.renditions), (after - before) * 1024)
"""


def test_a_manifest_of_36_megabytes_is_read_in_twelve_times_its_size() -> None:
    """C42: as a packager writes it, each rung with a timeline of its own."""
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True, timeout=120)
    size, segments, grown = map(int, done.stdout.split())
    assert size > 36_000_000
    assert segments == 840_000
    assert grown < 12 * size


# media


def test_runs_of_samples_are_no_longer_together_than_their_segment() -> None:
    """500 runs of 10,000 samples each, in 20 bytes for each run."""
    head = full_box("tfhd", 0, numbers(1))
    data = box("moof", box("traf", head, *[full_box("trun", 0, numbers(10_000))] * 500)) + box("mdat", bytes(9))
    encryption = Encryption(tracks={1: Track(entries=(Entry(format="avc1"),))})
    tracemalloc.start()
    try:
        with pytest.raises(DamagedError, match="longer than all that is there"):
            protected(encryption, data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MIB
