"""The catalog: what was written comes back in every field, what must not be is refused, a newer file is not touched."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offlinedl.added import AddedSource, Offer
from offlinedl.catalog import Catalog, plans
from offlinedl.catalog.schema import MIGRATIONS
from offlinedl.errors import DamagedError, StorageError, UsageError
from offlinedl.model import Entry, Failure, Kind, License, Rights, Series, Setup, State, Title, Track, Wanted, Windows
from offlinedl.owed import Destruction
from offlinedl.protection import Key
from offlinedl.streams import Arrival, ByteRange, Fetch, Plan

NOW = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
KIDS = (bytes(range(16)), bytes(range(16, 32)))

RIGHTS = Rights(
    download=False,
    reason='not "yet"',
    storage_seconds=2592000,
    playback_seconds=172800,
    available_from=NOW,
    available_until=LATER,
    max_height=1080,
    export=True,
)
TITLE = Title(
    id="demo:harbour-1",
    name="Low Tide 潮",
    sources=(),
    series=Series(id="demo:harbour", name="The Harbour"),
    season=1,
    episode=2,
    rights=RIGHTS,
)
PLAN = Plan(
    manifest_url="https://example.com/a.mpd?sig=1",
    protected=True,
    wanted=Wanted(quality="720p", audio=("pt-BR", "en"), subtitles=("none",)),
    tracks=(
        Track(
            id="v",
            kind=Kind.VIDEO,
            container="mp4",
            bandwidth=1_300_000,
            width=1280,
            height=720,
            codecs="avc1.64001f",
            language="en",
            name="main",
            why="tallest within 720p",
            setup=Setup(fourcc="AVC1", timescale=10**7, private=b"\0\1", sampling_rate=1, channels=2, nal_length=2),
        ),
        Track(id="a", kind=Kind.AUDIO, container="ts", forced=True),
    ),
    fetches=(
        Fetch(rendition="v", init=True, number=0, url="https://example.com/i", path="v/init-0.mp4", size=700),
        Fetch(
            rendition="v",
            init=False,
            number=0,
            url="https://example.com/m?sig=2",
            path="v/000000.m4s",
            range=ByteRange(first=0, last=999),
            start=1 / 3,
            duration=2.002,
            needs_init=0,
            key=1,
            iv=bytes(16),
            estimate=1000,
        ),
        Fetch(
            rendition="a",
            init=False,
            number=0,
            url="https://example.com/a",
            path="a/000000.ts",
            breaks=True,
            estimate=50,
        ),
    ),
    keys=(Key(method="AES-128", uri="https://example.com/k1"), Key(method="SAMPLE-AES", uri="k2", keyformat="other")),
    kids=KIDS,
)
ENTRY = Entry(id=TITLE.id, name=TITLE.name, state=State.QUEUED, folder="folder", license_slot="slot", protected=True)
LICENSE = License(
    id="slot",
    system="clearkey",
    kids=KIDS,
    issued_at=NOW,
    windows=Windows(storage_seconds=2592000, playback_seconds=172800, ends_at=LATER),
    first_played_at=NOW,
    last_played_at=LATER,
    renewable=True,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "catalog.db"


@pytest.fixture
def catalog(path: Path) -> Iterator[Catalog]:
    catalog = Catalog(path)
    yield catalog
    catalog.close()


def begin(catalog: Catalog, title: Title = TITLE, plan: Plan = PLAN, entry: Entry = ENTRY) -> Entry:
    with catalog.transaction():
        catalog.begin(title, plan, replace(entry, id=title.id), b"sealed", NOW)
    return found(catalog, title.id)


def named(catalog: Catalog, *titles: tuple[str, str]) -> None:
    """Titles of these ids and names."""
    plan = replace(PLAN, tracks=(), fetches=())
    for number, (title_id, name) in enumerate(titles):
        entry = replace(ENTRY, folder=f"folder-{number}", license_slot=f"slot-{number}")
        begin(catalog, Title(id=title_id, name=name, sources=()), plan, entry)


def found(catalog: Catalog, title_id: str = TITLE.id) -> Entry:
    entry = catalog.entry(title_id)
    assert entry is not None
    return entry


def sql(path: Path, statement: str) -> list[tuple[object, ...]]:
    """Run a statement as another process would."""
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.execute("PRAGMA foreign_keys = ON")
            return connection.execute(statement).fetchall()
    finally:
        connection.close()


# the file


def test_an_empty_file_gets_the_present_version(path: Path) -> None:
    """A48."""
    Catalog(path).close()
    assert sql(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert sql(path, "PRAGMA journal_mode") == [("wal",)]
    assert sql(path, "PRAGMA foreign_key_check") == sql(path, "SELECT * FROM titles") == []
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_kept_is_there_after_reopening(path: Path) -> None:
    """A45."""
    catalog = Catalog(path)
    begin(catalog)
    catalog.close()
    again = Catalog(path)
    assert found(again).name == TITLE.name
    assert again.plan(TITLE.id).fetches == PLAN.fetches
    again.close()


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_newer_catalog_is_refused_and_not_touched(mode: str, path: Path) -> None:
    """A50, B36: whatever a newer one may have made of it."""
    Catalog(path).close()
    sql(path, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    sql(path, f"PRAGMA journal_mode = {mode}")
    before = path.read_bytes()
    with pytest.raises(UsageError, match=f"version {len(MIGRATIONS) + 1}") as refused:
        Catalog(path)
    assert (refused.value.code, refused.value.exit_code) == ("catalog-too-new", 2)
    assert path.read_bytes() == before


def test_a_catalog_of_version_1_opens_with_all_that_it_holds(path: Path) -> None:
    """A49: it gets the column for what init segments are made from, which its own tracks do not have."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as old, old:
        for statement in MIGRATIONS[0].split(";\n"):
            old.execute(statement)
        old.execute("PRAGMA user_version = 1")
        old.execute(
            """INSERT INTO titles (id, name, state, folder, license_slot, protected, rights, manifest_url, quality,
                   audio, subtitles, kids, added_at, bytes_done)
               VALUES ('demo:harbour-1', 'Low Tide', 'queued', 'f', 's', 0, ?, 'https://example.com/a.mpd', 'standard',
                   '', '', '', '2026-11-01T12:00:00.000000Z', 700)""",
            (plans.title_row(TITLE, PLAN)["rights"],),
        )
        old.execute(
            "INSERT INTO tracks VALUES ('demo:harbour-1', 0, 'v', 'video', 'mp4', 5, 640, 360, 'avc1', 'en', '', 'why')"
        )
    catalog = Catalog(path)
    [track] = found(catalog).tracks
    assert (track.id, track.height, track.why, track.setup) == ("v", 360, "why", None)
    assert found(catalog).bytes_done == 700
    assert sql(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert begin(catalog).tracks == PLAN.tracks
    catalog.close()


@pytest.mark.parametrize("content", [b"not a database " * 100, b"SQLite format 3\0" + bytes(5000)])
def test_what_is_no_catalog_is_refused_and_not_touched(content: bytes, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DamagedError, match="catalog"):
        Catalog(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("place", ["home", "home/catalog.db"])
def test_what_stands_in_its_place_is_said(place: str, path: Path) -> None:
    if place == "home":
        path.parent.write_bytes(b"in the way")
    else:
        path.mkdir(parents=True)
    with pytest.raises(StorageError):
        Catalog(path)


OPEN = """
import sys
from pathlib import Path
from offlinedl.catalog import Catalog

print("there", flush=True)
sys.stdin.readline()
Catalog(Path(sys.argv[1])).close()
"""


def test_processes_that_open_a_new_catalog_at_once_all_can(path: Path) -> None:
    path.parent.mkdir()
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen([sys.executable, "-c", OPEN, path], stdin=pipe, stdout=pipe, stderr=pipe) for _ in range(6)
    ]
    for process in processes:
        assert process.stdout
        process.stdout.readline()
    for process in processes:
        assert process.stdin
        process.stdin.write(b"now\n")
        process.stdin.flush()
    assert [process.communicate()[1].decode() for process in processes] == [""] * 6
    assert sql(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]


def test_a_disk_that_is_full_is_an_error_of_the_disk(path: Path) -> None:
    """The limit on the size of a file stands for it."""
    limited = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from offlinedl.catalog import Catalog
from offlinedl.errors import StorageError

catalog = Catalog(Path(sys.argv[1]))
size = 400_000
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
try:
    with catalog.transaction():
        for number in range(10_000):
            catalog.note(f"title-{number}", "x" * 1000, datetime.now(UTC))
except StorageError as error:
    print(error.exit_code)
"""
    done = subprocess.run([sys.executable, "-c", limited, path], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("6\n", "")
    catalog = Catalog(path)
    assert catalog.history("title-0") == []
    catalog.close()


# what comes back


def test_a_title_comes_back_in_every_field(catalog: Catalog) -> None:
    begun = begin(catalog)
    assert begun == Entry(
        id=TITLE.id,
        name=TITLE.name,
        state=State.QUEUED,
        folder="folder",
        license_slot="slot",
        wanted=PLAN.wanted,
        series=TITLE.series,
        season=1,
        episode=2,
        rights=RIGHTS,
        protected=True,
        tracks=PLAN.tracks,
        bytes_done=700,
        bytes_total=700 + 1000 + 50,
        fetches_left=2,
    )
    assert (catalog.plan(TITLE.id), catalog.license_server(TITLE.id)) == (PLAN, b"sealed")


def test_a_license_comes_back_in_every_field(catalog: Catalog) -> None:
    begin(catalog)
    with catalog.transaction():
        catalog.license(TITLE.id, LICENSE)
    assert found(catalog).license == LICENSE


def test_a_failure_comes_back_in_every_field(catalog: Catalog) -> None:
    begin(catalog)
    failure = Failure(code="network", message="it broke", hint="mend it")
    catalog.set_state(TITLE.id, State.FAILED, failure)
    assert (found(catalog).state, found(catalog).error) == (State.FAILED, failure)
    catalog.set_state(TITLE.id, State.REMOVING)
    assert (found(catalog).state, found(catalog).error) == (State.REMOVING, None)  # A52


WORDS = st.text(max_size=20)
WHOLE = st.integers(0, 2**62)
PLACE = st.integers(0, 2**53 - 1)
MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC))
LIMITS = st.none() | st.integers(1, 2**62 - 1)
FETCHES = st.builds(
    Fetch,
    rendition=WORDS,
    init=st.booleans(),
    number=WHOLE,
    url=WORDS,
    path=WORDS,
    range=st.none() | st.tuples(PLACE, PLACE).map(lambda p: ByteRange(first=min(p), last=max(p))),
    start=st.floats(allow_nan=False, allow_infinity=False),
    duration=st.floats(allow_nan=False, allow_infinity=False),
    needs_init=st.none() | WHOLE,
    key=st.none() | WHOLE,
    iv=st.none() | st.binary(min_size=16, max_size=16),
    estimate=st.integers(0, 2**40),
    size=st.none() | st.integers(0, 2**40),
    checksum=st.none() | st.binary(min_size=16, max_size=16),
    validator=st.none() | WORDS,
)


@settings(max_examples=50, deadline=None)
@given(
    rights=st.builds(
        Rights, reason=st.none() | WORDS, storage_seconds=LIMITS, playback_seconds=LIMITS, available_from=MOMENTS,
        available_until=MOMENTS, max_height=st.none() | WHOLE, download=st.booleans(), export=st.booleans(),
    ),
    fetches=st.lists(FETCHES, max_size=3, unique_by=(lambda f: f.identity, lambda f: f.path)),
    windows=st.builds(Windows, storage_seconds=LIMITS, playback_seconds=LIMITS, ends_at=MOMENTS),
    issued_at=st.datetimes(timezones=st.just(UTC)),
)  # fmt: skip
def test_anything_comes_back(
    rights: Rights,
    fetches: list[Fetch],
    windows: Windows,
    issued_at: datetime,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    catalog = Catalog(tmp_path_factory.getbasetemp() / "anything" / "catalog.db")
    with catalog.transaction():
        catalog.drop_license(TITLE.id, "")
        catalog.forget(TITLE.id)
    plan = replace(PLAN, fetches=tuple(fetches))
    license = replace(LICENSE, windows=windows, issued_at=issued_at)
    begin(catalog, replace(TITLE, rights=rights), plan)
    with catalog.transaction():
        catalog.license(TITLE.id, license)
    assert (found(catalog).rights, found(catalog).license, catalog.plan(TITLE.id)) == (rights, license, plan)
    catalog.close()


def test_a_title_begun_anew_keeps_its_folder_its_license_and_what_a_person_set(catalog: Catalog, path: Path) -> None:
    """A44."""
    begin(catalog)
    with catalog.transaction():
        catalog.license(TITLE.id, LICENSE)
        catalog.set_state(TITLE.id, State.FAILED, Failure(code="a", message="b", hint="c"))
    sql(path, "UPDATE titles SET watched = 1, kept = 1, position_seconds = 30")
    other = replace(PLAN, wanted=Wanted(quality="best"), fetches=PLAN.fetches[:1], tracks=PLAN.tracks[:1], keys=())
    again = begin(catalog, replace(TITLE, name="Another"), other, replace(ENTRY, folder="x", license_slot="y"))
    assert (again.name, again.state, again.error) == ("Another", State.QUEUED, None)
    assert (again.folder, again.license_slot, again.license) == ("folder", "slot", LICENSE)
    assert (again.watched, again.kept, again.position_seconds) == (True, True, 30)
    assert (again.tracks, again.fetches_left, again.bytes_total) == (PLAN.tracks[:1], 0, 700)
    assert catalog.plan(TITLE.id) == other


def test_what_is_done_is_counted_once(catalog: Catalog) -> None:
    """A32."""
    begin(catalog)
    for _ in range(2):
        catalog.done(TITLE.id, [(PLAN.fetches[1], Arrival(size=900, checksum=bytes(16)))])
        entry = found(catalog)
        assert (entry.bytes_done, entry.bytes_total, entry.fetches_left) == (1600, 1650, 1)
    catalog.undone(TITLE.id, [PLAN.fetches[0], PLAN.fetches[1]])
    entry = found(catalog)
    assert (entry.bytes_done, entry.bytes_total, entry.fetches_left) == (0, 1050, 3)


def test_the_first_play_is_written_once(catalog: Catalog) -> None:
    """B2."""
    begin(catalog)
    with catalog.transaction():
        catalog.license(TITLE.id, replace(LICENSE, first_played_at=None, last_played_at=None))
    for moment in (NOW, LATER):
        catalog.played(TITLE.id, moment)
        license = found(catalog).license
        assert license is not None
        assert (license.first_played_at, license.last_played_at) == (NOW, moment)


def test_a_forgotten_title_leaves_its_history_and_what_is_owed(catalog: Catalog, path: Path) -> None:
    begin(catalog)
    with catalog.transaction():
        catalog.license(TITLE.id, LICENSE)
        catalog.note(TITLE.id, "licensed", NOW)
    with catalog.transaction():
        catalog.outbox.destroyed(Destruction(license=LICENSE, title_id=TITLE.id, destroyed_at=LATER), b"sealed", None)
        catalog.drop_license(TITLE.id, "next")
    assert (found(catalog).license, found(catalog).license_slot) == (None, "next")
    catalog.forget(TITLE.id)
    catalog.forget(TITLE.id)  # A53
    assert catalog.entry(TITLE.id) is None  # A43
    assert catalog.history(TITLE.id) == [(NOW, "licensed")]
    for table in ("titles", "tracks", "keys", "fetches", "licenses"):
        assert sql(path, f"SELECT * FROM {table}") == []
    kids = " ".join(kid.hex() for kid in KIDS)
    at, then = "2026-11-01T12:00:00.123456+00:00", "2026-11-01T13:00:00.123456+00:00"
    assert sql(path, "SELECT * FROM destructions") == [
        ("slot", TITLE.id, "clearkey", kids, at, at, then, then, b"sealed", None)
    ]


def test_titles_stand_by_series_season_and_episode(catalog: Catalog) -> None:
    rows = [("Zebra", None, None), ("B", "Harbour", 2), ("A", "Harbour", 10), ("Apple", None, None)]
    for number, (name, series, episode) in enumerate(rows):
        title = Title(
            id=f"demo:{number}", name=name, sources=(), season=1, episode=episode,
            series=Series(id="demo:s", name=series) if series else None,
        )  # fmt: skip
        begin(catalog, title, replace(PLAN, tracks=(), fetches=()), replace(ENTRY, folder=name, license_slot=name))
    assert [entry.name for entry in catalog.entries()] == ["Apple", "B", "A", "Zebra"]


def test_sources_come_and_go(catalog: Catalog) -> None:
    offers = catalog.offers
    with catalog.transaction():
        offers.add("demo", "https://example.com/1", "feed", NOW)
        offers.replace("demo", [Offer(id="demo:a", source="demo", position=0, name="A")], b"1")
        offers.add("demo", "https://example.com/2", "rss", NOW)
        assert offers.sources() == [AddedSource(name="demo", url="https://example.com/2", kind="rss")]
        assert (offers.remove("demo"), offers.remove("demo")) == (True, False)
    assert offers.source("demo") is None


OFFERS = (
    Offer(
        id="demo:1", source="demo", position=0, name="Low Tide", series=Series(id="demo:s", name="Harbour"), season=1,
        episode=2, special=True, published=NOW, available_from=NOW, available_until=LATER, duration=1.5, download=False,
        reason="cinema first",
    ),
    Offer(id="demo:0", source="demo", position=1, name="Low Tide"),
    Offer(id="demo:2", source="demo", position=2, name="High", series=Series(id="demo:s", name="Harbour")),
)  # fmt: skip
OTHERS = (Offer(id="other:1", source="other", position=0, name="1", series=Series(id="other:s", name="S")),)


@pytest.fixture
def offering(catalog: Catalog) -> Catalog:
    with catalog.transaction():
        for name, offers in (("demo", OFFERS), ("other", OTHERS)):
            catalog.offers.add(name, "https://example.com/", "feed", NOW)
            catalog.offers.replace(name, offers, b"sum")
    return catalog


def test_what_is_offered_comes_back(offering: Catalog) -> None:
    offers = offering.offers
    assert offers.of_source("demo") == [*OFFERS]
    assert offers.of_series("demo:s") == [OFFERS[0], OFFERS[2]]
    assert offers.series() == [Series(id="demo:s", name="Harbour"), Series(id="other:s", name="S")]
    assert [offer.id for offer in offers.named("1")] == ["demo:1", "other:1"]
    assert [offer.id for offer in offers.named("demo:1")] == ["demo:1"]
    assert [source.titles for source in offers.sources()] == [3, 1]


def test_what_is_no_longer_offered_goes(offering: Catalog) -> None:
    twice = replace(OFFERS[2], id=OFFERS[1].id, position=3)
    with offering.transaction():
        offering.offers.replace("demo", [OFFERS[1], twice], b"new")
    assert offering.offers.of_source("demo") == [OFFERS[1]]
    assert offering.offers.of_source("other") == [*OTHERS]


def test_a_source_that_fails_keeps_what_it_offered(offering: Catalog) -> None:
    offers, failure = offering.offers, Failure(code="network", message="m", hint="h")
    with offering.transaction():
        offers.answered("demo", '"1"', "Sun", NOW)
        offers.failed("demo", Failure(code="x", message="m", hint="h"), LATER)
        offers.failed("demo", failure, LATER + timedelta(hours=1))
    known = AddedSource(
        name="demo", url="https://example.com/", kind="feed", titles=3, etag='"1"', last_modified="Sun",
        checksum=b"sum", fetched_at=NOW,
    )  # fmt: skip
    assert offers.source("demo") == replace(known, failure=failure, failing_since=LATER)
    with offering.transaction():
        offers.answered("demo", "", "", LATER)
    assert offers.source("demo") == replace(known, etag="", last_modified="", fetched_at=LATER)


# what must not be

LICENSED = "UPDATE titles SET license_id = 'slot', fetches_left = 0"
FORBIDDEN = [
    pytest.param("UPDATE titles SET state = 'ready', fetches_left = 0", id="protected and ready without a license"),
    pytest.param("UPDATE titles SET state = 'ready', protected = 0", id="ready with fetches left"),
    pytest.param("UPDATE titles SET state = 'failed'", id="failed without an error"),
    pytest.param("UPDATE titles SET error_code = 'x'", id="an error without failure"),
    pytest.param("UPDATE titles SET state = 'expired'", id="expired is no stored state"),
    pytest.param("UPDATE titles SET state = 'Ready'", id="no state"),
    pytest.param("UPDATE titles SET license_id = 'nothing'", id="a license that is not there"),
    pytest.param("UPDATE titles SET bytes_done = -1", id="fewer bytes than none"),
    pytest.param("UPDATE titles SET fetches_left = -1", id="fewer fetches than none"),
    pytest.param("UPDATE titles SET position_seconds = -1", id="before the beginning"),
    pytest.param("UPDATE titles SET episode = 'two'", id="a text where a number is"),
    pytest.param("UPDATE licenses SET storage_seconds = 0", id="a storage window of nothing"),
    pytest.param("UPDATE licenses SET playback_seconds = -1", id="a playback window below nothing"),
    pytest.param("UPDATE licenses SET last_played_at = 'x'", id="a last play without a first"),
    pytest.param("UPDATE licenses SET title_id = 'nothing'", id="a license of no title"),
    pytest.param("DELETE FROM titles", id="a license left alone"),
    pytest.param("UPDATE fetches SET iv = x'00'", id="an IV of one byte"),
    pytest.param("UPDATE fetches SET size = -1", id="a size below nothing"),
    pytest.param("UPDATE fetches SET first = 1, last = NULL", id="half a range"),
    pytest.param("UPDATE fetches SET first = 2, last = 1", id="a range backwards"),
    pytest.param("UPDATE fetches SET path = 'same'", id="two fetches, one file"),
    pytest.param("UPDATE tracks SET id = 'same'", id="two tracks, one id"),
    pytest.param("UPDATE tracks SET kind = 'images'", id="a track of another kind"),
    pytest.param("INSERT INTO titles SELECT * FROM titles", id="a title twice"),
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_schema_itself_refuses(statement: str, catalog: Catalog, path: Path) -> None:
    begin(catalog)
    with catalog.transaction():
        catalog.license(TITLE.id, replace(LICENSE, first_played_at=None, last_played_at=None))
        catalog.set_state(TITLE.id, State.DOWNLOADING)
    if "ready" in statement:
        sql(path, "UPDATE titles SET license_id = NULL")
    before = (catalog.entries(), catalog.plan(TITLE.id))
    with pytest.raises(sqlite3.IntegrityError):
        sql(path, statement)
    assert (catalog.entries(), catalog.plan(TITLE.id)) == before


def test_what_is_ready_may_be_said_to_be(catalog: Catalog, path: Path) -> None:
    """The refusals above are not for another reason."""
    begin(catalog)
    with catalog.transaction():
        catalog.license(TITLE.id, LICENSE)
    sql(path, "UPDATE titles SET state = 'ready', fetches_left = 0")
    assert found(catalog).state is State.READY


def test_a_protected_title_cannot_be_ready_without_a_license_in_the_model_either() -> None:
    with pytest.raises(ValueError, match="without a license"):
        replace(ENTRY, state=State.READY)


def stop(catalog: Catalog) -> None:
    raise KeyboardInterrupt


def break_a_rule(catalog: Catalog) -> None:
    catalog.set_state(TITLE.id, State.FAILED)


@pytest.mark.parametrize("fails", [stop, break_a_rule])
def test_a_transaction_that_fails_leaves_nothing(
    fails: Callable[[Catalog], None], catalog: Catalog, path: Path
) -> None:
    def half() -> None:
        with catalog.transaction():
            catalog.begin(TITLE, PLAN, ENTRY, None, NOW)
            catalog.note(TITLE.id, "planned", NOW)
            fails(catalog)

    with pytest.raises((KeyboardInterrupt, sqlite3.IntegrityError, StorageError)):
        half()
    assert (catalog.entries(), catalog.history(TITLE.id)) == ([], [])
    assert begin(catalog).name == TITLE.name  # and the next one can begin


# names

NAMED = [
    pytest.param("demo:a", ["demo:a"], id="an id"),
    pytest.param("b", ["demo:b", "other:b"], id="the part after the source, of two"),
    pytest.param("c", ["demo:c", "other:b"], id="the part after the source of one, the name of another"),
    pytest.param("Low Tide", ["demo:a"], id="a name"),
    pytest.param("Same", ["demo:b", "demo:c"], id="a name of two"),
    pytest.param("url:x:y", ["url:x:y"], id="an id with colons"),
    pytest.param("x:y", ["url:x:y"], id="the part after the first colon"),
    pytest.param("y", [], id="a part of the part"),
    pytest.param("low tide", [], id="a name in another case"),
    pytest.param("demo:", [], id="a source alone"),
    pytest.param("%", [], id="no pattern"),
    pytest.param("", [], id="nothing"),
]


@pytest.mark.parametrize(("ref", "ids"), NAMED)
def test_a_title_is_found_by_what_it_is_called(ref: str, ids: list[str], catalog: Catalog) -> None:
    named(
        catalog,
        ("demo:a", "Low Tide"),
        ("demo:b", "Same"),
        ("demo:c", "Same"),
        ("other:b", "c"),
        ("url:x:y", "Another"),
    )
    assert sorted(entry.id for entry in catalog.named(ref)) == ids
