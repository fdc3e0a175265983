"""A cluster as tables below each other, for what is no terminal, and for `--once`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from rich.text import Text

from moviola.base.trouble import Trouble
from moviola.base.vocabulary import Fault, WorkerState
from moviola.display.bars import duration
from moviola.display.terminal import Part, Terminal
from moviola.session.cluster_view import ClusterView
from moviola.session.units import counted, sized
from moviola.wire.messages import Aggregator, Overview, Worker
from moviola.wire.options import age_text, size_text

from .job_list import print_jobs
from .status_screen.columns import fitted
from .status_screen.errors import clock
from .status_screen.facts import Order
from .status_screen.workers import COLUMNS, LOST_SHOWN_S, in_order, worker_row
from .tables import state_text, table

JOBS_SHOWN: Final = 20
"""The newest so many jobs are in the table; `--json` has all jobs."""


def print_tables(console: Terminal, view: ClusterView) -> None:
    """Print the cluster in one line; a table of workers, of aggregators and of the newest jobs; the reasons of jobs
    that have one; and what went wrong lately."""
    if view.overview is not None:
        console.say(*_cluster(view.overview))
    aggregators = table("aggregator", "state", "reached at", "keeps results")
    for one in view.aggregators.values():
        aggregators.add_row(*_aggregator_cells(one))
    console.print()
    print_workers(console, view.workers)
    console.print(aggregators if view.aggregators else "No aggregator is connected.")
    if view.jobs:
        now_unix_s = time.time()  # noqa: TID251 - jobs are told by the time of day
        print_jobs(console, view.jobs.values(), now_unix_s, JOBS_SHOWN)
    for trouble in () if view.overview is None else view.overview.troubles:
        console.say(*_trouble(trouble))


def print_workers(console: Terminal, workers: Mapping[str, Worker]) -> None:
    """Print the workers by name, a line each; those that have left come last."""
    shown = in_order(workers.values(), Order.NAME)
    if not shown:
        console.print("No worker is connected.")
    for line in fitted(COLUMNS, [worker_row(one, 0.0) for one in shown], console.width - 2) if shown else ():
        console.say(" ", line)
    if len(shown) < len(workers):
        gone = counted(len(workers) - len(shown), "worker")
        console.say(f"{gone} gone for more than {duration(LOST_SHOWN_S)} not shown.")


def _aggregator_cells(one: Aggregator) -> list[Text | str]:
    state = state_text(WorkerState.READY if one.connected else WorkerState.LOST)
    return [one.name, state, ", ".join(map(str, one.addresses)), _kept(one)]


def _kept(one: Aggregator) -> str:
    """Return how long, and up to how many bytes, an aggregator keeps finished files."""
    limits = [
        "" if one.results_age_s is None else age_text(float(one.results_age_s)),
        "" if one.results_limit is None else f"up to {size_text(one.results_limit)}",
    ]
    return ", ".join(filter(None, limits)) or "all"


def _cluster(overview: Overview) -> list[Part]:
    """Return the cluster's line: frames per second, queued tasks and tasks in work, and what the spool holds."""
    tasks = f"{counted(overview.tasks_queued, 'task')} queued and {overview.tasks_in_flight} in work"
    spool = f"spool {sized(overview.spool_bytes)} of {sized(overview.spool_limit_bytes)}"
    return [(f"{overview.frames_per_s:.1f} frames/s", "bold"), f", {tasks}, {spool}"]


def _trouble(trouble: Trouble) -> list[Part]:
    """Return the line of something that went wrong: when, whose fault it was, and what happened."""
    where = trouble.job or trouble.worker
    times = f" (×{trouble.count})" if trouble.count > 1 else ""
    by = f" {trouble.filter}" if trouble.filter else ""
    fault: Part = (f"{trouble.fault}{by}", "yellow" if trouble.fault == Fault.FILTER else "red")
    return [f"{clock(trouble.unix_s)} ", fault, f" {where}: {trouble.text}{times}"]
