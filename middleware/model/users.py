"""Users: who holds how much of what the cluster has for all of them, and how much that may be.

A user is whoever a client's Hello says: a name, not a proof. The bounds keep one user (a script gone wild, say) from
taking what others need. They do not stop somebody who gives many names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from moviola.base.invocation import typed
from moviola.wire.limits import MAX_CLIENTS, MIB

if TYPE_CHECKING:
    from .ended_job import EndedJob
    from .job import Job


class Resource(StrEnum):
    """What users hold. The values are for sentences."""

    CONNECTIONS = "connections"
    SUBSCRIPTIONS = "subscriptions to events"
    OPEN_JOBS = "unfinished jobs"
    LEDGER_BYTES = "bytes of submissions"
    CHUNKS = "chunks"
    SPOOL_BYTES = "bytes of chunks"
    STAGED_BYTES = "bytes between workers"
    ENDED_JOBS = "ended jobs"


class Quota(NamedTuple):
    """How much of a resource may be held.

    Args:
        in_all: by all users together.
        of_user: by one.
        reserved: how much of `in_all` only users get who hold none of it.
    """

    in_all: int
    of_user: int
    reserved: int


QUOTAS: Final[Mapping[Resource, Quota]] = {
    # A client program needs one connection, and few people run more than a hundred of them. The rest of what the
    # process can serve is for workers, aggregators and those who have not said Hello yet.
    Resource.CONNECTIONS: Quota(MAX_CLIENTS, 128, 384),
    # Each is one of those connections, and is served in a turn of the loop in which there is news. So much is left of
    # the connections that whoever listens can still send jobs. A gateway needs one for all who listen there.
    Resource.SUBSCRIPTIONS: Quota(MAX_CLIENTS * 2 // 3, 96, 256),
    # Each costs a look in every turn of the loop, and a row in two ledgers. A quarter for one user, so that three more
    # can do the same, and places for 200 others then.
    Resource.OPEN_JOBS: Quota(1000, 250, 200),
    # Of Submit messages, in memory and in both ledgers, while their jobs are not final. Usual ones have 2 to 200 KiB,
    # the largest 4 MiB.
    Resource.LEDGER_BYTES: Quota(128 * MIB, 32 * MIB, 32 * MIB),
    # Whatever their size, each costs some 500 bytes of memory and a row in the ledger. A long film has 10 000 chunks.
    Resource.CHUNKS: Quota(4_000_000, 1_000_000, 1_000_000),
}
"""What is refused beyond these. Bytes of chunks have no fixed quota: they are shared by uploads.py."""

HISTORY: Final = Quota(1000, 250, 0)
"""Ended jobs remembered. Beyond it nothing is refused: the oldest of the user who has most are forgotten."""

SUBMITS_PER_S: Final = 20.0
SUBMIT_BURST: Final = 200.0
"""Submit messages of one user: each costs about a millisecond here and at an aggregator. A folder of small pictures
sent by a loop of the shell makes less than 10 a second."""

QUOTA_HINT: Final = f"wait until a job has ended, or cancel one: {typed('jobs')}"


@dataclass(slots=True, eq=False)
class User:
    """One user, while it has a connection or a job. `charge` is the only writer of what it holds."""

    name: str
    is_admin: bool
    total: Counter[Resource]
    held: Counter[Resource] = field(default_factory=Counter)
    open: dict[str, Job] = field(default_factory=dict)  # oldest first
    ended: dict[str, EndedJob] = field(default_factory=dict)  # the one that ended first comes first
    last_served: int = 0  # in which turn one of its tasks was handed out last
    submits: float = SUBMIT_BURST  # that it may send now
    submits_at: float | None = None  # when that was so

    def charge(self, resource: Resource, amount: int) -> None:
        """Count `amount` more (or less, where negative) for this user and for all together."""
        self.held[resource] += amount
        self.total[resource] += amount

    @property
    def is_idle(self) -> bool:
        """Whether nothing here is this user's."""
        return not (self.open or self.ended or self.held[Resource.CONNECTIONS])


