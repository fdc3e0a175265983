"""Recycled frames for filter outputs.

The first touch of fresh memory costs a page fault every 4 KB (about 220 a frame at 720p), so output frames are used
again once nobody holds them. Two kinds of holders are told apart:

* Python objects (a Picture, a numpy view of a plane, a filter's earlier pictures) all hold the frame object, so its
  reference count says whether one is left;
* an encoder may hold the frame's buffers. `make_writable` then gives the frame new ones and leaves the old ones to
  their holder: what was handed out is never written into. None of the encoders used here does so.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict

import av

MAX_FRAMES = 8  # kept per shape; two or three circulate, the rest is for filters that look back
MAX_SHAPES = 4  # a chain with changes of size uses a few; a new video's shapes push the old ones out

_Shape = tuple[int, int, str]


class FramePool:
    """Recycle frames. Their contents are undefined; a pool belongs to one thread."""

    def __init__(self) -> None:
        self._shapes: OrderedDict[_Shape, list[av.VideoFrame]] = OrderedDict()

    def take(self, width: int, height: int, pixel_format: str) -> av.VideoFrame:
        """Return a frame that nobody else holds, with the buffers of an earlier one if possible.

        Args:
            width: pixels.
            height: pixels.
            pixel_format: FFmpeg's name.
        """
        shape = (width, height, pixel_format)
        frames = self._shapes.setdefault(shape, [])
        self._shapes.move_to_end(shape)
        if len(self._shapes) > MAX_SHAPES:
            self._shapes.popitem(last=False)
        for index in range(len(frames)):
            if _references(frames, index) == _IDLE:
                frame = frames[index]  # always the same ones, which the processor's cache still holds
                frame.make_writable()
                return frame
        frame = av.VideoFrame(width, height, pixel_format)
        if len(frames) < MAX_FRAMES:
            frames.append(frame)
        return frame


def _references(objects: list[av.VideoFrame], index: int) -> int:
    return sys.getrefcount(objects[index])


_IDLE = _references([av.VideoFrame(0, 0)], 0)  # measured, because it differs between Python versions

_local = threading.local()


def thread_pool() -> FramePool:
    """Return the calling thread's pool."""
    pool: FramePool | None = getattr(_local, "pool", None)
    if pool is None:
        pool = _local.pool = FramePool()
    return pool
