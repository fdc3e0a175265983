"""One event of a cluster as programs see it, and the place where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from moviola.base.vocabulary import EventKind, JobState

MAX_ID: Final = 200
"""Characters of an event's id: far more than any has."""


class ListenerKind(StrEnum):
    """What a listener is told of itself, rather than of the cluster."""

    DISCONNECTED = "disconnected"  # nothing is heard of the middleware; it is called again
    CONNECTED = "connected"  # … and it has answered
    MISSED = "missed"  # some events will not come any more


class EventId(NamedTuple):
    """Where an event stands: a listener that has it goes on behind it, at any time and through any gateway.

    As text, such as for `Last-Event-ID`, it is `JOURNAL-NUMBER`.

    Attributes:
        journal: names one start of the middleware.
        number: of the event in it, from 1.
    """

    journal: str
    number: int

    def __str__(self) -> str:
        return f"{self.journal}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> EventId:
        """Return the id that a text is. Raises ValueError, with a sentence."""
        journal, _, number = text.rpartition("-")
        if not journal or len(text) > MAX_ID or not (number.isascii() and number.isdigit()) or int(number) >= 2**63:
            raise ValueError(f"an event's id is like 3.9f2c04a1-120, not {text!r:.60}")
        return cls(journal, int(number))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterEvent:
    """One thing that happened.

    Attributes:
        kind: an EventKind or a ListenerKind; another text where a newer middleware knows more kinds.
        text: it in words.
        unix_s: when, in seconds since 1970.
        id: where it stands; None of what is not kept, such as `progress`, and until a gap is made up for.
        job: the job's id, where it is about one.
        name: what people call that job; empty where that was not told.
        user: whose job it is.
        state: the job's, right after it.
        code: why the job is in that state, for programs.
        worker: the worker's or aggregator's name, where it is about one.
        output: of which output, where it is about one task.
        chunk: of which chunk, where it is about one task.
        frames: how many fell back, were lost, or are done.
        frames_wanted: with `progress`: of how many; None until all of the source is sent.
        count: with `missed`: how many at most; None where nobody knows.
        first: with `missed`: the number of the first one.
        last: with `missed`: the number of the last one; None where nobody knows.
        is_caught_up: it happened while nothing was heard, nobody knows when.
    """

    kind: str
    text: str
    unix_s: float
    id: EventId | None = None
    job: str = ""
    name: str = ""
    user: str = ""
    state: str = ""
    code: str = ""
    worker: str = ""
    output: str = ""
    chunk: int | None = None
    frames: int | None = None
    frames_wanted: int | None = None
    count: int | None = None
    first: int | None = None
    last: int | None = None
    is_caught_up: bool = False

    @property
    def ends_job(self) -> bool:
        """Return whether a job has ended by this."""
        return self.kind in ENDS

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object: what is empty or None is left out."""
        made: dict[str, Any] = {"id": None if self.id is None else str(self.id), "kind": str(self.kind)}
        made |= {"time": round(self.unix_s, 3), "text": self.text}
        made |= {name: getattr(self, name) for name in _FIELDS}
        made["caught_up"] = self.is_caught_up or None
        return {name: value for name, value in made.items() if value not in (None, "")}


_FIELDS: Final = (
    "job", "name", "user", "state", "code", "worker", "output", "chunk", "frames", "frames_wanted",
    "count", "first", "last",
)  # fmt: skip

ENDS: Final = {
    EventKind.JOB_DONE: JobState.DONE,
    EventKind.JOB_PARTIAL: JobState.PARTIAL,
    EventKind.JOB_FAILED: JobState.FAILED,
    EventKind.JOB_CANCELLED: JobState.CANCELLED,
}
"""The events that end a job, each with the state in which it is then."""
