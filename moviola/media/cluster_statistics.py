"""What a cluster did for an output, from the rows of its results and from how its tasks were handed out."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from moviola.base.job_statistics import JobStatistics
from moviola.media.metrics import ClusterStatistics, WorkerStatistics

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ResultFacts:
    """One stored result: who made it, how many frames it has, when it was stored, and how long it was computed."""

    worker: str
    frames: int
    stored_unix_s: float
    busy_seconds: float


def cluster_statistics(
    track: int, duplicates: int, results: Sequence[ResultFacts], told: JobStatistics, job: str = "", output: str = ""
) -> ClusterStatistics:
    """Return what a cluster did for an output. What `told` has not of its track counts as nothing."""
    return ClusterStatistics(
        chunk_latency_ms=_of_track(told.latencies_ms, track, array("f")),
        retries=_of_track(told.retries, track, 0),
        duplicates=duplicates,
        workers=_workers(results),
        job=job,
        losses=_of_track(told.losses, track, 0),
        failures=[replace(one, job=job) for one in told.failures if one.output == output],
        chunk_workers=[one.worker for one in results],
    )


def _of_track(values: Sequence[T], track: int, default: T) -> T:
    return values[track] if track < len(values) else default


def _workers(results: Sequence[ResultFacts]) -> list[WorkerStatistics]:
    """Return what each worker did, sorted by name. A worker counts as present from the start of its first task until
    its last result was stored. Nobody noted that start; it was no later than the task's computing time before its
    result was stored."""
    by_name: dict[str, list[ResultFacts]] = {}
    for one in results:
        by_name.setdefault(one.worker, []).append(one)
    made = []
    for name, own in sorted(by_name.items()):
        busy = sum(one.busy_seconds for one in own)
        first = min(own, key=lambda one: one.stored_unix_s)
        present = max(one.stored_unix_s for one in own) - first.stored_unix_s + first.busy_seconds
        made.append(WorkerStatistics(name, len(own), sum(one.frames for one in own), busy, max(present, busy)))
    return made
