"""Who follows events, and what each is told: everything that happens, in order, once.

Nobody has a buffer of their own: a subscription is a place in the journal, and whoever reads slowly stays behind there
until what comes next is not kept any more. Then it is told how much it has missed, and what the state is now.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from itertools import islice
from typing import Final

from moviola.base.vocabulary import ErrorCode, EventKind
from moviola.wire.errors import ProtocolError
from moviola.wire.messages import EventRecord, Events, JobGlance, Message, Missed, Snapshot, Subscribe, Subscribed

from .events import Peer
from .job_control import not_yours
from .model.cluster import Cluster
from .model.job import Job
from .model.journal import MAX_EVENTS, Subscription
from .model.peers import ClientRecord
from .model.users import Resource
from .publisher import progress_of

SERVE_INTERVAL_S: Final = 0.1
"""How often subscribers are told what has happened: people take it for at once, and events that come together leave
together."""

WORK_PER_TURN: Final = 1024
"""Events that are looked at for all subscribers each time: some 10 ms of work, however many subscribers there are and
however far they are behind. A message for those who see the same and are equally far is made once, and counts once."""

EVENTS_EACH: Final = 256
"""Events of one message: with all texts as long as they may be 1.5 MB, of the 4 that a message may have."""

POSITION_INTERVAL: Final = MAX_EVENTS // 10
"""After so many events that were not for it, a subscriber is told the number of the last one all the same. So it need
not be told that it missed them when it comes back."""

GLANCES_EACH: Final = 1024
"""Jobs in one part of a snapshot: with all names as long as they may be 3 MB."""

GLANCES_PER_EVENT: Final = 4
"""Jobs of a snapshot that cost as much as one event."""

PROGRESS_INTERVAL_S: Final = 1.0
"""How often one event tells of a job's progress."""

PROGRESS_EACH_TIME: Final = 64
"""Jobs of which progress is told each time: about 1 ms of work. Where more are in work, they take turns."""

SUBSCRIPTION_HINT: Final = "end one of them, or follow several jobs over one subscription"


@dataclass(slots=True)
class _Turn:
    """What is done for all subscribers at one time."""

    left: int  # how much more work may be done
    made: dict[object, Message]  # what was made for one subscriber, and is the same for others


