"""The metrics of an output as records; docs/METRICS.md tells what each field means."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from moviola.base.failures import Failure
from moviola.base.mapped import Malformed


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """What became of the frames (images, records). `read` are those of the source, `out` those in the output."""

    read: int
    out: int
    fallback: int
    lost: int
    damaged: int
    repeated: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Times in ms; None where nothing was measured."""

    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class ComputingSeconds:
    """The time of all workers together, in seconds, by what they did in it."""

    decode: float
    convert: float
    filter: float
    encode: float
    wait: float


@dataclass(frozen=True, slots=True)
class WorkerMetrics:
    """What one worker did for the output."""

    name: str
    chunks: int
    frames: int
    busy_seconds: float
    frames_per_second: float | None


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of one finished output; `data` is the whole file, with what is told of source and troubles."""

    state: str
    frames: FrameCounts
    wall_seconds: float
    frames_per_second: float | None
    frame_latency_ms: Percentiles
    chunk_latency_ms: Percentiles
    seconds: ComputingSeconds
    chunk_count: int
    retries: int
    losses: int
    duplicates: int
    workers: tuple[WorkerMetrics, ...]
    digest: str
    warnings: tuple[str, ...]
    failures: tuple[Failure, ...]
    data: dict[str, Any] = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what a metrics file says. Raises OSError, or ValueError for a file that is none."""
        data = json.loads(path.read_text(encoding="utf-8"))
        try:
            return cls._from_json(data)
        except (KeyError, TypeError, Malformed) as error:
            raise ValueError(f"{path} is not a metrics file: {error!r}") from error

    @classmethod
    def _from_json(cls, data: dict[str, Any]) -> Self:
        counts = dict(data["frames"])
        return cls(
            state=data["state"],
            frames=FrameCounts(read=counts.pop("in"), **counts),
            wall_seconds=data["wall_seconds"],
            frames_per_second=data["frames_per_second"],
            frame_latency_ms=Percentiles(**data["frame_latency_ms"]),
            chunk_latency_ms=Percentiles(**data["chunk_latency_ms"]),
            seconds=ComputingSeconds(**data["seconds"]),
            chunk_count=data["chunks"]["count"],
            retries=data["retries"],
            losses=data["losses"],
            duplicates=data["duplicates"],
            workers=tuple(WorkerMetrics(**each) for each in data["workers"]),
            digest=data["digest"],
            warnings=tuple(data["warnings"]),
            failures=tuple(Failure.from_wire(each) for each in data["failures"]),
            data=data,
        )
