"""One submission from the first dial to the last file: a brain without socket, clock or file.

    dialling ─▶ submitting ─▶ sending ─▶ waiting ─▶ fetching ─▶ over

A lost connection leads from each of the middle phases back to dialling; the same key then continues the same job.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from client.backoff import PATIENCE_S, Backoff
from client.events import (
    Command,
    Dial,
    Event,
    Exhausted,
    HangUp,
    Interrupted,
    Lost,
    Peer,
    Pull,
    Pulled,
    Received,
    Rewind,
    Send,
    Start,
    Tick,
    Unreadable,
    Welcomed,
)
from client.fetching import Fetching, Wanted, is_plain_name
from client.order import Submission
from client.outcome import Status
from client.upload import Upload
from wire.addresses import Address
from wire.messages import Chunk, End, Error, Job, Submit

FINAL_STATES: Final = {
    "done": Status.DONE,
    "partial": Status.PARTIAL,
    "failed": Status.FAILED,
    "cancelled": Status.CANCELLED,
}

HOPELESS: Final = frozenset({"version", "forbidden", "not-moviola", "bad-message", "out-of-order", "too-large"})
"""Codes of a lost connection that would be lost again for the same reason."""


class Phase(Enum):
    DIALLING = "dialling"  # the middleware, for the first time or again
    SUBMITTING = "submitting"  # its answer is awaited
    SENDING = "sending"
    WAITING = "waiting"  # all is sent; the cluster works
    FETCHING = "fetching"  # the job has ended well; its files come
    OVER = "over"


TRANSITIONS: Final[dict[Phase, frozenset[Phase]]] = {
    Phase.DIALLING: frozenset({Phase.SUBMITTING, Phase.OVER}),
    Phase.SUBMITTING: frozenset({Phase.SENDING, Phase.DIALLING, Phase.OVER}),
    Phase.SENDING: frozenset({Phase.WAITING, Phase.FETCHING, Phase.DIALLING, Phase.OVER}),
    Phase.WAITING: frozenset({Phase.SENDING, Phase.FETCHING, Phase.DIALLING, Phase.OVER}),
    Phase.FETCHING: frozenset({Phase.OVER}),
    Phase.OVER: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a submission ended. `state` is the job's last one; a job that never was is `failed` or `cancelled`."""

    status: Status
    state: str
    reason: str = ""