class Subscriptions:
    """The part of the dispatcher that tells events to those who follow them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._serve_at = 0.0
        self._has_news = False  # somebody who reads was to be told something, when that was looked at last
        self._seen = (0, 0)  # how far events and progress were then
        self._served = 0  # subscribers, ever: where the next turn begins
        self._moved: dict[str, None] = {}  # jobs whose progress is to be told
        self._progress_at = 0.0
        self._progress_count = 0  # told so far
        self._progress: OrderedDict[str, tuple[int, EventRecord]] = OrderedDict()
        """By job: its newest progress, and its place among all that was told. The newest are last."""

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def subscribe(self, client: ClientRecord, message: Subscribe, now: float) -> None:
        """Begin a subscription, in the place of an earlier one of this connection. Raises ProtocolError."""
        cluster, journal = self._cluster, self._cluster.journal
        unknown = set(message.kinds) - set(EventKind)
        if unknown:
            raise ProtocolError(ErrorCode.BAD_MESSAGE, f"no kind of event is called {', '.join(sorted(unknown))}")
        job = cluster.jobs.get(message.job)
        if message.job and job is None:
            return cluster.refuse(client, ErrorCode.UNKNOWN_JOB, f"there is no job {message.job}", message.job)
        if job is not None and not cluster.may_touch(client.user, job):
            return cluster.refuse(client, ErrorCode.NOT_YOURS, not_yours(job, "follow"), message.job)
        journal.stamp(now + cluster.unix_offset_s)  # what happened in this turn was before
        if message.journal == journal.name and message.number > journal.last:
            text = f"there has been no event {message.number} yet; the newest is {journal.last}"
            return cluster.refuse(client, ErrorCode.NOT_FOUND, text)
        if client.peer not in cluster.subscriptions:
            why = cluster.users.refusal(client.user, Resource.SUBSCRIPTIONS)
            if why:
                return cluster.refuse(client, ErrorCode.BUSY, f"{why}; {SUBSCRIPTION_HINT}")
            client.user.charge(Resource.SUBSCRIPTIONS, 1)
        viewer = None if client.user.is_admin else client.user.name
        kinds = frozenset(message.kinds)
        told = self._told_before(message)
        subscription = Subscription(client.peer, viewer, message.job, kinds, message.snapshot, told)
        subscription.progress_told = self._progress_count
        subscription.owes_snapshot = message.snapshot
        cluster.subscriptions[client.peer] = subscription
        self._has_news = True
        cluster.send(client.peer, Subscribed(journal.name, told, journal.began_unix_s or 0.0))
        return None

    def _told_before(self, message: Subscribe) -> int:
        """Return the number of the last event that a client has, or does not want to have."""
        journal = self._cluster.journal
        if message.journal == journal.name:
            return message.number
        if message.journal:
            return 0  # it was told of events of another start: it is told of all in this one
        if message.since_unix_s is None:
            return journal.last
        told = journal.before(message.since_unix_s)
        return told if told >= journal.first else 0  # what is not kept any more is told as missed

    # ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────

    def next_deadline(self) -> float | None:
        """When somebody is to be told something, at the latest."""
        if not self._cluster.subscriptions:
            return None
        deadlines = [self._serve_at] if self._has_news or self._newest != self._seen else []
        deadlines += [self._progress_at] if self._moved else []
        return min(deadlines, default=None)

    def publish(self, now: float, behind: Set[Peer], moved: Iterable[str]) -> None:
        """Tell those who are not `behind` with reading what has happened, each its share of what fits in a turn. Jobs
        that have `moved` may have made progress."""
        self._moved |= dict.fromkeys(moved)
        self._gather_progress(now)
        if now < self._serve_at:
            return
        subscriptions = self._cluster.subscriptions.values()
        self._serve_at, self._seen = now + SERVE_INTERVAL_S, self._newest
        waiting = [one for one in subscriptions if one.peer not in behind and self._has_news_for(one)]
        self._has_news = bool(waiting)
        if not waiting:
            return
        turn = _Turn(WORK_PER_TURN, {})
        first = self._served % len(waiting)
        for subscription in [*waiting[first:], *waiting[:first]]:
            if turn.left <= 0:
                break
            self._serve(subscription, turn)
            self._served += 1

    @property
    def _newest(self) -> tuple[int, int]:
        """Return how far the events and the progress of jobs are."""
        return self._cluster.journal.last, self._progress_count

    def _has_news_for(self, subscription: Subscription) -> bool:
        has_progress = subscription.wants_progress and subscription.progress_told < self._progress_count
        return subscription.told < self._cluster.journal.last or subscription.owes_snapshot or has_progress

    def _serve(self, subscription: Subscription, turn: _Turn) -> None:
        """Tell a subscriber the next events; once it has all, what the state is, if it does not know that, and how far
        jobs are."""
        journal = self._cluster.journal
        first = subscription.told + 1
        if first < journal.first:
            last = journal.first - 1
            self._cluster.send(subscription.peer, Missed(first, last))
            subscription.told, subscription.owes_snapshot = last, subscription.wants_snapshot
        last = min(journal.last, subscription.told + EVENTS_EACH)
        if last > subscription.told:
            self._tell(subscription, last, turn)
        if subscription.told < journal.last or turn.left <= 0:
            return
        if subscription.owes_snapshot:
            subscription.owes_snapshot = False
            self._tell_snapshot(subscription, turn)
        if subscription.wants_progress and subscription.progress_told < self._progress_count:
            self._tell_progress(subscription, turn)

    def _tell(self, subscription: Subscription, last: int, turn: _Turn) -> None:
        """Tell a subscriber the events up to a number."""
        key = (subscription.view, subscription.told, last)
        message = turn.made.get(key)
        if message is None:
            entries = list(self._cluster.journal.entries(subscription.told + 1, last))
            events = [event for event, owner in entries if subscription.sees(event, owner)]
            message = turn.made[key] = Events(last, events)
            turn.left -= len(entries)
        subscription.told = last
        turn.left -= 1
        is_long_ago = last - subscription.heard >= POSITION_INTERVAL  # since it heard how far it is
        if message.events or is_long_ago:  # type: ignore[attr-defined]
            subscription.heard = last
            self._cluster.send(subscription.peer, message)

    # ── the present state ────────────────────────────────────────────────────────────────────────────────────────

    def _tell_snapshot(self, subscription: Subscription, turn: _Turn) -> None:
        """Tell a subscriber what all events so far have led to, in parts that leave together."""
        cluster, number = self._cluster, self._cluster.journal.last
        glances = list(self._glances(subscription))
        workers = [] if subscription.job else [one.name for one in cluster.workers.values()]
        turn.left -= (len(glances) + len(workers)) // GLANCES_PER_EVENT
        while len(glances) > GLANCES_EACH:
            cluster.send(subscription.peer, Snapshot(number, glances[:GLANCES_EACH], last=False))
            del glances[:GLANCES_EACH]
        cluster.send(subscription.peer, Snapshot(number, glances, workers))

    def _glances(self, subscription: Subscription) -> Iterator[JobGlance]:
        named = self._cluster.jobs.get(subscription.job)
        found = self._cluster.listed_jobs() if not subscription.job else [] if named is None else [named]
        for job in found:
            if subscription.viewer in (None, job.user.name):
                name = job.name if isinstance(job, Job) else ""
                yield JobGlance(job.id, job.state, job.code, job.user.name, name)

    # ── progress ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _gather_progress(self, now: float) -> None:
        """Note how far jobs are that have moved since they were looked at. Only the newest of each is kept."""
        cluster, moved = self._cluster, self._moved
        if not moved or now < self._progress_at:
            return
        self._progress_at = now + PROGRESS_INTERVAL_S
        for job_id in [job_id for job_id in self._progress if job_id not in cluster.open]:
            del self._progress[job_id]
        for job_id in list(islice(moved, PROGRESS_EACH_TIME)):
            del moved[job_id]
            job = cluster.open.get(job_id)
            if job is None or job.is_preview:
                continue
            event = _progress(job, now + cluster.unix_offset_s)
            _, known = self._progress.get(job_id, (0, None))
            if not event.frames or (known is not None and known.frames == event.frames):
                continue
            self._progress.pop(job_id, None)
            self._progress_count += 1
            self._progress[job_id] = (self._progress_count, event)

    def _tell_progress(self, subscription: Subscription, turn: _Turn) -> None:
        """Tell a subscriber how far those jobs are that have moved since it was told."""
        key = (subscription.view, "progress", subscription.progress_told)
        message = turn.made.get(key)
        if message is None:
            newest = []
            for place, event in reversed(self._progress.values()):
                if place <= subscription.progress_told:
                    break
                newest.append(event)
            seen = [
                event for event in newest if event.job in self._cluster.open and subscription.sees(event, event.user)
            ]
            message = turn.made[key] = Events(subscription.told, seen[:EVENTS_EACH])
            turn.left -= len(newest)
        subscription.progress_told = self._progress_count
        turn.left -= 1
        if message.events:  # type: ignore[attr-defined]
            self._cluster.send(subscription.peer, message)


def _progress(job: Job, unix_s: float) -> EventRecord:
    progress = progress_of(job)
    wanted = progress.frames_wanted
    text = f"job {job.id}: {progress.frames_done}" + ("" if wanted is None else f" of {wanted}") + " frames"
    return EventRecord(
        0, EventKind.PROGRESS, text, unix_s, job.id, job.name, job.user.name, job.state, job.code,
        frames=progress.frames_done, frames_wanted=wanted,
    )  # fmt: skip
