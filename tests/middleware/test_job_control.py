"""What people wish for jobs, uploads that stop, sources that are edited, and what is kept of jobs that are over."""

from __future__ import annotations

import gc
import re
import tracemalloc

import pytest

from middleware.events import ForgetJob, FreeJob
from middleware.model.ended_job import EndedJob
from middleware.model.rules import Rules
from middleware.server import new_id
from moviola.base.vocabulary import Verb
from moviola.wire.messages import Cause, Control, Drop, End, Error, Event, Finish, Job, Own, Released, Task, Watch
from tests.middleware.script import ROOM, Script, bits

UPLOAD_S = Rules().upload_timeout_s


def granted(script: Script, peer: int = 1) -> list[str]:
    return [event.text for event in script.said(peer, Event) if event.kind == "wish-granted"]


def fail(script: Script, job: str) -> None:
    """The only task of a job whose policy is to fail does so three times."""
    for _ in range(3):
        task = script.said(11, Task)[-1]
        cause = Cause("exception", "it raised", "blur", 37, "Traceback …")
        script.tell(11, Released(task.lease, "failed", cause))
        script.tick()
    assert script.dispatcher.cluster.jobs[job].state.value == "failed"


# ── wishes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_wish_is_answered(script: Script) -> None:
    job = script.submit()
    script.client(5)
    for verb in ("pause", "resume", "cancel", "retry", "cancel", "forget"):
        script.tell(5, Control(job, verb))
        script.tick()
    said = granted(script, 5)
    assert said[:3] == [f"job {job} is paused", f"job {job} goes on", f"job {job} is cancelled"]
    assert len(said) == 6
    assert ForgetJob(job) in script.commands
    script.tell(5, Control(job, "forget"))
    assert script.said(5, Error)[-1].code == "unknown-job"


def test_forgetting_the_files_too_is_told_to_their_aggregator(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1)
    script.tell(1, Control(job, "forget-files"))
    assert script.said(1, Error)[-1].text.endswith("only a job that is over can be forgotten; cancel it first")
    script.deliver(11)
    script.finish()
    script.leave(9)
    script.tell(1, Control(job, "forget-files"))
    assert "is not connected; forget it without them, or when it is back" in script.said(1, Error)[-1].text
    assert job in script.dispatcher.cluster.jobs
    script.aggregator(9)
    script.tell(1, Control(job, "forget-files"))
    script.tick()
    assert granted(script, 1) == [f"job {job} is forgotten, and its aggregator removes its files"]
    assert script.said(9, Drop)[-1] == Drop(job, 1, files=True)
    assert job not in script.dispatcher.cluster.jobs


@pytest.mark.parametrize(
    ("verb", "why"),
    [
        ("retry", "only a job that failed or was cancelled can be tried again"),
        ("resume", "only a paused job can be resumed"),
        ("forget", "only a job that is over can be forgotten; cancel it first"),
        ("dance", "there is no action called 'dance'"),
    ],
)
def test_a_wish_that_does_not_fit_is_refused_with_the_state(script: Script, verb: str, why: str) -> None:
    job = script.submit()
    script.tell(1, Control(job, verb))
    error = script.said(1, Error)[-1]
    assert (error.code, error.fatal) == ("bad-job", False)
    assert error.text == f"job {job} is pending; {why}"


def test_a_priority_is_changed_kept_by_a_restart_and_told(script: Script) -> None:
    job = script.submit(chunks=3, priority=1)
    script.tell(1, Watch(job))
    script.tick(1)
    script.tell(1, Control(job, "priority", 7))
    script.tick()
    assert granted(script) == [f"job {job} has priority 7, 1 before; tasks that workers hold go on"]
    assert script.job(1).priority == 7
    script.tell(1, Control(job, "priority", 7))
    assert granted(script)[1:] == [f"job {job} has priority 7 already"]
    new = script.restarted(epoch=2)
    assert new.dispatcher.cluster.open[job].request.priority == 7


def test_a_job_that_begins_again_keeps_the_priority_that_it_was_given(script: Script) -> None:
    job = script.submit(chunks=1)
    script.tell(1, Control(job, "priority", 9))
    script.tell(1, Control(job, "cancel"))
    script.tell(1, Control(job, "priority", 5))
    error = script.said(1, Error)[-1]
    assert (error.code, error.fatal) == ("bad-job", False)
    assert error.text == f"job {job} is cancelled; only a job that is not over can be given another priority"
    script.tell(1, Control(job, "retry"))
    script.tick()
    script.client(2)
    assert script.submit(2, chunks=1) == job
    assert script.dispatcher.cluster.open[job].request.priority == 9


