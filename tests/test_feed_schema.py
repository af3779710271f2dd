"""docs/feed.schema.json says what the program reads: the same feeds are valid, and the same are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from offlinedl.demo.origin import DATA
from offlinedl.errors import OfflinedlError
from offlinedl.sources import feed
from tests.test_feed import EXAMPLE, NO_FEED, OF_THE_SERVICE, URL, WRONG, title

SCHEMA = json.loads((Path(__file__).parents[1] / "docs/feed.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)


def document(*titles: Any, **more: Any) -> Any:
    return {"offlinedl": 1, "titles": list(titles), **more}


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


NULLS = dict.fromkeys(("name", "series", "season", "episode", "published", "subtitles", "rights"))
RIGHT = [
    pytest.param(json.loads((DATA / "feed.json").read_text()), id="the demo's"),
    pytest.param(json.loads(EXAMPLE), id="the example"),
    pytest.param({"offlinedl": 1}, id="nothing"),
    pytest.param(document(**dict.fromkeys(("name", "limits", "entitlement_url"))), id="null"),
    pytest.param(document(title(**NULLS)), id="a title of nulls"),
    pytest.param(document(title(x={"y": 1}), x=[], limits={"x": 1}), id="what is not known"),
    pytest.param(document(limits={"devices": 2**62, "downloads_per_month": -1}), id="limits that are none"),
    pytest.param(document(title(rights={"storage_seconds": 0.5, "max_height": 0})), id="odd windows"),
    pytest.param(document(title(sources=[{"url": "//cdn.example.com/a?b"}, {"url": "HTTPS://a/"}])), id="addresses"),
]


@pytest.mark.parametrize("right", RIGHT)
def test_what_is_right(right: Any) -> None:
    assert list(VALIDATOR.iter_errors(right)) == []
    list(feed.titles(json.dumps(right).encode(), "demo", URL))


FINER = ("\\udce9", "2026-02-30", "0001-01-01T00", "https://[::1/a", "https://a:99999/", ": nan", ": inf")
"""What no schema sees: half letters, days that no month has, hosts and ports that cannot be, numbers that are none."""


def _is_finer(wrong: Any) -> bool:
    return any(part in repr(wrong) for part in FINER)


WRONG_FEEDS = [
    *(pytest.param(document(wrong), id=f"{n} {said}") for n, (wrong, said) in enumerate(WRONG) if not _is_finer(wrong)),
    *(pytest.param(document(title(), **wrong), id=said) for wrong, said in OF_THE_SERVICE if not _is_finer(wrong)),
]


@pytest.mark.parametrize("wrong", WRONG_FEEDS)
def test_what_is_wrong(wrong: Any) -> None:
    assert list(VALIDATOR.iter_errors(wrong)) != []
    with pytest.raises(OfflinedlError):
        list(feed.titles(json.dumps(wrong).encode(), "demo", URL))


JSON = (b"null", b"[]", b'"', b'{"v', b'{"offlinedl": 2', b'{"offlinedl": "1"', b'{"offlinedl": null')


@pytest.mark.parametrize("body", [body for body, _ in NO_FEED if body.startswith(JSON)])
def test_what_is_no_feed(body: bytes) -> None:
    assert list(VALIDATOR.iter_errors(json.loads(body))) != []
