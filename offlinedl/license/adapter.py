"""A DRM system whose cryptography is in an adapter, a program of a device maker's: its licenses are handles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from offlinedl.errors import UnsupportedError
from offlinedl.http import Http
from offlinedl.license.need import Grant, Need
from offlinedl.model import Destruction, Held
from offlinedl.streams import LicenseServer

if TYPE_CHECKING:
    from offlinedl.engine import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """The adapter of one system; `command` starts it."""

    name: str
    command: tuple[str, ...]

    async def acquire(
        self, engine: Engine, server: LicenseServer, need: Need, now: datetime, held: Held | None = None
    ) -> Grant:
        raise self._not_yet()

    async def release(self, http: Http, server: LicenseServer, owed: Destruction) -> None:
        raise self._not_yet()

    async def load(self, held: Held, now: datetime) -> Held:
        raise self._not_yet()

    async def first_play(self, held: Held, at: datetime) -> Held:
        raise self._not_yet()

    def _not_yet(self) -> UnsupportedError:
        return UnsupportedError(f"{self.name}: adapters are not spoken with yet", code="no-adapter")


def adapters(commands: Mapping[str, Sequence[str]]) -> Mapping[str, Adapter]:
    """An adapter for each system that a command is configured for."""
    return {name: Adapter(name=name, command=tuple(command)) for name, command in commands.items()}
