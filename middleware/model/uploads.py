"""Jobs that are being sent, and how the room of the spool is shared among them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .job import Job
from .users import Resource, User

if TYPE_CHECKING:
    from .cluster import Cluster


class Uploads:
    """Jobs that a connected client still sends. `look` is the only writer.

    If room is scarce, jobs that are paused or that nobody can do stand back behind the others and get none. What they
    hold is freed only when their time is over, and then they would take it again at once.
    """

    def __init__(self) -> None:
        self.jobs: dict[Job, bool] = {}  # whether it stands back where room is scarce
        self.version = 0  # one more with each change
        self._count: Counter[User] = Counter()  # how many of a user's jobs there are
        self._back: Counter[User] = Counter()  # … and of these stand back
        self._back_count = 0

    def look(self, job: Job, *, is_sending: bool, stands_back: bool) -> None:
        """Note whether a job is being sent."""
        now = stands_back if is_sending else None
        before = self.jobs.get(job)
        if now is before:
            return
        self.version += 1
        self._add(job, before, -1)
        self._add(job, now, 1)
        if now is None:
            del self.jobs[job]
        else:
            self.jobs[job] = now

    def _add(self, job: Job, stands_back: bool | None, count: int) -> None:
        if stands_back is None:
            return
        self._count[job.user] += count
        if not self._count[job.user]:
            del self._count[job.user]
        if stands_back:
            self._back_count += count
            self._back[job.user] += count
            if not self._back[job.user]:
                del self._back[job.user]

    def gets_room(self, job: Job, *, is_scarce: bool) -> bool:
        """Return whether a job gets any room now."""
        return not (self.jobs.get(job) and self._counts_back(is_scarce=is_scarce))

    def _counts_back(self, *, is_scarce: bool) -> bool:
        return is_scarce and self._back_count < len(self.jobs)

    def of_room(self, user: User, *, is_scarce: bool) -> tuple[int, int]:
        """Return among how many users the room is shared, and a user's part of it among how many jobs."""
        if not self._counts_back(is_scarce=is_scarce):
            return self.of_spool(user)
        users = sum(self._back[each] < count for each, count in self._count.items())
        return users or 1, (self._count[user] - self._back[user]) or 1

    def of_spool(self, user: User) -> tuple[int, int]:
        """Return among how many users the spool is shared, and a user's part of it among how many jobs."""
        return len(self._count) or 1, self._count.get(user, 0) or 1

    def rotate(self, job: Job) -> None:
        """Look at a job again when all others have been looked at."""
        self.jobs[job] = self.jobs.pop(job)

    def validate(self) -> None:
        """Raise AssertionError where the counts are not those of the jobs."""
        assert self._count == Counter(job.user for job in self.jobs)
        assert self._back == Counter(job.user for job, back in self.jobs.items() if back)
        assert self._back_count == sum(self.jobs.values())


def spool_share(cluster: Cluster, job: Job) -> int:
    """Return the bytes of the spool that a job may hold."""
    users, jobs = cluster.uploads.of_spool(job.user)
    return cluster.room.spool_bytes // users // jobs


def room_for(cluster: Cluster, job: Job) -> int:
    """Return the payload bytes the client of a job may have on their way: a part of the room, within its user's and its
    own share of the whole spool, and never more than a window. What is freed would otherwise go to those who hold much
    already and get nothing done, until others have nothing."""
    user, uploads, is_scarce = job.user, cluster.uploads, cluster.room.is_scarce
    if not uploads.gets_room(job, is_scarce=is_scarce) or cluster.users.refusal(user, Resource.CHUNKS):
        return 0
    users, jobs = uploads.of_room(user, is_scarce=is_scarce)
    spool_of_user = cluster.room.spool_bytes // uploads.of_spool(user)[0]
    left_of_user = spool_of_user - user.held[Resource.SPOOL_BYTES]
    left_of_job = spool_share(cluster, job) - job.spooled_bytes
    of_room = cluster.room.of(user) // users // jobs
    return max(0, min(cluster.rules.client_window_bytes, of_room, left_of_user, left_of_job))
