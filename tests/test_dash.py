"""Stories about MPDs: what they offer, how it is protected, and what they are refused for."""

from __future__ import annotations

import base64

import pytest

from offlinedl.errors import DamagedError, OfflinedlError, UnsupportedError
from offlinedl.manifest import dash
from offlinedl.model import Kind
from offlinedl.streams import Rendition
from tests.mpds import URL, files, mpd, track, video

KID = "0a0b0c0d-0000-4000-8000-00000000000f"


PSSH = base64.b64encode(b"\0\0\0\x20pssh" + bytes(24)).decode()


def test_subtitles_in_one_file_are_one_segment() -> None:
    role = '<Role schemeIdUri="urn:mpeg:dash:role:2011" value="forced_subtitle"/>'
    body = '<Representation id="t" mimeType="text/vtt"><BaseURL>de.vtt</BaseURL></Representation>'
    labelled = f'<AdaptationSet contentType="text" lang="de"><Label> Deutsch </Label>{role}{body}</AdaptationSet>'
    (text,) = mpd(f"<Period>{labelled}</Period>").renditions
    assert (text.kind, text.container, text.language, text.name) == (Kind.SUBTITLES, "vtt", "de", "Deutsch")
    assert (text.roles, files(text)) == (("forced-subtitle",), ["de.vtt"])


BASES = [
    pytest.param("", "", "", "https://media.test/film/1", id="none-C40"),
    pytest.param("https://cdn.test/x/", "p/", "v/", "https://cdn.test/x/p/v/1", id="nested-C40"),
    pytest.param("https://cdn.test/x/", "http://other.test/", "v/", "http://other.test/v/1", id="absolute-inside-C40"),
    pytest.param("https://cdn.test/x", "", "", "https://cdn.test/1", id="no-slash-at-the-end-C40"),
    pytest.param("https://cdn.test/x/y.mpd?t=1", "", "", "https://cdn.test/x/1", id="ends-in-mpd-with-query-C40"),
    pytest.param(
        "\n  <!-- c -->https://cdn.test/<![CDATA[a]]>/ ", "", "", "https://cdn.test/a/1", id="comment-and-cdata"
    ),
]


@pytest.mark.parametrize(("top", "period", "inner", "url"), BASES)
def test_base_urls_nest(top: str, period: str, inner: str, url: str) -> None:
    """C40."""
    bases = [f"<BaseURL>{text}</BaseURL>" if text else "" for text in (top, period, inner)]
    template = '<SegmentTemplate media="$Number$" duration="10"/>'
    body = f'<AdaptationSet mimeType="video/mp4">{bases[2]}{template}<Representation id="v"/></AdaptationSet>'
    (only,) = mpd(f"{bases[0]}<Period>{bases[1]}{body}</Period>").renditions
    assert only.segments[0].resource.url == url


def test_the_first_of_several_base_urls_holds() -> None:
    """C32: the others are fallbacks; each segment has one URL."""
    only = video("<BaseURL>a.mp4</BaseURL><BaseURL>b.mp4</BaseURL>")
    assert files(only) == ["a.mp4"]
    assert only.bases == (("https://media.test/film/a.mp4", "https://media.test/film/b.mp4"),)


def test_fallback_bases_nest() -> None:
    """C32, C40: 23009-1 section 5.6.5: every base of one level with every one below; ftp is no base."""
    outer = "<BaseURL>https://a.test/x.mpd?t=1</BaseURL><BaseURL>https://b.test/y/</BaseURL><BaseURL>ftp://c/</BaseURL>"
    inner = "<BaseURL>p/</BaseURL><BaseURL>https://d.test/q/</BaseURL>"
    template = '<SegmentTemplate media="$Number$" duration="10"/>'
    body = f'<AdaptationSet mimeType="video/mp4">{template}<Representation id="v"/></AdaptationSet>'
    (only,) = mpd(f"{outer}<Period>{inner}{body}</Period>").renditions
    assert only.bases == (("https://a.test/p/", "https://d.test/q/", "https://b.test/y/p/"),)
    assert only.segments[0].resource.url == "https://a.test/p/1"


