"""`python -m tests.simulation --seeds N [--first S]`: plays seeds; a failing one prints its story."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from secrets import randbelow

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from tests.simulation.mutants import MUTANTS, planted
from tests.simulation.scenario import Failed, play

Outcome = tuple[int, str | None, frozenset[str]]
"""A seed, what was wrong (None when nothing was), and what kinds of things happened."""

FAST_DISK = Path("/dev/shm")
"""Ledgers and spools of a simulation live in memory where the system offers a folder for it."""

STORY_TAIL = 400
MUTANT_REASON = 90
"""Characters of what was wrong, in the table of mutants."""


def main() -> int:
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of a seed
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=300, help="how many (%(default)s)")
    parser.add_argument("--first", type=int, help="the first seed; a fresh one when not given")
    parser.add_argument("--story", action="store_true", help="print the story of the first seed")
    parser.add_argument("--mutants", action="store_true", help="plant defects: each must be caught within --seeds")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    told = parser.parse_args()
    logging.disable(logging.CRITICAL)  # the story tells more
    first = randbelow(1 << 31) if told.first is None else told.first
    console = Console()
    console.print(f"{told.seeds} seeds, the first is {first}")
    if told.mutants:
        return hunt(console, first, told.seeds, told.processes)
    if told.story:
        return tell(console, first)
    started = time.monotonic()
    seen: Counter[str] = Counter()
    failures = []
    for seed, text, kinds in outcomes(console, first, told.seeds, told.processes):
        seen.update(kinds)
        if text is not None:
            failures.append((seed, text))
    seconds = time.monotonic() - started
    speed = f"{seconds:.1f} s, {told.seeds / seconds:.1f} seeds/s"
    console.print(f"{told.seeds - len(failures)} passed, {len(failures)} failed in {speed}")
    console.print("in how many of them what happened: " + ", ".join(f"{k} {n}" for k, n in sorted(seen.items())))
    for seed, text in failures[:10]:
        console.print(f"[red]seed {seed}[/red]: {text}", markup=True, highlight=False)
    if failures:
        console.print(f"replay with: python -m tests.simulation --story --first {failures[0][0]}")
    return 1 if failures else 0


def outcomes(console: Console, first: int, count: int, processes: int) -> Iterator[Outcome]:
    seeds = range(first, first + count)
    with ProcessPoolExecutor(processes) as pool:
        found = pool.map(outcome, seeds, chunksize=8)
        yield from track(found, "playing", total=count, console=console, disable=not console.is_terminal)


def outcome(seed: int) -> Outcome:
    """Plays a seed."""
    try:
        world = play(seed, base())
    except Failed as error:
        return seed, str(error)[:500], frozenset()
    return seed, None, frozenset(world.seen)


def hunt(console: Console, first: int, count: int, processes: int) -> int:
    """Plays seeds with each planted defect until one fails, and prints which."""
    table = Table("planted defect", "caught by seed", "after", "because", title="Mutants")
    escaped = 0
    with ProcessPoolExecutor(processes) as pool:
        hunts = pool.map(caught, MUTANTS, [first] * len(MUTANTS), [count] * len(MUTANTS))
        for name, found in track(zip(MUTANTS, hunts, strict=True), "hunting", total=len(MUTANTS), console=console):
            if found is None:
                escaped += 1
                table.add_row(name, "[red]escaped[/red]", str(count), "")
            else:
                seed, text = found
                table.add_row(name, str(seed), str(seed - first + 1), escape(text[:MUTANT_REASON]))
    console.print(table)
    console.print(f"{len(MUTANTS) - escaped} of {len(MUTANTS)} caught within {count} seeds each")
    return 1 if escaped else 0


def caught(name: str, first: int, count: int) -> tuple[int, str] | None:
    """The first seed that fails with a defect planted, and why; None when it escapes."""
    logging.disable(logging.CRITICAL)
    with planted(name):
        outcomes = map(outcome, range(first, first + count))
        return next(((seed, text) for seed, text, _ in outcomes if text is not None), None)


def base() -> Path | None:
    return FAST_DISK if FAST_DISK.is_dir() and os.access(FAST_DISK, os.W_OK) else None


def tell(console: Console, seed: int) -> int:
    try:
        world = play(seed, base())
    except Failed as error:
        console.print("\n".join("\n".join(error.__notes__).splitlines()[-STORY_TAIL:]), markup=False, highlight=False)
        console.print(f"[red]seed {seed} fails[/red]: ", str(error), markup=True, highlight=False)
        cause = error.__cause__
        while cause is not None and cause.__traceback__ is not None:
            console.print("".join(traceback.format_exception(cause)), markup=False, highlight=False)
            cause = None
        return 1
    console.print("\n".join(list(world.story)[-STORY_TAIL:]), markup=False, highlight=False)
    console.print(f"seed {seed} passes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
