"""Which message goes to which rule, and who may say what: the peers' side of the brain."""

from __future__ import annotations

from moviola.base.vocabulary import ErrorCode, Verdict
from moviola.wire.errors import ProtocolError
from moviola.wire.messages import (
    AssetRequest,
    Beat,
    Chunk,
    ChunkWindow,
    Control,
    ControlWorker,
    End,
    Finished,
    HandOn,
    Hello,
    Holdings,
    Message,
    Released,
    Stored,
    Submit,
    Subscribe,
    Watch,
)

from .events import (
    Close,
    Damaged,
    MemberMessage,
    Peer,
)
from .model.cluster import Cluster
from .model.fleet import WorkerRecord
from .model.peers import AggregatorRecord
from .parts import Parts


class Routing:
    """Takes what peers say.

    Args:
        cluster: the state that all rules share.
        parts: the rules.
    """

    def __init__(self, cluster: Cluster, parts: Parts) -> None:
        self._cluster, self._parts = cluster, parts

    def received(self, event: MemberMessage, now: float) -> None:
        """Give a message to the rule that it is for. A peer that breaks the protocol is sent away."""
        try:
            self._received(event, now)
        except ProtocolError as error:
            self._send_away(event, error, now)

    def damaged(self, event: Damaged, now: float) -> None:
        """Take a message whose payload was damaged. A peer that cannot send it again is sent away."""
        try:
            self._came_damaged(event)
        except ProtocolError as error:
            self._send_away(event, error, now)

    def leave(self, peer: Peer, reason: str, now: float) -> None:
        """Forget a peer whose connection has ended."""
        cluster = self._cluster
        if peer in cluster.workers:
            self._parts.workers.left(peer, reason, now)
        elif peer in cluster.aggregators:
            self._parts.ownership.left(peer, reason, now)
        elif peer in cluster.clients:
            self._parts.submissions.left(peer, now)

    def _received(self, event: MemberMessage, now: float) -> None:
        cluster, peer, message = self._cluster, event.peer, event.message
        if peer in cluster.workers:
            self._from_worker(cluster.workers[peer], message, now)
        elif peer in cluster.clients:
            self._from_client(event, now)
        elif peer in cluster.aggregators:
            self._from_aggregator(cluster.aggregators[peer], message, now)
        elif isinstance(message, Hello):
            self._joined(peer, message, event.host, now)

    def _came_damaged(self, event: Damaged) -> None:
        """Tell a worker that what it handed on arrived damaged; its task is then tried again. Raise ProtocolError for
        any other message: its sender is sent away, and when a client comes back it asks what is here."""
        cluster, message = self._cluster, event.message
        if isinstance(message, HandOn) and event.peer in cluster.workers:
            verdict = Stored(message.job, message.track, message.index, Verdict.DAMAGED, message.lease)
            cluster.send(event.peer, verdict)
        else:
            raise ProtocolError(
                ErrorCode.CORRUPT, f"{type(message).__name__} does not match its checksum: it was damaged"
            )

    def _joined(self, peer: Peer, hello: Hello, host: str, now: float) -> None:
        if hello.role != "client":
            self._check_places(hello)
        if hello.role == "worker":
            self._parts.workers.joined(peer, hello, host, now)
        elif hello.role == "aggregator":
            self._parts.ownership.joined(peer, hello, host, now)
        else:
            self._parts.submissions.joined(peer, hello, now)

    def _check_places(self, hello: Hello) -> None:
        """Raises ProtocolError where one more worker or aggregator would take the places of clients."""
        cluster = self._cluster
        count = len(cluster.workers) + len(cluster.aggregators)
        if count < cluster.rules.max_workers:
            return
        names = [one.name for one in cluster.workers.values()] + [one.name for one in cluster.aggregators.values()]
        if hello.name not in names:
            raise ProtocolError(
                ErrorCode.BUSY, f"{count} workers and aggregators are connected; there is no place for more"
            )

    def _from_worker(self, worker: WorkerRecord, message: Message, now: float) -> None:
        worker.heard_at = now
        if isinstance(message, Beat):
            self._parts.leases.beat(worker, message, now)
        elif isinstance(message, Released):
            self._parts.leases.released(worker, message, now)
        elif isinstance(message, HandOn):
            self._parts.handing_on.came(worker, message, now)
        elif isinstance(message, AssetRequest):
            self._parts.leases.asset_requested(worker, message, now)
        else:
            raise ProtocolError(ErrorCode.OUT_OF_ORDER, f"a worker may not send {type(message).__name__} here")

    def _from_client(self, event: MemberMessage, now: float) -> None:
        client, message = self._cluster.clients[event.peer], event.message
        if isinstance(message, Chunk):
            self._parts.submissions.chunk(client, message, event.payload_size, event.payload_xxh3, now)
        elif isinstance(message, Submit):
            self._parts.submissions.submit(client, message, now)
        elif isinstance(message, End):
            self._parts.submissions.end(client, message, now)
        elif isinstance(message, Control):
            self._parts.job_control.control(client, message, now)
        elif isinstance(message, ControlWorker):
            self._parts.draining.control(client, message, now)
        elif isinstance(message, Watch):
            self._parts.job_control.watch(client, message)
        elif isinstance(message, Subscribe):
            self._parts.subscriptions.subscribe(client, message, now)
        else:
            raise ProtocolError(ErrorCode.OUT_OF_ORDER, f"a client may not send {type(message).__name__} here")
        self._cluster.heard_of(client, now)

    def _from_aggregator(self, record: AggregatorRecord, message: Message, now: float) -> None:
        record.heard_at = now
        if isinstance(message, Stored):
            self._parts.ownership.stored(record, message, now)
        elif isinstance(message, ChunkWindow):
            record.windows.add(message)
        elif isinstance(message, Holdings):
            self._parts.ownership.holdings(record, message, now)
        elif isinstance(message, Finished):
            self._parts.ownership.finished(record, message, now)
        elif not isinstance(message, Beat):
            raise ProtocolError(ErrorCode.OUT_OF_ORDER, f"an aggregator may not send {type(message).__name__} here")

    def _send_away(self, event: MemberMessage | Damaged, error: ProtocolError, now: float) -> None:
        """A peer broke the protocol: its connection ends, and the job that it was about is charged for that."""
        job = error.job or getattr(event.message, "job", "")
        self._parts.link_costs.charge(event.peer, job, str(error), now)
        self.leave(event.peer, str(error), now)
        self._cluster.outbox.append(Close(event.peer, error.code, error.text, job))
