"""The tracks of a job: what each output, and each stream that is not filtered, brings to the aggregator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from moviola.base.build_path import BuildPath, extended, matches
from moviola.base.vocabulary import Mode, SpanOutcome
from moviola.wire.bitmap import Bitmap
from moviola.wire.messages import Cause

from .chain import Chain, Intermediate, Needs, Pace, Part
from .stream import Stream
from .tally import Tally
from .task_queue import InFlight, LeaseRecord, TaskQueue
from .timeline import Timeline
from .users import Resource, User

DELIVERED: Final = frozenset({SpanOutcome.STORED, SpanOutcome.DUPLICATE})
"""How a lease ends if the aggregator has its result."""


class Attempt(NamedTuple):
    """A try of a task that failed, and why."""

    worker: str
    cause: Cause


@dataclass(slots=True)
class TaskFailures:
    """What went wrong with one task so far."""

    failures: list[Attempt] = field(default_factory=list)  # attributed ones
    losses: int = 0  # since its job was last paused for them
    losses_tallied: int = 0  # hand-outs that were counted as following a loss, and still are
    retry: Literal["", "failure", "loss"] = ""  # why its next hand-out is one

    @property
    def failed_on(self) -> set[str]:
        return {failure.worker for failure in self.failures}


class Track:
    """What one output, or one passthrough stream, brings to the aggregator.

    Args:
        number: the track's number within the job.
        stream: the source stream its chunks are of.
        chain: of filters; without steps for a passthrough track.
        user: the job's, who is charged for what lies between workers.
        timeline: the job's, in which leases that end are written down.
        on_change: called after each change; `on_progress` instead where a task just moved on.
    """

    __slots__ = (
        "_on_change",
        "_user",
        "_wholes",
        "begun_at",
        "chain",
        "fingerprint",
        "groups",
        "intermediates",
        "needs",
        "number",
        "paces",
        "queue",
        "stream",
        "tally",
        "task_failures",
        "timeline",
        "whole_only",
    )

    def __init__(
        self,
        number: int,
        stream: Stream,
        chain: Chain,
        user: User,
        timeline: Timeline,
        on_change: Callable[[], None],
        on_progress: Callable[[], None],
    ) -> None:
        self.number, self.stream, self.chain = number, stream, chain
        self._user, self.timeline, self._on_change = user, timeline, on_change
        self.needs: Needs = chain.needs(chain.whole) if chain.steps else frozenset()
        self.task_failures: dict[int, TaskFailures] = {}
        self.queue = TaskQueue(stream, self.task_failures, on_change, on_progress)
        self.tally = Tally()
        self.intermediates: dict[int, Intermediate] = {}
        self.groups: tuple[int, BuildPath, Any] | None = None  # of workers that can do it, as the scheduler found last
        self._wholes: dict[str, Part] = {}  # by build: a whole task, from beginning to end
        self.whole_only = ""  # why its chain must not be shared among workers after all
        self.fingerprint: BuildPath = ()  # of all its results in this owner epoch; chosen when the first is asked for
        self.begun_at: dict[int, float] = {}  # the first hand-out of tasks that are not stored
        self.paces: dict[int, Pace] = {}  # by the step with which a stage ends

    @property
    def is_passthrough(self) -> bool:
        return not self.chain.steps

    # ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────

    def assign(self, record: LeaseRecord, now: float, *, adopted: bool = False) -> bool:
        """Begin a lease on a task that is queued or in flight already; with `adopted`, one that was thought lost goes
        on. Return whether that is a retry."""
        self.begun_at.setdefault(record.index, now)
        self.queue.begin(record, now)
        if adopted:
            self._on_change()
        return bool(self.task_failures) and self._count_retry(record.index, adopted=adopted)

    def begin_passing(self, index: int, now: float) -> bool:
        """A passthrough chunk has been sent to the aggregator. Return whether that is a retry."""
        is_retry = self._count_retry(index, adopted=False)
        self.queue.begin_passing(index, now)
        return is_retry

    def end_lease(self, record: LeaseRecord, now: float, outcome: SpanOutcome) -> None:
        """A lease is over."""
        if self.queue.end_lease(record, now, delivered=outcome in DELIVERED):
            self.timeline.note(record, now, outcome)

    def lose(self, index: int) -> TaskFailures:
        """Note that a lease on a task was lost with its worker, or its result on its way. Return what went wrong with
        the task so far."""
        past = self.task_failures.setdefault(index, TaskFailures())
        past.losses += 1
        past.retry = "loss"
        self.queue.put_first(index)
        self._on_change()
        return past

    def fail(self, record: LeaseRecord) -> TaskFailures:
        """A lease ended with a failure of its task. If the lease was lost with its worker, the failure is why: the loss
        becomes a failure, even if a hand-out was counted for it already."""
        past = self.task_failures.setdefault(record.index, TaskFailures())
        if record.is_lost and past.retry != "loss":
            if past.losses_tallied:  # it was handed out again before that was known
                past.losses_tallied -= 1
                self.tally.losses -= 1
        else:
            past.retry = "failure"
        self.queue.put_first(record.index)
        self._on_change()
        return past

    def make_unreadable(self, index: int) -> None:
        """A result that was stored makes no file: its task is to be tried again."""
        self.task_failures.setdefault(index, TaskFailures()).retry = "failure"
        self.queue.put_first(index)
        self._on_change()

    def _count_retry(self, index: int, *, adopted: bool) -> bool:
        """Count a hand-out that follows a failure or a loss as a retry, and return whether it was counted. An adopted
        lease is no retry: it takes the loss back, because its worker still has the task."""
        past = self.task_failures.get(index)
        if past is None or not past.retry:
            return False
        if adopted:
            past.losses -= past.retry == "loss"
        else:
            self.tally.note_retry(index, after_loss=past.retry == "loss")
            past.losses_tallied += past.retry == "loss"
        past.retry = ""
        return not adopted

    def store(self, index: int, now: float) -> InFlight | None:
        """Note that a task is stored now; return its flight, if it had one."""
        flight = self.queue.store(index)
        begun_at = self.begun_at.pop(index, None)
        if begun_at is not None:
            self.tally.note_latency((now - begun_at) * 1000)
        if flight is not None:
            self.pace(len(self.chain.steps)).add(now - flight.first_handed_out_at)
        return flight

    def hold(self, stored: Bitmap) -> list[LeaseRecord]:
        """Take the aggregator's word on what is stored, after a reconnection; return leases that have become
        pointless."""
        pointless = self.queue.hold(stored)
        for record in pointless:
            self.timeline.note(record, record.progress_at, SpanOutcome.STORED)
        self.begun_at = {index: at for index, at in self.begun_at.items() if index not in stored}
        return pointless

    # ── stages ───────────────────────────────────────────────────────────────────────────────────────────────────

    def begun(self, index: int, mode: str) -> Intermediate | None:
        """What is done of a task, for a worker that would go on in this mode; None where it begins with its chunk."""
        found = self.intermediates.get(index)
        if found is None or found.mode != mode or not matches(found.fingerprint, self.fingerprint):
            return None
        return found

    def fingerprint_of(self, index: int, mode: str, own: str, stage: range) -> BuildPath:
        """Return the build of each step that is done once a worker of the build `own` has done `stage` of a task."""
        begun = self.begun(index, mode)
        return extended(() if begun is None else begun.fingerprint, own, len(stage))

    def whole(self, build: str) -> Part:
        """Return the whole of a task, with its filters, as one worker of this build is given it."""
        found = self._wholes.get(build)
        if found is None:
            path = extended((), build, len(self.chain.steps))
            found = self._wholes[build] = self.chain.part(Mode.FILTER, self.chain.whole, path)
        return found

    def takes(self, fingerprint: BuildPath) -> bool:
        """Return whether a result of these builds, one for each step, is like the others."""
        return matches(fingerprint, self.fingerprint)

    def forget_results(self) -> None:
        """Forget all results, because they are lost; the build that was chosen for them is forgotten with them."""
        self.queue.forget_results()
        self.fingerprint = ()
        self.tally.forget_results()

    def hand_on(self, record: LeaseRecord, size: int, now: float) -> list[LeaseRecord]:
        """Note that a stage is done, and that its intermediate is kept. Return the leases that have nothing more to
        bring, `record` first. If no lease is left, the task is at the front of the queue."""
        flight, step = self.queue.in_flight[record.index], record.part.stage.stop
        self.pace(step).add(now - flight.first_handed_out_at)
        self.drop_begun(record.index)
        self.intermediates[record.index] = Intermediate(record.part.mode, record.part.path, size)
        self._user.charge(Resource.STAGED_BYTES, size)
        done = [one for one in flight.leases.values() if one.part.stage.stop <= step]
        for one in done:
            self.end_lease(one, now, SpanOutcome.HANDED_ON if one is record else SpanOutcome.WITHDRAWN)
        return sorted(done, key=lambda one: one is not record)

    def drop_begun(self, index: int) -> bool:
        """Forget what is done of a task, which is not needed any more; return whether there was anything."""
        found = self.intermediates.pop(index, None)
        if found is not None:
            self._user.charge(Resource.STAGED_BYTES, -found.size)
            self._on_change()
        return found is not None

    def drop_all_begun(self) -> None:
        """Forget what is done of all tasks: each begins with its chunk again."""
        for index in list(self.intermediates):
            self.drop_begun(index)

    @property
    def staged_bytes(self) -> int:
        """Return the bytes that lie in the spool between this track's workers."""
        return sum(one.size for one in self.intermediates.values())

    def share_no_more(self, reason: str) -> None:
        """Have each task done by one worker from now on, with all of its chain. `reason` is a sentence for people."""
        self.whole_only = reason
        self._on_change()

    def choose_build(self, fingerprint: BuildPath) -> None:
        """Choose the builds, one for each step, that all results must be of."""
        self.fingerprint = fingerprint
        self._on_change()

    def pace(self, step: int) -> Pace:
        """Return the pace of stages that end with this step."""
        pace = self.paces.get(step)
        if pace is None:
            pace = self.paces[step] = Pace()
        return pace

    def validate(self) -> None:
        """Raise AssertionError where what is known of a task disagrees."""
        self.queue.validate()
        may_go = sum(past.losses_tallied for past in self.task_failures.values())
        assert may_go <= self.tally.losses, f"{may_go} losses may be taken back of {self.tally.losses}"
        for index, begun in self.intermediates.items():
            assert index in self.stream.here, f"{index} is begun, and its chunk is not here"
            assert index not in self.queue.stored, f"{index} is stored and still spooled"
            assert 0 < begun.step < len(self.chain.steps), (index, begun)
