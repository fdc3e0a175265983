"""Draws the scheduler's rows: CPU time of a task's life by the size of the cluster, now and before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.scaling.tables import by_shape, shape_of

COLOURS: Final = ("#1f6f8b", "#e07a1f", "#7a3b8f")
"""Of lives in a turn: many, some, one."""


def draw(path: Path, rows: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]]) -> None:
    """Write the plot as a PNG. Raises OSError.

    Args:
        rows: of the part scheduler.
        before: those of an earlier run, drawn in lighter lines; may be empty.
    """
    shapes = list(dict.fromkeys(shape_of(row) for row in rows))
    now, then = by_shape(rows), by_shape(before)
    per_ticks = sorted({row["lives_per_tick"] for row in rows}, reverse=True)
    with mpl.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(9.0, 4.8), layout="constrained")
        axes = figure.add_subplot()
        for number, per_tick in enumerate(per_ticks):
            colour = COLOURS[number % len(COLOURS)]
            name = f"{per_tick} in a turn"
            _line(axes, [then.get((shape, per_tick)) for shape in shapes], colour, f"{name}, before", is_old=True)
            _line(axes, [now.get((shape, per_tick)) for shape in shapes], colour, name)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", " ")))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda _value, _: ""))
        names = [f"{shape.jobs:,} × {shape.workers:,}\n{shape.chunks:,}".replace(",", " ") for shape in shapes]
        axes.set_xticks(range(len(shapes)), names)
        axes.set_xlabel("unfinished jobs × workers, and chunks of each job")
        axes.set_ylabel("CPU µs of a task's life")
        axes.set_title("What the scheduler costs: a task handed out, stored and given back", loc="left", weight="bold")
        axes.grid(axis="y", which="major", color="#dddddd", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.legend(frameon=False, ncols=2 if then else 3, loc="upper left")
        figure.savefig(path, dpi=110, metadata={"Software": None})


def _line(axes: Axes, values: Sequence[float | None], colour: str, label: str, *, is_old: bool = False) -> None:
    points = [(place, value) for place, value in enumerate(values) if value is not None]
    if not points:
        return
    style = {"linestyle": ":", "alpha": 0.55, "markersize": 4} if is_old else {"linestyle": "-", "markersize": 6}
    axes.plot(*zip(*points, strict=True), color=colour, marker="o", linewidth=1.8, label=label, **style)