def test_bases_are_tried_by_their_priority() -> None:
    """ETSI TS 103 285 section 10.8.2.1: the lowest number first, 1 where none is stated, else in their order."""
    stated = [("a", "3"), ("b", ""), ("c", "2"), ("d", "1"), ("e", "two")]
    bases = "".join(f'<BaseURL dvb:priority="{n}">{name}.mp4</BaseURL>' for name, n in stated).replace(
        ' dvb:priority=""', ""
    )
    only = video(bases)
    assert files(only) == ["b.mp4"]
    assert [url[-5:] for url in only.bases[0]] == ["b.mp4", "d.mp4", "e.mp4", "c.mp4", "a.mp4"]


INFO = '<up:UrlQueryInfo xmlns:up="urn:mpeg:dash:schema:urlparam:2014" {}/>'
QUERIES = [
    pytest.param('queryTemplate="$querypart$" useMPDUrlQuery="true"', "1?sig=1", id="all-of-it"),
    pytest.param('queryTemplate="a=$query:sig$&amp;b=$query:no$" useMPDUrlQuery="true"', "1?a=1&b=", id="parts-of-it"),
    pytest.param('queryTemplate="$querypart$" queryString="t=2"', "1?t=2", id="its-own"),
    pytest.param('queryTemplate="$querypart$" queryString="t=2" useMPDUrlQuery="1"', "1?sig=1&t=2", id="both"),
    pytest.param('useMPDUrlQuery="true"', "1", id="no-template"),
]


@pytest.mark.parametrize("kind", ["EssentialProperty", "SupplementalProperty"])
@pytest.mark.parametrize(("attributes", "url"), QUERIES)
def test_the_query_of_the_mpd_is_added_where_it_says_so(attributes: str, url: str, kind: str) -> None:
    """23009-1 Annex I."""
    around = f'<{kind} schemeIdUri="urn:mpeg:dash:urlparam:2014">{INFO.format(attributes)}</{kind}>'
    template = '<SegmentTemplate media="$Number$" initialization="i.mp4?x" duration="10"/>'
    only = video(template, around=around)
    assert files(only) == [url]
    assert only.inits[0].resource.url.endswith("i.mp4?x" + url[1:].replace("?", "&"))


def test_a_query_is_added_to_files_lists_and_indexes_too() -> None:
    around = '<EssentialProperty schemeIdUri="urn:mpeg:dash:urlparam:2014">{}</EssentialProperty>'
    around = around.format(INFO.format('queryTemplate="$querypart$" useMPDUrlQuery="true"'))
    assert files(video("<BaseURL>v.mp4</BaseURL>", around=around)) == ["v.mp4?sig=1"]
    assert files(video('<SegmentList><SegmentURL media="1?a"/></SegmentList>', around=around)) == ["1?a&sig=1"]
    index = video('<BaseURL>v.mp4</BaseURL><SegmentBase indexRange="9-99"/>', around=around)
    assert index.index
    assert index.index.url.endswith("/v.mp4?sig=1")
    assert [init.resource.url[-12:] for init in index.inits] == ["/v.mp4?sig=1"]


def test_segments_that_no_base_begins_have_no_fallback() -> None:
    bases = "<BaseURL>https://a.test/x/</BaseURL><BaseURL>https://b.test/x/</BaseURL>"
    assert video(bases + '<SegmentTemplate media="https://c.test/$Number$" duration="10"/>').bases == ()


def described(kind: str, attributes: str, inside: str = "") -> Rendition:
    body = f'{inside}<Representation id="r"><BaseURL>f.mp4</BaseURL></Representation>'
    around = f'<AdaptationSet mimeType="{kind}/mp4" {attributes}>{body}</AdaptationSet>'
    return mpd(f"<Period>{around}</Period>").renditions[0]


