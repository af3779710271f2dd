"""The whole story in one go: every step is a command that a person would type, run for real on a temporary home."""

from __future__ import annotations

from collections.abc import Callable, Sequence

STEPS: Sequence[tuple[str, Sequence[str]]] = (
    ("A service has a feed of titles. It becomes a source.", ("source", "add", "demo", "{feed}")),
    (
        "Get two protected episodes. The license comes before the media, and is proven by decoding what it opens.",
        ("get", "demo:harbour-1", "demo:harbour-2"),
    ),
    ("Both are ready. The storage window runs from the license's issue.", ("list",)),
    ("One title in full: its tracks, its license and both windows.", ("show", "demo:harbour-1")),
    (
        "The first play starts the other clock. A small client reads it here.",
        ("play", "demo:harbour-1", "--player", "none"),
    ),
    ("The playback window ends first now.", ("list",)),
    ("A renewal: the storage window begins anew, the first play stays.", ("renew", "demo:harbour-2")),
    ("Remove: every byte is freed, the keys are destroyed, and the license server hears of it.", ("rm", "--all")),
    ("Nothing is left.", ("list",)),
)


_INTERRUPTED = 130


def tell(
    feed: str,
    run: Callable[[Sequence[str]], int],
    play: Callable[[Sequence[str]], int],
    say: Callable[[str, str], None],
) -> int:
    """Run the steps against the service whose feed is at `feed`, with `run`, and what serves until it is stopped with
    `play`. `say` is told each step and its command. Stops at the first that fails, and returns its exit code."""
    for text, words in STEPS:
        command = [word.format(feed=feed) for word in words]
        say(text, "offlinedl " + " ".join(command))
        is_served = words[0] == "play"
        code = play(command) if is_served else run(command)
        if code != (_INTERRUPTED if is_served else 0):
            return code
    return 0
