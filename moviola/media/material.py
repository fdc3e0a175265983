"""The plain data of every kind of material: what a client sends, what a worker returns, what is asked for.

No codec, no socket, no pixels: each of these can be pickled, compared, and sent as msgpack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from moviola.base.vocabulary import Mode, OnError
from moviola.filters.chain import Step

ON_ERROR = tuple(one.value for one in OnError)

NO_VIDEO = "none"
"""The codec of outputs that have no video: only what filters noted is kept."""

MODES = tuple(one.value for one in Mode)
"""How a chunk is processed: as asked, or, because that failed too often, without its filters, or not at all."""


def encodable(name: str) -> str:
    """The name as messages can carry it: bytes that are no text in the file system's encoding become marks."""
    return name.encode("utf-8", "replace").decode()


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
        """Of one file, called as it is."""
        return cls(kind, Path(path).name, ((Path(path).name, Path(path)),))

    @property
    def path(self) -> Path:
        """The first file's."""
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
        """Where to write what will be called `name`; its folder is there."""
        ...

    def withdraw(self, name: str) -> None:
        """This file is not wanted after all."""
        ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive frames of one stream, as encoded packets; or images, or records.

    `stream` 0 is the filtered stream, 1.. are passthrough streams; `index` counts from 0 within its stream;
    `frame_count` is its own frames without lead-in (passthrough: packets); `payload` is self-contained, and
    its layout is private to the kind of material.
    """

    stream: int
    index: int
    frame_count: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """What is known of a source before its first chunk; travels with the submission.

    `fingerprint` is the xxh3_128 hex digest over the file's bytes. `facts` are for people and metrics,
    `process` is all a worker needs beside a chunk, `splice` all that the splicer needs beside the results.
    """

    kind: str
    name: str
    fingerprint: str
    facts: dict[str, Any]
    process: dict[str, Any]
    splice: dict[str, Any]
    stream_count: int

    def to_wire(self) -> dict[str, Any]:
        """As msgpack types only."""
        return {
            "kind": self.kind,
            "name": self.name,
            "fingerprint": self.fingerprint,
            "facts": self.facts,
            "process": self.process,
            "splice": self.splice,
            "stream_count": self.stream_count,
        }

    @classmethod
    def from_wire(cls, fields: Mapping[str, Any]) -> Source:
        """Raise KeyError when a field is missing; unknown fields (a newer version's) are left out."""
        return cls(
            kind=fields["kind"],
            name=fields["name"],
            fingerprint=fields["fingerprint"],
            facts=fields["facts"],
            process=fields["process"],
            splice=fields["splice"],
            stream_count=fields["stream_count"],
        )


@dataclass(frozen=True, slots=True)
class Encoder:
    """How an output is encoded: `codec` as media.video.codecs.CODECS names it, or NO_VIDEO; `crf` 0 (best) to 51;
    `preset` as x264 names them.

    Of images: `format` as moviola.media.images.formats.OUTPUT_FORMATS names it, empty for each its own; `quality` 1 to
    100 (best) of JPEG and lossy WebP.
    """

    codec: str = "h264"
    crf: int = 20
    preset: str = "veryfast"
    format: str = ""
    quality: int = 95


@dataclass(frozen=True, slots=True)
class Output:
    """One filter chain and its encoder settings; becomes one file named after `name`."""

    name: str
    chain: tuple[Step, ...]
    encoder: Encoder
    on_error: str = OnError.ORIGINAL

    def to_wire(self) -> dict[str, Any]:
        """As msgpack types only."""
        return {
            "name": self.name,
            "chain": [{"name": step.name, "parameters": dict(step.parameters)} for step in self.chain],
            "codec": self.encoder.codec,
            "crf": self.encoder.crf,
            "preset": self.encoder.preset,
            "format": self.encoder.format,
            "quality": self.encoder.quality,
            "on_error": self.on_error,
        }

    @classmethod
    def from_wire(cls, fields: Mapping[str, Any]) -> Output:
        """Raise KeyError when a field is missing, ValueError when `on_error` is none of ON_ERROR."""
        if fields["on_error"] not in ON_ERROR:
            raise ValueError(f"on_error is {fields['on_error']!r}, not one of {', '.join(ON_ERROR)}")
        return cls(
            name=fields["name"],
            chain=tuple(Step(step["name"], dict(step["parameters"])) for step in fields["chain"]),
            encoder=Encoder(
                fields["codec"], fields["crf"], fields["preset"], fields.get("format", ""), fields.get("quality", 95)
            ),
            on_error=fields["on_error"],
        )


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
