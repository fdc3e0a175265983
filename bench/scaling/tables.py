"""The tables that `python -m bench.scale` prints, and the conclusions below them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from bench.scaling.lives import SHAPES, Shape, grouped

Row = dict[str, Any]

KEYS: Final = {"jobs", "workers", "chunks", "lives_per_tick", "us_per_task"}
"""The keys that every row of the part scheduler has."""

GROWTH: Final = (SHAPES[0], SHAPES[5])
"""The two shapes between which the growth factor is told: from the first to the second."""

TITLES: Final = {
    "scheduler": "CPU µs of a task's life in the dispatcher, by lives in a turn of the loop",
    "clients": "The same where each job has a client of its own, which is told of it",
    "opencue": "The farm that OpenCue publishes: each frame rendered once, none lost",
    "memory": "Bytes in memory",
    "aggregator": "CPU µs of a result in the aggregator: its brain, and the whole program with spool and ledger",
    "client": "CPU µs of a chunk in the client's brain",
    "feeding": "What one middleware feeds",
}


def shape_of(row: Row) -> Shape:
    """Return which row of the table a measurement is of."""
    return Shape(row["jobs"], row["workers"], row["chunks"])


def read_rows(path: Path) -> list[Row]:
    """Return the rows that `--json` wrote. Raises OSError; ValueError when a line is none of them."""
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    for row in rows:
        if not isinstance(row, dict) or not row.keys() >= KEYS:
            raise ValueError(f"a line is no row of this table: {row!r:.120}")
    return rows


def by_shape(rows: Sequence[Row]) -> dict[tuple[Shape, float], float]:
    """Return CPU µs of a life by shape and lives in a turn."""
    return {(shape_of(row), row["lives_per_tick"]): row["us_per_task"] for row in rows}


def table_of(part: str, rows: Sequence[Row], before: Sequence[Row]) -> Table:
    """Return a part's table.

    Args:
        before: rows of an earlier run, for the part scheduler.
    """
    if part in ("scheduler", "clients"):
        return _lives(part, rows, before if part == "scheduler" else [])
    columns: dict[str, Callable[[Row], str]] = _COLUMNS[part]
    table = Table(title=TITLES[part])
    if part == "feeding":  # a column each: there are few, of which much is told
        for column in ("", *(row["size"] for row in rows)):
            table.add_column(column, justify="right" if column else "left")
        for name, show in columns.items():
            table.add_row(name, *map(show, rows))
        return table
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*(show(row) for show in columns.values()))
    return table


def _lives(part: str, rows: Sequence[Row], before: Sequence[Row]) -> Table:
    table = Table(title=TITLES[part])
    now, then = by_shape(rows), by_shape(before)
    per_ticks = sorted({per_tick for _, per_tick in now}, reverse=True)
    table.add_column("jobs × workers, chunks a job", justify="left")
    for per_tick in per_ticks:
        if then:
            table.add_column(f"{per_tick}, before", justify="right")
        table.add_column(f"{per_tick}", justify="right")
    for column in ("a sign of life", "taken away"):
        table.add_column(column, justify="right")
    for shape in dict.fromkeys(shape for shape, _ in now):
        cells = []
        for per_tick in per_ticks:
            key = shape, per_tick
            cells += [_us(then.get(key))] if then else []
            cells.append(_us(now.get(key)))
        own = [row for row in rows if shape_of(row) == shape]
        beats = [row["us_per_beat"] for row in own if row.get("us_per_beat") is not None]
        taken = max(row["taken_away"] for row in own)
        table.add_row(shape.title, *cells, _us(min(beats, default=None)), f"{taken:.1%}")
    return table


def remarks_of(part: str, rows: Sequence[Row]) -> Iterator[str]:
    """Yield what follows from a part's rows, in sentences."""
    if part == "scheduler":
        found = by_shape(rows)
        for per_tick in sorted({per_tick for _, per_tick in found}, reverse=True):
            few, many = (found.get((shape, per_tick)) for shape in GROWTH)
            if few and many:
                names = " to ".join(shape.title for shape in GROWTH)
                yield f"growth from {names} with {per_tick} lives a turn: {many / few:.2f}"
    elif part == "opencue":
        for row in rows:
            yield (
                f"{row['rendered_once']} of {row['tasks']} frames were rendered once, {row['lost']} lost, "
                f"{row['lent_again']} handed out again"
            )
    elif part == "feeding":
        for row in rows:
            bounds = ", ".join(f"{name} {grouped(limit)}" for name, limit in sorted(row["limits"].items(), key=_second))
            shares = ", ".join(f"{name} {share:.0%}" for name, share in row["cpu_share"].items())
            yield (
                f"{row['size']}: {row['gives_out_first']} gives out first, at {grouped(row['workers'])} workers (in "
                f"workers: {bounds}); the middleware's CPU then goes to {shares}"
            )


def _second(item: tuple[str, float]) -> float:
    return item[1]


def _us(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}".replace(",", " ")


_COLUMNS: Final[dict[str, dict[str, Callable[[Row], str]]]] = {
    "opencue": {
        "jobs": lambda row: grouped(row["jobs"]),
        "hosts": lambda row: grouped(row["workers"]),
        "frames": lambda row: grouped(row["tasks"]),
        "rendered once": lambda row: grouped(row["rendered_once"]),
        "lost": lambda row: grouped(row["lost"]),
        "lives in a turn": lambda row: f"{row['lives_per_tick']:.1f}",
        "µs": lambda row: _us(row["us_per_task"]),
    },
    "memory": {
        "in": lambda row: str(row["program"]),
        "what": lambda row: str(row["thing"]),
        "measured": lambda row: grouped(row["count"]),
        "bytes each": lambda row: grouped(row["bytes_each"]),
    },
    "aggregator": {
        "what": lambda row: str(row["program"]),
        "jobs × workers, chunks a job": lambda row: shape_of(row).title,
        "results": lambda row: grouped(row["lives"]),
        "bytes of a result": lambda row: grouped(row.get("payload_bytes", 0)),
        "µs": lambda row: _us(row["us_per_task"]),
    },
    "client": {
        "jobs at once": lambda row: grouped(row["jobs"]),
        "chunks a job": lambda row: grouped(row["chunks"]),
        "µs": lambda row: _us(row["us_per_task"]),
    },
    "feeding": {
        "a chunk": lambda row: f"{grouped(row['chunk_bytes'] / 1e3)} kB, {row['chunk_frames']:.0f} frames",
        "a core filters and encodes": lambda row: f"{row['worker_frames_per_second']:.1f} frames/s",
        "a task costs the middleware": lambda row: f"{grouped(row['us_task'])} µs",
        "… scheduling": lambda row: f"{grouped(row['us_scheduling'])} µs",
        "… messages, spool and ledger": lambda row: f"{grouped(row['us_messages'])} µs",
        "… payload": lambda row: f"{grouped(row['us_payload'])} µs",
        "a worker's sign of life": lambda row: f"{grouped(row['us_beat'])} µs",
        "tasks fed": lambda row: f"{grouped(row['tasks_per_second'])} a second",
        "frames fed": lambda row: f"{grouped(row['frames_per_second'])} a second",
        "workers fed": lambda row: grouped(row["workers"]),
        "gives out first": lambda row: str(row["gives_out_first"]),
    },
}
