"""How many workers one middleware feeds at 720p, 1080p and 4K, and what gives out first.

Measured for each size: the bytes and frames of the chunks of a real clip, what such a chunk and its task cost the real
middleware, and how long one core of this machine filters and encodes it. The rest is arithmetic: the middleware has
one thread, so it is full when the CPU time of all workers' tasks and signs of life is one second a second.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av

from bench.children import measured
from bench.efficiency import bare_loop
from middleware.model.rules import Rules
from moviola.media import kinds
from moviola.media.material import Cutting, Encoder, Material
from moviola.wire import limits
from tests.end_to_end import clips

SIZES: Final = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}

GOP: Final = 48
"""Frames between keyframes of the clips: two seconds, as cameras and streaming services have about."""

WORKERS, TASKS = 64, 4_000
"""The workers with which the real program is measured, and the tasks of its one job."""

SMALL_BYTES: Final = 1000
"""Bytes of a chunk whose payload costs next to nothing, so that its task costs only messages and scheduling."""

LINE_BITS_PER_S: Final = 10e9
"""A network line of the middleware's machine: 10 Gbit/s each way. Chunks come in and go out once."""

MEMORY_BYTES: Final = 4 << 30
"""Memory that a middleware may take in this calculation, for waiting tasks and connected workers."""


def chunks_of(size: str, frames: int = 192) -> dict[str, Any]:
    """Return bytes and frames of a real clip's chunks at a size, and the frames that a core filters in a second of CPU
    time.

    The clip is the film of the tests, scaled and encoded with the settings that outputs have by default.
    """
    width, height = SIZES[size]
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        count = _write(clip, width, height, frames)
        _, cut = kinds.split(Material.single("video", clip), Cutting())
        chunks = [(len(chunk.payload), chunk.frame_count) for chunk in cut if chunk.stream == 0]
        before = time.process_time()
        done, _ = bare_loop(clip, "h264", Path(folder) / "out.mp4")
        seconds = time.process_time() - before
    if done != count or sum(own for _, own in chunks) != count:
        raise RuntimeError(f"of {count} frames {done} were done, and {sum(own for _, own in chunks)} were in chunks")
    return {
        "size": size,
        "chunk_bytes": sum(payload for payload, _ in chunks) // len(chunks),
        "chunk_frames": count / len(chunks),
        "frames_per_second": count / seconds,
    }


def _write(path: Path, width: int, height: int, frames: int) -> int:
    """Write the film at another size; returns how many frames it has."""
    encoder = Encoder()
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": encoder.preset, "crf": str(encoder.crf), "g": str(GOP)}
        count = 0
        with av.open(str(clips.film_times(6))) as film:
            for frame in film.decode(video=0):
                if count == frames:
                    break
                scaled = frame.reformat(width, height, "yuv420p")
                scaled.pts, scaled.time_base = count, Fraction(1, 25)
                output.mux(stream.encode(scaled))
                count += 1
        output.mux(stream.encode(None))
    return count


@dataclass(frozen=True, slots=True)
class Feeding:
    """One size. Times in microseconds of the middleware's CPU, for each task."""

    size: str
    chunk_bytes: int
    chunk_frames: float
    worker_frames_per_second: float
    us_scheduling: float  # in the dispatcher alone
    us_messages: float  # sockets, framing, ledger and commits, without payload
    us_payload: float  # the payload's way in and out
    us_beat: float
    bytes_task: float
    bytes_worker: float

    @property
    def us_task(self) -> float:
        """All that a task costs."""
        return self.us_scheduling + self.us_messages + self.us_payload

    @property
    def tasks_per_worker(self) -> float:
        """Tasks that one worker does a second."""
        return self.worker_frames_per_second / self.chunk_frames

    def limits(self) -> dict[str, float]:
        """Return how many workers there can be until each thing gives out."""
        beats_us = self.us_beat / Rules().beat_interval_s
        held = Rules().credit * self.bytes_task  # each worker's tasks, at least, are in memory
        return {
            "CPU": 1e6 / (self.tasks_per_worker * self.us_task + beats_us),
            "sockets": float(limits.MAX_WORKERS - 1),
            "line": LINE_BITS_PER_S / 8 / (self.tasks_per_worker * self.chunk_bytes),
            "memory": MEMORY_BYTES / (self.bytes_worker + held),
        }

    def gives_out_first(self) -> str:
        """Return the thing that bounds the number of workers."""
        found = self.limits()
        return min(found, key=lambda name: found[name])

    def report(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        found = self.limits()
        first = self.gives_out_first()
        workers = found[first]
        parts = {
            "scheduling": self.tasks_per_worker * self.us_scheduling,
            "messages": self.tasks_per_worker * self.us_messages,
            "payload": self.tasks_per_worker * self.us_payload,
            "signs of life": self.us_beat / Rules().beat_interval_s,
        }
        return {
            **asdict(self),
            "us_task": self.us_task,
            "tasks_per_second": 1e6 / self.us_task,
            "frames_per_second": 1e6 / self.us_task * self.chunk_frames,
            "payload_bytes_per_second": self.chunk_bytes / self.us_payload * 1e6 if self.us_payload else None,
            "workers": workers,
            "gives_out_first": first,
            "cpu_share": {name: share * workers / 1e6 for name, share in parts.items()},
            "limits": found,
        }


def measure(
    us_scheduling: float, us_scheduling_there: float, bytes_task: float, bytes_worker: float, sizes: list[str]
) -> list[dict[str, Any]]:
    """Return the report of each size, each part measured in a process of its own.

    Args:
        us_scheduling: of a task's life in the dispatcher alone, with many jobs and workers.
        us_scheduling_there: the same with one job and the workers with which the real program is measured.
        bytes_task, bytes_worker: of a queued task and of an idle worker in memory.
    """
    small = measured("bench.scaling.brokering:measure", chunk_bytes=SMALL_BYTES, workers=WORKERS, tasks=TASKS)
    fixed = small["us_per_chunk"] + small["us_per_life"]
    reports = []
    for size in sizes:
        chunk = measured("bench.scaling.feeding:chunks_of", size=size)
        bytes_and_more = {"chunk_bytes": chunk["chunk_bytes"], "workers": WORKERS, "tasks": TASKS}
        whole = measured("bench.scaling.brokering:measure", **bytes_and_more)
        reports.append(
            Feeding(
                size=size,
                chunk_bytes=chunk["chunk_bytes"],
                chunk_frames=chunk["chunk_frames"],
                worker_frames_per_second=chunk["frames_per_second"],
                us_scheduling=us_scheduling,
                us_messages=max(0.0, fixed - us_scheduling_there),
                us_payload=max(0.0, whole["us_per_chunk"] + whole["us_per_life"] - fixed),
                us_beat=small["us_per_beat"],
                bytes_task=bytes_task,
                bytes_worker=bytes_worker,
            ).report()
        )
    return reports
