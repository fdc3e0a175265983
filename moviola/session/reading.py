"""The results of one track of a job, read in order while the job goes on: a brain without socket, clock or file.

The middleware is asked to tell of the job: where its aggregator is, and whether it has ended. The aggregator is asked
for one result after the other, each when it is wanted, so no more than one of them is ever here. A lost connection of
either kind is made again, and what was given is not given again: also not where the job begins again meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from moviola.base.mapped import Map
from moviola.base.vocabulary import ErrorCode, JobState, ResultState
from moviola.session.aggregator_line import AggregatorLine
from moviola.session.events import (
    Arriving,
    ClusterMessage,
    Command,
    Dial,
    Event,
    Give,
    HangUp,
    Lost,
    Send,
    ServerRole,
    Start,
    Tick,
    Wanted,
    Welcomed,
)
from moviola.session.job_session import FINAL_STATES, HOPELESS, addresses_of
from moviola.session.redial import PATIENCE_S, redial
from moviola.session.target import nobody_answers
from moviola.wire.framing import Buffer
from moviola.wire.messages import Error, FetchedResult, FetchResult, Job, Watch

STALL_S: Final = 60.0
"""An aggregator that owes an answer for so long is dialled anew. It answers within 20 s whatever it has."""


class Ending(Enum):
    """Why nothing more is given."""

    COMPLETE = "complete"  # all results of the track were given
    OVER = "over"  # the job has ended, and its results are gone: what is left is in its files, if it has some
    REFUSED = "refused"  # the cluster says no
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended; `code` and `reason` are those of a refusal, or why nobody is reached."""

    ending: Ending
    reason: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """The job's source, and what was asked for of the track, as they were submitted; nothing of a track that is not
    filtered."""

    source: Map
    output: Map


