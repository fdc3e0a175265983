"""What happens in a cluster, as a listener is told it: each thing once, in order, also over restarts and lost
connections. A brain without socket and clock; moviola/session/listening.py has both."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from moviola.base.vocabulary import EventKind, JobState
from moviola.session.cluster_events import ENDS, ClusterEvent, EventId, ListenerKind
from moviola.wire.messages import EventRecord, Events, JobGlance, Message, Missed, Snapshot, Subscribe, Subscribed

MAX_KNOWN: Final = 10_000
"""Jobs whose state is remembered to find out what happened while nothing was heard: more than a middleware has."""


_KINDS: Final[dict[str, EventKind]] = {str(kind): kind for kind in EventKind}


class EventFeed:
    """Makes a listener's events of what the middleware says, whichever connection it comes over.

    Args:
        after: the last event that the listener has; None: it has none, and is told of what happens from now on.
        since_unix_s: without `after`: what has happened since this time comes first, as far as it is kept.
        job: only events of this job.
        kinds: only events of these kinds; empty: all.
    """

    def __init__(
        self,
        *,
        after: EventId | None = None,
        since_unix_s: float | None = None,
        job: str = "",
        kinds: Collection[EventKind] = (),
    ) -> None:
        self.position = after
        self._since_unix_s, self._job, self._kinds = since_unix_s, job, frozenset(kinds)
        self._jobs: OrderedDict[str, tuple[str, str]] | None = None  # by id: state and name; None: nothing is known yet
        self._workers: set[str] = set()
        self._has_gap = False  # what is not known of it, the next snapshot tells
        self._glances: list[JobGlance] = []
        self._is_away = False

    @property
    def is_current(self) -> bool:
        """Return whether the present state is known, so that nothing that happens from now on goes unnoticed."""
        return self._jobs is not None

    @property
    def has_gap(self) -> bool:
        """Return whether something was missed, and what it led to is still to be told."""
        return self._has_gap

    def state_of(self, job: str) -> str:
        """Return a job's state; "" where it is not known, or not yet."""
        return "" if self._jobs is None else self._jobs.get(job, ("", ""))[0]

    # ── connections ──────────────────────────────────────────────────────────────────────────────────────────────

    def request(self) -> Subscribe:
        """Return what is to be said first over a new connection."""
        self._glances = []
        journal, number = self.position or ("", 0)
        since_unix_s = None if self.position is not None else self._since_unix_s
        return Subscribe(journal, number, since_unix_s, self._job, sorted(self._kinds), snapshot=True)

    def lost(self, text: str, unix_s: float) -> list[ClusterEvent]:
        """Note that the connection is gone, or could not be made. Return what the listener is told of it: nothing where
        it knows that already."""
        if self._is_away:
            return []
        self._is_away = True
        return [ClusterEvent(kind=ListenerKind.DISCONNECTED, text=text, unix_s=unix_s)]

    # ── what the middleware says ─────────────────────────────────────────────────────────────────────────────────

    def take(self, message: Message, unix_s: float) -> list[ClusterEvent]:
        """Return what the listener is told because of a message; `unix_s` is the time."""
        match message:
            case Subscribed():
                return self._began(message, unix_s)
            case Events():
                told = [self._event(one) for one in message.events if self._is_new(one)]
                self._go_on_to(message.number)
                return told
            case Missed():
                return [self._missed(message, unix_s)]
            case Snapshot():
                self._glances += message.jobs
                return self._caught_up(message, unix_s) if message.last else []
        return []

    def _began(self, message: Subscribed, unix_s: float) -> list[ClusterEvent]:
        told = []
        if self._is_away:
            self._is_away = False
            text = "the middleware answers again"
            told.append(ClusterEvent(kind=ListenerKind.CONNECTED, text=text, unix_s=unix_s))
        before = self.position
        if before is None or before.journal != message.journal:
            self.position = EventId(message.journal, message.number)
        if before is not None and before.journal != message.journal:
            self._has_gap = True
            text = f"the middleware was restarted; events after {before.number} may be lost, but their effects are told"
            told.append(ClusterEvent(kind=ListenerKind.MISSED, text=text, unix_s=unix_s, first=before.number + 1))
        return told

    def _go_on_to(self, number: int) -> None:
        """Note that no event up to this number is still to be told (it was told, is not wanted, or is lost), so that
        the next subscription begins behind it."""
        if self.position is not None and number > self.position.number:
            self.position = EventId(self.position.journal, number)

    def _is_new(self, record: EventRecord) -> bool:
        return record.number == 0 or self.position is None or record.number > self.position.number

    def _event(self, record: EventRecord) -> ClusterEvent:
        told = None  # while there is a gap: who comes back with an earlier one is told of it again
        if record.number and self.position is not None:
            told = self.position = EventId(self.position.journal, record.number)
        if record.job:
            self._note_job(record.job, record.state, record.name, is_gone=record.kind == EventKind.JOB_FORGOTTEN)
        elif record.kind == EventKind.WORKER_JOINED:
            self._workers.add(record.worker)
        elif record.kind == EventKind.WORKER_LEFT:
            self._workers.discard(record.worker)
        return ClusterEvent(
            kind=_KINDS.get(record.kind, record.kind),
            id=None if self._has_gap else told,
            **{name: getattr(record, name) for name in _TAKEN},
        )

    def _note_job(self, job: str, state: str, name: str, *, is_gone: bool = False) -> None:
        if self._jobs is None:
            return
        known = self._jobs.pop(job, ("", ""))
        if is_gone:
            return
        self._jobs[job] = (state, name or known[1])
        while len(self._jobs) > MAX_KNOWN:
            self._jobs.popitem(last=False)

    def _missed(self, message: Missed, unix_s: float) -> ClusterEvent:
        self._has_gap = True  # also over a lost connection, until a snapshot has come
        first, last = message.first, message.last
        self._go_on_to(last)
        count = last - first + 1
        text = f"event {first} was missed" if count == 1 else f"{count} events were missed: {first} to {last}"
        text = f"{text}; too much has happened since"
        return ClusterEvent(kind=ListenerKind.MISSED, text=text, unix_s=unix_s, count=count, first=first, last=last)

    # ── what happened unheard ────────────────────────────────────────────────────────────────────────────────────

    def _caught_up(self, snapshot: Snapshot, unix_s: float) -> list[ClusterEvent]:
        """Take a snapshot whose parts are all here as what is known now. Return what must have happened if events were
        missed before it; only the last of these has an id, which is the snapshot's place."""
        if self.position is None:
            return []  # it belongs to no subscription
        self.position = EventId(self.position.journal, snapshot.number)
        glances, self._glances = self._glances, []
        found = list(self._differences(glances, set(snapshot.workers))) if self._has_gap else []
        told = [each for each in found if not self._kinds or each[0] in self._kinds]
        self._has_gap = False
        names = {} if self._jobs is None else {job: name for job, (_, name) in self._jobs.items()}
        self._jobs = OrderedDict((one.job, (one.state, one.name or names.get(one.job, ""))) for one in glances)
        self._workers = set(snapshot.workers)
        return [
            ClusterEvent(
                kind=kind, text=text, unix_s=unix_s, is_caught_up=True,
                id=self.position if place == len(told) else None, **facts,
            )
            for place, (kind, text, facts) in enumerate(told, 1)
        ]  # fmt: skip

    def _differences(self, glances: Iterable[JobGlance], workers: set[str]) -> Iterator[_Difference]:
        """Yield what must have happened to jobs and workers; where nothing was known before, each job's state."""
        known: Mapping[str, tuple[str, str]] = self._jobs or {}
        is_baseless, here = self._jobs is None, set()
        for one in glances:
            here.add(one.job)
            before, name = known.get(one.job, ("", ""))
            facts = {"job": one.job, "name": one.name or name, "user": one.user, "state": one.state, "code": one.code}
            if not before and not is_baseless:
                yield EventKind.JOB_SUBMITTED, f"job {one.job} was submitted meanwhile", facts
            kind = _change(before, one.state) or (EventKind.JOB_RESUMED if is_baseless else None)
            if kind is not None:
                yield kind, f"job {one.job} is {one.state} now", facts
        for job, (state, name) in known.items():
            if job not in here and state not in ENDED:
                yield EventKind.JOB_FORGOTTEN, f"job {job} is not known any more", {"job": job, "name": name}
        if self._job or is_baseless:
            return
        for worker in sorted(workers - self._workers):
            yield EventKind.WORKER_JOINED, f"worker {worker} is here now", {"worker": worker}
        for worker in sorted(self._workers - workers):
            yield EventKind.WORKER_LEFT, f"worker {worker} is not here any more", {"worker": worker}


_Difference = tuple[EventKind, str, dict[str, Any]]
"""What must have happened: its kind, in words, and the fields of its event."""

ENDED: Final = {str(state): kind for kind, state in ENDS.items()}
"""The states of jobs that are over, each with the event that led to it."""


def _change(before: str, after: str) -> EventKind | None:
    """Return what must have happened to a job between two states; None where that was not worth an event."""
    if before == after:
        return None
    if after in ENDED:
        return ENDED[after]
    if after == JobState.PAUSED:
        return EventKind.JOB_PAUSED
    if before in ENDED:
        return EventKind.JOB_RETRIED
    return EventKind.JOB_RESUMED if before == JobState.PAUSED else None


_TAKEN: Final = (
    "text", "unix_s", "job", "name", "user", "state", "code", "worker", "output", "chunk", "frames", "frames_wanted",
)  # fmt: skip
