"""Jobs as a list, for people and programs: a table with a line for each, and what they came to together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from moviola.base.progress import Progress
from moviola.base.vocabulary import FINAL, JobState
from moviola.display.bars import age, duration
from moviola.display.terminal import Terminal
from moviola.session.job_ids import short_id
from moviola.session.units import counted
from moviola.wire.messages import Job

from .tables import frames_of, job_json, share, state_text, table

JOBS_SHOWN: Final = 40
"""The newest so many jobs are listed by default."""

OTHER_CELLS: Final = 56
"""Cells that all other columns of the list need together, with the narrowest column of filters."""

MIN_ID_WIDTH: Final = 20
"""Cells that an id gets at least. A longer one loses its middle, so that it can be told from others and copied."""

_TASKS: Final = ("tasks_queued", "tasks_in_flight", "tasks_stored", "retries")


def as_json(jobs: Collection[Job]) -> dict[str, Any]:
    """Return all jobs, oldest first, and their sums, as JSON types."""
    return {"jobs": [job_json(job) for job in _by_age(jobs)], "totals": totals(jobs)}


def totals(jobs: Collection[Job]) -> dict[str, Any]:
    """Return the sums over jobs: how many are in each state; how many tasks wait, are in work, are stored, and were
    retried. `job_success` is the share of ended jobs that are `done`, `task_success` that of stored results among all
    tries (0 … 1; None while there are none)."""
    states = Counter(job.state for job in jobs)
    tasks = {name: sum(getattr(job.progress, name) for job in jobs) for name in _TASKS}
    ended = sum(states[state] for state in FINAL)
    tried = tasks["tasks_stored"] + tasks["retries"]
    return {
        "jobs": dict(states),
        **tasks,
        "job_success": states[JobState.DONE] / ended if ended else None,
        "task_success": tasks["tasks_stored"] / tried if tried else None,
    }


def print_jobs(console: Terminal, jobs: Collection[Job], now_unix_s: float, limit: int = JOBS_SHOWN) -> None:
    """Print the newest jobs in a table, below it the reasons of those that have one, and the sums of all jobs."""
    if not jobs:
        console.print("There are no jobs.")
        return
    newest = _by_age(jobs)[-limit:]
    has_priorities = any(job.priority for job in newest)
    has_users = len({job.user for job in newest}) > 1
    has_retries = any(job.progress.retries for job in newest)
    columns = ["user"] * has_users + [">age", ">took", "state"] + [">prio"] * has_priorities
    rows = table("job", *columns, ">done", ">queue", *[">retried"] * has_retries, "filters")
    longest = max(len(job.job) for job in newest)
    id_width = min(longest, max(MIN_ID_WIDTH, console.width - OTHER_CELLS - 8 * (has_priorities + has_retries)))
    rows.columns[0].no_wrap = True
    for job in newest:
        is_over = job.state in FINAL
        rows.add_row(
            short_id(job.job, id_width),
            *[job.user] * has_users,
            age(now_unix_s - job.submitted_unix_s),
            duration(job.seconds) if is_over else "",
            state_text(job.state),
            *[str(job.priority)] * has_priorities,
            _done(job),
            "" if is_over else _queue(job.progress),
            *[str(job.progress.retries)] * has_retries,
            ", ".join(job.progress.outputs),
        )
    console.print(rows)
    for job in newest:
        if job.reason:
            console.say((job.job, "bold"), ": ", job.reason)
    if len(newest) < len(jobs):
        console.say(f"{counted(len(jobs) - len(newest), 'older job')} not shown; --limit {len(jobs)} shows all.")
    for line in _sums(totals(jobs)):
        console.say(line)


def _done(job: Job) -> str:
    """Return `all`, or how many frames of how many are done."""
    _, _, done, wanted = frames_of(job)
    return "all" if wanted is not None and done == wanted and wanted else share(done, wanted)


def _queue(progress: Progress) -> str:
    """Tasks queued and in work."""
    return f"{progress.tasks_queued}+{progress.tasks_in_flight}"


def _sums(sums: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line about all jobs, and one about all their tasks."""
    states = ", ".join(f"{count} {state}" for state, count in sorted(sums["jobs"].items()))
    success = "" if sums["job_success"] is None else f" ({sums['job_success']:.0%} of those that ended are done)"
    yield f"Jobs: {states}{success}"
    retried = f"{sums['retries']} retried, {sums['tasks_stored']} stored"
    success = "" if sums["task_success"] is None else f" ({sums['task_success']:.0%} of all tries)"
    yield f"Tasks: {sums['tasks_queued']} queued, {sums['tasks_in_flight']} in work, {retried}{success}"


def _by_age(jobs: Collection[Job]) -> list[Job]:
    return sorted(jobs, key=lambda job: job.submitted_unix_s)
