"""Which of a job's states are events, and in which words they are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from moviola.base.vocabulary import EventKind, JobCode, JobState

UNTOLD: Final = frozenset(
    {"", JobCode.BUSY, JobCode.UPLOADING, JobCode.HOLDINGS, JobCode.RESUMED, JobCode.RETRIED, JobCode.PAUSED}
)
"""Codes of a pending job that make no event: the job waits for its turn, as all do now and then, or another event has
told what it does."""

ENDS: Final = {
    JobState.DONE: EventKind.JOB_DONE,
    JobState.PARTIAL: EventKind.JOB_PARTIAL,
    JobState.FAILED: EventKind.JOB_FAILED,
    JobState.CANCELLED: EventKind.JOB_CANCELLED,
}

SENTENCES: Final = {
    EventKind.JOB_WAITING: "waits",
    EventKind.JOB_STARTED: "has started",
    EventKind.JOB_PAUSED: "is paused",
    EventKind.JOB_RESUMED: "goes on",
    EventKind.JOB_DONE: "is done",
    EventKind.JOB_PARTIAL: "is partly done",
    EventKind.JOB_FAILED: "failed",
    EventKind.JOB_CANCELLED: "is cancelled",
}


@dataclass(slots=True, eq=False)
class Announced:
    """What was told last of a job's state."""

    kind: EventKind = EventKind.JOB_SUBMITTED
    code: str = ""
    has_started: bool = False

    def change(self, state: JobState, code: str) -> EventKind | None:
        """Return the event that a new state is; None where nothing has changed for those who listen."""
        kind = self._kind_of(state, code)
        if kind is None or (kind, code) == (self.kind, self.code):
            return None
        if kind is EventKind.JOB_STARTED:
            self.has_started = True
        self.kind, self.code = kind, code
        return kind

    def restore(self, state: JobState, code: str, *, has_started: bool) -> None:
        """Take up the state of a job that was there before this start of the middleware. That it is paused was told
        before; that it goes on is still to be told."""
        self.has_started = has_started
        if state is JobState.PAUSED:
            self.kind, self.code = EventKind.JOB_PAUSED, code

    def _kind_of(self, state: JobState, code: str) -> EventKind | None:
        if state in ENDS:
            return ENDS[state]
        if state is JobState.PAUSED:
            return EventKind.JOB_PAUSED
        goes_on = self.kind in (EventKind.JOB_STARTED, EventKind.JOB_RESUMED)
        if state is JobState.RUNNING:
            if not self.has_started:
                return EventKind.JOB_STARTED
            return None if goes_on else EventKind.JOB_RESUMED
        if self.kind is EventKind.JOB_PAUSED and code == JobCode.RESUMED:
            return EventKind.JOB_RESUMED
        return None if code in UNTOLD else EventKind.JOB_WAITING


def sentence(job: str, kind: EventKind, reason: str) -> str:
    """Return a job's new state in words, with the reason where there is one."""
    if reason.startswith(("paused by ", "cancelled by ")):
        return f"job {job} was {reason}"
    said = f"job {job} {SENTENCES[kind]}"
    return f"{said}: {reason}" if reason and kind is not EventKind.JOB_RESUMED else said
