"""What a cluster did for an output, from the rows of its results and what the middleware tells with Finish."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from moviola.media.metrics import ClusterStatistics, WorkerStatistics


@dataclass(frozen=True, slots=True)
class ResultFacts:
    """One stored result: who made it, how many frames it has, when it was stored, and how long it was computed."""

    worker: str
    frames: int
    stored_unix_s: float
    busy_seconds: float


def cluster_statistics(
    track: int, duplicates: int, results: Sequence[ResultFacts], told: dict[str, Any], job: str = "", output: str = ""
) -> ClusterStatistics:
    """`told` is Finish.statistics; what it lacks, or has in another shape, counts as nothing."""
    retries = _of_track(told.get("retries"), track)
    latencies = _of_track(told.get("latencies_ms"), track)
    losses = _of_track(told.get("losses"), track)
    return ClusterStatistics(
        chunk_latency_ms=_floats(latencies) if isinstance(latencies, bytes) else (),
        retries=retries if isinstance(retries, int) else 0,
        duplicates=duplicates,
        workers=_workers(results),
        job=job,
        losses=losses if isinstance(losses, int) else 0,
        failures=_failures(told.get("failures"), job, output),
        chunk_workers=[one.worker for one in results],
    )


def wall_seconds(told: dict[str, Any], splicing_seconds: float) -> float:
    """From submission to the finished file."""
    seconds = told.get("seconds")
    return (seconds if isinstance(seconds, int | float) else 0.0) + splicing_seconds


def _failures(told: Any, job: str, output: str) -> list[dict[str, Any]]:
    """Those of one output."""
    listed = told if isinstance(told, list) else []
    return [{"job": job, **one} for one in listed if isinstance(one, dict) and one.get("output") == output]


def _of_track(values: Any, track: int) -> Any:
    return values[track] if isinstance(values, list) and track < len(values) else None


def _floats(packed: bytes) -> array[float]:
    """Little-endian float32, as the protocol has them."""
    values = array("f")
    values.frombytes(packed[: len(packed) // 4 * 4])
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _workers(results: Sequence[ResultFacts]) -> list[WorkerStatistics]:
    """By name. A worker was there from the start of its first task, which nobody noted, but for which its computing
    time is a lower bound, until its last result was stored."""
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