class Reading:
    """Give it `Start` first, `Wanted` for each result, and a Tick at `next_deadline`. Each Wanted is answered by Give,
    or `ended` says why not.

    Args:
        job: its id.
        track: outputs have the numbers from 0, in the order in which they were asked for; streams follow.
        where: the middleware's name for people, such as `localhost:5000`.
        first: the index of the result that is given first.
    """

    def __init__(self, job: str, track: int, where: str, first: int = 0) -> None:
        self.ended: Ended | None = None
        self.description: Description | None = None  # known from the first result on
        self.record: Job | None = None  # the newest of the job
        self._job, self._track, self._index, self._where = job, track, first, where
        self._count: int | None = None  # of the track's results
        self._is_wanted = self._is_asked = False
        self._came_damaged = False  # what is asked for
        self._is_watching = False  # the middleware tells of the job
        self._line = AggregatorLine()
        self._backoff = redial()  # of the middleware
        self._stalls_at: float | None = None
        self._outbox: list[Command] = []

    def next_deadline(self) -> float | None:
        """Return the time (s, monotonic) at which something is to be done if nothing comes, or None."""
        deadlines = (self._backoff.due_at, self._line.redials_at, self._stalls_at)
        return min((at for at in deadlines if at is not None), default=None)

    def handle(self, event: Event, now: float) -> list[Command]:
        """What to do next; nothing once it has ended."""
        if self.ended is not None:
            return []
        match event:
            case Start():
                self._outbox.append(Dial(ServerRole.MIDDLEWARE))
            case Wanted():
                self._is_wanted = True
            case Tick():
                self._tick(now)
            case Arriving(peer=ServerRole.AGGREGATOR) if self._is_asked:
                self._stalls_at = now + STALL_S
            case Welcomed(peer=ServerRole.AGGREGATOR):
                self._line.is_open = True
            case ClusterMessage(peer=ServerRole.AGGREGATOR, message=message, payload=payload):
                self._answered(message, payload, now)
            case Lost(peer=ServerRole.AGGREGATOR, reason=reason, code=code):
                self._came_damaged |= self._is_asked and code == ErrorCode.CORRUPT
                self._lost_aggregator(reason, now)
            case Welcomed() | ClusterMessage() | Lost():
                self._of_middleware(event, now)
            case _:
                pass
        self._go_on(now)
        commands, self._outbox = self._outbox, []
        return commands

    # ── the middleware: where the job is, and whether it goes on ─────────────────────────────────────────────────

    def _of_middleware(self, event: Event, now: float) -> None:
        self._is_watching = not isinstance(event, Lost)
        match event:
            case Welcomed():
                self._watch()
            case ClusterMessage(message=Job() as job) if job.job == self._job:
                self._backoff.alive(now)
                self._backoff.worked()
                self._heard(job)
            case ClusterMessage(message=Error() as error):
                self._end(Ending.OVER, error.text, error.code)  # it is forgotten, or another user's
            case Lost(reason=reason, code=code) if code in HOPELESS:
                self._end(Ending.REFUSED, f"the middleware at {self._where} ended the connection: {reason}", code)
            case Lost(reason=reason):
                if not self._backoff.failed(now):
                    text = nobody_answers(self._where, reason)
                    self._end(Ending.UNREACHABLE, f"{text} (tried for {PATIENCE_S:.0f} s)")

    def _watch(self) -> None:
        self._outbox.append(Send(ServerRole.MIDDLEWARE, Watch(self._job)))

    def _heard(self, job: Job) -> None:
        self.record = job
        self._line.addresses = addresses_of(job) or self._line.addresses
        if job.state in FINAL_STATES and not self._has_files:
            self._end(Ending.OVER, job.reason)

    @property
    def _has_files(self) -> bool:
        return self.record is not None and self.record.state in (JobState.DONE, JobState.PARTIAL)

    # ── the aggregator: one result after the other ───────────────────────────────────────────────────────────────

    def _go_on(self, now: float) -> None:
        """Ask for what is wanted, or call who has it."""
        if self.ended is not None or not self._is_wanted or self._is_asked:
            return
        if self._count is not None and self._index >= self._count:
            self._end(Ending.COMPLETE)
        elif self._line.is_open:
            self._is_asked, self._stalls_at = True, now + STALL_S
            ask = FetchResult(self._job, self._track, self._index, self.description is None, self._came_damaged)
            self._outbox.append(Send(ServerRole.AGGREGATOR, ask))
        elif self._line.addresses and self._line.redials_at is None:
            self._outbox += self._line.dial()
        elif self._has_files and not self._line.addresses:
            self._end(Ending.OVER)

    def _answered(self, message: object, payload: Buffer, now: float) -> None:
        match message:
            case Error() as error if error.code == ErrorCode.UNKNOWN_JOB or self._line.at_middleware:
                # it begins again, or is given to another one; or this is another one that was there by chance
                self._hang_up(error.text, now)
            case Error() as error:
                self._end(Ending.REFUSED, error.text, error.code)
            case FetchedResult() as answer if self._is_asked and self._is_meant(answer):
                self._is_asked, self._stalls_at, self._came_damaged = False, None, False
                self._count = answer.chunk_count if answer.chunk_count is not None else self._count
                self._line.gave(now)
                self._take(answer, payload, now)
            case _:
                self._hang_up("it sent what was not asked for", now)

    def _is_meant(self, answer: FetchedResult) -> bool:
        return (answer.job, answer.track, answer.index) == (self._job, self._track, self._index)

    def _take(self, answer: FetchedResult, payload: Buffer, now: float) -> None:
        match answer.state:
            case ResultState.STORED:
                if self.description is None:
                    self.description = Description(answer.source, answer.output)
                self._outbox.append(Give(self._index, payload))
                self._index += 1
                self._is_wanted = False
            case ResultState.BEYOND:
                self._end(Ending.COMPLETE)
            case ResultState.SPLICED:
                self._end(Ending.OVER)
            case state if state != ResultState.AWAITED:
                self._hang_up(f"it gave a result the unknown state {state!r:.80}", now)

    # ── its connection ───────────────────────────────────────────────────────────────────────────────────────────

    def _tick(self, now: float) -> None:
        if self._stalls_at is not None and now >= self._stalls_at:
            self._hang_up("it does not answer", now)
        if self._backoff.take(now):
            self._outbox.append(Dial(ServerRole.MIDDLEWARE))
        self._outbox += self._line.tick(now)

    def _hang_up(self, reason: str, now: float) -> None:
        self._outbox.append(HangUp(ServerRole.AGGREGATOR))
        self._lost_aggregator(reason, now)

    def _lost_aggregator(self, reason: str, now: float) -> None:
        """Note that the connection to the aggregator has ended, so that the result is asked for again. End the reading
        where the job has its files, which have all that is left, or the aggregator is given up."""
        self._is_asked, self._stalls_at = False, None
        if not self._is_wanted:
            return self._line.hung_up()
        if self._has_files:
            return self._end(Ending.OVER)
        gives_up = self._line.lost(reason, now)
        if gives_up:
            return self._end(Ending.UNREACHABLE, gives_up)
        if self._is_watching:
            self._watch()  # it may have moved
        return None

    def _end(self, ending: Ending, reason: str = "", code: str = "") -> None:
        self.ended = Ended(ending, reason, code)
        self._is_asked = False
        self._stalls_at = self._backoff.due_at = None
        self._outbox += [HangUp(ServerRole.AGGREGATOR), HangUp(ServerRole.MIDDLEWARE)]

    def validate(self) -> None:
        """What must hold after every event; for tests and the simulation."""
        assert self._is_wanted or not self._is_asked, "a result is asked for that nobody wants"
        assert self._is_asked == (self._stalls_at is not None), "an answer is awaited without end"
        assert self.ended is not None or not self._is_asked or self._line.is_open, "an answer is awaited of nobody"
