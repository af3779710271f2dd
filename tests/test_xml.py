"""Stories about reading XML safely: what a manifest may hold, and what is refused before it can do harm."""

from __future__ import annotations

import pytest

from offlinedl.errors import DamagedError, OfflinedlError, UnsupportedError
from offlinedl.manifest import xml
from offlinedl.manifest.limits import Limits

TEXTS = [
    pytest.param(b"<a>one</a>", "one", id="plain"),
    pytest.param(b"<a>\n  one\n</a>", "one", id="white-space-around"),
    pytest.param(b"<a><!-- no -->one</a>", "one", id="comment-first"),
    pytest.param(b"<a>on<!-- no -->e</a>", "one", id="comment-in-the-middle"),
    pytest.param(b"<a>o<!-- no --> <!-- no -->ne</a>", "o ne", id="space-between-comments"),
    pytest.param(b"<a>x=1&amp;<![CDATA[y=2&z]]></a>", "x=1&y=2&z", id="entity-and-cdata"),
    pytest.param(b"<a>one<b>two</b></a>", "one", id="own-text-only"),
    pytest.param("<a>één</a>".encode("utf-16"), "één", id="utf-16-with-mark"),
    pytest.param(b"\xef\xbb\xbf<a>one</a>", "one", id="utf-8-with-mark"),
    pytest.param(b"\r\n <?xml version='1.0'?><a>one</a>", "one", id="white-space-before-the-declaration"),
    pytest.param(b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>", "é", id="latin-1-declared"),
]


@pytest.mark.parametrize(("data", "text"), TEXTS)
def test_text_is_all_of_the_elements_own_text(data: bytes, text: str) -> None:
    assert xml.parse(data).text == text


NAMESPACES = [
    pytest.param(b'<p xmlns="urn:x"/>', "urn:x", id="default"),
    pytest.param(b'<c:p xmlns:c="urn:x"/>', "urn:x", id="prefix"),
    pytest.param(b"<c:p/>", "c", id="prefix-that-nobody-declared"),
    pytest.param(b"<p/>", "", id="none"),
]


@pytest.mark.parametrize(("data", "namespace"), NAMESPACES)
def test_a_namespace_is_found_through_whatever_prefix(data: bytes, namespace: str) -> None:
    element = xml.parse(data)
    assert (element.name, element.namespace) == ("p", namespace)


def test_a_prefix_holds_below_its_element_and_not_beside_it() -> None:
    root = xml.parse(b'<r><a xmlns:c="urn:x"><c:b/></a><c:d/></r>')
    inner, outer = root.children[0].children[0], root.children[1]
    assert (inner.namespace, outer.namespace) == ("urn:x", "c")


REFUSED = [
    pytest.param(b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', UnsupportedError, "DOCTYPE", id="entities"),
    pytest.param(b'<!DOCTYPE a SYSTEM "http://h/x.dtd"><a/>', UnsupportedError, "DOCTYPE", id="outside-dtd"),
    pytest.param(b"<a>" * 65 + b"</a>" * 65, UnsupportedError, "deeper than is read; the limit is 64", id="too-deep"),
    pytest.param(b"<a><b></a>", DamagedError, "line 1, column 9", id="wrong-end"),
    pytest.param(b"<a>\n<b>", DamagedError, "line 2", id="cut-off"),
    pytest.param(b"", DamagedError, "no element", id="empty"),
    pytest.param(b"<?xml version='1.0' encoding='klingon'?><a/>", DamagedError, "encoding", id="unknown-encoding"),
    pytest.param(b"<a>&nosuch;</a>", DamagedError, "undefined entity", id="unknown-entity"),
]


@pytest.mark.parametrize(("data", "error", "word"), REFUSED)
def test_harm_and_damage_are_refused_by_name(data: bytes, error: type[OfflinedlError], word: str) -> None:
    with pytest.raises(error, match=word):
        xml.parse(data)


def test_depth_and_size_have_their_limits_as_parameters() -> None:
    assert xml.parse(b"<a><b/></a>", limits=Limits(depth=2)).name == "a"
    with pytest.raises(UnsupportedError, match="deeper than is read; the limit is 1"):
        xml.parse(b"<a><b/></a>", limits=Limits(depth=1))
    with pytest.raises(UnsupportedError, match="the limit is 3"):
        xml.parse(b"<a/>", limits=Limits(bytes=3))


ROOTS = [
    pytest.param(b'<?xml version="1.0"?><!-- long --><m:MPD>', "MPD", id="prefix-and-comment"),
    pytest.param(b"<!DOCTYPE html><html>", "html", id="document-type"),
    pytest.param(b'{"a": 1}', "", id="json"),
    pytest.param(b"", "", id="nothing"),
    pytest.param("<MPD>".encode("utf-16"), "MPD", id="utf-16"),
]


@pytest.mark.parametrize(("data", "name"), ROOTS)
def test_the_root_is_known_without_reading_on(data: bytes, name: str) -> None:
    assert xml.root_name(data) == name


def test_written_again_it_has_no_prefix_and_nothing_foreign() -> None:
    root = xml.parse(b'<m:A xmlns:m="urn:m" m:x="1" y="a&lt;&quot;b"><m:B>1 &amp; 2</m:B></m:A>')
    assert xml.write(root) == "<A y='a&lt;\"b'><B>1 &amp; 2</B></A>"
