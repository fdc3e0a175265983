"""What can be wrong with a source, said so that a person can act on it.

MediaError
├── UnreadableSource    the client's file cannot be taken at all; nothing is sent
└── BundleError         a chunk or result payload is not what its sender's version promised
"""

from __future__ import annotations

from pathlib import Path


class MediaError(Exception):
    """Base of everything that media raises on purpose."""


class UnreadableSource(MediaError):  # noqa: N818 - says what it is
    """A source that cannot be taken: which file, why, and what to do about it.

    `str()` is one clear sentence for a person, e.g.
    ``notes.mp4: this is not a video file that FFmpeg knows; check that the path is the one you meant.``
    """

    def __init__(self, path: str | Path, reason: str, way_out: str) -> None:
        self.path = str(path)
        self.reason = reason
        self.way_out = way_out
        super().__init__(f"{self.path}: {reason}; {way_out}.")

    def __reduce__(self) -> tuple[type[UnreadableSource], tuple[str, str, str]]:
        return (UnreadableSource, (self.path, self.reason, self.way_out))


class BundleError(MediaError, ValueError):
    """A payload whose table and bytes do not agree: cut short, edited, or of another version."""
