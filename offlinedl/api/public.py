"""The names that an application imports from `offlinedl`."""

from offlinedl.actions.sync import Step
from offlinedl.added import Offer
from offlinedl.api.events import Event
from offlinedl.api.library import Library
from offlinedl.api.local import LocalMedia, Subtitles
from offlinedl.api.plans import DownloadPlan, PlannedRendition
from offlinedl.api.requests import Access
from offlinedl.api.titles import Clocks, OfflineTitle
from offlinedl.config import Settings
from offlinedl.errors import (
    BusyError,
    DamagedError,
    NetworkError,
    NotFoundError,
    OfflinedlError,
    PausedError,
    RefusedError,
    StorageError,
    UnsupportedError,
    UsageError,
)
from offlinedl.model import Failure, Kind, Rights, Series, State, Track
from offlinedl.vault import LicenseStore

__all__ = [
    "Access",
    "BusyError",
    "Clocks",
    "DamagedError",
    "DownloadPlan",
    "Event",
    "Failure",
    "Kind",
    "Library",
    "LicenseStore",
    "LocalMedia",
    "NetworkError",
    "NotFoundError",
    "Offer",
    "OfflineTitle",
    "OfflinedlError",
    "PausedError",
    "PlannedRendition",
    "RefusedError",
    "Rights",
    "Series",
    "Settings",
    "State",
    "Step",
    "StorageError",
    "Subtitles",
    "Track",
    "UnsupportedError",
    "UsageError",
]
