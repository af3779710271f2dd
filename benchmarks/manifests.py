"""Manifests: time against the libraries that read their lines and elements, and memory of a plan.

    python benchmarks/manifests.py          prints three figures; the promise is at most 2x, 0.25x and 100 MB

    HLS     50,000 segments with a key of their own each, against m3u8's bare parser on the same without keys
    DASH    a timeline of 100,000 S, against mpegdash alone on the same text
    plan    what 100,000 fetches hold, from the MPD's segments to the plan

The two sides of a ratio take turns in one run; the ratio is that of their best times.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable

from m3u8.parser import parse as m3u8_parse
from mpegdash.parser import MPEGDASHParser

from offlinedl import plan
from offlinedl.choose import Choice
from offlinedl.manifest import dash, hls
from offlinedl.model import Wanted
from offlinedl.streams import Plan

SEGMENTS = 50_000
ROWS = 100_000
URL = "https://media.test/titles/film/manifest?signature=0123456789abcdef"


def playlist(*, keys: bool) -> str:
    """A media playlist; with `keys`, a new IV for each segment."""
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:7"]
    for number in range(SEGMENTS):
        if keys:
            lines.append(f'#EXT-X-KEY:METHOD=AES-128,URI="https://keys.test/key",IV=0x{number:032x}')
        lines += ["#EXTINF:6.006,", f"segment-{number}.ts"]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def mpd() -> str:
    """An MPD with a long timeline."""
    rows = "".join(f'<S t="{number * 180_180}" d="180180"/>' for number in range(ROWS))
    template = '<SegmentTemplate timescale="90000" media="$RepresentationID$/$Time$.m4s" initialization="i.mp4">{}'
    addressing = template.format(f"<SegmentTimeline>{rows}</SegmentTimeline></SegmentTemplate>")
    rung = '<Representation id="v" bandwidth="1600000" width="1280" height="720" codecs="avc1.64001f"/>'
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT200200S">'
        f'<Period><AdaptationSet mimeType="video/mp4">{addressing}{rung}</AdaptationSet></Period></MPD>'
    )


def ratio(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> tuple[float, float]:
    """The best time of ours in seconds, and how many times the best one of theirs that is."""
    best = [float("inf")] * 2
    for _ in range(rounds):
        for side, call in enumerate((ours, theirs)):
            gc.collect()
            began = time.perf_counter()
            result = call()
            best[side] = min(best[side], time.perf_counter() - began)
            del result
    return best[0], best[0] / best[1]


def plan_of(text: bytes) -> Plan:
    """The plan of the one rendition of an MPD."""
    manifest = dash.parse(text, URL)
    choices = [Choice(rendition=rendition, why="it is the only one") for rendition in manifest.renditions]
    return plan.build(manifest.url, Wanted(), choices, (), None)


def held(text: bytes) -> tuple[float, float]:
    """What a plan holds, and the most that was held on the way to it, in MB."""
    gc.collect()
    tracemalloc.start()
    made = plan_of(text)
    gc.collect()
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(made.fetches) == ROWS + 1
    return now / 1e6, peak / 1e6


def main() -> None:
    with_keys, without = playlist(keys=True).encode(), playlist(keys=False)
    seconds, times = ratio(lambda: hls.parse(with_keys, URL), lambda: m3u8_parse(without), 7)
    print(
        f"HLS   {SEGMENTS:7,} keys      {seconds:6.2f} s  {times:5.2f}x of m3u8.parser.parse without keys (at most 2)"
    )
    text = mpd()
    data = text.encode()
    seconds, times = ratio(lambda: dash.parse(data, URL), lambda: MPEGDASHParser.parse(text), 3)
    print(f"DASH  {ROWS:7,} S         {seconds:6.2f} s  {times:5.2f}x of MPEGDASHParser.parse (at most 0.25)")
    now, peak = held(data)
    print(f"plan  {ROWS:7,} fetches   {now:6.1f} MB held, {peak:.1f} MB at most on the way (at most 100)")


if __name__ == "__main__":
    main()
