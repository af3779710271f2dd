"""What the parts of a pass work with, and what they tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from datetime import datetime
from typing import Literal

from offlinedl.actions.get import Order
from offlinedl.errors import OfflinedlError
from offlinedl.frozen import frozen
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.progress import Progress
from offlinedl.sources import Said

Result = Literal["done", "would", "skipped", "told", "warning", "failed"]


@frozen
class Step:
    """What was done with a title, or with a source, and why; with `would` what is to be done. What is `skipped` is left
    for this reason, what is `told` only said. A warning is of something that did not succeed, and costs nothing yet: it
    is tried again by the next run. `bytes` are those that come or go. What `is_news` is worth a mail, and what goes
    wrong is news when the record hears of it for the first time; what `waits` is left to a run at another time. What
    `is_settled` was decided before, and is left each time; what `lacks_room` waits for some, which a person may have
    to make."""

    does: str
    title: str
    reason: str
    result: Result
    message: str = ""
    bytes: int = 0
    error: OfflinedlError | None = None
    is_news: bool = False
    waits: bool = False
    is_settled: bool = False
    lacks_room: bool = False


@frozen
class Pass:
    """What the parts of a pass work with. They `tell` each step when it is done; on a `dry_run` they change nothing and
    ask nobody. `order` says how titles are chosen where nothing else does; what is here is to play `until` then.
    `hinders` is asked before each download, and says why it is not to begin now, "" where it may; `fault` is that of a
    setting, for which none would ever begin. What sources have `said` in this pass is read once."""

    library: Library
    licensing: Licensing
    progress: Progress
    tell: Callable[[Step], None]
    dry_run: bool = False
    order: Order = Order(ref="")
    until: datetime | None = None
    hinders: Callable[[], str] = lambda: ""
    fault: OfflinedlError | None = None
    said: Said = field(default_factory=Said)