class Users:
    """All users, by name.

    Args:
        quotas: see QUOTAS; `history` as HISTORY.
        admins: names of those who may control everybody's jobs, and workers.
    """

    def __init__(self, quotas: Mapping[Resource, Quota], history: Quota, admins: Collection[str]) -> None:
        self._quotas, self._history, self._admins = quotas, history, frozenset(admins)
        self.by_name: dict[str, User] = {}
        self.total: Counter[Resource] = Counter()

    def named(self, name: str) -> User:
        """Return the user of this name, who may be new."""
        user = self.by_name.get(name)
        if user is None:
            user = self.by_name[name] = User(name, name in self._admins, self.total)
        return user

    def may_manage(self, user: User) -> bool:
        """Whether a user may change what is for all users: an admin, or anybody where nobody was made one."""
        return user.is_admin or not self._admins

    def let_go(self, user: User) -> None:
        """Forget a user of whom nothing is here any more."""
        if user.is_idle:
            self.by_name.pop(user.name, None)

    def refusal(self, user: User, resource: Resource, wanted: int = 1) -> str:
        """Return why a user cannot have `wanted` more of a resource, in a sentence; empty where it can."""
        quota, own, all_held = self._quotas[resource], user.held[resource], self.total[resource]
        if own + wanted > quota.of_user:
            return f"user {user.name!r} has {own} {resource.value}, and may have {quota.of_user}"
        if all_held + wanted > quota.in_all - (quota.reserved if own else 0):
            rest = f", and {quota.reserved} are kept for users who have none" if own else ""
            return f"all users together have {all_held} {resource.value} of {quota.in_all}{rest}"
        return ""

    def is_at_bound(self, user: User, resource: Resource) -> bool:
        """Whether a user has as much of a resource as one may have."""
        return user.held[resource] >= self._quotas[resource].of_user

    def may_submit(self, user: User, now: float) -> bool:
        """Count a Submit; False where a user sends them faster than it may."""
        since = 0.0 if user.submits_at is None else max(0.0, now - user.submits_at)
        user.submits = min(SUBMIT_BURST, user.submits + since * SUBMITS_PER_S)
        user.submits_at = now
        if user.submits < 1:
            return False
        user.submits -= 1
        return True

    def outdated(self, user: User) -> Iterator[EndedJob]:
        """Yield ended jobs to forget, after one more of `user` has ended. Each must be gone before the next."""
        while user.held[Resource.ENDED_JOBS] > self._history.of_user:
            yield _oldest(user)
        while self.total[Resource.ENDED_JOBS] > self._history.in_all:
            yield _oldest(max(self.by_name.values(), key=lambda one: one.held[Resource.ENDED_JOBS]))

    def validate(self) -> None:
        """Prove that the counts are right and within their bounds; for tests and the simulation."""
        for user in self.by_name.values():
            jobs = list(user.open.values())
            counted = {
                Resource.CONNECTIONS: user.held[Resource.CONNECTIONS],
                Resource.SUBSCRIPTIONS: user.held[Resource.SUBSCRIPTIONS],
                Resource.OPEN_JOBS: len(jobs),
                Resource.LEDGER_BYTES: sum(job.ledger_bytes for job in jobs),
                Resource.CHUNKS: sum(stream.known_count for job in jobs for stream in job.streams),
                Resource.SPOOL_BYTES: sum(stream.spooled_bytes for job in jobs for stream in job.streams),
                Resource.STAGED_BYTES: sum(track.staged_bytes for job in jobs for track in job.tracks),
                Resource.ENDED_JOBS: sum(not job.is_preview for job in user.ended.values()),
            }
            assert counted == {resource: user.held[resource] for resource in Resource}, (user.name, counted, user.held)
            for resource, quota in self._quotas.items():
                assert user.held[resource] <= quota.of_user, f"user {user.name} has {user.held[resource]} {resource}"
            assert not user.is_idle, f"user {user.name} has nothing, and is remembered"
        for resource in Resource:
            assert self.total[resource] == sum(user.held[resource] for user in self.by_name.values()), resource
        for resource, quota in self._quotas.items():
            assert self.total[resource] <= quota.in_all, f"there are {self.total[resource]} {resource}"


def _oldest(user: User) -> EndedJob:
    """Return the job in a user's history that ended first."""
    return next(job for job in user.ended.values() if not job.is_preview)
