"""The states of a job as its aggregator sees it, and of the connection to the middleware; every allowed change."""

from __future__ import annotations

from enum import Enum
from typing import Final


class JobState(Enum):
    COLLECTING = "collecting"  # results come
    SPLICING = "splicing"  # all are here; the splice waits for its turn or runs
    FINISHED = "finished"  # its files are there, or it is known why not


JOB_TRANSITIONS: Final[dict[JobState, frozenset[JobState]]] = {
    JobState.COLLECTING: frozenset({JobState.SPLICING}),
    JobState.SPLICING: frozenset({JobState.FINISHED, JobState.COLLECTING}),  # back when a result is damaged on disk
    JobState.FINISHED: frozenset({JobState.COLLECTING}),  # it failed, and is owned anew
}


class LinkState(Enum):
    WAITING = "waiting"  # until the next try
    DIALLING = "dialling"
    JOINED = "joined"


LINK_TRANSITIONS: Final[dict[LinkState, frozenset[LinkState]]] = {
    LinkState.WAITING: frozenset({LinkState.DIALLING}),
    LinkState.DIALLING: frozenset({LinkState.JOINED, LinkState.WAITING}),
    LinkState.JOINED: frozenset({LinkState.WAITING}),
}
