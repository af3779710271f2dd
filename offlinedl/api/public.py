"""The names that an application imports from `offlinedl`."""

from offlinedl.actions.play import Playback, Telling
from offlinedl.actions.sitting import Sitting
from offlinedl.actions.sync import Step
from offlinedl.added import Offer
from offlinedl.api.details import StoredFile, StoredTrack, TitleDetails
from offlinedl.api.events import Event
from offlinedl.api.home import Network
from offlinedl.api.library import Library
from offlinedl.api.local import LocalMedia, Subtitles
from offlinedl.api.plans import DownloadPlan, PlannedFetch, PlannedRendition, Queued
from offlinedl.api.requests import Access, Request
from offlinedl.api.titles import Clocks, OfflineTitle
from offlinedl.api.verdicts import Verdict
from offlinedl.config import Settings
from offlinedl.damage import Damage
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
from offlinedl.model import Decision, Failure, Kind, Rights, Series, State, Track
from offlinedl.progress import Progress
from offlinedl.series import Run
from offlinedl.vault import LicenseStore

__all__ = [
    "Access",
    "BusyError",
    "Clocks",
    "Damage",
    "DamagedError",
    "Decision",
    "DownloadPlan",
    "Event",
    "Failure",
    "Kind",
    "Library",
    "LicenseStore",
    "LocalMedia",
    "Network",
    "NetworkError",
    "NotFoundError",
    "Offer",
    "OfflineTitle",
    "OfflinedlError",
    "PausedError",
    "PlannedFetch",
    "PlannedRendition",
    "Playback",
    "Progress",
    "Queued",
    "RefusedError",
    "Request",
    "Rights",
    "Run",
    "Series",
    "Settings",
    "Sitting",
    "State",
    "Step",
    "StorageError",
    "StoredFile",
    "StoredTrack",
    "Subtitles",
    "Telling",
    "TitleDetails",
    "Track",
    "UnsupportedError",
    "UsageError",
    "Verdict",
]
