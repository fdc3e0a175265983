"""What an honest user notices of a hostile crowd: `python -m bench.flood`.

Jobs run in turn without and with a crowd of silent connections, slow ones and a user at its limits (bench/crowd.py).
The crowd works on the same machine, so its own share of the cores is taken out: of a run's seconds those are
subtracted in which its process had a core, divided by the number of cores. What the crowd makes the cluster's own
processes do is not subtracted: that is what is measured. A run with the crowd is compared with the mean of the runs
before and after it; what is quoted is the median of the ratios. Meanwhile honest clients come once a second: dialled,
welcomed, and answered.
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
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

import psutil
from rich.console import Console
from rich.table import Table

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.hostile.peer import RawPeer

READY_S: Final = 120.0
"""How long a crowd may take until all its connections are open."""


class Flood:
    """A crowd around a port, while the `with` lasts.

    Args:
        port: of a middleware on this machine.
        silent, slow: connections of each sort.
        user: with a user at its limits.
    """

    def __init__(self, port: int, silent: int, slow: int, *, user: bool = True) -> None:
        self._command = [sys.executable, "-m", "bench.crowd", "--port", str(port)]
        self._command += ["--silent", str(silent), "--slow", str(slow), *(["--user"] if user else [])]
        self.sent_away: dict[str, int] = {}

    def __enter__(self) -> Flood:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "ready"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        out, _ = self._process.communicate("")
        self.sent_away = json.loads(out)

    def cpu_seconds(self) -> float:
        """Return the CPU seconds of the crowd's process up to now."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)


class Visitors:
    """Honest clients that come once a second during the `with` block. `seconds` has how long each took to be welcomed
    and answered."""

    def __init__(self, port: int) -> None:
        self._port, self._stop = port, threading.Event()
        self._thread = threading.Thread(target=self._come)
        self.seconds: list[float] = []

    def __enter__(self) -> Visitors:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _come(self) -> None:
        while not self._stop.wait(1.0):
            self.seconds.append(visit(self._port))


def visit(port: int) -> float:
    """Return how many seconds an honest client takes to be welcomed and answered."""
    begun = time.monotonic()
    with RawPeer(port) as peer:
        peer.say("Watch", topics=["workers"])
        peer.expect("Event", kind="current")
    return time.monotonic() - begun


def run(cluster: LocalCluster, arguments: Sequence[str], flood: Flood | None = None) -> tuple[float, float]:
    """Return the frames/s of a job as they were, and as they would have been without the crowd's own share of the
    cores."""
    before = flood.cpu_seconds() if flood else 0.0
    outcome = cluster.send(*arguments, "--new")
    taken = (flood.cpu_seconds() - before if flood else 0.0) / (os.cpu_count() or 1)
    frames = outcome["frames_per_second"] * outcome["seconds"]
    return frames / outcome["seconds"], frames / (outcome["seconds"] - taken)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="with the crowd (%(default)s)")
    parser.add_argument("--silent", type=int, default=4000)
    parser.add_argument("--slow", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=1500, help="of the job's clip (%(default)s)")
    args = parser.parse_args()
    columns = ("run", "without", "with", "its share taken out", "ratio", "slowest to be in", "sent away")
    table = Table(
        title=f"frames/s under {args.silent} silent and {args.slow} slow connections and a user at its limits"
    )
    for column in columns:
        table.add_column(column, justify="right")
    console, ratios, slowest = Console(), [], 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = clips.moving(folder / "clip.mp4", frames=args.frames, gop=16, size=(640, 360))
        arguments = (str(clip), "--filters", "blur")
        with LocalCluster(folder, workers=2) as cluster:
            run(cluster, arguments)  # warm the page cache and the workers' imports
            before, _ = run(cluster, arguments)
            for number in range(1, args.runs + 1):
                with Flood(cluster.port, args.silent, args.slow) as flood, Visitors(cluster.port) as visitors:
                    as_it_was, without_share = run(cluster, arguments, flood)
                after, _ = run(cluster, arguments)
                alone, before = (before + after) / 2, after
                ratios.append(without_share / alone)
                slowest = max([slowest, *visitors.seconds])
                row = [str(number), f"{alone:.1f}", f"{as_it_was:.1f}", f"{without_share:.1f}", f"{ratios[-1]:.3f}"]
                row += [f"{max(visitors.seconds, default=0.0):.2f} s", json.dumps(flood.sent_away)]
                table.add_row(*row)
                console.print(", ".join(map(" ".join, zip(columns, row, strict=True))), soft_wrap=True)
    table.add_row("median", "", "", "", f"{statistics.median(ratios):.3f}", f"{slowest:.2f} s", "", style="bold")
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
