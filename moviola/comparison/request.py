"""What is to be compared, by which modes, how often."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from moviola.base.processes import MAX_WORKERS, core_count
from moviola.comparison.records import Mode
from moviola.filters.chain import format_chain
from moviola.media.kind import Kind
from moviola.media.kinds import KINDS
from moviola.media.material import Material
from moviola.session.order import Order
from moviola.session.target import Target, UsageError

MAX_ITERATIONS: Final = 10_000
"""Rounds of a mode: a stress test of a night. Each is kept as a few numbers."""

MAX_WARM_UPS: Final = 100


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be compared. It is pickled on its way to the processes that do it.

    Attributes:
        material: what is filtered.
        order: what is wanted of it.
        modes: in the order in which they take turns.
        workers: threads, and processes.
        iterations: rounds of each mode that count.
        warm_ups: rounds before these, which do not.
        target: the cluster of the mode `distributed`.
        plugins: files of filters, which the processes here load.
        limit_s: how long all of it may take, in seconds; None: as long as it takes.
    """

    material: Material
    order: Order
    modes: tuple[Mode, ...]
    workers: int = field(default_factory=core_count)
    iterations: int = 1
    warm_ups: int = 1
    target: Target | None = None
    plugins: tuple[Path, ...] = ()
    limit_s: float | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for numbers that cannot be."""
        _check("workers", self.workers, 1, MAX_WORKERS)
        _check("iterations", self.iterations, 1, MAX_ITERATIONS)
        _check("warm_ups", self.warm_ups, 0, MAX_WARM_UPS)

    def at(self, target: Target) -> Request:
        """Return the same, with another cluster."""
        return replace(self, target=target)

    @property
    def filters(self) -> list[str]:
        """The chains, as text."""
        return [format_chain(output.chain) for output in self.order.outputs]


def _check(name: str, value: object, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise UsageError(f"{name} is a whole number from {least} to {most}, not {value!r:.40}")


def modes_in(names: Collection[str]) -> tuple[Mode, ...]:
    """Return the modes of these names, each once, in their own order; all for none. Raise UsageError for another."""
    for name in names:
        if name not in set(Mode):
            raise UsageError(f"there is no mode '{name:.40}'; there are {', '.join(Mode)}")
    return tuple(mode for mode in Mode if not names or mode in names)


def check_options(kind: Kind, said: Iterable[str]) -> None:
    """Raise UsageError if an option was given that is only for other kinds of material than this one.

    Args:
        said: the names of the settings that were given.
    """
    for name in said:
        takers = [each for each in KINDS.values() if name in each.options]
        if takers and kind not in takers:
            flag, plurals = name.replace("_", "-"), " and ".join(each.plural for each in takers)
            raise UsageError(f"--{flag} is for {plurals}, and there are only {kind.plural}; leave it out")


def one_of(materials: Sequence[Material], complaints: Iterable[Exception]) -> Material:
    """Return the only material that was named. Raise the first complaint about the paths, or UsageError where there is
    not exactly one material."""
    for complaint in complaints:
        raise complaint
    if len(materials) != 1:
        plurals = " and ".join(dict.fromkeys(KINDS[each.kind].plural for each in materials))
        raise UsageError(
            f"a comparison takes one source, but there are {len(materials)} {plurals}; name one, or a folder"
        )
    return materials[0]
