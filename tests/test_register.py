"""register: what other tools downloaded becomes a title, as their outputs are: folders of segments, init segment and
segments in one file, playlists with their files, a whole file. What they decrypted or wrote anew does not."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from offlinedl.demo import origin as origins
from offlinedl.media import cenc, hls_aes
from offlinedl.media.encryption import read_tracks
from tests import origin as o
from tests import packager, titles
from tests.boxes import box
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.test_get import assert_origins_bytes
from tests.test_kill import serve
from tests.test_smooth import FRAGMENTS, serving

TITLES = origins.DATA / "titles"
HARBOUR = TITLES / "harbour-1"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """Where the other tool wrote."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def copied(folder: Path, source: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name)
        else:
            shutil.copy(source / name, folder / name)


def joined(target: Path, *sources: Path) -> Path:
    target.write_bytes(b"".join(source.read_bytes() for source in sources))
    return target


def pieces(name: str) -> list[Path]:
    """A track of the demo's episode: its init segment and its segments."""
    return [HARBOUR / name / file for file in ("init.mp4", "1.m4s", "2.m4s", "3.m4s")]


# how tools leave what they downloaded; each returns what is named on the command line


def mirrored(there: Path) -> Path:
    """wget -r: paths as they are at the origin."""
    copied(there / "media.example/titles", TITLES, *(f"harbour-1/{name}" for name in ("v720", "a-en", "s-en")))
    return there


def concatenated(there: Path) -> Path:
    """yt-dlp: a file for each format, init segment and segments one after the other."""
    joined(there / "Low Tide.f720.mp4", *pieces("v720"))
    joined(there / "Low Tide.fen.m4a", *pieces("a-en"))
    return there


def numbered(there: Path) -> Path:
    """N_m3u8DL-RE: a folder for each track, files numbered from 0."""
    for place, name in enumerate(("v720", "a-en")):
        folder = there / f"{place}____"
        folder.mkdir()
        init, *media = pieces(name)
        shutil.copy(init, folder / "_init.mp4")
        for number, piece in enumerate(media):
            shutil.copy(piece, folder / f"{number:05}.m4s")
    return there


def fragments(there: Path) -> Path:
    """yt-dlp --keep-fragments: pieces beside each other, the init segment the first of them."""
    for name in ("v720", "a-en"):
        for number, piece in enumerate(pieces(name)):
            shutil.copy(piece, there / f"Low Tide.{name}.mp4.part-Frag{number}")
    return there


def hls_folder(there: Path) -> Path:
    """Playlists with files of other names."""
    for name in ("v720", "a-en"):
        init, *media = pieces(name)
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:4", f'#EXT-X-MAP:URI="{name}/x%20init.mp4"']
        (there / name).mkdir()
        shutil.copy(init, there / name / "x init.mp4")
        for word, piece in zip(("one", "two", "three"), media, strict=True):
            lines += ["#EXTINF:4,", f"{name}/{word}.m4s"]
            shutil.copy(piece, there / name / f"{word}.m4s")
        (there / f"{name}.m3u8").write_text("\n".join([*lines, "#EXT-X-ENDLIST"]))
    return there


LEFT = [mirrored, concatenated, numbered, fragments, hls_folder]


def before(there: Path) -> dict[Path, tuple[int, bytes]]:
    return {f: (f.stat().st_mtime_ns, f.read_bytes()) for f in there.rglob("*") if f.is_file()}


@pytest.mark.parametrize("left", LEFT)
def test_what_a_tool_left_becomes_a_title_and_no_media_is_fetched(
    left: Callable[[Path], Path], demo: Offlinedl, origin: Origin, there: Path
) -> None:
    path = left(there)
    was = before(there)
    result = demo.ok("register", "demo:harbour-1", str(path), "--json")
    [title] = result.json
    assert (title["state"], title["message"]) == ("ready", "Available for 29 more days")
    assert {(track["kind"], track["height"]) for track in title["tracks"]} >= {("video", 720), ("audio", None)}
    assert_origins_bytes(title)
    assert before(there) == was
    assert not origin.asked(".m4s")
    assert len(origin.asked("/license")) == 1
    demo.ok("check")
    assert demo.ok("get", "demo:harbour-1").err.startswith("Low Tide: already there")
    demo.play("demo:harbour-1")


