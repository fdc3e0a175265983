"""Clients: what they send and have room for, what they may do, what they are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

from aggregator import assembler
from middleware import submissions
from middleware.job_request import JobRequest
from middleware.model.cluster import Cluster
from middleware.model.job import Job
from middleware.model.room import Room
from middleware.model.users import Users
from middleware.ownership import Ownership
from middleware.previews import Previews
from middleware.publisher import Publisher
from middleware.submissions import Submissions
from moviola.session.upload import Upload
from moviola.wire.places import Idlers
from tests.simulation.mutants.patches import Patch


def _room_not_told_again() -> Patch:
    return Publisher, "_notice_room", lambda self: None


def _preview_stays_when_its_client_has_gone() -> Patch:
    return Previews, "expire", lambda self, now: None


def _preview_told_to_all_who_follow_events() -> Patch:
    def listed(self: Cluster) -> Any:
        return iter(self.jobs.values())

    return Cluster, "listed_jobs", listed


def _stopped_upload_keeps_its_room() -> Patch:
    return Submissions, "_expire_chunks", lambda self, job, now: None


def _given_up_chunks_not_asked_for() -> Patch:
    return Job, "miss_freed", lambda self: False


def _client_does_not_send_again() -> Patch:
    real = Upload.continue_from

    def continue_from(self: Any, have: Any) -> bool:
        real(self, have)
        return False

    return Upload, "continue_from", continue_from


def _anything_is_submitted() -> Patch:
    return submissions, "fault_of", lambda message: ""


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


def _watchers_are_told_once() -> Patch:
    return Publisher, "_watches", lambda self, client, job_id: False


def _questions_taken_up_at_once() -> Patch:
    real = Publisher._take_questions

    def take(self: Any, client: Any, now: float) -> None:
        client.asks_next_at = 0.0
        real(self, client, now)

    return Publisher, "_take_questions", take


def _first_watcher_is_served_first() -> Patch:
    real = Publisher._serve

    def serve(self: Any, now: float) -> None:
        self._served = 0
        real(self, now)

    return Publisher, "_serve", serve


def _idle_clients_stay() -> Patch:
    return Idlers, "expired", lambda self, now: []


def _clients_with_jobs_are_idle() -> Patch:
    real = Idlers.heard

    def heard(self: Any, peer: int, now: float, *, has_job: bool, looks_on: bool) -> None:
        real(self, peer, now, has_job=False, looks_on=looks_on)

    return Idlers, "heard", heard


def _owner_is_not_told_what_a_source_came_to() -> Patch:
    return Ownership, "tell_anew", lambda self, job: None


def _owner_keeps_what_the_beginning_of_a_source_told() -> Patch:
    return assembler, "print_of", lambda source: ""


def _what_a_source_came_to_is_not_saved() -> Patch:
    real = Cluster.save

    def save(self: Cluster, job: Job, *, whole: bool = False) -> None:
        real(self, job, whole=whole and not job.request.whole_key)

    return Cluster, "save", save


def _key_of_the_whole_is_not_kept() -> Patch:
    real = JobRequest.ended

    def ended(self: JobRequest, message: Any) -> JobRequest:
        return replace(real(self, message), whole_key="")

    return JobRequest, "ended", ended


def _beginning_is_taken_for_the_whole_by_a_job_that_begins_again() -> Patch:
    return JobRequest, "is_whole", property(lambda self: True)


def _sent_away_clients_share_room() -> Patch:
    """A client that is sent away while changed jobs are looked at counts among those that send."""
    real = Cluster.hang_up

    def hang_up(self: Cluster, peer: int, code: str, text: str) -> None:
        with patch.object(self.uploads, "look", lambda job, *, is_sending, stands_back: None):
            real(self, peer, code, text)

    return Cluster, "hang_up", hang_up
