"""The workers of the screen: a line each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from rich.text import Text

from moviola.base.vocabulary import LeasePhase, WorkerState
from moviola.base.worker_facts import HeldTask
from moviola.display.bars import age
from moviola.display.terminal import styled
from moviola.session.units import counted, sized
from moviola.wire.messages import Worker

from ..tables import state_text
from .columns import Column, Row
from .facts import Order

LOST_SHOWN_S: Final = 600.0
"""How long a worker that is gone is shown: it may come back, or have been taken away on purpose."""

COLUMNS: Final = (
    Column("worker", rank=0, width=8, stretches_to=32),
    Column("state", rank=1, width=8),
    Column("chunk", rank=4, width=14, stretches_to=60),
    Column("frames/s", rank=2, is_number=True, width=8),
    Column("cpu", rank=3, is_number=True, width=4),
    Column("memory", rank=5, is_number=True, width=8),
    Column("chunks", rank=9, is_number=True, width=6),
    Column("failed", rank=6, is_number=True),
    Column("lost", rank=8, is_number=True),
    Column("heard", rank=7, is_number=True, width=6),
    Column("host", rank=10),
)
AFTER_STATE: Final = 2

_PHASES: Final[dict[str, int]] = {LeasePhase.COMPUTING: 0, LeasePhase.DELIVERING: 1, LeasePhase.WAITING: 2}
"""Rank of a task's phase. Of the tasks of a worker the one with the lowest rank is shown."""

_KEYS: Final[dict[Order, Callable[[Worker], Any]]] = {
    Order.NAME: lambda worker: 0,
    Order.RATE: lambda worker: -worker.facts.frames_per_s,
    Order.CPU: lambda worker: -worker.facts.cpu_percent,
    Order.MEMORY: lambda worker: -worker.facts.memory_bytes,
    Order.FAILED: lambda worker: -(worker.facts.failures + worker.facts.losses),
}


def has_long_gone(worker: Worker) -> bool:
    """Return True for a worker that left so long ago that it is not shown."""
    return worker.state == WorkerState.LOST and worker.facts.heard_s > LOST_SHOWN_S


def in_order(workers: Iterable[Worker], order: Order) -> list[Worker]:
    """Return the workers that are shown, sorted by `order`, and where that is equal by name, `w2` before `w10`. Those
    that have left come last."""
    shown = [worker for worker in workers if not has_long_gone(worker)]
    return sorted(shown, key=lambda one: (one.state == WorkerState.LOST, _KEYS[order](one), _natural(one.name)))


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a sort key for a name that compares its numbers by their value."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name) if part]


def worker_row(worker: Worker, age_s: float) -> Row:
    """Return the row of a worker. `age_s` is how old its record is, in seconds."""
    facts, heard_s = worker.facts, worker.facts.heard_s + age_s
    cells = (
        worker.name,
        state_text(worker.state),
        _in_work(facts.tasks),
        f"{facts.frames_per_s:.1f}",
        f"{facts.cpu_percent:.0f}%",
        sized(facts.memory_bytes),
        str(facts.chunks),
        _red(facts.failures),
        _red(facts.losses),
        f"{heard_s:.1f} s" if heard_s < 100 else age(heard_s),
        f"{facts.host} ({', '.join(facts.labels)})" if facts.labels else facts.host,
    )
    return Row(cells, _gone(worker, heard_s) if worker.state == WorkerState.LOST else None, AFTER_STATE)


def _in_work(tasks: list[HeldTask]) -> str:
    """Return the text about one task of a worker, which it computes, or else delivers, or else has waiting: its chunk,
    counted from 0, how far it is, and its job."""
    if not tasks:
        return ""
    task = min(tasks, key=lambda one: _PHASES.get(one.phase, len(_PHASES)))
    what = f"{task.frames} frames" if task.phase == LeasePhase.COMPUTING else task.phase
    return f"{task.index}: {what} of {task.job}"


def _red(count: int) -> Text:
    return styled((str(count), "red" if count else ""))


def _gone(worker: Worker, heard_s: float) -> Text:
    if worker.facts.drained:
        return styled((f"drained, gone for {age(heard_s)}", "dim"))
    lost = f"; lost with it: {counted(worker.facts.losses, 'task')}" if worker.facts.losses else ""
    return styled((f"gone for {age(heard_s)}{lost}", "dim"))
