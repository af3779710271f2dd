"""Stories about telling formats apart by content, and about naming what is none."""

from __future__ import annotations

import pytest

from offlinedl.errors import DamagedError, UnsupportedError
from offlinedl.manifest import detect, formats

URL = "https://user:secret@media.test/title?token=secret"

KNOWN = [
    pytest.param(b"#EXTM3U\n#EXT-X-ENDLIST\n", "hls", id="hls"),
    pytest.param(b"\xef\xbb\xbf#EXTM3U\r\n", "hls", id="hls-with-mark-C49"),
    pytest.param(b"\n  #EXTM3U\n", "hls", id="hls-after-white-space"),
    pytest.param(b"<MPD/>", "dash", id="dash-without-namespace"),
    pytest.param(
        b'<?xml version="1.0"?>\n<!-- x --><d:MPD xmlns:d="urn:mpeg:dash:schema:mpd:2011"/>', "dash", id="dash-prefix"
    ),
    pytest.param('<?xml version="1.0" encoding="utf-16"?><MPD/>'.encode("utf-16"), "dash", id="dash-utf-16"),
    pytest.param(b'<MPD a="1"b="2"/>', "dash", id="dash-damaged-at-its-root"),
    pytest.param(b"<SmoothStreamingMedia MajorVersion='2'/>", "smooth", id="smooth"),
    pytest.param(
        '<?xml version="1.0" encoding="utf-16"?><SmoothStreamingMedia/>'.encode("utf-16"), "smooth", id="smooth-utf-16"
    ),
    pytest.param("<SmoothStreamingMedia/>".encode("utf-16"), "smooth", id="smooth-utf-16-undeclared"),
    pytest.param(b'<SmoothStreamingMedia a="1"b="2"/>', "smooth", id="smooth-damaged-at-its-root"),
    pytest.param(b"\0\0\0\x18ftypmp42\0\0", "progressive", id="mp4"),
    pytest.param(b"\x1a\x45\xdf\xa3\x01", "progressive", id="matroska"),
    pytest.param(b"ID3\4\0\0\0\0\0\0\xff\xfb\x90\0", "progressive", id="mp3"),
]


@pytest.mark.parametrize(("data", "name"), KNOWN)
def test_the_content_tells_the_format(data: bytes, name: str) -> None:
    assert [form.NAME for form in formats() if form is detect(data, URL)] == [name]


def test_a_misleading_address_changes_nothing() -> None:
    assert detect(b"#EXTM3U\n", "https://media.test/manifest.mpd").NAME == "hls"


OTHER = [
    pytest.param(b"<!doctype html><html><title>404</title></html>", "an HTML page", id="page"),
    pytest.param(b"<html><body><MPD/></body></html>", "an HTML page", id="page-with-an-mpd-in-it"),
    pytest.param(b'<html><form><input type="password"></form></html>', "a login form", id="login"),
    pytest.param(b'{"error": "expired"}', "JSON", id="json"),
    pytest.param(b"<smil xmlns='http://www.w3.org/2001/SMIL20/Language'/>", "for servers", id="smooth-of-servers"),
    pytest.param(b"<rss version='2.0'/>", "root rss", id="feed"),
    pytest.param(b"#EXTINF:4,\na.ts\n", "without #EXTM3U", id="hls-without-its-first-line-C49"),
    pytest.param(b"\0\0\0\x18stypmsdh\0\0", "a piece of an MP4 file", id="media-segment"),
    pytest.param(b"WEBVTT\n\n", "a WebVTT", id="vtt"),
    pytest.param(b"\x1f\x8b\x08", "compressed", id="gzip"),
    pytest.param(b"\x47\0\x11\x10", "a binary file", id="binary"),
    pytest.param(b"Not found", "text", id="text"),
]


@pytest.mark.parametrize(("data", "what"), OTHER)
def test_what_is_no_manifest_is_said_to_be_what_it_is(data: bytes, what: str) -> None:
    with pytest.raises(UnsupportedError, match=what) as caught:
        detect(data, URL)
    assert caught.value.hint
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("data", [b"", b" \r\n\t", b"\xef\xbb\xbf"], ids=["nothing", "white-space", "mark"])
def test_an_empty_answer_is_said_to_be_empty(data: bytes) -> None:
    with pytest.raises(DamagedError, match=r"https://media\.test/title: an empty answer came") as caught:
        detect(data, URL)
    assert caught.value.code == "empty"


def test_each_format_has_a_name_of_its_own() -> None:
    names = [form.NAME for form in formats()]
    assert len(set(names)) == len(names)
