"""Measure the time and CPU that a gateway adds to a job: `python -m bench.gateway`.

The same file is processed in turn by `moviola send` and by curl through a gateway of the same cluster (an upload by
`PUT`, its events until the job has ended, a download of the result), and both results must have the same digest. A job
by curl is compared with the mean of the jobs by `moviola send` before and after it, so that a machine whose speed
drifts drifts for both; what is quoted is the median of the ratios. CPU is that of all processes of the cluster, of the
gateway and of the clients; the gateway's own part of it says most on a machine that does other things as well.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil
from rich.console import Console
from rich.table import Table

from bench.machine import description
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, output
from tests.processes import tree
from tests.web.served import Served

CHAIN: Final = "blur"

AIM: Final = 0.05
"""The aim: a gateway adds at most this part of the time and CPU that a job by `moviola send` takes."""


class Cost(NamedTuple):
    """Wall and CPU seconds of one job.

    Attributes:
        wall: from the first command to the last byte of the result.
        cpu: of all processes.
        clients: of `cpu`, what the commands took that a person would type.
        gateway: of `cpu`, what the gateway took.
    """

    wall: float
    cpu: float
    clients: float
    gateway: float

    @classmethod
    def mean(cls, one: Cost, other: Cost) -> Cost:
        """Return what is half way between two costs."""
        return cls(*(sum(pair) / 2 for pair in zip(one, other, strict=True)))


def by_send(cluster: LocalCluster, clip: Path, result: Path) -> str:
    """Process a file by `moviola send`; return the digest of the result."""
    outcome = cluster.send(str(clip), "--filters", CHAIN, "--new", "--out", str(result), "-y")
    return str(output(outcome)["digest"])


def by_curl(gateway: Served, clip: Path, result: Path) -> str:
    """Process a file by curl; return the digest of the result."""
    sent = json.loads(_curl("-T", str(clip), f"{gateway.url}/api/jobs/{clip.name}?filters={CHAIN}&new=on"))
    links = sent["jobs"][0]["links"]
    _curl("-N", f"{gateway.url}{links['events']}")
    job = json.loads(_curl(f"{gateway.url}{links['self']}"))
    assert job["state"] == "done", job
    _curl("-o", str(result), f"{gateway.url}{job['files'][0]['href']}")
    return str(job["outputs"][0]["digest"])


def _curl(*arguments: str) -> str:
    command = ["curl", "-sS", "--fail-with-body", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def cost_of(cluster: LocalCluster, gateway: Served, job: Callable[[], str]) -> tuple[Cost, str]:
    """Return what a job takes, and what it returns."""
    before, clients_before, began = _cpu_seconds(cluster), _waited_for(), time.monotonic()
    made = job()
    wall, clients, after = time.monotonic() - began, _waited_for() - clients_before, _cpu_seconds(cluster)
    taken = {name: after[name] - before[name] for name in after}
    return Cost(wall, sum(taken.values()) + clients, clients, taken[gateway.name]), made


def _cpu_seconds(cluster: LocalCluster) -> dict[str, float]:
    """Return the seconds of a core that each program has had so far, with all processes that it began."""
    return {name: sum(map(_own, tree(process.pid))) for name, process in cluster.processes.items()}


def _own(process: psutil.Process) -> float:
    """Return the CPU seconds of a process, and of those of its children that have ended."""
    try:
        return float(sum(process.cpu_times()[:4]))
    except psutil.NoSuchProcess:
        return 0.0  # its parent has it by now


def _waited_for() -> float:
    """Return the CPU seconds of all commands that this process has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


COLUMNS: Final = ("run", "send", "curl", "ratio", "CPU send", "CPU curl", "ratio", "gateway", "part")
"""The columns of the table. `gateway` is the gateway's CPU seconds during a job by curl, `part` what part they are of
all CPU seconds of a job by `moviola send`."""


