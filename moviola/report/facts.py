"""What a report is made of: plain data, gathered once, from which the page is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from moviola.media.metrics import Metrics
from moviola.session.timeline import Timeline
from moviola.wire.messages import Job

MAX_PICTURES_SIZE: Final = 2_000_000
"""Bytes of all pictures of a report: 2.7 MB in a page, which is to stay below 5 MB."""

MAX_DETAILED: Final = 6
"""Outputs that are told of in detail, some 150 KB each where filters noted much; a job may have 64."""

MAX_THUMBNAILS: Final = 24
"""Pictures of one section (frames that were not filtered, damaged ones, scenes): more would show nothing new, or the
whole film."""

MAX_GALLERY: Final = 60
"""Pictures of a gallery, over all outputs."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture.

    Attributes:
        jpeg: its file.
        width, height (pixels): of it.
        label: what it is of, in a few words: `frame 12`, a file's name.
        note: more of it: why it is shown, its size.
    """

    jpeg: bytes
    width: int
    height: int
    label: str
    note: str = ""


@dataclass(slots=True)
class Album:
    """Some pictures of many.

    Attributes:
        count: how many there are in all.
        pictures: those that are shown.
        missing: why others, or all, are not; empty where none is missing.
    """

    count: int = 0
    pictures: list[Thumbnail] = field(default_factory=list)
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """A value over time, in steps.

    Attributes:
        name: what it is.
        points: (position from 0 to 1, least, mean, greatest) of each step in which there is any.
        least, greatest: over all of it.
        mean: the same.
    """

    name: str
    points: list[tuple[float, float, float, float]]
    least: float
    greatest: float
    mean: float


@dataclass(frozen=True, slots=True)
class Words:
    """Texts over time, such as labels: how often each was noted, and when.

    Attributes:
        name: of the field.
        rows: of the most frequent ones: the text, how often, and in which steps, from 0 to 1.
        others: how many different ones are left out.
    """

    name: str
    rows: list[tuple[str, int, list[float]]]
    others: int = 0


@dataclass(slots=True)
class Notes:
    """What filters noted of an output, over time.

    Attributes:
        lines: how many notes there are.
        end: what the right edge of a plot stands for: seconds of a video, or the number of the last picture.
        is_time: `end` is in seconds.
        steps: into how many steps the time is divided.
        series: of numbers.
        words: of texts.
        unread: why not all of them were looked at; empty where they were.
    """

    lines: int = 0
    end: float = 0.0
    is_time: bool = True
    steps: int = 1
    series: list[Series] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)
    unread: str = ""


@dataclass(frozen=True, slots=True)
class TableSample:
    """The first records of a table of a result.

    Attributes:
        name: the table's.
        columns: their names.
        rows: the first records, a text a column.
    """

    name: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(slots=True)
class OutputFacts:
    """What is known of one output beside its summary.

    Attributes:
        name: the output's.
        chain: its filters as they are typed.
        metrics: None where there is none: the output has not been made, or its metrics cannot be had.
        size (bytes): of its main file, or of all pictures; None where it is not known.
        fallback, damaged: frames, or pictures, that were not filtered, or may be damaged.
        gallery: its pictures, where it is a folder of some.
        notes: what filters noted; None where nothing.
        samples: of the tables in it.
        missing: what could not be had, in sentences.
    """

    name: str
    chain: str
    metrics: Metrics | None = None
    size: int | None = None
    fallback: Album = field(default_factory=Album)
    damaged: Album = field(default_factory=Album)
    gallery: Album = field(default_factory=Album)
    notes: Notes | None = None
    samples: list[TableSample] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Facts:
    """All that a report tells.

    Attributes:
        job: its record with details.
        timeline: who did which chunk when.
        made_unix_s (s): when the report was made, since 1970.
        outputs: in order.
        source_size (bytes): of the source; None where it is not known.
        scenes: the first frame of each scene; None where nobody looked for cuts.
        has_tracebacks: failures are told with their tracebacks, which name files of workers' machines.
        versions: of the gateway or client that made the report.
    """

    job: Job
    timeline: Timeline
    made_unix_s: float
    outputs: list[OutputFacts] = field(default_factory=list)
    source_size: int | None = None
    scenes: Album | None = None
    has_tracebacks: bool = True
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def detailed(self) -> list[OutputFacts]:
        """Return the outputs that are told of in detail."""
        return self.outputs[:MAX_DETAILED]
