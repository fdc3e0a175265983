"""One function for each way to do the work: it gets a clip and a target, and returns frames and seconds.

Each runs in a process of its own (bench/children.py). The seconds begin when the frames begin to flow: what it takes to
import a library and to start its processes is not counted, for any of them.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from bench.alternatives import work
from bench.alternatives.work import Pixels
from tests.end_to_end import clips
from tests.end_to_end.cluster import free_port

AHEAD: Final = 4
"""Batches on their way for each process: enough that none waits, few enough for the memory of a small machine."""

LOCALHOST: Final = "127.0.0.1"


def own_loop(name: str, clip: str, target: str) -> list[float]:
    """One process: read, filter, write; decoder, OpenCV and encoder take all cores."""
    return work.timed((work.apply(name, image) for image in work.frames_of(Path(clip))), Path(target))


def pool(name: str, clip: str, target: str) -> list[float]:
    """`multiprocessing.Pool`: frames are pickled to a process on each core, and back."""
    with multiprocessing.get_context("spawn").Pool() as processes:
        processes.map(_warm, range(cores()))

        def results() -> Iterator[Pixels]:
            waiting: deque[Any] = deque()
            for batch in work.batches_of(Path(clip)):
                waiting.append(processes.apply_async(work.apply_to_batch, (name, batch)))
                if len(waiting) >= AHEAD * cores():
                    yield from waiting.popleft().get()
            while waiting:
                yield from waiting.popleft().get()

        return work.timed(results(), Path(target))


def ffmpeg(name: str, clip: str, target: str) -> list[float]:
    """FFmpeg's program with a filter of its own, sound copied."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", clip, "-vf", work.WORKS[name].ffmpeg]
    command += ["-c:v", "libx264", "-preset", work.PRESET, "-crf", str(work.CRF), "-pix_fmt", "yuv420p"]
    started = time.monotonic()
    subprocess.run([*command, "-c:a", "copy", target], check=True)
    seconds = time.monotonic() - started
    return [sum(1 for _ in work.frames_of(Path(target))), seconds]


def ray(name: str, clip: str, target: str) -> list[float]:
    """Ray: a task for each batch of frames, which go through its object store."""
    import ray as engine  # noqa: PLC0415 - no dependency of ours

    engine.init("local", num_cpus=cores(), include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    remote = engine.remote(work.apply_to_batch)
    engine.get([engine.remote(_warm).remote(0) for _ in range(cores())])

    def results() -> Iterator[Pixels]:
        waiting: deque[Any] = deque()
        for batch in work.batches_of(Path(clip)):
            waiting.append(remote.remote(name, batch))
            if len(waiting) >= AHEAD * cores():
                yield from engine.get(waiting.popleft())
        while waiting:
            yield from engine.get(waiting.popleft())

    try:
        return work.timed(results(), Path(target))
    finally:
        engine.shutdown()


def moviola_on_ray(name: str, clip: str, target: str) -> list[float]:
    """`--engine ray`: chunks, not frames, go through Ray's object store; decoding, filter and encoding are tasks."""
    import ray as engine  # noqa: PLC0415 - no dependency of ours

    import moviola  # noqa: PLC0415 - the other ways do without

    engine.init("local", num_cpus=cores(), include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    chain = work.WORKS[name].moviola
    try:
        with tempfile.TemporaryDirectory() as folder, moviola.Cluster.ray(state=folder) as cluster:
            short = clips.film_times(cores())  # a chunk for each process, so that all have loaded their libraries
            cluster.submit(short, chain, out=f"{folder}/warm.mp4").wait()
            result = cluster.submit(clip, chain, out=target, overwrite=True).wait()
        return [result.output.frames_in, result.seconds]
    finally:
        engine.shutdown()


def celery(name: str, clip: str, target: str) -> list[float]:
    """Celery with Redis as broker and store: a task for each batch of frames, pickled."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "BENCH_REDIS": f"redis://{LOCALHOST}:{port}/0"}
        environment["C_FORCE_ROOT"] = "1"  # else a worker of root's refuses pickled tasks; these come from us alone
        os.environ["BENCH_REDIS"] = environment["BENCH_REDIS"]
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", LOCALHOST, "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        command = [sys.executable, "-m", "celery", "--app", "bench.alternatives.celery_app", "--quiet", "worker"]
        command += ["--concurrency", str(cores()), "--loglevel", "ERROR", "--without-gossip", "--without-mingle"]
        quiet = subprocess.DEVNULL
        workers = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
        try:
            from bench.alternatives.celery_app import filter_batch  # noqa: PLC0415 - reads BENCH_REDIS

            for reply in [filter_batch.delay("blur", None) for _ in range(cores())]:
                reply.get(timeout=60)

            def results() -> Iterator[Pixels]:
                waiting: deque[Any] = deque()
                for batch in work.batches_of(Path(clip)):
                    waiting.append(filter_batch.delay(name, batch))
                    if len(waiting) >= AHEAD * cores():
                        yield from taken(waiting.popleft())
                while waiting:
                    yield from taken(waiting.popleft())

            def taken(reply: Any) -> Pixels:
                batch: Pixels = reply.get(timeout=60)
                reply.forget()
                return batch

            return work.timed(results(), Path(target))
        finally:
            for process in (workers, server):
                process.terminate()
                process.wait()


def cores() -> int:
    """Return how many processes work at once: one on each core."""
    return os.cpu_count() or 1


def _warm(_number: int) -> None:
    """Load what a task needs, before the time is taken."""
    time.sleep(0.2)  # noqa: TID251 - long enough that every process takes one


WAYS: Final[dict[str, tuple[str, str]]] = {
    "own loop": ("own_loop", ""),
    "multiprocessing": ("pool", ""),
    "FFmpeg": ("ffmpeg", "ffmpeg"),
    "Ray": ("ray", "ray"),
    "Moviola on Ray": ("moviola_on_ray", "ray"),
    "Celery": ("celery", "celery"),
}
"""Each way by its name: the function of this module that does it, and the program or package that it needs."""


def missing(needed: str) -> bool:
    """Return True if what a way needs is not installed here."""
    if needed == "celery":
        return any(find_spec(each) is None for each in ("celery", "redis")) or shutil.which("redis-server") is None
    return bool(needed) and shutil.which(needed) is None and find_spec(needed) is None
