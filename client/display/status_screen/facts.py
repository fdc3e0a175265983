"""What the screen is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from moviola.session.cluster_view import ClusterView
from moviola.session.throughput import Throughput


class Order(StrEnum):
    """What workers are sorted by; all but names with the largest first."""

    NAME = "name"
    RATE = "frames/s"
    CPU = "cpu"
    MEMORY = "memory"
    FAILED = "failed"

    @property
    def next(self) -> Order:
        """Return the order that comes after this one, the first after the last."""
        orders = list(Order)
        return orders[(orders.index(self) + 1) % len(orders)]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a cluster, and what the person who looks on has chosen.

    Attributes:
        address: of the middleware, for people.
        view: the newest whole one; None before the first.
        throughput: how fast the cluster was lately.
        age_s (s): since the view was whole.
        away: why no middleware is connected; empty while one is.
        is_paused: no newer view is asked for.
        has_keys: a keyboard is there.
        limit: jobs and workers that are asked for, each.
        order: of the workers.
        scrolled (rows): how many rows of each list are skipped, as far as it has so many.
    """

    address: str
    view: ClusterView | None = None
    throughput: Throughput = field(default_factory=Throughput)
    age_s: float = 0.0
    away: str = ""
    is_paused: bool = False
    has_keys: bool = True
    limit: int | None = None
    order: Order = Order.NAME
    scrolled: int = 0
