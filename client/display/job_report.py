"""Jobs for people: all of them as a table with what they came to together, or one with all that is known of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from moviola.base.details import RequestedOutput, StoryLine
from moviola.base.failures import Failure
from moviola.base.output_summary import OutputSummary
from moviola.base.progress import Progress
from moviola.base.vocabulary import JobState
from moviola.display.bars import duration
from moviola.display.terminal import Part, Terminal, styled
from moviola.filters.chain import Step, format_chain
from moviola.media.errors import SENTENCES
from moviola.media.kinds import unit_of
from moviola.session.job_session import FINAL_STATES
from moviola.session.units import counted
from moviola.wire.messages import Job

from .tables import frames_of, job_json, share, state_text, table

JOBS_SHOWN: Final = 40
"""Of the jobs the newest so many; `--json` has them all."""

SIZE_IN_MB: Final = 100_000
"""Bytes from which a size is told in MB: two decimals then say something."""

OTHER_CELLS: Final = 48
"""Cells that a list of jobs needs beside ids and outputs. Outputs are folded first, to leave ids of up to a quarter of
the width in one piece, which can be copied."""

_SHORTFALLS: Final = {"fallback": "passed on unfiltered", "lost": "lost", "damaged": "patched up by the decoder"}
"""What became of frames that are not as they should be, by the beginning of their count's name."""

_TASKS: Final = ("tasks_queued", "tasks_in_flight", "tasks_stored", "retries")


def as_json(jobs: Collection[Job]) -> dict[str, Any]:
    """All jobs, oldest first, and their sums."""
    return {"jobs": [job_json(job) for job in _by_age(jobs)], "totals": totals(jobs)}


def totals(jobs: Collection[Job]) -> dict[str, Any]:
    """How many jobs are in each state, how many tasks wait, are in work, stored and were retried, and the shares of
    jobs that ended as `done`, and of tasks that needed no second try (0 … 1; None where nothing has ended)."""
    states = Counter(job.state for job in jobs)
    tasks = {name: sum(getattr(job.progress, name) for job in jobs) for name in _TASKS}
    ended = sum(states[state] for state in FINAL_STATES)
    tried = tasks["tasks_stored"] + tasks["retries"]
    return {
        "jobs": dict(states),
        **tasks,
        "job_success": states[JobState.DONE] / ended if ended else None,
        "task_success": tasks["tasks_stored"] / tried if tried else None,
    }