@pytest.mark.parametrize(("priority", "why"), [(101, "101 is not"), (None, "none was given")])
def test_a_priority_out_of_bounds_is_refused(script: Script, priority: int | None, why: str) -> None:
    job = script.submit(priority=3)
    script.tell(1, Control(job, "priority", priority))
    error = script.said(1, Error)[-1]
    assert (error.code, error.fatal, error.job) == ("bad-job", False, job)
    assert error.text == f"a priority is a whole number from 0 to 100, and {why}"
    assert script.dispatcher.cluster.open[job].request.priority == 3


def test_a_job_paused_while_its_files_are_made_is_done_all_the_same(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1)
    script.deliver(11)
    assert script.said(9, Finish)
    script.tell(1, Control(job, "pause"))
    new = script.restarted(epoch=2)
    new.aggregator(9)
    new.hold(job, bits(0))
    for one in (script, new):
        one.tick()
        assert one.dispatcher.cluster.jobs[job].state.value == "paused"
        one.finish()
        assert one.dispatcher.cluster.jobs[job].state.value == "done"


def test_a_job_whose_last_result_arrives_while_it_is_paused_is_finished(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1)
    script.tell(1, Control(job, "pause"))
    script.deliver(11)
    script.finish(state="partial")
    assert script.job(1).state == "partial"


def test_a_failed_job_begins_again_and_the_same_key_sends_its_source(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1, on_error="fail")
    fail(script, job)
    assert FreeJob(job) in script.commands
    script.leave(1)
    script.client(5)
    script.tell(5, Control(job, "retry"))
    assert "the same command that sent it sends it again" in granted(script, 5)[-1]
    assert script.said(9, Own)[-1].owner_epoch == 1, "its source is not here"
    script.tell(5, Watch(job))
    script.tick(1)
    assert (script.job(5).state, script.job(5).code) == ("pending", "source-needed")
    script.client(2)
    assert script.submit(2, chunks=1, on_error="fail") == job
    script.deliver(11)
    script.finish()
    assert script.job(2).state == "done"
    assert script.job(2).progress.retries == 0


def test_what_the_owner_still_has_of_a_retried_job_is_not_redone(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=3)
    script.tell(1, Control(job, "cancel"))
    script.tell(1, Control(job, "retry"))
    assert script.closed(1) == ["retried"]  # what it sent is gone: it comes back and asks what is here
    script.tick()
    for task in script.said(11, Task):
        script.tell(11, Released(task.lease, "revoked"))
    before = len(script.tasks(11))
    script.client(2)
    source = script.dispatcher.cluster.open[job]
    assert not source.has_chunks
    script.tell(2, script.submission())
    script.hold(job, bits(0, 2))
    for index in range(3):
        script.chunk(2, job, index)
    script.tick(1)
    assert script.tasks(11)[before:] == [1]
    assert script.job(2).progress.frames_done == 20
    script.deliver(11)
    script.finish()
    assert script.job(2).state == "done"


def test_a_retried_job_whose_owner_is_gone_gets_another(script: Script) -> None:
    job = script.submit(chunks=1)
    script.leave(9)
    script.tell(1, Control(job, "cancel"))
    script.tell(1, Control(job, "retry"))
    script.aggregator(8, store="another", name="b")
    assert not script.said(8, Own), "its source is not here"
    script.client(2)
    script.tell(2, script.submission())
    (own,) = script.said(8, Own)
    assert (own.job, own.owner_epoch) == (job, 2)
    script.tell(2, Control(job, "cancel"))
    script.leave(8)
    script.aggregator(7, store="third", name="c")
    script.tell(2, Control(job, "retry"))
    script.client(3)
    script.tell(3, script.submission())
    (own,) = script.said(7, Own)
    assert (own.job, own.owner_epoch) == (job, 3)


