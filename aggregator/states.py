"""The states of a job as its aggregator sees it, and of the connection to the middleware; every allowed change."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Final


class JobPhase(StrEnum):
    """How far an aggregator is with a job."""

    COLLECTING = "collecting"  # results come
    SPLICING = "splicing"  # all are here; the splice waits for its turn or runs
    FINISHED = "finished"  # its files are there, or it is known why not


JOB_TRANSITIONS: Final[dict[JobPhase, frozenset[JobPhase]]] = {
    JobPhase.COLLECTING: frozenset({JobPhase.SPLICING}),
    JobPhase.SPLICING: frozenset({JobPhase.FINISHED, JobPhase.COLLECTING}),  # back when a result is damaged on disk
    JobPhase.FINISHED: frozenset({JobPhase.COLLECTING}),  # it failed, and is owned anew
}


class LinkState(Enum):
    """The states of an aggregator's connection to the middleware."""

    WAITING = "waiting"  # until the next try
    DIALLING = "dialling"
    JOINED = "joined"


LINK_TRANSITIONS: Final[dict[LinkState, frozenset[LinkState]]] = {
    LinkState.WAITING: frozenset({LinkState.DIALLING}),
    LinkState.DIALLING: frozenset({LinkState.JOINED, LinkState.WAITING}),
    LinkState.JOINED: frozenset({LinkState.WAITING}),
}
