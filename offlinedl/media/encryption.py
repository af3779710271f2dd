"""What an init segment says of encryption (ISO/IEC 23001-7 sections 4, 6 and 8.2), and the same init without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from offlinedl.errors import DamagedError
from offlinedl.frozen import frozen
from offlinedl.media.mp4 import (
    ENCRYPTED_ENTRIES,
    Box,
    Boxes,
    Buffer,
    Data,
    Reader,
    children,
    field,
    find,
    is_piff,
    open_box,
    scheme_of,
)

SCHEMES = ("cenc", "cbcs", "cens", "cbc1")
EXPERIMENTAL = ("cens", "cbc1")
"""Schemes that few services use and few players play; also in cbcs every pattern but 1:9 and none is."""

_VISUAL = 78  # bytes of a VisualSampleEntry before its boxes (ISO/IEC 14496-12 section 12.1.3)
_VISUAL_ENTRIES = ("avc1", "avc3", "hvc1", "hev1", "encv")
_UNIT_LENGTHS = {b"avcC": 4, b"hvcC": 21}
"""Where in the boxes of that name the length is, after the name."""

_PIFF_SCHEMES = {0: "cenc", 1: "cenc", 2: "cbc1"}
"""What the algorithms of PIFF became: none, AES-CTR, AES-CBC."""


@frozen
class Parameters:
    """How samples are protected: a tenc box, or a seig group that takes its place.

    `iv_size` is 0 where `constant_iv` holds for every sample. `crypt` and `skip` are in blocks of 16 bytes.
    """

    protected: bool
    kid: bytes
    iv_size: int
    constant_iv: bytes = b""
    crypt: int = 0
    skip: int = 0

    @property
    def patterned(self) -> bool:
        """Are some blocks left clear (section 9.6)? Without it all are encrypted."""
        return self.crypt > 0 and self.skip > 0


@frozen
class Entry:
    """A sample entry: its codec's own format ("avc1"), and scheme and parameters, None where its samples are clear.

    `unit` is how many bytes the length before each NAL unit has, 0 where samples are not made of those.
    """

    format: str
    scheme: str | None = None
    parameters: Parameters | None = None
    unit: int = 0


@frozen
class Groups:
    """The seig descriptions of a track or fragment; `default` (from 1, 0 for none) is for samples in no group."""

    parameters: tuple[Parameters, ...] = ()
    default: int = 0


@frozen
class Track:
    """The sample entries of a track, what trex says where a fragment says nothing, and its groups."""

    entries: tuple[Entry, ...]
    entry: int = 1
    sample_size: int = 0
    groups: Groups = Groups()


@frozen
class Encryption:
    """What is needed to read the segments of one init segment: every track by its id, the clear ones too."""

    tracks: Mapping[int, Track]


def read_init(init: Data) -> Encryption | None:
    """What `init` says; None when nothing in it is encrypted. Errors: DamagedError, also for no moov box."""
    found = read_tracks(init)
    clear = all(entry.parameters is None for track in found.tracks.values() for entry in track.entries)
    return None if clear else found


def read_tracks(init: Data) -> Encryption:
    """What `init` says, also where nothing in it is encrypted. Errors: DamagedError, also for no moov box."""
    moov = next(find(init, "moov"), None)
    if moov is None:
        raise DamagedError("an init segment without a moov box")
    defaults = _defaults(init, moov)
    return Encryption(tracks=dict(_track(init, trak, defaults) for trak in find(init, "trak", moov)))


def _defaults(init: Data, moov: Box) -> dict[int, tuple[int, int]]:
    """Sample description index and sample size by track id (trex, ISO/IEC 14496-12 section 8.8.3)."""
    defaults = {}
    for trex in find(init, "mvex/trex", moov):
        reader = open_box(init, trex)
        reader.full_box()
        track, entry, _duration, size = (reader.number(4) for _ in range(4))
        defaults[track] = (entry, size)
    return defaults


def _track(init: Data, trak: Box, defaults: Mapping[int, tuple[int, int]]) -> tuple[int, Track]:
    head = field(init, "tkhd", trak)
    stbl = next(find(init, "mdia/minf/stbl", trak), None)
    if head is None or stbl is None:
        raise DamagedError("a track without tkhd or stbl")
    version, _ = head.full_box()
    head.take(16 if version else 8)  # creation and modification time
    number = head.number(4)
    entry, size = defaults.get(number, (1, 0))
    entries = tuple(_entry(init, box) for stsd in find(init, "stsd", stbl) for box in children(init, stsd))
    return number, Track(
        entries=entries, entry=entry, sample_size=size, groups=read_groups(init, [*children(init, stbl)])
    )


def _entry(init: Data, box: Box) -> Entry:
    if box.type not in ENCRYPTED_ENTRIES:
        return Entry(format=box.type, unit=_unit(init, box))
    # A sample entry may offer several schemes (ISO/IEC 14496-12 section 8.12): one that is known here goes first
    sinfs = sorted(find(init, "sinf", box), key=lambda sinf: scheme_of(init, sinf) not in SCHEMES)
    original = field(init, "frma", sinfs[0]) if sinfs else None
    if original is None:
        raise DamagedError(f"an encrypted sample entry ({box.type}) that does not say what it was")
    tenc = next(find(init, "schi/tenc", sinfs[0]), None)
    if tenc is None:
        raise DamagedError(f"an encrypted sample entry ({box.type}) without a tenc box")
    name, reader = original.take(4).decode("latin-1"), open_box(init, tenc)
    reader.full_box()
    if is_piff(init, tenc):
        return piff_entry(name, reader)
    scheme, parameters = scheme_of(init, sinfs[0]) or "", read_parameters(reader)
    return Entry(format=name, scheme=scheme, parameters=parameters, unit=_unit(init, box))


def _unit(init: Data, entry: Box) -> int:
    """The bytes of a NAL unit's length, as the decoder's setup in a sample entry has them (ISO/IEC 14496-15 sections
    5.3.3.1 and 8.3.3.1)."""
    for name, at in _UNIT_LENGTHS.items():
        place = bytes(init[entry.body + _VISUAL : entry.end]).find(name) if entry.type in _VISUAL_ENTRIES else -1
        setup = entry.body + _VISUAL + place + len(name)
        if place >= 0 and setup + at < entry.end:
            return 1 + (init[setup + at] & 3)
    return 0


def piff_entry(name: str, reader: Reader) -> Entry:
    """PIFF 1.1 section 5.3.3: an algorithm of 24 bits stands where tenc says if samples are protected."""
    algorithm, iv_size, kid = reader.number(3), reader.number(1), reader.take(16)
    if algorithm and iv_size not in {8, 16}:
        raise DamagedError(f"an initialization vector of {iv_size} bytes")
    parameters = Parameters(protected=algorithm != 0, kid=kid, iv_size=iv_size if algorithm else 0)
    return Entry(format=name, scheme=_PIFF_SCHEMES.get(algorithm, f"PIFF {algorithm}"), parameters=parameters)


def read_parameters(reader: Reader) -> Parameters:
    """The fields that tenc and seig share (sections 8.2 and 6). The pattern is 0 in tenc version 0."""
    _, pattern, protected, iv_size = reader.take(4)
    kid, constant = reader.take(16), b""
    if protected and iv_size == 0:
        constant = reader.take(reader.number(1))
    if iv_size not in {0, 8, 16} or len(constant) not in {0, 8, 16}:
        raise DamagedError(f"an initialization vector of {iv_size or len(constant)} bytes")
    return Parameters(
        protected=protected == 1,
        kid=kid,
        iv_size=iv_size,
        constant_iv=constant,
        crypt=pattern >> 4,
        skip=pattern & 15,
    )


def is_seig(data: Data, box: Box) -> bool:
    """Is this a sample group box about encryption? Its grouping type follows version and flags."""
    return box.type in {"sgpd", "sbgp"} and bytes(data[box.body + 4 : box.body + 8]) == b"seig"


def read_groups(data: Data, found: Boxes) -> Groups:
    """The seig descriptions among the boxes of an stbl or traf box (sgpd, ISO/IEC 14496-12 section 8.9.3)."""
    box = next((box for box in found if box.type == "sgpd" and is_seig(data, box)), None)
    if box is None:
        return Groups()
    reader = open_box(data, box)
    version, _ = reader.full_box()
    reader.take(4)
    length = reader.number(4) if version else 0
    default = reader.number(4) if version > 1 else 0
    described = []
    for _ in range(reader.number(4)):
        size = length or (reader.number(4) if version else 0)
        start = reader.at
        described.append(read_parameters(reader))
        if size:
            reader.at = start + size
    return Groups(parameters=tuple(described), default=default)


def clear_init(init: Data) -> bytes:
    """`init` for clear media, of the same length: codecs under their own names, all that spoke of encryption `free`.

    Errors: DamagedError.
    """
    clear = bytearray(init)
    for moov in find(init, "moov"):
        rename(clear, (box for box in children(init, moov) if box.type == "pssh"))
        for stbl in find(init, "trak/mdia/minf/stbl", moov):
            rename(clear, (box for box in children(init, stbl) if is_seig(init, box)))
            for entry in (box for stsd in find(init, "stsd", stbl) for box in children(init, stsd)):
                if entry.type in ENCRYPTED_ENTRIES:
                    rename(clear, (entry,), _entry(init, entry).format)
                    rename(clear, find(init, "sinf", entry))
    return bytes(clear)


def rename(data: Buffer, found: Iterable[Box], kind: str = "free") -> None:
    """Write another type on boxes: `free` (ISO/IEC 14496-12 section 8.1.2) is space that readers pass over."""
    for box in found:
        data[box.start + 4 : box.start + 8] = kind.encode("latin-1")