def test_a_retried_job_is_given_anew_also_where_a_restart_comes_before_its_owner(script: Script) -> None:
    job = script.submit(chunks=1)
    script.leave(9)
    script.tell(1, Control(job, "cancel"))
    script.tell(1, Control(job, "retry"))
    script.client(2)
    script.tell(2, script.submission())
    new = script.restarted(epoch=2)
    new.aggregator(9)
    (own,) = new.said(9, Own)
    assert (own.job, own.owner_epoch) == (job, 2)


def test_a_retried_job_is_open_again_after_a_restart(script: Script) -> None:
    job = script.submit(chunks=1)
    script.tell(1, Control(job, "cancel"))
    script.tell(1, Control(job, "retry"))
    new = script.restarted(epoch=2)
    new.aggregator(9)
    new.tick()
    assert new.dispatcher.cluster.jobs[job].code == "source-needed"


def test_no_job_gets_the_id_of_another(script: Script) -> None:
    ids = iter(["x", "x", "x", "y"])
    script.dispatcher.cluster.new_id = lambda name: next(ids)
    assert [script.submit(chunks=0, key=key) for key in "ab"] == ["x", "y"]


def test_ids_are_unlike_even_those_of_jobs_long_forgotten() -> None:
    made = {new_id("camera.mp4") for _ in range(10_000)}
    assert len(made) == 10_000
    assert all(re.fullmatch(r"camera-[0-9a-f]{12}", one) for one in made)


def test_new_makes_another_job_but_a_repeated_submission_does_not(script: Script) -> None:
    job = script.submit(chunks=1, end=False)
    script.leave(1)
    script.client(2)
    other = script.submit(2, chunks=0, end=False, new=True)
    assert other != job
    script.leave(2)
    script.client(3, session="c2")  # its reply was lost
    assert script.submit(3, chunks=0, end=False, new=True) == other


# ── what is told of a job ────────────────────────────────────────────────────────────────────────────────────────────


def test_who_asks_for_one_job_hears_its_wishes_and_its_failures(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1, on_error="fail", priority=3)
    fail(script, job)
    for one in (script, script.restarted(epoch=2)):
        one.client(5)
        one.tell(5, Watch(job))
        record = one.said(5, Job)[-1]
        assert record.priority == 3
        assert record.details.on_error == "fail"
        assert [output.name for output in record.details.outputs] == ["out"]
        failure = record.details.failures[0]
        assert failure.failure_type == "job_failure"
        assert failure.failure_reason == "exception"
        assert failure.explanation == "it raised"
        told = [
            getattr(failure, name) for name in ("output", "chunk", "frames", "frame", "filter", "worker", "traceback")
        ]
        assert told == ["out", 0, [0, 9], 37, "blur", "w11", "Traceback …"]


def test_what_a_job_came_to_is_kept_and_its_memory_given_back(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=2)
    for index in (0, 1):
        script.deliver(11, index)
    script.finish()
    progress = script.job(1).progress
    assert (progress.frames_done, progress.tasks_stored, progress.tasks_queued) == (20, 2, 0)
    assert isinstance(script.dispatcher.cluster.jobs[script.job(1).job], EndedJob)
    new = script.restarted(epoch=2)
    new.client(5)
    new.tell(5, Watch(topics=["jobs"]))
    assert new.job(5).progress == progress


def test_queued_tasks_are_counted(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=5)
    script.tick(1)
    progress = script.job(1).progress
    assert (progress.tasks_queued, progress.tasks_in_flight) == (3, 2)
    script.deliver(11, 0)
    script.tick(1)
    assert script.job(1).progress.tasks_queued == 2


def test_what_a_cancelled_job_left_undone_is_not_counted_as_queued(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=5)
    script.client(5)
    script.tell(5, Control(job, Verb.CANCEL))
    script.tick(1)
    progress = script.job(1).progress
    assert (progress.tasks_queued, progress.tasks_in_flight, progress.chunks_sent) == (0, 0, 5)
    for one in (script, script.restarted(epoch=2)):
        one.client(6)
        one.tell(6, Watch(job))
        assert one.said(6, Job)[-1].progress.tasks_queued == 0


# ── uploads that stop ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_upload_that_stopped_gives_its_room_back_and_the_same_key_goes_on(script: Script) -> None:
    job = script.submit(chunks=2, end=False)
    script.leave(1)
    script.tick(UPLOAD_S - 1)
    assert FreeJob(job) not in script.commands
    script.tick(2)
    assert FreeJob(job) in script.commands
    assert not script.spool
    assert script.dispatcher.cluster.jobs[job].code == "source-needed"
    script.worker(11)
    script.client(2)
    assert script.submit(2, chunks=2) == job
    assert script.said(2, Job)[0].have == [b""]
    assert script.tasks(11) == [0, 1]


