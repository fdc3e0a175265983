"""What must hold of room in the spool and of users' bounds, after each turn of the middleware."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from middleware.model.cluster import Cluster
from middleware.model.job import Job as MiddlewareJob
from middleware.model.users import Resource
from tests.simulation.checks.messages import MessageChecks
from tests.simulation.greedy import MAX_CHUNK

if TYPE_CHECKING:
    from tests.simulation.scenario import Scenario


ROOM_KNOWN_S: Final = 2.0
"""How long a client without room may not have been told of new room: the disk is asked a few times a second."""


class RoomChecks:
    """Looks at what users hold of the middleware, and at who waits for room.

    Args:
        scenario: what is played.
        messages: what each program has been told.
    """

    def __init__(self, scenario: Scenario, messages: MessageChecks) -> None:
        self._messages = messages
        self._scenario = scenario
        self._in_vain_since: dict[str, float] = {}  # job → since when its client waits for room that is there

    def no_client_waits(self, cluster: Cluster, job: MiddlewareJob, now: float) -> None:
        is_kept_waiting = job.client is not None and not job.all_sent and not self._messages.room_told.get(job.id, 1)
        if not is_kept_waiting or not self._may_send(cluster, job):
            self._in_vain_since.pop(job.id, None)
            return
        since = self._in_vain_since.setdefault(job.id, now)
        assert now - since < ROOM_KNOWN_S, f"the client of {job.id} was told of no room; there is some since {since}"

    def _may_send(self, cluster: Cluster, job: MiddlewareJob) -> bool:
        """Whether a job need not stand back behind others that are being sent, and there is room for it."""
        others = [
            one for one in cluster.open.values() if one.client is not None and not one.all_sent and one is not job
        ]
        stands_back = not _is_offered(cluster, job) and any(_is_offered(cluster, other) for other in others)
        return not stands_back and self._has_room(cluster, job, others)

    def _has_room(self, cluster: Cluster, job: MiddlewareJob, others: list[MiddlewareJob]) -> bool:
        """Whether there is a byte for a job in the spool: of what its user may have, and itself as well."""
        room, rules = self._scenario.middleware.room_bytes, self._scenario.middleware.rules
        whole = room + sum(one.spooled_bytes for one in cluster.open.values())
        mine = sum(one.spooled_bytes for one in cluster.open.values() if one.user is job.user)
        users = len({one.user for one in (job, *others)})
        jobs = 1 + sum(one.user is job.user for one in others)
        if mine >= rules.client_window_bytes:
            room -= min(rules.reserved_windows * rules.client_window_bytes, whole // 4)
        return room >= users * jobs and whole // users > mine and whole // users // jobs > job.spooled_bytes

    def users_keep_within_bounds(self, cluster: Cluster) -> None:
        quotas = self._scenario.middleware.rules.quotas
        jobs = Counter(job.user.name for job in cluster.open.values())
        chunks: Counter[str] = Counter()
        for job in cluster.open.values():
            chunks[job.user.name] += sum(stream.known_count for stream in job.streams)
        for counts, quota in ((jobs, quotas[Resource.OPEN_JOBS]), (chunks, quotas[Resource.CHUNKS])):
            for user, count in counts.items():
                assert count <= quota.of_user, f"{user} has {count} of at most {quota}"

    def is_left_for_newcomers(self, cluster: Cluster) -> None:
        """Where only one user holds something, it does not hold all."""
        held: Counter[str] = Counter()
        for job in cluster.open.values():
            held[job.user.name] += job.spooled_bytes
        mine = held["greedy"]
        if not mine or mine != sum(held.values()) or cluster.staged_bytes:
            return
        room, rules = self._scenario.middleware.room_bytes, self._scenario.middleware.rules
        reserve = min(rules.reserved_windows * rules.client_window_bytes, (room + mine) // 4)
        assert room >= reserve - MAX_CHUNK, f"one user holds {mine} bytes, and {room} are left"


def _is_offered(cluster: Cluster, job: MiddlewareJob) -> bool:
    """Whether workers of its kind of material, together where chains may be shared, offer each filter a job wants."""
    workers = [worker for worker in cluster.fleet.connected() if f"kind:{job.request.kind}" in worker.offers]
    together = set().union(*(worker.offers for worker in workers))
    return all(
        any(set(track.chain.steps) <= worker.offers for worker in workers)
        or (track.chain.can_stage and set(track.chain.steps) <= together)
        for track in job.tracks
    )
