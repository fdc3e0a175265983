"""Measures what writing a manifest costs, and how long `verify` takes: `python -m bench.manifest`.

A clip of N small frames with sound is made, and what a worker would make of it, once; then it is spliced with and
without a manifest in turn, each time in a process of its own, whose largest resident memory is taken. Small frames make
the manifest's part of the work as large as it can be. Seconds are those of the processor, which others on the machine
disturb less.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import av

from bench.machine import description
from moviola.filters.chain import Step
from moviola.media.kinds import splice
from moviola.media.manifest import SUFFIX
from moviola.media.manifest.reader import read_manifest
from moviola.media.material import Encoder, Output, Source
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering.process import process
from moviola.verification.verify import verify
from tests.media.shelf import Shelf
from tests.media.video.clips import encode, picture

FRAMES: Final = 100_000
ROUNDS: Final = 3
PICTURES: Final = 50
"""Pictures that the clip shows again and again, each time with another mark."""

MARKS, MARK = 10, 16
"""The number of rows of a mark, and the pixels of each row, which shows two bits of the frame's number."""


def main() -> None:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = _job(folder, asked.frames)
        seconds: dict[bool, list[float]] = {False: [], True: []}
        memory: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(asked.rounds):
            for kept in (False, True):
                took, resident = _apart(partial(_splice, folder, job, kept=kept))
                seconds[kept].append(took)
                memory[kept].append(resident)
        path = folder / f"bench{SUFFIX}"
        size = path.stat().st_size
        manifest, read_s = _timed(partial(read_manifest, path))
        packets = sum(stream.total.packets for stream in manifest.streams[1:])
        added_s = median(seconds[True]) - median(seconds[False])
        print(f"{description()}; {asked.frames} frames, {packets} packets of sound, medians of {asked.rounds}")
        print(
            f"splice without {median(seconds[False]):.2f} s, with {median(seconds[True]):.2f} s: {added_s:.2f} s more,"
        )
        print(f"  {added_s / asked.frames * 1e6:.1f} µs a frame; memory {median(memory[False]):.1f} and", end=" ")
        print(f"{median(memory[True]):.1f} MiB")
        print(f"manifest {size} bytes, {size / asked.frames:.2f} a frame; read in {read_s:.2f} s")
        for decode in (False, True):
            found, took_s = _timed(partial(verify, folder / "bench.mp4", decode=decode))
            print(f"verified {'with' if decode else 'without'} decoding in {took_s:.2f} s: {found.verdict}")


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began_at = time.process_time()
    return work(), time.process_time() - began_at


def _job(folder: Path, frames: int) -> tuple[Source, Output, Path, list[int], list[bytes]]:
    clip = encode(folder / "clip.mp4", "libx264", frames, options={"g": "50"}, pictures=_pictures(frames), sound="aac")
    output = Output("bench", (Step("identity", {}),), Encoder("h264", preset="ultrafast", container="mp4"))
    source, chunks = split_file(clip, chunk_frames=250)
    sizes, sound = [], []
    with (folder / "results").open("wb") as file:
        for chunk in chunks:
            if chunk.stream:
                sound.append(chunk.payload)
            else:
                sizes.append(file.write(process(chunk.payload, source.process, output).payload))
    return source, output, folder / "results", sizes, sound


def _pictures(count: int) -> Iterator[av.VideoFrame]:
    """Yield pictures of which no two are alike: a packet's CRC is what a manifest has most of."""
    made = [av.VideoFrame.from_ndarray(picture(at), "rgb24").reformat(format="yuv420p") for at in range(PICTURES)]
    planes = [frame.to_ndarray() for frame in made]
    for at in range(count):
        plane = planes[at % PICTURES]
        for place in range(MARKS):
            plane[place : place + 1, :MARK] = 16 + (at >> 2 * place & 3) * 64
        yield av.VideoFrame.from_ndarray(plane, format="yuv420p")


def _splice(folder: Path, job: tuple[Source, Output, Path, list[int], list[bytes]], *, kept: bool) -> float:
    source, output, results, sizes, sound = job
    wanted = Output(output.name, output.chain, output.encoder, manifest=kept)
    with results.open("rb") as file:
        began_at = time.process_time()
        splice(Shelf(folder), source, wanted, (file.read(size) for size in sizes), {1: sound})
        return time.process_time() - began_at


def _apart(work: Callable[[], float]) -> tuple[float, float]:
    """Return the seconds that work took in a process of its own, and its largest resident memory in MiB."""
    ours, theirs = multiprocessing.Pipe()

    def run() -> None:
        seconds = work()
        theirs.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))

    process_apart = multiprocessing.get_context("fork").Process(target=run)
    process_apart.start()
    theirs.close()  # so that one that fails is not waited for
    told: tuple[float, float] = ours.recv()
    process_apart.join()
    return told


if __name__ == "__main__":
    main()
