"""Which field of a decoded frame is shown first, and how an encoder is told.

PyAV tells whether a frame is interlaced, but neither tells nor sets the order of its fields; FFmpeg's filters do both,
without touching a sample.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction
from typing import Final

import av
from av.filter import Graph

from moviola.base.interlacing import FieldOrder

CODES: Final = {FieldOrder.PROGRESSIVE: 0, FieldOrder.TOP: 2, FieldOrder.BOTTOM: 3}
"""FFmpeg's numbers for an encoder (AVFieldOrder): not known, and both fields coded and shown in this order."""

_OF_CODES: Final = {2: FieldOrder.TOP, 3: FieldOrder.BOTTOM, 4: FieldOrder.BOTTOM, 5: FieldOrder.TOP}
"""Of 4 and 5 the field that is coded first is shown second."""

TELLS_EACH: Final = frozenset({"h264", "mpeg1video", "mpeg2video", "mpeg4", "vc1", "wmv3", "ffv1"})
"""Decoders that tell of each frame whether it is interlaced; of others the stream's word holds for all frames."""

_MAX_GRAPHS: Final = 16
"""Graphs that one thread keeps: one or two for each format of frames; a new video's push the old ones out."""

_IS_TOP: Final = ("select", r"eq(interlace_type\,TOPFIRST)")
_MARKS: Final = {
    FieldOrder.PROGRESSIVE: ("setfield", "mode=prog"),
    FieldOrder.TOP: ("setfield", "mode=tff"),
    FieldOrder.BOTTOM: ("setfield", "mode=bff"),
}


def order_of_code(code: int) -> FieldOrder:
    """Return the order of an AVFieldOrder number, as streams tell it."""
    return _OF_CODES.get(code, FieldOrder.PROGRESSIVE)


def order_of(frame: av.VideoFrame) -> FieldOrder:
    """Return the order of a decoded frame's fields, as the frame itself tells it."""
    if not frame.interlaced_frame:
        return FieldOrder.PROGRESSIVE
    return FieldOrder.BOTTOM if _passed(frame, _IS_TOP) is None else FieldOrder.TOP


def marked(frame: av.VideoFrame, order: FieldOrder) -> av.VideoFrame:
    """Return a frame with the same samples that tells an encoder this order."""
    made = _passed(frame, _MARKS[order])
    assert made is not None
    return made


class _Graphs(threading.local):
    def __init__(self) -> None:
        self.by_key = OrderedDict[tuple[object, ...], Graph]()

    def get(self, key: tuple[object, ...], make: Callable[[], Graph]) -> Graph:
        graph = self.by_key.get(key)
        if graph is None:
            graph = self.by_key[key] = make()
            if len(self.by_key) > _MAX_GRAPHS:
                self.by_key.popitem(last=False)
        self.by_key.move_to_end(key)
        return graph


_graphs = _Graphs()


def _passed(frame: av.VideoFrame, filter: tuple[str, str]) -> av.VideoFrame | None:
    """Return a frame as a filter of FFmpeg gives it that changes no sample; None where the filter does not let it
    pass."""
    graph = _graphs.get((filter, frame.width, frame.height, frame.format.name), lambda: _graph(frame, filter))
    graph.push(frame)
    try:
        passed = graph.pull()
    except (BlockingIOError, av.EOFError):
        return None
    assert isinstance(passed, av.VideoFrame)
    return passed


def _graph(frame: av.VideoFrame, filter: tuple[str, str]) -> Graph:
    graph = Graph()
    name, arguments = filter
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 25)
    )
    step, sink = graph.add(name, arguments), graph.add("buffersink")
    source.link_to(step)
    step.link_to(sink)
    graph.configure()
    return graph
