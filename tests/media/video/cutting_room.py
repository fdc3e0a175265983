"""Takes clips through the whole road in one process, and looks at what came out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from moviola.filters.chain import Step
from moviola.media.fidelity import Finding
from moviola.media.material import Encoder, Output, Result, Source
from moviola.media.preflight import preflight
from moviola.media.spliced import Spliced
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering.process import process
from moviola.media.video.headers import PassthroughStream, VideoProcess, VideoSplice
from moviola.media.video.writing.splice import splice
from tests.media.shelf import Shelf

IDENTITY = (Step("identity", {}),)
BLUR = (Step("blur", {"radius": 2}),)
FAST = "ultrafast"

# Filters of a user's own, loaded as such: what a worker must bear.
PLUGIN = '''
from __future__ import annotations
from dataclasses import dataclass, replace
from typing import ClassVar
import numpy as np
from moviola.filters.base import Filter, parameter

@dataclass(frozen=True)
class Picky(Filter):
    """Raises on every frame whose index is a multiple of `every`, but for the first."""
    name: ClassVar[str] = "picky"
    summary: ClassVar[str] = "raises"
    every: int = parameter(5, minimum=1, maximum=1000, help="which frames")
    def apply(self, picture, earlier):
        if picture.index and picture.index % self.every == 0:
            raise ValueError(f"frame {picture.index} is not to my taste")
        output = picture.blank()
        for source, target in zip(picture.planes, output.planes):
            target[...] = 255 - source
        return output

@dataclass(frozen=True)
class Moody(Filter):
    """Raises once on every frame, and works when asked again."""
    name: ClassVar[str] = "moody"
    summary: ClassVar[str] = "raises once"
    seen: ClassVar[set[int]] = set()
    def apply(self, picture, earlier):
        if picture.index not in self.seen:
            self.seen.add(picture.index)
            raise MemoryError("not now")
        return picture

@dataclass(frozen=True)
class Half(Filter):
    name: ClassVar[str] = "half"
    summary: ClassVar[str] = "half the size"
    def output_size(self, width, height):
        return width // 2, height // 2
    def apply(self, picture, earlier):
        output = picture.blank(picture.width // 2, picture.height // 2)
        for source, target in zip(picture.planes, output.planes):
            target[...] = source[: target.shape[0] * 2 : 2, : target.shape[1] * 2 : 2]
        return output

@dataclass(frozen=True)
class Liar(Filter):
    """Makes another size than it says."""
    name: ClassVar[str] = "liar"
    summary: ClassVar[str] = "lies"
    def apply(self, picture, earlier):
        return picture.with_gray(np.zeros((10, 10), np.uint8))

@dataclass(frozen=True)
class Numbered(Filter):
    name: ClassVar[str] = "numbered"
    summary: ClassVar[str] = "notes the frame's number"
    def apply(self, picture, earlier):
        return picture.with_notes({"number": picture.index}) if picture.index % 2 else picture

@dataclass(frozen=True)
class Corner(Filter):
    name: ClassVar[str] = "corner"
    summary: ClassVar[str] = "notes a box around all"
    def apply(self, picture, earlier):
        return picture.with_notes({"boxes": [[0, 0, picture.width, picture.height]]})

@dataclass(frozen=True)
class Flat(Filter):
    name: ClassVar[str] = "flat"
    summary: ClassVar[str] = "notes four numbers in place of a list of boxes"
    def apply(self, picture, earlier):
        return picture.with_notes({"filter": "flat", "boxes": [0, 0, picture.width, picture.height]})

@dataclass(frozen=True)
class Trail(Filter):
    """The mean of this frame and the two before it."""
    name: ClassVar[str] = "trail"
    summary: ClassVar[str] = "looks back"
    context: ClassVar[int] = 2
    def apply(self, picture, earlier):
        output = picture.blank()
        for index, target in enumerate(output.planes):
            planes = [each.planes[index].astype(np.uint16) for each in (*earlier, picture)]
            target[...] = sum(planes) // len(planes)
        return output
'''


@dataclass(frozen=True)
class Reel:
    """A spliced file and how it came about."""

    path: Path
    source: Source
    spliced: Spliced
    results: list[Result]


def output(codec: str = "h264", chain: tuple[Step, ...] = IDENTITY, on_error: str = "original") -> Output:
    return Output("reel", chain, Encoder(codec, preset=FAST), on_error)


def in_container(name: str, codec: str = "h264") -> Output:
    """The output of a person who asks for this container."""
    wanted = output(codec)
    return replace(wanted, encoder=replace(wanted.encoder, container=name))


def told(path: Path, wanted: Output) -> dict[str, Finding]:
    """What is said of a file before it is sent, by its subject."""
    source, _ = split_file(path)
    return {one.subject: one for one in preflight(source, [wanted]).findings}


def take(
    clip: Path,
    folder: Path,
    wanted: Output | None = None,
    *,
    chunk_frames: int | None = None,
    context_frames: int = 0,
    order: Sequence[int] | None = None,
    without: Sequence[int] = (),
    edit: Any = None,
) -> Reel:
    """Split, process (in `order`), splice (leaving the chunks `without` out); `edit` may change the Source."""
    wanted = wanted or output()
    source, chunks = split_file(clip, chunk_frames=chunk_frames, context_frames=context_frames)
    video: list[bytes] = []
    others: dict[int, list[bytes]] = {number: [] for number in range(1, source.stream_count)}
    for chunk in chunks:
        (others[chunk.stream] if chunk.stream else video).append(chunk.payload)
    if edit is not None:
        source = edit(source)
    results: dict[int, Result] = {}
    for index in order or range(len(video)):
        results[index] = process(video[index], source.process, wanted)
    payloads = [b"" if index in without else results[index].payload for index in range(len(video))]
    shelf = Shelf(folder / f"{clip.stem}.{wanted.encoder.codec}.out")
    spliced = splice(shelf, source, wanted, payloads, others)
    return Reel(shelf.folder / spliced.main, source, spliced, [results[index] for index in range(len(video))])


def frames_of(path: Path) -> list[tuple[Fraction | None, str]]:
    """Time in seconds and a hash of the planes of every frame, by a plain decode."""
    seen = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            planes = hashlib.sha1(frame.to_ndarray().tobytes(), usedforsecurity=False).hexdigest()
            seen.append((None if frame.pts is None else frame.pts * Fraction(frame.time_base or 0), planes))
    return seen


def times_of(path: Path) -> list[Fraction | None]:
    return [time for time, _ in frames_of(path)]


def sound_of(path: Path, stream: int = 0) -> list[tuple[Fraction, bytes]]:
    """Time in seconds and bytes of every packet of a file's sound."""
    with av.open(str(path)) as container:
        audio: Any = container.streams.audio[stream]
        return [(each.pts * each.time_base, bytes(each)) for each in container.demux(audio) if each.size]


def process_of(source: Source) -> VideoProcess:
    """What a worker is told of a source."""
    return VideoProcess.from_wire(source.process)


def streams_of(source: Source) -> list[PassthroughStream]:
    """The streams of a source that are carried beside the video."""
    return VideoSplice.from_wire(source.splice).passthrough
