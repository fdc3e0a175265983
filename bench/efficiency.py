"""How much of two cores a cluster of two workers turns into frames: `python -m bench.efficiency`.

The limit is twice what one process does that decodes, filters and encodes the same clip with the same libraries and
settings, without any of our code. Loop and cluster run in turn, and a run of the cluster is compared with the mean of
the loops before and after it, so that a machine whose speed drifts drifts for both; what is quoted is the median of the
ratios. As many bare loops at once as there are workers show what the machine itself takes away when all its cores
work; the table behind it says where the workers' seconds went. On a virtual machine the host may give its cores to
others meanwhile: a run in which it took more than MAX_STOLEN of them away is shown, not counted, and made again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from bench.machine import Watch
from moviola.media.video.codecs import mpeg4_quantiser
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster

KERNELS: Final = ((15, 2.6), (9, 1.3))
"""Size and sigma of the Gaussian blur for luma and chroma: the defaults of our filter `blur`, so both do the same."""

CRF: Final = 20

MAX_STOLEN: Final = 0.02
"""The part of the cores' time that the host of a virtual machine may take in a run that counts."""

MAX_TRIES: Final = 4
"""Runs that are made at most, as a multiple of the wanted number, until enough of them count."""

CODECS: Final = ("mpeg4", "h264")


def bare_loop(clip: Path, codec: str, target: Path) -> tuple[int, float]:
    """Decode, blur the planes, encode, mux; no cluster code. Returns frames and seconds."""
    cv2.setNumThreads(1)
    started = time.monotonic()
    count = 0
    with av.open(str(clip)) as source, av.open(str(target), "w") as output:
        stream = source.streams.video[0]
        stream.thread_count = 1
        rate = round(stream.average_rate or 25)
        encoder = output.add_stream("libx264" if codec == "h264" else "mpeg4", rate=rate)
        encoder.width, encoder.height, encoder.pix_fmt = stream.width, stream.height, "yuv420p"
        encoder.thread_count = 1
        if codec == "h264":
            encoder.options = {"preset": "veryfast", "crf": str(CRF)}
        else:
            quantiser = str(mpeg4_quantiser(CRF))
            encoder.options = {"qmin": quantiser, "qmax": quantiser}
        blurred = av.VideoFrame(stream.width, stream.height, "yuv420p")
        for frame in source.decode(stream):
            for number, (plane, into) in enumerate(zip(frame.planes, blurred.planes, strict=True)):
                size, sigma = KERNELS[number > 0]
                cv2.GaussianBlur(_view(plane), (size, size), sigma, dst=_view(into))
            blurred.pts = count
            blurred.time_base = Fraction(1, rate)
            output.mux(encoder.encode(blurred))
            count += 1
        output.mux(encoder.encode(None))
    return count, time.monotonic() - started


def _view(plane: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a plane as uint8 (height, width), without a copy."""
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="pairs of runs a codec (%(default)s)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--codec", choices=CODECS, action="append", help="both when not given")
    parser.add_argument("--bare", nargs=2, metavar=("CODEC", "CLIP"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.bare:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(bare_loop(Path(args.bare[1]), args.bare[0], Path(folder) / "out.mp4")))
        return 0
    clip = clips.film_times(6)
    console = Console()
    for codec in args.codec or CODECS:
        measure(console, clip, codec, args.runs, args.workers)
    return 0


def measure(console: Console, clip: Path, codec: str, runs: int, workers: int) -> None:
    """Runs loop and cluster in turn and prints what came out."""
    table = Table(title=f"{clip.stem}, blur, {codec}, frames/s; the limit is {workers} × a bare loop")
    at_once = f"{workers} at once"
    columns = ("run", "a bare loop", at_once, "cluster", "taken away", "cluster / limit", f"cluster / {at_once}")
    for column in columns:
        table.add_column(column, justify="right")
    ratios: list[float] = []
    ratios_at_once: list[float] = []
    metrics: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, LocalCluster(Path(folder), workers=workers) as cluster:
        cluster.send(str(clip), "--filters", "blur", "--codec", codec)  # warm the page cache and the workers' imports
        [before] = bare_loops(codec, clip, 1)
        for run in range(1, MAX_TRIES * runs + 1):
            with Watch() as watch:
                outcome = cluster.send(str(clip), "--filters", "blur", "--codec", codec)
                speed = outcome["frames_per_second"]
                together = sum(bare_loops(codec, clip, workers))
                [after] = bare_loops(codec, clip, 1)
            alone, before = (before + after) / 2, after
            row = [str(run), f"{alone:.1f}", f"{together:.1f}", f"{speed:.1f}", f"{watch.stolen:.1%}"]
            ratio, ratio_at_once = speed / (workers * alone), speed / together
            row += [f"{ratio:.3f}", f"{ratio_at_once:.3f}"]
            table.add_row(*row, style="dim" if watch.stolen > MAX_STOLEN else None)
            console.print(
                f"{codec} " + ", ".join(f"{name} {value}" for name, value in zip(columns, row, strict=True)),
                soft_wrap=True,
            )
            if watch.stolen <= MAX_STOLEN:
                ratios.append(ratio)
                ratios_at_once.append(ratio_at_once)
                metrics = json.loads(Path(outcome["outputs"][0]["metrics_path"]).read_text())
            if len(ratios) == runs:
                break
    if ratios:
        medians = (f"{statistics.median(ratios):.3f}", f"{statistics.median(ratios_at_once):.3f}")
        table.add_row(f"median of {len(ratios)}", "", "", "", "", *medians, style="bold")
    console.print(table)
    if len(ratios) < runs:
        console.print(
            f"Only {len(ratios)} of {runs} runs count: the host kept more than {MAX_STOLEN:.0%} of the others."
        )
    console.print_json(data={key: metrics.get(key) for key in ("seconds", "wall_seconds", "workers")})


def bare_loops(codec: str, clip: Path, count: int) -> list[float]:
    """Return the frames/s of bare loops that run at the same time, each in a process of its own, as a user would run
    them."""
    command = [sys.executable, "-m", "bench.efficiency", "--bare", codec, str(clip)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    done = [json.loads(process.communicate()[0]) for process in running]
    return [frames / seconds for frames, seconds in done]


if __name__ == "__main__":
    sys.exit(main())
