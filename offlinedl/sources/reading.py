"""How a source is read: over the network, or from a file of this machine. What it sends is kept as it came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlsplit
from urllib.request import pathname2url

from offlinedl.engine import Engine
from offlinedl.errors import DamagedError, NotFoundError, OfflinedlError, UnsupportedError, counted
from offlinedl.frozen import frozen
from offlinedl.http import Headers
from offlinedl.model import Title


@frozen
class Sent:
    """What a source sent: `body`, the `url` it came from in the end, and what tells this version from others (RFC 9110
    section 8.8), each "" where nothing does."""

    body: bytes
    url: str
    etag: str = ""
    last_modified: str = ""


@frozen
class Fault:
    """What is wrong at `path` in a source."""

    path: str
    what: str

    @classmethod
    def of(cls, error: OfflinedlError) -> Fault:
        """What an error says that begins with the path."""
        path, _, what = error.message.rpartition(": ")
        return cls(path=path, what=what)


def told(faults: Sequence[Fault]) -> str:
    """What is wrong, in one line: the first of it, and how much else there is."""
    if not faults:
        return ""
    said = f"{faults[0].path}: {faults[0].what}" if faults[0].path else faults[0].what
    return f"{said}, and {counted(len(faults) - 1, 'other thing')}" if len(faults) > 1 else said


@frozen
class Found:
    """What is at `path` in a source: a title, unless it is none; and all that is wrong with it."""

    path: str
    title: Title | None = None
    faults: tuple[Fault, ...] = ()


def titles(found: Iterator[Found]) -> Iterator[Title]:
    """The titles among what was found. What is none is passed over: a feed of a stranger has other things too."""
    return (one.title for one in found if one.title is not None)


Find: TypeAlias = Callable[[str], Title]
"""The title of an id ("source:id"), the first of several. NotFoundError where there is none."""


def finder(found: Iterator[Found]) -> Find:
    """Finds titles among what was found, and looks no further than that takes."""
    seen: dict[str, Title] = {}
    rest = titles(found)

    def find(wanted: str) -> Title:
        while wanted not in seen:
            title = next(rest, None)
            if title is None:
                raise missing(wanted)
            seen.setdefault(title.id, title)
        return seen[wanted]

    return find


def missing(wanted: str) -> NotFoundError:
    """No such title is there (any more)."""
    return NotFoundError(
        f"{wanted}: its source has no such title",
        f"`offlinedl source show {wanted.partition(':')[0]}` shows those that it has",
    )


async def read(url: str, engine: Engine, headers: Headers = ()) -> Sent:
    """What is at `url`, asked for with `headers`. NetworkError with status 304 where they say that it is known."""
    if is_local(url):
        return Sent(body=_content(path_of(url), engine.limits.bytes), url=url)
    answer = await engine.get(url, headers=headers)
    said = answer.headers
    return Sent(
        body=answer.body, url=answer.url, etag=said.get("etag", ""), last_modified=said.get("last-modified", "")
    )


async def complete(title: Title, _engine: Engine) -> Title:
    """The title as its source names it: it has its addresses."""
    return title


def is_local(url: str) -> bool:
    """Is it on this machine?"""
    return url.startswith("file:")


def path_of(url: str) -> Path:
    """The path of a file: URL."""
    return Path(unquote(urlsplit(url).path))


def local_url(path: Path) -> str:
    """The file: URL of a path."""
    return f"file://{pathname2url(str(path.absolute()))}"


def is_list(url: str) -> bool:
    """Is it a folder of this machine, or a file of addresses there?"""
    return is_local(url) and (path_of(url).is_dir() or path_of(url).suffix.lower() in LISTS)


def _content(path: Path, limit: int) -> bytes:
    """A file; of a folder the lists of addresses in it, as one."""
    try:
        if path.is_dir():
            return b"".join(_entries(path, limit))
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: not found", "is the path right?") from error
    except OSError as error:
        raise DamagedError(f"{path}: cannot be read: {error.strerror}", "is it yours?") from error
    if len(content) > limit:
        raise UnsupportedError(f"{path}: larger than the limit of {limit} bytes", "raise [limits] manifest_bytes")
    return content


LISTS = (".m3u", ".txt")
ONE = ".strm"
"""Files that hold addresses: many, and one that is called as the file is."""
FILE = "#FILE:"
"""What stands before the lines of each file of a folder, with its path there."""


def _entries(folder: Path, limit: int) -> Iterator[bytes]:
    """The files of a folder and of those in it that hold addresses, as one list: a line of a name, a line of its
    address."""
    for path in sorted(folder.rglob("*")):
        suffix = path.suffix.lower()
        if suffix in (*LISTS, ONE) and path.is_file():
            name = f"#EXTINF:-1,{path.stem}\n" if suffix == ONE else ""
            head = f"{name}{FILE}{path.relative_to(folder)}\n"
            yield head.encode(errors="replace") + _addresses(path, limit)


def _addresses(path: Path, limit: int) -> bytes:
    """What a file says, ended by a line's end. Editors of Windows begin files with a mark, which is in no address."""
    return _content(path, limit).removeprefix(b"\xef\xbb\xbf").rstrip() + b"\n"
