"""Play seeds of the simulation, or hunt for planted defects.

  python -m tests.simulation --seeds 1000          plays seeds; each failure is told at once, with how to replay it
  python -m tests.simulation --story --first SEED  plays one seed, and prints what happened
  python -m tests.simulation --mutants             plants each defect of mutants/: the seeds must catch it

Ctrl-C ends it with what was found until then. The exit status is 1 if a seed failed or a defect escaped.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import traceback
from collections import Counter
from contextlib import nullcontext
from secrets import randbelow
from typing import Final

from tests.simulation.hunt import Hunt, Verdict
from tests.simulation.mutants import MUTANTS, planted
from tests.simulation.outcomes import Outcome, failure_of, fast_disk, interruptible, outcome, spread
from tests.simulation.scenario import Failed, play

PROGRESS_S: Final = 15.0
"""Between two lines that tell how far it is."""

FIRST_PROGRESS_S: Final = 1.0
"""… and until the first one, which tells how long it will take."""

STORY_TAIL: Final = 400
"""Lines of a story that are printed."""

MUTANT_REASON: Final = 120
"""Characters of what was wrong, in the table of mutants."""

EXIT_INTERRUPTED: Final = 130
"""As a shell has it for SIGINT."""

REPLAY: Final = "python -m tests.simulation --story --first"


def main() -> int:
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of a seed
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=300, help="how many (%(default)s)")
    parser.add_argument("--first", type=int, help="the first seed; a fresh one when not given")
    parser.add_argument("--story", action="store_true", help="print the story of the first seed")
    parser.add_argument(
        "--mutants", nargs="?", const="", metavar="TEXT",
        help="plant defects, those with TEXT in their names: each must be caught within --seeds",
    )  # fmt: skip
    parser.add_argument("--plant", choices=MUTANTS, metavar="NAME", help="with --story: plant this defect")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="(%(default)s)")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)  # the story tells more
    interruptible()
    first = randbelow(1 << 31) if args.first is None else args.first
    if args.story:
        return tell(first, args.plant)
    if args.mutants is not None:
        names = [name for name in MUTANTS if args.mutants in name]
        return hunt(names, first, args.seeds, args.processes)
    return play_all(first, args.seeds, args.processes)


def say(text: str) -> None:
    """Print a line, also where the output is a file that somebody watches."""
    print(text, flush=True)


# ── seeds ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Tally:
    """What the seeds came to so far."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._began_at = time.monotonic()
        self._tells_at = self._began_at + FIRST_PROGRESS_S
        self._played = 0
        self._slowest = (0.0, 0)
        self._times: Counter[str] = Counter()  # by kind of event
        self._seeds: Counter[str] = Counter()  # in how many seeds it happened
        self.failed: list[int] = []

    def add(self, one: Outcome) -> None:
        """Count a seed, and tell its failure or, now and then, how far it is."""
        self._played += 1
        self._slowest = max(self._slowest, (one.seconds, one.seed))
        self._times.update(one.seen)
        self._seeds.update(one.seen.keys())
        if one.failure is not None:
            self.failed.append(one.seed)
            say(f"seed {one.seed} FAILS: {one.failure}\n    replay with: {REPLAY} {one.seed}")
        if time.monotonic() >= self._tells_at:
            self._tells_at = time.monotonic() + PROGRESS_S
            left_s = (self._count - self._played) / self._rate
            say(f"{self._progress()}, {left_s / 60:.0f} min to go")

    @property
    def _rate(self) -> float:
        return self._played / (time.monotonic() - self._began_at)

    def _progress(self) -> str:
        return f"{self._played} of {self._count} seeds, {self._rate:.1f} seeds/s, {len(self.failed)} failed"

    def summary(self) -> str:
        """Return what is to be said at the end."""
        lines = [
            f"  {kind:<24}{self._times[kind]:>9} times in {self._seeds[kind]:>6} seeds" for kind in sorted(self._seeds)
        ]
        lines.append(f"{self._progress()} in {time.monotonic() - self._began_at:.1f} s")
        if self._played:
            lines.append(f"the slowest is {self._slowest[1]}: {self._slowest[0]:.1f} s")
        lines += [f"failed: {REPLAY} {seed}" for seed in self.failed]
        return "\n".join(lines)


def play_all(first: int, count: int, processes: int) -> int:
    """Play seeds; return the exit status."""
    say(f"{count} seeds, the first is {first}")
    seeds = iter(range(first, first + count))
    tally = Tally(count)
    status = 0
    try:
        for _, one in spread(lambda: next(seeds, None), outcome, processes):
            tally.add(one)
    except KeyboardInterrupt:
        say("interrupted")
        status = EXIT_INTERRUPTED
    finally:
        say(tally.summary())
    return 1 if tally.failed else status


# ── mutants ──────────────────────────────────────────────────────────────────────────────────────────────────────


def hunt(names: list[str], first: int, count: int, processes: int) -> int:
    """Plant each defect and play seeds until one fails; return the exit status."""
    say(f"{len(names)} mutants, at most {count} seeds each, the first is {first}")
    verdicts: list[Verdict] = []
    try:
        for verdict in Hunt(names, first, count).verdicts(processes):
            verdicts.append(verdict)
            say(row(verdict))
    except KeyboardInterrupt:
        say("interrupted")
    caught = [one for one in verdicts if one.failure is not None]
    undecided = [name for name in names if name not in {one.name for one in verdicts}]
    say(f"{len(caught)} of {len(names)} caught, the last after {max((one.seeds for one in caught), default=0)} seeds")
    for what, found in (
        ("escaped", [one.name for one in verdicts if one.failure is None and not one.misfit]),
        ("do not apply", [one.name for one in verdicts if one.misfit]),
        ("undecided", undecided),
        ("seeds that fail without a defect", sorted({str(seed) for one in verdicts for seed in one.blamed})),
    ):
        if found:
            say(f"{what}: {', '.join(found)}")
    if len(caught) + len(undecided) < len(names) or any(one.blamed for one in verdicts):
        return 1
    return EXIT_INTERRUPTED if undecided else 0


def row(verdict: Verdict) -> str:
    """Return a line of the table."""
    if verdict.failure is not None:
        what, why = "caught", f"{verdict.failure}"[:MUTANT_REASON].replace("\n", " ") + f" (seed {verdict.caught_by})"
    elif verdict.misfit:
        what, why = "DOES NOT APPLY", verdict.misfit
    else:
        what, why = "ESCAPED", ""
    return f"{verdict.name:<52} {what} after {verdict.seeds:>4} seeds, {verdict.seconds:>6.1f} s  {why}".rstrip()


# ── a story ──────────────────────────────────────────────────────────────────────────────────────────────────────


def tell(seed: int, plant: str | None) -> int:
    """Play a seed and print its story; return the exit status."""
    try:
        with planted(plant) if plant is not None else nullcontext():
            world = play(seed, fast_disk())
    except Failed as error:
        say("\n".join("\n".join(error.__notes__).splitlines()[-STORY_TAIL:]))
        if error.__cause__ is not None:
            say("".join(traceback.format_exception(error.__cause__)))
        say(f"seed {seed} FAILS: {failure_of(error)}")
        return 1
    say("\n".join(list(world.story)[-STORY_TAIL:]))
    say(f"seed {seed} passes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
