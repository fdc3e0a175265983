"""How much slower a job is while many clients follow events, one of which never reads: `python -m bench.listeners`.

Jobs run in turn without and with the listeners, each over a connection of its own, of several users; all of them are
told everything. They work on the same machine, so their own share of the cores is taken out, as in bench/flood.py; what
they make the middleware do is not: that is what is measured. A run with them is compared with the mean of the runs
before and after it; what is quoted is the median of the ratios. On a machine that does other things as well the
middleware's own seconds of a core, which are in the table, say more.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final

import psutil
from rich.console import Console
from rich.table import Table

from moviola.session.target import hello
from moviola.wire.addresses import Address
from moviola.wire.events import Received
from moviola.wire.loop import Loop
from moviola.wire.messages import Events, Subscribe, Subscribed, Welcome
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster

EACH: Final = 90
"""Listeners of one user, who is an admin: all are told everything."""


def listen(port: int, secret: bytes, count: int) -> None:
    """Listen over so many connections, on the last of which nothing is read once it listens, until the input ends.
    Then print how many events came."""
    reading, stuck = Loop("client", secret=secret), Loop("client", secret=secret)
    for number in range(count):
        loop = reading if number < count - 1 else stuck
        loop.dial([Address("127.0.0.1", port)], hello(f"listener-{number // EACH}"))
    is_over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        is_over.set()
        reading.wake()

    begun = events = 0

    def take(loop: Loop, timeout_s: float) -> None:
        nonlocal begun, events
        for event in loop.turn(time.monotonic() + timeout_s):
            if isinstance(event, Received) and isinstance(event.message, Welcome):
                loop.send(event.connection, Subscribe())
            elif isinstance(event, Received) and isinstance(event.message, Subscribed):
                begun += 1
            elif isinstance(event, Received) and isinstance(event.message, Events):
                events += len(event.message.events)
        loop.flush()

    while begun < count:
        take(reading, 0.02)
        take(stuck, 0.02)
    print("ready", flush=True)
    threading.Thread(target=wait, daemon=True).start()
    while not is_over.is_set():
        take(reading, 5.0)
    print(json.dumps({"events": events}), flush=True)


class Audience:
    """A process with `count` clients that follow events; it ends with the `with` block."""

    def __init__(self, cluster: LocalCluster, count: int) -> None:
        self._command = [sys.executable, "-m", "bench.listeners", "--port", str(cluster.port)]
        self._command += ["--listeners", str(count)]
        self._secret = cluster.secret
        self.events = 0

    def __enter__(self) -> Audience:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1],
            env={**os.environ, "LISTENERS_SECRET": self._secret.hex()},
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "ready"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        out, _ = self._process.communicate("")
        self.events = int(json.loads(out)["events"])

    @property
    def process_id(self) -> int:
        """Return the id of the process that has the listeners."""
        return self._process.pid


def cpu_seconds(process_id: int) -> float:
    """Return the seconds of a core that a process has had."""
    times = psutil.Process(process_id).cpu_times()
    return float(times.user + times.system)


def run(cluster: LocalCluster, clip: Path, audience: Audience | None = None) -> tuple[float, float]:
    """Return a job's frames/s as they would have been without the listeners' own share of the cores, and the seconds of
    a core that the middleware took for it."""
    middleware = cluster.processes["middleware"].pid
    before, before_of_middleware = cpu_seconds(audience.process_id) if audience else 0.0, cpu_seconds(middleware)
    outcome = cluster.send(str(clip), "--filters", "blur", "--new")
    taken = (cpu_seconds(audience.process_id) - before if audience else 0.0) / (os.cpu_count() or 1)
    frames = outcome["frames_per_second"] * outcome["seconds"]
    return frames / (outcome["seconds"] - taken), cpu_seconds(middleware) - before_of_middleware


def measure(count: int, runs: int, frames: int) -> None:
    """Print a line for each run, and the table of all."""
    columns = ("run", "without", "with", "ratio", "middleware without", "middleware with", "events told")
    table = Table(title=f"frames/s, and the middleware's seconds of a core, with {count} listeners, one of them stuck")
    for column in columns:
        table.add_column(column, justify="right")
    console, ratios = Console(), []
    with tempfile.TemporaryDirectory() as name:
        clip = clips.moving(Path(name) / "clip.mp4", frames=frames, gop=16, size=(640, 360))
        admins = [flag for number in range(count // EACH + 1) for flag in ("--admin", f"listener-{number}")]
        with LocalCluster(Path(name), workers=2, middleware_arguments=admins) as cluster:
            run(cluster, clip)  # warm the page cache and the workers' imports
            before = run(cluster, clip)
            for number in range(1, runs + 1):
                with Audience(cluster, count) as audience:
                    during = run(cluster, clip, audience)
                after = run(cluster, clip)
                alone, before = ((before[0] + after[0]) / 2, (before[1] + after[1]) / 2), after
                ratios.append(during[0] / alone[0])
                row = [str(number), f"{alone[0]:.1f}", f"{during[0]:.1f}", f"{ratios[-1]:.3f}"]
                row += [f"{alone[1]:.2f} s", f"{during[1]:.2f} s", str(audience.events)]
                table.add_row(*row)
                console.print(", ".join(map(" ".join, zip(columns, row, strict=True))), soft_wrap=True)
    table.add_row("median", "", "", f"{statistics.median(ratios):.3f}", "", "", "", style="bold")
    console.print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3, help="with the listeners (%(default)s)")
    parser.add_argument("--frames", type=int, default=3000, help="of the job's clip (%(default)s)")
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)  # of the middleware, in the listeners' process
    args = parser.parse_args()
    if args.port:
        listen(args.port, bytes.fromhex(os.environ["LISTENERS_SECRET"]), args.listeners)
    else:
        measure(args.listeners, args.runs, args.frames)
    return 0


if __name__ == "__main__":
    sys.exit(main())
