"""What is on disk, and said to be: commits, the spool, damage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aggregator.ledger import AggregatorLedger
from aggregator.memory import Memory
from aggregator.results import Results
from aggregator.server import Server as AggregatorServer
from middleware.dispatcher import Dispatcher
from middleware.events import FoundDamaged, SpoolStage, StageLost, Tick
from middleware.handing_on import HandingOn
from middleware.ledger import MiddlewareLedger
from middleware.model.cluster import Cluster
from middleware.model.job import Job
from middleware.server import Server as MiddlewareServer
from middleware.submissions import Submissions
from moviola.storage.ledger import Ledger
from moviola.storage.spool import Spool
from tests.simulation.mutants.patches import Patch


def _acknowledge_before_commit() -> Patch:
    def turn(self: Any) -> None:
        for event in self._loop.turn(self.dispatcher.next_deadline()):
            self._handle(event)
        self._carry_out(self.dispatcher.handle(Tick(self._room()), self._clock()))
        self._loop.flush()
        self._ledger.commit()

    return MiddlewareServer, "turn", turn


def _stored_before_commit() -> Patch:
    keep = AggregatorServer._keep

    def kept(self: Any, *told: Any) -> Any:
        answer = keep(self, *told)
        self.assembler.handle(answer, self._clock())
        for one in self.assembler._memory.outbox:
            self._carry_out(one, b"")
        self._loop.flush()
        return answer

    return AggregatorServer, "_keep", kept


def _epoch_not_raised() -> Patch:
    return Ledger, "raise_epoch", lambda self: 1


def _results_out_of_order() -> Patch:
    real = AggregatorLedger.results

    def results(self: Any, job: str | None = None) -> Any:
        return sorted(real(self, job), key=lambda one: (one.location.segment, one.location.offset))

    return AggregatorLedger, "results", results


def _spool_of_ended_jobs_kept() -> Patch:
    return MiddlewareServer, "_free_job", lambda self, job: None


def _chunk_accepted_though_the_disk_was_full() -> Patch:
    return Submissions, "not_kept", lambda self, event: None


def _result_kept_though_the_disk_was_full() -> Patch:
    return Results, "not_kept", lambda self, keep, reason, now: self.kept(keep)


def _spool_not_cut_back_to_the_ledger() -> Patch:
    def recover(self: Any, known: Any) -> dict[str, Any]:
        return {}

    return Spool, "recover", recover


def _what_is_over_is_not_looked_up() -> Patch:
    return Memory, "find", lambda self, job: self.jobs.get(job)


def _stage_kept_though_the_disk_was_full() -> Patch:
    def not_kept(self: Any, lost: Any, reason: str, now: float) -> None:
        self.kept(lost, 0, now)

    return HandingOn, "not_kept", not_kept


def _stage_kept_of_a_chunk_that_was_lost() -> Patch:
    real = HandingOn._turn_away

    def turn_away(self: Any, worker: Any, record: Any, reason: str, now: float) -> None:
        if "its chunk was lost" in reason:
            stage = SpoolStage(record.job, record.track, record.index, worker.name, record.lease)
            self._cluster.outbox.append(stage)
        else:
            real(self, worker, record, reason, now)

    return HandingOn, "_turn_away", turn_away


def _filters_forgotten_at_a_restart() -> Patch:
    return MiddlewareLedger, "save_filter", lambda self, name, schema: None


def _build_forgotten_by_a_restart() -> Patch:
    real = Job.restore

    def restore(self: Any, record: Any) -> None:
        real(self, replace(record, builds=[]))

    return Job, "restore", restore


def _damaged_chunk_handed_out_again() -> Patch:
    return Cluster, "lose_chunk", lambda self, job, stream, index, now: None


def _written_into_files_that_are_gone() -> Patch:
    return Spool, "_is_there", lambda self, segment: True


def _damaged_stage_handed_out_again() -> Patch:
    real = Dispatcher.handle

    def handle(self: Any, event: Any, now: float) -> Any:
        is_lost = isinstance(event, StageLost) or (isinstance(event, FoundDamaged) and event.command.is_stage)
        return [] if is_lost else real(self, event, now)

    return Dispatcher, "handle", handle


def _damage_is_the_workers_fault() -> Patch:
    def check(self: Any, job: Any, track: Any, index: int, *, is_stage: bool = False, lease: Any = None) -> None:
        real(self, job, track, index, is_stage=is_stage, lease=lease)
        for worker in self.fleet.by_name.values() if lease is not None else ():
            worker.failures += 1

    real = Cluster.check
    return Cluster, "check", check
