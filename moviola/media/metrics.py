"""The metrics of an output, which are written to a file of their own; docs/METRICS.md tells what each field means."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Final

from moviola.base.failures import MAX_FAILURES_OF_OUTPUT, Failure
from moviola.base.histogram import Histogram, Measured
from moviola.base.mapped import Map, Mapped
from moviola.base.output_summary import OutputSummary
from moviola.base.records import record
from moviola.base.vocabulary import CauseKind, JobState, OnError
from moviola.media import found
from moviola.media.errors import last_line
from moviola.media.fidelity import sentences
from moviola.media.fingerprint import versions
from moviola.media.kinds import findings, unit_of
from moviola.media.material import Facts, Output, Source
from moviola.media.spliced import Details, Spliced

FORMAT = 1

CHUNK_BOUNDS_S: Final = tuple(round(factor * 10.0**power, 3) for power in range(-3, 3) for factor in (1, 2, 5))
"""Bounds of the classes of `chunk_seconds`: 1, 2, 5, 10 … ms up to 500 s; a class is fine enough for a glance."""

SUFFIX = ".metrics.json"
"""How the file is called, behind the output's name."""


@dataclass(frozen=True, slots=True)
class WorkerStatistics:
    """What one worker did for the job: `busy_seconds` of computing, of `present_seconds` in which it was there."""

    name: str
    chunks: int
    frames: int
    busy_seconds: float
    present_seconds: float


@dataclass(frozen=True, slots=True)
class ClusterStatistics:
    """What only a cluster can tell of an output.

    `chunk_latency_ms` has one value a chunk: from its first hand-out to a worker until its result was stored.
    `retries` counts hand-outs of a task after it failed or was lost, `losses` those of them after it was lost,
    `duplicates` results that were there already. `failures` are those of whole chunks, as METRICS.md describes them;
    `chunk_workers` has the name of who computed each chunk.
    """

    chunk_latency_ms: Sequence[float] = ()
    retries: int = 0
    duplicates: int = 0
    workers: Sequence[WorkerStatistics] = ()
    job: str = ""
    losses: int = 0
    failures: Sequence[Failure] = ()
    chunk_workers: Sequence[str] = ()


@record
class WorkerMetrics(Mapped):
    """What one worker did for an output."""

    name: str
    chunks: int
    frames: int
    frames_per_second: float | None
    busy_seconds: float


@record
class ChunkMetrics(Mapped):
    """Into how many chunks the source was cut, of how many frames, and what their prerolls cost."""

    count: int
    frames_min: int
    frames_max: int
    preroll_packets: int
    preroll_size: int


@record
class StageHistograms(Mapped):
    """How many seconds each chunk took in each stage, prerolls in `decode`."""

    decode: Histogram = field(default_factory=Histogram)
    convert: Histogram = field(default_factory=Histogram)
    filter: Histogram = field(default_factory=Histogram)
    encode: Histogram = field(default_factory=Histogram)


Percentiles = dict[str, float | None]
"""p50, p95 and p99; None of nothing."""


@record
class Metrics(Mapped):
    """The metrics of a finished output. docs/METRICS.md tells what each field means; they are written in this order."""

    format: int
    state: JobState
    source: Facts
    output: Details
    frames: dict[str, int]
    wall_seconds: float
    frames_per_second: float | None
    frame_latency_ms: Percentiles
    chunk_latency_ms: Percentiles
    seconds: dict[str, float]
    chunks: ChunkMetrics
    retries: int
    duplicates: int
    losses: int
    workers: list[WorkerMetrics]
    digest: str
    fingerprints: list[str]
    versions: dict[str, str]
    warnings: list[str]
    failures: list[Failure]
    troubles: Details
    chunk_seconds: StageHistograms = field(default_factory=StageHistograms)
    reasons: list[str] = field(default_factory=list)


