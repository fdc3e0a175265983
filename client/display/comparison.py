"""A comparison for people: how far it is, a table of what each mode took, and a bar for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.progress_bar import ProgressBar
from rich.table import Table

from moviola.comparison.records import Comparison, Mode, ModeFigures, State
from moviola.display.terminal import Terminal
from moviola.session.target import as_sentence
from moviola.session.units import counted, sized
from moviola.session.views import JobView

from .tables import table

MAX_BAR_WIDTH: Final = 40
LABEL_WIDTH: Final = 30
"""Cells beside a bar: the mode's name and its numbers."""

MIN_WIDTH: Final = 60
"""Cells of a terminal below which the number of workers is left out."""

MIN_WIDTH_OF_SPREAD: Final = 78
"""Cells of a terminal below which the fastest and the slowest round are left out."""

DIGEST_SHOWN: Final = 12
"""Hex digits of a digest that a person compares."""

COLOURS: Final = {
    Mode.SEQUENTIAL: "white",
    Mode.THREADS: "cyan",
    Mode.PROCESSES: "blue",
    Mode.DISTRIBUTED: "yellow",
}

NOTHING: Final = "–"
LONG: Final = 100.0
"""Numbers from this one on are shown with one decimal less."""


def view_of(comparison: Comparison) -> JobView:
    """Return how far a comparison is as a JobView, which the displays of jobs' progress can show."""
    rounds = len(comparison.modes) * (comparison.iterations + comparison.warm_ups)
    wanted = rounds * comparison.count
    return JobView(
        id="comparison",
        name=doing(comparison),
        frames_total=comparison.count,
        frames_sent=comparison.count,
        frames_done=round(comparison.share * wanted),
        frames_wanted=wanted,
        unit=comparison.unit or "frame",
        note="" if comparison.count else f"{doing(comparison)} of {comparison.source}",
    )


def doing(comparison: Comparison) -> str:
    """Return what is measured now, in words."""
    if not comparison.mode:
        return "beginning"
    if comparison.is_warm_up:
        return f"{comparison.mode}, warming up"
    return f"{comparison.mode}, {comparison.round} of {comparison.iterations}"


def print_comparison(console: Terminal, comparison: Comparison) -> None:
    """Print what is known of a comparison that is over."""
    console.say(subject(comparison))
    figures = [each for each in comparison.modes if each.rounds]
    if figures:
        console.print(_table(comparison, figures, console.width))
        for row in _bars(console, comparison, figures):
            console.print(row)
        console.say()
    if comparison.state is State.DONE:
        console.tell(as_sentence(equality(comparison)))
    for remark in comparison.remarks:
        console.tell(as_sentence(remark))


def subject(comparison: Comparison) -> str:
    """Return what was compared, in one line."""
    parts = [f"{comparison.source}: {', '.join(comparison.filters)}"]
    if comparison.count:
        parts.append(f"{counted(comparison.count, comparison.unit)} in {counted(comparison.chunks, 'chunk')}")
    warm_ups = f" after {comparison.warm_ups} to warm up" if comparison.warm_ups else ", none to warm up"
    return "; ".join([*parts, counted(comparison.iterations, "round") + warm_ups, counted(comparison.cores, "core")])


def equality(comparison: Comparison) -> str:
    """Return that all results were equal, with their digests."""
    digests = ", ".join(f"{name} {digest[:DIGEST_SHOWN]}" for name, digest in comparison.digests.items())
    return f"All {comparison.results} results are equal: {digests}"


def _table(comparison: Comparison, figures: list[ModeFigures], width: int) -> Table:
    """The figures of each mode; of several rounds the median, and, where there is room, the fastest and the slowest."""
    has_workers = width >= MIN_WIDTH
    has_spread = comparison.iterations > 1 and width >= MIN_WIDTH_OF_SPREAD
    spread = (">fastest", ">slowest") if has_spread else ()
    made = table("mode", *[">workers"] * has_workers, ">seconds", *spread, ">speed-up", ">CPU s", ">memory")
    made.columns[0].no_wrap = True
    for each in figures:
        ends = (_seconds(each.seconds_min), _seconds(each.seconds_max)) if has_spread else ()
        made.add_row(
            each.mode,
            *[str(each.workers)] * has_workers,
            _seconds(each.seconds),
            *ends,
            NOTHING if each.speed_up is None else f"{each.speed_up:.2f}",
            _seconds(each.cpu_seconds),
            sized(each.peak_memory or 0),
        )
    return made


def _bars(console: Terminal, comparison: Comparison, figures: list[ModeFigures]) -> Iterator[Table]:
    """Yield one table with a line for each mode: its name, a bar whose length is its speed, and the speed itself."""
    most = max(each.per_second or 0.0 for each in figures) or 1.0
    width = max(8, min(MAX_BAR_WIDTH, console.width - LABEL_WIDTH))
    grid = Table.grid(padding=(0, 1))
    for each in figures:
        rate = each.per_second or 0.0
        bar = ProgressBar(
            total=most,
            completed=rate,
            width=width,
            complete_style=COLOURS[each.mode],
            finished_style=COLOURS[each.mode],
        )
        grid.add_row(each.mode, bar, f"{_number(rate)} {comparison.unit}s/s")
    yield grid


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return NOTHING
    return f"{seconds:.1f}" if seconds >= LONG else f"{seconds:.2f}"


def _number(rate: float | None) -> str:
    return NOTHING if rate is None else f"{rate:.0f}" if rate >= LONG else f"{rate:.1f}"
