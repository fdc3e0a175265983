"""The first lines: how many of what there are, how fast they are, and what is wrong with the picture itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from moviola.base.vocabulary import JobState, WorkerState
from moviola.display.bars import clipped, duration
from moviola.display.sparkline import sparkline
from moviola.display.terminal import Part, styled
from moviola.session.units import counted, sized
from moviola.wire.messages import Overview

from .facts import Facts

SLOT_S: Final = 1.0
"""The time in seconds that one bar of the sparkline stands for."""

MAX_SPARKS, MIN_SPARKS = 120, 8

SILENCE_S: Final = 3.0
"""After so long without an answer the screen says that its facts are old."""

_JOB_STATES: Final = tuple(JobState)
_WORKER_STATES: Final = (WorkerState.FULL, WorkerState.READY, WorkerState.DRAINING, WorkerState.LOST)


def header(facts: Facts, width: int) -> list[Text]:
    """Return the first lines of the screen."""
    lines = []
    if facts.view is not None and facts.view.overview is not None:
        overview = facts.view.overview
        lines = [_counts(facts, overview, width), _speed(facts, overview, width)]
    else:
        lines = [styled(("Moviola", "bold"), f" {facts.address}")]
    note = _note(facts)
    return lines if note is None else [*lines, _cut(note, width)]


def _note(facts: Facts) -> Text | None:
    """Return a line that says why the facts shown are old or missing; None if they are current."""
    if facts.away:
        since = "" if facts.view is None else f" for {duration(facts.age_s)}; this is how it was"
        return styled((f"No middleware{since}. Trying again: {facts.away}", "bold red"))
    if facts.is_paused:
        return styled((f"Paused: this is how it was {duration(facts.age_s)} ago", "bold yellow"))
    if facts.view is None:
        return styled(("Waiting for the middleware's answer", "yellow"))
    if facts.age_s > SILENCE_S:
        return styled((f"No answer for {duration(facts.age_s)}; this is how it was", "bold red"))
    return None


def _counts(facts: Facts, overview: Overview, width: int) -> Text:
    """Return the line with the cluster's address and its numbers of jobs, workers and aggregators. If there is room,
    it says how many of them are in which state; if there is little, the address is left out."""
    jobs, workers = sum(overview.jobs.values()), sum(overview.workers.values())
    lost = overview.workers.get(WorkerState.LOST, 0)
    aggregators = counted(overview.aggregators, "aggregator") if overview.aggregators else "no aggregator"
    title: Part = ("Moviola", "bold")
    long: tuple[str, str] = (
        _by_state(overview.jobs, _JOB_STATES, "job"),
        _by_state(overview.workers, _WORKER_STATES, "worker"),
    )
    short = counted(jobs, "job"), counted(workers, "worker")
    line = styled()
    for where, (told_jobs, told_workers), told_aggregators in (
        (f" {facts.address}", long, aggregators),
        (f" {facts.address}", short, aggregators),
        ("", short, "" if overview.aggregators else aggregators),
    ):
        colour = "" if workers > lost else "yellow"
        parts: list[Part] = [styled(title, where), told_jobs, (told_workers, colour)]
        if told_aggregators:
            parts.append((told_aggregators, "" if overview.aggregators else "bold red"))
        line = styled(*[one for part in parts for one in (part, "  ·  ")][:-1])
        if line.cell_len <= width:
            break
    return _cut(line, width)


def _by_state(counts: dict[str, int], states: Sequence[str], unit: str) -> str:
    """Return `no workers`, `3 ready workers`, or `3 workers (2 full, 1 lost)`. States that are not known come last."""
    told = [state for state in states if counts.get(state)] + sorted(state for state in counts if state not in states)
    if len(told) > 1:
        return f"{counted(sum(counts.values()), unit)} ({', '.join(f'{counts[state]} {state}' for state in told)})"
    return counted(counts[told[0]], f"{told[0]} {unit}") if told else f"no {unit}s"


def _speed(facts: Facts, overview: Overview, width: int) -> Text:
    """Return the line with frames per second now and lately, tasks, failures, and how full the spool is. What does not
    fit is left out."""
    rate = f"{overview.frames_per_s:.0f} frames/s"
    numbers = [
        f"{overview.tasks_queued} queued + {overview.tasks_in_flight} in work",
        f"{overview.failures} failed, {overview.losses} lost" if overview.failures or overview.losses else "",
        f"spool {sized(overview.spool_bytes)} of {sized(overview.spool_limit_bytes)}",
    ]
    room = width - len(rate) - 1
    kept: list[str] = []
    for text in filter(None, numbers):
        if room - len(text) - 3 >= (MIN_SPARKS if not kept else 2 * MIN_SPARKS):
            kept.append(text)
            room -= len(text) + 3
    sparks = max(0, min(MAX_SPARKS, room))
    line = sparkline(facts.throughput.rates(sparks, SLOT_S))
    return _cut(styled((rate, "bold"), " ", (line, "green"), *(f"   {text}" for text in kept)), width)


def keys_line(facts: Facts, width: int) -> Text:
    """Return the last line: which keys do what."""
    if not facts.has_keys:
        return styled((clipped("Ctrl-C quits", width), "dim"))
    pause = "go on" if facts.is_paused else "pause"
    line = styled()
    for sort, gap in ((f"sort (by {facts.order})", "   "), ("sort", "  ")):
        line = styled()
        for key, does in (("q", "quit"), ("space", pause), ("s", sort), ("↑↓", "scroll")):
            line = styled(line, gap if line else "", (key, "bold"), " ", (does, "dim"))
        if line.cell_len <= width:
            break
    return _cut(line, width)


def _cut(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    return line
