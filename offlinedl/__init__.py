"""offlinedl: a download manager for offline playback that keeps the license and its two clocks."""

__version__ = "0.1.0"
