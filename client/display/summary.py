"""What came of the jobs, for people: a table on a terminal, a line an output elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from moviola.base.paths import near
from moviola.display.terminal import Terminal, styled
from moviola.session.outcome import Outcome, OutputOutcome, Status
from moviola.session.units import counted

DIGEST_SHOWN = 12
"""Hex digits of a digest that a person compares."""

MIN_TABLE_WIDTH = 60
"""Columns of a terminal below which a line an output can be read better than a table."""

OUTPUT_WIDTH = 12
"""Cells that an output's name may take before the source's name has to give way."""

_COLOURS = {Status.DONE: "green", Status.PARTIAL: "yellow"}


def print_summary(console: Terminal, outcomes: Sequence[Outcome]) -> None:
    """Print the outputs of all jobs and where they are; nothing if there are none."""
    outcomes = [outcome for outcome in outcomes if outcome.outputs]
    if not console.is_terminal or console.width < MIN_TABLE_WIDTH:
        for outcome in outcomes:
            for output in outcome.outputs:
                console.say(output_line(outcome, output))
                _say_found(console, output)
        return
    if not outcomes:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("source", overflow="fold")
    longest = max(len(output.name) for outcome in outcomes for output in outcome.outputs)
    table.add_column("output", overflow="fold", min_width=min(longest, OUTPUT_WIDTH))
    table.add_column("state", no_wrap=True)
    units = {outcome.unit for outcome in outcomes}
    unit = units.pop() if len(units) == 1 else "frame"
    has_unfiltered = any(output.fallback_frames for outcome in outcomes for output in outcome.outputs)
    for heading in (f"{unit}s", f"{unit}s/s", *["unfiltered"] * has_unfiltered):
        table.add_column(heading, justify="right", no_wrap=heading != "unfiltered", overflow="fold")
    table.add_column("digest", no_wrap=True)
    for outcome in outcomes:
        for output in outcome.outputs:
            table.add_row(
                outcome.source,
                output.name,
                styled((outcome.state_of(output), _colour(outcome))),
                str(output.frames_out),
                f"{outcome.frames_per_second:.1f}",
                *[str(output.fallback_frames or "none")] * has_unfiltered,
                output.digest[:DIGEST_SHOWN],
            )
    console.print(table)
    for outcome in outcomes:
        for output in outcome.outputs:
            if output.path:
                console.say((output.path, "bold"))
            _say_found(console, output)


def _say_found(console: Terminal, output: OutputOutcome) -> None:
    for sentence in output.found:
        console.say(f"{output.name}: {sentence}")


def output_line(outcome: Outcome, output: OutputOutcome) -> Text:
    """Return one line about an output: its state, counts, speed and digest. The colour of the state says whether it is
    good."""
    state = (outcome.state_of(output), _colour(outcome))
    count = counted(output.frames_out, outcome.unit)
    rate = f"{outcome.frames_per_second:.1f} {outcome.unit}s/s"
    rest = f", {count}, {unfiltered(output)}, {rate}, digest {output.digest[:DIGEST_SHOWN]}"
    return styled(f"{outcome.source} → {output.path or output.name}: ", state, rest)


def finished_line(outcome: Outcome, output: OutputOutcome, width: int) -> Text:
    """Return the line of an output for a terminal: its state and path, and then as many numbers as fit into `width`
    cells. A path is never cut, so that it can be copied."""
    line = styled(
        (outcome.state_of(output), _colour(outcome)), f"  {outcome.source} → {near(output.path) or output.name}"
    )
    numbers = [counted(output.frames_out, outcome.unit)]
    if output.fallback_frames:
        line.append(f"  {unfiltered(output)}", "yellow")
    numbers += [f"{outcome.frames_per_second:.1f} {outcome.unit}s/s", output.digest[:DIGEST_SHOWN]]
    for text in numbers:
        if line.cell_len + len(text) + 2 > width:
            break
        line.append(f"  {text}")
    return line


def unfiltered(output: OutputOutcome) -> str:
    """`all filtered`, or how many were not filtered."""
    return f"{output.fallback_frames} of them unfiltered" if output.fallback_frames else "all filtered"


def _colour(outcome: Outcome) -> str:
    return _COLOURS.get(outcome.status, "red")
