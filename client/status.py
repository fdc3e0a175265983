"""Shows what a cluster is made of and what it does, or waits until it is complete.

Exit status: 0 shown, or complete; 1 not complete in time; 2 wrong usage; 3 no middleware to reach.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from rich.text import Text

from moviola.base.invocation import typed
from moviola.base.vocabulary import Topic, WorkerState
from moviola.display.bars import duration
from moviola.display.terminal import Terminal, stacked
from moviola.session.cluster_settings import ClusterSettings
from moviola.session.cluster_view import ClusterView, look
from moviola.session.target import UsageError
from moviola.session.units import counted
from moviola.wire.errors import WireError
from moviola.wire.messages import Aggregator, Worker
from moviola.wire.options import age_text, size_text

from .display.job_list import print_jobs
from .display.tables import job_json, state_text, table
from .display.watching import keep_showing
from .options import Parser, read_target
from .settings import StatusSettings

TOPICS = (Topic.WORKERS, Topic.JOBS)
JOBS_SHOWN = 20
"""Of the jobs the newest so many, in the table; `--json` has them all."""

LOST_SHOWN_S = 600.0
"""How long a worker that is gone is shown: it may come back, or have been taken away on purpose."""


class Status(IntEnum):
    """The exit statuses of `client.status`."""

    OK = 0
    INCOMPLETE = 1
    WRONG = 2
    UNREACHABLE = 3


def main(arguments: Sequence[str] | None = None) -> int:
    options = _read_options(arguments)
    stdout, stderr = Terminal(), Terminal(stderr=True)

    def complete(view: ClusterView) -> bool:
        return view.is_current and not _missing(view, options)

    until = complete if options.wait else (lambda view: view.is_current)
    try:
        if options.watch:
            keep_showing(stdout, read_target(options), TOPICS, print_tables)
            return Status.OK
        view = look(read_target(options), TOPICS, until=until, timeout_s=options.timeout, retry=options.wait)
    except UsageError as error:
        return stderr.fail(Status.WRONG, str(error))
    except WireError as error:
        return stderr.fail(Status.UNREACHABLE, str(error))
    except TimeoutError as error:
        return stderr.fail(Status.INCOMPLETE, f"Not complete within {options.timeout} s: {error}")
    if options.json:
        stdout.json(as_json(view))
    elif not options.wait:
        print_tables(stdout, view)
    return Status.OK


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    summary, _, statuses = (__doc__ or "").partition("\n\n")
    parser = Parser(prog=typed("status"), description=summary, epilog=statuses)
    parser.add(ClusterSettings, StatusSettings)
    return parser.read(arguments)


def _missing(view: ClusterView, options: argparse.Namespace) -> bool:
    workers, aggregators = len(view.connected_workers()), len(view.connected_aggregators())
    return bool(workers < options.workers or aggregators < options.aggregators)


def as_json(view: ClusterView) -> dict[str, Any]:
    """Everything that is known, as JSON types."""
    return {
        "workers": [
            {"name": worker.name, "state": worker.state, **_facts_json(worker)} for worker in view.workers.values()
        ],
        "aggregators": [
            {
                "name": one.name,
                "store": one.store,
                "addresses": [address.to_wire() for address in one.addresses],
                "connected": one.connected,
                "results_age_s": one.results_age_s,
                "results_limit": one.results_limit,
            }
            for one in view.aggregators.values()
        ],
        "jobs": [job_json(job) for job in view.jobs.values()],
    }


def _facts_json(worker: Worker) -> dict[str, Any]:
    """Return what is told of a worker, but for the schemas of its filters."""
    facts = worker.facts.to_wire()
    del facts["schemas"]
    return facts


def print_tables(console: Terminal, view: ClusterView) -> None:
    """Workers, aggregators and the newest jobs, a table each, and why those jobs that wait or failed do."""
    numbers = (">chunks", ">frames", ">frames/s", ">failed", ">cpu", ">MB", ">heard")
    workers = table("worker", "state", *numbers, "in flight")
    shown = [worker for worker in view.workers.values() if not _has_long_gone(worker)]
    for worker in sorted(shown, key=lambda one: one.name):
        workers.add_row(*_worker_cells(worker))
    aggregators = table("aggregator", "state", "reached at", "keeps results")
    for one in view.aggregators.values():
        aggregators.add_row(*_aggregator_cells(one))
    console.print(workers if shown else "No worker is connected.")
    if len(shown) < len(view.workers):
        gone = counted(len(view.workers) - len(shown), "worker")
        console.say(f"{gone} gone for more than {duration(LOST_SHOWN_S)} not shown.")
    console.print(aggregators if view.aggregators else "No aggregator is connected.")
    if view.jobs:
        now_unix_s = time.time()  # noqa: TID251 - jobs are told by the time of day
        print_jobs(console, view.jobs.values(), now_unix_s, JOBS_SHOWN)


def _has_long_gone(worker: Worker) -> bool:
    return worker.state == WorkerState.LOST and worker.facts.heard_s > LOST_SHOWN_S


def _worker_cells(worker: Worker) -> list[Text | str]:
    facts = worker.facts
    tasks = [f"{task.phase} {task.index}: {task.frames}" for task in facts.tasks]
    return [
        worker.name,
        state_text(worker.state),
        str(facts.chunks),
        str(facts.frames),
        f"{facts.frames_per_s:.1f}",
        str(facts.failures),
        f"{facts.cpu_percent:.0f}%",
        f"{facts.memory_bytes / 1e6:.0f}",
        f"{facts.heard_s:.1f}s",
        stacked(tasks),
    ]


def _aggregator_cells(one: Aggregator) -> list[Text | str]:
    state = state_text(WorkerState.READY if one.connected else WorkerState.LOST)
    return [one.name, state, ", ".join(map(str, one.addresses)), _kept(one)]


def _kept(one: Aggregator) -> str:
    """How long, and how many bytes of, finished files are kept."""
    limits = [
        "" if one.results_age_s is None else age_text(float(one.results_age_s)),
        "" if one.results_limit is None else f"up to {size_text(one.results_limit)}",
    ]
    return ", ".join(filter(None, limits)) or "all"


if __name__ == "__main__":
    sys.exit(main())
