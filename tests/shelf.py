"""What a server of playback is given: presentations, sittings, and a time that passes when somebody waits for it; and
the server that gives a presentation to real players."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

from offlinedl.demo import origin
from offlinedl.playback import MASTER, About, Part, Presentation, Text
from offlinedl.playback.server import serving
from tests.presented import stored, within

_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".vtt": "text/vtt",
}
_SECONDS = 4.0


@dataclass
class Shelf:
    """A presentation of these parts. `made` are the paths of what was made, in order; one of `faults` is raised
    instead."""

    parts: Mapping[str, Part]
    duration: float = 60.0
    texts: tuple[Text, ...] = ()
    made: list[str] = field(default_factory=list)
    faults: dict[str, Exception] = field(default_factory=dict)

    def part(self, path: str) -> Part | None:
        """What is there."""
        part = self.parts.get(path)
        return part and Part(type=part.type, make=lambda: self._make(path, part), media=part.media)

    def _make(self, path: str, part: Part) -> bytes:
        self.made.append(path)
        if path in self.faults:
            raise self.faults[path]
        return part.make()


@dataclass
class Time:
    """It passes at once when somebody rests. `rested` is what each rest took."""

    now: float = 500.0
    rested: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def rest(self, seconds: float) -> None:
        """Let so much time pass."""
        self.rested.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@dataclass
class Sat:
    """A sitting. It has to stop `window` seconds after it began (None: never), by `time`. What it heard is in `begun`
    and `places`; `refusal` is what it answers instead of beginning."""

    time: Callable[[], float]
    window: float | None = None
    begun: int = 0
    places: list[float] = field(default_factory=list)
    refusal: Exception | None = None
    ends: float | None = None

    async def begin(self) -> None:
        """The first media byte is about to leave."""
        self.begun += 1
        if self.refusal:
            raise self.refusal
        if self.ends is None and self.window is not None:
            self.ends = self.time() + self.window

    def left(self) -> float | None:
        """Seconds."""
        return None if self.ends is None else self.ends - self.time()

    def at(self, seconds: float) -> None:
        """The playback is there."""
        self.places.append(seconds)


def long(seconds: float = 60.0, size: int = 1000, rungs: int = 2) -> Shelf:
    """A title of pieces that are `size` bytes long and last four seconds: pictures in `rungs`, and sound."""
    parts = {MASTER: Part(type=_TYPES[".m3u8"], make=lambda: b"#EXTM3U\n")}
    for track in [*(f"v{rung}" for rung in range(rungs)), "a"]:
        parts[f"{track}/init.mp4"] = Part(type=_TYPES[".mp4"], make=lambda: b"init")
        for number in range(int(seconds / _SECONDS)):
            content = f"{track}/{number} ".encode().ljust(size, b".")
            media = (number * _SECONDS, (number + 1) * _SECONDS)
            part = Part(type=_TYPES[".m4s"], make=lambda content=content: content, media=media)  # type: ignore[misc]
            parts[f"{track}/{number}.m4s"] = part
    return Shelf(parts, seconds)


def folder(root: Path, duration: float, texts: tuple[Text, ...] = ()) -> Shelf:
    """An HLS folder as it is. Its segments are numbered from 0 and last four seconds."""
    parts = {}
    for file in root.rglob("*"):
        if file.suffix in _TYPES:
            media = (int(file.stem) * _SECONDS, (int(file.stem) + 1) * _SECONDS) if file.suffix == ".m4s" else None
            parts[file.relative_to(root).as_posix()] = Part(type=_TYPES[file.suffix], make=file.read_bytes, media=media)
    return Shelf(parts, duration, texts)


def harbour() -> Presentation:
    """The demo's first episode, encrypted in cbcs: opened with its keys, 12 seconds."""
    return stored("master.m3u8", within(origin.DATA / "titles" / "harbour-1")).present(origin.keys("harbour-1"))


@contextmanager
def served(presentation: Presentation) -> Iterator[str]:
    """The server gives it to whoever asks. The address of its MASTER."""
    addresses: Queue[str] = Queue()
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with serving(presentation, Sat(loop.time), About(name="Low Tide")) as given:
            addresses.put(given.master)
            await over.wait()
            assert given.failure is None

    with ThreadPoolExecutor(1) as threads:
        server = threads.submit(loop.run_until_complete, serve())
        try:
            yield addresses.get(timeout=60)
        finally:
            loop.call_soon_threadsafe(over.set)
            server.result()
            loop.close()
