"""What one middleware feeds: the arithmetic, and the measurements with real programs that it rests on."""

from __future__ import annotations

from bench.scaling import brokering, storing
from bench.scaling.feeding import Feeding
from moviola.wire.limits import MAX_WORKERS


def feeding(**changes: float) -> Feeding:
    """A worker does one task a second; a task costs 1 ms, a sign of life nothing."""
    fields = {
        "chunk_bytes": 1_000_000, "chunk_frames": 64.0, "worker_frames_per_second": 64.0, "us_scheduling": 20.0,
        "us_messages": 380.0, "us_payload": 600.0, "us_beat": 0.0, "bytes_task": 500.0, "bytes_worker": 5_000.0,
        **changes,
    }  # fmt: skip
    return Feeding(size="720p", **fields)  # type: ignore[arg-type]


def test_the_cpu_is_full_when_all_workers_tasks_take_a_second_of_it_a_second() -> None:
    assert round(feeding().limits()["CPU"]) == 1000
    assert feeding().gives_out_first() == "CPU"


def test_signs_of_life_take_their_part() -> None:
    """Two a second of 250 µs each are half a millisecond, beside one of tasks."""
    assert round(feeding(us_beat=250.0).limits()["CPU"]) == 667
    shares = feeding(us_beat=250.0).report()["cpu_share"]
    assert round(sum(shares.values()), 6) == 1.0
    assert round(shares["signs of life"], 3) == 0.333


def test_where_tasks_are_cheap_places_give_out_first() -> None:
    cheap = feeding(us_messages=30.0, us_payload=50.0, chunk_bytes=10_000)
    assert cheap.gives_out_first() == "sockets"
    assert cheap.report()["workers"] == MAX_WORKERS - 1


def test_where_chunks_are_large_the_line_gives_out_first() -> None:
    assert feeding(chunk_bytes=10_000_000).gives_out_first() == "line"
    assert round(feeding(chunk_bytes=10_000_000).limits()["line"]) == 125


def test_a_real_middleware_is_measured() -> None:
    row = brokering.measure(chunk_bytes=5_000, workers=3, tasks=40)
    assert row["chunks"] == 40
    assert min(row["us_per_chunk"], row["us_per_life"], row["us_per_beat"]) > 0


def test_a_real_aggregator_is_measured() -> None:
    row = storing.measure(jobs=2, workers=3, chunks=20, payload_bytes=5_000)
    assert (row["lives"], row["tasks"]) == (20, 40)
    assert row["us_per_task"] > 0
