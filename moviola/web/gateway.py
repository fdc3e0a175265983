"""What all requests of a gateway share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from anyio import CapacityLimiter
from starlette.requests import Request

from moviola.session.pipes import MAX_INPUT_SIZE
from moviola.session.target import Target
from moviola.web.access import Access, User, identity_of
from moviola.web.arriving import ArrivingPlaces
from moviola.web.calls import Caller
from moviola.web.comparison_runs import Comparisons
from moviola.web.hooks import Hooks
from moviola.web.look import SharedLook
from moviola.web.metrics import Metrics
from moviola.web.mirror import Mirror, Mirrors
from moviola.web.places import AwaitedPlaces, Places
from moviola.web.preview_places import MAX_PREVIEW_SIZE, PreviewPlaces
from moviola.web.receiving import MAX_UPLOADS, MAX_UPLOADS_EACH, Receiver
from moviola.web.sending import MAX_SENDING, MAX_SENDING_EACH
from moviola.wire.asyncio_links import ReceiveMemory
from moviola.wire.limits import MIB
from moviola.wire.messages import Overview

WRITERS: Final = 4
"""Threads that write bodies to the disk: it takes no more at a time any faster."""

CUTTERS: Final = 2
"""Threads that read sources and cut them: each takes a core, and seconds."""

MAX_PLAYS: Final = 32
"""Outputs that are watched at a time, of all users. Each has a chunk in memory, and a thread while it makes a fragment
of it or reads a finished file."""

MAX_LISTENERS: Final = 1000
"""Streams of events that are open at a time, of all users: each has a connection."""

MAX_LISTENERS_EACH: Final = 250
"""… of one user, where there are several."""

MAX_COMPARED: Final = 256 * MIB
"""Bytes of what is compared: the gateway's machine works on all of it several times."""

REPORTERS: Final = 2
"""Threads that make reports: each takes a core while it looks for pictures, and some 30 s at most."""

RECEIVE_LIMIT: Final = 64 * MIB
"""Bytes of messages in progress from the cluster: the largest are parts of files, of 4 MiB, and records."""


@dataclass(slots=True)
class Gateway:
    """The state of a gateway, one a process; the application has it as `app.state.gateway`.

    Attributes:
        target: the cluster, and the gateway's own user there.
        access: says who asks.
        memory: shared by all connections to the cluster.
        mirrors: what each user may see of the cluster.
        caller: asks the middleware about one job.
        upload_limit: bytes that one request may bring.
        hooks: who is told of what happens.
        writers: bounds the threads that write bodies, of all requests.
        cutters: bounds the threads that read and cut sources.
        reporters: bounds the threads that make reports of jobs.
        reports: how many each user waits for.
        receiver: the folder of uploads.
        previews: the places of previews, and what they bring.
        arriving: the places of uploads that are sent on while they come.
        sending: the places of uploads that are sent on to the cluster.
        players: bounds the threads that make fragments for those who watch.
        plays: how many outputs each user watches.
        comparisons: what is compared, and was.
        comparison_receiver: the folder of what is compared.
        listeners: the places of streams of events.
        overview: how the cluster is doing, asked for once a moment.
        metrics: what this gateway counts.
    """

    target: Target
    access: Access
    upload_limit: int = MAX_INPUT_SIZE
    hooks: Hooks = field(default_factory=Hooks)
    memory: ReceiveMemory = field(default_factory=lambda: ReceiveMemory(RECEIVE_LIMIT))
    writers: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(WRITERS))
    cutters: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(CUTTERS))
    reports: Counter[str] = field(default_factory=Counter)
    reporters: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(REPORTERS))
    arriving: ArrivingPlaces = field(default_factory=ArrivingPlaces)
    players: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(MAX_PLAYS))
    plays: Counter[str] = field(default_factory=Counter)
    mirrors: Mirrors = field(init=False)
    caller: Caller = field(init=False)
    receiver: Receiver = field(init=False)
    sending: AwaitedPlaces = field(init=False)
    listeners: Places = field(init=False)
    comparisons: Comparisons = field(default_factory=Comparisons)
    comparison_receiver: Receiver = field(init=False)
    previews: PreviewPlaces = field(init=False)
    overview: SharedLook[Overview] = field(init=False)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.mirrors = Mirrors(self.target, self.memory)
        self.caller = Caller(self.target, self.memory)
        uploads = self._each(MAX_UPLOADS_EACH, MAX_UPLOADS)
        self.receiver = Receiver(self.upload_limit, self.writers, most_each=uploads)
        self.sending = AwaitedPlaces(MAX_SENDING, self._each(MAX_SENDING_EACH, MAX_SENDING))
        self.listeners = Places(MAX_LISTENERS, self._each(MAX_LISTENERS_EACH, MAX_LISTENERS))
        compared = min(self.upload_limit, MAX_COMPARED)
        self.comparison_receiver = Receiver(compared, self.writers, "a comparison may have", uploads)
        self.previews = PreviewPlaces(min(MAX_PREVIEW_SIZE, self.upload_limit), self.writers)
        self.overview = SharedLook(lambda: self.caller.overview(self.target.user))

    def _each(self, some: int, all_: int) -> int:
        """Return how many places one user may take: some of them, or all where there is one user alone, whom nobody
        asks to log in."""
        return some if self.access.cookie else all_

    def cluster_user(self, user: User) -> str:
        """Return as whom the gateway looks at jobs, controls them and fetches their files for somebody.

        For an admin it does so as its own user, which the middleware has among its admins (`--admin`), or not.
        """
        return self.target.user if user.is_admin else user.name

    def mirror_of(self, user: User) -> Mirror:
        """Return the view of the cluster that somebody has."""
        return self.mirrors.of(self.cluster_user(user))

    async def close(self) -> None:
        """End a comparison and all connections to the cluster, and remove what uploads have left."""
        await self.comparisons.close()
        self.mirrors.close()
        self.receiver.close()
        self.comparison_receiver.close()
        self.previews.receiver.close()


def gateway_of(request: Request) -> Gateway:
    """Return the gateway that has been asked."""
    gateway: Gateway = request.app.state.gateway
    return gateway


def user_of(request: Request) -> User:
    """Return who asks. Raises moviola.web.problems.Problem where nobody who may does."""
    return identity_of(request)
