"""How long the command takes before it does something: `python -m bench.startup`.

Each command and `python -c pass` are started in turn, so that both meet the same machine, and the difference of each
pair is taken: what Python itself needs is not ours to shorten. Both clocks are shown: the wall's, which a person feels,
and the processor's, which other processes on the machine disturb less: it decides. `send` is timed until its Submit has
arrived at a middleware on this machine, the others until they have ended.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from bench.machine import Watch, description
from moviola.launcher.clip import generate
from moviola.wire.messages import Submit
from tests.session.fakes import FakeCluster

ROOT: Final = Path(__file__).parents[1]

ROUNDS: Final = 15

LIMITS_S: Final = {"--help": 0.2, "filters": 0.2, "status": 0.25, "send": 0.35}
"""What each may take longer than `python -c pass`, in seconds. On a machine with a core to spare both clocks agree."""

POLL_S: Final = 0.001

DEADLINE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of the wall's and of the processor's clock."""

    wall_s: float
    cpu_s: float

    def __sub__(self, other: Took) -> Took:
        return Took(self.wall_s - other.wall_s, self.cpu_s - other.cpu_s)


def until_end(arguments: Sequence[str]) -> Took:
    """Run Python with these arguments to its end and return what that took."""
    began = time.monotonic()
    process = _started(arguments)
    _, _, usage = os.wait4(process.pid, 0)
    return Took(time.monotonic() - began, usage.ru_utime + usage.ru_stime)


def until_submit(arguments: Sequence[str], cluster: FakeCluster) -> Took:
    """Run Python with these arguments until a job has been submitted and return what that took."""
    before = cluster.count(Submit)
    began = time.monotonic()
    process = _started(arguments)
    watched = psutil.Process(process.pid)
    try:
        while cluster.count(Submit) == before:
            if time.monotonic() > began + DEADLINE_S or process.poll() is not None:
                said = process.stderr.read().decode() if process.stderr is not None else ""
                raise RuntimeError(f"{' '.join(arguments)} submitted nothing: {said}")
            time.sleep(POLL_S)  # noqa: TID251 - this measures, and busy waiting would take the core that is measured
        return Took(time.monotonic() - began, sum(watched.cpu_times()[:2]))
    finally:
        process.kill()
        process.wait()


def compare(name: str, run: Callable[[], Took], rounds: int) -> Took:
    """Run a command and `python -c pass` in turn; print and return the median of the differences."""
    run()  # its files are in the page cache from now on, and compiled
    differences = [run() - until_end(["-c", "pass"]) for _ in range(rounds)]
    result = Took(median(each.wall_s for each in differences), median(each.cpu_s for each in differences))
    quickest = min(each.wall_s for each in differences)
    print(
        f"{name:<8} {result.wall_s:8.3f} s {quickest:8.3f} s {result.cpu_s:8.3f} s   {LIMITS_S[name]:.2f} s", flush=True
    )
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and return 0 if all limits hold by the processor's clock, 1 if one does not."""
    parser = argparse.ArgumentParser(prog="python -m bench.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"pairs of runs a command ({ROUNDS})")
    given = parser.parse_args(arguments)
    print(f"{description()}; longer than `python -c pass`, {given.rounds} pairs of runs each")
    print(f"{'command':<8} {'median':>10} {'quickest':>10} {'processor':>10}   limit")
    with Watch() as watch, tempfile.TemporaryDirectory() as folder, FakeCluster() as cluster:
        cluster.script.never_finish = True  # whoever has submitted waits, and is ended by us
        clip = Path(folder) / "clip.mp4"
        generate(clip)
        there = ["--port", str(cluster.port), "--no-secret"]
        command = ["-m", "moviola"]
        results = {
            "--help": compare("--help", lambda: until_end([*command, "--help"]), given.rounds),
            "filters": compare("filters", lambda: until_end([*command, "filters", *there]), given.rounds),
            "status": compare("status", lambda: until_end([*command, "status", "--once", *there]), given.rounds),
            "send": compare(
                "send",
                lambda: until_submit([*command, "send", str(clip), "--new", "--results", folder, *there], cluster),
                given.rounds,
            ),
        }
    print(f"{watch.stolen:.0%} of the cores' time was taken by the host")
    return int(any(result.cpu_s > LIMITS_S[name] for name, result in results.items()))


def _started(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MOVIOLA_", "PYTHON"))}
    environment["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / "moviola-startup")  # as if installed
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
