"""WebVTT in the samples of MP4 (ISO/IEC 14496-30 section 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from offlinedl.media.mp4 import Box, boxes, children
from offlinedl.media.timed import Head, Sample
from offlinedl.media.webvtt import Cue, Document, parse


def read(head: Head, samples: Iterable[Sample]) -> Document:
    """The cues of samples. A cue that others made to be cut is one again. Errors: DamagedError."""
    cues: list[Cue] = []
    running: dict[tuple[str, str, str, str], int] = {}
    for sample in samples:
        for source, cue in _cues(sample):
            key = source, cue.id, cue.settings, cue.text
            before = running.get(key)
            if before is not None and cues[before].end == cue.start:
                cues[before] = replace(cues[before], end=cue.end)
            else:
                running[key] = len(cues)
                cues.append(cue)
    blocks = parse(head.config.encode()).blocks if head.config.startswith("WEBVTT") else ()
    return Document(cues=tuple(cues), blocks=blocks)


def _cues(sample: Sample) -> Iterator[tuple[str, Cue]]:
    """The cues of a sample (vttc), each with what tells it from others with the same words (vsid). An empty one (vtte)
    has none."""
    for box in boxes(sample.data):
        if box.type == "vttc":
            inside = {part.type: part for part in children(sample.data, box)}
            name, settings, payload = (_text(sample.data, inside.get(kind)) for kind in ("iden", "sttg", "payl"))
            source = inside.get("vsid")
            yield (
                sample.data[source.body : source.end].hex() if source else "",
                Cue(
                    start=sample.start,
                    end=sample.end,
                    text="\n".join(line for line in payload.split("\n") if line.strip()).replace("-->", "--&gt;"),
                    settings=" ".join(settings.split()).replace("-->", ""),
                    id=" ".join(name.split()).replace("-->", ""),
                ),
            )


def _text(data: bytes, box: Box | None) -> str:
    text = data[box.body : box.end].decode("utf-8", "replace") if box else ""
    return text.replace("\0", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")
