"""The files a person names, and the source that each of them is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from client.order import Order
from media.errors import UnreadableSource
from media.material import Chunk, Source
from media.video.split import split

DATA_FOLDER: Final = Path("data")
"""What is sent when no path is named."""

# fmt: off
VIDEO_SUFFIXES: Final = frozenset((
    ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".h264", ".h265", ".hevc", ".ivf", ".m1v", ".m2ts",
    ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogm",
    ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".y4m",
))
# fmt: on
"""How files are told apart in a folder. A file that is named itself may be called anything."""


def find(named: Sequence[Path]) -> tuple[list[Path], list[UnreadableSource]]:
    """The files to send, each once, and what is wrong with the other paths. Folders stand for the videos in them."""
    files: dict[Path, Path] = {}
    complaints = []
    for path in named or [DATA_FOLDER]:
        try:
            for file in _files_of(path):
                files.setdefault(file.resolve(), file)
        except UnreadableSource as complaint:
            complaints.append(complaint)
    return list(files.values()), complaints


def _files_of(path: Path) -> Iterable[Path]:
    try:
        if path.is_dir():
            return _videos_in(path)
        if not path.exists():
            raise UnreadableSource(path, "there is no such file or folder", "check the path")
        if not path.is_file():
            raise UnreadableSource(path, "this is neither a file nor a folder", "copy it into a file first")
    except (OSError, ValueError) as error:  # too long a name, no right to look, a zero byte
        raise UnreadableSource(path, _words(error), "check the path and its permissions") from None
    return [path]


def _videos_in(folder: Path) -> list[Path]:
    found = [
        file
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in VIDEO_SUFFIXES and not file.name.startswith(".") and file.is_file()
    ]
    if not found:
        way_out = "put a video there or name a file"
        raise UnreadableSource(folder, "there are no videos in this folder", way_out)
    return found


class Reader:
    """One source, read chunk by chunk, as often as it takes. Making it checks the file.

    Raises media.errors.UnreadableSource, here and in each method, when the file cannot be taken or has changed.
    """

    def __init__(self, path: Path, order: Order) -> None:
        self._path, self._order = path, order
        self.source, self._chunks = self._split()

    def next_chunk(self) -> Chunk | None:
        """The next chunk; None after the last."""
        try:
            return next(self._chunks, None)
        except (OSError, ValueError) as error:  # PyAV's errors are either, besides their own class
            raise UnreadableSource(self._path, f"it could not be read on: {_words(error)}", "check it") from error

    def rewind(self) -> None:
        """Begins with the first chunk again."""
        source, self._chunks = self._split()
        if source.fingerprint != self.source.fingerprint:
            raise UnreadableSource(self._path, "the file changed while it was sent", "send it again")

    def _split(self) -> tuple[Source, Iterator[Chunk]]:
        try:
            return split(self._path, chunk_frames=self._order.chunk_frames, context_frames=self._order.context_frames)
        except OSError as error:
            raise UnreadableSource(self._path, _words(error), "check the file and its permissions") from error


def verify_cuts(path: Path, order: Order) -> None:
    """Decodes the whole file, once in one go and once chunk by chunk; raises UnreadableSource where they differ."""
    from media.video.check import check  # noqa: PLC0415 - numpy and a decoder that sending does without

    (result,) = check(path, [order.chunk_frames])
    if not result.equal and not result.damaged_only:
        reason = f"{result.differing} of its frames come out differently when it is cut ({result.differences[0]})"
        raise UnreadableSource(path, reason, "try another --chunk-frames, or convert it first")


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
