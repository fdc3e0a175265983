"""The brain of the aggregator: which results are kept, which job is spliced next, what the middleware is told.

Pure: an event and the time go in, commands come out. Sockets, files and the clock are aggregator/server.py's. The rules
for results are in aggregator/results.py, those for splicing in aggregator/splice_queue.py; here is who may say what,
and which jobs there are:

  * Own, Finish and Drop may be repeated at any time.
  * Of two owner epochs the higher is right: it begins the job anew.
  * Nothing is sent before the commit that made it true. What was lost with a connection, Holdings says again.
  * Of a job whose files are made, memory keeps a line only (aggregator/history.py). A message that names such a job
    waits until its row in the ledger is read: Recall goes out, Recalled comes back, and then the message is handled.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Final

from moviola.base.finished_file import FinishedFile
from moviola.base.vocabulary import ErrorCode, JobState, Verdict
from moviola.storage.crashes import MAX_CRASHES
from moviola.wire.errors import ProtocolError
from moviola.wire.limits import MAX_CLIENTS, MAX_PART, MAX_WORKERS
from moviola.wire.messages import (
    Beat,
    Drop,
    Error,
    FailedChunk,
    Fetch,
    FetchResult,
    Finish,
    Finished,
    Hello,
    Own,
    Pass,
    Result,
    Stored,
    Welcome,
)

from .events import (
    MIDDLEWARE,
    Close,
    Command,
    Damaged,
    Dial,
    Event,
    KeepFailed,
    Kept,
    Left,
    Log,
    NotKept,
    Peer,
    PeerMessage,
    Recall,
    Recalled,
    RemoveFiles,
    ResultChecked,
    ResultsLost,
    SaveJob,
    SendFilePart,
    Tick,
    Unsent,
)
from .history import MAX_HISTORY
from .jobs import CollectedJob, Submitted, print_of
from .memory import Memory
from .peers import Peers
from .reads import Readers
from .results import Results
from .splice_queue import SpliceQueue
from .states import JobPhase

MAX_JOBS: Final = MAX_HISTORY + 2000
"""Jobs of this aggregator: those in its history, and twice as many open ones as a middleware takes, because the jobs of
a middleware that is gone stay here until they expire."""

ORPHAN_EXPIRY_S: Final = 3600.0
"""A job is forgotten if the connected middleware has not asked for it for so long: it is another middleware's, or this
one has forgotten it."""

UNBLAMED: Final = ("", ErrorCode.SILENT)
"""Error codes with which a connection to the middleware may end, "" for none, and is made again soon. After any other
code a person has to act first, see RETRY_REFUSED_S."""


class Assembler:
    """Everything the aggregator decides.

    Args:
        epoch: of this aggregator's life, for Welcome.
        max_splices: splices that may run at the same time.
        max_clients, max_workers: that may be connected.
        crashes: job → how often this program crashed while it dealt with that job. One with too many is refused.
    """

    def __init__(
        self,
        *,
        epoch: int,
        max_splices: int = 1,
        max_clients: int = MAX_CLIENTS,
        max_workers: int = MAX_WORKERS,
        crashes: Mapping[str, int] | None = None,
    ) -> None:
        self._crashes = crashes or {}
        self._memory = Memory(max_splices)
        self._results = Results(self._memory)
        self._splice_queue = SpliceQueue(self._memory)
        self._readers = Readers(self._memory)
        self._peers = Peers(self._memory, self._readers, epoch, max_clients, max_workers)

    # ── the only ways in ─────────────────────────────────────────────────────────────────────────────────────────

    def restore(self, job: CollectedJob, held: dict[tuple[int, int], int]) -> None:
        """Take up a job of the ledger after a start. The oldest job comes first. `held` has the `content` of each
        result that is stored, by (track, index), see CollectedTrack."""
        if job.has_succeeded:
            return self._memory.history.add(job.id, job.owner_epoch, job.user)
        for (number, index), content in held.items():
            job.tracks[number].held[index] = content
        for track in job.tracks:
            if not track.held:
                track.fingerprint = ""  # its results are gone from the spool: the next one is the first
        self._memory.jobs[job.id] = job
        return None

    def handle(self, event: Event, now: float) -> list[Command]:
        """Return the commands that follow from an event, in the order in which they are to be carried out."""
        memory = self._memory
        memory.outbox = []
        match event:
            case PeerMessage(message=message) if (job := getattr(message, "job", "")) in memory.history:
                memory.outbox.append(Recall(event, job))
            case PeerMessage():
                self._received(event, now)
            case Recalled():
                self._recalled(event, now)
            case Damaged():
                self._came_damaged(event)
            case Left():
                self._left(event, now)
            case Unsent():
                self._unsent(event)
            case Kept():
                self._results.kept(event.command)
                self._readers.known(event.command)
            case NotKept():
                self._results.not_kept(event.command, event.reason, now)
            case ResultsLost():
                self._splice_queue.lost(event)
            case ResultChecked(command=check, is_whole=is_whole):
                if not is_whole:
                    self._splice_queue.lost(ResultsLost(check.job, ((check.track, check.index),)))
                self._readers.known(check)
            case Tick():
                self._tick(now)
            case _:
                self._splice_queue.ended(event)
        self._splice_queue.begin()
        self._readers.look()
        return memory.outbox

    def half_done(self) -> str:
        """Return, after `handle` raised, in which way it left half a change behind: it had commanded more than log
        lines already, or the indexes disagree. Return "" if neither is so."""
        acts = [command for command in self._memory.outbox if not isinstance(command, Log)]
        if acts:
            return f"it had begun to act: {acts[0]!r:.200}"
        try:
            self.validate()
        except Exception as error:
            return f"its memory does not agree with itself: {error!r:.200}"
        return ""

    @property
    def open_jobs(self) -> Set[str]:
        """The ids of the jobs that have no files yet, or may make them anew."""
        return self._memory.jobs.keys()

    @property
    def is_joined(self) -> bool:
        """True while a middleware has welcomed this aggregator."""
        return self._memory.uplink.is_joined

    def next_deadline(self) -> float | None:
        """When Tick must come at the latest."""
        memory = self._memory
        deadlines = [
            memory.uplink.next_deadline(),
            self._peers.next_deadline(),
            self._readers.next_deadline(),
            memory.later[0][0] if memory.later else None,
        ]
        if memory.orphans:
            deadlines.append(memory.orphans_since + ORPHAN_EXPIRY_S)
        return min((one for one in deadlines if one is not None), default=None)

    def validate(self) -> None:
        """Proves that the indexes agree with each other; for tests and the simulation."""
        memory = self._memory
        splicing = {job.id for job in memory.jobs.values() if job.state is JobPhase.SPLICING}
        assert not memory.running & set(memory.waiting), "a job is spliced and waits for it"
        assert memory.running | set(memory.waiting) == splicing, "the queue and the states of jobs do not agree"
        assert len(memory.running) <= memory.max_splices, "more splices run than may"
        assert memory.orphans.keys() <= memory.jobs.keys(), "an orphan is no job"
        assert not any(name in memory.history for name in memory.jobs), "a job is in the history and is not over"
        assert memory.recalled is None, "a recalled job stays"
        self._peers.validate()
        self._readers.validate()
        memory.history.validate()
        assert not memory.waiting or len(memory.running) == memory.max_splices, "a splice waits for nothing"
        for name, job in memory.jobs.items():
            assert name == job.id
            assert not job.has_succeeded, f"{name} has its files and is not in the history"
            job.validate()

    # ── peers ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _recalled(self, event: Recalled, now: float) -> None:
        """Handle what was received, with the job that it names for as long as that takes."""
        self._memory.recalled = CollectedJob.restored(event.command.job, event.fixed, event.record)
        try:
            self._received(event.command.event, now)
        finally:
            self._memory.recalled = None

    def _received(self, event: PeerMessage, now: float) -> None:
        try:
            self._heard(event, now)
        except ProtocolError as error:
            self._close(event.peer, error, error.job or getattr(event.message, "job", ""), now)

    def _heard(self, event: PeerMessage, now: float) -> None:
        message = event.message
        if event.peer == MIDDLEWARE:
            return self._told(event, now)
        if isinstance(message, Hello):
            return self._peers.joined(event.peer, message, now)
        hello = self._peers.get(event.peer)
        if hello is None:
            return None  # said before it learnt that it was closed
        self._peers.heard(event.peer, hello, now)
        if isinstance(message, Result) and hello.role == "worker":
            return self._results.result(event, message, hello)
        if isinstance(message, Fetch):
            return self._fetch(event.peer, message, hello)
        if isinstance(message, FetchResult):
            return self._readers.read(event.peer, message, hello, now)
        if isinstance(message, Beat | Error):
            return None
        raise ProtocolError(
            ErrorCode.OUT_OF_ORDER, f"a {hello.role} may not send {type(message).__name__} to an aggregator"
        )

    def _came_damaged(self, event: Damaged) -> None:
        """Tell the sender which result or chunk arrived damaged. It is still whole where it came from, or can be
        computed again."""
        match event.message:
            case Result(job=job, track=track, index=index, lease=lease):
                answer = Stored(job, track, index, Verdict.DAMAGED, lease)
            case Pass(job=job, track=track, index=index) | FailedChunk(job=job, track=track, index=index):
                answer = Stored(job, track, index, Verdict.DAMAGED)
            case _:
                return
        self._memory.log(f"job {job} track {track} chunk {index} arrived damaged", is_warning=True)
        if event.peer == MIDDLEWARE or self._peers.get(event.peer) is not None:
            self._memory.send(event.peer, answer)

    def _left(self, event: Left, now: float) -> None:
        memory = self._memory
        if event.peer == MIDDLEWARE:
            if memory.uplink.is_joined or event.code:
                memory.log(f"lost the middleware: {event.reason}; trying again", is_warning=True)
            memory.orphans.clear()  # while it is away it cannot ask
            memory.uplink.lost(now, refused=event.code not in UNBLAMED)
            return
        hello = self._peers.forget(event.peer)
        if hello is not None and hello.role == "worker":
            memory.log(f"worker {hello.name} left: {event.reason}")

    def _unsent(self, event: Unsent) -> None:
        """Have the middleware fail the job of a message to it that was too large to send. The connection stays."""
        memory = self._memory
        memory.log(f"a message could not be sent: {event.reason}", is_warning=True)
        name = getattr(event.message, "job", "")
        job = memory.jobs.get(name) or memory.history.get(name)
        if event.peer == MIDDLEWARE and job is not None:
            text = f"a message about it cannot be sent: {event.reason}"
            memory.send(MIDDLEWARE, Finished(job.id, job.owner_epoch, JobState.FAILED, text))

    def _close(self, peer: Peer, error: ProtocolError, job: str, now: float) -> None:
        hello = self._peers.forget(peer)
        name = "the middleware" if peer == MIDDLEWARE else f"{hello.role} {hello.name}" if hello else "a stranger"
        self._memory.log(f"closed the connection of {name}: {error.text}", is_warning=True)
        self._memory.outbox.append(Close(peer, error.code, error.text, job))
        if peer == MIDDLEWARE:
            self._memory.orphans.clear()
            self._memory.uplink.lost(now, refused=True)

    def _fetch(self, peer: Peer, message: Fetch, hello: Hello) -> None:
        job = self._memory.find(message.job)
        if job is not None and not self._memory.may_fetch(job, hello):
            text = f"job {job.id} is of user {job.user!r}; only that user and the cluster's admins may fetch its files"
            return self._memory.send(peer, Error(ErrorCode.NOT_YOURS, text, fatal=False, job=job.id))
        files = job.finished.files if job is not None and job.finished is not None else []
        announced = next((file for file in files if _holds(file, message.file)), None)
        if announced is None:
            text = f"job {message.job} has no finished file {message.file!r}"
            return self._memory.send(peer, Error(ErrorCode.NOT_FOUND, text, fatal=False, job=message.job))
        length = min(message.length, MAX_PART)
        size = announced.size if announced.file == message.file else None
        self._memory.outbox.append(SendFilePart(peer, message.job, message.file, message.offset, length, size))
        return None

    def _tick(self, now: float) -> None:
        memory = self._memory
        if memory.uplink.must_dial(now):
            memory.outbox.append(Dial())
        if memory.uplink.must_beat(now):
            memory.send(MIDDLEWARE, Beat())
        while memory.later and memory.later[0][0] <= now:
            memory.outbox.append(memory.later.popleft()[1])
        self._readers.expire(now)
        self._peers.expire(now)
        if memory.orphans and now - memory.orphans_since >= ORPHAN_EXPIRY_S:
            for job_id in list(memory.orphans):
                memory.log(f"job {job_id} is forgotten: the middleware has not asked for it in an hour")
                memory.forget(memory.jobs[job_id])

    # ── the middleware ───────────────────────────────────────────────────────────────────────────────────────────

    def _told(self, event: PeerMessage, now: float) -> None:
        match event.message:
            case Welcome() as message:
                self._welcomed(message, now)
            case Own() as message:
                self._own(message)
            case Pass() as message:
                self._results.passed(event, message)
            case FailedChunk() as message:
                self._keep_failed(message)
            case Finish() as message:
                self._finish(message)
            case Drop() as message:
                self._drop(message)
            case Error() as message:
                self._memory.log(f"the middleware says: {message.text}", is_warning=True)

    def _welcomed(self, message: Welcome, now: float) -> None:
        """Take note that the middleware has welcomed this aggregator. It now asks for each of its jobs again (Own); a
        job is an orphan until it is asked for."""
        self._memory.uplink.joined(message, now)
        self._memory.orphans, self._memory.orphans_since = dict.fromkeys(self._memory.jobs), now
        self._memory.log("joined the middleware")

    def _own(self, message: Own) -> None:
        count = self._crashes.get(message.job, 0)
        if count >= MAX_CRASHES:
            text = f"the aggregator failed {count} times while it dealt with this job (see its log)"
            return self._memory.send(MIDDLEWARE, Finished(message.job, message.owner_epoch, JobState.FAILED, text))
        job = self._memory.find(message.job)
        if job is not None and message.owner_epoch < job.owner_epoch:
            return None  # an answer could only mislead: who knows the job's real owner epoch has asked already
        if job is None or message.owner_epoch > job.owner_epoch:
            job = self._begin(message, job)
        else:
            self._own_again(job, message)
        if job is not None:
            self._memory.orphans.pop(job.id, None)
            self._memory.report_holdings(job)
        return None

    def _own_again(self, job: CollectedJob, message: Own) -> None:
        """Take an Own of a job that is here already. It is repeated after a reconnection, to make files again that
        failed, and when more is known of the source: the newest description of the source is saved."""
        if job.has_succeeded:
            return
        if job.state is JobPhase.FINISHED:
            job.begin_again()
            self._memory.save(job)
        if job.state is JobPhase.COLLECTING and job.source_print != print_of(message.source):
            job.source_print = print_of(message.source)
            self._memory.outbox.append(SaveJob(job.id, job.record(), _submitted(message)))

    def _begin(self, message: Own, old: CollectedJob | None) -> CollectedJob | None:
        """Begin the job of an Own and return it; what an earlier owner epoch stored of it is forgotten. Return None if
        the job is refused, which the middleware is told."""
        memory = self._memory
        try:
            count = len(memory.jobs) + len(memory.history)
            if old is None and count >= MAX_JOBS:
                raise ValueError(f"this aggregator has {count} jobs already")
            job = CollectedJob.from_own(message)
        except ValueError as error:
            memory.send(
                MIDDLEWARE, Finished(message.job, message.owner_epoch, JobState.FAILED, f"not accepted: {error}")
            )
            return None
        if old is not None:
            memory.forget(old)
        memory.jobs[job.id] = job
        memory.outbox.append(SaveJob(job.id, job.record(), _submitted(message)))
        memory.log(f"job {job.id} ({job.name}): {len(job.tracks)} tracks to collect, owner epoch {job.owner_epoch}")
        return job

    def _keep_failed(self, message: FailedChunk) -> None:
        job = self._memory.find(message.job)
        if job is None or message.owner_epoch != job.owner_epoch or job.has_succeeded:
            return
        output = job.tracks[message.track].output if message.track < len(job.tracks) else ""
        if not output:
            raise ProtocolError(ErrorCode.BAD_MESSAGE, f"job {job.id} has no output {message.track}")
        self._memory.outbox.append(KeepFailed(job.id, output, message.index))

    def _finish(self, message: Finish) -> None:
        job = self._memory.find(message.job)
        if job is None or message.owner_epoch > job.owner_epoch:
            text = f"job {message.job} was never owned here under epoch {message.owner_epoch}"
            raise ProtocolError(ErrorCode.UNKNOWN_JOB, text)  # after the reconnection it will be
        if message.owner_epoch == job.owner_epoch:
            self._splice_queue.finish(job, message)

    def _drop(self, message: Drop) -> None:
        """Forget a job and its results; with `files`, also remove its finished files. Without `files` a job that has
        them stays in the history: its results were freed when the files were made."""
        job = self._memory.find(message.job)
        if job is not None and message.owner_epoch < job.owner_epoch:
            return
        if message.files:
            self._memory.outbox.append(RemoveFiles(message.job))
        if job is None:
            return
        if not message.files and job.has_succeeded and message.owner_epoch == job.owner_epoch:
            return
        self._memory.log(f"job {job.id} is dropped")
        self._memory.forget(job)


def _submitted(own: Own) -> Submitted:
    whose = own.name, own.user, own.owner_epoch, own.lease_key
    return Submitted(*whose, own.source, own.outputs)


def _holds(announced: FinishedFile, name: str) -> bool:
    """Whether a file is the announced one, or one of those that it lists."""
    folder, _, rest = name.partition("/")
    if rest:
        return announced.folder == folder
    return announced.file == name
