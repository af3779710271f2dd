"""Titles that lie in memory as a download leaves them, their presentation, and what ffmpeg decodes of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from offlinedl import plan as plans
from offlinedl.choose import Choice
from offlinedl.manifest import detect, progressive
from offlinedl.model import Entry, State, Wanted
from offlinedl.playback import MASTER, Presentation
from offlinedl.playback.presentation import present
from offlinedl.streams import Fetch, Plan, Rendition, Resource

BASE = "https://media.test/"
ENTRY = Entry(id="t:1", name="Title", state=State.READY, folder="f", license_slot="s")
Get = Callable[[str], bytes]


@dataclass(frozen=True)
class Stored:
    """A title: its plan, and the bytes of its files."""

    plan: Plan
    files: Mapping[str, bytes]

    def read(self, fetch: Fetch) -> memoryview:
        return memoryview(self.files[fetch.path])

    def present(self, keys: Mapping[bytes, bytes] | None = None, *, raw: bool = False) -> Presentation:
        return present(ENTRY, self.plan, self.read, keys or {}, raw=raw)


def within(folder: Path) -> Get:
    """The files of a folder, as if they were at BASE."""
    return lambda url: (folder / url.removeprefix(BASE)).read_bytes()


def stored(name: str, get: Get, wanted: Callable[[Rendition], bool] = lambda _: True) -> Stored:
    """The title whose manifest is BASE + `name`: of its renditions those that are `wanted`."""
    data, url = get(BASE + name), BASE + name
    form = detect(data, url)
    manifest = form.parse(data, url)
    if form is progressive:
        manifest = progressive.cut(manifest, len(data))

    def expanded(rendition: Rendition) -> Rendition:
        while rendition.index is not None:
            rendition = form.expand(rendition, part(get, rendition.index), rendition.index.url)
        return rendition

    choices = [Choice(rendition=expanded(r), why="") for r in manifest.renditions if wanted(r)]
    plan = plans.build(url, Wanted(), choices, (), None)
    files = {f.path: part(get, Resource(url=f.url, range=f.range)) for f in plan.fetches}
    sized = tuple(f._replace(size=len(files[f.path])) for f in plan.fetches)
    return Stored(replace(plan, fetches=sized), files)


def part(get: Get, resource: Resource) -> bytes:
    data = get(resource.url)
    return data[resource.range.first : resource.range.last + 1] if resource.range else data


def text(presentation: Presentation, path: str = MASTER) -> str:
    """A playlist."""
    found = presentation.part(path)
    assert found is not None
    assert found.type == "application/vnd.apple.mpegurl"
    return found.make().decode()


def uris(playlist: str) -> list[str]:
    """All that a playlist names, in its order."""
    return [quoted or line for quoted, line in re.findall(r'URI="([^"]+)"|^([^#\s].*)$', playlist, re.MULTILINE)]


def frames(media: Path | str, kind: str, *, quiet: bool = True) -> list[str]:
    """The hash of each frame of the first stream of a kind ("v", "a"), and where it is `quiet` nothing that ffmpeg had
    to say."""
    command = ["ffmpeg", "-v", "error", "-i", str(media), "-map", f"0:{kind}:0", "-vsync", "0", "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == "" or not quiet
    return [line.rpartition(",")[2].strip() for line in done.stdout.splitlines() if not line.startswith("#")]
