"""What is to be done with the files that a person named: everything that can be said before any source is opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from moviola.filters.chain import ChainError
from moviola.filters.schema import ParameterError
from moviola.media.errors import UnforeseenFault, UnreadableSource
from moviola.media.material import Material
from moviola.session.existing import Destination
from moviola.session.faults import contained_of
from moviola.session.order import Order, OutputRequest
from moviola.session.outcome import REFUSED, Outcome, Status


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be sent, in this order, with where its results go; and what cannot be sent, with why.

    Attributes:
        jobs: by material, its order and its destination.
        complaints: what cannot be taken of what was named.
    """

    jobs: dict[Material, Destination]
    complaints: tuple[UnreadableSource, ...] = ()

    @property
    def count(self) -> int:
        """How many sources there are, with those that cannot be taken."""
        return len(self.jobs) + len(self.complaints)


def orders_for(
    materials: Iterable[Material], wanted: OutputRequest
) -> tuple[dict[Material, Order], list[UnreadableSource]]:
    """Return what is wanted of each material, and why nothing can be of those that no output is for."""
    orders, unsuited = {}, []
    for material in materials:
        try:
            with contained_of(material, ChainError, ParameterError):
                orders[material] = wanted.order(material)
        except UnreadableSource as complaint:
            unsuited.append(complaint)
    return orders, unsuited


def refusal(complaint: UnreadableSource, size: int = 0) -> Outcome:
    """Return the outcome of a source that cannot be taken; `size` is its own, in bytes."""
    name = Path(complaint.path).name or complaint.path
    status = Status.FAILED if isinstance(complaint, UnforeseenFault) else Status.WRONG
    return Outcome(name, "", status, REFUSED, str(complaint), size=size, path=complaint.path)


def size_of(material: Material) -> int:
    """Return how many bytes the files of a material have; those that are gone count nothing."""
    size = 0
    for _, path in material.files:
        try:
            size += path.stat().st_size
        except (OSError, ValueError):
            continue
    return size
