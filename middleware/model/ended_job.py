"""What is remembered of a job that has ended: a line in memory, and all the rest in the ledger until somebody asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..job_record import JobRecord
from ..job_request import JobRequest
from .states import JobState
from .users import User

if TYPE_CHECKING:
    from .job import Job


@dataclass(slots=True, eq=False)
class EndedJob:
    """A job that is over. `key` and `session` are those of its last Submit, `client` is the peer that is attached."""

    id: str
    user: User
    state: JobState
    code: str
    key: str
    session: str
    owner: str
    owner_epoch: int
    is_preview: bool = False
    client: int | None = None

    @classmethod
    def of(cls, job: Job) -> EndedJob:
        """Return what is remembered of a job that has just become final."""
        parts = (job.code, job.request.key, job.session, job.owner.store, job.owner.epoch, job.is_preview)
        return cls(job.id, job.user, job.state, *parts, client=job.client)

    @classmethod
    def saved(cls, job: str, user: User, request: JobRequest, record: JobRecord) -> EndedJob:
        """Return what is remembered of a job that the ledger has."""
        parts = (record.code, request.key, record.session, record.owner, record.owner_epoch, request.is_preview)
        return cls(job, user, record.state, *parts)

    @property
    def is_final(self) -> bool:
        return True

    def is_owned(self, store: str, epoch: int) -> bool:
        """Return True if this store has its results under this owner epoch."""
        return self.owner == store and self.owner_epoch == epoch

    def detach(self) -> None:
        """Its client has gone."""
        self.client = None
