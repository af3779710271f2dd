"""Sizes and rates: what people write, and what it is in bytes."""

from __future__ import annotations

import pytest

from offlinedl import sizes
from offlinedl.errors import UsageError

WRITTEN = [
    ("1", 1),
    ("1000", 1000),
    ("500K", 500_000),
    ("800k", 800_000),
    ("170 KB", 170_000),
    ("2M", 2_000_000),
    ("1.5MB", 1_500_000),
    ("4gb", 4_000_000_000),
    ("1T", 10**12),
    ("500KiB", 512_000),
    ("1ki", 1024),
    ("3.5GiB", 3_758_096_384),
    (" 0.5M ", 500_000),
    ("1.9", 1),
    ("10B", 10),
]


@pytest.mark.parametrize(("text", "count"), WRITTEN)
def test_a_size_in_bytes(text: str, count: int) -> None:
    assert sizes.size(text, "--fit") == count
    assert sizes.rate(text, "--limit-rate") == count


@pytest.mark.parametrize("text", ["500K/s", "500kB/s", "500 kb/S", "500000/s"])
def test_a_rate_may_say_that_it_is_one(text: str) -> None:
    assert sizes.rate(text, "--limit-rate") == 500_000


NONSENSE = [
    "",
    "much",
    "K",
    "-5K",
    "0",
    "0.4",
    "1e6",
    "1,5M",
    "5X",
    "5KK",
    "5K5",
    "5i",
    "5 K B",
    "inf",
    "\N{ARABIC-INDIC DIGIT FIVE}K",
]


@pytest.mark.parametrize("text", [*NONSENSE, "9" * 400])
def test_what_is_no_size_is_misuse_that_names_the_option(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--fit .*not a size"):
        sizes.size(text, "--fit")
    with pytest.raises(UsageError, match=r"^--limit-rate .*not a rate"):
        sizes.rate(text, "--limit-rate")


def test_a_size_is_not_a_rate() -> None:
    with pytest.raises(UsageError):
        sizes.size("500K/s", "--fit")
