"""What the parts of the assembler share: the jobs, the connection to the middleware, and the commands to come."""

from __future__ import annotations

from collections import OrderedDict, deque

from aggregator.events import MIDDLEWARE, CancelSplice, Command, ForgetJob, Log, Peer, SaveJob, Send
from aggregator.jobs import Job
from aggregator.uplink import Uplink
from wire.messages import Holdings, Message
from wire.windows import heads, windows


class Memory:
    """The assembler's memory.

    Args:
        splicers: splices that may run at the same time.
    """

    def __init__(self, splicers: int) -> None:
        self.splicers = splicers
        self.uplink = Uplink()
        self.jobs: OrderedDict[str, Job] = OrderedDict()  # oldest first
        self.orphans: dict[str, float] = {}  # jobs the connected middleware has not asked for, since when
        self.waiting: deque[str] = deque()  # jobs to be spliced, in order
        self.running: set[str] = set()  # jobs being spliced
        self.later: deque[tuple[float, Send]] = deque()  # answers held back; as many as peers wait for at most
        self.outbox: list[Command] = []

    def send(self, peer: Peer, message: Message) -> None:
        """Nothing is kept for a middleware that is away: after its Welcome it asks for all it needs."""
        if peer != MIDDLEWARE or self.uplink.is_joined:
            self.outbox.append(Send(peer, message))

    def report_holdings(self, job: Job) -> None:
        """Send which results of a job are stored: long bitmaps in several messages, the last of which is Holdings."""
        fingerprints, holdings = [track.fingerprint for track in job.tracks], job.holdings()
        for window in windows(job.id, job.owner_epoch, holdings):
            self.send(MIDDLEWARE, window)
        self.send(MIDDLEWARE, Holdings(job.id, job.owner_epoch, heads(holdings), fingerprints))

    def save(self, job: Job) -> None:
        self.outbox.append(SaveJob(job.id, job.record(), job.shortened() if job.has_succeeded else None))

    def log(self, text: str, *, is_warning: bool = False) -> None:
        self.outbox.append(Log(text, is_warning))

    def forget(self, job: Job) -> None:
        """The job and its results go, whatever its state."""
        del self.jobs[job.id]
        self.orphans.pop(job.id, None)
        if job.id in self.running:
            self.running.remove(job.id)
            self.outbox.append(CancelSplice(job.id))
        elif job.id in self.waiting:
            self.waiting.remove(job.id)
        self.outbox.append(ForgetJob(job.id))
