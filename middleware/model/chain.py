"""An output's filters as the middleware sees them: names of steps, who could do some of them in a row, and what lies
between two workers that share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from moviola.base.build_path import BuildPath, to_text
from moviola.base.records import record

Needs = frozenset[str]
"""What a worker must offer: filters by name, and `kind:` with the kind of material."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The steps of an output.

    Args:
        kind: of material.
        steps: the filters' names.
        can_stage: may its steps be spread over workers? Then the kind knows how to hand on what lies between.
    """

    kind: str
    steps: tuple[str, ...]
    can_stage: bool
    whole: range = field(init=False, compare=False)  # all steps

    def __post_init__(self) -> None:
        object.__setattr__(self, "whole", range(len(self.steps)))

    def needs(self, stage: range) -> Needs:
        """What a worker must offer for the steps of `stage`."""
        return _needs(self.kind, self.steps[stage.start : stage.stop])

    def is_last(self, stage: range) -> bool:
        """Whether a result comes out, and nothing is handed on."""
        return stage.stop == len(self.steps)

    def to_wire(self, stage: range) -> list[int]:
        """Return a stage as Task and HeldLease carry it: its `start` and `stop`, or an empty list for all steps."""
        return [] if stage == self.whole else [stage.start, stage.stop]

    def part(self, mode: str, stage: range, path: BuildPath) -> Part:
        """Return the part of a task that these steps are, of which `path` has the builds."""
        return Part(mode, stage, self.to_wire(stage), self.is_last(stage), path, to_text(path))

    def from_wire(self, told: Sequence[int]) -> range | None:
        """The reverse of `to_wire`; None for what is no stage of this chain."""
        if not told:
            return self.whole
        start, stop = (*told, 0)[:2]
        return range(start, stop) if 0 <= start < stop <= len(self.steps) and self.can_stage else None


@record
class Part:
    """What one worker is given of a task: some steps of its chain in a row.

    Args:
        mode: how they are done.
        stage: the steps; `told_stage` as Task tells them.
        is_last: whether a result comes of them.
        path: the build of each step that is done then, those done before included; `build` is its text.
    """

    mode: str
    stage: range
    told_stage: list[int]
    is_last: bool
    path: BuildPath
    build: str


@lru_cache(maxsize=4096)  # of the chains that clients think of
def _needs(kind: str, names: tuple[str, ...]) -> Needs:
    return frozenset([f"kind:{kind}", *names])


@dataclass(frozen=True, slots=True)
class Intermediate:
    """A task whose first steps are done: what came of them is in the spool.

    It is volatile: no ledger knows it, and after a restart the task begins again with its chunk. `mode` is that of the
    workers that made it, `fingerprint` has the build of each step that is done, `size` is in bytes.
    """

    mode: str
    fingerprint: BuildPath
    size: int

    @property
    def step(self) -> int:
        """How many steps are done."""
        return len(self.fingerprint)


@dataclass(slots=True)
class Pace:
    """How long tasks take that end after the same step."""

    seconds: float = 0.0
    count: int = 0

    def add(self, seconds: float) -> None:
        self.seconds += seconds
        self.count += 1

    @property
    def mean_s(self) -> float | None:
        """None before the first one."""
        return self.seconds / self.count if self.count else None