CHANNELS = [
    pytest.param("urn:mpeg:dash:23003:3:audio_channel_configuration:2011", "6", "6", id="count"),
    pytest.param("urn:mpeg:mpegB:cicp:ChannelConfiguration", "12", "8", id="layout"),
    pytest.param("tag:dolby.com,2014:dash:audio_channel_configuration:2011", "F801", "6", id="5.1-mask"),
    pytest.param("urn:dolby:dash:audio_channel_configuration:2011", "fa01", "8", id="7.1-mask"),
    pytest.param("tag:dolby.com,2014:dash:audio_channel_configuration:2011", "A000", "2", id="stereo-mask"),
    pytest.param("urn:example", "6", "", id="unknown"),
]


@pytest.mark.parametrize(("scheme", "value", "channels"), CHANNELS)
def test_channels_are_counted_whatever_the_scheme(scheme: str, value: str, channels: str) -> None:
    inside = f'<AudioChannelConfiguration schemeIdUri="{scheme}" value="{value}"/>'
    assert described("audio", 'lang="en"', inside).channels == channels


def test_what_players_choose_by_is_kept() -> None:
    """The fields of HLS, with the same meaning."""
    objects = (
        '<SupplementalProperty schemeIdUri="tag:dolby.com,2018:dash:EC3_ExtensionComplexityIndex:2018" value="16"/>'
    )
    assert described("audio", "", objects).channels == "16/JOC"
    colour = '<{}Property schemeIdUri="urn:mpeg:mpegB:cicp:TransferCharacteristics" value="{}"/>'
    pictures = described("video", 'frameRate="30000/1001" scte214:supplementalCodecs="dvh1.08.07"')
    assert (str(pictures.frame_rate), pictures.video_range, pictures.supplemental_codecs) == (
        "30000/1001",
        "",
        "dvh1.08.07",
    )
    ranges = [described("video", "", colour.format("Essential", value)).video_range for value in ("16", "18", "1")]
    assert ranges == ["PQ", "HLG", "SDR"]


def test_forced_subtitles_and_what_plays_without_being_asked_for() -> None:
    role = '<Role schemeIdUri="urn:mpeg:dash:role:2011" value="{}"/>'
    forced, commentary = (described("audio", "", role.format(value)) for value in ("forced_subtitle", "commentary"))
    assert (forced.forced, forced.autoselect, commentary.autoselect) == (True, True, False)


@pytest.mark.parametrize("base", ["file:///etc/passwd", "data:video/mp4;base64,AA", "ftp://h/a.mp4"])
def test_only_http_and_https_leave_the_parser(base: str) -> None:
    with pytest.raises(UnsupportedError, match="only http and https"):
        video(f"<BaseURL>{base}</BaseURL>")


PROTECTIONS = [
    pytest.param(f"<cenc:pssh>{PSSH}</cenc:pssh>", id="usual-prefix"),
    pytest.param(f'<c:pssh xmlns:c="urn:mpeg:cenc:2013">{PSSH}</c:pssh>', id="other-prefix"),
    pytest.param(f'<pssh xmlns="urn:mpeg:cenc:2013">\n <!-- x -->{PSSH}\n</pssh>', id="default-namespace-and-comment"),
    pytest.param(f"<x:pssh>{PSSH}</x:pssh>", id="prefix-that-nobody-declared"),
]


@pytest.mark.parametrize("element", PROTECTIONS)
def test_protection_is_read_whatever_the_prefix(element: str) -> None:
    generic = f'<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cbcs" k:default_KID="{KID}"/>'
    system = (
        f'<ContentProtection schemeIdUri="urn:uuid:EDEF8BA9-79D6-4ACE-A3C8-27DCD51D21ED">{element}</ContentProtection>'
    )
    stated, widevine = video("<BaseURL>v.mp4</BaseURL>", around=generic + system).protections
    kid = bytes.fromhex(KID.replace("-", ""))
    assert (stated.system, stated.scheme, stated.kids, stated.init_data) == ("", "cbcs", (kid,), None)
    assert (widevine.system, widevine.scheme) == ("edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", "cbcs")
    assert (widevine.kids, widevine.init_data) == ((kid,), base64.b64decode(PSSH))


