"""demo: the whole story on the embedded origin."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from offlinedl.cli.options import Verbose
from offlinedl.cli.output import note, say, styled

app = typer.Typer(help="See the whole story on a small service inside offlinedl. Nothing of yours is touched.")


@app.callback(invoke_without_command=True)
def demo(context: typer.Context, verbose: Verbose = False) -> None:
    """See the whole story on a small service inside offlinedl. Nothing of yours is touched."""
    if context.invoked_subcommand is None:
        raise typer.Exit(_tell(context.obj))


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0, verbose: Verbose = False
) -> None:
    """Leave the demo service running, to try commands on it."""
    from offlinedl.cli import wiring
    from offlinedl.errors import Stopped, UsageError

    try:
        wiring.run(_serve(port))
    except Stopped as stopped:
        raise typer.Exit(stopped.exit_code) from None
    except OSError as error:
        raise UsageError(f"port {port}: {error.strerror}", "choose another one, or 0") from error


def _tell(run: Callable[[Sequence[str]], int]) -> int:
    import tempfile

    from offlinedl.demo import client, origin, story

    def play(words: Sequence[str]) -> int:
        return client.play([sys.executable, "-m", "offlinedl", *words], say)

    def speak(text: str, command: str) -> None:
        say()
        say(styled(f"# {text}", "dim"))
        say(styled(f"$ {command}", "bold"))

    before = os.environ.get("OFFLINEDL_HOME")
    with tempfile.TemporaryDirectory(prefix="offlinedl-demo-") as home, origin.in_thread(origin.application()) as url:
        os.environ["OFFLINEDL_HOME"] = home
        try:
            say(f"A service runs at {url}, and this home is temporary: {home}")
            code = story.tell(f"{url}/feed.json", run, play, speak)
        finally:
            os.environ.pop("OFFLINEDL_HOME")
            if before is not None:
                os.environ["OFFLINEDL_HOME"] = before
    if code == 0:
        say()
        say("Now yours: offlinedl get URL")
    return code


async def _serve(port: int) -> None:
    import asyncio

    from offlinedl.demo import origin

    async with origin.serving(origin.application(), port) as url:
        say(f"{url}/feed.json")
        sys.stdout.flush()
        note("Add it with:  offlinedl source add demo " + f"{url}/feed.json")
        note(f"Of the same for members, with limits and entitlements, the feed is {url}/members.json")
        note("Stop it with Ctrl-C.")
        await asyncio.Event().wait()
