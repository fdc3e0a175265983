"""Draws the scheduler's rows: CPU time of a task's life by the size of the cluster, now and before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from bench.scaling.lives import Shape, grouped
from bench.scaling.tables import by_shape, shape_of

COLOURS: Final = ("#1f6f8b", "#e07a1f", "#7a3b8f")
"""The colours of marks for many, some, and one life in a turn."""

APART: Final = 0.22
"""The distance between the marks of one row, as a part of the distance between rows."""


def draw(path: Path, rows: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]]) -> None:
    """Write the plot as a PNG. Raises OSError.

    Args:
        rows: of the part scheduler.
        before: those of an earlier run, drawn as rings and joined with today's marks; may be empty.
    """
    shapes = list(dict.fromkeys(shape_of(row) for row in rows))
    per_ticks = sorted({row["lives_per_tick"] for row in rows}, reverse=True)
    look = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False}
    with mpl.rc_context(look):
        figure = Figure(figsize=(9.0, 1.4 + 0.55 * len(shapes)), layout="constrained")
        axes = figure.add_subplot()
        for number, per_tick in enumerate(per_ticks):
            offset = (number - (len(per_ticks) - 1) / 2) * APART
            colour = COLOURS[number % len(COLOURS)]
            _marks(axes, shapes, per_tick, offset, colour, by_shape(rows), by_shape(before))
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: grouped(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(axis="x", which="major", color="#d5d5d5", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_yticks(range(len(shapes)), [shape.title for shape in shapes])
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        axes.set_xlabel("CPU µs of a task's life: handed out, stored, given back")
        axes.set_title("What the scheduler costs, by jobs × workers, chunks of each job", loc="left", weight="bold")
        _legend(figure, per_ticks, bool(before))
        figure.savefig(path, dpi=110, metadata={"Software": None})


def _marks(
    axes: Axes,
    shapes: Sequence[Shape],
    per_tick: float,
    offset: float,
    colour: str,
    now: dict[tuple[Shape, float], float],
    then: dict[tuple[Shape, float], float],
) -> None:
    for place, shape in enumerate(shapes):
        y, new, old = place + offset, now.get((shape, per_tick)), then.get((shape, per_tick))
        if new is not None and old is not None:
            axes.plot([new, old], [y, y], color=colour, linewidth=1.0, alpha=0.45, zorder=1)
        if old is not None:
            axes.plot([old], [y], "o", color=colour, markerfacecolor="white", markersize=5, zorder=2)
        if new is not None:
            axes.plot([new], [y], "o", color=colour, markersize=6, zorder=3)


def _legend(figure: Figure, per_ticks: Sequence[float], has_before: bool) -> None:
    marks = []
    for number, per_tick in enumerate(per_ticks):
        label = f"{per_tick} {'life' if per_tick == 1 else 'lives'} a turn"
        marks.append(Line2D([], [], color=COLOURS[number % len(COLOURS)], marker="o", linestyle="", label=label))
    if has_before:
        marks += [
            Line2D([], [], color="#555555", marker="o", linestyle="", label="now"),
            Line2D([], [], color="#555555", marker="o", linestyle="", markerfacecolor="white", label="before"),
        ]
    figure.legend(handles=marks, frameon=False, ncols=len(marks), loc="outside lower center")
