"""Which task is next, and who gets it: the queue, shared chains, builds."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import Any
from unittest.mock import patch

from middleware import handing_on, scheduler, stages
from middleware.events import FreeStage
from middleware.job_control import JobControl
from middleware.model import chain as chain_module
from middleware.model import fleet as fleet_module
from middleware.model import track as track_module
from middleware.model.chain import Chain
from middleware.model.cluster import Cluster
from middleware.model.fleet import Fleet
from middleware.model.job import Job
from middleware.model.task_queue import TaskQueue
from middleware.scheduler import Scheduler
from tests.simulation import material
from tests.simulation.mutants.patches import Patch, Patches
from worker.session import Session as WorkerSession


def _gap_blocks_the_queue() -> Patch:
    def look_ahead(self: Any) -> None:
        while self._next in self.stored or self._next in self.in_flight:
            self._next += 1
        if not self._ahead and self._next in self._stream.here and self._next not in self._returned:
            self._ahead[self._next] = 0
            self._next += 1

    return TaskQueue, "_look_ahead", look_ahead


def _refused_worker_is_awaited() -> Patch:
    def able(self: Any, offer: Any) -> set[str]:
        return {worker.name for worker in self._cluster.fleet.able(offer.needs)}

    return Scheduler, "_able", able


def _stage_forgotten_at_reassignment() -> Patch:
    real = Chain.to_wire

    def to_wire(self: Any, stage: range) -> list[int]:
        return [] if stage.start else real(self, stage)

    return Chain, "to_wire", to_wire


def _stage_freed_before_its_result_is_stored() -> Patch:
    real = Scheduler._lend

    def lend(self: Any, job: Any, track: Any, index: int, part: Any, *rest: Any) -> None:
        real(self, job, track, index, part, *rest)
        if part.stage.start:
            self._cluster.outbox.append(FreeStage(job.id, track.number, index))

    return Scheduler, "_lend", lend


def _stage_not_sent_again() -> Patch:
    real = WorkerSession._opened

    def opened(self: Any, event: Any, now: float) -> None:
        real(self, event, now)
        if not event.peer:
            self._out = [one for one in self._out if type(getattr(one, "message", None)).__name__ != "HandOn"]

    return WorkerSession, "_opened", opened


def _stages_of_other_builds_go_on() -> Patch:
    real = stages.can_end

    def can_end(cluster: Any, track: Any, made: Any) -> bool:
        return len(made) < len(track.chain.steps) or real(cluster, track, made)

    return stages, "can_end", can_end


def _builds_compared_without_their_steps() -> Patches:
    """Which builds took turns is known, and told, but not at which step one took over from another."""

    def turns(path: Any) -> list[str]:
        return [build for build, _ in groupby(path)]

    def matches(path: Any, target: Any) -> bool:
        return not target or turns(target)[: len(turns(path))] == turns(path)

    def to_text(path: Any) -> str:
        return " + ".join(turns(path))

    return [(track_module, "matches", matches), (stages, "matches", matches)] + [
        (module, "to_text", to_text) for module in (chain_module, stages, material)
    ]


def _stage_taken_without_proof() -> Patch:
    return handing_on, "is_lease_tag", lambda tag, made: True


def _build_decided_by_the_result() -> Patch:
    real = Scheduler._lend

    def lend(self: Any, job: Any, track: Any, *more: Any) -> None:
        before = track.fingerprint
        real(self, job, track, *more)
        track.fingerprint = before

    return Scheduler, "_lend", lend


def _waiting_jobs_are_not_looked_at_again() -> Patch:
    return Cluster, "look_again", lambda self, job, at: None


def _special_tasks_are_not_tried() -> Patch:
    return scheduler, "MAX_SPECIAL", 0


def _groups_of_workers_are_not_sorted_anew() -> Patch:
    return Fleet, "_groups_changed", lambda self: self._able.clear()


def _labels_are_ignored() -> Patch:
    return fleet_module, "_withheld", lambda details: {}


def _another_priority_is_not_kept() -> Patch:
    real = JobControl._set_priority

    def set_priority(self: Any, client: Any, job: Any, priority: int) -> str:
        with patch.object(self._cluster, "save", lambda job, *, whole=False: None):
            return real(self, client, job, priority)

    return JobControl, "_set_priority", set_priority


def _another_priority_is_forgotten_when_a_job_begins_again() -> Patch:
    def take_source(self: Any, request: Any) -> None:
        self._take_request(request)
        self._clear()

    return Job, "take_source", take_source


def _another_priority_changes_no_turn() -> Patch:
    def set_priority(self: Any, priority: int) -> None:
        self.request = replace(self.request, priority=priority)

    return Job, "set_priority", set_priority


def _room_of_dead_ends_is_used_in_another_turn() -> Patch:
    """What a dead end gives back is not offered to the chains that were refused for room just before."""

    hand_out, serve_all = Scheduler.hand_out, Scheduler._serve_all

    def once(self: Scheduler, now: float) -> None:
        has_served = False

        def serve(now: float) -> None:
            nonlocal has_served
            if not has_served:
                serve_all(self, now)
            has_served = True

        with patch.object(self, "_serve_all", serve):
            hand_out(self, now)

    return Scheduler, "hand_out", once
