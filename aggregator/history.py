"""Jobs whose files are there. In memory is what decides about messages that name them; the rest is in the ledger."""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

MAX_HISTORY: Final = 1000
"""Jobs whose files can be fetched. Beyond that, the oldest one of the user who has most of them is forgotten, and only
its files are left on the disk."""


@dataclass(frozen=True, slots=True)
class EndedJob:
    """The part of an ended job that stays in memory; the rest is in the ledger."""

    id: str
    owner_epoch: int
    user: str


class History:
    """Ended jobs by id. Every change costs the same however many there are."""

    def __init__(self) -> None:
        self._jobs: dict[str, EndedJob] = {}
        self._of_user: dict[str, dict[str, None]] = {}  # their jobs' ids, the first to end first
        self._users_with: defaultdict[int, dict[str, None]] = defaultdict(dict)  # users by their number of jobs
        self._most = 0  # jobs of one user

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job: str) -> bool:
        return job in self._jobs

    def get(self, job: str) -> EndedJob | None:
        """Return an ended job, None when there is none of this id."""
        return self._jobs.get(job)

    def add(self, job: str, owner_epoch: int, user: str) -> None:
        """Take up a job that has just ended."""
        user = sys.intern(user)
        self._jobs[job] = EndedJob(job, owner_epoch, user)
        self._of_user.setdefault(user, {})[job] = None
        self._count(user, 1)

    def remove(self, job: str) -> None:
        """Forget a job. Raises KeyError when there is none of this id."""
        user = self._jobs.pop(job).user
        del self._of_user[user][job]
        self._count(user, -1)

    def surplus(self) -> EndedJob | None:
        """Return the job to be forgotten where there are too many: the first to end, of a user who has most of them."""
        if len(self._jobs) <= MAX_HISTORY:
            return None
        user = next(iter(self._users_with[self._most]))
        return self._jobs[next(iter(self._of_user[user]))]

    def _count(self, user: str, change: int) -> None:
        """Count in `_users_with` and `_most` that a user's number of jobs has changed by `change`, which is 1 or -1."""
        count = len(self._of_user[user])
        before = self._users_with[count - change]
        before.pop(user, None)
        if not before:
            del self._users_with[count - change]
        if count:
            self._users_with[count][user] = None
        else:
            del self._of_user[user]
        if count > self._most or self._most not in self._users_with:
            self._most = count

    def validate(self) -> None:
        """Prove that the indexes agree with each other; for tests and the simulation."""
        assert sum(map(len, self._of_user.values())) == len(self._jobs), "a user's jobs are not those in the history"
        for user, jobs in self._of_user.items():
            assert jobs, f"{user!r} has no jobs"
            assert user in self._users_with[len(jobs)], f"{user!r} counts as one with another number of jobs"
            assert all(self._jobs[job].user == user for job in jobs), f"{user!r} has a job of somebody else"
        assert sum(map(len, self._users_with.values())) == len(self._of_user), "a user counts twice"
        assert self._most == max(self._users_with, default=0), "it is not known how many jobs a user has at most"
