"""One job for people and programs: all that is known of it, what went wrong in it, and what happened when."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from rich.text import Text

from moviola.base.details import RequestedOutput, RequestedStep, StoryLine
from moviola.base.failures import Failure
from moviola.base.output_summary import OutputSummary
from moviola.display.bars import duration
from moviola.display.terminal import Part, Terminal, styled
from moviola.filters.chain import Step, format_chain
from moviola.filters.schema import FilterSchema
from moviola.media.errors import SENTENCES, last_line
from moviola.media.kinds import unit_of
from moviola.session.shortfall import MACHINES, WORDS, reason_of
from moviola.session.units import counted
from moviola.wire.messages import Job

from .tables import frames_of, job_json, share, state_text

_FAILED: Final = {"job_failure": "a filter failed", MACHINES: "a worker failed"}
"""The types of failures, in words."""

SIZE_IN_MB: Final = 100_000
"""Bytes from which a size is told in MB: two decimals then say something."""


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


def print_details(console: Terminal, job: Job, schemas: Mapping[str, FilterSchema]) -> None:
    """Print one job, a line for each thing worth knowing. Chains are printed with the parameters that are not at their
    defaults, if the filter's schema is known."""
    for name, value in _lines(job, schemas):
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


def print_log(console: Terminal, job: Job) -> None:
    """Print what happened to all tasks of a job, a line for each thing with its time of day, and how the job ended."""
    story = job.details.story or []
    console.say(_clock(job.submitted_unix_s), "  submitted by ", job.user or "somebody")
    width = max((len(f"{line.output} {line.chunk}") for line in story), default=0)
    for line in story:
        console.say(_clock(line.unix_s), "  ", (f"{f'{line.output} {line.chunk}':<{width}}", "bold"), "  ", line.text)
    for failure in job.details.failures:
        console.say(" " * len(_clock(0.0)), "  ", ("failure", "bold red"), "  ", failure_line(failure, _unit(job)))
    if job.seconds:
        ended = _clock(job.submitted_unix_s + job.seconds)
        console.say(ended, "  ", _state_and_reason(job, job.reason))
    if not story:
        console.say("Nothing more is known: what happened to its tasks is kept for the newest jobs only.")


def _clock(unix_s: float) -> str:
    """`2026-11-28 21:03:07.120`, by this machine's clock and zone."""
    whole = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix_s))
    return f"{whole}.{int(unix_s % 1 * 1000):03}"


def _print_story(console: Terminal, story: list[StoryLine]) -> None:
    """Print what happened to the tasks of one chunk, a line for each thing, with the seconds since the first."""
    if not story:
        console.say("Nothing is known of this chunk any more: only what happened lately is kept, and all troubles.")
    first = next((line.unix_s for line in story if line.unix_s), 0.0)
    names = max((len(line.output) for line in story), default=0)
    for line in story:
        at = f"{line.unix_s - first:+9.2f} s" if line.unix_s else " " * 11
        console.say(at, "  ", (f"{line.output:<{names}}", "bold"), "  ", line.text)


def _lines(job: Job, schemas: Mapping[str, FilterSchema]) -> Iterator[tuple[str, Part]]:
    progress, details = job.progress, job.details
    yield "job", job.job
    yield "source", job.name
    yield "user", job.user
    yield "state", _state_and_reason(job, reason_of(job))
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
        came_to = ended.get(asked.name)
        yield "output", _output_line(asked, came_to, _unit(job), schemas)
        for sentence in came_to.found if came_to is not None else ():
            yield "", sentence
    for file in job.files:
        if file.folder:  # the file is a list of what lies in it
            yield "folder", f"{file.folder}/"
        else:
            yield "file", f"{file.file}, {_size(file.size)}"
    addresses = ", ".join(map(str, job.addresses))
    if details.aggregator:
        yield "aggregator", details.aggregator + (f" at {addresses}" if addresses else "")


def _state_and_reason(job: Job, reason: str) -> Text:
    """Return `failed: it raised`, or only `cancelled by somebody` where the reason begins with the state."""
    if reason.startswith(f"{job.state} by "):
        return styled(state_text(job.state), reason.removeprefix(job.state))
    return styled(state_text(job.state), f": {reason}" if reason else "")


def _unit(job: Job) -> str:
    return unit_of(job.progress.kind)


def _size(size: int) -> str:
    return f"{size / 1e6:.2f} MB" if size >= SIZE_IN_MB else f"{size / 1e3:.2f} kB"


def _output_line(
    asked: RequestedOutput, came_to: OutputSummary | None, unit: str, schemas: Mapping[str, FilterSchema]
) -> str:
    chain = format_chain(Step(step.name, _chosen(step, schemas)) for step in asked.chain)
    parts = [f"{asked.name}: {chain}"]
    if came_to is not None:
        parts.append(counted(came_to.frames_out, unit))
        counts = {words: getattr(came_to, f"{name}_frames") for name, words in WORDS.items()}
        parts += [f"{count} {words}" for words, count in counts.items() if count]
        parts.append(f"digest {came_to.digest[:12]}")
    return ", ".join(parts)


def _chosen(step: RequestedStep, schemas: Mapping[str, FilterSchema]) -> dict[str, Any]:
    """Return the parameters of a filter that are not at their defaults."""
    schema = schemas.get(step.name)
    defaults = {} if schema is None else {each.name: each.default for each in schema.parameters}
    return {name: value for name, value in step.parameters.items() if name not in defaults or value != defaults[name]}


def first_of_each_kind(failures: Iterable[Failure]) -> Iterator[Failure]:
    """Yield the failures that tell something new: only the first of those that have the same output, filter and last
    line of traceback."""
    seen = set()
    for failure in failures:
        kind = (failure.output, failure.filter, last_line(failure.traceback) or failure.explanation)
        if kind not in seen:
            seen.add(kind)
            yield failure


def traceback_of(failure: Failure) -> str:
    """Return a failure's traceback; empty if its exception's text is a whole sentence for the person who chose the
    filter."""
    text = failure.traceback.rstrip()
    return "" if text.rpartition("\n")[2].startswith(SENTENCES) else text


def failure_line(failure: Failure, unit: str = "frame") -> str:
    """`a filter failed (exception) in output blur, chunk 3, frames 30-39, filter blur, on worker w1: it raised`."""
    parts = [
        f"in output {failure.output}, chunk {failure.chunk}",
        _span(unit, *failure.frames) if len(failure.frames) == 2 else "",
        f"filter {failure.filter}" if failure.filter else "",
        f"on worker {failure.worker}" if failure.worker else "",
    ]
    where = ", ".join(part for part in parts if part)
    what = _FAILED.get(failure.failure_type, failure.failure_type)
    return f"{what} ({failure.failure_reason}) {where}: {failure.explanation}"


def _span(unit: str, first: int, last: int) -> str:
    return f"{unit} {first}" if first == last else f"{unit}s {first}-{last}"
