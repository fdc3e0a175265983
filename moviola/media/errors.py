"""What can be wrong with a source, said so that a person can act on it.

MediaError
├── UnreadableSource    the client's file cannot be taken at all; nothing is sent
├── BundleError         a chunk or result payload is not what its sender's version promised
├── ProcessingFailed    a filter failed on frames, and the output's policy is to fail
├── TooLargeToHandOn    the frames between two filters on different workers take more than can be sent at once
├── ResultTooLarge      what came of one chunk cannot be sent at once
├── TooMuchMemory       the pictures of a task would take more memory than this process may use
└── SpliceError         results that cannot become a file
    ├── ForeignExtradata    a chunk was encoded by another library version or with other settings
    └── NothingToSplice     no frame came out at all
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class MediaError(Exception):
    """Base of everything that media raises on purpose."""


class UnreadableSource(MediaError):
    """A source that cannot be taken: which file, why, and what to do about it.

    `str()` is one clear sentence for a person, e.g.
    ``notes.mp4: this is not a video file that FFmpeg knows; check that the path is the one you meant.``
    """

    def __init__(self, path: str | Path, reason: str, hint: str) -> None:
        self.path = str(path)
        self.reason = reason
        self.hint = hint
        super().__init__(f"{self.path}: {reason}; {hint}.")

    def __reduce__(self) -> tuple[type[UnreadableSource], tuple[str, str, str]]:
        return (UnreadableSource, (self.path, self.reason, self.hint))


class BundleError(MediaError, ValueError):
    """A payload whose table and bytes do not agree: cut short, edited, or of another version."""


class ProcessingFailed(MediaError):
    """A filter raised twice on a frame of an output that is to fail then.

    `frames` are indices in the source, `filter_name` the filter, `traceback` its own, as text.
    """

    def __init__(self, frames: Sequence[int], filter_name: str, traceback: str) -> None:
        self.frames = tuple(frames)
        self.filter_name = filter_name
        self.traceback = traceback
        which = ", ".join(str(frame) for frame in self.frames)
        super().__init__(f"filter {filter_name!r} failed on frame {which}: {last_line(traceback)}")

    def __reduce__(self) -> tuple[type[ProcessingFailed], tuple[tuple[int, ...], str, str]]:
        return (ProcessingFailed, (self.frames, self.filter_name, self.traceback))


class TooLargeToHandOn(MediaError):
    """The frames of one chunk, between two filters that are on different workers, exceed `limit` bytes; after
    `frames_done` of them they took `size`."""

    def __init__(self, size: int, limit: int, frames_done: int) -> None:
        self.size, self.limit, self.frames_done = size, limit, frames_done
        super().__init__(
            f"the frames of one chunk take more than {limit >> 20} MB between two workers: start a worker that offers "
            f"all the filters, or send the file again with --chunk-frames {max(1, frames_done * 3 // 4)}"
        )

    def __reduce__(self) -> tuple[type[TooLargeToHandOn], tuple[int, int, int]]:
        return (TooLargeToHandOn, (self.size, self.limit, self.frames_done))


class TooMuchMemory(MediaError, MemoryError):
    """The pictures of a task would take more memory than there is; known before any was taken."""


class ResultTooLarge(MediaError):
    """The encoded frames of one chunk take more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"the encoded frames of one chunk take more than {limit >> 20} MB: send the file again with fewer "
            f"--chunk-frames, a lower frame rate, or a codec that makes smaller files"
        )

    def __reduce__(self) -> tuple[type[ResultTooLarge], tuple[int]]:
        return (ResultTooLarge, (self.limit,))


class SpliceError(MediaError):
    """Results that cannot become a file; `str()` says which chunk and what to do."""


class ForeignExtradata(SpliceError):
    """A chunk whose encoder's headers differ from those of the file: `index` tells which one."""

    def __init__(self, index: int, fingerprint: str) -> None:
        self.index = index
        self.fingerprint = fingerprint
        super().__init__(
            f"chunk {index} was encoded by another library version or with other settings ({fingerprint}); "
            f"process it again on a worker like the others"
        )

    def __reduce__(self) -> tuple[type[ForeignExtradata], tuple[int, str]]:
        return (ForeignExtradata, (self.index, self.fingerprint))


class NothingToSplice(SpliceError):
    """Results without a single frame."""


_SENTENCES = ("moviola.filters.base.UnsuitableSize: ", "moviola.filters.schema.ParameterError: ")
"""Names of exceptions whose text is a sentence for whoever chose the filter."""


def last_line(traceback: str) -> str:
    """The line of a traceback that says what was wrong; without the exception's name where it is a sentence."""
    lines = [line for line in traceback.splitlines() if line.strip()]
    last = lines[-1].strip() if lines else ""
    for name in _SENTENCES:
        last = last.removeprefix(name)
    return last
