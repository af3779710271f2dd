"""When what is here is to be watched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from offlinedl.model import Series
from offlinedl.series import Following, Shelf, Stored
from offlinedl.smart.window import Window, window


def places(shelf: Shelf, windows: Sequence[Window], now: datetime) -> dict[str, int]:
    """The place of each title in the order of its series, also where nobody follows that. What was watched has none,
    nor what lies behind it."""
    followed = {w.rule.series.id for w in windows}
    others: dict[str, list[Stored]] = {}
    for s in shelf.stored:
        if s.entry.series is not None and s.entry.series.id not in followed:
            others.setdefault(s.entry.series.id, []).append(s)
    orders = [w.order for w in windows]
    for id_, own in others.items():
        orders.append(window(Following(series=Series(id=id_, name=id_)), Shelf(stored=tuple(own)), now).order)
    return {title: place for order in orders for place, title in enumerate(order)}