def build(
    source: Source, output: Output, spliced: Spliced, wall_seconds: float, cluster: ClusterStatistics | None = None
) -> Metrics:
    """The metrics of a finished output; `cluster` is None for a job without one.

    `wall_seconds` is from submission to the finished file.
    """
    account = spliced.account
    return Metrics(
        format=FORMAT,
        state=state_of(source, spliced),
        source={"name": source.name, "fingerprint": source.fingerprint, **_facts(source)},
        output=_output(output, spliced),
        frames={
            "in": account.frames_in,
            "out": account.frames_out,
            "fallback": account.fallback_frames,
            "lost": account.lost_frames,
            "damaged": account.damaged_frames,
            "repeated": account.repeated_frames,
            "left_out": account.left_out_frames,
        },
        wall_seconds=round(wall_seconds, 3),
        frames_per_second=_rate(account.frames_out, wall_seconds),
        frame_latency_ms=percentiles(account.latency_ms),
        chunk_latency_ms=percentiles(cluster.chunk_latency_ms if cluster else ()),
        seconds=_seconds(spliced, wall_seconds, cluster),
        chunks=_chunks(spliced),
        retries=cluster.retries if cluster else 0,
        duplicates=cluster.duplicates if cluster else 0,
        losses=cluster.losses if cluster else 0,
        workers=[_worker(each) for each in cluster.workers] if cluster else [],
        digest=spliced.digest,
        fingerprints=account.fingerprints,
        versions=versions(),
        warnings=_warnings(source, output, spliced),
        failures=_failures(source, output, spliced, cluster or ClusterStatistics()),
        troubles=_troubles(spliced),
        chunk_seconds=_chunk_seconds(spliced),
        reasons=reasons(source, spliced),
    )


def promised(source: Source, output: Output) -> tuple[Facts, Details]:
    """Return what the metrics of an output will say of its source and of how it is made: the parts of `source` and
    `output` that are known before anything is done, but for names and warnings. As JSON types."""
    of_source = {"fingerprint": source.fingerprint, **_facts(source)}
    of_source.pop("findings", None)
    encoder = output.encoder
    of_output = {**_asked(output), "quality": encoder.quality, "format": encoder.format or "kept"}
    if encoder.container:
        of_output["container"] = encoder.container
    of_output.pop("name")
    return json.loads(json.dumps(of_source)), json.loads(json.dumps(of_output))


def write(path: Path, metrics: Map) -> None:
    """Write a map as JSON to a file that whoever publishes it syncs and puts in its place. Raise OSError."""
    with path.open("w", encoding="utf-8") as file:
        json.dump(metrics, file, indent=2, ensure_ascii=False)
        file.write("\n")


def summary(name: str, spliced: Spliced, metrics: Metrics, metrics_file: str) -> OutputSummary:
    """Return what an output of this name came to."""
    account = spliced.account
    return OutputSummary(
        name=name,
        state=metrics.state,
        frames_in=account.frames_in,
        frames_out=account.frames_out,
        fallback_frames=account.fallback_frames,
        lost_frames=account.lost_frames,
        damaged_frames=account.damaged_frames,
        retries=metrics.retries,
        duplicates=metrics.duplicates,
        digest=spliced.digest,
        file=spliced.main,
        metrics_file=metrics_file,
        warnings=metrics.warnings,
        failures=metrics.failures,
        reasons=metrics.reasons,
        found=list(found.sentences(metrics.output.get("found", {}))),
    )


def state_of(source: Source, spliced: Spliced) -> JobState:
    """Return `done`, or `partial` if some frame is not what the filters would have made of a whole source."""
    account = spliced.account
    counts = (account.fallback_frames, account.lost_frames, account.damaged_frames)
    return JobState.PARTIAL if any(counts) or reasons(source, spliced) else JobState.DONE


def reasons(source: Source, spliced: Spliced) -> list[str]:
    """Return why an output is partial, beside what its counts of frames say, in sentences; empty where it is whole."""
    facts, errors = source.common_facts, spliced.account.decode_error_count
    told = [*facts.damage]
    if facts.damaged and not told:
        told.append("the source is damaged")
    if errors:
        told.append(f"{errors} packet{'s' if errors > 1 else ''} cannot be decoded")
    return told


def percentiles(values: Iterable[float]) -> Percentiles:
    """Return p50, p95 and p99 by nearest rank: the smallest value that so many per cent do not exceed; None if there
    are no values."""
    ordered = sorted(values)
    return {
        f"p{percent}": round(ordered[ceil(percent / 100 * len(ordered)) - 1], 3) if ordered else None
        for percent in (50, 95, 99)
    }


