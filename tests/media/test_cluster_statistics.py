"""What a cluster did for an output."""

from __future__ import annotations

from array import array

from moviola.base.failures import Failure
from moviola.base.job_statistics import JobStatistics
from moviola.media.cluster_statistics import ResultFacts, cluster_statistics
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
    failures = [Failure(output="a", chunk=1), Failure(output="b", chunk=2)]
    told = JobStatistics(3.0, [1, 2], [0, 1], [array("f"), array("f", [1.5, 2.5])], failures)
    made = cluster_statistics(1, 4, [], told, "j", "b")
    assert (made.retries, made.losses, made.duplicates, list(made.chunk_latency_ms)) == (2, 1, 4, [1.5, 2.5])
    assert made.failures == [Failure(job="j", output="b", chunk=2)]


def test_what_is_missing_counts_as_nothing() -> None:
    made = cluster_statistics(0, 0, [], JobStatistics())
    assert (made.retries, list(made.chunk_latency_ms)) == (0, [])
