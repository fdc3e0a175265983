"""Measures the memory of a command that sends a large video to a Ray cluster: `python -m bench.engine_memory`.

A clip of noise is copied packet for packet until it has the size that is asked for, and sent by `moviola send --engine
ray` to two nodes on this machine. Printed is the most that the command's own process ever had in memory, all that it
maps of libraries and of the object store included (VmHWM in /proc of Linux).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from moviola.base import processes

MB: Final = 1_000_000

LOOK_S: Final = 0.2
"""Seconds between two looks at a process. They need not be frequent, because the system itself keeps its peak."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.engine_memory", description=__doc__)
    parser.add_argument("--size", type=int, default=1000, help="of the source in MB (%(default)s)")
    parser.add_argument("--chunk-frames", type=int, default=12, help="frames a chunk (%(default)s)")
    args = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - reads the environment

    node = {"num_cpus": 1, "object_store_memory": 500 * MB, "include_dashboard": False}
    cluster: Any = Cluster(initialize_head=True, head_node_args=node)
    try:
        cluster.add_node(**node)
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "noise.mkv")
            chunk_size = write(source, args.size * MB) * args.chunk_frames
            flags = ["--filters", "identity", "--preset", "ultrafast", "--chunk-frames", str(args.chunk_frames)]
            where = ["--engine", f"ray://{cluster.address}", "--state-folder", folder, "--out", f"{folder}/out.mp4"]
            peaks = peaks_of([*processes.program("client.file_sender"), str(source), *flags, *where, "--quiet"])
            told = {"source_mb": source.stat().st_size // MB, "chunk_mb": round(chunk_size / MB, 1), **peaks}
    finally:
        cluster.shutdown()
    print(json.dumps(told))
    return 0


def write(path: Path, size: int) -> int:
    """Write a video of noise, 720p MPEG-4, of at least so many bytes; return the bytes of a frame."""
    piece = path.with_name("piece.mp4")
    numbers = np.random.default_rng(1)
    with av.open(str(piece), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=25, options={"g": "12", "qmin": "1", "qmax": "1"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 1280, 720, "yuv420p", 200 * MB
        for _ in range(24):
            pixels = numbers.integers(0, 256, (720, 1280, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    with av.open(str(piece)) as given, av.open(str(path), "w") as container:
        packets = [packet for packet in given.demux(video=0) if packet.size]
        copy: Any = container.add_stream_from_template(given.streams.video[0])
        written = count = 0
        while written < size:
            for packet in packets:
                made = av.Packet(bytes(packet))
                made.stream, made.time_base, made.is_keyframe = copy, Fraction(1, 25), packet.is_keyframe
                made.pts = made.dts = count
                container.mux(made)
                count, written = count + 1, written + packet.size
    return written // count


def peaks_of(command: list[str]) -> dict[str, int]:
    """Return the most that a process had in memory, in MB: in all, of its own, of files, and of shared memory."""
    names = {"VmHWM": "peak_mb", "RssAnon": "own_mb", "RssFile": "files_mb", "RssShmem": "shared_mb"}
    peaks = dict.fromkeys(names.values(), 0)
    process = processes.start(command)
    pause = threading.Event()
    while process.poll() is None:
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        except OSError:
            break
        for name, _, value in (line.partition(":") for line in lines):
            if name in names:
                peaks[names[name]] = max(peaks[names[name]], int(value.split()[0]) * 1024 // MB)
        pause.wait(LOOK_S)
    if process.wait():
        sys.exit(f"the command ended with status {process.returncode}")
    return peaks


if __name__ == "__main__":
    sys.exit(main())
