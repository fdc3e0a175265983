"""The states of jobs, tasks and workers, and every change that is allowed between them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from moviola.base.vocabulary import FINAL, JobState, WorkerState

__all__ = [
    "FINAL",
    "JOB_TRANSITIONS",
    "TASK_TRANSITIONS",
    "WORKER_TRANSITIONS",
    "JobState",
    "TaskState",
    "WorkerState",
]

JOB_TRANSITIONS: Final[dict[JobState, frozenset[JobState]]] = {
    JobState.PENDING: frozenset({JobState.RUNNING, JobState.PAUSED}) | FINAL,
    JobState.RUNNING: frozenset({JobState.PENDING, JobState.PAUSED}) | FINAL,
    JobState.PAUSED: frozenset({JobState.PENDING}) | FINAL,  # all may have been stored before, and be spliced meanwhile
    JobState.DONE: frozenset(),
    JobState.PARTIAL: frozenset(),
    JobState.FAILED: frozenset({JobState.PENDING}),  # a person's retry
    JobState.CANCELLED: frozenset({JobState.PENDING}),
}


class TaskState(StrEnum):
    ABSENT = "absent"  # its chunk is not here
    QUEUED = "queued"
    ASSIGNED = "assigned"  # at least one lease is alive
    DELIVERED = "delivered"  # a worker was told that it is stored; the aggregator's word is awaited
    STORED = "stored"


TASK_TRANSITIONS: Final[dict[TaskState, frozenset[TaskState]]] = {
    TaskState.ABSENT: frozenset({TaskState.QUEUED, TaskState.STORED}),
    TaskState.QUEUED: frozenset({TaskState.ASSIGNED, TaskState.STORED, TaskState.ABSENT}),
    TaskState.ASSIGNED: frozenset({TaskState.DELIVERED, TaskState.STORED, TaskState.QUEUED, TaskState.ABSENT}),
    TaskState.DELIVERED: frozenset({TaskState.STORED, TaskState.QUEUED, TaskState.ABSENT}),
    TaskState.STORED: frozenset({TaskState.QUEUED, TaskState.ABSENT}),  # only when the owner lost it, or its store
}


WORKER_TRANSITIONS: Final[dict[WorkerState, frozenset[WorkerState]]] = {
    WorkerState.READY: frozenset({WorkerState.FULL, WorkerState.DRAINING, WorkerState.LOST}),
    WorkerState.FULL: frozenset({WorkerState.READY, WorkerState.DRAINING, WorkerState.LOST}),
    WorkerState.DRAINING: frozenset({WorkerState.READY, WorkerState.FULL, WorkerState.LOST}),
    WorkerState.LOST: frozenset({WorkerState.READY, WorkerState.FULL, WorkerState.DRAINING}),
}
