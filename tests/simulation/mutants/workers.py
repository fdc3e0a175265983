"""Workers and what they are lent: credit, leases, attempts, files of filters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

from middleware import names, workers
from middleware.draining import Draining
from middleware.failures import Failures
from middleware.leases import Leases
from middleware.model.fleet import Fleet
from middleware.model.job import Job
from middleware.model.task_queue import LeaseRecord, TaskQueue
from middleware.model.track import TaskFailures, Track
from middleware.turns import Turns
from middleware.workers import Workers
from moviola.wire.messages import Cause
from tests.simulation.mutants.patches import Patch
from worker.assets import AssetCache
from worker.events import EXIT_DRAINED
from worker.session import Session as WorkerSession


def _credit_not_returned() -> Patch:
    def give_back(self: Any, worker: Any, lease: Any) -> Any:
        return worker.held.get(lease)

    return Fleet, "give_back", give_back


def _credit_returned_twice() -> Patch:
    real = Fleet.give_back

    def give_back(self: Any, worker: Any, lease: Any) -> Any:
        record = real(self, worker, lease)
        for other in list(worker.held)[:1]:
            real(self, worker, other)
        return record

    return Fleet, "give_back", give_back


def _lost_tasks_stay_lost() -> Patch:
    return TaskQueue, "put_back", lambda self, index: self._land(index)


def _drain_costs_an_attempt() -> Patch:
    real = Leases.released

    def released(self: Any, worker: Any, message: Any, now: float) -> None:
        record = worker.held.get(message.lease)
        real(self, worker, message, now)
        if message.outcome == "drained" and record is not None and not record.revoked:
            self._failures.failed(record, worker, Cause("drain", "drained"), now)

    return Leases, "released", released


def _drain_is_not_told_over_a_new_connection() -> Patch:
    real = WorkerSession._hello

    def hello(self: Any, peer: Any) -> Any:
        made = real(self, peer)
        return replace(made, details={**made.details, "draining": False}) if made.details else made

    return WorkerSession, "_hello", hello


def _wish_to_drain_is_lost_with_the_connection() -> Patch:
    return Draining, "rejoined", lambda self, before, worker: None


def _word_of_before_the_wish_counts() -> Patch:
    real = Draining.heard

    def heard(self: Any, worker: Any, message: Any) -> None:
        real(self, worker, replace(message, drains=worker.drains_told))

    return Draining, "heard", heard


def _answer_to_an_earlier_wish_counts() -> Patch:
    real = Draining.heard

    def heard(self: Any, worker: Any, message: Any) -> None:
        if worker.drain_wish in (None, message.draining):
            real(self, worker, replace(message, drains=worker.drains_told))

    return Draining, "heard", heard


def _resumed_worker_gets_nothing() -> Patch:
    return Fleet, "resume", lambda self, worker: False


def _drained_worker_takes_its_tasks_along() -> Patch:
    return WorkerSession, "_end_drain", lambda self, now: self._exit(EXIT_DRAINED)


def _kill_costs_an_attempt() -> Patch:
    real = Workers._predecessor_died

    def died(self: Any, worker: Any, death: Any, now: float, *, is_child: bool) -> None:
        real(self, worker, replace(death, kind="crash"), now, is_child=is_child)

    return Workers, "_predecessor_died", died


def _stale_lease_adopted() -> Patch:
    def wanted(job: Any, held: Any) -> bool:
        return not job.is_final and held.track < len(job.request.outputs) and held.index in job.streams[0].here

    return Workers, "_is_wanted", staticmethod(wanted)


def _name_without_token_supersedes() -> Patch:
    return names, "is_same", lambda token, other: True


def _superseded_session_stays() -> Patch:
    return Workers, "_lose", lambda self, worker, reason, now: None


def _result_not_sent_again() -> Patch:
    def opened(self: Any, event: Any, now: float) -> None:
        self.peers.opened(event.peer, now)
        if not event.peer:
            self._welcomed(event.welcome, now)
        for held_task in self.held_tasks.values():
            held_task.is_sent |= held_task.result is not None and held_task.task.owner == event.peer

    return WorkerSession, "_opened", opened


def _silence_is_never_noticed() -> Patch:
    return Workers, "expire", lambda self, now: None


def _lease_adopted_without_proof() -> Patch:
    return workers, "is_lent", lambda lent, key, instance: True


def _unreadable_result_charged_to_others() -> Patch:
    real = Failures.unreadable

    def unreadable(self: Any, job: Any, track: Any, index: int, worker: str, text: str, now: float) -> None:
        real(self, job, track, index, next(iter(self._cluster.fleet.by_name)), text, now)

    return Failures, "unreadable", unreadable


def _failed_task_is_dropped() -> Patch:
    real = Turns.tick

    def tick(self: Any, event: Any, now: float) -> None:
        for job in self._cluster.open.values():
            for track in job.tracks:
                for index in [i for i, trouble in track.task_failures.items() if trouble.failures]:
                    if index not in track.queue.stored:
                        track.queue.store(index)
        real(self, event, now)

    return Turns, "tick", tick


def _asset_sent_once_to_a_worker_of_a_name() -> Patch:
    real, sent = Leases.asset_requested, set[tuple[int, str, str]]()

    def requested(self: Any, worker: Any, message: Any, now: float) -> None:
        key = (id(self), worker.name, message.value)
        if key not in sent:
            sent.add(key)
            real(self, worker, message, now)

    return Leases, "asset_requested", requested


def _asset_not_awaited() -> Patch:
    return Job, "has_assets", property(lambda self: True)


def _computed_without_its_asset() -> Patch:
    return AssetCache, "missing", lambda self, values: []


def _lost_asset_keeps_its_task() -> Patch:
    real = Leases.asset_requested

    def requested(self: Any, worker: Any, message: Any, now: float) -> None:
        with patch.object(Leases, "take_away", lambda self, worker, record, now, outcome: None):
            real(self, worker, message, now)

    return Leases, "asset_requested", requested


def _losses_taken_back_that_were_not_counted() -> Patch:
    """A lease that was lost and then failed takes a loss back, whether or not one was counted."""
    real = Track.fail

    def fail(self: Track, record: LeaseRecord) -> TaskFailures:
        if (past := self.task_failures.get(record.index)) is not None:
            past.losses_tallied = max(1, past.losses_tallied)
        return real(self, record)

    return Track, "fail", fail