def test_stored_tasks_survive_the_expiry_of_their_upload(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1, end=False)
    script.deliver(11)
    script.leave(1)
    script.leave(11)
    script.tick(UPLOAD_S + 1)
    assert FreeJob(job) in script.commands
    script.worker(12)
    script.client(2)
    script.tell(2, script.submission())
    for index in range(2):
        script.chunk(2, job, index)
    script.tick(1)
    assert script.tasks(12) == [1]
    assert script.job(2).progress.frames_done == 10


def test_uploads_that_go_on_or_are_whole_do_not_expire(script: Script) -> None:
    script.submit(1, chunks=1, key="a")
    script.client(2)
    script.submit(2, chunks=1, key="b", end=False)
    script.leave(1)
    script.tick(UPLOAD_S + 1)
    assert not [one for one in script.commands if isinstance(one, FreeJob)]


def test_a_silent_client_keeps_nobody_out_who_needs_room(script: Script) -> None:
    script.tick(room=5000)
    job = script.submit(chunks=1, end=False)
    script.tick(UPLOAD_S + 1, room=5000)
    assert script.closed(1) == ["silent"]
    assert FreeJob(job) in script.commands


def test_who_holds_more_than_a_share_and_gets_nothing_done_gives_it_back(script: Script) -> None:
    greedy = script.submit(1, chunks=4, key="a", end=False)  # there is no worker for it
    script.tick(room=0)
    script.client(2)
    script.submit(2, chunks=0, key="b", end=False)
    script.tick(UPLOAD_S + 1, room=0)
    assert (script.closed(1), script.closed(2)) == (["silent"], [])
    assert FreeJob(greedy) in script.commands
    script.client(3)
    assert script.submit(3, chunks=0, key="a", end=False) == greedy
    script.chunk(3, greedy, 0)
    script.tick(room=3000)
    assert script.job(3).send_window_bytes == 1000, "half of 4000 is its share, of which it holds 1000"


def test_room_is_not_shared_with_a_client_that_was_sent_away(script: Script) -> None:
    paused = script.submit(1, chunks=4, key="a", end=False)
    script.tell(1, Control(paused, "pause"))
    script.tick(room=0)
    script.client(2)
    other = script.submit(2, chunks=0, key="b", end=False)
    script.tick(UPLOAD_S + 1, room=0)
    assert script.closed(1) == ["silent"]
    assert [job.id for job in script.dispatcher.cluster.uploads.jobs] == [other]


def test_who_waits_for_a_worker_takes_no_scarce_room_from_those_who_do_not(script: Script) -> None:
    """Its chunks were given up for others; it would take their room again at once."""
    script.worker(11, filters=("blur",))
    waiting = script.submit(1, chunks=0, key="a", end=False, filters=("edges",))
    script.chunk(1, waiting, 0)
    script.tick(room=3000)
    assert (script.job(1).code, script.job(1).send_window_bytes) == ("no-worker", 3000), "nobody else wants it"
    script.client(2)
    other = script.submit(2, chunks=0, key="b", end=False)
    script.chunk(1, waiting, 1)
    script.chunk(2, other, 0)
    script.tick(room=3000)
    assert (script.job(1).send_window_bytes, script.job(2).send_window_bytes) == (0, 2000), "half of 6000 each"
    script.tick(room=ROOM)
    assert script.job(1).send_window_bytes > 0, "there is enough for all"
    script.chunk(1, waiting, 2)
    script.worker(12, filters=("edges",))
    script.tick(room=6000)
    assert script.job(1).send_window_bytes == 2000, "half of 10000, of which it holds 3000"


def test_who_waits_for_a_worker_gets_room_when_one_comes_though_the_aggregators_word_is_awaited(script: Script) -> None:
    """A job of which something is on its way to the aggregator waits for nobody, and is concerned all the same."""
    script.worker(11, filters=("blur",))
    script.worker(12, filters=("edges",))
    waiting = script.submit(1, chunks=1, key="a", end=False, filters=("edges",))
    script.client(2)
    other = script.submit(2, chunks=0, key="b", end=False)
    script.chunk(2, other, 0)
    script.tell(12, Released(script.said(12, Task)[-1].lease, "stored"))
    script.leave(12)
    script.chunk(1, waiting, 1)
    script.tick(room=3000)
    assert script.job(1).send_window_bytes == 0
    script.worker(13, filters=("grayscale",))
    script.tick(room=6000)
    assert script.job(1).send_window_bytes == 0
    script.worker(14, filters=("edges",))
    script.tick(0.5, room=6000)
    assert script.job(1).send_window_bytes > 0


