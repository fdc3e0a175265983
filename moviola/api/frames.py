"""The pictures of an output, decoded, each with its time and with what filters noted of it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from moviola.api.errors import UsageError
from moviola.filters.picture import Picture
from moviola.filters.toolbox.opencv import cv2
from moviola.media.images.decode import decode
from moviola.media.images.formats import SUFFIXES
from moviola.media.images.header import read_header

if TYPE_CHECKING:
    from numpy.typing import NDArray

Note = dict[str, Any]
"""What a filter noted of a frame: `filter`, `boxes` and others; docs/ANALYSIS.md tells what each means."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of an output.

    Attributes:
        index: from 0, in the output.
        time_s: when it is shown, in seconds; None of an image.
        notes: what filters noted of it, in the order of the chain.
        bgr: height × width × 3, uint8, full range, read-only.
        name: of an image, within the output's folder; empty of a frame of a video.
    """

    index: int
    time_s: float | None
    notes: tuple[Note, ...]
    bgr: NDArray[Any] = field(repr=False, compare=False)
    name: str = ""


def frames_of(path: Path, annotations: Path | None) -> Iterator[Frame]:
    """Yield the pictures of a finished output in order.

    Args:
        path: a video, or a folder of images.
        annotations: the file of what filters noted, if there is one.

    Raises:
        UsageError: the output has no pictures.
    """
    if path.is_dir():
        return images_in(path, annotations)
    if path.suffix.lower() in (".json", ".jsonl"):
        raise UsageError(f"{path} has no pictures; read it as a file of JSON")
    return video_frames(path, annotations)


def video_frames(path: Path, annotations: Path | None) -> Iterator[Frame]:
    """Yield the frames of a video file in the order in which they are shown."""
    notes = _Notes(read_notes(annotations))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for index, frame in enumerate(container.decode(stream)):
            yield Frame(index, frame.time, notes.take(index), Picture(frame, index=index).bgr)


def images_in(folder: Path, annotations: Path | None) -> Iterator[Frame]:
    """Yield the pictures of a folder and of those below it, sorted by name; of files with several pages each page."""
    by_name: dict[str, list[Note]] = {}
    for note in read_notes(annotations):
        by_name.setdefault(str(note.get("image")), []).append(note)
    index = 0
    for path in sorted(each for each in folder.rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file()):
        name, data = path.relative_to(folder).as_posix(), path.read_bytes()
        for number, page in enumerate(decode(data, read_header(data)).pages):
            notes = tuple(note for note in by_name.get(name, ()) if note.get("page", number) == number)
            yield Frame(index, None, notes, _bgr(page.colour), name)
            index += 1


def read_notes(path: Path | None) -> Iterator[Note]:
    """Yield the lines of an annotations file; nothing where there is none."""
    if path is not None and path.is_file():
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


class _Notes:
    """Notes in the order of frames, given out frame by frame."""

    def __init__(self, notes: Iterable[Note]) -> None:
        self._notes = iter(notes)
        self._ahead: deque[Note] = deque()

    def take(self, index: int) -> tuple[Note, ...]:
        """Return those of a frame; frames are asked for in order."""
        found = []
        while (note := self._peek()) is not None and note["frame"] <= index:
            found.append(self._ahead.popleft())
        return tuple(note for note in found if note["frame"] == index)

    def _peek(self) -> Note | None:
        if not self._ahead:
            note = next(self._notes, None)
            if note is None:
                return None
            self._ahead.append(note)
        return self._ahead[0]


def _bgr(colour: NDArray[Any]) -> NDArray[Any]:
    if colour.dtype.itemsize == 2:
        colour = (colour >> 8).astype("uint8")
    bgr = cv2.cvtColor(colour, cv2.COLOR_GRAY2BGR) if colour.ndim == 2 else colour
    bgr.flags.writeable = False
    return bgr