LICENSES = [
    pytest.param('<d:laurl xmlns:d="https://dashif.org/">{}</d:laurl>', id="guideline"),
    pytest.param('<d:Laurl xmlns:d="https://dashif.org/CPS">{}</d:Laurl>', id="cps"),
    pytest.param(
        '<k:Laurl xmlns:k="http://dashif.org/guidelines/clearKey" Lic_type="EME-1.0">{}</k:Laurl>', id="legacy"
    ),
    pytest.param("<dashif:laurl>{}</dashif:laurl>", id="prefix-only"),
    pytest.param('<m:laurl xmlns:m="urn:microsoft" licenseUrl="{}"/>', id="attribute"),
]


@pytest.mark.parametrize("element", LICENSES)
def test_clear_key_names_its_license_server(element: str) -> None:
    scheme = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"
    around = f'<ContentProtection schemeIdUri="{scheme}">{element.format("https://l.test/key")}</ContentProtection>'
    (only,) = video("<BaseURL>v.mp4</BaseURL>", around=around).protections
    assert (only.system, only.license_url) == (scheme[9:], "https://l.test/key")


def test_playready_objects_are_put_into_a_box() -> None:
    scheme = "urn:uuid:9a04f079-9840-4286-ab92-e65be0885f95"
    around = f'<ContentProtection schemeIdUri="{scheme}"><mspr:pro>AQID</mspr:pro></ContentProtection>'
    (only,) = video("<BaseURL>v.mp4</BaseURL>", around=around).protections
    assert (only.init_data or b"")[4:8] == b"pssh"
    assert (only.init_data or b"")[-3:] == b"\1\2\3"


def test_rotating_keys_leave_the_key_ids_open() -> None:
    zero = '<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cenc" cenc:default_KID="{}"/>'
    around = zero.format("00000000-0000-0000-0000-000000000000")
    assert video("<BaseURL>v.mp4</BaseURL>", around=around).protections[0].kids == ()


def test_a_protection_that_refers_to_another_takes_over_what_it_says() -> None:
    named = '<ContentProtection refId="a" schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cenc"/>'
    body = '<ContentProtection ref="a"/><Representation id="v"><BaseURL>v.mp4</BaseURL></Representation>'
    (only,) = mpd(f'<Period>{named}<AdaptationSet mimeType="video/mp4">{body}</AdaptationSet></Period>').renditions
    assert only.protections[0].scheme == "cenc"


LEFT_OUT = [
    pytest.param(
        '<EssentialProperty schemeIdUri="urn:example:new"/>',
        r"not understood \(urn:example:new\)",
        id="unknown-essential",
    ),
    pytest.param("<EssentialProperty/>", "without a schemeIdUri", id="essential-that-says-nothing"),
    pytest.param(
        '<EssentialProperty schemeIdUri="urn:mpeg:dash:urlparam:2014"><UrlQueryInfo xlink:href="x"/>'
        "</EssentialProperty>",
        r"not understood \(urn:mpeg:dash:urlparam:2014\)",
        id="a-query-that-is-kept-elsewhere",
    ),
    pytest.param(
        '<EssentialProperty schemeIdUri="http://dashif.org/guidelines/trickmode" value="1"/>',
        "trickmode|understood",
        id="trick-mode",
    ),
    pytest.param('<ContentProtection schemeIdUri="urn:mpeg:dash:sea:2012"/>', "as a whole", id="segment-encryption"),
]


