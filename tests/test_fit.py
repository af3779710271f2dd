"""get --fit: the highest quality at which all titles fit together, the same for each."""

from __future__ import annotations

import pytest

from tests import origin as o
from tests.conftest import Offlinedl
from tests.origin import Origin
from tests.playlists import media, segment


@pytest.mark.parametrize(
    ("size", "height"), [("200kB", 1080), ("170 KB", 720), ("155kB", 360), ("1GiB", 1080)], ids=str
)
def test_fit_takes_the_highest_quality_at_which_all_fit_together(size: str, height: int, demo: Offlinedl) -> None:
    got = demo.ok("get", "demo:harbour-1", "demo:harbour-2", "--fit", size, "--json").json
    assert [title["quality"]["height"] for title in got] == [height, height]


def test_what_does_not_fit_at_all_is_said_before_anything_is_fetched(demo: Offlinedl, origin: Origin) -> None:
    result = demo("get", "demo:harbour-1", "--fit", "10kB")
    assert (result.code, "need about 79 kB, 69 kB more than 10 kB\n" in result.err) == (6, True)
    assert demo("get", "demo:harbour-1", "--fit", "much").code == 2
    assert not origin.asked(".m4s")
    assert demo.listed() == []


def test_what_a_manifest_does_not_tell_is_not_counted_as_nothing(offlinedl: Offlinedl, origin: Origin) -> None:
    result = offlinedl("get", f"{origin.url}/titles/ferry/v720.m3u8", "--fit", "1GB")
    assert (result.code, "does not tell how large it is" in result.err) == (9, True)


def title(origin: Origin, name: str, *rungs: tuple[int, int]) -> str:
    """A title of 80 seconds, offered in these rungs of (height, kbit/s): as many times 10 kB as there are kbit/s."""
    lines = ["#EXTM3U"]
    for height, rate in rungs:
        size = f",RESOLUTION=16x{height}" if height else ""
        lines.append(f'#EXT-X-STREAM-INF:BANDWIDTH={rate}000{size},CODECS="avc1.64001f"\n{name}.media.m3u8')
    origin.fault(f"/{name}.m3u8", o.body("\n".join(lines).encode()))
    origin.fault(f"/{name}.media.m3u8", o.body(media(segment(seconds="80"))))
    return f"{origin.url}/titles/{name}.m3u8"


HEIGHTS = [(360, 500), (720, 1500), (1080, 4000)]
RATES = [(0, 400), (0, 2000), (0, 5000)]
OTHERS = [(480, 1000), (720, 2500)]

LADDERS = [
    pytest.param([HEIGHTS, RATES], "90MB", [4000, 5000], "1080p/5M", id="all of both"),
    pytest.param([HEIGHTS, RATES], "60MB", [4000, 2000], "1080p/4M", id="no more bits than heights have"),
    pytest.param([HEIGHTS, RATES], "40MB", [1500, 2000], "720p/2M", id="a step between two heights"),
    pytest.param([HEIGHTS, RATES], "20MB", [1500, 400], "720p/1500K", id="a height, and what has as many bits"),
    pytest.param([HEIGHTS, RATES], "10MB", [500, 400], "360p/500K", id="the lowest of both"),
    pytest.param([HEIGHTS, OTHERS], "65MB", [4000, 2500], "1080p", id="all there is"),
    pytest.param([HEIGHTS, OTHERS], "64MB", [1500, 2500], "720p", id="the same height, whatever its rate"),
    pytest.param([HEIGHTS, OTHERS], "39MB", [500, 1000], "480p", id="the same height, or the next below"),
    pytest.param([HEIGHTS, OTHERS], "15MB", [500, 1000], "480p", id="to the byte"),
    pytest.param([RATES, RATES], "69MB", [2000, 2000], "2M", id="rates alone"),
    pytest.param([[(720, 900), (0, 300)], HEIGHTS], "10MB", [300, 500], "360p/500K", id="a rung without its height"),
]


@pytest.mark.parametrize(("ladders", "size", "rates", "quality"), LADDERS)
def test_titles_with_different_ladders_fit_together(
    ladders: list[list[tuple[int, int]]],
    size: str,
    rates: list[int],
    quality: str,
    offlinedl: Offlinedl,
    origin: Origin,
) -> None:
    urls = [title(origin, f"t{number}", *rungs) for number, rungs in enumerate(ladders)]
    result = offlinedl.ok("get", *urls, "--fit", size, "--dry-run", "--json")
    chosen = [r["bandwidth"] // 1000 for plan in result.json for r in plan["renditions"] if r["chosen"]]
    assert (chosen, result.err) == (rates, f"{quality} fits into {size}.\n")
    again = offlinedl.ok("get", *urls, "-q", quality, "--dry-run", "--json").json
    assert [plan["renditions"] for plan in again] == [plan["renditions"] for plan in result.json]


def test_one_title_that_fails_leaves_the_others(demo: Offlinedl, origin: Origin) -> None:
    """C68: each is named, the others get all the room, and the code is that of the first failure."""
    untold = f"{origin.url}/titles/ferry/v720.m3u8"
    result = demo("get", "demo:harbour-1", untold, "demo:nothing", "--fit", "100kB", "--json")
    assert result.code == 9
    assert [(title["id"], title["quality"]["height"]) for title in result.json] == [("demo:harbour-1", 1080)]
    assert "v720.m3u8: " in result.err
    assert "error: demo:nothing: " in result.err
    assert [title["id"] for title in demo.listed()] == ["demo:harbour-1"]


def test_the_first_failure_gives_the_code_also_where_nothing_fits(demo: Offlinedl, origin: Origin) -> None:
    result = demo("get", "demo:nothing", "demo:harbour-1", "--fit", "10kB", "--json")
    assert (result.code, result.json, result.err.count("error: ")) == (3, [], 2)
    assert not origin.asked(".m4s")


def test_where_no_title_can_be_resolved_nothing_is_fetched(demo: Offlinedl) -> None:
    result = demo("get", "demo:nothing", "--fit", "1GB", "--json")
    assert (result.code, result.json) == (3, [])
    assert "fits into" not in result.err


def test_a_title_that_fails_after_all_leaves_the_others_too(demo: Offlinedl, origin: Origin) -> None:
    origin.fault("/harbour-1/v1080/2.m4s", o.status(404))
    result = demo("get", "demo:harbour-1", "demo:harbour-2", "--fit", "1GB")
    assert result.code == 4
    assert [title["state"] for title in demo.listed()] == ["failed", "ready"]


def test_a_language_that_lower_rungs_lack_is_not_given_up_for_room(offlinedl: Offlinedl, origin: Origin) -> None:
    sound = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{0}",NAME="{1}",LANGUAGE="{1}",URI="t.media.m3u8"'
    rung = '#EXT-X-STREAM-INF:BANDWIDTH={0}000,RESOLUTION=16x{1},AUDIO="{2}"\nt.media.m3u8'
    lines = ["#EXTM3U", sound.format("low", "en"), sound.format("high", "en"), sound.format("high", "fr")]
    lines += [rung.format(1000, 360, "low"), rung.format(2000, 720, "high")]
    origin.fault("/t.m3u8", o.body("\n".join(lines).encode()))
    origin.fault("/t.media.m3u8", o.body(media(segment(seconds="80"))))
    url = f"{origin.url}/titles/t.m3u8"
    assert offlinedl("get", url, "--fit", "15MB", "--audio", "fr", "--dry-run").code == 6
    assert offlinedl("get", url, "--fit", "15MB", "--audio", "en", "--dry-run").code == 0