class Session:
    """The life of one submission. Give it `Start` first, and a Tick at `next_deadline`.

    Args:
        submission: what to send.
        where: the middleware's name for people, such as `localhost:5000`.
    """

    def __init__(self, submission: Submission, where: str) -> None:
        self.submission = submission
        self.phase = Phase.DIALLING
        self.ending: Ending | None = None
        self.record: Job | None = None  # the newest of the job
        self.fetching: Fetching | None = None
        self.trouble = ""  # why there is no connection, while there is none
        self._where = where
        self._met_before = False
        self._backoff = Backoff()
        self._upload = Upload(submission.source.stream_count)
        self._outbox: list[Command] = []

    def next_deadline(self) -> float | None:
        """When to give it a Tick."""
        return self.fetching.next_deadline() if self.fetching is not None else self._backoff.due_at

    def handle(self, event: Event, now: float) -> list[Command]:
        """What to do next; nothing once it is over."""
        if self.phase is Phase.OVER:
            return []
        match event:
            case Start():
                self._outbox.append(Dial(Peer.MIDDLEWARE))
            case Tick() if self._backoff.take(now):
                self._outbox.append(Dial(Peer.MIDDLEWARE))
            case Welcomed(peer=Peer.MIDDLEWARE):
                self._welcomed()
            case Received(peer=Peer.MIDDLEWARE, message=Job() as job):
                self._heard(job, now)
            case Received(peer=Peer.MIDDLEWARE, message=Error() as error):
                self._refused(error)
            case Lost(peer=Peer.MIDDLEWARE, reason=reason, code=code):
                self._lost(reason, code, now)
            case Pulled(chunk=chunk):
                self._upload.pulled(chunk)
            case Exhausted():
                self._upload.exhausted()
            case Unreadable(reason=reason):
                self._end(Status.FAILED, reason)
            case Interrupted():
                self._interrupted()
        if self.fetching is not None:
            self._fetch(self.fetching.handle(event, now))
        if self.phase is Phase.SENDING:
            self._send()
        commands, self._outbox = self._outbox, []
        return commands

    # ── the middleware comes and goes ────────────────────────────────────────────────────────────────────────────

    def _welcomed(self) -> None:
        self._met_before = True
        self.trouble = ""
        self._enter(Phase.SUBMITTING)
        source, order = self.submission.source, self.submission.order
        outputs = [output.to_wire() for output in order.outputs]
        policy = {"on_error": order.outputs[0].on_error}
        self._outbox.append(Send(Peer.MIDDLEWARE, Submit(self.submission.key, source.to_wire(), outputs, policy)))

    def _lost(self, reason: str, code: str, now: float) -> None:
        if self.phase is Phase.FETCHING:
            return  # the files come from the aggregator
        if not self._met_before:
            return self._end(Status.UNREACHABLE, f"No middleware answers at {self._where} ({reason})")
        if code in HOPELESS:
            return self._end(Status.FAILED, f"the middleware at {self._where} ended the connection: {reason}")
        if not self._backoff.failed(now):
            text = f"the middleware at {self._where} has not been reached for {PATIENCE_S:.0f} s: {reason}"
            return self._end(Status.UNREACHABLE, f"{text}; {self._way_on()}")
        self.trouble = reason
        if self.phase is not Phase.DIALLING:
            self._enter(Phase.DIALLING)
        return None

    def _refused(self, error: Error) -> None:
        """An answer that is no record: it ends the submission, but not the connection."""
        if self.phase is Phase.FETCHING:
            return
        if self.phase is Phase.SUBMITTING and error.code in ("bad-job", "no-filter"):
            self._end(Status.WRONG, f"the cluster refuses this job: {error.text}")
        else:
            self._end(Status.FAILED, error.text)

    def _interrupted(self) -> None:
        state = self.record.state if self.record is not None else "cancelled"
        self._end(Status.CANCELLED, f"interrupted; {self._way_on()}", state)

    def _way_on(self) -> str:
        """What becomes of the job without us, and what to do about it."""
        if self.record is None:
            return "nothing was sent"
        job = self.record.job
        if self.phase is Phase.FETCHING:
            return f"job {job} has ended, and its files stay with the aggregator, in its results/{job}"
        if self.record.progress.get("chunks_total") is not None and self._upload.all_accepted:
            return f"job {job} goes on without us, and the same command comes back to it"
        return f"job {job} waits for the rest of its source, and the same command sends it"

    # ── the job's records ────────────────────────────────────────────────────────────────────────────────────────

    def _heard(self, job: Job, now: float) -> None:
        if self.phase is Phase.SUBMITTING and job.have is not None:  # the answer to our Submit
            if not is_plain_name(job.job):
                return self._end(Status.FAILED, f"the cluster calls this job {job.job!r:.80}, which no folder can be")
            self._upload.begin_again()
            self._enter(Phase.SENDING)
        elif self.record is None or job.job != self.record.job or self.phase in (Phase.DIALLING, Phase.SUBMITTING):
            return None
        self._backoff.alive(now)
        self.record = job
        if self.fetching is not None:
            self.fetching.addresses = _addresses(job) or self.fetching.addresses
        elif job.state in FINAL_STATES:
            self._final(job)
        else:
            self._progressed(job)
        return None

    def _progressed(self, job: Job) -> None:
        if self._upload.acknowledge(job.accepted) or self.phase is Phase.WAITING:
            self._backoff.worked()
        if job.have is not None and self._upload.continue_from(job.have):
            self._outbox.append(Rewind())
            if self.phase is Phase.WAITING:
                self._enter(Phase.SENDING)

    def _send(self) -> None:
        """Sends what there is room for, and asks for the next chunk; at the end, says so."""
        assert self.record is not None
        job = self.record.job
        for chunk in self._upload.take(self.record.room_bytes):
            message = Chunk(job, chunk.stream, chunk.index, chunk.frame_count)
            self._outbox.append(Send(Peer.MIDDLEWARE, message, chunk.payload))
        if self._upload.wants_chunk():
            self._outbox.append(Pull())
        counts = self._upload.chunk_counts()
        if counts is not None:
            self._outbox.append(Send(Peer.MIDDLEWARE, End(job, counts)))
            self._enter(Phase.WAITING)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _final(self, job: Job) -> None:
        if job.state not in ("done", "partial"):
            return self._end(FINAL_STATES[job.state], job.reason or f"the job was {job.state}", job.state)
        try:
            wanted = [Wanted.from_wire(data) for data in job.files]
        except ValueError as error:
            return self._end(Status.FAILED, str(error))
        self._enter(Phase.FETCHING)
        self._upload.forget()
        self.fetching = Fetching(job.job, wanted, _addresses(job))
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
            way_on = f"its files stay with the aggregator, in its results/{self.record.job}"
            self._end(Status.FAILED, f"the job is {state}, but {self.fetching.failure}; {way_on}", state)
        else:
            self._end(FINAL_STATES[state], reason, state)

    def _enter(self, phase: Phase) -> None:
        assert phase in TRANSITIONS[self.phase], f"a session cannot go from {self.phase.value} to {phase.value}"
        self.phase = phase

    def _end(self, status: Status, reason: str, state: str = "failed") -> None:
        self.ending = Ending(status, state, reason)
        self._enter(Phase.OVER)
        self._upload.forget()
        self._outbox += [HangUp(Peer.AGGREGATOR), HangUp(Peer.MIDDLEWARE)]

    def validate(self) -> None:
        """What must hold after every event; for tests and the simulation."""
        assert (self.ending is not None) == (self.phase is Phase.OVER)
        assert self.fetching is None or self.phase in (Phase.FETCHING, Phase.OVER)
        self._upload.validate()


def _addresses(job: Job) -> tuple[Address, ...]:
    """Where the aggregator is that has a job's files; entries that are no addresses are passed over."""
    found = []
    for data in job.addresses:
        try:
            found.append(Address.from_wire(data))
        except ValueError:
            continue
    return tuple(address for address in found if address.host)