def test_progress_and_ready_are_told(demo: Offlinedl, there: Path) -> None:
    result = demo.ok("register", "demo:harbour-1", str(concatenated(there)))
    assert result.err.splitlines() == [
        "Low Tide: about 81 kB",
        "Low Tide: copying what is there",
        "Low Tide: about 81 kB, 81 kB there already",
        "Low Tide: asking for the license",
        "Low Tide: proving that the license opens it",
        "Low Tide: ready. Available for 29 more days. Not there: its subtitles; "
        "`offlinedl get demo:harbour-1 --subs all` adds that",
    ]


def test_what_the_title_has_and_is_not_there_is_said_and_get_adds_it(demo: Offlinedl, there: Path) -> None:
    shutil.copy(TITLES / "lighthouse/v720.mp4", there / "v720.mp4")
    [*_, said] = demo.ok("register", "demo:lighthouse", str(there / "v720.mp4")).err.splitlines()
    command = "offlinedl get demo:lighthouse --audio all --subs all"
    assert said == f"The Lighthouse: ready. Available. Not there: its sound and subtitles; `{command}` adds that"
    demo.ok(*command.split()[1:])
    kinds = {track["kind"] for track in demo.ok("show", "demo:lighthouse", "--json").json["tracks"]}
    assert kinds == {"video", "audio", "subtitles"}
    demo.ok("rm", "demo:lighthouse")
    told = demo.ok("register", "demo:lighthouse", str(there / "v720.mp4"), "--progress", "none").err
    assert told == ""


def ferry(there: Path) -> Path:
    """MPEG-TS under AES-128, as it came."""
    copied(there, TITLES / "ferry", *(f"{name}-{n}.ts" for name in ("v720", "a-en") for n in (1, 2, 3)))
    return there


def renamed_ferry(there: Path) -> Path:
    """Files that are only counted."""
    for name in ("v720", "a-en"):
        for n in (1, 2, 3):
            copied(there / name, TITLES / "ferry", f"{name}-{n}.ts")
            (there / name / f"{name}-{n}.ts").rename(there / name / f"seg_{n:03}.ts")
    return there


@pytest.mark.parametrize("left", [ferry, renamed_ferry])
def test_segments_that_show_nothing_are_held_against_one_of_the_origins(
    left: Callable[[Path], Path], demo: Offlinedl, origin: Origin, there: Path
) -> None:
    [title] = demo.ok("register", "demo:ferry", str(left(there)), "--json").json
    assert title["state"] == "ready"
    assert_origins_bytes(title)
    assert {(track["kind"], track["height"]) for track in title["tracks"]} == {("video", 720), ("audio", None)}
    assert 1 <= len({a.path for a in origin.asked(".ts")}) <= 4


def lighthouse(there: Path) -> Path:
    """A clear file that the manifest cuts into ranges, and the other tool fetched whole."""
    copied(there, TITLES / "lighthouse", "v720.mp4")
    (there / "v720.mp4").rename(there / "The Lighthouse.mp4")
    return there / "The Lighthouse.mp4"


def test_a_file_of_which_the_manifest_names_ranges(demo: Offlinedl, origin: Origin, there: Path) -> None:
    [title] = demo.ok("register", "demo:lighthouse", str(lighthouse(there)), "--json").json
    assert title["state"] == "ready"
    assert_origins_bytes(title)
    assert [track["height"] for track in title["tracks"]] == [720]


@pytest.mark.parametrize("kind", titles.KINDS)
def test_a_title_of_many_segments(kind: str, offlinedl: Offlinedl, origin: Origin, there: Path) -> None:
    made = titles.KINDS[kind]()
    url = serve(origin, made)
    for path, data in made.files.items():
        if path.endswith((".mp4", ".m4s", ".ts")):
            (there / path.rpartition("/")[2]).write_bytes(data)
    [title] = offlinedl.ok("register", url, str(there), "--json").json
    assert title["state"] == "ready"
    assert_origins_bytes(title, origin.files)
    media = [a for a in origin.log if a.path.endswith((".mp4", ".m4s", ".ts"))]
    assert len(media) <= 4, "an init segment, an index, a sample of what is clear"


