"""The hunt for planted defects: seeds are played with each of them until one fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.simulation.mutants import planted
from tests.simulation.outcomes import Failure, outcome, spread

MAX_STRETCH: Final = 16
"""Seeds that a process plays with one defect before another one has its turn. The first stretches are shorter: what is
caught at once is known at once."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seeds to be played with a defect, until one fails."""

    name: str
    seeds: range


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a stretch: the seed that failed, if any did, and why. `blamed` are seeds that fail without the
    defect as well; `misfit` says why the defect cannot be planted, where it cannot."""

    count: int
    seconds: float
    caught_by: int | None = None
    failure: Failure | None = None
    blamed: tuple[int, ...] = ()
    misfit: str = ""


def play_stretch(stretch: Stretch) -> Played:
    """Play seeds with a defect planted. One that fails is played again without: only then was it the defect."""
    count, seconds, blamed = 0, 0.0, []
    for seed in stretch.seeds:
        try:
            with planted(stretch.name):
                found = outcome(seed)
        except (AttributeError, TypeError) as error:
            return Played(count, seconds, misfit=f"{type(error).__name__}: {error}")
        count += 1
        seconds += found.seconds
        if found.failure is None:
            continue
        if misfit := _misfit(found.failure, stretch.name):
            return Played(count, seconds, misfit=misfit)
        if _fails_without(seed):
            blamed.append(seed)
            continue
        return Played(count, seconds, seed, found.failure, tuple(blamed))
    return Played(count, seconds, blamed=tuple(blamed))


def _fails_without(seed: int) -> bool:
    return outcome(seed).failure is not None


def _misfit(failure: Failure, name: str) -> str:
    """Return what shows that the patch itself failed, not the rule that it breaks; empty where nothing does: it is
    called in a way, or uses something, that the patched code does not know any more."""
    is_error_of_use = failure.cause.startswith(("TypeError: ", "AttributeError: ", "NameError: ", "ImportError: "))
    is_in_patch = failure.oracle.startswith("mutants.") or f"_{name.replace(' ', '_')}.<locals>" in failure.cause
    return failure.cause if is_error_of_use and is_in_patch else ""


@dataclass
class Prey:
    """A defect that is hunted."""

    name: str
    begun: int = 0  # seeds in stretches that were begun
    running: int = 0  # stretches
    played: int = 0
    seconds: float = 0.0
    blamed: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a defect, with how many `seeds`, and `seconds` of play in all. One that is not caught has escaped,
    or is a `misfit`."""

    name: str
    seeds: int
    seconds: float
    caught_by: int | None
    failure: Failure | None
    blamed: tuple[int, ...]
    misfit: str


class Hunt:
    """Hands out stretches so that all defects come equally far, and decides each of them once."""

    def __init__(self, names: Sequence[str], first: int, count: int) -> None:
        self._first, self._count = first, count
        self._prey = {name: Prey(name) for name in names}

    def verdicts(self, processes: int) -> Iterator[Verdict]:
        """Yield a verdict on each defect as soon as it is known."""
        for stretch, played in spread(self._next, play_stretch, processes):
            verdict = self._judge(stretch, played)
            if verdict is not None:
                yield verdict

    def _next(self) -> Stretch | None:
        """Return seeds for a defect with which nobody plays, rather than more for another one."""
        left = [one for one in self._prey.values() if one.begun < self._count]
        if not left:
            return None
        prey = min(left, key=lambda one: (one.running, one.begun))
        length = min(max(prey.begun, 1), MAX_STRETCH, self._count - prey.begun)
        start = self._first + prey.begun
        prey.begun += length
        prey.running += 1
        return Stretch(prey.name, range(start, start + length))

    def _judge(self, stretch: Stretch, played: Played) -> Verdict | None:
        prey = self._prey.get(stretch.name)
        if prey is None:
            return None  # decided by another stretch
        prey.running -= 1
        prey.played += played.count
        prey.seconds += played.seconds
        prey.blamed += played.blamed
        has_escaped = prey.played == self._count
        if played.failure is None and not played.misfit and not has_escaped:
            return None
        del self._prey[stretch.name]
        seeds = prey.played if played.caught_by is None else played.caught_by - self._first + 1
        return Verdict(
            prey.name, seeds, prey.seconds, played.caught_by, played.failure, tuple(prey.blamed), played.misfit
        )
