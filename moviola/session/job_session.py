"""Staying with a job until it has ended and its files are here: what all who wait for one have in common.

    dialling ─▶ submitting ─▶ sending ─▶ waiting ─▶ fetching ─▶ over

A lost connection leads from each of the middle phases back to dialling. While files are fetched, which come from the
aggregator, the middleware is called again beside it: only it can tell when the aggregator has moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from moviola.base.invocation import typed
from moviola.base.vocabulary import ErrorCode, JobCode, JobState
from moviola.session.batch import JobLoad
from moviola.session.events import (
    ClusterMessage,
    Command,
    Dial,
    Event,
    HangUp,
    Interrupted,
    Lost,
    Send,
    ServerRole,
    Start,
    Tick,
    Welcomed,
)
from moviola.session.fetching import Fetching, Wanted
from moviola.session.outcome import Remains, Status
from moviola.session.redial import PATIENCE_S, redial
from moviola.session.target import nobody_answers
from moviola.session.units import sized
from moviola.wire.addresses import Address
from moviola.wire.messages import Error, Job, Message, Watch

FINAL_STATES: Final[dict[str, Status]] = {
    JobState.DONE: Status.DONE,
    JobState.PARTIAL: Status.PARTIAL,
    JobState.FAILED: Status.FAILED,
    JobState.CANCELLED: Status.CANCELLED,
}

HOPELESS: Final[frozenset[str]] = frozenset(
    {
        ErrorCode.VERSION,
        ErrorCode.FORBIDDEN,
        ErrorCode.NOT_MOVIOLA,
        ErrorCode.BAD_MESSAGE,
        ErrorCode.OUT_OF_ORDER,
        ErrorCode.TOO_LARGE,
    }
)
"""Codes of a lost connection that would be lost again for the same reason."""


UNRELATED_TO_LOAD: Final = frozenset({JobCode.NO_WORKER, JobCode.TOO_LARGE})
"""Codes of a job that waits for something else than a free worker. Its queued tasks are not counted as load, so other
jobs of the same batch are begun meanwhile."""


UNREMARKABLE: Final = frozenset({"", JobCode.UPLOADING})
"""Codes of a pending job that are no news to the person who has just sent it."""


class Phase(Enum):
    """How far a client is with one job."""

    DIALLING = "dialling"  # the middleware, for the first time or again
    SUBMITTING = "submitting"  # or asking for a job that is there; the answer is awaited
    SENDING = "sending"
    WAITING = "waiting"  # all is sent; the cluster works
    FETCHING = "fetching"  # the job has ended well; its files come
    OVER = "over"


TRANSITIONS: Final[dict[Phase, frozenset[Phase]]] = {
    Phase.DIALLING: frozenset({Phase.SUBMITTING, Phase.OVER}),
    Phase.SUBMITTING: frozenset({Phase.SENDING, Phase.WAITING, Phase.DIALLING, Phase.OVER}),
    Phase.SENDING: frozenset({Phase.WAITING, Phase.FETCHING, Phase.DIALLING, Phase.OVER}),
    Phase.WAITING: frozenset({Phase.SENDING, Phase.FETCHING, Phase.DIALLING, Phase.OVER}),
    Phase.FETCHING: frozenset({Phase.OVER}),
    Phase.OVER: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended. `state` is the job's last known state, or `failed` or `cancelled` where no job was made.
    `remains` is what is left in the cluster if the session ended before the job did."""

    status: Status
    state: str
    reason: str = ""
    remains: Remains = Remains.NOTHING


