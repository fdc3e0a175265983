"""Clients that read results while their job goes on: who waits for which, and what each is answered.

A result can be read as soon as it is kept, until the job has its files or is forgotten. A read of a result that is not
here yet waits for a while. One read at a time may wait on a connection, so a slow reader costs nothing but its place.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Final, NamedTuple

from moviola.base.vocabulary import ErrorCode, ResultState
from moviola.wire.messages import Error, FetchedResult, FetchResult, Hello, Message

from .events import CheckResult, Command, Keep, Peer, Send, SendResult
from .jobs import CollectedJob
from .memory import Memory

WAIT_S: Final = 20.0
"""How long a read waits before it is answered `awaited`: less than the time after which a silent client is idle, and
less than the time after which a client takes an aggregator for dead that does not answer."""

MAX_READS_OF_USER: Final = 64
"""Reads of one user that may wait at a time: its connections are twice as many."""

MAX_READS: Final = 1024
"""Reads of all users that may wait: each costs some hundred bytes, and a look whenever its job stores something."""


class Read(NamedTuple):
    """A request that waits, of a user, since some time."""

    message: FetchResult
    user: str
    since: float


class Readers:
    """The part of the assembler that gives clients results while a job goes on."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._waiting: OrderedDict[Peer, Read] = OrderedDict()  # the longest waiting first
        self._of_job: dict[str, dict[Peer, None]] = {}
        self._of_user: Counter[str] = Counter()

    def read(self, peer: Peer, message: FetchResult, hello: Hello, now: float) -> None:
        """Answer a request, or have it wait."""
        refusal = self._refusal(peer, message, hello)
        answer = Send(peer, refusal) if refusal is not None else self._answer(peer, message)
        if message.damaged and isinstance(answer, SendResult):
            self._memory.outbox.append(CheckResult(message.job, message.track, message.index))
        elif answer is not None:
            self._memory.outbox.append(answer)
            return
        self._waiting[peer] = Read(message, hello.user, now)
        self._of_job.setdefault(message.job, {})[peer] = None
        self._of_user[hello.user] += 1

    def known(self, result: Keep | CheckResult) -> None:
        """Answer those who wait for a result that was just kept or checked, if it can be given to them now."""
        for peer in list(self._of_job.get(result.job, ())):
            message = self._waiting[peer].message
            if (message.track, message.index) == (result.track, result.index):
                self._look(peer)

    def look(self) -> None:
        """Look again at the waiting reads of jobs that have gone on or are gone, and answer those that can be."""
        moved, self._memory.moved = self._memory.moved, set()
        for job in moved & self._of_job.keys():
            for peer in list(self._of_job[job]):
                self._look(peer)

    def expire(self, now: float) -> None:
        """Answer those who have waited long enough."""
        while self._waiting:
            peer, read = next(iter(self._waiting.items()))
            if now < read.since + WAIT_S:
                return
            self._memory.send(peer, _fetched(read.message, ResultState.AWAITED))
            self.forget(peer)

    def next_deadline(self) -> float | None:
        """When `expire` should come at the latest."""
        first = next(iter(self._waiting.values()), None)
        return None if first is None else first.since + WAIT_S

    def forget(self, peer: Peer) -> None:
        """Forget the waiting read of a peer, if it has one: the peer is answered, or gone."""
        read = self._waiting.pop(peer, None)
        if read is None:
            return
        peers = self._of_job[read.message.job]
        del peers[peer]
        if not peers:
            del self._of_job[read.message.job]
        self._of_user[read.user] -= 1
        if not self._of_user[read.user]:
            del self._of_user[read.user]

    def _look(self, peer: Peer) -> None:
        answer = self._answer(peer, self._waiting[peer].message)
        if answer is not None:
            self.forget(peer)
            self._memory.outbox.append(answer)

    def _answer(self, peer: Peer, message: FetchResult) -> Command | None:
        """Return what a request is answered now; None while its result is to come."""
        job = self._memory.find(message.job)
        if job is None and message.job in self._memory.history:
            return Send(peer, _fetched(message, ResultState.SPLICED))
        if job is None:
            return Send(peer, _error(message, ErrorCode.UNKNOWN_JOB, f"job {message.job} is not here"))
        if message.track >= len(job.tracks):
            text = f"job {job.id} has {len(job.tracks)} tracks, and none with the number {message.track}"
            return Send(peer, _error(message, ErrorCode.NOT_FOUND, text))
        count = _chunk_count(job, message.track)
        if count is not None and message.index >= count:
            return Send(peer, _fetched(message, ResultState.BEYOND, count))
        if job.has_succeeded:
            return Send(peer, _fetched(message, ResultState.SPLICED, count))
        if message.index in job.tracks[message.track].held:
            return SendResult(peer, job.id, message.track, message.index, count, message.describe)
        return None

    def _refusal(self, peer: Peer, message: FetchResult, hello: Hello) -> Error | None:
        job = self._memory.find(message.job)
        if job is not None and not self._memory.may_fetch(job, hello):
            text = f"job {job.id} is of user {job.user!r}; only that user and the cluster's admins may read its results"
            return _error(message, ErrorCode.NOT_YOURS, text)
        if peer in self._waiting:
            text = "a connection waits for one result at a time; ask for the next when this one has come"
        elif self._of_user[hello.user] >= MAX_READS_OF_USER:
            text = f"user {hello.user!r} waits for {MAX_READS_OF_USER} results already, the most that one user may"
        elif len(self._waiting) >= MAX_READS:
            text = f"{MAX_READS} results are waited for already, the most that this aggregator takes"
        else:
            return None
        return _error(message, ErrorCode.BUSY, text)

    def validate(self) -> None:
        """Prove that the indexes agree with each other; for tests and the simulation."""
        of_job = {(read.message.job, peer) for peer, read in self._waiting.items()}
        assert of_job == {(job, peer) for job, peers in self._of_job.items() for peer in peers}, "a read is lost"
        assert self._of_user == Counter(read.user for read in self._waiting.values()), "reads are miscounted"
        for peer, read in self._waiting.items():
            has_to_wait = self._answer(peer, read.message) is None or read.message.damaged  # … until it is checked
            assert has_to_wait, f"{read.message} waits, and could be answered"


def _chunk_count(job: CollectedJob, track: int) -> int | None:
    return job.chunk_counts[track] if job.chunk_counts else None


def _fetched(message: FetchResult, state: ResultState, count: int | None = None) -> Message:
    return FetchedResult(message.job, message.track, message.index, state, count)


def _error(message: FetchResult, code: ErrorCode, text: str) -> Error:
    return Error(code, text, fatal=False, job=message.job)
