"""The lines of an HLS playlist: m3u8 walks them, and every tag is read here (RFC 8216 section 4.1).

m3u8's own reading of tags fails on much that services publish, and some tags it joins or loses; its walk over the
lines does not. So each tag is taken by a hook, and m3u8 keeps the URI lines with what the hook has put beside them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qs, urlsplit

from offlinedl.errors import DamagedError, OfflinedlError
from offlinedl.manifest.limits import LIMITS, Limits, absurd, seen_at, too_large

URI = "#\x1f"
"""The name under which `walk` hands over the URI lines: no playlist holds it, because `text_of` takes it away."""

Tags = Mapping[str, Callable[[str], None]]

_MARKS = b"\xef\xbb\xbf"
# Line breaks for str.splitlines, and for nobody else: RFC 8216 section 4.1 knows only LF and CRLF. And the mark of URI.
_NOT_BREAKS = re.compile("[\x0b\x0c\x1c-\x1f\x85\u2028\u2029]")
_URI_LINE = re.compile(r"^[^\S\r\n]*(?=[^#\s])", re.MULTILINE)
_ATTRIBUTE = re.compile(r'(?<![A-Za-z0-9_-])([A-Za-z0-9_-]+) *= *(?:"([^"]*)"|([^,"]*))')
_REFERENCE = re.compile(r"\{\$([A-Za-z0-9_-]+)\}")
_MAX_LIST = 2**20
_QUOTED = re.compile(r'"[^"]*"')
_HINT = "the playlist is damaged: fetch it again, or tell its publisher"


def recognises(data: bytes) -> bool:
    """RFC 8216 section 4.3.1.1: the first line is EXTM3U. A byte order mark and white space before it are let pass."""
    return data[:4096].removeprefix(_MARKS).lstrip().startswith(b"#EXTM3U")


def text_of(data: bytes, limits: Limits = LIMITS) -> str:
    """RFC 8216 section 4.1: UTF-8. What is not becomes a replacement character: titles and comments often are not."""
    limits.check_bytes(len(data))
    if data.count(b"\n") + data.count(b"\r") > limits.lines:
        raise too_large("it has more lines than are read", limits.lines)
    return _NOT_BREAKS.sub(" ", data.removeprefix(_MARKS).decode("utf-8", "replace"))


def attributes(value: str) -> dict[str, str]:
    """RFC 8216 section 4.2: an attribute list; spaces are let pass, and the first of two equal names holds."""
    if len(value) > _MAX_LIST:
        raise absurd(f"one of its attribute lists has {len(value)} letters", _MAX_LIST)
    found: dict[str, str] = {}
    for name, quoted, bare in _ATTRIBUTE.findall(value):
        found.setdefault(name, quoted or bare.strip())
    return found


def walk(text: str, tags: Tags) -> None:
    """m3u8's walk over `text`: each tag's value goes to its entry in `tags`, and each URI line to that of URI.

    m3u8 shows its hook only lines that begin with #, and keeps a URI only where it trusts the line before; so that none
    is lost, every URI line is given the mark of a tag. Raises DamagedError where the walk fails, and what `tags` raise.
    """
    from m3u8.parser import parse

    find = tags.get
    at = 0

    def hook(line: str, number: int, _data: object, _state: object) -> bool:
        nonlocal at
        at = number
        name, _, value = line.partition(":")
        take = find(name)
        if take is not None:
            take(value)
        return True

    try:
        parse(_URI_LINE.sub(f"{URI}:", text), custom_tags_parser=hook)
    except OfflinedlError:
        with seen_at(f"line {at}"):
            raise
    except Exception as error:
        raise DamagedError(f"line {at}: the playlist cannot be read from here", _HINT) from error


def define(
    text: str, url: str, imported: Iterable[tuple[str, str]] = (), limits: Limits = LIMITS
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """rfc8216bis sections 4.3 and 4.4.2.3: `text` with its variables replaced, line by line as they become known.

    And the variables, for the playlists below that import them. `url` is where the text came from after redirects.
    """
    if "#EXT-X-DEFINE" not in text and "{$" not in text:
        return text, ()
    variables = _Variables(url, dict(imported), limits)
    lines = [variables.line(line) for line in text.splitlines()]
    return "\n".join(lines), tuple(variables.known.items())


class _Variables:
    """The variables of a playlist so far, and how much text they may still add: definitions can build on each other."""

    def __init__(self, url: str, imported: Mapping[str, str], limits: Limits) -> None:
        self.known: dict[str, str] = {}
        self._url = url
        self._imported = imported
        self._limits = limits
        self._added = 0

    def line(self, line: str) -> str:
        """`line` with values for its references; what it defines is known from the next one on."""
        replaced = self._replaced(line) if "{$" in line else line
        if replaced.startswith("#EXT-X-DEFINE:"):
            self._define(attributes(replaced.partition(":")[2]))
        return replaced

    def _define(self, attribute: dict[str, str]) -> None:
        """rfc8216bis section 4.4.2.3: EXT-X-DEFINE, by NAME and VALUE, IMPORT or QUERYPARAM; a name is defined once."""
        if "NAME" in attribute:
            name, value = attribute["NAME"], attribute.get("VALUE", "")
        elif "IMPORT" in attribute:
            name = attribute["IMPORT"]
            value = _or_damaged(
                self._imported.get(name), f"imports the variable {name}, which nothing above it defines"
            )
        else:
            name = _or_damaged(attribute.get("QUERYPARAM"), "has an EXT-X-DEFINE without a name")
            given = parse_qs(urlsplit(self._url).query, keep_blank_values=True).get(name, [None])[0]
            value = _or_damaged(given, f"takes the variable {name} from its URL, which has no such parameter")
        if name in self.known or '"' in value or "\n" in value or "\r" in value:
            raise DamagedError(f"it defines the variable {name} twice, or with a value that no line holds", _HINT)
        self.known[name] = value

    def _replaced(self, line: str) -> str:
        """rfc8216bis section 4.3: references count in URI lines, in quoted strings and in hexadecimal sequences."""
        if not line.startswith("#"):
            return _REFERENCE.sub(self._value, line)
        if not line.startswith("#EXT-X-"):
            return line
        quoted = _QUOTED.sub(lambda match: _REFERENCE.sub(self._value, match[0]), line)
        return _REFERENCE.sub(self._value, quoted) if "=0x{$" in quoted or "={$" in quoted else quoted

    def _value(self, match: re.Match[str]) -> str:
        value = _or_damaged(self.known.get(match[1]), f"uses the variable {match[1]}, which it does not define")
        self._added += len(value)
        if self._added > self._limits.bytes:
            raise too_large("its variables add more bytes to it than are read", self._limits.bytes)
        return value


def _or_damaged(value: str | None, what: str) -> str:
    if value is None:
        raise DamagedError(f"it {what}", _HINT)
    return value
