"""The plain data of every kind of material: what a client sends, what a worker returns, what is asked for.

No codec, no socket, no pixels: each of these can be pickled, compared, and sent as msgpack.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self, TypeVar

from moviola.base.mapped import Malformed, Map, Mapped
from moviola.base.records import record
from moviola.base.texts import encodable
from moviola.base.vocabulary import Mode, OnError
from moviola.filters.chain import Step
from moviola.media.errors import BadHeader
from moviola.media.fidelity import Finding

ON_ERROR = tuple(one.value for one in OnError)

NO_VIDEO = "none"
"""The codec of outputs that have no video: only what filters noted is kept."""

MODES = tuple(one.value for one in Mode)
"""How a chunk is processed: as asked, or, because that failed too often, without its filters, or not at all."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a person named, before it is read: one video, some images, or some tables that belong together.

    `kind` is one of moviola.media.kinds.KINDS; `files` are (name within the job, path): the name is relative, "/"
    between folders. Names are made `encodable`, paths stay as they are.
    """

    kind: str
    name: str
    files: tuple[tuple[str, Path], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", encodable(self.name))
        object.__setattr__(self, "files", tuple((encodable(name), path) for name, path in self.files))

    @classmethod
    def single(cls, kind: str, path: str | Path) -> Self:
        """Return the material of one file, under the file's own name."""
        return cls(kind, Path(path).name, ((Path(path).name, Path(path)),))

    @property
    def path(self) -> Path:
        """Return the path of the first file."""
        return self.files[0][1]


@dataclass(frozen=True, slots=True)
class Cutting:
    """How finely material is cut; None means automatic, by the source alone.

    `chunk_frames` counts frames or images. `context_frames` is how many earlier frames the job's most demanding output
    needs. Without `passthrough` only the filtered stream is carried: no output has a file that others could be in.
    """

    chunk_frames: int | None = None
    chunk_records: int | None = None
    context_frames: int = 0
    passthrough: bool = True


class Files(Protocol):
    """The files of one job while they are made; `name` is relative to the job's folder, "/" between folders."""

    def partial(self, name: str) -> Path:
        """Return the path to which to write the file that will be called `name`; its folder is there."""
        ...

    def withdraw(self, name: str) -> None:
        """Remove what may have been written for `name`: the file is not wanted after all."""
        ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive frames of one stream, as encoded packets; or images, or records.

    `stream` 0 is the filtered stream, 1.. are passthrough streams; `index` counts from 0 within its stream;
    `frame_count` is its own frames without preroll (passthrough: packets); `payload` is self-contained, and
    its layout is private to the kind of material.
    """

    stream: int
    index: int
    frame_count: int
    payload: bytes


Header = Map
"""What one kind of material says of a source, by a record of its own: read it by `header`."""

Facts = Map
"""What people and the metrics are told of a source: JSON types, under keys that its kind chooses."""


class Readable(Protocol):
    """A record that is read from a map."""

    @classmethod
    def from_wire(cls, data: object, /) -> Self:
        """Raise ValueError where the map does not describe one."""


H = TypeVar("H", bound=Readable)


def header(kind: type[H], fields: object) -> H:
    """Return what a client says of a source or an output: its `process` or `splice`, as the record of its kind. Raise
    BadHeader when it says something else."""
    try:
        return kind.from_wire(fields)
    except Malformed as error:
        raise BadHeader(str(error)) from None


@record
class FrameCount(Mapped):
    """What every kind's `Source.splice` has.

    Attributes:
        frame_count (frames): how many there are, as far as that is known before they are decoded.
    """

    frame_count: int


@record
class CommonFacts(Mapped):
    """What any kind may tell among a source's facts.

    Attributes:
        findings: what becomes of it in every output.
        damaged: the source itself is known to be damaged.
        damage: what of it is, a sentence each.
        metadata: what metadata.json tells of it; None: all facts.
    """

    findings: list[Finding] = field(default_factory=list)
    damaged: bool = False
    damage: list[str] = field(default_factory=list)
    metadata: Facts | None = None


@record
class Source(Mapped):
    """What is known of a source before its first chunk; travels with the submission.

    `fingerprint` is the xxh3_128 hex digest over the file's bytes. `facts` are for people and metrics,
    `process` is all a worker needs beside a chunk, `splice` all that the splicer needs beside the results.
    """

    kind: str
    name: str
    fingerprint: str
    facts: Facts
    process: Header
    splice: Header
    stream_count: int

    @property
    def frame_count(self) -> int:
        """How many frames, images or records there are. Raise BadHeader where `splice` does not tell."""
        return header(FrameCount, self.splice).frame_count

    @property
    def common_facts(self) -> CommonFacts:
        """Those of the facts that any kind may tell. Raise BadHeader where they are of another type."""
        return header(CommonFacts, self.facts)


@dataclass(frozen=True, slots=True)
class Encoder:
    """How an output is encoded: `codec` as media.video.codecs.CODECS names it, or NO_VIDEO; `crf` 0 (best) to 51;
    `preset` as x264 names them.

    Of images: `format` as moviola.media.images.formats.OUTPUT_FORMATS names it, empty for each its own; `quality` 1 to
    100 (best) of JPEG and lossy WebP.

    `container` as moviola.media.video.containers.CONTAINERS names it; empty for the one that suits the streams best. Of
    tables the format of the result, empty for JSON.
    """

    codec: str = "h264"
    crf: int = 20
    preset: str = "veryfast"
    format: str = ""
    quality: int = 95
    container: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """One filter chain and its encoder settings; becomes one file named after `name`, with a manifest beside it where
    `manifest` says so."""

    name: str
    chain: tuple[Step, ...]
    encoder: Encoder
    on_error: str = OnError.ORIGINAL
    manifest: bool = True

    def mode(self, asked: str) -> str:
        """Return the mode in which to process a chunk: `asked`, except that BYPASS becomes DROP if `on_error` is
        DROP."""
        return Mode.DROP if asked == Mode.BYPASS and self.on_error == OnError.DROP else asked

    def to_wire(self) -> Map:
        """Return the output as msgpack types only."""
        encoder = self.encoder
        return _AskedOutput(
            self.name,
            list(self.chain),
            encoder.codec,
            encoder.crf,
            encoder.preset,
            encoder.format,
            encoder.quality,
            OnError(self.on_error),
            encoder.container,
            self.manifest,
        ).to_wire()

    @classmethod
    def from_wire(cls, data: object) -> Output:
        """Return the output that a message asks for. Raise base.mapped.Malformed when it asks for none."""
        asked = _AskedOutput.from_wire(data)
        return cls(
            name=asked.name,
            chain=tuple(asked.chain),
            encoder=Encoder(asked.codec, asked.crf, asked.preset, asked.format, asked.quality, asked.container),
            on_error=asked.on_error,
            manifest=asked.manifest,
        )


@record
class _AskedOutput(Mapped):
    """An output as it travels: in one level."""

    name: str
    chain: list[Step]
    codec: str
    crf: int
    preset: str
    format: str = ""
    quality: int = 95
    on_error: OnError = OnError.ORIGINAL
    container: str = ""
    manifest: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """What a worker's computation of one task returns.

    `payload` is a bundle of encoded packets and a report; `fingerprint` names library versions and CPU class;
    `lost_frames` are own packets that gave no frame, `damaged_frames` those that the decoder had to conceal. `content`
    is a 63-bit checksum of what workers of equal fingerprints agree in, 0 where there is none.
    """

    payload: bytes
    fingerprint: str
    frames_in: int
    frames_out: int
    fallback_frames: int
    lost_frames: int
    damaged_frames: int
    content: int = 0
