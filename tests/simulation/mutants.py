"""Planted defects: each takes one real rule away, and the simulation must notice.

A mutant is a small patch of production code, named after the rule that it breaks. `python -m tests.simulation
--mutants` plays seeds with each until one fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import groupby
from typing import Any, Final
from unittest.mock import patch

from aggregator import reads, results
from aggregator.assembler import Assembler
from aggregator.ledger import AggregatorLedger
from aggregator.memory import Memory
from aggregator.results import Results
from aggregator.server import Server as AggregatorServer
from aggregator.splices import Splices
from middleware import handing_on, names, scheduler, stages, submissions, workers
from middleware.dispatcher import Dispatcher
from middleware.events import FoundDamaged, FreeStage, StageLost, Tick
from middleware.failures import Failures
from middleware.handing_on import HandingOn
from middleware.leases import Leases
from middleware.ledger import MiddlewareLedger
from middleware.link_costs import LinkCosts
from middleware.model import chain as chain_module
from middleware.model import track as track_module
from middleware.model.chain import Chain
from middleware.model.cluster import Cluster
from middleware.model.fleet import Fleet
from middleware.model.job import Job
from middleware.model.room import Room
from middleware.model.task_queue import LeaseRecord, TaskQueue
from middleware.model.track import TaskFailures, Track
from middleware.model.users import Users
from middleware.ownership import Ownership
from middleware.publisher import Publisher
from middleware.scheduler import Scheduler
from middleware.server import Server as MiddlewareServer
from middleware.submissions import Submissions
from middleware.workers import Workers
from moviola.session import links
from moviola.session.reading import Reading
from moviola.session.upload import Upload
from moviola.storage.ledger import Ledger
from moviola.storage.spool import Spool
from moviola.wire.bitmap import Bitmap
from moviola.wire.messages import Cause
from moviola.wire.places import Idlers
from moviola.wire.windows import Windows
from tests.simulation import material
from worker.assets import AssetCache
from worker.session import Session as WorkerSession

Patch = tuple[Any, str, Any]
Patches = list[Patch]


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


def _duplicate_accepted() -> Patch:
    return Results, "_duplicate", lambda self, job, track, keep: self._memory.outbox.append(keep)


def _drain_costs_an_attempt() -> Patch:
    real = Leases.released

    def released(self: Any, worker: Any, message: Any, now: float) -> None:
        record = worker.held.get(message.lease)
        real(self, worker, message, now)
        if message.outcome == "drained" and record is not None and not record.revoked:
            self._failures.failed(record, worker, Cause("drain", "drained"), now)

    return Leases, "released", released


def _kill_costs_an_attempt() -> Patch:
    real = Workers._predecessor_died

    def died(self: Any, worker: Any, death: Any, now: float, *, is_child: bool) -> None:
        real(self, worker, replace(death, kind="crash"), now, is_child=is_child)

    return Workers, "_predecessor_died", died


def _epoch_not_raised() -> Patch:
    return Ledger, "raise_epoch", lambda self: 1


def _stale_lease_adopted() -> Patch:
    def wanted(job: Any, held: Any) -> bool:
        return not job.is_final and held.track < len(job.request.outputs) and held.index in job.streams[0].here

    return Workers, "_is_wanted", staticmethod(wanted)


def _stored_is_redone_after_a_return() -> Patch:
    real = Track.hold

    def hold(self: Any, stored: Any) -> Any:
        return real(self, Bitmap())

    return Track, "hold", hold


def _holdings_not_awaited() -> Patch:
    real = Ownership._own

    def own(self: Any, job: Any, record: Any) -> None:
        real(self, job, record)
        job.owner.holdings_known = True

    return Ownership, "_own", own


def _gap_blocks_the_queue() -> Patch:
    def look_ahead(self: Any) -> None:
        while self._next in self.stored or self._next in self.in_flight:
            self._next += 1
        if not self._ahead and self._next in self._stream.here and self._next not in self._returned:
            self._ahead[self._next] = 0
            self._next += 1

    return TaskQueue, "_look_ahead", look_ahead


def _finish_one_early() -> Patch:
    def all_stored(self: Any) -> bool:
        counts = self.chunk_counts
        return counts is not None and all(
            track.queue.stored.count >= counts[track.stream.number] - 1 for track in self.tracks
        )

    return Job, "all_stored", property(all_stored)


def _results_out_of_order() -> Patch:
    real = AggregatorLedger.results

    def results(self: Any, job: str | None = None) -> Any:
        return sorted(real(self, job), key=lambda one: (one.location.segment, one.location.offset))

    return AggregatorLedger, "results", results


def _room_not_told_again() -> Patch:
    return Publisher, "_notice_room", lambda self: None


def _stopped_upload_keeps_its_room() -> Patch:
    return Submissions, "_expire_chunks", lambda self, job, now: None


def _spool_of_ended_jobs_kept() -> Patch:
    return MiddlewareServer, "_free_job", lambda self, job: None


def _refused_worker_is_awaited() -> Patch:
    def able(self: Any, offer: Any) -> set[str]:
        return {worker.name for worker in self._cluster.fleet.able(offer.needs)}

    return Scheduler, "_able", able


def _given_up_chunks_not_asked_for() -> Patch:
    return Job, "miss_freed", lambda self: False


def _client_does_not_send_again() -> Patch:
    real = Upload.continue_from

    def continue_from(self: Any, have: Any) -> bool:
        real(self, have)
        return False

    return Upload, "continue_from", continue_from


def _chunk_accepted_though_the_disk_was_full() -> Patch:
    return Submissions, "not_kept", lambda self, event: None


def _result_kept_though_the_disk_was_full() -> Patch:
    return Results, "not_kept", lambda self, keep, reason, now: self.kept(keep)


def _name_without_token_supersedes() -> Patch:
    return names, "is_same", lambda token, other: True


def _store_without_token_supersedes() -> Patch:
    return names, "digest_of", lambda token: b""


def _superseded_session_stays() -> Patch:
    return Workers, "_lose", lambda self, worker, reason, now: None


def _spool_not_cut_back_to_the_ledger() -> Patch:
    def recover(self: Any, known: Any) -> dict[str, Any]:
        return {}

    return Spool, "recover", recover


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


def _what_is_over_is_not_looked_up() -> Patch:
    return Memory, "find", lambda self, job: self.jobs.get(job)


def _owner_is_not_checked() -> Patch:
    real = Results._wanted

    def wanted(self: Any, keep: Any, owner_epoch: int) -> Any:
        return self._memory.find(keep.job) or real(self, keep, owner_epoch)

    return Results, "_wanted", wanted


def _stage_forgotten_at_reassignment() -> Patch:
    real = Chain.to_wire

    def to_wire(self: Any, stage: range) -> list[int]:
        return [] if stage.start else real(self, stage)

    return Chain, "to_wire", to_wire


def _stage_kept_though_the_disk_was_full() -> Patch:
    def not_kept(self: Any, lost: Any, reason: str, now: float) -> None:
        self.kept(lost, 0, now)

    return HandingOn, "not_kept", not_kept


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


def _filters_forgotten_at_a_restart() -> Patch:
    return MiddlewareLedger, "save_filter", lambda self, name, schema: None


def _aggregator_not_sought_at_the_middlewares_host() -> Patch:
    return links, "_ports_at", lambda host, addresses: list(addresses)


def _tag_not_checked() -> Patch:
    return results, "is_lent", lambda lent, key, instance: True


def _lease_adopted_without_proof() -> Patch:
    return workers, "is_lent", lambda lent, key, instance: True


def _stage_taken_without_proof() -> Patch:
    return handing_on, "is_lease_tag", lambda tag, made: True


def _build_decided_by_the_result() -> Patch:
    real = Scheduler._lend

    def lend(self: Any, job: Any, track: Any, *more: Any) -> None:
        before = track.fingerprint
        real(self, job, track, *more)
        track.fingerprint = before

    return Scheduler, "_lend", lend


def _build_forgotten_by_a_restart() -> Patch:
    real = Job.restore

    def restore(self: Any, record: Any) -> None:
        real(self, replace(record, builds=[]))

    return Job, "restore", restore


def _unreadable_result_fails_its_job() -> Patch:
    real = Splices._damaged

    def damaged(self: Any, job: Any, event: Any) -> None:
        if event.makers:
            self._conclude(job, "failed", event.text, [], [])
        else:
            real(self, job, event)

    return Splices, "_damaged", damaged


def _unreadable_result_charged_to_others() -> Patch:
    real = Failures.unreadable

    def unreadable(self: Any, job: Any, track: Any, index: int, worker: str, text: str, now: float) -> None:
        real(self, job, track, index, next(iter(self._cluster.fleet.by_name)), text, now)

    return Failures, "unreadable", unreadable


def _delivered_for_ever() -> Patch:
    return Ownership, "expire_deliveries", lambda self, behind, now: None


def _failed_task_is_dropped() -> Patch:
    real = Dispatcher._tick

    def tick(self: Any, event: Any, now: float) -> None:
        for job in self.cluster.open.values():
            for track in job.tracks:
                for index in [i for i, trouble in track.task_failures.items() if trouble.failures]:
                    if index not in track.queue.stored:
                        track.queue.store(index)
        real(self, event, now)

    return Dispatcher, "_tick", tick


def _finish_not_owed_again() -> Patch:
    real = Ownership.holdings

    def holdings(self: Any, record: Any, message: Any, now: float) -> None:
        job = self._cluster.jobs.get(message.job)
        was_sent = job is not None and job.owner.finish_sent
        if was_sent:
            self._cluster.aggregators, known = {}, self._cluster.aggregators  # so that no Finish leaves
            real(self, record, message, now)
            self._cluster.aggregators = known
            job.owner.finish_sent = True
        else:
            real(self, record, message, now)

    return Ownership, "holdings", holdings


def _anything_is_submitted() -> Patch:
    return submissions, "fault_of", lambda message: ""


def _a_bad_job_costs_links_for_ever() -> Patch:
    return LinkCosts, "charge", lambda self, peer, job_id, reason, now: None


def _a_bad_job_takes_others_along() -> Patch:
    real = LinkCosts.charge

    def charge(self: Any, peer: Any, job_id: str, reason: str, now: float) -> None:
        for job in list(self._cluster.open) if job_id else ():
            real(self, peer, job, reason, now)

    return LinkCosts, "charge", charge


def _windows_of_holdings_are_lost() -> Patch:
    real = Ownership.holdings

    def holdings(self: Any, record: Any, message: Any, now: float) -> None:
        record.windows = Windows()
        real(self, record, message, now)

    return Ownership, "holdings", holdings


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


def _bound_is_not_per_user() -> Patch:
    def refusal(self: Any, user: Any, resource: Any, wanted: int = 1) -> str:
        return "all have enough" if self.total[resource] + wanted > self._quotas[resource].in_all else ""

    return Users, "refusal", refusal


def _no_room_is_reserved() -> Patch:
    return Room, "reserved_bytes", property(lambda self: 0)


def _empty_jobs_never_expire() -> Patch:
    return Submissions, "_expire_place", lambda self, job, now: None


def _control_is_not_checked() -> Patch:
    return Cluster, "may_touch", lambda self, user, job: True


def _key_continues_anothers_job() -> Patch:
    def continued(self: Any, client: Any, message: Any) -> Any:
        found = (job for job in self._cluster.open.values() if job.request.key == message.key and job.client is None)
        return next(found, None)

    return Submissions, "_continued", continued


def _files_are_given_to_everyone() -> Patch:
    real = Assembler._fetch

    def fetch(self: Any, peer: Any, message: Any, hello: Any) -> None:
        job = self._memory.find(message.job)
        real(self, peer, message, hello if job is None else replace(hello, user=job.user))

    return Assembler, "_fetch", fetch


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
        with patch.object(Leases, "take_away", lambda self, worker, record, now: None):
            real(self, worker, message, now)

    return Leases, "asset_requested", requested


def _owner_that_was_away_gets_its_job_back() -> Patch:
    real = Ownership.take_back

    def take_back(self: Any, job: Any) -> None:
        if self._cluster.aggregators or not job.request.has_source:
            real(self, job)
        else:
            job.owner.store = job.owner.name = ""  # and a restart does not know

    return Ownership, "take_back", take_back


def _watchers_are_told_once() -> Patch:
    return Publisher, "_watches", lambda self, client, job_id: False


def _questions_taken_up_at_once() -> Patch:
    real = Publisher._take_questions

    def take(self: Any, client: Any) -> None:
        real(self, client)
        client.asks_next_at = 0.0

    return Publisher, "_take_questions", take


def _first_watcher_is_served_first() -> Patch:
    real = Publisher._serve

    def serve(self: Any, now: float) -> None:
        self._served = 0
        real(self, now)

    return Publisher, "_serve", serve


def _waiting_jobs_are_not_looked_at_again() -> Patch:
    return Cluster, "look_again", lambda self, job, at: None


def _special_tasks_are_not_tried() -> Patch:
    return scheduler, "MAX_SPECIAL", 0


def _groups_of_workers_are_not_sorted_anew() -> Patch:
    return Fleet, "_groups_changed", lambda self: self._able.clear()


def _idle_clients_stay() -> Patch:
    return Idlers, "expired", lambda self, now: []


def _clients_with_jobs_are_idle() -> Patch:
    real = Idlers.heard

    def heard(self: Any, peer: int, now: float, *, has_job: bool, looks_on: bool) -> None:
        real(self, peer, now, has_job=False, looks_on=looks_on)

    return Idlers, "heard", heard


def _sent_away_clients_share_room() -> Patch:
    """A client that is sent away while changed jobs are looked at counts among those that send."""
    real = Cluster.hang_up

    def hang_up(self: Cluster, peer: int, code: str, text: str) -> None:
        with patch.object(self.uploads, "look", lambda job, *, is_sending, stands_back: None):
            real(self, peer, code, text)

    return Cluster, "hang_up", hang_up


def _losses_taken_back_that_were_not_counted() -> Patch:
    """A lease that was lost and then failed takes a loss back, whether or not one was counted."""
    real = Track.fail

    def fail(self: Track, record: LeaseRecord) -> TaskFailures:
        if (past := self.task_failures.get(record.index)) is not None:
            past.losses_tallied = max(1, past.losses_tallied)
        return real(self, record)

    return Track, "fail", fail


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


def _a_reader_is_told_the_end_before_all_is_stored() -> Patch:
    """How many results a track has is taken from those that are there, not from Finish."""
    return reads, "_chunk_count", lambda job, track: len(job.tracks[track].held)


def _a_reader_goes_back_when_its_connection_is_lost() -> Patch:
    """What was given last is asked for and given again."""
    real = Reading._lost_aggregator

    def lost(self: Reading, reason: str, now: float) -> None:
        self._index = max(self._index - 1, 0)
        real(self, reason, now)

    return Reading, "_lost_aggregator", lost


MUTANTS: Final[dict[str, Callable[[], Patch | Patches]]] = {
    name.removeprefix("_").replace("_", " "): made
    for name, made in list(globals().items())
    if name.startswith("_")
    and callable(made)
    and getattr(made, "__annotations__", {}).get("return") in ("Patch", "Patches")
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The defect of this name is in the programs."""
    made = MUTANTS[name]()
    with ExitStack() as planting:
        for target, attribute, replacement in made if isinstance(made, list) else [made]:
            planting.enter_context(patch.object(target, attribute, replacement))
        yield
