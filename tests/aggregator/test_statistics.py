"""What a cluster did for an output."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from aggregator.statistics import ResultFacts, cluster_statistics
from moviola.base.job_statistics import JobStatistics
from moviola.media.metrics import WorkerStatistics


def test_workers_are_summed_up_by_name() -> None:
    results = [
        ResultFacts("b", 10, 100.0, 1.0),
        ResultFacts("a", 20, 101.0, 2.0),
        ResultFacts("b", 30, 110.0, 3.0),
    ]
    assert cluster_statistics(0, 4, results, JobStatistics()).workers == [
        WorkerStatistics("a", 1, 20, 2.0, 2.0),
        WorkerStatistics("b", 2, 40, 4.0, 11.0),
    ]


def test_the_middlewares_part_is_of_the_track() -> None:
    told = JobStatistics.told({"retries": [1, 2], "latencies_ms": [b"", struct.pack("<2f", 1.5, 2.5)], "seconds": 3})
    made = cluster_statistics(1, 4, [], told)
    assert (made.retries, made.duplicates, list(made.chunk_latency_ms)) == (2, 4, [1.5, 2.5])
    assert told.seconds == 3.0


@pytest.mark.parametrize(
    "told", [{}, {"retries": 3, "latencies_ms": "x"}, {"retries": ["x"], "latencies_ms": [[1]], "seconds": "x"}]
)
def test_what_is_missing_or_odd_counts_as_nothing(told: dict[str, Any]) -> None:
    made = cluster_statistics(0, 0, [], JobStatistics.told(told))
    assert (made.retries, list(made.chunk_latency_ms)) == (0, [])
    assert JobStatistics.told(told).seconds == 0.0
