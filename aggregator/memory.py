"""What the parts of the assembler share: the jobs, the connection to the middleware, and the commands to come."""

from __future__ import annotations

from collections import OrderedDict, deque

from moviola.wire.messages import Hello, Holdings, Message
from moviola.wire.windows import heads, windows

from .events import MIDDLEWARE, CancelSplice, Command, ForgetJob, FreeChunks, Log, Peer, SaveJob, Send
from .history import EndedJob, History
from .jobs import CollectedJob
from .uplink import Uplink


class Memory:
    """The assembler's memory.

    Args:
        max_splices: splices that may run at the same time.
    """

    def __init__(self, max_splices: int) -> None:
        self.max_splices = max_splices
        self.uplink = Uplink()
        self.jobs: dict[str, CollectedJob] = {}  # those that have no files yet, oldest first
        self.history = History()  # those that have
        self.recalled: CollectedJob | None = None  # one of the history, while what names it is handled
        self.orphans: dict[str, None] = {}  # jobs that the connected middleware has not asked for
        self.orphans_since = 0.0  # it came
        self.waiting: OrderedDict[str, None] = OrderedDict()  # jobs to be spliced, in order
        self.running: set[str] = set()  # jobs being spliced
        self.later: deque[tuple[float, Send]] = deque()  # answers held back; as many as peers wait for at most
        self.moved: set[str] = set()  # jobs that have gone on, or are gone: who reads their results is answered anew
        self.outbox: list[Command] = []

    def find(self, job: str) -> CollectedJob | None:
        """Return a job, None when there is none of this id. One of the history is found while it is recalled."""
        if self.recalled is not None and self.recalled.id == job:
            return self.recalled
        return self.jobs.get(job)

    def may_fetch(self, job: CollectedJob, hello: Hello) -> bool:
        """Return whether a client may fetch the results of a job: its own user may, and admins."""
        return hello.user == job.user or hello.user in self.uplink.admins

    def send(self, peer: Peer, message: Message) -> None:
        """Send a message to a peer. Messages to a middleware that is away are dropped: after its Welcome it asks for
        all it needs."""
        if peer != MIDDLEWARE or self.uplink.is_joined:
            self.outbox.append(Send(peer, message))

    def report_holdings(self, job: CollectedJob) -> None:
        """Send which results of a job are stored: long bitmaps in several messages, the last of which is Holdings."""
        fingerprints, holdings = [track.fingerprint for track in job.tracks], job.holdings()
        for window in windows(job.id, job.owner_epoch, holdings):
            self.send(MIDDLEWARE, window)
        self.send(MIDDLEWARE, Holdings(job.id, job.owner_epoch, heads(holdings), fingerprints))

    def save(self, job: CollectedJob) -> None:
        """Have the job written to the ledger at the end of the turn."""
        self.outbox.append(SaveJob(job.id, job.record(), job.fixed() if job.has_succeeded else None))

    def log(self, text: str, *, is_warning: bool = False) -> None:
        """Have a line written to the log."""
        self.outbox.append(Log(text, is_warning))

    def end(self, job: CollectedJob) -> None:
        """Move a job whose files are made into the history, and free its results. If the history has too many jobs
        then, one of them is forgotten (see History.surplus)."""
        del self.jobs[job.id]
        self.moved.add(job.id)
        self.orphans.pop(job.id, None)
        self.history.add(job.id, job.owner_epoch, job.user)
        self.outbox.append(FreeChunks(job.id))
        surplus = self.history.surplus()
        if surplus is not None:
            self.forget(surplus)

    def forget(self, job: CollectedJob | EndedJob) -> None:
        """Forget a job and its results, whatever its state; if it is being spliced, that is stopped."""
        if job.id in self.history:
            self.history.remove(job.id)
            self.recalled = None
        else:
            del self.jobs[job.id]
        self.moved.add(job.id)
        self.orphans.pop(job.id, None)
        if job.id in self.running:
            self.running.remove(job.id)
            self.outbox.append(CancelSplice(job.id))
        else:
            self.waiting.pop(job.id, None)
        self.outbox.append(ForgetJob(job.id))
