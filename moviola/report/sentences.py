"""What a report says in sentences: how the job ended, and what in its result is not as it was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from moviola.base.failures import Failure
from moviola.base.sentences import capitalised
from moviola.base.vocabulary import JobState, SpanOutcome
from moviola.media.errors import last_line
from moviola.media.kinds import unit_of
from moviola.report.facts import MAX_DETAILED, Facts, OutputFacts
from moviola.report.words import counted, date, grouped, listed, runs, seconds
from moviola.session.job_session import FINAL_STATES
from moviola.session.shortfall import reason_of
from moviola.session.target import as_sentence
from moviola.wire.messages import Job

TABLE: Final = "table"
"""The kind of material whose filters leave things out."""

MAX_RUNS: Final = 12
"""Runs of frames that a sentence names; the others it only counts."""

_DIGITS: Final = re.compile(r"\d+")

MAX_CAUSES: Final = 8
"""Different causes of lost frames that are told apart."""


def verdict(facts: Facts) -> str:
    """Return in a sentence or two how the job stands."""
    job = facts.job
    unit = unit_of(job.progress.kind)
    if job.state == JobState.DONE:
        return _done(facts, unit)
    if job.state == JobState.PARTIAL:
        return as_sentence(f"A part of the result is not as it was asked for: {reason_of(job)}")
    if job.state in FINAL_STATES:
        reason = job.reason.removeprefix(f"{job.state} ")
        ended = f"It was {job.state}" if job.state == JobState.CANCELLED else "It failed"
        return (
            f"{ended} after {seconds(job.seconds)}, with {_share(job)}: {as_sentence(reason or 'no reason was given')}"
        )
    why = f": {job.reason}" if job.reason else ""
    told = f"It is {job.state}, with {_share(job)}{why}"
    return (
        f"{as_sentence(told)} This is how it was at {date(facts.made_unix_s)}; what came later is not in this report."
    )


def _done(facts: Facts, unit: str) -> str:
    job = facts.job
    total = sum(output.frames_in for output in job.outputs[:1])
    workers = facts.timeline.workers
    took = f"in {seconds(job.seconds)}" + (f" by {counted(len(workers), 'worker')}" if workers else "")
    if job.progress.kind == TABLE:  # to leave records out is what is asked for
        kept = [f"{output.name} has {grouped(output.frames_out)}" for output in job.outputs]
        return f"All {counted(total, unit)} were looked at, {took}: {listed(kept)}."
    outputs = f", for {len(job.outputs)} outputs each" if len(job.outputs) > 1 else ""
    return f"All {counted(total, unit)} came through{outputs}, {took}."


def _share(job: Job) -> str:
    wanted = job.progress.frames_wanted
    if not wanted:
        return f"{grouped(job.progress.frames_done)} {unit_of(job.progress.kind)}s done"
    return f"{min(1.0, job.progress.frames_done / wanted):.0%} done".replace("%", " %")


def changes(facts: Facts) -> list[str]:
    """Return what was lost, changed or done again, a sentence each."""
    unit = unit_of(facts.job.progress.kind)
    several = len(facts.outputs) > 1
    found: dict[str, None] = {}
    if len(facts.outputs) > MAX_DETAILED:
        found[f"This report has details of the first {MAX_DETAILED} of {len(facts.outputs)} outputs only."] = None
    for output in facts.detailed:
        for sentence in _of_output(output, unit):
            found[as_sentence(f"{output.name}: {sentence}" if several else capitalised(sentence))] = None
    for sentence in [*_of_tries(facts), *facts.timeline.remarks]:
        found[as_sentence(capitalised(sentence))] = None
    return list(found)


def _of_output(output: OutputFacts, unit: str) -> Iterator[str]:
    metrics = output.metrics
    if metrics is not None:
        yield from metrics.warnings
        fallback = _frames(metrics.troubles.get("fallback"))
        if fallback:
            yield f"{_these(metrics.frames.get('fallback', 0), fallback, unit)} not filtered"
        for cause, frames in _by_cause(metrics.troubles.get("lost")):
            yield f"{_these(len(frames), frames, unit)} lost: {cause}"
        damaged = [one for one in metrics.troubles.get("damaged", []) if isinstance(one, int)]
        if damaged:
            yield f"{_these(metrics.frames.get('damaged', 0), damaged, unit)} damaged, or made of damaged ones"
        if metrics.frames.get("repeated") or metrics.frames.get("left_out"):
            repeated, left_out = metrics.frames.get("repeated", 0), metrics.frames.get("left_out", 0)
            yield f"at another frame rate, {repeated} {unit}s are shown again and {left_out} are not shown"
        if len(metrics.fingerprints) > 1:
            yield f"its parts come from different builds: {listed(metrics.fingerprints)}"
    yield from output.missing


def _these(count: int, numbers: list[int], unit: str) -> str:
    """Return which frames a sentence is about, and its verb: `3 frames (7-8, 12) were`."""
    found = runs(numbers)
    named = ", ".join(found[:MAX_RUNS]) + (f" and {len(found) - MAX_RUNS} more" if len(found) > MAX_RUNS else "")
    return f"{counted(count, unit)} ({named}) {'was' if count == 1 else 'were'}"


def _frames(listed_: Any) -> list[int]:
    entries = listed_ if isinstance(listed_, list) else []
    return [one["frame"] for one in entries if isinstance(one, dict) and isinstance(one.get("frame"), int)]


def _by_cause(lost: Any) -> list[tuple[str, list[int]]]:
    causes: dict[str, list[int]] = {}
    for one in lost if isinstance(lost, list) else []:
        if isinstance(one, dict) and isinstance(one.get("frame"), int):
            cause = str(one.get("cause", ""))
            cause = cause if cause in causes or len(causes) < MAX_CAUSES else "other causes"
            causes.setdefault(cause, []).append(one["frame"])
    return list(causes.items())


def _of_tries(facts: Facts) -> Iterator[str]:
    for outcome, what in ((SpanOutcome.LOST, "lost with a worker or on the way"), (SpanOutcome.FAILED, "in vain")):
        found = [(span.output, span.chunk) for span in facts.timeline.spans if span.outcome is outcome]
        if found:
            tries = f"{len(found)} {'try was' if len(found) == 1 else 'tries were'} {what}"
            again = ", and done again, which changes nothing in the result" if facts.job.state == JobState.DONE else ""
            yield f"{tries}, of {counted(len(set(found)), 'chunk')}{again}"


def failures_of(facts: Facts) -> list[Failure]:
    """Return all failures that are known, each once."""
    found = [*facts.job.details.failures]
    for output in facts.outputs:
        found += output.metrics.failures if output.metrics is not None else []
    for summary in facts.job.outputs:
        found += summary.failures
    seen, kept = set(), []
    for failure in found:
        key = (failure.output, failure.chunk, failure.frame, failure.filter, failure.explanation)
        if key not in seen:
            seen.add(key)
            kept.append(failure)
    return kept


def kinds_of(failures: Sequence[Failure]) -> list[list[Failure]]:
    """Return the failures in groups: those of one output and filter whose texts differ only in numbers, such as a
    frame's."""
    kinds: dict[tuple[str, str, str], list[Failure]] = {}
    for failure in failures:
        alike = _DIGITS.sub("0", last_line(failure.traceback) or failure.explanation)
        kinds.setdefault((failure.output, failure.filter, alike), []).append(failure)
    return list(kinds.values())
