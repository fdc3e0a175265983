"""The pictures of an output, decoded, each with its time and with what filters noted of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import av

from moviola.api.errors import UsageError
from moviola.base.file_names import for_ffmpeg
from moviola.filters.picture import Picture
from moviola.media.frame import Frame, FrameNotes, Note
from moviola.media.images.formats import SUFFIXES, format_of_file
from moviola.media.images.frames import pages_of
from moviola.media.manifest.reader import BadManifest, read_manifest

if TYPE_CHECKING:
    from moviola.api.results import OutputResult

__all__ = ["Frame", "Seen", "frames_of", "frames_of_result", "read_notes"]


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


class Listed(NamedTuple):
    """A picture's file in an output: its name there, and which page of what it was made of, known by its name or its
    index, its first one is."""

    name: str
    source: str | int
    page: int = 1


def frames_of_result(output: OutputResult, seen: Seen = NOTHING) -> Iterator[Frame]:
    """Yield the pictures of a finished output in order, but for those in `seen`. Raises UsageError where there are
    none."""
    has_images = output.path.is_dir() or format_of_file(output.path)
    listed = listed_of(output) if has_images else None
    return frames_of(output.path, output.annotations_path, seen, listed)


def listed_of(output: OutputResult) -> list[Listed] | None:
    """Return an output's pictures, in order, as its manifest or else its metrics list them; None where neither lists
    them all."""
    try:
        if output.manifest_path is not None:
            manifest = read_manifest(output.manifest_path)
            if manifest.end.digest == output.digest:  # otherwise it is an earlier job's
                return _with_pages((entry.name, entry.source) for entry in manifest.pictures)
    except (OSError, BadManifest):
        pass
    try:
        told = output.metrics.data["output"]
        if output.metrics.digest == output.digest and len(told["pictures"]) == told["files"]:
            return _with_pages((entry["name"], entry["source"]) for entry in told["pictures"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _with_pages(pictures: Iterable[tuple[str, str | int]]) -> list[Listed]:
    """List pictures by their names and sources: several of one source are its pages."""
    pages = Counter[str | int]()
    listed = []
    for name, source in pictures:
        pages[source] += 1
        listed.append(Listed(name, source, pages[source]))
    return listed


def frames_of(
    path: Path, annotations: Path | None, seen: Seen = NOTHING, listed: Sequence[Listed] | None = None
) -> Iterator[Frame]:
    """Yield the pictures of a finished output in order.

    Args:
        path: a video, a folder of images, or an image.
        annotations: the file of what filters noted, if there is one.
        seen: these are left out.
        listed: the images, in order; None where they are not known: then they are all that the folder has.

    Raises:
        UsageError: the output has no pictures.
    """
    if path.is_dir():
        return images_in(path, annotations, seen, listed)
    if path == annotations or path.suffix.lower() in (".json", ".jsonl"):
        raise UsageError(f"{path} has no pictures; read it as a file of JSON")
    if format_of_file(path):
        return pages_in(path, annotations, seen, listed)
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


def pages_in(
    path: Path, annotations: Path | None, seen: Seen = NOTHING, listed: Sequence[Listed] | None = None
) -> Iterator[Frame]:
    """Yield the pages of an output's only picture, whatever its file is called; most have one."""
    name = listed[0].name if listed else path.name
    for frame in pages_of(path.read_bytes(), name, tuple(read_notes(annotations)), count()):
        if frame.index >= seen.count:
            yield frame


def images_in(
    folder: Path, annotations: Path | None, seen: Seen = NOTHING, listed: Sequence[Listed] | None = None
) -> Iterator[Frame]:
    """Yield the pictures of a folder and of those below it that are listed, or all of them, sorted by name; of files
    with several pages each page."""
    notes: dict[str | int, list[Note]] = {}
    for note in read_notes(annotations):
        for source in (note["image"], note["index"]):
            notes.setdefault(source, []).append(note)
    numbers = count(seen.count)
    found = {each.relative_to(folder).as_posix(): each for each in folder.rglob("*") if each.suffix.lower() in SUFFIXES}
    for name, source, page in listed if listed is not None else [Listed(name, name) for name in sorted(found)]:
        path = found.get(name)  # what a manifest names outside of the folder is none of its pictures
        if path is not None and path.is_file() and name not in seen.names:
            yield from pages_of(path.read_bytes(), name, notes.get(source, ()), numbers, page)


def read_notes(path: Path | None) -> Iterator[Note]:
    """Yield the lines of an annotations file; nothing where there is none."""
    if path is not None and path.is_file():
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
