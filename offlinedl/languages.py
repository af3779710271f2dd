"""Languages: which renditions are meant by a language that a person names (BCP 47)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from offlinedl.errors import UsageError
from offlinedl.streams import Rendition

_ISO_639 = """
    ara:ar bul:bg cat:ca ces:cs cze:cs dan:da deu:de ger:de ell:el gre:el eng:en est:et eus:eu baq:eu fas:fa per:fa
    fin:fi fra:fr fre:fr gle:ga glg:gl heb:he hin:hi hrv:hr hun:hu ind:id isl:is ice:is ita:it jpn:ja kor:ko lav:lv
    lit:lt mkd:mk mac:mk msa:ms may:ms nld:nl dut:nl nor:no pol:pl por:pt ron:ro rum:ro rus:ru slk:sk slo:sk slv:sl
    spa:es sqi:sq alb:sq srp:sr swe:sv tam:ta tel:te tha:th tur:tr ukr:uk vie:vi zho:zh chi:zh
"""
_TWO_LETTERS = {pair[:3]: pair[4:] for pair in _ISO_639.split()}
"""ISO 639-2 codes that muxers write, and the shorter ones of ISO 639-1 that BCP 47 asks for."""


_CODE = 3
_THREE_LETTERS = {pair[4:]: pair[:3] for pair in reversed(_ISO_639.split())}
"""Of two codes that a language has, that of its own name."""


def three_letters(language: str) -> str:
    """The ISO 639-2 code of a language, for files that know no others; "" where there is none."""
    first = language.lower().replace("_", "-").partition("-")[0]
    return _THREE_LETTERS.get(first, first if len(first) == _CODE and first.isalpha() and first.isascii() else "")


def asked(parts: Iterable[str], option: str, words: Sequence[str]) -> tuple[str, ...]:
    """The languages of a list that was given for `option`; one of `words` ("all", "none") may stand there instead."""
    found = tuple(part.strip() for part in parts if part.strip())
    word = next((part.lower() for part in found if part.lower() in words), None)
    if word is not None and len(found) > 1:
        raise UsageError(f"{option} {','.join(found)}: {word} stands alone", f"say {word}, or name the languages")
    return found if word is None else (word,)


def lookup(language: str, offered: Sequence[Rendition]) -> list[Rendition]:
    """The renditions in `language` (RFC 4647 section 3.4, lookup): pt-BR finds pt-BR, then pt, then any pt-*."""
    if language == "und":
        return [r for r in offered if r.language in {"", "und"}]
    ranges = _ranges(language)
    for length in range(len(ranges), 0, -1):
        prefix = "-".join(ranges[:length])
        if exact := [r for r in offered if "-".join(_ranges(r.language)) == prefix]:
            return exact
        if narrower := [r for r in offered if "-".join(_ranges(r.language)).startswith(f"{prefix}-")]:
            return narrower
    return []


def _ranges(language: str) -> list[str]:
    """The subtags of a language, the first with two letters where it has them (RFC 5646 section 2.2.1)."""
    first, *rest = language.lower().replace("_", "-").split("-")
    return [_TWO_LETTERS.get(first, first), *rest]
