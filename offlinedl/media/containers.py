"""What a media file may be."""

from __future__ import annotations

DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,mpegts,aac,ac3,eac3,mp3,flac,ogg,matroska,webm"
"""Names of FFmpeg's demuxers. Bytes from the network must not pass for a playlist, which would open other files and
addresses."""
