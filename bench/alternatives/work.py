"""The work that is compared: filters as people write them with OpenCV and FFmpeg, and one way to read and write video.

Every way writes H.264 with these settings (veryfast, CRF 20, 8 bits, 4:2:0), as Moviola does by default.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np

Pixels = np.ndarray[Any, np.dtype[Any]]

PRESET: Final = "veryfast"
CRF: Final = 20

BATCH: Final = 16
"""Frames that go to another process together: fewer make the way to it dearer, more make the last ones wait."""


@dataclass(frozen=True, slots=True)
class Work:
    """One filter, in three languages.

    Attributes:
        moviola: our chain.
        ffmpeg: FFmpeg's filter that comes closest; it need not compute the same.
    """

    moviola: str
    ffmpeg: str


WORKS: Final[dict[str, Work]] = {
    "blur": Work("blur:radius=7", "gblur=sigma=2.6"),
    "sharpen": Work("sharpen", "unsharp=5:5:1.0"),
    "edges": Work("edges", "edgedetect"),
    "grayscale": Work("grayscale", "hue=s=0"),
    "resize": Work("resize:width=640", "scale=640:-2"),
}


def apply(name: str, image: Pixels) -> Pixels:
    """Return a filtered picture: BGR, uint8, height × width × 3, as OpenCV's examples have it."""
    match name:
        case "blur":
            return cv2.GaussianBlur(image, (15, 15), 2.6)
        case "sharpen":
            return cv2.addWeighted(image, 2.0, cv2.GaussianBlur(image, (0, 0), 1.0), -1.0, 0)
        case "edges":
            return cv2.cvtColor(cv2.Canny(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), 100, 200), cv2.COLOR_GRAY2BGR)
        case "grayscale":
            return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        case "resize":
            height = round(image.shape[0] * 640 / image.shape[1] / 2) * 2
            return cv2.resize(image, (640, height), interpolation=cv2.INTER_AREA)
    raise ValueError(f"no such work: {name}")


def frames_of(clip: Path) -> Iterator[Pixels]:
    """Yield a clip's frames as BGR, decoded with as many threads as FFmpeg likes."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            yield frame.to_ndarray(format="bgr24")


def batches_of(clip: Path) -> Iterator[Pixels]:
    """Yield a clip's frames BATCH at a time, as one array: frames × height × width × 3."""
    batch: list[Pixels] = []
    for frame in frames_of(clip):
        batch.append(frame)
        if len(batch) == BATCH:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)


def apply_to_batch(name: str, batch: Pixels) -> Pixels:
    """Return the filtered frames of a batch, as one array."""
    cv2.setNumThreads(1)  # there is a process for each core
    return np.stack([apply(name, image) for image in batch])


def write(frames: Iterable[Pixels], target: Path, rate: int = 25) -> int:
    """Encode frames, BGR, with as many threads as x264 likes, and return how many there were."""
    count = 0
    with av.open(str(target), "w") as output:
        stream: Any = None
        for image in frames:
            if stream is None:
                stream = output.add_stream("libx264", rate=rate, options={"preset": PRESET, "crf": str(CRF)})
                stream.height, stream.width, stream.pix_fmt = image.shape[0], image.shape[1], "yuv420p"
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = count, Fraction(1, rate)
            output.mux(stream.encode(frame))
            count += 1
        if stream is not None:
            output.mux(stream.encode(None))
    return count


def timed(frames: Iterable[Pixels], target: Path) -> list[float]:
    """Return how many frames were written, and the seconds that it took, reading included."""
    started = time.monotonic()
    return [write(frames, target), time.monotonic() - started]