class JobSession:
    """A brain: give it `Start` first, and a Tick at `next_deadline`. Subclasses decide what the middleware is asked,
    and what follows from its answers.

    Args:
        where: the middleware's name for people, such as `localhost:5000`.
        is_patient: dial a middleware that was never reached again, as one that was lost, for PATIENCE_S or until the
            caller gives up. By default the session ends at once, so that a person sees that the address is wrong.
    """

    def __init__(self, where: str, *, is_patient: bool = False) -> None:
        self.phase = Phase.DIALLING
        self.ending: Ending | None = None
        self.record: Job | None = None  # the newest of the job
        self.fetching: Fetching | None = None
        self.trouble = ""  # what keeps us from our job, while something does
        self.trouble_code = ""  # … the other side's last word about it, if it gave one
        self.remarks: list[str] = []  # for the person; whoever shows them takes them out
        self.waiting_since: float | None = None  # when it began to wait for what it waits for now (s, monotonic)
        self._waiting_for = ""
        self._where = where
        self._met_before, self._is_patient = False, is_patient
        self._backoff = redial()
        self._outbox: list[Command] = []

    @property
    def is_uploading(self) -> bool:
        """True while a source is to be sent that the middleware has not all accepted."""
        return False

    @property
    def load(self) -> JobLoad:
        """What the job takes, here and in the cluster, as far as its newest record says.

        Tasks that wait for a person or for another kind of worker say nothing of how busy the cluster is."""
        record = self.record
        if record is None or record.state == JobState.PAUSED or record.code in UNRELATED_TO_LOAD:
            return JobLoad(self.is_uploading)
        return JobLoad(self.is_uploading, record.progress.tasks_queued, record.progress.tasks_in_flight)

    def next_deadline(self) -> float | None:
        """When to give it a Tick."""
        deadlines = [self._backoff.due_at, self.fetching.next_deadline() if self.fetching is not None else None]
        return min((at for at in deadlines if at is not None), default=None)

    def handle(self, event: Event, now: float) -> list[Command]:
        """What to do next; nothing once it is over."""
        if self.phase is Phase.OVER:
            return []
        match event:
            case Start():
                self._outbox.append(Dial(ServerRole.MIDDLEWARE))
            case Tick() if self._backoff.take(now):
                self._outbox.append(Dial(ServerRole.MIDDLEWARE))
            case Welcomed(peer=ServerRole.MIDDLEWARE):
                self._welcomed()
            case ClusterMessage(peer=ServerRole.MIDDLEWARE, message=Job() as job):
                self._heard(job, now)
            case ClusterMessage(peer=ServerRole.MIDDLEWARE, message=Error() as error):
                self._refused_or_busy(error, now)
            case Lost(peer=ServerRole.MIDDLEWARE, reason=reason, code=code):
                self._lost(reason, code, now)
            case Interrupted():
                state = self.record.state if self.record is not None else JobState.CANCELLED
                self._end(Status.CANCELLED, f"interrupted; {self._way_on()}", state, self._remains())
            case _:
                self._happened(event)
        if self.fetching is not None:
            self._fetch(self.fetching.handle(event, now))
        self._go_on()
        self._note_waiting(now)
        commands, self._outbox = self._outbox, []
        return commands

    # ── what is worth a word ─────────────────────────────────────────────────────────────────────────────────────

    @property
    def note(self) -> str:
        """What the job waits for, or what else it does than frames; a text for people."""
        fetching, record = self.fetching, self.record
        if self.trouble:
            return f"waiting: {self.trouble}; trying again"
        if fetching is not None and fetching.line.trouble:
            return f"waiting for its files: the aggregator is not reached ({fetching.line.trouble}); trying again"
        if fetching is not None and fetching.size_here:
            return f"fetching {sized(fetching.size_here)} of {sized(fetching.size_total)}"
        if record is not None and self._is_held_up(record):
            if record.state != JobState.PAUSED:
                return f"waiting: {record.reason}"
            why = record.reason.removeprefix("paused ")  # "by somebody", or what happened to it
            return f"paused: {why}; {typed('jobs')} resume {record.job} goes on with it"
        return ""

    @property
    def waiting_until(self) -> float | None:
        """Return when it will wait no longer (s, monotonic); None where that is not foreseen, or it does not wait."""
        if self.trouble:
            return self._backoff.gives_up_at
        if self.fetching is not None and self.fetching.line.trouble:
            return self.fetching.line.gives_up_at
        return None

    def _note_waiting(self, now: float) -> None:
        """Set `waiting_since` to now when what the job waits for has changed; None while it waits for nothing."""
        cause = ""
        if self.trouble:
            cause = "the middleware"
        elif self.fetching is not None:
            cause = "the aggregator" if self.fetching.line.trouble else ""
        elif self.record is not None and self._is_held_up(self.record):
            cause = f"{self.record.state} {self.record.code}"
        if cause != self._waiting_for:
            self._waiting_for = cause
            self.waiting_since = now if cause else None

    @staticmethod
    def _is_held_up(record: Job) -> bool:
        return record.state in (JobState.PENDING, JobState.PAUSED) and record.code not in UNREMARKABLE

    # ── what those who derive from this do ───────────────────────────────────────────────────────────────────────

    def _request(self) -> Message:
        """Return the message to send to a middleware that has just taken the connection."""
        raise NotImplementedError

    def _heard(self, job: Job, now: float) -> None:
        """Take a record; call `_updated` with it if it is of this job."""
        raise NotImplementedError

    def _refused(self, error: Error) -> None:
        """Take an error that the middleware has answered."""
        raise NotImplementedError

    def _remains(self) -> Remains:
        """Return what is left of the job in the cluster when this client goes."""
        raise NotImplementedError

    def _way_on(self) -> str:
        """Return what becomes of the job when this client goes, and how to come back to it; ends a sentence."""
        raise NotImplementedError

    def _happened(self, event: Event) -> None:
        """Take an event that this class does not handle itself."""

    def _progressed(self, job: Job) -> None:
        """Take the record of a job that has not ended."""

    def _go_on(self) -> None:
        """Add the commands that are due now; called after each event."""

    def _let_go(self) -> None:
        """Release what was held for sending: nothing will be sent any more."""

    # ── the middleware comes and goes ────────────────────────────────────────────────────────────────────────────

    def _welcomed(self) -> None:
        self._met_before = True
        self.trouble = ""
        if self.phase is Phase.FETCHING:
            assert self.record is not None
            self._outbox.append(Send(ServerRole.MIDDLEWARE, Watch(self.record.job)))
        else:
            self._enter(Phase.SUBMITTING)
            self._outbox.append(Send(ServerRole.MIDDLEWARE, self._request()))

    def _lost(self, reason: str, code: str, now: float) -> None:
        if self.phase is Phase.FETCHING:
            if code not in HOPELESS:
                self._backoff.failed(now)  # without it the files may come all the same
            return None
        is_awaited = self._met_before or code == ErrorCode.BUSY or (self._is_patient and not code)
        if not is_awaited:
            refused = f"The middleware at {self._where} refused this client: {reason}"
            text = refused if code else nobody_answers(self._where, reason)
            return self._end(Status.UNREACHABLE, text, remains=self._remains())
        if code in HOPELESS:
            return self._end(Status.FAILED, f"the middleware at {self._where} ended the connection: {reason}")
        if not self._backoff.failed(now):
            if code == ErrorCode.BUSY:
                return self._end(Status.FAILED, f"{reason} (tried for {PATIENCE_S:.0f} s); {self._way_on()}")
            text = f"the middleware at {self._where} has not been reached for {PATIENCE_S:.0f} s: {reason}"
            return self._end(Status.UNREACHABLE, f"{text}; {self._way_on()}", remains=self._remains())
        self.trouble = reason if code == ErrorCode.BUSY else f"the connection is lost ({reason})"
        self.trouble_code = code
        if self.phase is not Phase.DIALLING:
            self._enter(Phase.DIALLING)
        return None

    def _refused_or_busy(self, error: Error, now: float) -> None:
        """Take an error that the middleware has answered. A submission that is refused because the middleware is busy
        is tried again later, over another connection."""
        if error.code == ErrorCode.BUSY and self.phase is Phase.SUBMITTING:
            self._outbox.append(HangUp(ServerRole.MIDDLEWARE))
            self._lost(error.text, error.code, now)
        else:
            self._refused(error)

    # ── the job's records ────────────────────────────────────────────────────────────────────────────────────────

    def _updated(self, job: Job, now: float) -> None:
        """The job's newest record."""
        self._backoff.alive(now)
        if self.fetching is None or job.state in FINAL_STATES:  # what has ended does not go on
            self.record = job
        if self.fetching is not None:
            self._backoff.worked()
            self.fetching.line.addresses = addresses_of(job) or self.fetching.line.addresses
        elif job.state in FINAL_STATES:
            self._final(job)
        else:
            self._progressed(job)

    def _final(self, job: Job) -> None:
        """The job has ended."""
        if job.state not in (JobState.DONE, JobState.PARTIAL):
            return self._end(FINAL_STATES[job.state], job.reason or "the cluster does not say why", job.state)
        try:
            wanted = [Wanted.of(told) for told in job.files]
        except ValueError as error:
            return self._end(Status.FAILED, str(error))
        self._enter(Phase.FETCHING)
        self._let_go()
        self.fetching = Fetching(job.job, wanted, addresses_of(job))
        self._outbox += self.fetching.begin()
        return None

    def _fetch(self, commands: list[Command]) -> None:
        assert self.fetching is not None
        assert self.record is not None
        self._outbox += commands
        if not self.fetching.over or self.phase is Phase.OVER:
            return
        state, reason = self.record.state, self.record.reason
        if self.fetching.failure:
            way_on = fetched_later(self.record.job)
            self._end(Status.FAILED, f"the job is {state}, but {self.fetching.failure}; {way_on}", state)
        else:
            self._end(FINAL_STATES[state], reason, state)

    def _enter(self, phase: Phase) -> None:
        assert phase in TRANSITIONS[self.phase], f"a session cannot go from {self.phase.value} to {phase.value}"
        self.phase = phase

    def _end(
        self, status: Status, reason: str, state: str = JobState.FAILED, remains: Remains = Remains.NOTHING
    ) -> None:
        self.ending = Ending(status, state, reason, remains)
        self._enter(Phase.OVER)
        self._let_go()
        self._outbox += [HangUp(ServerRole.AGGREGATOR), HangUp(ServerRole.MIDDLEWARE)]

    def validate(self) -> None:
        """What must hold after every event; for tests and the simulation."""
        assert (self.ending is not None) == (self.phase is Phase.OVER)
        assert self.fetching is None or self.phase in (Phase.FETCHING, Phase.OVER)


def fetched_later(job: str) -> str:
    """Return where the files of an ended job are, and how to get them."""
    return f"its files stay with the aggregator, in its results/{job}, and {typed('jobs')} fetch {job} brings them"


def cancelled_by(job: str) -> str:
    """Return how to end a job that goes on, as the end of a sentence."""
    return f"{typed('jobs')} cancel {job} ends it"


def addresses_of(job: Job) -> tuple[Address, ...]:
    """Where the aggregator is that has a job's files."""
    return tuple(address for address in job.addresses if address.host)
