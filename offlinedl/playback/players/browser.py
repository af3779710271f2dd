"""The person's browser: it opens our page, and hears no more of us."""

from __future__ import annotations

import os
import sys
import webbrowser

from offlinedl.aside import aside

_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


async def open(page: str) -> bool:
    """Open a page that can be opened once: whoever reads the browser's command line comes too late. False where there
    is no browser, or no screen for one."""
    if sys.platform == "linux" and not any(map(os.environ.get, _SCREENS)):
        return False
    return await aside(lambda: webbrowser.open(page))