def test_a_paused_upload_takes_no_scarce_room(script: Script) -> None:
    script.worker(11)
    job = script.submit(1, chunks=0, key="a", end=False)
    script.client(2)
    other = script.submit(2, chunks=0, key="b", end=False)
    script.tell(1, Control(job, "pause"))
    script.chunk(1, job, 0)
    script.chunk(2, other, 0)
    script.tick(room=3000)
    assert (script.job(1).send_window_bytes, script.job(2).send_window_bytes) == (0, 1500)


def test_an_upload_says_that_nobody_can_work_on_it_before_its_first_chunk(script: Script) -> None:
    script.worker(11, filters=("blur",))
    script.submit(1, chunks=0, end=False, filters=("edges",))
    script.tick(1)
    assert script.job(1).code == "no-worker"
    assert "'edges'" in script.job(1).reason


def test_time_in_which_the_middleware_was_stopped_or_gone_expires_no_upload(script: Script) -> None:
    job = script.submit(chunks=1, end=False)
    script.leave(1)
    script.tick(UPLOAD_S - 5)
    script.jump(60)
    script.tick(1)
    assert FreeJob(job) not in script.commands
    new = script.restarted(epoch=2)
    new.tick(UPLOAD_S - 5)
    assert FreeJob(job) not in new.commands
    new.tick(6)
    assert FreeJob(job) in new.commands


# ── edited sources ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_source_edited_since_its_upload_was_interrupted_is_told(script: Script) -> None:
    script.worker(11)
    old = script.submit(chunks=1, end=False, key="a", fingerprint="1")
    script.deliver(11)
    script.leave(1)
    script.client(2)
    new = script.submit(2, chunks=1, key="b", fingerprint="2")
    assert new != old
    (told,) = script.said(2, Event)
    assert (told.kind, told.job) == ("source-edited", old)
    assert f"python -m client.jobs cancel {old} ends it" in told.text
    script.tick(1)
    job = script.dispatcher.cluster.open[old]
    assert (job.code, new in job.reason) == ("source-edited", True)
    assert script.restarted(epoch=2).dispatcher.cluster.open[old].upload.edited_as == new
    script.client(3)
    assert script.submit(3, chunks=1, end=False, key="a", fingerprint="1") == old
    assert not script.said(3, Event)  # the edited one is whole
    assert script.dispatcher.cluster.open[old].upload.edited_as == ""


def test_a_whole_upload_and_one_with_a_client_are_not_called_edited(script: Script) -> None:
    script.submit(chunks=1, key="a", fingerprint="1")
    script.leave(1)
    script.client(2)
    script.submit(2, chunks=1, end=False, key="b", fingerprint="2")
    script.client(3)
    script.submit(3, chunks=1, key="c", fingerprint="3")
    assert not script.said(2, Event)
    assert not script.said(3, Event)


def test_a_thousand_jobs_of_the_past_take_little_memory(script: Script) -> None:
    """Of a film's facts, the packets of its other streams among them, next to nothing stays in memory."""
    script.worker(11)

    def job(number: int) -> None:
        submission = script.submission(("blur",), key=str(number), fingerprint=str(number))
        facts = {"template": b"\x1aE\xdf\xa3" + bytes(2000), "template_format": "matroska", "name": "x"}
        submission.source["splice"] = {"passthrough": [dict(facts) for _ in range(4)]}
        script.tell(1, submission)
        script.chunk(1, script.job(1).job, 0)
        script.tell(1, End(script.job(1).job, [1]))
        script.hold(script.job(1).job, b"")
        script.tick()
        script.deliver(11)
        script.finish()
        script.tick(0.2)
        assert script.job(1).state == "done"
        script.commands.clear()
        script.jobs.clear()

    job(0)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(1, 41):
        job(number)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown / 40 < 8000, f"{grown / 40:.0f} bytes a job"