def row_of(run: str, send: Cost, curl: Cost) -> list[str]:
    """Return the cells of one comparison."""
    return [
        run, f"{send.wall:.2f}", f"{curl.wall:.2f}", f"{curl.wall / send.wall:.3f}", f"{send.cpu:.2f}",
        f"{curl.cpu:.2f}", f"{curl.cpu / send.cpu:.3f}", f"{curl.gateway:.2f}", f"{curl.gateway / send.cpu:.1%}",
    ]  # fmt: skip


def measure(console: Console, clip: Path, runs: int, workers: int) -> list[tuple[Cost, Cost]]:
    """Return what each job by curl took, beside those by `moviola send` around it. Print a line for each."""
    pairs: list[tuple[Cost, Cost]] = []
    with (
        tempfile.TemporaryDirectory() as name,
        LocalCluster(Path(name), workers=workers) as cluster,
        Served(cluster) as gateway,
    ):
        results = Path(name) / "send.mp4", Path(name) / "curl.mp4"

        def send() -> tuple[Cost, str]:
            return cost_of(cluster, gateway, lambda: by_send(cluster, clip, results[0]))

        def curl() -> tuple[Cost, str]:
            return cost_of(cluster, gateway, lambda: by_curl(gateway, clip, results[1]))

        send(), curl()  # warm the page cache and the workers' imports
        before, _ = send()
        for run in range(1, runs + 1):
            (during, digest), (after, reference) = curl(), send()
            assert digest == reference == clips.digest(results[1]), "a gateway changes what comes out"
            pairs.append((Cost.mean(before, after), during))
            before = after
            cells = zip(COLUMNS, row_of(str(run), *pairs[-1]), strict=True)
            console.print(", ".join(map(" ".join, cells)), soft_wrap=True)
    return pairs


def table_of(pairs: list[tuple[Cost, Cost]], title: str) -> Table:
    """Return the table of all comparisons; its last row has the medians, of the ratios as well."""
    table = Table(title=title)
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for run, (send, curl) in enumerate(pairs, 1):
        table.add_row(*row_of(str(run), send, curl))
    send, curl = (Cost(*map(statistics.median, zip(*costs, strict=True))) for costs in zip(*pairs, strict=True))
    cells = row_of("median", send, curl)
    for place, ratios in ((3, _ratios(pairs, "wall")), (6, _ratios(pairs, "cpu"))):
        cells[place] = f"{statistics.median(ratios):.3f}"
    table.add_row(*cells, style="bold")
    return table


def _ratios(pairs: list[tuple[Cost, Cost]], name: str) -> list[float]:
    return [getattr(curl, name) / getattr(send, name) for send, curl in pairs]


def summary(pairs: list[tuple[Cost, Cost]]) -> dict[str, Any]:
    """Return what a run comes to, for programs."""
    part = statistics.median(curl.gateway / send.cpu for send, curl in pairs)
    return {
        "machine": description(),
        "runs": len(pairs),
        "wall_ratio": round(statistics.median(_ratios(pairs, "wall")), 4),
        "cpu_ratio": round(statistics.median(_ratios(pairs, "cpu")), 4),
        "gateway_cpu_part": round(part, 4),
        "send_client_cpu_s": round(statistics.median(send.clients for send, _ in pairs), 3),
        "gateway_cpu_s": round(statistics.median(curl.gateway for _, curl in pairs), 3),
        "is_within_aim": part <= AIM,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="jobs by curl (%(default)s)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--times", type=int, default=6, help="how often the film is in the clip (%(default)s)")
    args = parser.parse_args()
    clip, console = clips.film_times(args.times), Console()
    pairs = measure(console, clip, args.runs, args.workers)
    what = f"{clip.stem} ({len(clips.times(clip))} frames, {clip.stat().st_size / 1e6:.1f} MB), {CHAIN}"
    console.print(table_of(pairs, f"{what}, by moviola send and by curl through a gateway; seconds"))
    console.print_json(data=summary(pairs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