def _warnings(source: Source, output: Output, spliced: Spliced) -> list[str]:
    """Return what is not kept of the source, and what came up while the output was made; each sentence once."""
    known = sentences([*source.common_facts.findings, *findings(source, output)])
    return list(dict.fromkeys([*known, *spliced.warnings]))


def _facts(source: Source) -> Facts:
    """Return a source's facts without what metadata.json tells at length."""
    return {name: value for name, value in source.facts.items() if name != "metadata"}


def _rate(frames: int, seconds: float) -> float | None:
    return round(frames / seconds, 2) if seconds > 0 else None


def _output(output: Output, spliced: Spliced) -> Details:
    return _asked(output) | spliced.details


def _asked(output: Output) -> Details:
    return {
        "name": output.name,
        "filters": [{"name": step.name, "parameters": dict(step.parameters)} for step in output.chain],
        "on_error": output.on_error,
        "codec": output.encoder.codec,
        "crf": output.encoder.crf,
        "preset": output.encoder.preset,
    }


def _seconds(spliced: Spliced, wall_seconds: float, cluster: ClusterStatistics | None) -> dict[str, float]:
    seconds = spliced.account.seconds
    stages = {
        "decode": seconds.decode,
        "convert": seconds.convert,
        "filter": seconds.filter,
        "encode": seconds.encode,
    }
    if cluster is None:
        wait = wall_seconds - sum(stages.values())
    else:
        wait = sum(each.present_seconds - each.busy_seconds for each in cluster.workers)
    return {name: round(value, 3) for name, value in {**stages, "wait": max(0.0, wait)}.items()}


def _chunk_seconds(spliced: Spliced) -> StageHistograms:
    names = ("decode", "convert", "filter", "encode")
    measured = {name: Measured(CHUNK_BOUNDS_S) for name in names}
    for chunk in spliced.account.chunks:
        for name in names:
            measured[name].add(getattr(chunk.seconds, name))
    return StageHistograms(**{name: each.histogram() for name, each in measured.items()})


def _chunks(spliced: Spliced) -> ChunkMetrics:
    chunks = spliced.account.chunks
    frame_counts = [each.frames_in for each in chunks]
    return ChunkMetrics(
        count=len(chunks),
        frames_min=min(frame_counts, default=0),
        frames_max=max(frame_counts, default=0),
        preroll_packets=sum(each.preroll_packets for each in chunks),
        preroll_size=sum(each.preroll_size for each in chunks),
    )


def _worker(worker: WorkerStatistics) -> WorkerMetrics:
    return WorkerMetrics(
        name=worker.name,
        chunks=worker.chunks,
        frames=worker.frames,
        frames_per_second=_rate(worker.frames, worker.busy_seconds),
        busy_seconds=round(worker.busy_seconds, 3),
    )


_INSTEAD: Final[dict[str, str]] = {OnError.DROP: "was left out", OnError.BLACK: "is black in the result"}
"""What became of a frame on which a filter failed."""


def _failures(source: Source, output: Output, spliced: Spliced, cluster: ClusterStatistics) -> list[Failure]:
    """Return the failures of single frames, as the workers reported them, and of whole chunks, as the middleware
    counted them."""
    unit = unit_of(source.kind)
    instead = _INSTEAD.get(output.on_error, "is in the result unfiltered")
    of_frames = [
        Failure(
            job=cluster.job,
            output=output.name,
            chunk=told.chunk,
            frames=[told.frame, told.frame],
            frame=told.frame,
            filter=told.filter,
            worker=cluster.chunk_workers[told.chunk] if told.chunk < len(cluster.chunk_workers) else "",
            failure_type="job_failure",
            failure_reason=CauseKind.EXCEPTION,
            explanation=f"filter {told.filter!r} failed twice on {unit} {told.frame}, which {instead}: "
            + last_line(told.traceback),
            traceback=told.traceback,
        )
        for told in spliced.account.failures
    ]
    return [*of_frames, *cluster.failures][:MAX_FAILURES_OF_OUTPUT]


def _troubles(spliced: Spliced) -> Details:
    account = spliced.account
    return {
        "fallback": [each._asdict() for each in account.fallback],
        "lost": [each._asdict() for each in account.lost],
        "damaged": account.damaged,
        "decode_errors": [each._asdict() for each in account.decode_errors],
        "decode_error_count": account.decode_error_count,
        "times_repaired": account.times_repaired,
        **spliced.troubles,
    }