@pytest.mark.parametrize(("around", "words"), LEFT_OUT)
def test_what_cannot_be_used_is_left_out_and_says_so(around: str, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        video("<BaseURL>v.mp4</BaseURL>", around=around)


def test_a_representation_that_is_left_out_leaves_the_others() -> None:
    new = '<EssentialProperty schemeIdUri="urn:example:new"/>'
    bad = f'<Representation id="x">{new}<BaseURL>x.mp4</BaseURL></Representation>'
    assert video("<BaseURL>v.mp4</BaseURL>", around=bad).id == "v"


def test_colour_and_other_understood_properties_leave_nothing_out() -> None:
    around = '<EssentialProperty schemeIdUri="urn:mpeg:mpegB:cicp:TransferCharacteristics" value="16"/>'
    assert video("<BaseURL>v.mp4</BaseURL>", around=around).id == "v"


KINDS = [
    pytest.param('contentType="audio"', "", Kind.AUDIO, id="content-type"),
    pytest.param("", 'mimeType="audio/mp4"', Kind.AUDIO, id="mime-type-inside"),
    pytest.param('mimeType="application/mp4" codecs="stpp.ttml.im1t"', "", Kind.SUBTITLES, id="ttml-in-mp4"),
    pytest.param('mimeType="application/ttml+xml"', "", Kind.SUBTITLES, id="ttml-file"),
    pytest.param("", 'codecs="mp4a.40.2"', Kind.AUDIO, id="codecs-only"),
    pytest.param('mimeType="image/jpeg"', "", None, id="thumbnails"),
    pytest.param('contentType="image"', 'mimeType="video/mp4"', None, id="content-type-image"),
    pytest.param('mimeType="application/x-rawcc"', "", None, id="raw-captions"),
]


@pytest.mark.parametrize(("outer", "inner", "kind"), KINDS)
def test_a_set_is_what_its_types_say(outer: str, inner: str, kind: Kind | None) -> None:
    body = f"<AdaptationSet {outer}><Representation {inner}><BaseURL>f.mp4</BaseURL></Representation></AdaptationSet>"
    other = '<Representation id="v"><BaseURL>v.mp4</BaseURL></Representation>'
    extra = f'<AdaptationSet mimeType="video/mp4">{other}</AdaptationSet>'
    kinds = [r.kind for r in mpd(f"<Period>{body}{extra}</Period>").renditions]
    assert kinds == [*([kind] if kind else []), Kind.VIDEO]


def test_descriptions_are_told_apart_from_the_main_sound() -> None:
    main = '<Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>'
    described = '<Accessibility schemeIdUri="urn:tva:metadata:cs:AudioPurposeCS:2007" value="1"/>'
    sets = (track("en").replace("<Seg", f"{extra}<Seg") for extra in (main, described))
    found = mpd(f"<Period>{''.join(sets)}</Period>")
    assert [(r.roles, r.default) for r in found.renditions] == [(("main",), True), (("description",), False)]
    assert [r.id for r in found.renditions] == ["en", "en#2"]


REFUSED = [
    pytest.param('<MPD type="dynamic"/>', UnsupportedError, "live", id="dynamic-C50"),
    pytest.param("<MPD/>", DamagedError, "no representation", id="empty"),
    pytest.param("<html><MPD/></html>", UnsupportedError, "html", id="not-an-mpd"),
    pytest.param("<MPD><Period>", DamagedError, "line 1", id="cut-off"),
    pytest.param('<!DOCTYPE MPD [<!ENTITY a "b">]><MPD/>', UnsupportedError, "DOCTYPE", id="doctype"),
]


@pytest.mark.parametrize(("text", "error", "words"), REFUSED)
def test_what_is_no_title_is_refused_by_name(text: str, error: type[OfflinedlError], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        dash.parse(text.encode(), URL)
    assert caught.value.hint or "root element" in caught.value.message


def test_prefixes_on_every_element_change_nothing() -> None:
    text = (
        '<m:MPD xmlns:m="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT2S"><m:Period>'
        '<m:AdaptationSet id="two" group="x" mimeType="video/mp4"><m:Representation id="v" bandwidth="1e6" width="640">'
        "<m:BaseURL>v.mp4</m:BaseURL></m:Representation></m:AdaptationSet></m:Period></m:MPD>"
    )
    (only,) = dash.parse(text.encode("utf-16"), URL).renditions
    assert (only.width, only.bandwidth, files(only)) == (640, 0, ["v.mp4"])
