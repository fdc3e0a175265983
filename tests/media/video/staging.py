"""Does chunks in stages, each as a worker of its own would, and compares results."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

from moviola.media.bundle import unpack
from moviola.media.material import Output, Result, Source
from moviola.media.video.filtering.process import process
from moviola.media.video.report import ChunkReport


def staged(payload: bytes, source: Source, wanted: Output, cuts: tuple[int, ...], mode: str = "filter") -> Result:
    """Each stage as another worker would do it, which knows its payload only."""
    steps = [0, *cuts, len(wanted.chain)]
    result = None
    for start, stop in pairwise(steps):
        result = process(payload, source.process, wanted, mode=mode, stage=range(start, stop))
        payload = result.payload
    assert result is not None
    return result


def report_of(result: Result) -> ChunkReport:
    return ChunkReport.from_wire(unpack(result.payload)[0]["report"])


def assert_same(one: Result, other: Result) -> None:
    (table, packets), (other_table, other_packets) = unpack(one.payload), unpack(other.payload)
    assert [bytes(each) for each in packets] == [bytes(each) for each in other_packets]
    assert (table["p"], table["x"]) == (other_table["p"], other_table["x"])
    report, other_report = report_of(one), report_of(other)
    assert len(report.latency_ms) == len(other_report.latency_ms)
    for each in (report, other_report):
        each.seconds, each.latency_ms = None, None  # type: ignore[assignment]
        each.failures = [failure._replace(traceback="") for failure in each.failures]
    assert report == other_report
    assert replace(one, payload=b"") == replace(other, payload=b"")


def every_cut(length: int) -> list[tuple[int, ...]]:
    inner = range(1, length)
    return [cuts for count in range(1, length) for cuts in combinations(inner, count)]
