"""What a cluster's parts cost as it grows: `python -m bench.scale`.

The scheduler: CPU microseconds of a task's life (handed out, stored, given back) in the real dispatcher without its
shell, for few and many jobs and workers, with 16, 2 and 1 lives in a turn of the loop; and the farm that OpenCue
publishes, in which each of 6 000 frames is rendered once and none is lost, or the command fails. Then memory, the
aggregator, the client, and what one middleware feeds. Each run has a process of its own; figures are medians.

In the scheduler's rows one client has all jobs, and is told of them; the part `clients` has one for each job. The rules
give a user places for a thousand unfinished jobs: by default it has 250, and all users together 1 000.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from bench import machine
from bench.children import ChildFailed
from bench.scaling import feeding, tables
from bench.scaling.lives import LIVES_PER_TICK, SHAPES, Shape, parse_shape
from bench.scaling.runs import Runs

PARTS: Final = ("scheduler", "clients", "opencue", "memory", "aggregator", "client", "feeding")
JSON_PARTS: Final = ("scheduler", "opencue")
"""What `--json` prints where no part is named: objects that all have the same first fields."""

TOLD: Final = (Shape(100, 64, 100), Shape(1_000, 64, 64), Shape(1_000, 2_000, 64))
COLLECTED: Final = (Shape(1, 2, 10_000), Shape(100, 64, 100), Shape(1_000, 64, 64), Shape(1_000, 2_000, 64))
DELIVERED: Final = (Shape(1, 2, 10_000), Shape(100, 64, 200), Shape(1_000, 256, 40))
SENT: Final = (Shape(1, 0, 10_000), Shape(1, 0, 200_000), Shape(100, 0, 1_000), Shape(1_000, 0, 100))
RESULT_BYTES: Final = 100_000


def positive(text: str) -> int:
    """For argparse: a whole number from 1 on."""
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, not '{text}'")
    return int(text)


def shapes(text: str) -> list[Shape]:
    """For argparse: rows, such as `1x2x10000,100x64x100`."""
    try:
        return [parse_shape(one) for one in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def ticks(text: str) -> list[int]:
    """For argparse: lives in a turn, such as `16,2,1`."""
    return [positive(one) for one in text.split(",")]


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the parsed arguments; ends the program with a sentence where they make no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "parts", nargs="*", metavar="PART",
        help=f"what to measure: {', '.join(PARTS)} (all; with --json {' and '.join(JSON_PARTS)})",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one object a row, and nothing else")
    parser.add_argument("--runs", type=positive, metavar="N", help="of which the median counts (5; 1 with --quick)")
    parser.add_argument("--rows", type=shapes, metavar="JxWxC,…", help="the scheduler's rows: jobs, workers, chunks")
    parser.add_argument("--ticks", type=ticks, default=LIVES_PER_TICK, metavar="N,…", help="lives in a turn (16,2,1)")
    parser.add_argument("--lives", type=positive, metavar="N", help="of a run at most (half of all tasks)")
    parser.add_argument("--quick", action="store_true", help="small rows and one run: shows that it works")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the scheduler's rows as a PNG")
    parser.add_argument(
        "--before", type=Path, metavar="FILE", help="what --json printed earlier, to be compared with and drawn"
    )
    args = parser.parse_args(arguments)
    unknown = [part for part in args.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; parts are {', '.join(PARTS)}")
    args.parts = args.parts or list(JSON_PARTS if args.json else PARTS)
    if (args.rows or args.plot or args.before) and "scheduler" not in args.parts:
        parser.error("--rows, --plot and --before are about the part scheduler, which is not asked for")
    args.runs = args.runs or (1 if args.quick else 5)
    args.rows = args.rows or ([Shape(1, 2, 100), Shape(10, 20, 10)] if args.quick else list(SHAPES))
    try:
        args.before = tables.read_rows(args.before) if args.before else []
    except (OSError, ValueError) as error:
        parser.error(f"--before {args.before}: {error}")
    return args


def main(arguments: Sequence[str] | None = None) -> int:
    args = parse(arguments)
    draw = plotter() if args.plot else None
    console = Console(quiet=args.json)
    runs = Runs(args.runs, lambda text: console.print(text, soft_wrap=True, style="dim"))
    console.print(f"{machine.description()}; medians of {args.runs}")
    try:
        found = measure_all(args, runs, console)
    except ChildFailed as error:
        print(f"a measurement failed: {error}", file=sys.stderr)
        return 1
    if draw is not None:
        draw(args.plot, found["scheduler"], args.before)
        console.print(f"drawn: {args.plot}")
    return 0


def measure_all(args: argparse.Namespace, runs: Runs, console: Console) -> dict[str, list[dict[str, Any]]]:
    """Measure and tell all parts, and return the rows of each. Raises ChildFailed."""
    found: dict[str, list[dict[str, Any]]] = {}
    for part in args.parts:
        rows = found[part] = []
        for row in measured_rows(part, args, runs, found):
            rows.append(row)
            if args.json:
                print(json.dumps({"part": part, **row, "cores": machine.core_count()}), flush=True)
        console.print(tables.table_of(part, rows, args.before))
        for line in tables.remarks_of(part, rows):
            console.print(line, soft_wrap=True)
    return found


def plotter() -> Callable[..., None]:
    """Return what draws a plot. Ends the program with a sentence where matplotlib, which nothing else needs, is not
    installed."""
    try:
        draw: Callable[..., None] = import_module("bench.scaling.plot").draw
    except ImportError as error:
        sys.exit(f"--plot needs matplotlib ({error}); install it with: pip install '.[bench]'")
    return draw


def measured_rows(
    part: str, args: argparse.Namespace, runs: Runs, found: dict[str, list[dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """Measure one part, and yield its rows as they come.

    Args:
        found: the rows of the parts before it: what one middleware feeds follows from the scheduler and the memory.
    """
    quick = args.quick
    if part == "scheduler":
        for shape in args.rows:
            for per_tick in args.ticks:
                wanted = {"lives_per_tick": per_tick, "lives": args.lives}
                yield runs.of("bench.scaling.lives:measure", **_arguments(shape), **wanted)
    elif part == "clients":
        for shape in [Shape(10, 20, 10)] if quick else TOLD:
            for per_tick in args.ticks:
                wanted = {"lives_per_tick": per_tick, "lives": args.lives, "clients": shape.jobs}
                yield runs.of("bench.scaling.lives:measure", **_arguments(shape), **wanted)
    elif part == "opencue":
        yield runs.of("bench.scaling.audit:measure", **({"jobs": 6, "hosts": 24} if quick else {}))
    elif part == "memory":
        yield from memory_rows(runs, quick)
    elif part == "aggregator":
        for shape in COLLECTED[:1] if quick else COLLECTED:
            yield {"program": "brain", **runs.of("bench.scaling.collecting:measure", **_arguments(shape))}
        for shape in [Shape(2, 2, 100)] if quick else DELIVERED:
            wanted = {**_arguments(shape), "payload_bytes": RESULT_BYTES}
            yield {"program": "whole", **runs.of("bench.scaling.storing:measure", **wanted)}
    elif part == "client":
        for shape in [Shape(2, 0, 100)] if quick else SENT:
            yield runs.of("bench.scaling.sending:measure", jobs=shape.jobs, chunks=shape.chunks)
    else:
        yield from feeding_rows(runs, quick, found)


def memory_rows(runs: Runs, quick: bool) -> Iterator[dict[str, Any]]:
    """Measure and yield what things take in memory, which differs little from run to run: once."""
    once = runs.once()
    yield once.of("bench.scaling.memory:queued_task", count=1_000 if quick else 200_000)
    yield once.of("bench.scaling.memory:idle_worker", count=100 if quick else 1_900)
    yield once.of("bench.scaling.memory:ended_job", count=20 if quick else 900)
    yield once.of("bench.scaling.collecting:ended_job", count=20 if quick else 900)


def feeding_rows(runs: Runs, quick: bool, found: dict[str, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Measure and yield what one middleware feeds, once: it is made of figures that are medians already, or long."""
    many = {"jobs": 10, "workers": 20, "chunks": 100} if quick else {"jobs": 100, "workers": 2_000, "chunks": 100}
    life = runs.of("bench.scaling.lives:measure", **many, lives_per_tick=16)
    there = {"jobs": 1, "workers": feeding.WORKERS, "chunks": feeding.TASKS}
    life_there = runs.of("bench.scaling.lives:measure", **there, lives_per_tick=16)
    memory = {row["thing"]: row["bytes_each"] for row in found.get("memory") or memory_rows(runs, quick)}
    yield from runs.once().each(
        "bench.scaling.feeding:measure",
        us_scheduling=life["us_per_task"],
        us_scheduling_there=life_there["us_per_task"],
        bytes_task=memory["queued task"],
        bytes_worker=memory["idle worker"],
        sizes=["720p"] if quick else ["720p", "1080p", "4K"],
    )


def _arguments(shape: Shape) -> dict[str, int]:
    return {"jobs": shape.jobs, "workers": shape.workers, "chunks": shape.chunks}


if __name__ == "__main__":
    sys.exit(main())
