"""The pictures of an output, decoded, each with its time and with what filters noted of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

import av

from moviola.api.errors import UsageError
from moviola.base.file_names import for_ffmpeg
from moviola.filters.picture import Picture
from moviola.media.frame import Frame, FrameNotes, Note
from moviola.media.images.formats import SUFFIXES
from moviola.media.images.frames import pages_of

__all__ = ["Frame", "Seen", "frames_of", "read_notes"]


@dataclass(slots=True)
class Seen:
    """The frames of an output that somebody has had already: how many, and of images their files."""

    count: int = 0
    names: set[str] = field(default_factory=set)

    def add(self, frame: Frame) -> None:
        """Take note of the next frame."""
        self.count += 1
        if frame.name:
            self.names.add(frame.name)


NOTHING: Final = Seen()


def frames_of(path: Path, annotations: Path | None, seen: Seen = NOTHING) -> Iterator[Frame]:
    """Yield the pictures of a finished output in order.

    Args:
        path: a video, or a folder of images.
        annotations: the file of what filters noted, if there is one.
        seen: these are left out.

    Raises:
        UsageError: the output has no pictures.
    """
    if path.is_dir():
        return images_in(path, annotations, seen)
    if path.suffix.lower() in (".json", ".jsonl"):
        raise UsageError(f"{path} has no pictures; read it as a file of JSON")
    return video_frames(path, annotations, seen)


def video_frames(path: Path, annotations: Path | None, seen: Seen = NOTHING) -> Iterator[Frame]:
    """Yield the frames of a video file in the order in which they are shown."""
    notes = FrameNotes(read_notes(annotations))
    with av.open(for_ffmpeg(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for index, frame in enumerate(container.decode(stream)):
            if index >= seen.count:
                yield Frame(index, frame.time, notes.take(index), Picture(frame, index=index).bgr)


def images_in(folder: Path, annotations: Path | None, seen: Seen = NOTHING) -> Iterator[Frame]:
    """Yield the pictures of a folder and of those below it, sorted by name; of files with several pages each page."""
    by_name: dict[str, list[Note]] = {}
    for note in read_notes(annotations):
        by_name.setdefault(str(note.get("image")), []).append(note)
    numbers = count(seen.count)
    found = {each.relative_to(folder).as_posix(): each for each in folder.rglob("*") if each.suffix.lower() in SUFFIXES}
    for name, path in sorted(found.items()):
        if path.is_file() and name not in seen.names:
            yield from pages_of(path.read_bytes(), name, by_name.get(name, ()), numbers)


def read_notes(path: Path | None) -> Iterator[Note]:
    """Yield the lines of an annotations file; nothing where there is none."""
    if path is not None and path.is_file():
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
