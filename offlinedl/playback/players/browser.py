"""The person's browser: it opens our page, and hears no more of us."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser
from collections.abc import Callable
from typing import Protocol

from offlinedl.aside import aside

_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


_PATIENCE_SECONDS = 10.0


class Pages(Protocol):
    """A page that can be opened. `opened` is set once it was, `page` makes another address of it, which opens once."""

    opened: asyncio.Event

    def page(self) -> str: ...


async def play(pages: Pages, tell: Callable[[str, bool], object], patience: float = _PATIENCE_SECONDS) -> None:
    """Open the page. Browsers may fail in silence, or wait until they are closed: its address is told at once, and told
    again where nobody has opened it after a while. Runs until it is cancelled."""
    tell(pages.page(), False)
    opening = asyncio.ensure_future(open(pages.page()))
    try:
        await asyncio.wait_for(pages.opened.wait(), patience)
    except TimeoutError:
        tell(pages.page(), True)
    await opening
    await asyncio.Event().wait()


async def open(page: str) -> bool:
    """Open a page that can be opened once: whoever reads the browser's command line comes too late. False where there
    is no browser, or no screen for one."""
    if sys.platform == "linux" and not any(map(os.environ.get, _SCREENS)):
        return False
    return await aside(lambda: webbrowser.open(page))
