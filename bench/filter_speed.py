"""Measures the processor time of chains of filters: `python -m bench.filter_speed [CHAIN…] [--clip FILE]`.

Each chain goes over a clip of 720p with three faces as a job without a cluster does it, in chunks as they are cut by
default, with what a chunk decodes and searches of the frames before it, in MPEG-4. What is told is time of one
processor, decoding and encoding included: as milliseconds a frame, as frames a second of two cores, and as a multiple
of the first chain's. While other programs run, it does not count them, but all takes longer: trust the multiple then.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av
import numpy as np

from moviola.filters.chain import parse_chain
from moviola.filters.checking.samples import drawn_face, texture
from moviola.filters.registry import schemas
from moviola.filters.schema import check_chain
from moviola.media.local import run_local
from moviola.media.material import Cutting, Encoder, Material, Output
from tests.media.video.clips import encode

CHAINS: Final = ("blur", "faces", "pixelate:faces=true", "faces:detector=haar", "pixelate:faces=true:detector=haar")
FRAMES: Final = 144
SIZE: Final = (1280, 720)


def scene(frames: int) -> Iterator[av.VideoFrame]:
    """Yield frames with three faces that go to the right, before blotches that stay."""
    ground = texture(*SIZE)
    faces = [drawn_face(side) for side in (64, 120, 240)]
    for index in range(frames):
        luma = ground.copy()
        for number, face in enumerate(faces):
            left, top, side = 60 + 320 * number + index, 60 + 120 * number, len(face)
            luma[top : top + side, left : left + side] = face
        yield av.VideoFrame.from_ndarray(np.repeat(luma[..., None], 3, axis=2), "bgr24").reformat(format="yuv420p")


def cost_ms(clip: Path, chain: str) -> tuple[float, int]:
    """Return milliseconds of a processor for each frame of a clip, and how many frames it has."""
    output = Output("out", check_chain(parse_chain(chain), schemas()), Encoder("mpeg4"))
    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        (made,) = run_local(Material.single("video", clip), [output], Cutting(), Path(folder).joinpath)
        passed = time.process_time() - begun
    frames = made.summary.frames_out
    return passed / frames * 1000, frames


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.filter_speed", description=__doc__)
    parser.add_argument("chains", nargs="*", metavar="CHAIN", default=CHAINS)
    parser.add_argument("--clip", type=Path, help="a clip of yours, instead of the one that is made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = options.clip or encode(
            Path(folder) / "scene.mp4",
            "libx264",
            FRAMES,
            size=SIZE,
            pictures=scene(FRAMES),
            options={"preset": "veryfast"},
        )
        cost_ms(clip, "identity")  # what is loaded and laid out once
        first = 0.0
        for chain in options.chains:
            cost, frames = cost_ms(clip, chain)
            first = first or cost
            print(
                f"{chain:38} {frames:4} frames {cost:7.1f} ms a frame {2000 / cost:7.1f} frames/s of two cores "
                f"{cost / first:6.2f} × {options.chains[0]}",
                flush=True,
            )


if __name__ == "__main__":
    main()
