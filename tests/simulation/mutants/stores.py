"""Aggregators: who has a job, what it holds of it, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aggregator import reads, results
from aggregator.assembler import Assembler
from aggregator.results import Results
from aggregator.splice_queue import SpliceQueue
from middleware import names
from middleware.link_costs import LinkCosts
from middleware.model.job import Job
from middleware.model.track import Track
from middleware.ownership import Ownership
from moviola.session import links
from moviola.session.reading import Reading
from moviola.wire.bitmap import Bitmap
from moviola.wire.windows import Windows
from tests.simulation.mutants.patches import Patch


def _duplicate_accepted() -> Patch:
    return Results, "_duplicate", lambda self, job, track, keep: self._memory.outbox.append(keep)


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


def _finish_one_early() -> Patch:
    def all_stored(self: Any) -> bool:
        counts = self.chunk_counts
        return counts is not None and all(
            track.queue.stored.count >= counts[track.stream.number] - 1 for track in self.tracks
        )

    return Job, "all_stored", property(all_stored)


def _store_without_token_supersedes() -> Patch:
    return names, "digest_of", lambda token: b""


def _owner_is_not_checked() -> Patch:
    real = Results._wanted

    def wanted(self: Any, keep: Any, owner_epoch: int) -> Any:
        return self._memory.find(keep.job) or real(self, keep, owner_epoch)

    return Results, "_wanted", wanted


def _aggregator_not_sought_at_the_middlewares_host() -> Patch:
    return links, "_ports_at", lambda host, addresses: list(addresses)


def _tag_not_checked() -> Patch:
    return results, "is_lent", lambda lent, key, instance: True


def _unreadable_result_fails_its_job() -> Patch:
    real = SpliceQueue._damaged

    def damaged(self: Any, job: Any, event: Any) -> None:
        if event.makers:
            self._conclude(job, "failed", event.text, [], [])
        else:
            real(self, job, event)

    return SpliceQueue, "_damaged", damaged


def _delivered_for_ever() -> Patch:
    return Ownership, "expire_deliveries", lambda self, behind, now: None


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


def _files_are_given_to_everyone() -> Patch:
    real = Assembler._fetch

    def fetch(self: Any, peer: Any, message: Any, hello: Any) -> None:
        job = self._memory.find(message.job)
        real(self, peer, message, hello if job is None else replace(hello, user=job.user))

    return Assembler, "_fetch", fetch


def _owner_that_was_away_gets_its_job_back() -> Patch:
    real = Ownership.take_back

    def take_back(self: Any, job: Any) -> None:
        if self._cluster.aggregators or not job.request.has_source:
            real(self, job)
        else:
            job.owner.store = job.owner.name = ""  # and a restart does not know

    return Ownership, "take_back", take_back


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