def test_fragments_of_smooth_streaming(offlinedl: Offlinedl, there: Path) -> None:
    """.ismv and .isma: fragments that say no time, and the index of a server at their end."""
    asked: list[str] = []
    for name, word in (("film.ismv", "(1500000)"), ("film.isma", "(64000)")):
        own = b"".join(body for path, body in FRAGMENTS.items() if word in path)
        (there / name).write_bytes(box("ftyp", b"isml") + own + box("mfra", bytes(20)))
    with serving(asked) as url:
        [title] = offlinedl.ok("register", f"{url}/film.ism/Manifest", str(there), "--json").json
    assert (title["state"], title["quality"]["height"]) == ("ready", 720)
    stored = {
        file["source"].removeprefix(url): (Path(title["folder"]) / file["path"]).read_bytes()
        for track in title["tracks"]
        for file in track["files"]
    }
    assert stored == {path: body for path, body in FRAGMENTS.items() if "(500000)" not in path}
    assert len([path for path in asked if "Fragments" in path]) <= 3


@pytest.mark.parametrize("is_large", [False, True], ids=["small", "in ranges"])
def test_a_file_that_is_a_title_itself(
    is_large: bool, offlinedl: Offlinedl, origin: Origin, there: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = "/titles/made/film.mp4"
    if is_large:
        origin.files[path] = packager.large(packager.session_folder(tmp_path_factory)).read_bytes()
    else:
        origin.files[path] = remuxed(there).read_bytes()
    file = there / "another name.mp4"
    file.write_bytes(origin.files[path])
    [title] = offlinedl.ok("register", f"{origin.url}{path}", str(file), "--json").json
    assert title["state"] == "ready"
    assert_origins_bytes(title, origin.files)
    file.write_bytes(bytes(len(origin.files[path])))
    offlinedl.ok("rm", "--all")
    assert offlinedl("register", f"{origin.url}{path}", str(file)).code in {3, 8}
    assert offlinedl.listed() == []


def test_what_is_missing_is_named_and_get_goes_on_with_it(demo: Offlinedl, origin: Origin, there: Path) -> None:
    mirrored(there)
    for path in there.rglob("v720/[23].m4s"):
        path.unlink()
    result = demo("register", "demo:harbour-1", str(there))
    assert result.code == 3
    assert "error: demo:harbour-1: 2 of 9 segments are not there: video 720p 1-2\n" in result.err
    assert "hint: `offlinedl get demo:harbour-1` fetches them, and nothing else" in result.err
    assert [title["state"] for title in demo.listed()] == ["paused"]
    assert not origin.asked("/license")
    demo.claimed()
    origin.forget()
    [title] = demo.ok("get", "demo:harbour-1", "--json").json
    assert_origins_bytes(title)
    assert [a.path for a in origin.asked(".m4s")] == [f"/titles/harbour-1/v720/{n}.m4s" for n in (2, 3)]


def test_what_lies_here_needs_no_second_room(demo: Offlinedl, there: Path) -> None:
    """A quota of one and a quarter of the title."""
    mirrored(there)
    sizes = sum(file.stat().st_size for file in there.rglob("*") if file.is_file())
    own = f'[download]\nbackoff = 0\n[storage]\nkeep_free = "1"\nquota = "{sizes * 5 // 4}"\n'
    (demo.home / "config.toml").write_text(own)
    [last] = there.rglob("v720/3.m4s")
    aside = last.rename(there / "aside")
    assert demo("register", "demo:harbour-1", str(there)).code == 3
    aside.rename(last)
    demo.ok("register", "demo:harbour-1", str(there))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_it_copies_it_is_paused_and_goes_on(number: int, demo: Offlinedl, there: Path) -> None:
    mirrored(there)
    words = ("register", "demo:harbour-1", str(there))
    process = demo.start(*words, before=f"dies_at('offlinedl.actions.register', '_copy', 4, {int(number)})")
    assert process.wait() == 128 + number
    assert [title["state"] for title in demo.listed()] == ["paused"]
    demo.ok(*words)


def test_where_there_is_no_room_it_is_paused_and_nothing_of_it_lost(demo: Offlinedl, there: Path) -> None:
    (demo.home / "config.toml").write_text('[storage]\nquota = "1kB"\n')
    result = demo("register", "demo:harbour-1", str(mirrored(there)))
    assert (result.code, [title["state"] for title in demo.listed()]) == (6, ["paused"])


def test_what_is_missing_is_fetched_where_that_is_asked_for(demo: Offlinedl, origin: Origin, there: Path) -> None:
    """One file that was cut off in the middle of its second segment."""
    joined(there / "en.m4a", *pieces("a-en"))
    whole = joined(there / "film.mp4", *pieces("v720")).read_bytes()
    (there / "film.mp4").write_bytes(whole[:20_000])
    [title] = demo.ok("register", "demo:harbour-1", str(there), "--fetch-missing", "--json").json
    assert_origins_bytes(title)
    assert [a.path for a in origin.asked(".m4s")] == [f"/titles/harbour-1/v720/{n}.m4s" for n in (2, 3)]


def test_tracks_that_are_asked_for_are_missing_where_they_are_not_there(
    demo: Offlinedl, origin: Origin, there: Path
) -> None:
    path = str(concatenated(there))
    result = demo("register", "demo:harbour-1", path, "-q", "720p", "--audio", "en,fr")
    assert (result.code, "3 of 9 segments are not there: audio fr 0-2" in result.err) == (3, True)
    demo.ok("register", "demo:harbour-1", path, "-q", "720p", "--audio", "en,fr", "--fetch-missing")
    assert {a.path.rpartition("/")[0] for a in origin.asked(".m4s")} == {"/titles/harbour-1/a-fr"}


# what cannot be taken


def other_title(there: Path) -> Path:
    copied(there, TITLES / "harbour-2", "v720", "a-en")
    return there


def other_rung_under_its_name(there: Path) -> Path:
    """360p whose folder is called as that of 720p."""
    copied(there, HARBOUR, "v360")
    (there / "v360").rename(there / "v720")
    (there / "v720/init.mp4").unlink()
    shutil.copy(HARBOUR / "v720/init.mp4", there / "v720/init.mp4")
    return there


def decrypted(there: Path) -> Path:
    """As a tool leaves it that has the key."""
    init, *media = (piece.read_bytes() for piece in pieces("v720"))
    clear = [cenc.clear_init(init)]
    for piece in map(bytearray, media):
        cenc.decrypt(read_tracks(init), piece, origins.keys("harbour-1"))
        clear.append(bytes(piece))
    (there / "film.mp4").write_bytes(b"".join(clear))
    return there


def decrypted_ts(there: Path) -> Path:
    (key,) = origins.keys("ferry").values()
    for n in (1, 2, 3):
        sealed = (TITLES / f"ferry/v720-{n}.ts").read_bytes()
        (there / f"v720-{n}.ts").write_bytes(hls_aes.decrypt(sealed, key, n.to_bytes(16)))
    return there


def remuxed(there: Path) -> Path:
    packager.run("ffmpeg", "-v", "error", "-i", TITLES / "lighthouse/v720.mp4", "-c", "copy", there / "film.mp4")
    return there / "film.mp4"


def nothing(there: Path) -> Path:
    (there / "readme.txt").write_text("nothing")
    return there


REFUSED = [
    pytest.param(other_title, "harbour-1", 8, "init.mp4 is of another title or another quality", id="another title"),
    pytest.param(other_rung_under_its_name, "harbour-1", 8, "", id="another rung"),
    pytest.param(decrypted, "harbour-1", 8, "film.mp4 was decrypted", id="decrypted"),
    pytest.param(decrypted_ts, "ferry", 8, "was decrypted", id="decrypted MPEG-TS"),
    pytest.param(remuxed, "lighthouse", 8, "was put together anew (remuxed)", id="remuxed"),
    pytest.param(remuxed, "harbour-1", 8, "was put together anew (remuxed)", id="remuxed, and protected"),
    pytest.param(nothing, "harbour-1", 3, "nothing of what is there belongs to the title", id="nothing of it"),
    pytest.param(lambda there: there / "absent", "harbour-1", 3, "no such file or folder", id="no such path"),
]


@pytest.mark.parametrize(("left", "name", "code", "said"), REFUSED)
def test_what_is_not_as_the_service_has_it_is_refused_and_nothing_of_it_kept(
    left: Callable[[Path], Path], name: str, code: int, said: str, demo: Offlinedl, origin: Origin, there: Path
) -> None:
    path = left(there)
    was = before(there)
    result = demo("register", f"demo:{name}", str(path))
    assert result.code == code, result
    assert said in result.err
    assert demo.claimed() <= {f for f in demo.files() if "init" in f}
    assert before(there) == was
    if demo.listed():
        demo.ok("get", f"demo:{name}")
        assert_origins_bytes(demo.ok("show", f"demo:{name}", "--json").json)


def test_what_the_license_does_not_open_is_dropped_again(demo: Offlinedl, origin: Origin, there: Path) -> None:
    """The boxes of the title, and media under another key."""
    init = (HARBOUR / "v720/init.mp4").read_bytes()
    tracks = read_tracks(init)
    copied(there, HARBOUR, "v720")
    for path in there.glob("v720/*.m4s"):
        data = path.read_bytes()
        other = bytearray(data)
        cenc.decrypt(tracks, other, dict.fromkeys(origins.keys("harbour-1"), bytes(16)))
        at = data.index(b"mdat")
        path.write_bytes(data[:at] + other[at:])
    result = demo("register", "demo:harbour-1", str(there))
    assert (result.code, "does not hold what the license of the title opens" in result.err) == (8, True), result
    assert not any(path.endswith(".m4s") for path in demo.files() | demo.claimed())
    origin.forget()
    demo.ok("get", "demo:harbour-1")
    assert len(origin.asked(".m4s")) == 3
    assert_origins_bytes(demo.ok("show", "demo:harbour-1", "--json").json)


def test_a_bit_that_a_tool_lost_is_the_only_thing_that_get_fetches(
    demo: Offlinedl, origin: Origin, there: Path
) -> None:
    mirrored(there)
    [heaviest] = there.rglob("v720/2.m4s")
    data = bytearray(heaviest.read_bytes())
    data[-3000:-2000] = bytes(1000)
    heaviest.write_bytes(data)
    assert demo("register", "demo:harbour-1", str(there)).code == 8
    origin.forget()
    [title] = demo.ok("get", "demo:harbour-1", "--json").json
    assert_origins_bytes(title)
    assert [a.path for a in origin.asked(".m4s")] == ["/titles/harbour-1/v720/2.m4s"]


def test_rights_and_limits_are_those_of_get(members: Offlinedl, origin: Origin, there: Path) -> None:
    members.ok("get", "demo:lighthouse")
    members.ok("get", "demo:ferry")
    origin.forget()
    result = members("register", "demo:harbour-1", str(concatenated(there)))
    assert result.code == 5
    assert "allows 2 downloads on a device, and 2 of 2 are used" in result.err
    assert [asked.path for asked in origin.log] == ["/members.json"]
    assert len(members.listed()) == 2
    members.ok("rm", "demo:ferry")
    members.ok("register", "demo:harbour-1", str(there))


def test_changes_of_the_source_change_nothing_of_the_title(demo: Offlinedl, there: Path) -> None:
    path = concatenated(there)
    demo.ok("register", "demo:harbour-1", str(path))
    for file in path.iterdir():
        with file.open("r+b") as open_file:
            open_file.write(bytes(1000))
    demo.ok("check")
    shutil.rmtree(path)
    demo.ok("check")


def test_a_refused_license_keeps_the_media_for_get(demo: Offlinedl, origin: Origin, there: Path) -> None:
    origin.fault("/license", o.status(403))
    assert demo("register", "demo:harbour-1", str(concatenated(there))).code == 5
    origin.mend()
    origin.forget()
    demo.ok("get", "demo:harbour-1")
    assert not origin.asked(".m4s")


def test_what_signs_an_address_is_in_no_event(demo: Offlinedl, origin: Origin) -> None:
    url = f"{origin.url}/titles/lighthouse/manifest.mpd?token=hush-hush"
    result = demo.ok("register", url, str(origins.DATA / "titles/lighthouse"), "--progress", "json")
    assert '"event": "end"' in result.err
    assert "hush-hush" not in result.err
