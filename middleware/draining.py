"""Workers that leave in good order: who wishes it, what they are told, and what they say of it themselves."""

from __future__ import annotations

from typing import Final

from moviola.base.invocation import typed
from moviola.base.vocabulary import ErrorCode, EventKind, Notice, WorkerVerb
from moviola.wire.messages import Beat, ControlWorker, Drain, Event

from .model.cluster import Cluster
from .model.fleet import WorkerRecord
from .model.peers import ClientRecord
from .model.states import WorkerState

VERBS: Final = frozenset(WorkerVerb)


class Draining:
    """The part of the dispatcher that has workers drain.

    Whether a worker drains is for the worker to say. While a Drain is on its way to it, it gets no tasks, and what it
    says does not count: a person may change their mind faster than a worker answers, and an answer to an earlier wish
    looks like one to the last. So workers say how many Drains they have heard.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    # ── what a person wishes ─────────────────────────────────────────────────────────────────────────────────────

    def control(self, client: ClientRecord, message: ControlWorker, now: float) -> None:
        """Have a worker drain or resume as a client wishes, and say so; or say why not."""
        cluster, name = self._cluster, message.worker
        refusal = self._refusal(client, message)
        if refusal is not None:
            return cluster.refuse(client, *refusal)
        worker = cluster.fleet.by_name[name]
        granted = self._drain(worker, client) if message.verb == WorkerVerb.DRAIN else self._resume(worker)
        unix_s = now + cluster.unix_offset_s
        return cluster.send(client.peer, Event(Notice.WISH_GRANTED, granted, worker=name, unix_s=unix_s))

    def _refusal(self, client: ClientRecord, message: ControlWorker) -> tuple[ErrorCode, str] | None:
        """Return why a wish cannot be granted; None where it can."""
        name, verb = message.worker, message.verb
        if not self._cluster.users.may_manage(client.user):
            text = f"worker {name} is for all users; only the cluster's admins may {verb:.40} it"
            return ErrorCode.NOT_YOURS, text
        worker = self._cluster.fleet.by_name.get(name)
        if worker is None:
            return ErrorCode.UNKNOWN_WORKER, f"there is no worker {name}"
        if verb not in VERBS:
            return ErrorCode.WRONG_STATE, f"worker {name} is {worker.state.value}; it has no action called {verb!r:.40}"
        if worker.state is WorkerState.LOST:
            hint = f"'{typed('up')}', or a new start of its program, brings a drained worker back"
            why = hint if verb == WorkerVerb.RESUME else "only one that is connected can be drained"
            return ErrorCode.WRONG_STATE, f"worker {name} is not connected; {why}"
        if verb == WorkerVerb.RESUME and worker.state is not WorkerState.DRAINING:
            return ErrorCode.WRONG_STATE, f"worker {name} is {worker.state.value}; only one that drains can be resumed"
        return None

    def _drain(self, worker: WorkerRecord, client: ClientRecord) -> str:
        """Have a worker drain. Return what was done, in a sentence."""
        count = len(worker.held)
        held = {0: "it holds no task", 1: "it finishes or gives back its task"}.get(
            count, f"it finishes or gives back its {count} tasks"
        )
        drains_already = worker.state is WorkerState.DRAINING and worker.drain_wish is not False
        self._note_draining(worker, f"worker {worker.name} is drained by {client.name}: it gets no more tasks")
        self._tell(worker, wanted=True)  # one that drains by itself is to stay away from now on
        return (
            f"worker {worker.name} {'drains already' if drains_already else 'gets no more tasks'}: {held}, and leaves"
        )

    def _resume(self, worker: WorkerRecord) -> str:
        self._tell(worker, wanted=False)
        return f"worker {worker.name} is told to go on; it still leaves if it was stopped on its machine, or has ended"

    def _tell(self, worker: WorkerRecord, *, wanted: bool) -> None:
        worker.drain_wish = wanted
        worker.drains_told += 1
        self._cluster.send(worker.peer, Drain(wanted))

    # ── what a worker says ───────────────────────────────────────────────────────────────────────────────────────

    def heard(self, worker: WorkerRecord, message: Beat) -> None:
        """Take note of whether a worker says that it drains, if it has heard all that it was told of that."""
        if message.drains != worker.drains_told:
            return
        worker.drain_wish = None
        if message.draining:
            self._note_draining(worker, f"worker {worker.name} finishes what it holds, and leaves")
        elif self._cluster.fleet.resume(worker):
            self._cluster.note(EventKind.WORKER_RESUMED, f"worker {worker.name} takes tasks again", worker=worker.name)

    def gave_back(self, worker: WorkerRecord) -> None:
        """A worker gives a task back that it does not want to begin: until it says more, it gets no other."""
        self._note_draining(worker, f"worker {worker.name} gives tasks back")

    def rejoined(self, before: WorkerRecord, worker: WorkerRecord) -> None:
        """Tell a worker that has come back its last wish once more, if it does not do what it was told: it may not have
        heard it."""
        wish = before.drain_wish
        if wish is None or wish is worker.details.draining:
            return
        if wish:
            self._note_draining(worker, f"worker {worker.name} is back, and is drained, as it was told before")
        self._tell(worker, wanted=wish)

    def _note_draining(self, worker: WorkerRecord, text: str) -> None:
        if self._cluster.fleet.drain(worker):
            self._cluster.note(EventKind.WORKER_DRAINING, text, worker=worker.name)
