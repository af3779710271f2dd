"""A media file, opened to be taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from offlinedl.errors import DamagedError
from offlinedl.media.containers import DEMUXERS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

INTERLEAVED = "matroska,webm"
"""The format in which what lies between two key frames of the picture is a segment. Elsewhere each stream has an index,
and is cut by its times."""

_OPENING = {"format_whitelist": DEMUXERS, "skip_frame": "all"}


class File(Protocol):
    """A file that is read from any place."""

    def read(self, size: int) -> bytes: ...
    def seek(self, offset: int, whence: int = 0) -> int: ...
    def tell(self) -> int: ...


def opened(file: File) -> InputContainer:
    """Errors: DamagedError."""
    import av

    with translated():
        return av.open(file, "r", options=_OPENING)


def streams(container: InputContainer) -> list[Stream]:
    """The picture, and all sound. A picture that is pinned to sound is no part of the title."""
    from av.stream import Disposition

    pictures = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    return [*pictures[:1], *container.streams.audio]


def main(container: InputContainer) -> Stream:
    """The stream whose key frames segments begin with."""
    found = streams(container)
    if not found:
        raise DamagedError("neither audio nor video in it", "fetch it again")
    return found[0]


@contextmanager
def translated() -> Iterator[None]:
    """What FFmpeg cannot do is damage."""
    from av import FFmpegError

    try:
        yield
    except FFmpegError as error:
        raise DamagedError(f"a media file that cannot be taken apart: {error}", "fetch it again") from error
