"""Errors of media, with texts that say what is wrong with a source and what to do.

MediaError
├── UnreadableSource    the client's file cannot be taken at all; nothing is sent
│   ├── UnforeseenFault     … because of an error that nobody foresaw
│   └── NotKept             … because not all of it would be kept, and nothing less was asked for (in preflight.py)
├── BadHeader           what a message says of a source is nothing that its kind says
├── BundleError         a chunk or result payload is not what its sender's version promised
├── ProcessingFailed    a filter failed on frames, and the output's policy is to fail
├── TooLargeToHandOn    the frames between two filters on different workers exceed what can be sent at once
├── ResultTooLarge      the result of one chunk exceeds what can be sent at once
├── ResultTooLong       … or has more frames than can be
├── NamesTaken          what was made could not get its name, because another file has it
├── TooMuchMemory       the pictures of a task would take more memory than this process may use
└── SpliceError         the results cannot be joined into a file
    ├── ForeignExtradata    a chunk was encoded by another library version or with other settings
    └── NothingToSplice     the results have no frame
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final


class MediaError(Exception):
    """Base of all errors that media raises on purpose."""


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

    def __reduce__(self) -> tuple[type[UnreadableSource], tuple[Any, ...]]:
        return (UnreadableSource, (self.path, self.reason, self.hint))


class UnforeseenFault(UnreadableSource):
    """Raised for a source at which something went wrong that nobody foresaw.

    Attributes:
        error: what it was.
        report: the path of a file about it that holds nothing of the source's content; empty where none could be
            written.
    """

    def __init__(self, path: str | Path, error: str, report: str) -> None:
        self.error, self.report = error, report
        hint = f"please send in {report}, which has nothing of its content" if report else "please tell us of it"
        super().__init__(path, f"it met an error that Moviola does not foresee ({error})", hint)

    def __reduce__(self) -> tuple[type[UnforeseenFault], tuple[str, ...]]:
        return (UnforeseenFault, (self.path, self.error, self.report))


class BadHeader(MediaError, ValueError):
    """What a message says of a source is not what this version says of a source of its kind."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        super().__init__(
            f"the description of the source does not fit this version of Moviola: {fault}; send the source again with "
            "a client of the same version"
        )

    def __reduce__(self) -> tuple[type[BadHeader], tuple[str]]:
        return (BadHeader, (self.fault,))


class NamesTaken(MediaError):
    """Raised where a file came, while the work was done, that has a result's name; the text tells where that is."""


class BundleError(MediaError, ValueError):
    """Raised for a payload whose table and bytes disagree: cut short, edited, or of another version."""


class ProcessingFailed(MediaError):
    """Raised if a filter failed twice on a frame, and the output is to fail then.

    Attributes:
        frames: indexes in the source.
        filter_name: which filter.
        traceback: of the filter, as text.
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
    """Raised if the frames of one chunk, between two filters on different workers, exceed a limit.

    Attributes:
        size: bytes that the frames took so far.
        limit: bytes.
        frames_done: how many frames took `size`.
    """

    def __init__(self, size: int, limit: int, frames_done: int) -> None:
        self.size, self.limit, self.frames_done = size, limit, frames_done
        super().__init__(
            f"the frames of one chunk take more than {limit >> 20} MB between two workers: start a worker that offers "
            f"all the filters, or send the file again with --chunk-frames {max(1, frames_done * 3 // 4)}"
        )

    def __reduce__(self) -> tuple[type[TooLargeToHandOn], tuple[int, int, int]]:
        return (TooLargeToHandOn, (self.size, self.limit, self.frames_done))


class TooMuchMemory(MediaError, MemoryError):
    """Raised before any memory is taken, if the pictures of a task would need more than there is."""


class ResultTooLarge(MediaError):
    """Raised if the encoded frames of one chunk exceed a limit.

    Attributes:
        limit: bytes.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"the encoded frames of one chunk take more than {limit >> 20} MB: send the file again with fewer "
            f"--chunk-frames, a lower frame rate, or a codec that makes smaller files"
        )

    def __reduce__(self) -> tuple[type[ResultTooLarge], tuple[int]]:
        return (ResultTooLarge, (self.limit,))


class ResultTooLong(MediaError):
    """Raised, before any is encoded, if one chunk would come to more frames than a limit.

    Attributes:
        count: of frames.
        limit: of frames.
    """

    def __init__(self, count: int, limit: int) -> None:
        self.count, self.limit = count, limit
        super().__init__(
            f"one chunk would come to {count} frames at the rate of the filter fps, and {limit} are the most: a time "
            f"in the file is damaged, or a picture is shown for very long; send the file again without fps, with a "
            f"lower rate, or with fewer --chunk-frames"
        )

    def __reduce__(self) -> tuple[type[ResultTooLong], tuple[int, int]]:
        return (ResultTooLong, (self.count, self.limit))


class SpliceError(MediaError):
    """Raised if results cannot be joined into a file; the text says which chunk and what to do."""


class ForeignExtradata(SpliceError):
    """Raised if the encoder's headers of a chunk differ from those of the file.

    Attributes:
        index: of the chunk.
        fingerprint: the build that encoded it.
    """

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
    """Raised if the results have no frame."""


SENTENCES: Final = ("moviola.filters.base.UnsuitableSize:", "moviola.filters.schema.ParameterError:")
"""Exceptions whose text is a whole sentence for the person who chose the filter, as a traceback's last line names
them."""


def last_line(traceback: str) -> str:
    """Return the line of a traceback that says what was wrong; without the exception's name if it is a sentence."""
    lines = [line for line in traceback.splitlines() if line.strip()]
    last = lines[-1].strip() if lines else ""
    for name in SENTENCES:
        last = last.removeprefix(f"{name} ")
    return last