def print_jobs(console: Terminal, jobs: Collection[Job]) -> None:
    """The newest jobs in a table, why those that wait or failed do, and the sums of all."""
    if not jobs:
        console.print("There are no jobs.")
        return
    newest = _by_age(jobs)[-JOBS_SHOWN:]
    priorities = any(job.priority for job in newest)
    users = len({job.user for job in newest}) > 1
    columns = (*["user"] * users, "outputs", "state", *[">prio"] * priorities, ">sent", ">done", ">queue", ">retried")
    rows = table("job", *columns)
    longest = max(len(job.job) for job in newest)
    rest = console.width - OTHER_CELLS - min(longest, console.width // 4)
    rows.columns[1 + users].max_width = max(len("outputs"), rest)
    for job in newest:
        sent, total, done, wanted = frames_of(job)
        progress = job.progress
        rows.add_row(
            job.job,
            *[job.user] * users,
            ", ".join(progress.outputs),
            state_text(job.state),
            *[str(job.priority)] * priorities,
            "all" if sent == total else str(sent),
            share(done, wanted),
            "" if job.state in FINAL_STATES else _queue(progress),
            str(progress.retries),
        )
    console.print(rows)
    for job in newest:
        if job.reason:
            console.say((job.job, "bold"), ": ", job.reason)
    for line in _sums(totals(jobs)):
        console.say(line)


def _queue(progress: Progress) -> str:
    """Tasks queued and in work."""
    return f"{progress.tasks_queued}+{progress.tasks_in_flight}"


def _sums(sums: Mapping[str, Any]) -> Iterator[str]:
    """What they came to together, and how much of it is left."""
    states = ", ".join(f"{count} {state}" for state, count in sorted(sums["jobs"].items()))
    success = "" if sums["job_success"] is None else f" ({sums['job_success']:.0%} of those that ended are done)"
    yield f"Jobs: {states}{success}"
    retried = f"{sums['retries']} retried, {sums['tasks_stored']} stored"
    success = "" if sums["task_success"] is None else f" ({sums['task_success']:.0%} of all tries)"
    yield f"Tasks: {sums['tasks_queued']} queued, {sums['tasks_in_flight']} in work, {retried}{success}"


def _by_age(jobs: Collection[Job]) -> list[Job]:
    return sorted(jobs, key=lambda job: job.submitted_unix_s)


# ── one job ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def details_as_json(job: Job) -> dict[str, Any]:
    """Everything that the middleware tells of one job."""
    details = job.details.to_wire()
    if job.details.story is None:
        del details["story"]
    ended = {output.name: output.to_wire() for output in job.outputs}
    return {
        **job_json(job),
        **details,
        "outputs": [{**asked, **ended.get(asked["name"], {})} for asked in details["outputs"]],
        "files": [file.to_wire() for file in job.files],
        "addresses": [address.to_wire() for address in job.addresses],
    }


def print_details(console: Terminal, job: Job) -> None:
    """One job, a line for each thing worth knowing."""
    for name, value in _lines(job):
        console.say((f"{name:<10}", "bold"), " ", value)
    for failure in job.details.failures:
        line = failure_line(failure, _unit(job))
        console.say()
        console.say(("failure", "bold red"), "    ", line)
        for line in traceback_of(failure).splitlines():
            console.say(f"  {line}")
    if job.details.story is not None:
        console.say()
        _print_story(console, job.details.story)


def _print_story(console: Terminal, story: list[StoryLine]) -> None:
    """What happened to the tasks of one chunk, a line for each thing, with the seconds since the first."""
    if not story:
        console.say("Nothing is known of this chunk any more: only what happened lately is kept, and all troubles.")
    first = next((line.unix_s for line in story if line.unix_s), 0.0)
    names = max((len(line.output) for line in story), default=0)
    for line in story:
        at = f"{line.unix_s - first:+9.2f} s" if line.unix_s else " " * 11
        console.say(at, "  ", (f"{line.output:<{names}}", "bold"), "  ", line.text)


def _lines(job: Job) -> Iterator[tuple[str, Part]]:
    progress, details = job.progress, job.details
    yield "job", job.job
    yield "source", job.name
    yield "user", job.user
    yield "state", styled(state_text(job.state), f": {job.reason}" if job.reason else "")
    submitted = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(job.submitted_unix_s))
    yield "submitted", submitted + (f", ended after {duration(job.seconds)}" if job.seconds else "")
    yield "priority", f"{job.priority}; on error: {details.on_error}"
    sent, total, done, wanted = frames_of(job)
    yield f"{_unit(job)}s", f"{share(sent, total)} sent, {share(done, wanted)} done"
    chunks = share(progress.chunks_sent, progress.chunks_total)
    stored = share(progress.tasks_stored, progress.tasks_total)
    flow = f"{progress.tasks_queued} queued, {progress.tasks_in_flight} in work, {stored} stored"
    yield "tasks", f"{chunks} chunks here; {flow}, {progress.retries} retried"
    ended = {output.name: output for output in job.outputs}
    for asked in details.outputs:
        yield "output", _output_line(asked, ended.get(asked.name), _unit(job))
    for file in job.files:
        if file.folder:  # the file is a list of what lies in it
            yield "folder", f"{file.folder}/"
        else:
            yield "file", f"{file.file}, {_size(file.size)}"
    addresses = ", ".join(map(str, job.addresses))
    if details.aggregator:
        yield "aggregator", details.aggregator + (f" at {addresses}" if addresses else "")


def _unit(job: Job) -> str:
    return unit_of(job.progress.kind)


def _size(size: int) -> str:
    return f"{size / 1e6:.2f} MB" if size >= SIZE_IN_MB else f"{size / 1e3:.2f} kB"


def _output_line(asked: RequestedOutput, came_to: OutputSummary | None, unit: str) -> str:
    chain = format_chain(Step(step.name, step.parameters) for step in asked.chain)
    parts = [f"{asked.name}: {chain}"]
    if came_to is not None:
        parts.append(counted(came_to.frames_out, unit))
        counts = {words: getattr(came_to, f"{name}_frames") for name, words in _SHORTFALLS.items()}
        parts += [f"{count} {words}" for words, count in counts.items() if count]
        parts.append(f"digest {came_to.digest[:12]}")
    return ", ".join(parts)


def traceback_of(failure: Failure) -> str:
    """A failure's traceback; nothing where its explanation is a sentence for whoever chose the filter."""
    text = failure.traceback.rstrip()
    return "" if text.rpartition("\n")[2].startswith(SENTENCES) else text


def failure_line(failure: Failure, unit: str = "frame") -> str:
    """`job_failure (exception) in output blur, chunk 3, frames 30-39, filter blur, on worker w1: it raised`."""
    parts = [
        f"in output {failure.output}, chunk {failure.chunk}",
        _span(unit, *failure.frames) if len(failure.frames) == 2 else "",
        f"filter {failure.filter}" if failure.filter else "",
        f"on worker {failure.worker}" if failure.worker else "",
    ]
    where = ", ".join(part for part in parts if part)
    return f"{failure.failure_type} ({failure.failure_reason}) {where}: {failure.explanation}"


def _span(unit: str, first: int, last: int) -> str:
    return f"{unit} {first}" if first == last else f"{unit}s {first}-{last}"
