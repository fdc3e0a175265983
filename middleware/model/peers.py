"""The aggregators and clients that are connected, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from moviola.wire.addresses import Address
from moviola.wire.messages import Aggregator
from moviola.wire.windows import Windows

from ..events import (
    Peer,
)
from .users import User


@dataclass(slots=True, eq=False)
class AggregatorRecord:
    """An aggregator that is connected."""

    name: str
    session: str
    store: str
    peer: Peer
    addresses: list[Address]
    joined_at: float
    heard_at: float
    is_settled: bool = False  # has been here for so long that it may take over what a lost store of its name had
    windows: Windows = field(default_factory=Windows)
    results_age_s: int | None = None
    results_limit: int | None = None

    def message(self, *, connected: bool = True) -> Aggregator:
        """Return what workers and watchers are told of it."""
        limits = (self.results_age_s, self.results_limit)
        return Aggregator(self.store, self.name, self.addresses, connected, *limits)


class Asked(Enum):
    """What a client is to be told of; a name goes with each."""

    JOB = "job"
    DETAILS = "details"  # of a job
    WORKER = "worker"
    AGGREGATOR = "aggregator"
    FILTERS = "filters"
    OVERVIEW = "overview"
    CURRENT = "current"  # that it has been told all that it asked for


@dataclass(frozen=True, slots=True)
class StoreRecord:
    """An aggregator's store that has been here, its name, and the digest of the token that it was first seen with."""

    store: str
    name: str
    digest: bytes


@dataclass(slots=True, eq=False)
class ClientRecord:
    """A client that is connected."""

    name: str
    session: str
    peer: Peer
    user: User
    jobs: set[str] = field(default_factory=set)  # attached to this connection
    watched_jobs: set[str] = field(default_factory=set)
    topics: set[str] = field(default_factory=set)
    asked: dict[tuple[Asked, str], None] = field(default_factory=dict)  # what it is to be told, in this order
    asked_topics: set[str] = field(default_factory=set)  # … and after that, all of these,
    asked_limit: int | None = None  # … of jobs and of workers in an overview
    asked_jobs: dict[str, None] = field(default_factory=dict)  # … and the details of these,
    asked_stories: dict[str, int | None] = field(
        default_factory=dict
    )  # … with the story of a chunk's tasks; None: of all
    asked_timelines: set[str] = field(default_factory=set)  # … or with who did which task, and when
    asks_next_at: float = 0.0  # … not before then
    is_behind: bool = False  # has much to read: it hears no more until it has
    untold_jobs: set[str] = field(default_factory=set)  # watched, and changed since it was told
    untold_losses: set[str] = field(default_factory=set)  # workers that have left since it was told
    introduced: set[str] = field(default_factory=set)  # sessions of workers whose schemas it knows
