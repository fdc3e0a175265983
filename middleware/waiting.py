"""Whose turn it is to get a worker: users take turns, and so do the jobs of one user that have one priority."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from middleware.jobs import Job
from middleware.tracks import Track
from middleware.users import User

Pair = tuple[Job, Track]


class Waiting:
    """Tracks with queued tasks, in the order in which they may have a worker.

    Args:
        pairs: all of them.
        last_served: by job, in which turn it was given a worker last.
    """

    def __init__(self, pairs: Iterable[Pair], last_served: Mapping[str, int]) -> None:
        self._of_user: dict[User, list[Pair]] = {}
        self.count = 0
        for job, track in pairs:
            self._of_user.setdefault(job.user, []).append((job, track))
            self.count += 1
        for mine in self._of_user.values():
            mine.sort(key=lambda pair: (-pair[0].priority, last_served.get(pair[0].id, 0)))
        self._users = deque(sorted(self._of_user, key=lambda user: user.last_served))

    def __iter__(self) -> Iterator[Pair]:
        for user in self._users:
            yield from self._of_user[user]

    def take(self) -> Pair:
        """Take out the track whose turn it is."""
        pair = self._of_user[self._users[0]].pop(0)
        self.count -= 1
        self._drop_empty(self._users[0])
        return pair

    def served(self, job: Job, track: Track, *, has_more: bool) -> None:
        """A track that was taken out got a worker: it is behind its user's others of its priority now, and its user
        behind all others."""
        if job.user in self._of_user:
            self._users.remove(job.user)
            self._users.append(job.user)
        if has_more:
            mine = self._of_user.get(job.user)
            if mine is None:
                mine = self._of_user[job.user] = []
                self._users.append(job.user)
            at = len(mine)
            while at > 0 and mine[at - 1][0].priority < job.priority:
                at -= 1
            mine.insert(at, (job, track))
            self.count += 1

    def _drop_empty(self, user: User) -> None:
        if not self._of_user[user]:
            del self._of_user[user]
            self._users.popleft()
