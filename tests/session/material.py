"""What the client's tests are made of: a small clip, and submissions of nothing in particular."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from moviola.filters.chain import Step
from moviola.media.material import Chunk, Encoder, Output, Source
from moviola.session.order import Order, Submission

FRAMES, GOP = 30, 10


def write_clip(path: Path, *, seed: int = 0) -> Path:
    """30 frames of 64 × 48, MPEG-4, a keyframe every 10."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(25), options={"g": str(GOP)})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(FRAMES):
            picture = np.full((48, 64, 3), (index * 8 + seed * 31) % 256, np.uint8)
            picture[index : index + 8, 8:24] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def make_order(*names: str) -> Order:
    return Order(tuple(Output(name, (Step(name),), Encoder()) for name in names or ("blur",)))


def make_source(stream_count: int = 1, name: str = "clip.mp4") -> Source:
    return Source("video", name, "f" * 32, {"frame_count": 30}, {}, {}, stream_count)


def make_submission(stream_count: int = 1) -> Submission:
    return Submission("key", make_source(stream_count), make_order())


def make_chunk(index: int, size: int = 100, stream: int = 0) -> Chunk:
    return Chunk(stream, index, 10, bytes([index % 256]) * size)
