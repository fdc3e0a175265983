from __future__ import annotations

from array import array
from fractions import Fraction

import msgpack

from moviola.media.report import Fallback, FrameNotes, Lost, Seconds
from moviola.media.video.frame_format import Colour, FrameFormat
from moviola.media.video.report import ChunkReport


def test_a_report_travels() -> None:
    report = ChunkReport(
        first=64,
        sent=4,
        frames_out=3,
        frames_in=3,
        format=FrameFormat(64, 48, "yuv420p", Fraction(30000, 1001), None, Colour(1, 1, 1, 1)),
        pts=[10, 20, None],
        fallback=[Fallback(65, "blur", "ValueError: no")],
        lost=[Lost(66, "not decoded")],
        damaged=[64],
        seconds=Seconds(1.0, 0.5, 0.25, 2.0),
        latency_ms=array("f", [1.5, 2.5]),
        notes=[FrameNotes(64, [{"boxes": [[1, 2, 3, 4]]}])],
        fingerprint="x",
    )
    packed = msgpack.packb(report.to_wire())
    assert ChunkReport.from_wire(msgpack.unpackb(packed)) == report


def test_seconds_add_up() -> None:
    total = Seconds(1.0)
    total.add(Seconds(1.0, 2.0, 3.0, 4.0))
    assert total == Seconds(2.0, 2.0, 3.0, 4.0)
